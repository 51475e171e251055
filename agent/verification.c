/* SPDX-License-Identifier: Apache-2.0 */
/* verification.h */
#include "verification.h"

#include <stdlib.h>

void verification_deinit(struct verification *verification)
{
    for (size_t i = 0; i < verification->epoch_count; i++) {
        epoch_account_deinit(verification->epochs[i]);
        free(verification->epochs[i]);
    }
    free(verification->epochs);
    verify_doubles_deinit(&verification->doubles);
    verify_findings_deinit(&verification->findings);
    *verification = (struct verification){0};
}

static bool epochs_grow(struct verification *verification)
{
    size_t wanted = verification->epoch_capacity ? verification->epoch_capacity * 2 : 8;
    struct epoch_account **epochs;

    if (verification->epoch_count < verification->epoch_capacity)
        return true;
    epochs = wanted <= VERIFY_EPOCHS_MAX ? realloc(verification->epochs, wanted * sizeof(*epochs)) : NULL;
    if (!epochs)
        return false;
    verification->epochs = epochs;
    verification->epoch_capacity = wanted;
    return true;
}

static struct epoch_account *epoch_make(struct verification *verification, uint64_t epoch)
{
    struct epoch_account *account = epochs_grow(verification) ? calloc(1, sizeof(*account)) : NULL;

    if (!account)
        return NULL;
    verification->epochs[verification->epoch_count++] = account;
    account->epoch = epoch;
    account->index = (uint32_t)verification->epoch_count;
    return account;
}

/* NULL where there are too many. */
static struct epoch_account *epoch_find(struct verification *verification, uint64_t epoch)
{
    if (verification->current && verification->current->epoch == epoch)
        return verification->current;
    for (size_t i = 0; i < verification->epoch_count; i++)
        if (verification->epochs[i]->epoch == epoch)
            return verification->epochs[i];
    return epoch_make(verification, epoch);
}

static struct epoch_account *epoch_have(struct verification *verification, uint64_t epoch,
                                        const struct verify_place *place)
{
    struct epoch_account *account = epoch_find(verification, epoch);
    const struct verify_finding finding = {.what = "limit", .place = *place};

    if (account)
        verification->current = account;
    else if (!verification->limit_told) {
        verification->limit_told = true;
        verify_findings_add(&verification->findings, VERIFY_UNACCOUNTED, &finding,
                            "too many epochs to keep in mind: of those that begin from here on nothing is known");
    }
    return account;
}

void verification_take(struct verification *verification, const struct verify_event *event,
                       const struct verify_place *place)
{
    const struct verify_context context = {.place = *place,
                                           .chained = place->line == 0,
                                           .doubles = &verification->doubles,
                                           .findings = &verification->findings};
    struct epoch_account *account = epoch_have(verification, event->epoch, place);
    size_t before;

    if (!account)
        return;
    before = account->seen.run_count;
    account->seen.run_limit = before + 1 + (VERIFY_RUNS_MAX - verification->run_count);
    epoch_account_take(account, event, &context);
    verification->run_count += account->seen.run_count - before;
    if (verification->run_count > VERIFY_RUNS_MAX)
        verification->run_count = VERIFY_RUNS_MAX;
}

void verification_damage(struct verification *verification, uint64_t epoch, const struct verify_place *place,
                         uint64_t numbered_count, uint64_t other_count)
{
    struct epoch_account *account = epoch_have(verification, epoch, place);

    if (account)
        epoch_account_damage(account, numbered_count, other_count);
}

void verification_judge(struct verification *verification)
{
    for (size_t i = 0; i < verification->epoch_count; i++)
        epoch_account_judge(verification->epochs[i], &verification->findings);
}

enum verify_severity verification_worst(const struct verification *verification)
{
    enum verify_severity severity = VERIFY_UNACCOUNTED;

    while (severity < VERIFY_NOTE && verification->findings.of[severity].count == 0)
        severity++;
    return severity;
}
