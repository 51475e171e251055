/* SPDX-License-Identifier: Apache-2.0 */
/*
 * muster service run. There may be several kernel sides in the folder: one that goes on recording, and others that have
 * ended and were not read to their end. The one to go on with is taken over as it is; where it does not fit any more
 * (another build of the programs, other options), a new one begins first and the old one ends then, so no moment is
 * without. What has ended is read to its end, into the same output, before the one that records.
 */
#include <inttypes.h>
#include <stdio.h>

#include "linux_notify.h"
#include "linux_service.h"
#include "muster/kept.h"
#include "report.h"
#include "wakeups.h"

struct service {
    struct muster_kept *kept;
    const struct watch_options *watch;
    struct muster_sensor_options sensor;
    struct muster_kept_side sides[MUSTER_KEPT_SIDES_MAX];
    size_t side_count;
    uint64_t epoch; /* of the side that goes on */
};

/* ---- which one ----------------------------------------------------------------------------------- */

/* The newest that records. */
static const struct muster_kept_side *side_current(const struct service *service)
{
    for (size_t i = service->side_count; i-- > 0;)
        if (service->sides[i].recording)
            return &service->sides[i];
    return NULL;
}

static void difference_report(const struct muster_kept_side *side, unsigned differences)
{
    static const struct {
        unsigned difference;
        const char *text;
    } words[] = {{MUSTER_KEPT_OTHER_BUILD, "other programs"},
                 {MUSTER_KEPT_OTHER_BUFFER, "another --buffer"},
                 {MUSTER_KEPT_OTHER_FORKS, "another --forks"},
                 {MUSTER_KEPT_OTHER_FILTER, "other filters"}};
    char text[128] = "";
    size_t used = 0;

    if (differences & MUSTER_KEPT_OTHER_ABI) {
        report("the kernel side that records (epoch %016" PRIx64
               ", version %u) is one that this program cannot account "
               "for",
               side->epoch, side->abi);
        return;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (differences & words[i].difference)
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? ", " : "", words[i].text);
    report("the kernel side that records (epoch %016" PRIx64 ") has %s", side->epoch, text);
}

/* Begins first; the one before ends then. Nothing between the two: an event of that moment may be in both. */
static bool side_renew(struct service *service, const struct muster_kept_side *current)
{
    struct muster_sensor_error error;

    if (!muster_kept_create(service->kept, &service->sensor, &service->epoch, &error)) {
        (void)report_failure(&error);
        return false;
    }
    if (current && !muster_kept_end(service->kept, current->epoch))
        report("cannot take away all of epoch %016" PRIx64, current->epoch);
    report("a new kernel side records now: epoch %016" PRIx64 "%s", service->epoch,
           current ? "; the old one is read to its end first" : "");
    return true;
}

static bool side_choose(struct service *service)
{
    const struct muster_kept_side *current = side_current(service);
    unsigned differences = current ? muster_kept_differences(current, &service->sensor) : 0;

    if (current && differences == 0) {
        service->epoch = current->epoch;
        report("taking over epoch %016" PRIx64 ": %" PRIu64 " events were numbered, of which %" PRIu64
               " are not delivered yet",
               current->epoch, current->numbers, current->held);
        return true;
    }
    if (current)
        difference_report(current, differences);
    if (side_renew(service, current))
        return true;
    if (!current || differences != MUSTER_KEPT_OTHER_BUILD)
        return false;
    service->epoch = current->epoch; /* new programs that this kernel refuses are no reason to see nothing */
    report("going on with the programs that run");
    return true;
}

/* ---- reading ------------------------------------------------------------------------------------- */

static int side_read(const struct service *service, uint64_t epoch, size_t buffer_bytes, bool drain)
{
    struct watch_options options = *service->watch;

    options.kept = service->kept;
    options.kept_epoch = epoch;
    options.buffer_bytes = buffer_bytes;
    options.drain = drain;
    return watch_run(&options);
}

/* False where it has to be tried again later. */
static bool side_drain(const struct service *service, const struct muster_kept_side *side)
{
    if (muster_kept_is_finished(side) || (!side->readable && side->unacknowledged_bytes == 0))
        return true;
    if (!side->readable && !side->records_known) {
        report("what epoch %016" PRIx64 " still had, %" PRIu64 " bytes, cannot be read, and is lost", side->epoch,
               side->unacknowledged_bytes);
        return true;
    }
    if (!side->readable)
        report("of epoch %016" PRIx64 " the records that it still has are read; what it has lost cannot be told: its "
               "stream has no end",
               side->epoch);
    return side_read(service, side->epoch, side->buffer_bytes, true) == EXIT_DONE;
}

/* All but the one that goes on, the oldest first. */
static bool sides_drain(const struct service *service)
{
    for (size_t i = 0; i < service->side_count; i++) {
        const struct muster_kept_side *side = &service->sides[i];

        if (side->epoch == service->epoch)
            continue;
        (void)muster_kept_end(service->kept, side->epoch);
        if (!side_drain(service, side))
            return false;
        if (!muster_kept_remove(service->kept, side->epoch))
            report("cannot take away epoch %016" PRIx64, side->epoch);
    }
    return true;
}

static bool still_records(struct service *service)
{
    service->side_count = muster_kept_list(service->kept, service->sides, MUSTER_KEPT_SIDES_MAX);
    return side_current(service) != NULL;
}

static int service_read(struct service *service)
{
    int code = EXIT_FAILED;
    bool drained;

    service_notify("READY=1\nSTATUS=Recording, epoch %016" PRIx64, service->epoch);
    drained = sides_drain(service);
    if (drained && watch_was_stopped())
        code = EXIT_DONE;
    else if (drained)
        code = side_read(service, service->epoch, service->sensor.buffer_bytes, false);
    service_notify("STOPPING=1");
    if (still_records(service)) {
        service_notify("STATUS=Stopped; the kernel side goes on recording");
        report("stopped; the kernel side goes on recording (`muster service stop` ends it)");
    }
    return code;
}

static int service_begin(struct service *service)
{
    muster_kept_tidy(service->kept);
    service->side_count = muster_kept_list(service->kept, service->sides, MUSTER_KEPT_SIDES_MAX);
    return side_choose(service) ? service_read(service) : EXIT_FAILED;
}

int service_run(const char *pins, const struct watch_options *watch)
{
    static struct service service; /* large */
    struct muster_sensor_error error;
    int holder, code;

    wakeups_stop_keep(); /* from here on: a stop is taken when reading has begun */
    service = (struct service){
        .watch = watch,
        .sensor = {.buffer_bytes = watch->buffer_bytes, .forks = watch->forks, .filter = &watch->filter},
    };
    if (!muster_kept_own(pins, &service.kept, &holder, &error))
        return report_failure(&error);
    code = service_begin(&service);
    muster_kept_close(service.kept);
    return code;
}
