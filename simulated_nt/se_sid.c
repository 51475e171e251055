/* SPDX-License-Identifier: Apache-2.0 */
/*
 * se: security identifiers. What ntoskrnl exports about them, and the reading of "S-1-5-18", in which
 * tests name them. Called by drivers at APC_LEVEL at most, and by the rest of se.
 */
#include "simulated_nt/se_internal.h"

#define SID_HEAD_BYTES ((ULONG) __builtin_offsetof(SID, SubAuthority))

static void require_sid(const char *call, PSID sid)
{
    sim_require_irql_at_most(call, APC_LEVEL);
    if (sid == NULL)
        sim_broken(call, "the SID is NULL");
}

/* The array is declared with one element, and has up to 15. */
static ULONG *sub_authority(SID *sid, ULONG index)
{
    return (ULONG *)(void *)((UCHAR *)sid + SID_HEAD_BYTES + index * sizeof(ULONG));
}

ULONG sim_sid_bytes(const SID *sid)
{
    return SID_HEAD_BYTES + sid->SubAuthorityCount * (ULONG)sizeof(ULONG);
}

ULONG NTAPI RtlLengthRequiredSid(IN ULONG SubAuthorityCount)
{
    return SID_HEAD_BYTES + SubAuthorityCount * (ULONG)sizeof(ULONG);
}

ULONG NTAPI RtlLengthSid(IN PSID Sid)
{
    require_sid("RtlLengthSid", Sid);
    return sim_sid_bytes(Sid);
}

BOOLEAN NTAPI RtlValidSid(IN PSID Sid)
{
    const SID *sid = Sid;

    sim_require_irql_at_most("RtlValidSid", APC_LEVEL);
    return sid != NULL && (sid->Revision & 0x0f) == SID_REVISION && sid->SubAuthorityCount <= SID_MAX_SUB_AUTHORITIES;
}

bool sim_sid_equal(const SID *left, const SID *right)
{
    return left->Revision == right->Revision && left->SubAuthorityCount == right->SubAuthorityCount &&
           __builtin_memcmp(left, right, sim_sid_bytes(left)) == 0;
}

BOOLEAN NTAPI RtlEqualSid(IN PSID Sid1, IN PSID Sid2)
{
    require_sid("RtlEqualSid", Sid1);
    require_sid("RtlEqualSid", Sid2);
    return sim_sid_equal(Sid1, Sid2);
}

NTSTATUS NTAPI RtlInitializeSid(OUT PSID Sid, IN PSID_IDENTIFIER_AUTHORITY IdentifierAuthority,
                                IN UCHAR SubAuthorityCount)
{
    SID *sid = Sid;

    require_sid("RtlInitializeSid", Sid);
    if (SubAuthorityCount > SID_MAX_SUB_AUTHORITIES)
        return STATUS_INVALID_PARAMETER;
    sid->Revision = SID_REVISION;
    sid->SubAuthorityCount = SubAuthorityCount;
    sid->IdentifierAuthority = *IdentifierAuthority;
    return STATUS_SUCCESS;
}

PULONG NTAPI RtlSubAuthoritySid(IN PSID Sid, IN ULONG SubAuthority)
{
    SID *sid = Sid;

    require_sid("RtlSubAuthoritySid", Sid);
    if (SubAuthority >= sid->SubAuthorityCount)
        sim_broken("RtlSubAuthoritySid", "sub-authority %u of SID %p, which has %u", SubAuthority, Sid,
                   (unsigned)sid->SubAuthorityCount);
    return sub_authority(sid, SubAuthority);
}

PUCHAR NTAPI RtlSubAuthorityCountSid(IN PSID Sid)
{
    require_sid("RtlSubAuthorityCountSid", Sid);
    return &((SID *)Sid)->SubAuthorityCount;
}

NTSTATUS NTAPI RtlCopySid(IN ULONG Length, IN PSID Destination, IN PSID Source)
{
    ULONG bytes;

    require_sid("RtlCopySid", Source);
    bytes = sim_sid_bytes(Source);
    if (Length < bytes)
        return STATUS_BUFFER_TOO_SMALL;
    __builtin_memcpy(Destination, Source, bytes);
    return STATUS_SUCCESS;
}

/* ---- text ------------------------------------------------------------------------------------- */

