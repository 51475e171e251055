/* SPDX-License-Identifier: Apache-2.0 */
/* epoch_account.h: what is read, one after the other. The verdict is in epoch_judge.c. */
#include "epoch_account.h"

#include <inttypes.h>
#include <string.h>

#include "utc_text.h"

void epoch_account_deinit(struct epoch_account *account)
{
    sequence_set_deinit(&account->seen);
    verify_gaps_deinit(&account->gaps);
}

static struct verify_finding finding_at(const struct epoch_account *account, const struct verify_context *context,
                                        const char *what)
{
    return (struct verify_finding){.what = what, .has_epoch = true, .epoch = account->epoch, .place = context->place};
}

static uint64_t add_most(uint64_t one, uint64_t other)
{
    return __builtin_add_overflow(one, other, &one) ? UINT64_MAX : one;
}

/* ---- numbers ---------------------------------------------------------------------------------------------- */

static void double_report(const struct epoch_account *account, const struct verify_event *event,
                          const struct verify_context *context)
{
    struct verify_finding finding = finding_at(account, context, "double-differs");

    finding.first_sequence = finding.last_sequence = event->sequence;
    finding.count = 1;
    finding.from_ns = finding.to_ns = event->time_ns;
    verify_findings_add(context->findings, VERIFY_UNACCOUNTED, &finding,
                        "number %" PRIu64 " is here once more, and is another event", event->sequence);
}

/* Whether it was read before, as far as that is known; told where it is not the same. */
static bool is_double(struct epoch_account *account, uint64_t key, const struct verify_event *event,
                      const struct verify_context *context)
{
    const struct verify_double *before = verify_doubles_find(context->doubles, account->index, key);
    struct verify_double now = {.key = key, .digest = event->digest, .epoch = account->index, .run = account->run};

    if (!before) {
        verify_doubles_put(context->doubles, &now);
        return false;
    }
    if (before->digest != event->digest)
        double_report(account, event, context);
    else
        account->doubled_count += event->kind == VERIFY_NUMBERED;
    if (event->kind == VERIFY_NUMBERED && before->run != account->run)
        account->run_count++; /* what the run before wrote, and was not let go of: this run delivers it too */
    verify_doubles_put(context->doubles, &now);
    return true;
}

static void numbered_take(struct epoch_account *account, const struct verify_event *event,
                          const struct verify_context *context)
{
    struct verify_finding finding = finding_at(account, context, "no-number");

    account->goes_on = true;
    if (event->sequence == 0) {
        verify_findings_add(context->findings, VERIFY_UNACCOUNTED, &finding, "an event without its number");
        return;
    }
    account->last_number = event->sequence;
    account->last_number_ns = event->time_ns;
    if (is_double(account, event->sequence, event, context))
        return;
    account->run_count++;
    sequence_set_add(&account->seen, event->sequence, event->time_ns);
}

/* ---- gaps -------------------------------------------------------------------------------------------------- */

static void gap_take(struct epoch_account *account, const struct verify_event *event,
                     const struct verify_context *context)
{
    const struct verify_gap *gap = &event->gap;
    struct told_gap told = {.first = gap->first,
                            .last = gap->last,
                            .count = gap->count,
                            .start_ns = gap->start_ns,
                            .end_ns = gap->end_ns,
                            .is_placed = gap->is_placed};

    account->goes_on = true;
    if (is_double(account, event->digest, event, context))
        return; /* a gap that is told again is the same gap */
    for (unsigned cause = 0; cause < VERIFY_CAUSES; cause++) {
        account->told[cause] = add_most(account->told[cause], gap->causes[cause]);
        told.causes |= gap->causes[cause] ? 1U << cause : 0;
        if (!gap->has_range && !verify_cause_is_unnumbered(cause))
            account->unplaced_count = add_most(account->unplaced_count, gap->causes[cause]);
    }
    verify_gaps_add(&account->gaps, &told);
}

/* ---- ledgers ------------------------------------------------------------------------------------------------- */

static const char *ledger_name(enum verify_kind kind)
{
    return kind == VERIFY_STARTED ? "sensor-started" : kind == VERIFY_STATUS ? "sensor-status" : "sensor-stopped";
}

static void balance_check(const struct epoch_account *account, const struct verify_event *event,
                          const struct verify_context *context)
{
    const struct verify_ledger *ledger = &event->ledger;
    struct verify_finding finding = finding_at(account, context, "ledger-balance");
    uint64_t dropped = 0, sum;

    for (unsigned cause = 0; cause < VERIFY_CAUSES; cause++)
        dropped = add_most(dropped, ledger->dropped[cause]);
    sum = add_most(add_most(ledger->delivered, ledger->filtered), add_most(dropped, ledger->held));
    if (sum == ledger->produced)
        return;
    finding.from_ns = finding.to_ns = event->time_ns;
    verify_findings_add(context->findings, VERIFY_UNACCOUNTED, &finding,
                        "%s does not balance: %" PRIu64 " produced, and %" PRIu64 " delivered + %" PRIu64
                        " filtered + %" PRIu64 " dropped + %" PRIu64 " held",
                        ledger_name(event->kind), ledger->produced, ledger->delivered, ledger->filtered, dropped,
                        ledger->held);
}

static void grows_check(const struct epoch_account *account, const char *name, uint64_t before, uint64_t now,
                        const struct verify_event *event, const struct verify_context *context)
{
    struct verify_finding finding = finding_at(account, context, "ledger-back");

    if (now >= before)
        return;
    finding.from_ns = account->ledger_ns;
    finding.to_ns = event->time_ns;
    verify_findings_add(context->findings, VERIFY_UNACCOUNTED, &finding,
                        "%s: %s goes back from %" PRIu64 " to %" PRIu64, ledger_name(event->kind), name, before, now);
}

