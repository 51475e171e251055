/* SPDX-License-Identifier: Apache-2.0 */
/*
 * se: SIDs and their texts, lists, and who gets through them. The expected answers are written out by hand,
 * after [MS-DTYP] 2.5.3.2.
 */
#include "simulated_nt/se_internal.h"
#include "simulated_nt/tests/nt_test.h"

static bool text_is(const UNICODE_STRING *text, const char *expected)
{
    USHORT units = 0;

    while (expected[units] != 0)
        units++;
    if (text->Length != units * sizeof(WCHAR))
        return false;
    for (USHORT i = 0; i < units; i++)
        if (text->Buffer[i] != (WCHAR)expected[i])
            return false;
    return true;
}

static void sids_have_texts(void)
{
    static const char *const texts[] = {"S-1-0-0",      "S-1-5-18",
                                        "S-1-5-32-544", "S-1-5-21-4294967295-0-1-500",
                                        "S-1-16-12288", "S-1-15-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15"};
    WCHAR units[SIM_SID_TEXT_UNITS];
    UNICODE_STRING text = {0, sizeof(units), units};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        union sim_sid sid, copy;

        sim_sid_read(texts[i], &sid);
        NT_CHECK(RtlValidSid(&sid));
        NT_CHECK_EQUAL(RtlConvertSidToUnicodeString(&text, &sid, FALSE), 0);
        NT_CHECK(text_is(&text, texts[i]));
        NT_CHECK_EQUAL(RtlCopySid(RtlLengthSid(&sid) - 1, &copy, &sid), STATUS_BUFFER_TOO_SMALL);
        NT_CHECK_EQUAL(RtlCopySid(RtlLengthSid(&sid), &copy, &sid), 0);
        NT_CHECK(RtlEqualSid(&sid, &copy));
    }
    text.MaximumLength = 12;
    NT_CHECK_EQUAL(RtlConvertSidToUnicodeString(&text, SeExports->SeLocalSystemSid, FALSE), STATUS_BUFFER_OVERFLOW);
    NT_CHECK_EQUAL(RtlConvertSidToUnicodeString(&text, SeExports->SeAliasAdminsSid, TRUE), 0);
    NT_CHECK(text_is(&text, "S-1-5-32-544"));
    ExFreePool(text.Buffer);
}

static void large_authorities_are_hexadecimal(void)
{
    WCHAR units[SIM_SID_TEXT_UNITS];
    UNICODE_STRING text = {0, sizeof(units), units};
    SID sid = {.Revision = 1, .SubAuthorityCount = 1, .IdentifierAuthority = {{1, 2, 3, 4, 5, 6}}, .SubAuthority = {7}};

    NT_CHECK_EQUAL(RtlConvertSidToUnicodeString(&text, &sid, FALSE), 0);
    NT_CHECK(text_is(&text, "S-1-0x10203040506-7"));
    sid.Revision = 2;
    NT_CHECK(!RtlValidSid(&sid));
    NT_CHECK_EQUAL(RtlConvertSidToUnicodeString(&text, &sid, FALSE), STATUS_INVALID_SID);
}

/* ---- lists -------------------------------------------------------------------------------------- */

struct list {
    union {
        ACL acl;
        ULONG room[64];
    };
};

static void list_init(struct list *list)
{
    NT_CHECK_EQUAL(RtlCreateAcl(&list->acl, sizeof(list->room), ACL_REVISION), 0);
}

static void list_allow(struct list *list, ACCESS_MASK mask, const char *text)
{
    union sim_sid sid;

    sim_sid_read(text, &sid);
    NT_CHECK_EQUAL(RtlAddAccessAllowedAce(&list->acl, ACL_REVISION, mask, &sid), 0);
}

/* What was last allowed is denied instead. */
static void list_deny(struct list *list, ACCESS_MASK mask, const char *text)
{
    PVOID ace;

    list_allow(list, mask, text);
    NT_CHECK_EQUAL(RtlGetAce(&list->acl, list->acl.AceCount - 1U, &ace), 0);
    ((ACE_HEADER *)ace)->AceType = ACCESS_DENIED_ACE_TYPE;
}

