/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io: the books' lock, and calls into the driver, which has to come back as it was called: the same IRQL,
 * the same locks, the same number of critical regions.
 */
#include "simulated_nt/io_internal.h"

static struct sim_host_lock io_lock;
struct sim_host_condition sim_io_changed;

void sim_io_lock(void)
{
    sim_own_begin();
    sim_host_lock_acquire(&io_lock);
}

void sim_io_unlock(void)
{
    sim_host_lock_release(&io_lock);
    sim_own_end();
}

bool sim_io_wait_until(uint64_t until_ns)
{
    return sim_host_condition_wait_until(&sim_io_changed, &io_lock, until_ns);
}

void sim_io_wait_for(struct sim_host_condition *condition)
{
    sim_host_condition_wait(condition, &io_lock);
}

bool sim_io_wait_for_until(struct sim_host_condition *condition, uint64_t until_ns)
{
    return sim_host_condition_wait_until(condition, &io_lock, until_ns);
}

void sim_call_begin(struct sim_call *call, const char *name, unsigned char previous_mode)
{
    struct sim_thread *self = sim_thread_self();

    *call = (struct sim_call){.name = name,
                              .irql = sim_irql(),
                              .lock_count = self->lock_count,
                              .critical_regions = self->critical_regions,
                              .previous_mode = self->previous_mode};
    self->previous_mode = previous_mode;
}

void sim_call_end(const struct sim_call *call)
{
    struct sim_thread *self = sim_thread_self();

    self->previous_mode = call->previous_mode;
    if (self->lock_count != call->lock_count)
        sim_broken(call->name, "came back with %u locks held, and was called with %u", self->lock_count,
                   call->lock_count);
    if (sim_irql() != call->irql)
        sim_broken(call->name, "came back at IRQL %u, and was called at %u", sim_irql(), call->irql);
    if (self->critical_regions != call->critical_regions)
        sim_broken(call->name, "came back inside %u critical regions, and was called inside %u", self->critical_regions,
                   call->critical_regions);
}
