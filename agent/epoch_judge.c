/* SPDX-License-Identifier: Apache-2.0 */
/* epoch_account.h: the verdict. Which numbers are missing stands in epoch_numbers.c. */
#include "epoch_judge.h"

#include <inttypes.h>
#include <stdio.h>

#include "utc_text.h"

/* ---- gaps ----------------------------------------------------------------------------------------------------- */

static void gap_tell(struct judgement *judgement, const struct told_gap *gap)
{
    struct verify_finding finding = finding_of(judgement, "lost");
    char causes[EPOCH_TEXT_BYTES], times[EPOCH_TEXT_BYTES], where[EPOCH_TEXT_BYTES] = "numbers that are not known";

    finding.first_sequence = gap->first;
    finding.last_sequence = gap->last;
    finding.count = gap->count;
    finding.from_ns = gap->start_ns;
    finding.to_ns = gap->end_ns;
    if (gap->first != 0 && gap->first == gap->last)
        snprintf(where, sizeof(where), "number %" PRIu64, gap->first);
    else if (gap->first != 0)
        snprintf(where, sizeof(where), "of numbers %" PRIu64 " to %" PRIu64, gap->first, gap->last);
    else if ((gap->causes & ~(1U << MUSTER_CAUSE_PROGRAM_MISSED | 1U << MUSTER_CAUSE_IRQL_REFUSED)) == 0)
        snprintf(where, sizeof(where), "never numbered");
    verify_findings_add(judgement->findings, VERIFY_LOST, &finding, "%" PRIu64 " lost (%s), %s%s", gap->count,
                        epoch_text_causes(gap->causes, causes), where,
                        epoch_text_times(gap->start_ns, gap->end_ns, times));
}

/* In ascending order. Ranges of one epoch never overlap, but for those of what a damaged capture had lost. */
static void gaps_judge(struct judgement *judgement)
{
    const struct verify_gaps *gaps = &judgement->account->gaps;
    struct verify_finding finding = finding_of(judgement, "gap-overlap");
    uint64_t last = 0;

    for (size_t i = 0; i < gaps->count; i++) {
        const struct told_gap *gap = &gaps->gaps[i];

        gap_tell(judgement, gap);
        if (gap->first == 0 || !gap->is_placed)
            continue;
        finding.first_sequence = gap->first;
        finding.last_sequence = gap->last;
        if (gap->first <= last)
            verify_findings_add(judgement->findings, VERIFY_UNACCOUNTED, &finding,
                                "the gap of numbers %" PRIu64 " to %" PRIu64
                                " lies over another one, which ends at %" PRIu64,
                                gap->first, gap->last, last);
        if (gap->last > last)
            last = gap->last;
    }
}

/* ---- the ends ------------------------------------------------------------------------------------------------------
 */

static bool lost_something_before(const struct epoch_account *account)
{
    uint64_t sum = account->before;

    for (unsigned cause = 0; cause < VERIFY_CAUSES; cause++)
        sum |= account->dropped_before[cause];
    return sum != 0;
}

static void start_judge(struct judgement *judgement)
{
    struct epoch_account *account = judgement->account;
    struct verify_finding finding = finding_of(judgement, "no-start");
    char from[UTC_TEXT_BYTES];

    finding.first_sequence = finding.last_sequence = judgement->lowest;
    finding.to_ns = account->first_ns;
    if (!account->before_known && account->ledger_known) {
        account->before = less(account->ledger.delivered, add_most(account->seen.count, account->damaged_count));
        account->before_known = true;
    }
    if (account->start_seen && lost_something_before(account)) {
        finding.what = "before";
        finding.count = account->before;
        verify_findings_add(judgement->findings, VERIFY_NOTE, &finding,
                            "%" PRIu64 " events were delivered to other outputs before this one began",
                            account->before);
    } else if (!account->start_seen && account->before_known && !lost_something_before(account)) {
        verify_findings_add(judgement->findings, VERIFY_NOTE, &finding,
                            "sensor-started is not here, but nothing was delivered before");
    } else if (!account->start_seen && account->begun) {
        verify_findings_add(judgement->findings, VERIFY_UNACCOUNTED, &finding,
                            "begins at number %" PRIu64
                            ", %s, without the sensor's start: nothing is known of what came before",
                            finding.first_sequence, utc_text(account->first_ns, from));
    }
}

