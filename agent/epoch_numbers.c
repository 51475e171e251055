/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoch_judge.h: each number from 1 to the last has to be one of: read; missing in exactly one gap; and as many as the
 * last ledger says filtered, held, or delivered before. Those have no place, so where there are some, how many are
 * missing is certain, and which ones is not.
 */
#include <inttypes.h>

#include "epoch_judge.h"

uint64_t epoch_numbers_given(const struct epoch_account *account)
{
    const struct verify_ledger *ledger = &account->ledger;

    return less(less(ledger->produced, ledger->dropped[MUSTER_CAUSE_PROGRAM_MISSED]),
                ledger->dropped[MUSTER_CAUSE_IRQL_REFUSED]);
}

static void gap_excess(void *context, const struct told_gap *gap, uint64_t excess)
{
    struct judgement *judgement = context;
    struct verify_finding finding = finding_of(judgement, "gap-count");

    finding.first_sequence = gap->first;
    finding.last_sequence = gap->last;
    finding.from_ns = gap->start_ns;
    finding.to_ns = gap->end_ns;
    verify_findings_add(judgement->findings, VERIFY_UNACCOUNTED, &finding,
                        "the gap of numbers %" PRIu64 " to %" PRIu64 " tells of %" PRIu64 " lost, and only %" PRIu64
                        " are missing there",
                        gap->first, gap->last, gap->count, gap->count - excess);
}

/* ---- what the last ledger has, and no gap tells ---------------------------------------------------------------- */

static void untold_tell(struct judgement *judgement, enum verify_severity severity, uint64_t count, uint32_t causes,
                        const char *why)
{
    struct verify_finding finding = finding_of(judgement, "lost-untold");
    char text[EPOCH_TEXT_BYTES];

    finding.count = count;
    finding.to_ns = judgement->account->ledger_ns;
    verify_findings_add(judgement->findings, severity, &finding,
                        "the last ledger counts %" PRIu64 " more lost (%s) than gaps tell of%s", count,
                        epoch_text_causes(causes, text), why);
}

static void untold_judge(struct judgement *judgement)
{
    struct epoch_account *account = judgement->account;
    uint64_t numbered = 0, more = 0;
    uint32_t causes = 0;

    for (unsigned cause = 0; cause < VERIFY_CAUSES; cause++) {
        uint64_t untold = less(account->ledger.dropped[cause], account->told[cause]);

        untold = less(untold, account->dropped_before[cause]); /* told to other outputs */
        more = add_most(more, untold);
        numbered = add_most(numbered, verify_cause_is_unnumbered(cause) ? 0 : untold);
        causes |= untold ? 1U << cause : 0;
    }
    if (more == 0)
        return;
    judgement->untold = numbered;
    if (account->damaged_others > 0)
        untold_tell(judgement, VERIFY_LOST, more, causes, ": they stood in the damage");
    else if (account->ledger.held > 0)
        untold_tell(judgement, VERIFY_LOST, more, causes, ": they are held with the rest");
    else if (judgement->stopped) {
        judgement->untold = 0; /* nothing explains them: they are missing */
        account->missing_count = add_most(account->missing_count, more - numbered);
        untold_tell(judgement, VERIFY_UNACCOUNTED, more, causes, "");
        return;
    }
    account->lost_count = add_most(account->lost_count, more);
}

/* ---- missing numbers ----------------------------------------------------------------------------------------------
 */

static void left_count(void *context, const struct sequence_run *run)
{
    struct judgement *judgement = context;

    judgement->left += run->last - run->first + 1;
}

static void excess_ignore(void *context, const struct told_gap *gap, uint64_t excess)
{
    (void)context;
    (void)gap;
    (void)excess;
}

static void left_tell(void *context, const struct sequence_run *run)
{
    struct judgement *judgement = context;
    struct verify_finding finding = finding_of(judgement, "missing");
    uint64_t count = run->last - run->first + 1, first = run->first;
    char numbers[EPOCH_TEXT_BYTES], times[EPOCH_TEXT_BYTES];

    if (judgement->skip >= count) {
        judgement->skip -= count;
        return;
    }
    first += judgement->skip;
    count -= judgement->skip;
    judgement->skip = 0;
    if (count > judgement->told_left)
        count = judgement->told_left;
    if (count == 0)
        return;
    judgement->told_left -= count;
    finding.first_sequence = first;
    finding.last_sequence = first + count - 1;
    finding.count = count;
    finding.from_ns = run->first_ns;
    finding.to_ns = run->last_ns;
    verify_findings_add(judgement->findings, VERIFY_UNACCOUNTED, &finding, "%s missing, and no gap tells of %s%s",
                        epoch_text_numbers(first, first + count - 1, numbers), count == 1 ? "it" : "them",
                        epoch_text_times(run->first_ns, run->last_ns, times));
}

