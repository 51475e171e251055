/* SPDX-License-Identifier: Apache-2.0 */
/*
 * muster service stop, and status.
 *
 * Stopping ends the kernel side first, and tells the agent then: so that has all there will ever be to read, and ends
 * with nothing held.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "host.h"
#include "linux_service.h"
#include "muster/kept.h"
#include "report.h"

#define AGENT_WAIT_MS 20000 /* it gives up on an output that takes nothing after 5 s */
#define NS_PER_S      1000000000LL

struct sides {
    struct muster_kept_side list[MUSTER_KEPT_SIDES_MAX];
    size_t count;
};

static void sides_look(const struct muster_kept *kept, struct sides *ret_sides)
{
    ret_sides->count = muster_kept_list(kept, ret_sides->list, MUSTER_KEPT_SIDES_MAX);
}

/* ---- stop ---------------------------------------------------------------------------------------- */

static bool sides_end(const struct muster_kept *kept)
{
    static struct sides sides;
    bool done = true;

    sides_look(kept, &sides);
    for (size_t i = 0; i < sides.count; i++)
        done &= !sides.list[i].recording || muster_kept_end(kept, sides.list[i].epoch);
    return done;
}

/* By a descriptor of the process: a number may by then be another's. */
static bool agent_signal(const struct muster_kept *kept, int pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    bool done = fd >= 0 && muster_kept_holder(kept) == pid && syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) == 0;

    if (fd >= 0)
        close(fd);
    return done;
}

/* True where nobody has the lock but we. */
static bool agent_end(struct muster_kept *kept)
{
    int pid = muster_kept_holder(kept);

    if (pid > 0 && !agent_signal(kept, pid) && muster_kept_holder(kept) == pid) {
        report("cannot end process %d: %s", pid, strerror(errno));
        return false;
    }
    if (muster_kept_wait(kept, AGENT_WAIT_MS))
        return true;
    report("process %d does not end; nothing was taken away", muster_kept_holder(kept));
    return false;
}

/* False where it stays. */
static bool side_leftover_report(const struct muster_kept_side *side, bool thrown_away)
{
    if (muster_kept_is_finished(side))
        return true;
    if (side->readable && side->held == 0)
        report("epoch %016" PRIx64 " has no end in its output %s", side->epoch,
               thrown_away ? "and gets none" : "yet: `muster service run` writes it");
    else if (side->readable)
        report("%" PRIu64 " events of epoch %016" PRIx64 " that no output has %s", side->held, side->epoch,
               thrown_away ? "are thrown away"
                           : "are kept: `muster service run` reads them, `stop --uninstall` does not");
    else
        report("%" PRIu64 " bytes of epoch %016" PRIx64 " that no output has %s", side->unacknowledged_bytes,
               side->epoch, thrown_away ? "are thrown away" : "are kept");
    return thrown_away;
}

static bool sides_remove(struct muster_kept *kept, bool uninstall)
{
    static struct sides sides;
    bool done = true;

    sides_look(kept, &sides);
    for (size_t i = 0; i < sides.count; i++)
        if (side_leftover_report(&sides.list[i], uninstall))
            done &= muster_kept_remove(kept, sides.list[i].epoch);
    return done;
}

static int kept_stop(struct muster_kept *kept, bool uninstall)
{
    bool done = sides_end(kept);

    if (!agent_end(kept))
        return EXIT_FAILED;
    muster_kept_tidy(kept);
    done &= sides_remove(kept, uninstall);
    if (uninstall)
        done &= muster_kept_uninstall(kept);
    if (!done)
        report("cannot take away all that is in %s: %s", muster_kept_path(kept), strerror(errno));
    return done ? EXIT_DONE : EXIT_FAILED;
}

int service_stop(const char *pins, bool uninstall)
{
    struct muster_sensor_error error;
    struct muster_kept *kept;
    int code;

    if (!muster_kept_look(pins, &kept, &error))
        return report_failure(&error);
    if (!kept) {
        print("No kernel side is kept here.\n");
        return EXIT_DONE;
    }
    code = kept_stop(kept, uninstall);
    muster_kept_close(kept);
    if (code == EXIT_DONE)
        print("%s\n", uninstall ? "Nothing records any more, and nothing is kept." : "Nothing records any more.");
    return code;
}

/* ---- status -------------------------------------------------------------------------------------- */

static void time_print(uint64_t boot_ns)
{
    time_t second = (time_t)(((int64_t)boot_ns + host_clock_offset_ns()) / NS_PER_S);
    struct tm parts;
    char text[32];

    if (localtime_r(&second, &parts) && strftime(text, sizeof(text), "%F %T", &parts) > 0)
        print(" since %s", text);
}

static void side_print(const struct muster_kept_side *side)
{
    print("  epoch %016" PRIx64 "  %s", side->epoch, side->recording ? "recording" : "ended");
    time_print(side->created_ns);
    print("\n    unacknowledged  %" PRIu64 " bytes of %zu in the ring\n", side->unacknowledged_bytes,
          side->buffer_bytes);
    if (!side->readable) {
        print("    version         %u, which this program cannot account for\n", side->abi);
        return;
    }
    print("    events          %" PRIu64 " numbered, %" PRIu64 " delivered, %" PRIu64 " held\n", side->numbers,
          side->acknowledged, side->held);
    print("    options         %s%s\n", side->forks ? "forks" : "no forks", side->filter ? ", filters" : "");
}

static int kept_status(const struct muster_kept *kept)
{
    static struct sides sides;
    int pid = muster_kept_holder(kept), code = EXIT_FAILED;

    if (pid > 0)
        print("running, process %d; kept in %s\n", pid, muster_kept_path(kept));
    else
        print("not running; kept in %s\n", muster_kept_path(kept));
    sides_look(kept, &sides);
    for (size_t i = 0; i < sides.count; i++) {
        side_print(&sides.list[i]);
        if (sides.list[i].recording)
            code = EXIT_DONE;
    }
    if (sides.count == 0)
        print("  nothing records\n");
    return code;
}

int service_status(const char *pins)
{
    struct muster_sensor_error error;
    struct muster_kept *kept;
    int code = EXIT_FAILED;

    if (!muster_kept_look(pins, &kept, &error))
        return report_failure(&error);
    if (kept)
        code = kept_status(kept);
    else
        print("not running; nothing is kept\n");
    muster_kept_close(kept);
    return code;
}
