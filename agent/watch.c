/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.h: puts sensor, queue, cache, sink, pump and capture together, in this order, and takes
 * them apart in reverse.
 */
#include "watch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"
#include "host.h"
#include "report.h"
#include "status_record.h"
#include "words.h"

/* The queue holds at most what the sensor's buffer holds, since that keeps it until it is
 * acknowledged; its blocks waste less than half. */
#define QUEUE_BUDGET(buffer_bytes) (2 * (buffer_bytes) + (1U << 20))

struct watch {
    const struct watch_options *options;
    struct host host;
    struct muster_stream stream;
    struct output_file output;
    struct muster_sensor *sensor;
    struct wakeups *wakeups;
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
    return report_failure(error) == EXIT_DONE;
}

static bool sensor_open(struct watch *watch)
{
    struct muster_sensor_options options = {.buffer_bytes = watch->options->buffer_bytes,
                                            .forks = watch->options->forks,
                                            .filter = &watch->options->filter};
    struct muster_sensor_error error;

    if (!muster_sensor_open(&options, &watch->sensor, &error))
        return sensor_failed(&error);
    watch->stream.epoch = muster_sensor_epoch(watch->sensor);
    return true;
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

    watch->wakeups = wakeups_create(muster_sensor_wake_handle(watch->sensor), watch->options->duration_ms);
    pump->queue = watch->queue;
    pump->cache = watch->cache;
    pump->stream = &watch->stream;
    pump->sensor = watch->sensor;
    pump->filter = watch->options->filter.active ? &watch->options->filter : NULL;
    pump->wakeups = watch->wakeups;
    *capture = (struct capture){
        .sensor = watch->sensor,
        .queue = watch->queue,
        .pump = pump,
        .output = &watch->output,
        .wakeups = watch->wakeups,
    };
    if (watch->wakeups && pump_start(pump))
        return true;
    report("cannot start: %s", strerror(errno));
    return false;
}

/* Events are numbered from here on; sensor-started stands before them all, with what was numbered
 * before us. */
static bool attach(struct watch *watch)
{
    struct muster_ledger ledger;
    struct muster_sensor_status started;
    struct muster_sensor_error error;

    watch->capture.sensor = watch->sensor;
    watch->capture.queue = watch->queue;
    capture_ledger(&watch->capture, &ledger);
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

static int loss_report(const struct watch *watch)
{
    uint64_t losses[MUSTER_CAUSE_COUNT], total = 0;
    struct muster_ledger ledger;
    char causes[256] = "";
    size_t used = 0;

    capture_ledger(&watch->capture, &ledger);
    capture_losses(&watch->capture, losses);
    for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++) {
        total += losses[cause];
        if (losses[cause] && used < sizeof(causes))
            used += (size_t)snprintf(causes + used, sizeof(causes) - used, "%s%s %" PRIu64, used ? ", " : "",
                                     muster_cause_name(cause), losses[cause]);
    }
    if (total == 0)
        return EXIT_DONE;
    report("%" PRIu64 " of %" PRIu64 " events were lost (%s); the output says where. %s", total, ledger.produced,
           causes, words.loss_advice);
    return watch->options->fail_on_loss ? EXIT_LOSS : EXIT_DONE;
}

static int output_failed(struct watch *watch, int error)
{
    if (error == EPIPE && watch->output.standard)
        return EXIT_DONE; /* the reader, such as head(1), has what it wanted */
    output_file_cut(&watch->output, muster_sink_whole_bytes(watch->pump.sink));
    report("cannot write to %s: %s; %" PRIu64 " events were not delivered", watch->output.name, strerror(error),
           capture_undelivered(&watch->capture));
    return EXIT_FAILED;
}

static int end_report(struct watch *watch, enum capture_end end)
{
    switch (end) {
    case CAPTURE_STOPPED:
        return loss_report(watch);
    case CAPTURE_OUTPUT:
        return output_failed(watch, __atomic_load_n(&watch->pump.error, __ATOMIC_ACQUIRE));
    case CAPTURE_ABANDONED:
        report("told to stop twice; gave up with %" PRIu64 " events held", capture_undelivered(&watch->capture));
        return EXIT_FAILED;
    default:
        report("%s does not take anything; gave up with %" PRIu64 " events held", watch->output.name,
               capture_undelivered(&watch->capture));
        return EXIT_FAILED;
    }
}

/* Takes down what was put up. After a stall the pump's thread still hangs in its write, and with it
 * everything that it uses; the end of the process takes care of those. */
static void watch_close(struct watch *watch)
{
    muster_sink_destroy(watch->pump.sink);
    if (watch->cache)
        muster_cache_deinit(watch->cache);
    if (watch->queue)
        muster_queue_deinit(watch->queue);
    wakeups_destroy(watch->wakeups);
    muster_sensor_close(watch->sensor);
}

static int watch_threads(struct watch *watch)
{
    bool begun = baseline_push(watch);
    struct muster_sensor_error error;
    enum capture_end end;
    int code;

    host_memory_trim(); /* loading took much more memory than running does */
    end = begun ? capture_run(&watch->capture) : capture_finish(&watch->capture);
    code = end_report(watch, end);
    if (!muster_sensor_alive(watch->sensor, &error))
        begun = sensor_failed(&error);
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

    wakeups_stop_keep();
    watch->options = options;
    host_describe(&watch->host, &watch->stream);
    if (sensor_open(watch) && queue_open(watch) && sink_open(watch) && attach(watch) && threads_open(watch))
        code = watch_threads(watch);
    watch_close(watch);
    return code;
}
