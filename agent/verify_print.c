/* SPDX-License-Identifier: Apache-2.0 */
/* verify.h: the verdict for a person. One line says it; the others say where and why, the worst first. */
#include <inttypes.h>
#include <stdio.h>

#include "report.h"
#include "utc_text.h"
#include "verify.h"

#define DETAILS_SHOWN 20

struct details {
    uint64_t left; /* lines that may still be printed */
    uint64_t more; /* that were not */
};

static bool detail_begin(struct details *details)
{
    if (details->left == 0) {
        details->more++;
        return false;
    }
    details->left--;
    return true;
}

/* A name of a file must not drive the terminal. */
static void name_print(const char *name)
{
    char text[512];
    size_t size = 0;

    for (; name[size] && size < sizeof(text) - 1; size++)
        text[size] = (unsigned char)name[size] < 0x20 || name[size] == 0x7f ? '?' : name[size];
    text[size] = '\0';
    print("%s", text);
}

/* ---- the verdict ------------------------------------------------------------------------------------------ */

struct totals {
    uint64_t events;
    uint64_t lost;
    uint64_t missing;
    uint64_t from_ns;
    uint64_t to_ns;
};

static uint64_t add_most(uint64_t one, uint64_t other)
{
    return __builtin_add_overflow(one, other, &one) ? UINT64_MAX : one;
}

static struct totals totals_of(const struct verification *verification)
{
    struct totals totals = {0};

    for (size_t i = 0; i < verification->epoch_count; i++) {
        const struct epoch_account *account = verification->epochs[i];

        totals.events = add_most(totals.events, account->seen.count);
        totals.lost = add_most(totals.lost, account->lost_count);
        totals.missing = add_most(totals.missing, account->missing_count);
        if (totals.from_ns == 0 || (account->first_ns != 0 && account->first_ns < totals.from_ns))
            totals.from_ns = account->first_ns;
        if (account->last_ns > totals.to_ns)
            totals.to_ns = account->last_ns;
    }
    return totals;
}

static void epochs_print(const struct verification *verification)
{
    if (verification->epoch_count == 1)
        print(", epoch %016" PRIx64, verification->epochs[0]->epoch);
    else
        print(", %zu epochs", verification->epoch_count);
}

static void verdict_print(const struct verification *verification, bool read_all)
{
    struct totals totals = totals_of(verification);
    enum verify_severity worst = verification_worst(verification);
    char from[UTC_TEXT_BYTES], to[UTC_TEXT_BYTES];

    if (verification->epoch_count == 0)
        return;
    print("%s: %" PRIu64 " events", worst == VERIFY_NOTE && read_all ? "complete" : "incomplete", totals.events);
    if (totals.lost > 0)
        print(", %" PRIu64 " more are lost and accounted for", totals.lost);
    else if (worst == VERIFY_LOST)
        print(", none is lost, but not all is as it was written");
    if (totals.missing > 0)
        print(", %" PRIu64 " are missing and not accounted for", totals.missing);
    else if (worst == VERIFY_UNACCOUNTED)
        print(", not all is accounted for");
    if (!read_all)
        print(", not all could be read");
    epochs_print(verification);
    print(", from %s to %s\n", utc_text(totals.from_ns, from), utc_text(totals.to_ns, to));
}

/* ---- where and why -------------------------------------------------------------------------------------------- */

static void finding_print(const struct verify_finding *finding, bool with_epoch)
{
    print("  ");
    if (finding->place.file) {
        name_print(finding->place.file);
        if (finding->place.line > 0)
            print(", line %" PRIu64, finding->place.line);
        print(": ");
    }
    if (with_epoch && finding->has_epoch)
        print("epoch %016" PRIx64 ": ", finding->epoch);
    print("%s\n", finding->text);
}

static void findings_print(const struct verification *verification, enum verify_severity severity,
                           struct details *details)
{
    const struct verify_finding_list *list = &verification->findings.of[severity];

    for (size_t i = 0; i < list->kept_count; i++)
        if (detail_begin(details))
            finding_print(&list->kept[i], verification->epoch_count > 1);
    details->more += list->count - list->kept_count;
}

static void file_print(const struct verify_file *file, struct details *details)
{
    if (!detail_begin(details))
        return;
    print("  ");
    name_print(file->name);
    if (file->format == VERIFY_CAPTURE)
        print(": %" PRIu64 " %s, %" PRIu64 " records\n", file->capture_count,
              file->capture_count == 1 ? "capture" : "captures", file->record_count);
    else if (file->format == VERIFY_NDJSON)
        print(": ndjson, %" PRIu64 " lines\n", file->line_count);
    else
        print(": nothing\n");
}

void verify_print(const struct verify_result *result, const struct verify_options *options)
{
    const struct verification *verification = &result->verification;
    struct details details = {.left = options->verbose ? UINT64_MAX : DETAILS_SHOWN};

    verdict_print(verification, result->code != EXIT_FAILED);
    for (unsigned severity = 0; severity < VERIFY_SEVERITY_COUNT; severity++)
        findings_print(verification, severity, &details);
    for (size_t i = 0; i < result->file_count; i++)
        file_print(&result->files[i], &details);
    if (details.more > 0)
        print("  and %" PRIu64 " more%s\n", details.more, options->verbose ? "" : " (--verbose shows them)");
}
