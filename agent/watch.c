/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.h: puts sensor, queue, cache, sink, pump and capture together, in this order, and takes
 * them apart in reverse.
 */
#include "watch.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "capture.h"
#include "host.h"
#include "report.h"
#include "status_record.h"

/* The queue holds at most what the ring holds, since the ring keeps it until it is acknowledged;
 * its blocks waste less than half. */
#define QUEUE_BUDGET(ring_bytes) (2 * (ring_bytes) + (1U << 20))

struct watch {
    const struct watch_options *options;
    struct host host;
    struct muster_stream stream;
    struct output_file output;
    struct muster_sensor *sensor;
    union muster_queue_storage queue_storage;
    union muster_cache_storage cache_storage;
    struct muster_queue *queue;
    struct muster_cache *cache;
    struct pump pump;
    struct capture capture;
};

/* One a process: it holds locks, so it must not move, and the stack would be a poor place. */
static struct watch the_watch;

static bool sensor_failed(const struct muster_sensor_error *error)
{
    report("%s: %s", error->what, strerror(error->error));
    report("%s", error->advice);
    return false;
}

static bool sensor_open(struct watch *watch)
{
    struct muster_sensor_options options = {.ring_bytes = watch->options->buffer_bytes, .forks = watch->options->forks};
    struct muster_sensor_error error;

    return muster_sensor_open(&options, &watch->sensor, &error) || sensor_failed(&error);
}

static bool queue_open(struct watch *watch)
{
    struct muster_queue_config config = {
        .epoch = watch->stream.epoch,
        .budget_bytes = QUEUE_BUDGET(watch->options->buffer_bytes),
        /* The ring has shed by class already; what it kept is not shed again. */
        .class_share = {MUSTER_SHARE_UNIT, MUSTER_SHARE_UNIT, MUSTER_SHARE_UNIT, MUSTER_SHARE_UNIT, MUSTER_SHARE_UNIT},
        .numbered_upstream = true,
        .stage = MUSTER_STAGE_AGENT_QUEUE,
    };
    enum muster_status status = muster_queue_init(&watch->queue_storage, &config, &watch->queue);

    if (status == MUSTER_OK)
        status = muster_cache_init(&watch->cache_storage, &watch->cache);
    if (status != MUSTER_OK)
        report("cannot make the queue: %s", muster_status_text(status));
    return status == MUSTER_OK;
}

static bool sink_open(struct watch *watch)
{
    struct muster_sink_options options = {.stream = &watch->stream, .color = watch->options->color};
    bool known;

    if (!output_file_open(&watch->output, watch->options->output)) {
        report("cannot open %s: %s", watch->output.name, strerror(errno));
        return false;
    }
    options.target = output_file_target(&watch->output);
    watch->pump.sink = muster_sink_create(watch->options->format, &options, &known);
    if (!watch->pump.sink)
        report("cannot make the output: %s", muster_status_text(MUSTER_NO_MEMORY));
    return watch->pump.sink != NULL;
}

static bool threads_open(struct watch *watch)
{
    struct pump *pump = &watch->pump;
    struct capture *capture = &watch->capture;

    pump->queue = watch->queue;
    pump->cache = watch->cache;
    pump->stream = &watch->stream;
    pump->sensor = watch->sensor;
    pump->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    *capture = (struct capture){
        .sensor = watch->sensor,
        .queue = watch->queue,
        .pump = pump,
        .output = &watch->output,
        .epoch = watch->stream.epoch,
        .duration_ms = watch->options->duration_ms,
        .signal_fd = -1,
    };
    if (capture_init(capture) && pump_start(pump))
        return true;
    report("cannot start: %s", strerror(errno));
    return false;
}

/* Events are numbered from here on; sensor-started stands before them all. */
static bool attach(struct watch *watch)
{
    struct muster_ledger ledger = {.epoch = watch->stream.epoch};
    struct muster_sensor_status started;
    struct muster_sensor_error error;

    status_record_fill(&started, MUSTER_EVENT_SENSOR_STARTED, &ledger);
    if (!muster_sensor_attach(watch->sensor, &error))
        return sensor_failed(&error);
    return muster_queue_push_record(watch->queue, &started.record, 0) == MUSTER_OK;
}

