/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_kernel.h. Each program on each processor is a fiber, so that the runs of two programs on one processor may be
 * within each other in any way; the kernel only allows some of those. A program is never within itself: that run is
 * skipped, and counted as missed.
 */
#include "sim_kernel.h"

#include <stdio.h>
#include <string.h>

#include "sim_agent.h"
#include "sim_journal.h"
#include "sim_points.h"
#include "sim_random.h"
#include "sim_scheduler.h"
#include "sim_truth.h"

#define STOLEN_MOST_NS (20 * NS_PER_MS) /* as a hypervisor does it */

static void program_point(void);
#define sim_point() program_point()

#define MUSTER_KERNEL_TYPES_H /* few_bpf/bpf/bpf_helpers.h has what of it is used */
#include "sensor_linux/account.h"
#include "sensor_linux/bpf/emit.h"

struct sensor_ring_map ring;
struct sensor_cpus_map cpus;
struct sensor_control control;

/* What a program has on its stack. */
struct processor {
    unsigned cpu;
    unsigned program;
    struct fiber *fiber;
    struct sim_random random;
    uint64_t sequence;   /* of the event under way; 0: none, or not yet known */
    uint64_t room_asked; /* what the ring said last, when it was asked how full it is */
    bool tries_whole;    /* a start, which may come again as a skeleton */
    bool refused;        /* the ring had no room for that */
};

static struct machine {
    struct plan plan;
    struct sim_ring ring;
    struct sensor_cpu cpus[PLAN_CPUS_MOST];
    struct processor processors[PLAN_CPUS_MOST * SIM_PROGRAM_COUNT];
    struct journal journal;
    int64_t clock_offset_ns;
    uint64_t missed[SIM_PROGRAM_COUNT];
    uint64_t began_ns;
    unsigned events;
    unsigned running;
    bool attached, detached, ended;
    struct fiber *waits_for_end;
    void (*wake)(void);
    unsigned wake_later;
    union {
        struct muster_record record;
        struct muster_process_start start;
        struct muster_process_exit exit;
        struct muster_process_fork fork;
        unsigned char bytes[64U * 1024U];
    } scratch[PLAN_CPUS_MOST * SIM_PROGRAM_COUNT];
} kernel;

/* NULL: somebody else runs. */
static struct processor *processor_if_current(void)
{
    for (unsigned i = 0; i < PLAN_CPUS_MOST * SIM_PROGRAM_COUNT; i++)
        if (kernel.processors[i].fiber && kernel.processors[i].fiber == fiber_current())
            return &kernel.processors[i];
    return NULL;
}

static struct processor *processor_current(void)
{
    struct processor *processor = processor_if_current();

    if (!processor)
        sim_fail("a BPF helper is called by somebody else");
    return processor;
}

/* What is behind a record that is not finished comes late, too. */
static void program_point(void)
{
    struct processor *processor = kernel.plan.stolen_per_mille ? processor_if_current() : NULL;

    (sim_point)();
    if (processor && processor->sequence && random_chance(&processor->random, kernel.plan.stolen_per_mille)) {
        const uint64_t duration_ns = random_magnitude(&processor->random, STOLEN_MOST_NS);

        coverage.stolen++;
        truth_excuse(sim_now_ns() + duration_ns);
        fiber_sleep(duration_ns);
    }
}

/* ---- helpers of BPF ---------------------------------------------------------------------------------------- */

__u32 bpf_get_smp_processor_id(void)
{
    return processor_current()->cpu;
}

__u64 bpf_ktime_get_boot_ns(void)
{
    return sim_now_ns();
}

void *bpf_map_lookup_elem(void *map, const void *key)
{
    (void)map;
    return &kernel.cpus[*(const __u32 *)key];
}

__u64 bpf_ringbuf_query(void *ring_map, __u64 what)
{
    uint64_t consumer;

    (void)ring_map;
    sim_point();
    switch (what) {
    case BPF_RB_AVAIL_DATA:
        consumer = kernel.ring.consumer_position;
        processor_current()->room_asked = kernel.ring.producer_position - consumer;
        return processor_current()->room_asked;
    case BPF_RB_RING_SIZE:
        return kernel.ring.size_bytes;
    case BPF_RB_CONS_POS:
        return kernel.ring.consumer_position;
    default:
        return kernel.ring.producer_position;
    }
}

