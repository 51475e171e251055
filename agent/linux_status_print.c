/* SPDX-License-Identifier: Apache-2.0 */
/* status_print.h: for a person, and as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host.h"
#include "muster/record.h"
#include "report.h"
#include "status_print.h"

#define NS_PER_MS     UINT64_C(1000000)
#define NS_PER_S      UINT64_C(1000000000)
#define SILENT_AFTER  (5 * NS_PER_S)
#define BEHIND_AFTER  (5 * NS_PER_S)
#define BYTES_PER_KIB 1024

static uint64_t age_ns(uint64_t time_ns)
{
    uint64_t now_ns = host_now_ns();

    return time_ns != 0 && now_ns > time_ns ? now_ns - time_ns : 0;
}

const char *status_state(const struct status_reading *reading)
{
    struct muster_ledger total = figures_total(&reading->figures);

    if (!reading->alive)
        return "died";
    if (age_ns(reading->figures.now_ns) > SILENT_AFTER)
        return "silent";
    if (age_ns(reading->figures.oldest_ns) > BEHIND_AFTER)
        return "behind";
    return muster_ledger_dropped(&total) > 0 ? "lossy" : "ok";
}

/* ---- for a person -------------------------------------------------------------------------------- */

/* "12.345 s", "1 h 03 min" */
static const char *age_text(uint64_t ns, char text[32])
{
    uint64_t seconds = ns / NS_PER_S;

    if (seconds < 60)
        (void)snprintf(text, 32, "%" PRIu64 ".%03" PRIu64 " s", seconds, ns / NS_PER_MS % 1000);
    else if (seconds < 3600)
        (void)snprintf(text, 32, "%" PRIu64 " min %02" PRIu64 " s", seconds / 60, seconds % 60);
    else
        (void)snprintf(text, 32, "%" PRIu64 " h %02" PRIu64 " min", seconds / 3600, seconds / 60 % 60);
    return text;
}

static void hop_print(const char *name, const struct muster_ledger *ledger)
{
    print("  %-8s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "\n", name, ledger->produced,
          ledger->delivered, ledger->filtered, muster_ledger_dropped(ledger), ledger->held);
}

static void causes_print(const struct muster_ledger *total)
{
    for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++)
        if (total->dropped[cause])
            print("  dropped  %" PRIu64 ": %s\n", total->dropped[cause], muster_cause_name(cause));
    if (total->degraded)
        print("  degraded %" PRIu64 ": without their texts, for want of room\n", total->degraded);
}

/* "  shed     of parent 1234 (sh): 12 start, 3 exit" */
static void shed_print(const struct muster_sensor_shed_row *rows, bool of_parents)
{
    for (unsigned i = 0; i < MUSTER_SENSOR_SHED_ROWS; i++) {
        const char *separator = ": ";
        bool begun = false;

        for (unsigned type = 0; type < MUSTER_EVENT_NUMBERED_COUNT; type++) {
            if (rows[i].counts[type] == 0)
                continue;
            if (!begun && of_parents)
                print("  shed     at least, of parent %" PRIu64 " (%s)", rows[i].pid, rows[i].name);
            else if (!begun)
                print("  shed     at least, of %s", rows[i].name);
            print("%s%" PRIu64 " %s", separator, rows[i].counts[type], muster_event_type_name(type + 1));
            separator = ", ";
            begun = true;
        }
        print(begun ? "\n" : "");
    }
}

static void room_print(const char *name, const struct figures_room *room)
{
    if (room->size_bytes == 0)
        return;
    print("  %-8s %" PRIu64 " of %" PRIu64 " KiB, at most %" PRIu64 " so far\n", name, room->used_bytes / BYTES_PER_KIB,
          room->size_bytes / BYTES_PER_KIB, room->peak_bytes / BYTES_PER_KIB);
}

static void known_print(const struct muster_sensor_known *known)
{
    if (known->capacity == 0)
        return;
    print("  known    %" PRIu64 " of %" PRIu64 " processes; %" PRIu64 " starts and %" PRIu64
          " exits concluded in %" PRIu64 " looks\n",
          known->count, known->capacity, known->starts, known->exits, known->looks);
    if (known->left_out)
        print("  known    NOT: %" PRIu64 " processes for whom there was no room\n", known->left_out);
}

static void sink_print(const struct figures *figures)
{
    char age[32];

    print("  output   %s to %s: %" PRIu64 " bytes", figures->format, figures->output, figures->written_bytes);
    if (figures->written_ns)
        print(", last %s ago", age_text(age_ns(figures->written_ns), age));
    if (figures->error)
        print("; FAILED: %s", strerror((int)figures->error));
    print("\n");
}

void status_text_print(const struct status_reading *reading, bool again)
{
    const struct figures *figures = &reading->figures;
    struct muster_ledger total = figures_total(figures);
    char age[32];

    print("%ssensor %" PRIu64 ": %s%s, for %s, epoch %016" PRIx64 "\n", again ? "\n" : "", figures->pid,
          status_state(reading), figures->stopping ? ", stopping" : "", age_text(age_ns(figures->began_ns), age),
          figures->epoch);
    print("  %-8s %12s %12s %12s %12s %12s\n", "", "produced", "delivered", "filtered", "dropped", "held");
    hop_print("kernel", &figures->kernel);
    hop_print("queue", &figures->queue);
    hop_print("sink", &figures->sink);
    hop_print("in all", &total);
    causes_print(&total);
    shed_print(figures->shed.parents, true);
    shed_print(figures->shed.names, false);
    room_print("ring", &figures->ring);
    room_print("queue", &figures->budget);
    print("  records  %" PRIu64 " in the queue, %" PRIu64 " in the cache, of which %" PRIu64 " leased\n",
          figures->queue_records, figures->cache_records, figures->leased_records);
    known_print(&figures->known);
    if (figures->oldest_ns)
        print("  oldest   event that is not in the output: %s old\n", age_text(age_ns(figures->oldest_ns), age));
    sink_print(figures);
    print("  told     %s ago\n", age_text(age_ns(figures->now_ns), age));
}