static bool baseline_push(struct watch *watch)
{
    struct muster_sensor_error error;

    pump_wake(&watch->pump);
    return !watch->options->baseline ||
           muster_sensor_baseline(watch->sensor, capture_push_running, &watch->capture, &error) ||
           sensor_failed(&error);
}

static int loss_report(const struct watch *watch, const struct muster_ledger *ledger)
{
    char causes[256] = "";
    size_t used = 0;

    if (muster_ledger_dropped(ledger) == 0)
        return EXIT_DONE;
    for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++)
        if (ledger->dropped[cause] && used < sizeof(causes))
            used += (size_t)snprintf(causes + used, sizeof(causes) - used, "%s%s %" PRIu64, used ? ", " : "",
                                     muster_cause_name(cause), ledger->dropped[cause]);
    report("%" PRIu64 " of %" PRIu64 " events were lost (%s); the output says where. A larger --buffer helps",
           muster_ledger_dropped(ledger), ledger->produced, causes);
    return watch->options->fail_on_loss ? EXIT_LOSS : EXIT_DONE;
}

static int end_report(struct watch *watch, enum capture_end end)
{
    struct muster_ledger ledger;
    int error = __atomic_load_n(&watch->pump.error, __ATOMIC_ACQUIRE);

    capture_ledger(&watch->capture, &ledger);
    if (end == CAPTURE_STOPPED)
        return loss_report(watch, &ledger);
    if (end == CAPTURE_OUTPUT && error == EPIPE && watch->output.standard)
        return EXIT_DONE; /* the reader, such as head(1), has what it wanted */
    if (end == CAPTURE_OUTPUT) {
        output_file_cut(&watch->output, muster_sink_whole_bytes(watch->pump.sink));
        report("cannot write to %s: %s; %" PRIu64 " events were not delivered", watch->output.name, strerror(error),
               ledger.held);
        return EXIT_FAILED;
    }
    if (end == CAPTURE_ABANDONED)
        report("told to stop twice; gave up with %" PRIu64 " events held", ledger.held);
    else
        report("%s does not take anything; gave up with %" PRIu64 " events held", watch->output.name, ledger.held);
    return EXIT_FAILED;
}

/* Takes down what was put up. After a stall the pump's thread still hangs in its write, and with it
 * everything that it uses; the end of the process takes care of those. */
static void watch_close(struct watch *watch)
{
    capture_deinit(&watch->capture);
    muster_sink_destroy(watch->pump.sink);
    if (watch->cache)
        muster_cache_deinit(watch->cache);
    if (watch->queue)
        muster_queue_deinit(watch->queue);
    muster_sensor_close(watch->sensor);
    if (watch->pump.event_fd >= 0)
        close(watch->pump.event_fd);
}

static int watch_threads(struct watch *watch)
{
    bool begun = baseline_push(watch);
    enum capture_end end;
    int code;

    malloc_trim(0); /* loading took much more memory than running does */
    end = begun ? capture_run(&watch->capture) : capture_finish(&watch->capture);
    code = end_report(watch, end);
    if (!begun)
        code = EXIT_FAILED;
    if (end == CAPTURE_STALLED || end == CAPTURE_ABANDONED)
        _exit(code);
    pump_join(&watch->pump);
    if (!output_file_close(&watch->output)) {
        report("cannot write to %s: %s", watch->output.name, strerror(errno));
        code = EXIT_FAILED;
    }
    return code;
}

int watch_run(const struct watch_options *options)
{
    struct watch *watch = &the_watch;
    int code = EXIT_FAILED;

    capture_signals_keep();
    watch->options = options;
    watch->pump.event_fd = -1;
    watch->capture = (struct capture){.epoll_fd = -1, .signal_fd = -1, .timer_fd = -1};
    host_describe(&watch->host, &watch->stream);
    if (sensor_open(watch) && queue_open(watch) && sink_open(watch) && attach(watch) && threads_open(watch))
        code = watch_threads(watch);
    watch_close(watch);
    return code;
}