/* The access granted, or 0. */
static ACCESS_MASK granted(struct list *list, const struct sim_token_spec *spec, ACCESS_MASK desired)
{
    struct sim_security security = {.is_set = true, .dacl = &list->acl};
    struct sim_token *token = sim_token_create(spec);
    ACCESS_MASK access = 0;
    NTSTATUS status = sim_access_check(&security, token, desired, &access);

    sim_token_release(token);
    NT_CHECK(status == STATUS_SUCCESS || status == STATUS_ACCESS_DENIED);
    return status == STATUS_SUCCESS ? access : 0;
}

static void entries_add_up(void)
{
    struct list list;

    list_init(&list);
    list_allow(&list, FILE_READ_DATA, "S-1-1-0");
    list_allow(&list, FILE_WRITE_DATA, "S-1-5-32-545");
    NT_CHECK_EQUAL(granted(&list, &sim_token_user, FILE_READ_DATA | FILE_WRITE_DATA), FILE_READ_DATA | FILE_WRITE_DATA);
    NT_CHECK_EQUAL(granted(&list, &sim_token_system, FILE_READ_DATA), FILE_READ_DATA);
    NT_CHECK_EQUAL(granted(&list, &sim_token_system, FILE_READ_DATA | FILE_WRITE_DATA), 0);
    NT_CHECK_EQUAL(granted(&list, &sim_token_user, MAXIMUM_ALLOWED), FILE_READ_DATA | FILE_WRITE_DATA);
    NT_CHECK_EQUAL(granted(&list, &sim_token_user, GENERIC_READ), 0);
}

static void order_decides(void)
{
    struct list first, last;

    list_init(&first);
    list_deny(&first, FILE_READ_DATA, "S-1-5-32-545");
    list_allow(&first, GENERIC_ALL, "S-1-1-0");
    NT_CHECK_EQUAL(granted(&first, &sim_token_user, FILE_READ_DATA), 0);
    NT_CHECK_EQUAL(granted(&first, &sim_token_user, FILE_WRITE_DATA), FILE_WRITE_DATA);
    list_init(&last);
    list_allow(&last, GENERIC_ALL, "S-1-1-0");
    list_deny(&last, FILE_READ_DATA, "S-1-5-32-545");
    NT_CHECK_EQUAL(granted(&last, &sim_token_user, FILE_READ_DATA), FILE_READ_DATA);
}

static void deny_only_groups_only_deny(void)
{
    struct list list;

    list_init(&list);
    list_allow(&list, FILE_READ_DATA, "S-1-5-32-544");
    NT_CHECK_EQUAL(granted(&list, &sim_token_administrator, FILE_READ_DATA), FILE_READ_DATA);
    NT_CHECK_EQUAL(granted(&list, &sim_token_filtered, FILE_READ_DATA), 0);
    list_init(&list);
    list_deny(&list, FILE_READ_DATA, "S-1-5-32-544");
    list_allow(&list, FILE_READ_DATA, "S-1-1-0");
    NT_CHECK_EQUAL(granted(&list, &sim_token_filtered, FILE_READ_DATA), 0);
    NT_CHECK_EQUAL(granted(&list, &sim_token_user, FILE_READ_DATA), FILE_READ_DATA);
}

static void nothing_and_everything(void)
{
    struct sim_security null_dacl = {.is_set = true};
    struct sim_token *token = sim_token_create(&sim_token_user);
    ACCESS_MASK access = 0;
    struct list list;

    list_init(&list);
    NT_CHECK_EQUAL(granted(&list, &sim_token_system, FILE_READ_DATA), 0);
    NT_CHECK_EQUAL(granted(&list, &sim_token_system, MAXIMUM_ALLOWED), 0);
    NT_CHECK_EQUAL(sim_access_check(&null_dacl, token, GENERIC_ALL, &access), 0);
    NT_CHECK_EQUAL(access, 0x1f01ff);
    sim_token_release(token);
}

static void low_integrity_does_not_write(void)
{
    struct sim_token_spec low = sim_token_user;
    struct list list;

    low.integrity = SIM_INTEGRITY_LOW;
    list_init(&list);
    list_allow(&list, GENERIC_ALL, "S-1-1-0");
    NT_CHECK_EQUAL(granted(&list, &low, FILE_READ_DATA), FILE_READ_DATA);
    NT_CHECK_EQUAL(granted(&list, &low, FILE_WRITE_DATA), 0);
}

