/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status_print.h: Prometheus's text format, as of its exposition formats page: each metric once, with HELP and TYPE,
 * and then its samples of all sensors. Names follow its conventions: base units, _total for counters.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"
#include "muster/record.h"
#include "standard_streams.h"
#include "status_print.h"

#define SENSORS_AT_MOST 1024
#define NS_PER_S        1e9

struct status_prometheus {
    struct status_reading *readings;
    size_t count;
    char *text; /* while it is written */
    size_t text_bytes;
    FILE *out;
};

static const char *const stages[] = {"kernel", "queue", "sink"};

static const struct muster_ledger *ledger_of(const struct figures *figures, size_t stage)
{
    const struct muster_ledger *const ledgers[] = {&figures->kernel, &figures->queue, &figures->sink};

    return ledgers[stage];
}

struct status_prometheus *status_prometheus_begin(void)
{
    return calloc(1, sizeof(struct status_prometheus));
}

void status_prometheus_add(struct status_prometheus *prometheus, const struct status_reading *reading)
{
    struct status_reading *readings;

    if (prometheus->count == SENSORS_AT_MOST)
        return;
    readings = realloc(prometheus->readings, (prometheus->count + 1) * sizeof(*readings));
    if (!readings)
        return;
    readings[prometheus->count++] = *reading;
    prometheus->readings = readings;
}

static void head_write(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP muster_%s %s\n# TYPE muster_%s %s\n", name, help, name, type);
}

static double age_s(uint64_t time_ns)
{
    uint64_t now_ns = host_now_ns();

    return time_ns != 0 && now_ns > time_ns ? (double)(now_ns - time_ns) / NS_PER_S : 0;
}

/* What each hop has of one kind. */
static void hops_write(const struct status_prometheus *prometheus, const char *name, const char *type, const char *help,
                       size_t member_offset)
{
    head_write(prometheus->out, name, type, help);
    for (size_t i = 0; i < prometheus->count; i++)
        for (size_t stage = 0; stage < sizeof(stages) / sizeof(*stages); stage++) {
            const struct figures *figures = &prometheus->readings[i].figures;
            const char *member = (const char *)ledger_of(figures, stage) + member_offset;

            fprintf(prometheus->out, "muster_%s{pid=\"%" PRIu64 "\",stage=\"%s\"} %" PRIu64 "\n", name, figures->pid,
                    stages[stage], *(const uint64_t *)(const void *)member);
        }
}

/* Every cause, also those of which there is none: a rate wants to see the 0. */
static void dropped_write(const struct status_prometheus *prometheus)
{
    head_write(prometheus->out, "events_dropped_total", "counter", "Events that were lost, by hop and cause.");
    for (size_t i = 0; i < prometheus->count; i++)
        for (size_t stage = 0; stage < sizeof(stages) / sizeof(*stages); stage++)
            for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++) {
                const struct figures *figures = &prometheus->readings[i].figures;

                fprintf(prometheus->out,
                        "muster_events_dropped_total{pid=\"%" PRIu64 "\",stage=\"%s\",cause=\"%s\"} %" PRIu64 "\n",
                        figures->pid, stages[stage], muster_cause_name(cause),
                        ledger_of(figures, stage)->dropped[cause]);
            }
}

static void rooms_write(const struct status_prometheus *prometheus, const char *name, const char *help,
                        size_t member_offset)
{
    head_write(prometheus->out, name, "gauge", help);
    for (size_t i = 0; i < prometheus->count; i++) {
        const struct figures *figures = &prometheus->readings[i].figures;
        const char *ring = (const char *)&figures->ring + member_offset;
        const char *queue = (const char *)&figures->budget + member_offset;

        fprintf(prometheus->out, "muster_%s{pid=\"%" PRIu64 "\",place=\"ring\"} %" PRIu64 "\n", name, figures->pid,
                *(const uint64_t *)(const void *)ring);
        fprintf(prometheus->out, "muster_%s{pid=\"%" PRIu64 "\",place=\"queue\"} %" PRIu64 "\n", name, figures->pid,
                *(const uint64_t *)(const void *)queue);
    }
}

static void states_write(const struct status_prometheus *prometheus)
{
    static const char *const states[] = {"ok", "lossy", "behind", "silent", "died"};

    head_write(prometheus->out, "sensors", "gauge", "Sensors of which figures were found.");
    fprintf(prometheus->out, "muster_sensors %zu\n", prometheus->count);
    head_write(prometheus->out, "sensor_state", "gauge", "1 for the state that the sensor is in.");
    for (size_t i = 0; i < prometheus->count; i++)
        for (size_t state = 0; state < sizeof(states) / sizeof(*states); state++)
            fprintf(prometheus->out, "muster_sensor_state{pid=\"%" PRIu64 "\",state=\"%s\"} %d\n",
                    prometheus->readings[i].figures.pid, states[state],
                    strcmp(status_state(&prometheus->readings[i]), states[state]) == 0);
}

