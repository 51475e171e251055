/* SPDX-License-Identifier: Apache-2.0 */
/* origin_queue.h, against the simulated kernel's FAST_MUTEX. Struct assignments are Rust's moves. */
#include "tests/origin/origin_queue.h"

#include <ntifs.h>

#define TAG 0x6769724fUL /* `Orig` */

/* Vec: pointer, capacity, length. */
struct vector {
    void *pointer;
    size_t capacity;
    size_t length;
};

struct driver_messages {
    struct vector messages;
    struct vector process_creations;
};

struct origin_queue {
    FAST_MUTEX lock;
    BOOLEAN is_empty;
    struct driver_messages data;
    enum origin_variant variant; /* of the experiment, not of the question */
};

static struct driver_messages messages_default(void)
{
    const struct vector empty = {.pointer = (void *)8}; /* as an empty Vec has it: dangling, aligned */

    return (struct driver_messages){.messages = empty, .process_creations = empty};
}

/* `impl Default for DriverMessagesWithMutex`: the mutex is a local, and then part of what is returned. */
__attribute__((noinline)) static struct origin_queue queue_default(enum origin_variant variant)
{
    FAST_MUTEX mutex;

    ExInitializeFastMutex(&mutex);
    return (struct origin_queue){.lock = mutex, .is_empty = TRUE, .data = messages_default(), .variant = variant};
}

struct origin_queue *origin_queue_new(enum origin_variant variant)
{
    struct origin_queue *boxed = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *boxed, TAG);

    if (boxed == NULL)
        return NULL;
    *boxed = queue_default(variant);
    if (variant == ORIGIN_IN_PLACE)
        ExInitializeFastMutex(&boxed->lock);
    return boxed;
}

void origin_queue_free(struct origin_queue *queue)
{
    ExFreePoolWithTag(queue, TAG);
}

static void push(struct vector *vector)
{
    vector->length++;
}

void origin_add_message(struct origin_queue *queue)
{
    if (KeGetCurrentIrql() != PASSIVE_LEVEL)
        return;
    ExAcquireFastMutex(&queue->lock);
    queue->is_empty = FALSE;
    push(&queue->data.messages);
    ExReleaseFastMutex(&queue->lock);
}

/* mem::swap(&mut extracted, &mut self.data) */
static struct driver_messages swap_out(struct driver_messages *data)
{
    struct driver_messages extracted = messages_default();
    const struct driver_messages between = extracted;

    extracted = *data;
    *data = between;
    return extracted;
}

/* mem::take(&mut self.data), which is mem::replace(&mut self.data, Default::default()) */
static struct driver_messages take_out(struct driver_messages *data)
{
    const struct driver_messages taken = *data;

    *data = messages_default();
    return taken;
}

/* mem::take(self): the lock goes with the rest, and a new one, made in a local, takes its place. */
static struct driver_messages take_out_whole(struct origin_queue *queue)
{
    const struct origin_queue taken = *queue;

    *queue = queue_default(queue->variant);
    return taken.data;
}

static struct driver_messages extract(struct origin_queue *queue)
{
    switch (queue->variant) {
    case ORIGIN_TAKE:
        return take_out(&queue->data);
    case ORIGIN_TAKE_WHOLE:
        return take_out_whole(queue);
    default:
        return swap_out(&queue->data);
    }
}

bool origin_extract_all(struct origin_queue *queue, void (*inside)(void *context), void *context, size_t *ret_count)
{
    struct driver_messages extracted;

    if (KeGetCurrentIrql() != PASSIVE_LEVEL)
        return false;
    ExAcquireFastMutex(&queue->lock);
    if (queue->is_empty) {
        ExReleaseFastMutex(&queue->lock);
        return false;
    }
    if (inside != NULL)
        inside(context);
    extracted = extract(queue);
    queue->is_empty = TRUE;
    ExReleaseFastMutex(&queue->lock);
    *ret_count = extracted.messages.length;
    return true;
}

uintptr_t origin_list_head(const struct origin_queue *queue)
{
    return (uintptr_t)&queue->lock.Event.Header.WaitListHead;
}

uintptr_t origin_list_points_to(const struct origin_queue *queue)
{
    return (uintptr_t)queue->lock.Event.Header.WaitListHead.Flink;
}

unsigned origin_contention(const struct origin_queue *queue)
{
    return __atomic_load_n(&queue->lock.Contention, __ATOMIC_ACQUIRE);
}

static bool same(const void *left, const void *right, size_t bytes)
{
    return RtlCompareMemory(left, right, bytes) == bytes;
}

struct origin_comparison origin_compare_swap_and_take(void)
{
    struct origin_queue before, swapped, taken;
    struct driver_messages by_swap, by_take;

    RtlZeroMemory(&before, sizeof before);
    before = queue_default(ORIGIN_SWAP);
    for (unsigned i = 0; i < 5; i++)
        push(&before.data.messages);
    RtlCopyMemory(&swapped, &before, sizeof before);
    RtlCopyMemory(&taken, &before, sizeof before);
    by_swap = swap_out(&swapped.data);
    by_take = take_out(&taken.data);
    return (struct origin_comparison){
        .same_queue = same(&swapped, &taken, sizeof taken),
        .same_result = same(&by_swap, &by_take, sizeof by_take),
        .lock_untouched = same(&swapped.lock, &before.lock, sizeof before.lock) &&
                          same(&taken.lock, &before.lock, sizeof before.lock),
    };
}
