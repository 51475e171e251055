/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counted strings. Each UNICODE_STRING that comes in is checked: an even length within the maximum, and
 * a buffer where there is a length. Upper case is that of ASCII and Latin-1 alone.
 */
#include <ntifs.h>

#include "simulated_nt/sim_internal.h"

#define BYTES_MAX 0xfffeU

static void check_string(const char *call, PCUNICODE_STRING string)
{
    if (string == NULL)
        sim_broken(call, "a string is NULL");
    if (string->Length % sizeof(WCHAR) != 0 || string->Length > string->MaximumLength)
        sim_broken(call, "the string at %p has Length %u and MaximumLength %u", (const void *)string, string->Length,
                   string->MaximumLength);
    if (string->Length != 0 && string->Buffer == NULL)
        sim_broken(call, "the string at %p has Length %u and no buffer", (const void *)string, string->Length);
}

VOID NTAPI RtlInitUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString)
{
    size_t units = 0;

    while (SourceString != NULL && SourceString[units] != 0)
        units++;
    if (units * sizeof(WCHAR) > BYTES_MAX - sizeof(WCHAR))
        sim_broken("RtlInitUnicodeString", "a text of %zu characters does not fit", units);
    DestinationString->Length = (USHORT)(units * sizeof(WCHAR));
    DestinationString->MaximumLength = (USHORT)(SourceString == NULL ? 0 : (units + 1) * sizeof(WCHAR));
    DestinationString->Buffer = (PWSTR)(ULONG_PTR)SourceString;
}

VOID NTAPI RtlInitAnsiString(PANSI_STRING DestinationString, PCSZ SourceString)
{
    const size_t bytes = SourceString == NULL ? 0 : __builtin_strlen(SourceString);

    if (bytes > BYTES_MAX)
        sim_broken("RtlInitAnsiString", "a text of %zu characters does not fit", bytes);
    DestinationString->Length = (USHORT)bytes;
    DestinationString->MaximumLength = (USHORT)(SourceString == NULL ? 0 : bytes + 1);
    DestinationString->Buffer = (PCHAR)(ULONG_PTR)SourceString;
}

/* Silently cut where there is not enough room, as documented. */
VOID NTAPI RtlCopyUnicodeString(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString)
{
    static const char call[] = "RtlCopyUnicodeString";
    USHORT bytes;

    check_string(call, DestinationString);
    if (SourceString == NULL) {
        DestinationString->Length = 0;
        return;
    }
    check_string(call, SourceString);
    bytes = SourceString->Length;
    if (bytes > DestinationString->MaximumLength)
        bytes = (USHORT)(DestinationString->MaximumLength / sizeof(WCHAR) * sizeof(WCHAR));
    if (bytes != 0)
        __builtin_memmove(DestinationString->Buffer, SourceString->Buffer, bytes);
    DestinationString->Length = bytes;
    if (bytes + sizeof(WCHAR) <= DestinationString->MaximumLength)
        DestinationString->Buffer[bytes / sizeof(WCHAR)] = 0;
}

static NTSTATUS append(const char *call, PUNICODE_STRING to, const WCHAR *from, size_t bytes)
{
    check_string(call, to);
    if (bytes > (size_t)(to->MaximumLength - to->Length))
        return STATUS_BUFFER_TOO_SMALL;
    if (bytes == 0)
        return STATUS_SUCCESS;
    __builtin_memmove((PUCHAR)to->Buffer + to->Length, from, bytes);
    to->Length = (USHORT)(to->Length + bytes);
    if (to->Length + sizeof(WCHAR) <= to->MaximumLength)
        to->Buffer[to->Length / sizeof(WCHAR)] = 0;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlAppendUnicodeStringToString(PUNICODE_STRING Destination, PCUNICODE_STRING Source)
{
    check_string("RtlAppendUnicodeStringToString", Source);
    return append("RtlAppendUnicodeStringToString", Destination, Source->Buffer, Source->Length);
}

NTSTATUS NTAPI RtlAppendUnicodeToString(PUNICODE_STRING Destination, PCWSTR Source)
{
    UNICODE_STRING source;

    RtlInitUnicodeString(&source, Source);
    return append("RtlAppendUnicodeToString", Destination, source.Buffer, source.Length);
}

WCHAR NTAPI RtlUpcaseUnicodeChar(WCHAR SourceCharacter)
{
    const WCHAR c = SourceCharacter;

    if ((c >= 'a' && c <= 'z') || (c >= 0xe0 && c <= 0xfe && c != 0xf7))
        return (WCHAR)(c - 0x20);
    return c == 0xff ? 0x178 : c;
}

static LONG compare(PCUNICODE_STRING left, PCUNICODE_STRING right, BOOLEAN fold)
{
    const USHORT shorter = left->Length < right->Length ? left->Length : right->Length;

    for (USHORT i = 0; i < shorter / sizeof(WCHAR); i++) {
        const WCHAR a = fold ? RtlUpcaseUnicodeChar(left->Buffer[i]) : left->Buffer[i];
        const WCHAR b = fold ? RtlUpcaseUnicodeChar(right->Buffer[i]) : right->Buffer[i];
        if (a != b)
            return (LONG)a - (LONG)b;
    }
    return (LONG)left->Length - (LONG)right->Length;
}

LONG NTAPI RtlCompareUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive)
{
    static const char call[] = "RtlCompareUnicodeString";

    sim_require_irql_exactly(call, PASSIVE_LEVEL); /* the case table is paged */
    check_string(call, String1);
    check_string(call, String2);
    return compare(String1, String2, CaseInSensitive);
}

BOOLEAN NTAPI RtlEqualUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive)
{
    static const char call[] = "RtlEqualUnicodeString";

    sim_require_irql_exactly(call, PASSIVE_LEVEL);
    check_string(call, String1);
    check_string(call, String2);
    return String1->Length == String2->Length && compare(String1, String2, CaseInSensitive) == 0;
}

BOOLEAN NTAPI RtlPrefixUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive)
{
    static const char call[] = "RtlPrefixUnicodeString";
    UNICODE_STRING start;

    sim_require_irql_exactly(call, PASSIVE_LEVEL);
    check_string(call, String1);
    check_string(call, String2);
    if (String1->Length > String2->Length)
        return FALSE;
    start = *String2;
    start.Length = String1->Length;
    return compare(String1, &start, CaseInSensitive) == 0;
}

SIZE_T NTAPI RtlCompareMemory(const VOID *Source1, const VOID *Source2, SIZE_T Length)
{
    const UCHAR *left = Source1;
    const UCHAR *right = Source2;
    SIZE_T same = 0;

    while (same < Length && left[same] == right[same])
        same++;
    return same;
}