/* What counts up to the end of the epoch, whichever agent counts. */
static void growth_check(const struct epoch_account *account, const struct verify_event *event,
                         const struct verify_context *context)
{
    const struct verify_ledger *before = &account->ledger, *now = &event->ledger;

    if (!account->ledger_known)
        return;
    grows_check(account, "produced", before->produced, now->produced, event, context);
    grows_check(account, "filtered", before->filtered, now->filtered, event, context);
    if (event->kind != VERIFY_STARTED) /* an agent that was killed may have written what it could not count */
        grows_check(account, "delivered", before->delivered, now->delivered, event, context);
    for (unsigned cause = 0; cause < VERIFY_CAUSES; cause++)
        grows_check(account, verify_cause_name(cause), before->dropped[cause], now->dropped[cause], event, context);
}

/* Gaps stand before the ledger that counts them. */
static void told_check(const struct epoch_account *account, const struct verify_event *event,
                       const struct verify_context *context)
{
    struct verify_finding finding = finding_at(account, context, "ledger-told");

    finding.from_ns = finding.to_ns = event->time_ns;
    for (unsigned cause = 0; cause < VERIFY_CAUSES; cause++)
        if (account->told[cause] > event->ledger.dropped[cause])
            verify_findings_add(context->findings, VERIFY_UNACCOUNTED, &finding,
                                "%s counts %" PRIu64 " lost by %s, and gaps tell of %" PRIu64, ledger_name(event->kind),
                                event->ledger.dropped[cause], verify_cause_name(cause), account->told[cause]);
}

/* A ledger in a stream of which the beginning is not here: what was delivered before is what it counts too many. */
static void before_derive(struct epoch_account *account, const struct verify_ledger *ledger)
{
    account->run_base = ledger->delivered > account->run_count ? ledger->delivered - account->run_count : 0;
    account->run_known = true;
    if (account->before_known || account->run != 0)
        return;
    account->before_known = true;
    account->before = account->run_base;
    for (unsigned cause = 0; cause < VERIFY_CAUSES; cause++)
        account->dropped_before[cause] =
            ledger->dropped[cause] > account->told[cause] ? ledger->dropped[cause] - account->told[cause] : 0;
}

static void delivered_check(struct epoch_account *account, const struct verify_event *event,
                            const struct verify_context *context)
{
    uint64_t here = add_most(account->run_base, account->run_count), said = event->ledger.delivered;
    uint64_t off = here > said ? here - said : said - here;
    struct verify_finding finding = finding_at(account, context, "ledger-delivered");
    char from[UTC_TEXT_BYTES], to[UTC_TEXT_BYTES];

    if (off == 0)
        return;
    account->run_base = said - account->run_count; /* each difference is told once */
    if (context->chained)
        return; /* the sum is looked at in the end */
    finding.count = off;
    finding.from_ns = account->ledger_known ? account->ledger_ns : account->first_ns;
    finding.to_ns = event->time_ns;
    verify_findings_add(context->findings, VERIFY_UNACCOUNTED, &finding,
                        "%s counts %" PRIu64 " delivered, and %" PRIu64 " stand before it: %" PRIu64
                        " too %s, between %s and %s",
                        ledger_name(event->kind), said, here, off, here > said ? "many" : "few",
                        utc_text(finding.from_ns, from), utc_text(finding.to_ns, to));
}

static void run_begin(struct epoch_account *account, const struct verify_ledger *ledger, bool first)
{
    if (first) {
        account->start_seen = account->before_known = true;
        account->before = ledger->delivered;
        memcpy(account->dropped_before, ledger->dropped, sizeof(account->dropped_before));
    }
    account->run++;
    account->run_known = true;
    account->run_base = ledger->delivered;
    account->run_count = 0;
}

static void ledger_take(struct epoch_account *account, const struct verify_event *event, bool first,
                        const struct verify_context *context)
{
    balance_check(account, event, context);
    growth_check(account, event, context);
    told_check(account, event, context);
    if (event->kind == VERIFY_STARTED)
        run_begin(account, &event->ledger, first);
    else if (!account->run_known)
        before_derive(account, &event->ledger);
    else
        delivered_check(account, event, context);
    account->ledger_known = true;
    account->ledger_kind = event->kind;
    account->ledger_ns = event->time_ns;
    account->ledger = event->ledger;
    account->goes_on = false;
}

/* ---- all of it ------------------------------------------------------------------------------------------------ */

static void time_take(struct epoch_account *account, uint64_t time_ns)
{
    if (account->first_ns == 0 || time_ns < account->first_ns)
        account->first_ns = time_ns;
    if (time_ns > account->last_ns)
        account->last_ns = time_ns;
}

void epoch_account_take(struct epoch_account *account, const struct verify_event *event,
                        const struct verify_context *context)
{
    bool first = !account->begun;

    account->begun = true;
    if (event->kind != VERIFY_OTHER)
        time_take(account, event->time_ns);
    switch (event->kind) {
    case VERIFY_NUMBERED:
        numbered_take(account, event, context);
        break;
    case VERIFY_GAP:
        gap_take(account, event, context);
        break;
    case VERIFY_STARTED:
    case VERIFY_STATUS:
    case VERIFY_STOPPED:
        ledger_take(account, event, first, context);
        break;
    default:
        break;
    }
}

void epoch_account_damage(struct epoch_account *account, uint64_t numbered_count, uint64_t other_count)
{
    account->damaged_count = add_most(account->damaged_count, numbered_count);
    account->damaged_others = add_most(account->damaged_others, other_count);
}