static void lists_have_room_or_not(void)
{
    union sim_sid sid;
    struct list list;

    sim_sid_read("S-1-5-18", &sid);
    NT_CHECK_EQUAL(RtlCreateAcl(&list.acl, sizeof(ACL) - 1, ACL_REVISION), STATUS_BUFFER_TOO_SMALL);
    NT_CHECK_EQUAL(RtlCreateAcl(&list.acl, 64, 1), STATUS_INVALID_PARAMETER);
    NT_CHECK_EQUAL(RtlCreateAcl(&list.acl, sizeof(ACL) + 20, ACL_REVISION), 0);
    NT_CHECK_EQUAL(RtlAddAccessAllowedAce(&list.acl, ACL_REVISION, 1, &sid), 0);
    NT_CHECK_EQUAL(RtlAddAccessAllowedAce(&list.acl, ACL_REVISION, 1, &sid), STATUS_ALLOTTED_SPACE_EXCEEDED);
}

/* ---- tokens and descriptors --------------------------------------------------------------------- */

static void tokens_answer(void)
{
    struct sim_token *token = sim_token_create(&sim_token_filtered);
    SID_AND_ATTRIBUTES *second;
    TOKEN_GROUPS *groups;
    PVOID nothing;
    LUID logon_id;

    NT_CHECK(!SeTokenIsAdmin(token));
    NT_CHECK_EQUAL(SeQueryInformationToken(token, TokenGroups, (PVOID *)&groups), 0);
    NT_CHECK_EQUAL(groups->GroupCount, 4);
    second = groups->Groups;
    second++;
    NT_CHECK(RtlEqualSid(second->Sid, SeExports->SeAliasAdminsSid));
    NT_CHECK_EQUAL(second->Attributes, SIM_GROUP_DENY_ONLY);
    ExFreePool(groups);
    NT_CHECK_EQUAL(SeQueryInformationToken(token, TokenElevation, &nothing), STATUS_INVALID_INFO_CLASS);
    NT_CHECK_EQUAL(SeQueryAuthenticationIdToken(token, &logon_id), 0);
    NT_CHECK_EQUAL(logon_id.LowPart, 0x1a2b4);
    sim_token_release(token);
}

static void set_malformed(void *context)
{
    SECURITY_DESCRIPTOR descriptor;
    struct sim_security security = {.is_set = false};
    struct list list;

    list_init(&list);
    list_allow(&list, GENERIC_ALL, "S-1-1-0");
    (void)RtlCreateSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION);
    if (context != NULL) {
        (void)RtlSetDaclSecurityDescriptor(&descriptor, TRUE, &list.acl, FALSE);
        NT_CHECK(RtlValidSecurityDescriptor(&descriptor));
        list.acl.AceCount = 7;
    }
    sim_security_set("ZwSetSecurityObject", &security, &descriptor);
}

static void use_released_token(void *context)
{
    struct sim_token *token = sim_token_create(&sim_token_user);

    (void)context;
    sim_token_release(token);
    (void)SeTokenIsAdmin(token);
}

static void misuse_is_seen(void)
{
    NT_EXPECT_BROKEN(set_malformed, NULL, "ZwSetSecurityObject", "has no DACL");
    NT_EXPECT_BROKEN(set_malformed, (void *)1, "ZwSetSecurityObject", "an entry");
    NT_EXPECT_BROKEN(use_released_token, NULL, "SeTokenIsAdmin", "is not a token, or not any more");
}

const struct nt_test nt_tests[] = {
    NT_TEST(sids_have_texts),
    NT_TEST(large_authorities_are_hexadecimal),
    NT_TEST(entries_add_up),
    NT_TEST(order_decides),
    NT_TEST(deny_only_groups_only_deny),
    NT_TEST(nothing_and_everything),
    NT_TEST(low_integrity_does_not_write),
    NT_TEST(lists_have_room_or_not),
    NT_TEST(tokens_answer),
    NT_TEST(misuse_is_seen),
    NT_TESTS_END,
};