/* ---- as JSON ------------------------------------------------------------------------------------- */

/* What has been cleaned where it was read: nothing but these two needs an escape. Bytes over ASCII are shown as '?',
 * since JSON is UTF-8 and a name of a file need not be. */
static void json_text_print(const char *name, const char *text)
{
    print("\"%s\":\"", name);
    for (; *text; text++)
        print(*text == '"' || *text == '\\' ? "\\%c" : "%c", (unsigned char)*text >= 0x80 ? '?' : *text);
    print("\"");
}

static void json_ledger_print(const char *name, const struct muster_ledger *ledger)
{
    const char *separator = "";

    print("\"%s\":{\"produced\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"filtered\":%" PRIu64 ",\"held\":%" PRIu64
          ",\"degraded\":%" PRIu64 ",\"dropped\":{",
          name, ledger->produced, ledger->delivered, ledger->filtered, ledger->held, ledger->degraded);
    for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++)
        if (ledger->dropped[cause]) {
            print("%s\"%s\":%" PRIu64, separator, muster_cause_name(cause), ledger->dropped[cause]);
            separator = ",";
        }
    print("}}");
}

static void json_room_print(const char *name, const struct figures_room *room)
{
    print(",\"%s\":{\"used_bytes\":%" PRIu64 ",\"peak_bytes\":%" PRIu64 ",\"size_bytes\":%" PRIu64 "}", name,
          room->used_bytes, room->peak_bytes, room->size_bytes);
}

static void json_known_print(const struct muster_sensor_known *known)
{
    print(",\"known\":{\"count\":%" PRIu64 ",\"capacity\":%" PRIu64 ",\"left_out\":%" PRIu64 ",\"looks\":%" PRIu64
          ",\"concluded_starts\":%" PRIu64 ",\"concluded_exits\":%" PRIu64 "}",
          known->count, known->capacity, known->left_out, known->looks, known->starts, known->exits);
}

static uint64_t shed_total(const struct muster_sensor_shed_row *row)
{
    uint64_t total = 0;

    for (unsigned type = 0; type < MUSTER_EVENT_NUMBERED_COUNT; type++)
        total += row->counts[type];
    return total;
}

static void json_shed_print(const char *name, const struct muster_sensor_shed_row *rows, bool of_parents)
{
    print("\"%s\":[", name);
    for (unsigned i = 0; i < MUSTER_SENSOR_SHED_ROWS && shed_total(&rows[i]) > 0; i++) {
        print(i > 0 ? ",{" : "{");
        if (of_parents)
            print("\"pid\":%" PRIu64 ",", rows[i].pid);
        json_text_print("name", rows[i].name);
        for (unsigned type = 0; type < MUSTER_EVENT_NUMBERED_COUNT; type++)
            if (rows[i].counts[type])
                print(",\"%s\":%" PRIu64, muster_event_type_name(type + 1), rows[i].counts[type]);
        print("}");
    }
    print("]");
}

static void json_sink_print(const struct figures *figures)
{
    print(",\"output\":{");
    json_text_print("format", figures->format);
    print(",");
    json_text_print("name", figures->output);
    print(",\"written_bytes\":%" PRIu64, figures->written_bytes);
    if (figures->written_ns)
        print(",\"idle_ns\":%" PRIu64, age_ns(figures->written_ns));
    if (figures->error)
        print(",\"error\":\"%s\"", strerror((int)figures->error));
    print("}");
}

void status_json_print(const struct status_reading *reading)
{
    const struct figures *figures = &reading->figures;
    struct muster_ledger total = figures_total(figures);

    print("{\"pid\":%" PRIu64 ",\"state\":\"%s\",\"stopping\":%s,\"epoch\":\"%016" PRIx64 "\",\"age_ns\":%" PRIu64
          ",\"told_ns\":%" PRIu64 ",",
          figures->pid, status_state(reading), figures->stopping ? "true" : "false", figures->epoch,
          age_ns(figures->began_ns), age_ns(figures->now_ns));
    json_ledger_print("ledger", &total);
    print(",\"hops\":{");
    json_ledger_print("kernel", &figures->kernel);
    print(",");
    json_ledger_print("queue", &figures->queue);
    print(",");
    json_ledger_print("sink", &figures->sink);
    print("}");
    json_room_print("ring", &figures->ring);
    json_room_print("queue", &figures->budget);
    json_known_print(&figures->known);
    print(",\"queue_records\":%" PRIu64 ",\"cache_records\":%" PRIu64 ",\"leased_records\":%" PRIu64,
          figures->queue_records, figures->cache_records, figures->leased_records);
    if (figures->oldest_ns)
        print(",\"oldest_unacknowledged_ns\":%" PRIu64, age_ns(figures->oldest_ns));
    print(",\"shed\":{");
    json_shed_print("parents", figures->shed.parents, true);
    print(",");
    json_shed_print("names", figures->shed.names, false);
    print("}");
    json_sink_print(figures);
    print("}\n");
}