long bpf_ringbuf_reserve_dynptr(void *ring_map, __u32 size_bytes, __u64 flags, struct bpf_dynptr *ret_room)
{
    struct processor *processor = processor_current();

    (void)ring_map;
    (void)flags;
    sim_point();
    ret_room->data = sim_ring_reserve(&kernel.ring, size_bytes, &ret_room->position);
    if (!ret_room->data) {
        processor->refused = true;
        if (!processor->tries_whole)
            truth_lost(processor->sequence, LINE_RING_FULL);
        return -1;
    }
    truth_reserved(processor->sequence, kernel.ring.producer_position);
    sim_point();
    return 0;
}

/* In two parts: a reader may look between them. */
long bpf_dynptr_write(const struct bpf_dynptr *room, __u32 offset, void *bytes, __u32 size_bytes, __u64 flags)
{
    const __u32 half = size_bytes / 2;

    (void)flags;
    memcpy(room->data + offset, bytes, half);
    sim_point();
    memcpy(room->data + offset + half, (const unsigned char *)bytes + half, size_bytes - half);
    return 0;
}

static void wakes_later(void *context)
{
    (void)context;
    fiber_sleep(1 + 50 * NS_PER_US);
    kernel.wake_later--;
    if (kernel.wake) /* whoever waited for it may be dead */
        kernel.wake();
}

void bpf_ringbuf_submit_dynptr(struct bpf_dynptr *room, __u64 flags)
{
    struct processor *processor = processor_current();
    const struct muster_record *record = (const void *)room->data;

    sim_point();
    sim_ring_commit(&kernel.ring, room->position, false);
    truth_submitted(processor->sequence, record->version != 0);
    journal_note("submitted", processor->sequence, flags);
    sim_point();
    if (!(flags & BPF_RB_FORCE_WAKEUP) || !kernel.wake)
        return;
    if (random_chance(&processor->random, 700) || kernel.wake_later > 4) {
        kernel.wake();
    } else {
        kernel.wake_later++;
        (void)fiber_start("wake-up", GROUP_WORLD, 4, wakes_later, NULL);
    }
}

/* Of what had no room. */
void bpf_ringbuf_discard_dynptr(struct bpf_dynptr *room, __u64 flags)
{
    (void)flags;
    if (room->data)
        sim_ring_commit(&kernel.ring, room->position, true);
}

/* ---- the programs ------------------------------------------------------------------------------------------------ */

static const struct plan_phase *phase_now(void)
{
    uint64_t end_ns = kernel.began_ns;

    for (unsigned i = 0; i < kernel.plan.phase_count; i++) {
        end_ns += kernel.plan.phases[i].duration_ns;
        if (sim_now_ns() < end_ns)
            return &kernel.plan.phases[i];
    }
    return NULL;
}

static uint32_t text_choose(struct processor *processor)
{
    const struct plan *plan = &kernel.plan;
    const struct plan_phase *phase = phase_now();
    uint32_t most = plan->text_most_bytes;

    if (!phase || phase->calm)
        return (uint32_t)random_magnitude(&processor->random,
                                          most < plan->ring_bytes / 32 ? most : plan->ring_bytes / 32);
    if (random_chance(&processor->random, plan->huge_per_mille))
        most = MUSTER_ARGS_MAX_BYTES - 16;
    return (uint32_t)random_magnitude(&processor->random, most);
}

/* Of a text of which nothing is kept, `bytes` is NULL. */
static unsigned char *text_put(unsigned char *at, unsigned field, const char *bytes, uint32_t full_bytes)
{
    const uint32_t size_bytes = bytes ? full_bytes : 0;
    const struct muster_text_header header = {
        .field = (uint16_t)field, .size_bytes = size_bytes, .head_bytes = size_bytes, .full_bytes = full_bytes};
    const uint32_t padded = (size_bytes + 7U) & ~7U;

    memcpy(at, &header, sizeof(header));
    memset(at + sizeof(header), 0, padded);
    if (bytes)
        memcpy(at + sizeof(header), bytes, size_bytes);
    return at + sizeof(header) + padded;
}