static void ages_write(const struct status_prometheus *prometheus)
{
    head_write(prometheus->out, "oldest_unacknowledged_seconds", "gauge",
               "Age of the oldest event that the output does not have; 0 where it has all.");
    for (size_t i = 0; i < prometheus->count; i++)
        fprintf(prometheus->out, "muster_oldest_unacknowledged_seconds{pid=\"%" PRIu64 "\"} %.6f\n",
                prometheus->readings[i].figures.pid, age_s(prometheus->readings[i].figures.oldest_ns));
    head_write(prometheus->out, "told_seconds", "gauge", "Age of these figures.");
    for (size_t i = 0; i < prometheus->count; i++)
        fprintf(prometheus->out, "muster_told_seconds{pid=\"%" PRIu64 "\"} %.6f\n", prometheus->readings[i].figures.pid,
                age_s(prometheus->readings[i].figures.now_ns));
    head_write(prometheus->out, "written_bytes_total", "counter", "Bytes that the output took.");
    for (size_t i = 0; i < prometheus->count; i++)
        fprintf(prometheus->out, "muster_written_bytes_total{pid=\"%" PRIu64 "\"} %" PRIu64 "\n",
                prometheus->readings[i].figures.pid, prometheus->readings[i].figures.written_bytes);
}

static void metrics_write(const struct status_prometheus *prometheus)
{
    states_write(prometheus);
    hops_write(prometheus, "events_produced_total", "counter",
               "Events that a hop was given; of the kernel: that it numbered.",
               offsetof(struct muster_ledger, produced));
    hops_write(prometheus, "events_delivered_total", "counter", "Events that the next hop, or the output, has.",
               offsetof(struct muster_ledger, delivered));
    hops_write(prometheus, "events_filtered_total", "counter", "Events that a filter left out.",
               offsetof(struct muster_ledger, filtered));
    hops_write(prometheus, "events_degraded_total", "counter", "Events that lost their texts, for want of room.",
               offsetof(struct muster_ledger, degraded));
    hops_write(prometheus, "events_held", "gauge", "Events that wait at a hop.", offsetof(struct muster_ledger, held));
    dropped_write(prometheus);
    rooms_write(prometheus, "room_used_bytes", "How much of a place is taken.",
                offsetof(struct figures_room, used_bytes));
    rooms_write(prometheus, "room_peak_bytes", "How much of it was taken at most.",
                offsetof(struct figures_room, peak_bytes));
    rooms_write(prometheus, "room_size_bytes", "How large it is.", offsetof(struct figures_room, size_bytes));
    ages_write(prometheus);
}

static bool text_make(struct status_prometheus *prometheus)
{
    bool done;

    prometheus->out = open_memstream(&prometheus->text, &prometheus->text_bytes);
    if (!prometheus->out)
        return false;
    metrics_write(prometheus);
    done = !ferror(prometheus->out);
    return fclose(prometheus->out) == 0 && done;
}

static bool bytes_write(int fd, const char *bytes, size_t size_bytes)
{
    while (size_bytes > 0) {
        ssize_t taken = write(fd, bytes, size_bytes);

        if (taken < 0 && errno == EINTR)
            continue;
        if (taken < 0)
            return false;
        bytes += taken;
        size_bytes -= (size_t)taken;
    }
    return true;
}

/* What the collector reads is whole at any moment: the old file, or the new one. It runs as somebody else, so the file
 * is readable for all; there is no text of anybody's in it. */
static bool file_replace(const struct status_prometheus *prometheus, const char *path)
{
    char *fresh = NULL;
    bool done;
    int fd, error;

    if (asprintf(&fresh, "%s.XXXXXX", path) < 0)
        return false;
    fd = mkostemp(fresh, O_CLOEXEC);
    done = fd >= 0 && bytes_write(fd, prometheus->text, prometheus->text_bytes) && fchmod(fd, 0644) == 0;
    error = errno;
    if (fd >= 0 && close(fd) != 0 && done) {
        done = false;
        error = errno;
    }
    if (done && rename(fresh, path) != 0) {
        done = false;
        error = errno;
    }
    if (!done && fd >= 0)
        (void)unlink(fresh);
    free(fresh);
    errno = error;
    return done;
}

bool status_prometheus_end(struct status_prometheus *prometheus, const char *path)
{
    bool done = false;
    int error;

    if (!prometheus)
        return false;
    if (path && text_make(prometheus)) {
        done = true;
        if (strcmp(path, "-") == 0)
            standard_output_write(prometheus->text, prometheus->text_bytes);
        else
            done = file_replace(prometheus, path);
    }
    error = errno;
    free(prometheus->text);
    free(prometheus->readings);
    free(prometheus);
    errno = error;
    return done;
}