static void stop_judge(struct judgement *judgement)
{
    const struct epoch_account *account = judgement->account;
    struct verify_finding finding = finding_of(judgement, "no-stop");
    uint64_t given = epoch_numbers_given(account), highest = judgement->highest;
    char at[UTC_TEXT_BYTES];

    finding.from_ns = account->last_ns;
    if (!account->begun)
        return; /* all of it is lost, and that was told */
    if (!judgement->stopped) {
        finding.first_sequence = finding.last_sequence = account->last_number;
        verify_findings_add(judgement->findings, VERIFY_UNACCOUNTED, &finding,
                            "ends at number %" PRIu64
                            ", %s, without the sensor's stop: nothing is known of what came after",
                            account->last_number, utc_text(account->last_ns, at));
        return;
    }
    if (highest > given) {
        finding.what = "ledger-numbers";
        finding.first_sequence = finding.last_sequence = highest;
        verify_findings_add(judgement->findings, VERIFY_UNACCOUNTED, &finding,
                            "number %" PRIu64 " is here, and sensor-stopped says that %" PRIu64 " were given", highest,
                            given);
    }
    if (account->ledger.held > 0) {
        finding.what = "held";
        finding.count = account->ledger.held;
        verify_findings_add(judgement->findings, VERIFY_NOTE, &finding,
                            "%" PRIu64 " events were held when it stopped, for who reads next", account->ledger.held);
    }
}

static void doubles_judge(struct judgement *judgement)
{
    const struct epoch_account *account = judgement->account;
    struct verify_finding finding = finding_of(judgement, "doubled");

    finding.count = account->doubled_count;
    if (account->doubled_count > 0)
        verify_findings_add(judgement->findings, VERIFY_NOTE, &finding,
                            "%" PRIu64 " %s here once more, the same, as after an agent was killed",
                            account->doubled_count, account->doubled_count == 1 ? "event is" : "events are");
    finding.what = "double-unknown";
    finding.count = account->seen.doubled_count;
    if (account->seen.doubled_count > 0)
        verify_findings_add(judgement->findings, VERIFY_UNACCOUNTED, &finding,
                            "%" PRIu64 " numbers are here once more, too far from the first time to compare them",
                            account->seen.doubled_count);
}

static uint64_t lowest_number(const struct epoch_account *account)
{
    return account->seen.run_count > 0 ? account->seen.runs[0].first : 0;
}

static uint64_t highest_number(const struct epoch_account *account)
{
    uint64_t last = account->seen.run_count > 0 ? account->seen.runs[account->seen.run_count - 1].last : 0;

    for (size_t i = 0; i < account->gaps.count; i++)
        if (account->gaps.gaps[i].last > last)
            last = account->gaps.gaps[i].last;
    return last;
}

static void limits_judge(struct judgement *judgement)
{
    const struct epoch_account *account = judgement->account;
    struct verify_finding finding = finding_of(judgement, "limit");

    if (account->seen.given_up || account->gaps.given_up)
        verify_findings_add(judgement->findings, VERIFY_UNACCOUNTED, &finding,
                            "too many separate %s to keep in mind: which numbers are missing is not known",
                            account->seen.given_up ? "numbers" : "gaps");
}

void epoch_account_judge(struct epoch_account *account, struct verify_findings *findings)
{
    struct judgement judgement = {.account = account, .findings = findings};

    sequence_set_settle(&account->seen);
    verify_gaps_sort(&account->gaps);
    judgement.stopped = account->ledger_known && account->ledger_kind == VERIFY_STOPPED && !account->goes_on;
    judgement.lowest = lowest_number(account);
    judgement.highest = judgement.last = highest_number(account);
    if (judgement.last < epoch_numbers_given(account))
        judgement.last = epoch_numbers_given(account);
    account->lost_count = account->damaged_count;
    for (unsigned cause = 0; cause < VERIFY_CAUSES; cause++)
        account->lost_count = add_most(account->lost_count, account->told[cause]);
    start_judge(&judgement);
    stop_judge(&judgement);
    doubles_judge(&judgement);
    gaps_judge(&judgement);
    if (!account->seen.given_up && !account->gaps.given_up)
        epoch_numbers_judge(&judgement);
    limits_judge(&judgement);
}