static void process_put(struct muster_process *process, const struct event *event)
{
    *process = (struct muster_process){
        .pid = event->pid,
        .tid = event->pid,
        .start_ns = event->start_ns,
        .parent_pid = 1,
        .user_id = event->wanted ? SIM_USER_WANTED : SIM_USER_UNWANTED,
    };
}

/* "/bin/123" and, of a start, one argument, or of a skeleton its length. Returns the size. */
static uint32_t texts_put(struct muster_record *record, const struct event *event, bool whole)
{
    static char letters[MUSTER_ARGS_MAX_BYTES];
    unsigned char *at = (unsigned char *)record + record->fixed_bytes;
    char path[32];

    record->valid =
        MUSTER_FIELD_BIT(MUSTER_FIELD_PID) | MUSTER_FIELD_BIT(MUSTER_FIELD_START) | MUSTER_FIELD_BIT(MUSTER_FIELD_USER);
    if (record->type == MUSTER_EVENT_PROCESS_START) {
        snprintf(path, sizeof(path), "/bin/%u", event->pid);
        at = text_put(at, MUSTER_FIELD_EXECUTABLE, path, (uint32_t)strlen(path));
        memset(letters, 'a' + (int)(event->pid / 4 % 26), event->text_bytes);
        letters[event->text_bytes] = '\0';
        at = text_put(at, MUSTER_FIELD_ARGS, whole ? letters : NULL, event->text_bytes + 1);
        record->valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_EXECUTABLE) | MUSTER_FIELD_BIT(MUSTER_FIELD_ARGS);
        record->text_count = 2;
        record->flags = whole ? 0 : MUSTER_RECORD_SKELETON;
    }
    record->size_bytes = (uint32_t)(at - (unsigned char *)record);
    return record->size_bytes;
}

static uint32_t fixed_bytes_of(unsigned type)
{
    return type == MUSTER_EVENT_PROCESS_START  ? sizeof(struct muster_process_start)
           : type == MUSTER_EVENT_PROCESS_EXIT ? sizeof(struct muster_process_exit)
                                               : sizeof(struct muster_process_fork);
}

/* What emit.h leaves to the programs: who it was. */
static uint32_t record_make(struct processor *processor, const struct birth *birth, const struct event *event,
                            bool whole)
{
    struct muster_process_fork *made = &kernel.scratch[processor - kernel.processors].fork;

    memset(made, 0, fixed_bytes_of(event->type));
    record_begin(&made->record, event->type, fixed_bytes_of(event->type), birth);
    process_put(&made->process, event);
    return texts_put(&made->record, event, whole);
}

/* Exits and forks leave the rest of the ring to what is above them: what the README promises, in its own words. */
static bool should_shed(const struct processor *processor, unsigned type)
{
    const uint64_t sixteenths = type == MUSTER_EVENT_PROCESS_EXIT ? 12 : 8;

    return processor->room_asked * 16 > kernel.ring.size_bytes * sixteenths;
}

static bool shed(struct processor *processor, const struct event *event, struct birth *birth)
{
    struct ring_state state;
    bool sheds;

    ring_look(&state);
    sheds = ring_sheds(&state, event->type == MUSTER_EVENT_PROCESS_EXIT ? MUSTER_SHARE_EXIT : MUSTER_SHARE_FORK);
    if (sheds != should_shed(processor, event->type))
        sim_fail("an event of type %u is %s with %llu of %zu bytes in the ring", event->type, sheds ? "shed" : "kept",
                 (unsigned long long)processor->room_asked, kernel.ring.size_bytes);
    if (!sheds)
        return false;
    truth_lost(processor->sequence, LINE_CLASS_SHED);
    event_shed(birth, SENSOR_CLASS_SHED);
    return true;
}