/* `skip` and `told_left` are set. */
static void missing_list(struct judgement *judgement)
{
    const struct verify_match match = {.context = judgement, .left = left_tell, .excess = excess_ignore};

    if (judgement->told_left > 0)
        (void)verify_gaps_match(&judgement->account->gaps, &judgement->account->seen, judgement->last, &match);
}

static void missing_judge(struct judgement *judgement, uint64_t below, uint64_t anywhere, uint64_t above)
{
    struct epoch_account *account = judgement->account;
    uint64_t explained = add_most(below, add_most(anywhere, above));
    struct verify_finding finding = finding_of(judgement, "missing");
    uint64_t count = less(judgement->left, explained);

    finding.count = count;
    finding.from_ns = account->first_ns;
    finding.to_ns = account->last_ns;
    account->missing_count = add_most(account->missing_count, count);
    if (count > 0 && anywhere == 0) {
        judgement->skip = below;
        judgement->told_left = count;
        missing_list(judgement);
    } else if (count > 0) {
        verify_findings_add(judgement->findings, VERIFY_UNACCOUNTED, &finding,
                            "%" PRIu64 " numbers have no line and are in no gap, and only %" PRIu64
                            " of them are filtered, held or told otherwise: %" PRIu64 " missing",
                            judgement->left, explained, count);
    } else if (explained > judgement->left) {
        finding.what = "ledger-numbers";
        finding.count = explained - judgement->left;
        verify_findings_add(judgement->findings, VERIFY_UNACCOUNTED, &finding,
                            "%" PRIu64 " numbers should have no line (filtered, held, or told otherwise), and %" PRIu64
                            " have none",
                            explained, judgement->left);
    }
}

/* Without the sensor's stop: what has no line may be on its way, or was left out since the last ledger. */
static void open_judge(struct judgement *judgement, uint64_t below, uint64_t anywhere)
{
    const struct epoch_account *account = judgement->account;
    uint64_t count = less(judgement->left, add_most(below, anywhere));
    struct verify_finding finding = finding_of(judgement, "open");

    if (count == 0)
        return;
    finding.count = count;
    finding.from_ns = account->first_ns;
    finding.to_ns = account->last_ns;
    verify_findings_add(judgement->findings, VERIFY_UNACCOUNTED, &finding,
                        "%" PRIu64 " numbers up to %" PRIu64
                        " have no line and are in no gap: on their way, left out by a filter, or missing",
                        count, judgement->last);
    if (anywhere == 0) {
        judgement->skip = below;
        judgement->told_left = count;
        missing_list(judgement);
    }
}

/* ---- all of it ----------------------------------------------------------------------------------------------------
 */

/* What other outputs have, and what was told there as lost: numbers that lie below. */
static uint64_t before_count(const struct judgement *judgement)
{
    const struct epoch_account *account = judgement->account;
    uint64_t count = account->before;

    if (!account->before_known)
        return less(judgement->lowest, 1);
    for (unsigned cause = 0; cause < VERIFY_CAUSES; cause++) {
        uint64_t untold = less(account->ledger.dropped[cause], account->told[cause]);
        uint64_t before = account->dropped_before[cause];

        if (!verify_cause_is_unnumbered(cause))
            count = add_most(count, before < untold ? before : untold);
    }
    return count;
}

void epoch_numbers_judge(struct judgement *judgement)
{
    const struct verify_match match = {.context = judgement, .left = left_count, .excess = gap_excess};
    struct epoch_account *account = judgement->account;
    uint64_t below = before_count(judgement), anywhere;

    untold_judge(judgement);
    anywhere = add_most(account->ledger.filtered, add_most(account->unplaced_count, account->damaged_count));
    anywhere = add_most(anywhere, judgement->untold);
    if (!verify_gaps_match(&account->gaps, &account->seen, judgement->last, &match))
        account->gaps.given_up = true;
    else if (judgement->stopped)
        missing_judge(judgement, below, anywhere, account->ledger.held);
    else
        open_judge(judgement, below, anywhere);
}
