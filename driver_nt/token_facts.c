/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token_facts.h, by SeQueryInformationToken (learn.microsoft.com): for most classes it allocates a block of
 * pool that the caller frees; for the session and the integrity level it writes the number itself where the
 * pointer to the block would stand.
 */
#include "driver_nt/token_facts.h"

#include <stdbool.h>

#include "muster/text_utf16.h"

/* The labels that Windows has end at 0x7000 (winnt.h, SECURITY_MANDATORY_*_RID). A larger number would be
 * no label, and is not passed on as one. */
#define LABEL_LAST 0xffffU

#define TOKEN_FIELDS                                                                                                   \
    (MUSTER_FIELD_BIT(MUSTER_FIELD_LOGON_ID) | MUSTER_FIELD_BIT(MUSTER_FIELD_TERMINAL_SESSION) |                       \
     MUSTER_FIELD_BIT(MUSTER_FIELD_INTEGRITY) | MUSTER_FIELD_BIT(MUSTER_FIELD_ELEVATED))

static bool number_query(PACCESS_TOKEN token, TOKEN_INFORMATION_CLASS class_of_number, ULONG *ret_number)
{
    PVOID number = NULL;

    if (!NT_SUCCESS(SeQueryInformationToken(token, class_of_number, &number)))
        return false;
    *ret_number = (ULONG)(ULONG_PTR)number;
    return true;
}

static bool logon_query(PACCESS_TOKEN token, uint64_t *ret_logon_id)
{
    PVOID block = NULL;
    const TOKEN_STATISTICS *statistics;

    if (!NT_SUCCESS(SeQueryInformationToken(token, TokenStatistics, &block)))
        return false;
    statistics = block;
    *ret_logon_id = (uint64_t)(ULONG)statistics->AuthenticationId.HighPart << 32 | statistics->AuthenticationId.LowPart;
    ExFreePool(block);
    return true;
}

void token_facts_fill(struct muster_process_start *start, PEPROCESS process)
{
    const PACCESS_TOKEN token = PsReferencePrimaryToken(process);
    ULONG number;

    if (logon_query(token, &start->logon_id))
        start->record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_LOGON_ID);
    if (number_query(token, TokenSessionId, &number)) {
        start->terminal_session_id = number;
        start->record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_TERMINAL_SESSION);
    }
    if (number_query(token, TokenIntegrityLevel, &number) && number <= LABEL_LAST) {
        start->integrity_rid = number;
        start->record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_INTEGRITY);
    }
    start->elevated = SeTokenIsAdmin(token) ? 1 : 0;
    start->record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_ELEVATED);
    start->record.unavailable |= TOKEN_FIELDS & ~start->record.valid;
    PsDereferencePrimaryToken(token);
}

static size_t sid_format(PSID sid, char ret_text[TOKEN_SID_MAX_BYTES])
{
    WCHAR units[TOKEN_SID_MAX_BYTES];
    UNICODE_STRING text = {.Buffer = units, .MaximumLength = sizeof units};
    size_t size = 0;

    if (!NT_SUCCESS(RtlConvertSidToUnicodeString(&text, sid, FALSE)) ||
        muster_utf16_to_wtf8((const uint16_t *)text.Buffer, text.Length, ret_text, TOKEN_SID_MAX_BYTES, &size) !=
            MUSTER_OK)
        return 0;
    return size;
}

size_t token_user_sid(PEPROCESS process, char ret_text[TOKEN_SID_MAX_BYTES])
{
    const PACCESS_TOKEN token = PsReferencePrimaryToken(process);
    PVOID block = NULL;
    size_t size = 0;

    if (NT_SUCCESS(SeQueryInformationToken(token, TokenUser, &block))) {
        size = sid_format(((const TOKEN_USER *)block)->User.Sid, ret_text);
        ExFreePool(block);
    }
    PsDereferencePrimaryToken(token);
    return size;
}