/* Appends a number, decimal or in hexadecimal digits; returns the new count of units. */
static ULONG put_number(WCHAR *text, ULONG at, ULONG64 number, unsigned base)
{
    WCHAR digits[24];
    ULONG count = 0;

    do {
        unsigned digit = (unsigned)(number % base);

        digits[count++] = (WCHAR)(digit < 10 ? '0' + digit : 'a' + digit - 10);
        number /= base;
    } while (number != 0);
    while (count != 0)
        text[at++] = digits[--count];
    return at;
}

static ULONG64 authority_of(const SID *sid)
{
    ULONG64 authority = 0;

    for (unsigned i = 0; i < 6; i++)
        authority = authority << 8 | sid->IdentifierAuthority.Value[i];
    return authority;
}

/* At most "S-1-0x" and 12 digits, and 15 times "-" and 10 digits. */
ULONG sim_sid_text(const SID *sid, WCHAR text[SIM_SID_TEXT_UNITS])
{
    ULONG64 authority = authority_of(sid);
    ULONG at = 0;

    text[at++] = 'S';
    text[at++] = '-';
    at = put_number(text, at, sid->Revision, 10);
    text[at++] = '-';
    if (authority >> 32 != 0) {
        text[at++] = '0';
        text[at++] = 'x';
    }
    at = put_number(text, at, authority, authority >> 32 != 0 ? 16 : 10);
    for (unsigned i = 0; i < sid->SubAuthorityCount; i++) {
        const UCHAR *from = (const UCHAR *)sid + SID_HEAD_BYTES + i * sizeof(ULONG);
        ULONG sub;

        __builtin_memcpy(&sub, from, sizeof(sub));
        text[at++] = '-';
        at = put_number(text, at, sub, 10);
    }
    return at;
}

NTSTATUS NTAPI RtlConvertSidToUnicodeString(IN OUT PUNICODE_STRING UnicodeString, IN PSID Sid,
                                            IN BOOLEAN AllocateDestinationString)
{
    WCHAR text[SIM_SID_TEXT_UNITS];
    ULONG bytes;

    sim_require_irql_at_most("RtlConvertSidToUnicodeString", PASSIVE_LEVEL);
    if (!RtlValidSid(Sid))
        return STATUS_INVALID_SID;
    bytes = sim_sid_text(Sid, text) * (ULONG)sizeof(WCHAR);
    if (AllocateDestinationString) {
        if (sim_fault_here("RtlConvertSidToUnicodeString", __builtin_return_address(0)))
            return STATUS_NO_MEMORY;
        UnicodeString->MaximumLength = (USHORT)(bytes + sizeof(WCHAR));
        UnicodeString->Buffer = ExAllocatePoolWithTag(PagedPool, UnicodeString->MaximumLength, SIM_SE_POOL_TAG);
        if (UnicodeString->Buffer == NULL)
            return STATUS_NO_MEMORY;
    }
    if (UnicodeString->MaximumLength < bytes)
        return STATUS_BUFFER_OVERFLOW;
    UnicodeString->Length = (USHORT)bytes;
    __builtin_memcpy(UnicodeString->Buffer, text, bytes);
    if (UnicodeString->MaximumLength >= bytes + sizeof(WCHAR))
        UnicodeString->Buffer[bytes / sizeof(WCHAR)] = 0;
    return STATUS_SUCCESS;
}

static const char *take_number(const char *text, ULONG64 *ret_number)
{
    ULONG64 number = 0;

    while (*text >= '0' && *text <= '9')
        number = number * 10 + (unsigned)(*text++ - '0');
    *ret_number = number;
    return text;
}

/* "S-1-5-32-544", and nothing else: a mistake there is the test's own. */
void sim_sid_read(const char *text, union sim_sid *ret_sid)
{
    ULONG64 number;
    const char *at = text;
    SID *sid = &ret_sid->sid;

    __builtin_memset(ret_sid, 0, sizeof(*ret_sid));
    if (text == NULL || text[0] != 'S' || text[1] != '-' || text[2] != '1' || text[3] != '-')
        sim_broken("sim_sid_read", "\"%s\" is no SID", text == NULL ? "(null)" : text);
    sid->Revision = SID_REVISION;
    at = take_number(at + 4, &number);
    for (unsigned i = 0; i < 6; i++)
        sid->IdentifierAuthority.Value[i] = (UCHAR)(number >> (8 * (5 - i)));
    while (*at == '-' && sid->SubAuthorityCount < SID_MAX_SUB_AUTHORITIES) {
        at = take_number(at + 1, &number);
        *sub_authority(sid, sid->SubAuthorityCount++) = (ULONG)number;
    }
    if (*at != 0)
        sim_broken("sim_sid_read", "\"%s\" is no SID", text);
}
