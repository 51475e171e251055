/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver.h: making and freeing the live queue and the cache, in place, and the driver's own messages.
 * Called from DriverEntry and Unload; driver_tell from wherever there is something to tell.
 */
#include "driver_nt/driver.h"

#include "muster/identity.h"
#include "platform/nt_platform.h"
#include "platform/platform.h"

_Static_assert(_Alignof(struct driver) <= MEMORY_ALLOCATION_ALIGNMENT, "pool is aligned for it");

/*
 * Names this start of the driver: no two may be the same, on one machine or on two. It need not be
 * secret. So: a hash of times that no other start has, and of addresses that the loader drew by lot.
 * (The kernel's generator lives in cng.sys, an import that this is not worth.)
 */
static uint64_t epoch_choose(const struct driver *driver, uint64_t now_ns)
{
    uint64_t seed[2] = {now_ns, 0};
    uint8_t digest[MUSTER_ENTITY_ID_BYTES];
    uint64_t epoch;

    seed[1] = (uint64_t)(ULONG_PTR)driver ^ ((uint64_t)(ULONG_PTR)seed << 20);
    muster_entity_id((const uint8_t *)seed, (uint32_t)(ULONG_PTR)PsGetCurrentThreadId(), KeQueryInterruptTime(),
                     digest);
    muster_copy(&epoch, digest, sizeof epoch);
    return epoch != 0 ? epoch : 1;
}

static enum muster_status queue_and_cache_init(struct driver *driver)
{
    const struct muster_queue_config config = {
        .epoch = driver->epoch,
        .budget_bytes = DRIVER_BUDGET_BYTES,
        .skeleton_bytes = DRIVER_SKELETON_BYTES,
        .stage = MUSTER_STAGE_DRIVER_QUEUE,
    };
    enum muster_status status = muster_queue_init(&driver->queue_storage, &config, &driver->queue);

    if (status != MUSTER_OK)
        return status;
    status = muster_cache_init(&driver->cache_storage, &driver->cache);
    if (status != MUSTER_OK)
        muster_queue_deinit(driver->queue);
    return status;
}

NTSTATUS driver_create(struct driver **ret_driver)
{
    struct driver *driver = muster_platform_allocate(sizeof *driver);

    if (driver == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    muster_clear(driver, sizeof *driver);
    driver->started_ns = muster_nt_platform_time_ns();
    driver->epoch = epoch_choose(driver, driver->started_ns);
    if (queue_and_cache_init(driver) != MUSTER_OK) {
        muster_platform_free(driver, sizeof *driver);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    *ret_driver = driver;
    return STATUS_SUCCESS;
}

void driver_destroy(struct driver *driver)
{
    muster_cache_deinit(driver->cache);
    muster_queue_deinit(driver->queue);
    muster_platform_free(driver, sizeof *driver);
}

void driver_tell(struct driver *driver, const char *text)
{
    size_t length = 0;

    while (text[length] != '\0')
        length++;
    (void)muster_queue_push_message(driver->queue, muster_nt_platform_time_ns(), text, length);
    reader_wake(&driver->reader);
}