static void record_spoil(struct processor *processor, bool spoil)
{
    if (spoil)
        kernel.scratch[processor - kernel.processors].record.version = 0;
}

/* Whole below 13 sixteenths of the ring, its own bytes counted, and a skeleton above or where that has no place. */
static bool should_be_whole(const struct processor *processor, uint32_t size_bytes)
{
    return (processor->room_asked + size_bytes) * 16 <= kernel.ring.size_bytes * 13 && !processor->refused;
}

static bool start_is_put_whole(struct processor *processor, const struct birth *birth, const struct event *event,
                               bool spoil)
{
    struct ring_state state;
    uint64_t room;
    uint32_t size_bytes;
    bool put;

    ring_look(&state);
    room = start_room(&state);
    size_bytes = record_make(processor, birth, event, true);
    record_spoil(processor, spoil);
    processor->refused = false;
    processor->tries_whole = true;
    put = room && start_put_whole(&kernel.scratch[processor - kernel.processors], size_bytes, room);
    processor->tries_whole = false;
    if (put != should_be_whole(processor, size_bytes))
        sim_fail("a start of %u bytes is %s with %llu of %zu bytes in the ring", size_bytes,
                 put ? "whole" : "a skeleton", (unsigned long long)processor->room_asked, kernel.ring.size_bytes);
    return put;
}

static void start_run(struct processor *processor, struct birth *birth, const struct event *event, bool spoil)
{
    uint32_t size_bytes;

    if (start_is_put_whole(processor, birth, event, spoil)) {
        event_done(birth);
        return;
    }
    truth_degraded(birth->sequence);
    size_bytes = record_make(processor, birth, event, false);
    record_spoil(processor, spoil);
    event_submit(birth, &kernel.scratch[processor - kernel.processors], size_bytes);
}

static void program_run(struct processor *processor, struct event *event)
{
    struct birth birth;
    uint32_t size_bytes;
    bool spoil;

    if (!event_birth(event->type, &birth)) {
        if (!(control.sequence & SENSOR_CLOSED_BIT))
            sim_fail("a processor without a slot");
        return;
    }
    event->time_ns = birth.time_ns;
    event->start_ns = event->start_ns ? event->start_ns : birth.time_ns;
    processor->sequence = birth.sequence;
    truth_numbered(birth.sequence, event);
    if (!event->wanted && kernel.plan.filter == FILTER_IN_KERNEL) {
        truth_filtered(birth.sequence);
        event_filtered(&birth);
        return;
    }
    if (event->type != MUSTER_EVENT_PROCESS_START && shed(processor, event, &birth))
        return;
    spoil = random_chance(&processor->random, kernel.plan.invalid_per_mille);
    if (event->type == MUSTER_EVENT_PROCESS_START) {
        start_run(processor, &birth, event, spoil);
        return;
    }
    size_bytes = record_make(processor, &birth, event, true);
    record_spoil(processor, spoil);
    event_submit(&birth, &kernel.scratch[processor - kernel.processors], size_bytes);
}

/* Numbers of processes are multiples of 4, as on Windows. An exit is of a process that nobody else is. */
static void event_make(struct processor *processor, struct event *ret_event)
{
    *ret_event = (struct event){
        .type = (uint8_t)(processor->program + 1),
        .pid = 4 * ++kernel.events,
        .wanted =
            kernel.plan.filter == FILTER_NONE || !random_chance(&processor->random, 10 * kernel.plan.unwanted_percent),
        .text_bytes = text_choose(processor),
    };
}

static unsigned share_percent(unsigned program)
{
    const struct plan *plan = &kernel.plan;
    const unsigned shares[SIM_PROGRAM_COUNT] = {plan->start_percent, plan->exit_percent,
                                                100 - plan->start_percent - plan->exit_percent};
    return shares[program];
}

