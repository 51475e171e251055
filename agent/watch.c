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
#include "status_page.h"
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
    struct status_page *page;
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
                                            .args_max_bytes = watch->options->args_max_bytes,
                                            .filter = &watch->options->filter,
                                            .kept = watch->options->kept,
                                            .kept_epoch = watch->options->kept_epoch};
    struct muster_sensor_error error;

    if (!muster_sensor_open(&options, &watch->sensor, &error))
        return sensor_failed(&error);
    watch->stream.epoch = muster_sensor_epoch(watch->sensor);
    watch->stream.clock_offset_ns = muster_sensor_clock_offset(watch->sensor, watch->stream.clock_offset_ns);
    return true;
}

/* The ring has shed by class already; what it kept is not shed again. */
static bool output_open(struct watch *watch)
{
    const struct watch_options *options = watch->options;
    bool (*open)(struct output_file *, const char *) = options->output_open ? options->output_open : output_file_open;

    watch->pump.stream = &watch->stream;
    return pump_queue_open(&watch->pump, watch->stream.epoch, QUEUE_BUDGET(options->buffer_bytes)) &&
           pump_sink_open(&watch->pump, &watch->output, open(&watch->output, options->output), options->format,
                          options->color);
}

static bool threads_open(struct watch *watch)
{
    struct pump *pump = &watch->pump;
    struct capture *capture = &watch->capture;

    watch->page = status_page_create();
    watch->wakeups = wakeups_create(muster_sensor_wake_handle(watch->sensor), watch->options->duration_ms);
    pump->sensor = watch->sensor;
    pump->filter = watch->options->filter.active ? &watch->options->filter : NULL;
    pump->wakeups = watch->wakeups;
    pump->durable = watch->options->durable ? &watch->output : NULL;
    pump->frameless = !muster_sensor_accounts(watch->sensor);
    *capture = (struct capture){
        .sensor = watch->sensor,
        .queue = watch->pump.queue,
        .pump = pump,
        .output = &watch->output,
        .wakeups = watch->wakeups,
        .page = watch->page,
        .status_interval_ms = watch->options->status_interval_ms,
        .figures = {.pid = host_process_id(), .began_ns = host_now_ns()},
    };
    (void)snprintf(capture->figures.format, sizeof(capture->figures.format), "%s", watch->options->format);
    (void)snprintf(capture->figures.output, sizeof(capture->figures.output), "%s", watch->output.name);
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
    enum muster_status status;

    watch->capture.sensor = watch->sensor;
    watch->capture.queue = watch->pump.queue;
    capture_ledger(&watch->capture, &ledger);
    status_record_fill(&started, MUSTER_EVENT_SENSOR_STARTED, &ledger);
    if (!muster_sensor_attach(watch->sensor, &error))
        return sensor_failed(&error);
    if (!muster_sensor_accounts(watch->sensor))
        return true; /* nothing to begin with, and nothing to end with */
    status = muster_queue_push_record(watch->pump.queue, &started.record, 0);
    if (status != MUSTER_OK)
        report("cannot start: %s", muster_status_text(status));
    return status == MUSTER_OK;
}

/* Where an earlier agent told it, what came since is in the ring or was told as lost, so the processes are known. */
static bool baseline_is_due(const struct watch *watch)
{
    const struct watch_options *options = watch->options;

    return options->baseline && !options->drain &&
           (options->baseline_again || !muster_sensor_baseline_told(watch->sensor));
}

static bool baseline_push(struct watch *watch)
{
    struct muster_sensor_error error;

    pump_wake(&watch->pump);
    return !baseline_is_due(watch) ||
           muster_sensor_baseline(watch->sensor, capture_push_running, &watch->capture, &error) ||
           sensor_failed(&error);
}

/* Of as many as the last ledger in the output has: what has come since, where the kernel side goes on, is the next
 * run's. */
static int loss_report(const struct watch *watch)
{
    uint64_t losses[MUSTER_CAUSE_COUNT], total = 0;
    char causes[256] = "";
    size_t used = 0;

    capture_losses(&watch->capture, losses);
    for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++) {
        total += losses[cause];
        if (losses[cause] && used < sizeof(causes))
            used += (size_t)snprintf(causes + used, sizeof(causes) - used, "%s%s %" PRIu64, used ? ", " : "",
                                     muster_cause_name(cause), losses[cause]);
    }
    if (total == 0)
        return EXIT_DONE;
    report("%" PRIu64 " of %" PRIu64 " events were lost (%s); the output says where. %s", total,
           watch->pump.stopped.produced, causes, words.loss_advice);
    return watch->options->fail_on_loss ? EXIT_LOSS : EXIT_DONE;
}

static const char *held_where(const struct watch *watch)
{
    return watch->options->kept ? " in the kernel for the next run" : "";
}

static int output_failed(struct watch *watch, int error)
{
    if (error == EPIPE && watch->output.standard)
        return EXIT_DONE; /* the reader, such as head(1), has what it wanted */
    output_file_cut(&watch->output, muster_sink_whole_bytes(watch->pump.sink));
    report("cannot write to %s: %s; %" PRIu64 " events were not delivered%s%s", watch->output.name, strerror(error),
           capture_undelivered(&watch->capture), watch->options->kept ? ", and are held" : "", held_where(watch));
    return EXIT_FAILED;
}

static int end_report(struct watch *watch, enum capture_end end)
{
    switch (end) {
    case CAPTURE_STOPPED:
        muster_sensor_end_tell(watch->sensor);
        return loss_report(watch);
    case CAPTURE_OUTPUT:
        return output_failed(watch, __atomic_load_n(&watch->pump.error, __ATOMIC_ACQUIRE));
    case CAPTURE_ABANDONED:
        report("told to stop twice; gave up with %" PRIu64 " events held%s", capture_undelivered(&watch->capture),
               held_where(watch));
        return EXIT_FAILED;
    default:
        report("%s does not take anything; gave up with %" PRIu64 " events held%s", watch->output.name,
               capture_undelivered(&watch->capture), held_where(watch));
        return EXIT_FAILED;
    }
}

/* Takes down what was put up. After a stall the pump's thread still hangs in its write, and with it
 * everything that it uses; the end of the process takes care of those. */
static void watch_close(struct watch *watch)
{
    status_page_destroy(watch->page);
    pump_close(&watch->pump);
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
    if (watch->options->begun)
        watch->options->begun();
    end = begun && !watch->options->drain ? capture_run(&watch->capture) : capture_finish(&watch->capture);
    code = end_report(watch, end);
    if (!muster_sensor_alive(watch->sensor, &error))
        begun = sensor_failed(&error);
    if (!begun)
        code = EXIT_FAILED;
    if (end == CAPTURE_STALLED || end == CAPTURE_ABANDONED) {
        status_page_destroy(watch->page);
        _exit(code);
    }
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

    memset(watch, 0, sizeof(*watch));
    wakeups_stop_keep();
    watch->options = options;
    host_describe(&watch->host, &watch->stream);
    if (sensor_open(watch) && output_open(watch) && attach(watch) && threads_open(watch))
        code = watch_threads(watch);
    watch_close(watch);
    return code;
}

bool watch_was_stopped(void)
{
    return the_watch.capture.told_to_stop;
}