static void something_happens(struct processor *processor)
{
    struct event event;

    if (!kernel.attached || kernel.detached ||
        !random_chance(&processor->random, 10 * share_percent(processor->program)))
        return;
    if (random_chance(&processor->random, kernel.plan.missed_per_mille)) {
        kernel.missed[processor->program]++;
        truth_missed(processor->program + 1);
        return;
    }
    kernel.running++;
    event_make(processor, &event);
    program_run(processor, &event);
    processor->sequence = 0;
    if (--kernel.running == 0)
        fiber_wake(kernel.waits_for_end);
}

static void processor_runs(void *context)
{
    struct processor *processor = context;
    const struct plan_phase *phase;

    while (!kernel.ended && (phase = phase_now()) != NULL && kernel.events < kernel.plan.events_most) {
        if (phase->gap_most_ns == NEVER) {
            fiber_sleep(50 * NS_PER_MS);
            continue;
        }
        if (phase->beat_ns)
            fiber_sleep(phase->beat_ns - (sim_now_ns() - kernel.began_ns) % phase->beat_ns);
        fiber_sleep(1 + random_below(&processor->random, phase->gap_most_ns + 1));
        something_happens(processor);
        sim_point();
    }
}

/* ---- life
 * ------------------------------------------------------------------------------------------------------------ */

static void processor_start(unsigned cpu, unsigned program)
{
    static const char *const names[SIM_PROGRAM_COUNT][PLAN_CPUS_MOST] = {
        {"start/0", "start/1", "start/2", "start/3"},
        {"exit/0", "exit/1", "exit/2", "exit/3"},
        {"fork/0", "fork/1", "fork/2", "fork/3"},
    };
    struct processor *processor = &kernel.processors[cpu * SIM_PROGRAM_COUNT + program];

    *processor = (struct processor){.cpu = cpu, .program = program};
    processor->random.state = kernel.plan.seed * 1000003 + cpu * SIM_PROGRAM_COUNT + program;
    processor->fiber =
        fiber_start(names[program][cpu], GROUP_KERNEL, kernel.plan.kernel_weight, processor_runs, processor);
}

void kernel_begin(const struct plan *plan)
{
    memset(&kernel, 0, offsetof(struct machine, scratch));
    kernel.plan = *plan;
    memset(&control, 0, sizeof(control));
    control.wake_at = SENSOR_AWAKE;
    sim_ring_begin(&kernel.ring, plan->ring_bytes, plan->ring_looks_at_pending, plan->ring_position);
    truth_ring_begins(plan->ring_position);
    account_journal_begin(&kernel.journal, 0);
}

void kernel_attach(bool forks)
{
    truth_attached();
    kernel.attached = true;
    kernel.began_ns = sim_now_ns();
    for (unsigned cpu = 0; cpu < kernel.plan.cpu_count; cpu++)
        for (unsigned program = 0; program < (forks ? 3U : 2U); program++)
            processor_start(cpu, program);
}

static void programs_wait(void)
{
    kernel.waits_for_end = fiber_current();
    while (kernel.running > 0)
        (void)fiber_wait(NEVER);
    kernel.waits_for_end = NULL;
}

void kernel_detach(void)
{
    if (kernel.detached)
        return;
    kernel.detached = true;
    journal_note("detached", kernel.running, 0);
    programs_wait();
}

void kernel_close(void)
{
    (void)__atomic_fetch_or(&control.sequence, SENSOR_CLOSED_BIT, __ATOMIC_SEQ_CST);
    kernel_detach();
}

struct journal *kernel_journal(void)
{
    return &kernel.journal;
}

int64_t *kernel_clock_offset(void)
{
    return &kernel.clock_offset_ns;
}

struct sim_ring *kernel_ring(void)
{
    return &kernel.ring;
}

struct sensor_control *kernel_control(void)
{
    return &control;
}

struct sensor_cpu *kernel_cpus(void)
{
    return kernel.cpus;
}

unsigned kernel_cpu_count(void)
{
    return kernel.plan.cpu_count;
}

uint64_t kernel_missed(unsigned program)
{
    return kernel.missed[program];
}

void kernel_wakes(void (*wake)(void))
{
    kernel.wake = wake;
}

void kernel_end(void)
{
    kernel.ended = true;
}
