/* SPDX-License-Identifier: Apache-2.0 */
/*
 * se: tokens, made for tests and asked by drivers. A token never changes, so nothing here needs a lock.
 *
 * SeQueryInformationToken answers as ntifs.h's page on learn.microsoft.com says: a block of pool for the
 * caller to free, exactly as long as needed; but a ULONG by value for the session and the integrity level.
 */
#include "simulated_nt/se_internal.h"

#define ADMINISTRATORS  "S-1-5-32-544"
#define USERS           "S-1-5-32-545"
#define EVERYONE        "S-1-1-0"
#define AUTHENTICATED   "S-1-5-11"
#define GROUP_MANDATORY 0x1U
#define GROUP_DEFAULT   0x2U
#define GROUP_OWNER     0x8U
#define GROUP_NORMAL    (GROUP_MANDATORY | GROUP_DEFAULT | SIM_GROUP_ENABLED)
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct sim_token_group system_groups[] = {
    {ADMINISTRATORS, GROUP_DEFAULT | SIM_GROUP_ENABLED | GROUP_OWNER},
    {EVERYONE, GROUP_NORMAL},
    {AUTHENTICATED, GROUP_NORMAL}};
static const struct sim_token_group administrator_groups[] = {{EVERYONE, GROUP_NORMAL},
                                                              {ADMINISTRATORS, GROUP_NORMAL | GROUP_OWNER},
                                                              {USERS, GROUP_NORMAL},
                                                              {AUTHENTICATED, GROUP_NORMAL}};
static const struct sim_token_group filtered_groups[] = {{EVERYONE, GROUP_NORMAL},
                                                         {ADMINISTRATORS, SIM_GROUP_DENY_ONLY},
                                                         {USERS, GROUP_NORMAL},
                                                         {AUTHENTICATED, GROUP_NORMAL}};
static const struct sim_token_group user_groups[] = {
    {EVERYONE, GROUP_NORMAL}, {USERS, GROUP_NORMAL}, {AUTHENTICATED, GROUP_NORMAL}};

const struct sim_token_spec sim_token_system = {"S-1-5-18", system_groups,        COUNT_OF(system_groups),
                                                0,          SIM_INTEGRITY_SYSTEM, 0x3e7};
const struct sim_token_spec sim_token_administrator = {"S-1-5-21-1004336348-1177238915-682003330-1001",
                                                       administrator_groups,
                                                       COUNT_OF(administrator_groups),
                                                       1,
                                                       SIM_INTEGRITY_HIGH,
                                                       0x1a2b3};
const struct sim_token_spec sim_token_filtered = {"S-1-5-21-1004336348-1177238915-682003330-1001",
                                                  filtered_groups,
                                                  COUNT_OF(filtered_groups),
                                                  1,
                                                  SIM_INTEGRITY_MEDIUM,
                                                  0x1a2b4};
const struct sim_token_spec sim_token_user = {"S-1-5-21-1004336348-1177238915-682003330-1002",
                                              user_groups,
                                              COUNT_OF(user_groups),
                                              1,
                                              SIM_INTEGRITY_MEDIUM,
                                              0x2c3d4};

/* ---- making ----------------------------------------------------------------------------------- */

static LUID luid_of(ULONG64 number)
{
    return (LUID){.LowPart = (ULONG)number, .HighPart = (LONG)(number >> 32)};
}

static void token_destroy(void *object)
{
    struct sim_token *token = object;

    if (token->groups != NULL)
        sim_host_free(token->groups);
}

struct sim_token *sim_token_create(const struct sim_token_spec *spec)
{
    static ULONG64 last_token_id = 0x10000;
    struct sim_token *token = sim_object_create(SIM_OBJECT_TOKEN, sizeof(*token), token_destroy);

    sim_sid_read(spec->user, &token->user.sid);
    token->user.attributes = SIM_GROUP_ENABLED;
    token->group_count = (ULONG)spec->group_count;
    if (spec->group_count != 0)
        token->groups = sim_host_allocate(spec->group_count * sizeof(*token->groups));
    for (size_t i = 0; i < spec->group_count; i++) {
        sim_sid_read(spec->groups[i].sid, &token->groups[i].sid);
        token->groups[i].attributes = spec->groups[i].attributes;
    }
    token->session_id = spec->session_id;
    token->integrity = spec->integrity;
    token->logon_id = luid_of(spec->logon_id);
    token->token_id = luid_of(__atomic_add_fetch(&last_token_id, 1, __ATOMIC_RELAXED));
    return token;
}

void sim_token_release(struct sim_token *token)
{
    sim_object_dereference("sim_token_release", token);
}

struct sim_token *sim_token_or_system(struct sim_token *token)
{
    static struct sim_token *system;
    struct sim_token *made, *none = NULL;

    if (token != NULL)
        return sim_token_of("token", token);
    if (__atomic_load_n(&system, __ATOMIC_ACQUIRE) == NULL) {
        made = sim_token_create(&sim_token_system);
        if (!__atomic_compare_exchange_n(&system, &none, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            sim_token_release(made);
    }
    return __atomic_load_n(&system, __ATOMIC_ACQUIRE);
}

struct sim_token *sim_token_of(const char *call, PACCESS_TOKEN token)
{
    if (!sim_object_is(token, SIM_OBJECT_TOKEN))
        sim_broken(call, "%p is not a token, or not any more", token);
    return token;
}

/* ---- asking ----------------------------------------------------------------------------------- */

static NTSTATUS query_user(struct sim_token *token, PVOID *ret_block)
{
    ULONG bytes = sim_sid_bytes(&token->user.sid.sid);
    TOKEN_USER *block = ExAllocatePoolWithTag(PagedPool, sizeof(TOKEN_USER) + bytes, SIM_SE_POOL_TAG);

    if (block == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    block->User.Sid = block + 1;
    block->User.Attributes = 0;
    __builtin_memcpy(block->User.Sid, &token->user.sid, bytes);
    *ret_block = block;
    return STATUS_SUCCESS;
}

static NTSTATUS query_groups(struct sim_token *token, PVOID *ret_block)
{
    ULONG bytes = (ULONG)(__builtin_offsetof(TOKEN_GROUPS, Groups) + token->group_count * sizeof(SID_AND_ATTRIBUTES));
    SID_AND_ATTRIBUTES *groups;
    TOKEN_GROUPS *block;
    UCHAR *sid;

    for (ULONG i = 0; i < token->group_count; i++)
        bytes += sim_sid_bytes(&token->groups[i].sid.sid);
    block = ExAllocatePoolWithTag(PagedPool, bytes, SIM_SE_POOL_TAG);
    if (block == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    block->GroupCount = token->group_count;
    groups = block->Groups;
    sid = (UCHAR *)(groups + token->group_count);
    for (ULONG i = 0; i < token->group_count; i++) {
        groups[i] = (SID_AND_ATTRIBUTES){.Sid = sid, .Attributes = token->groups[i].attributes};
        __builtin_memcpy(sid, &token->groups[i].sid, sim_sid_bytes(&token->groups[i].sid.sid));
        sid += sim_sid_bytes(&token->groups[i].sid.sid);
    }
    *ret_block = block;
    return STATUS_SUCCESS;
}

static NTSTATUS query_statistics(struct sim_token *token, PVOID *ret_block)
{
    TOKEN_STATISTICS *block = ExAllocatePoolWithTag(PagedPool, sizeof(*block), SIM_SE_POOL_TAG);

    if (block == NULL)
        return STATUS_INSUFFICIENT_RESOURCES;
    *block = (TOKEN_STATISTICS){.TokenId = token->token_id,
                                .AuthenticationId = token->logon_id,
                                .TokenType = TokenPrimary,
                                .GroupCount = token->group_count,
                                .ModifiedId = token->token_id};
    *ret_block = block;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI SeQueryInformationToken(IN PACCESS_TOKEN Token, IN TOKEN_INFORMATION_CLASS TokenInformationClass,
                                       OUT PVOID *TokenInformation)
{
    struct sim_token *token;

    sim_require_irql_at_most("SeQueryInformationToken", PASSIVE_LEVEL);
    token = sim_token_of("SeQueryInformationToken", Token);
    if (sim_fault_here("SeQueryInformationToken", __builtin_return_address(0)))
        return STATUS_INSUFFICIENT_RESOURCES;
    switch ((int)TokenInformationClass) {
    case TokenUser:
        return query_user(token, TokenInformation);
    case TokenGroups:
        return query_groups(token, TokenInformation);
    case TokenStatistics:
        return query_statistics(token, TokenInformation);
    case TokenSessionId:
        *(PULONG)(PVOID)TokenInformation = token->session_id;
        return STATUS_SUCCESS;
    case TokenIntegrityLevel:
        *(PULONG)(PVOID)TokenInformation = token->integrity;
        return STATUS_SUCCESS;
    default:
        return STATUS_INVALID_INFO_CLASS;
    }
}

BOOLEAN NTAPI SeTokenIsAdmin(IN PACCESS_TOKEN Token)
{
    struct sim_token *token;
    union sim_sid administrators;

    sim_require_irql_at_most("SeTokenIsAdmin", PASSIVE_LEVEL);
    token = sim_token_of("SeTokenIsAdmin", Token);
    sim_sid_read(ADMINISTRATORS, &administrators);
    for (ULONG i = 0; i < token->group_count; i++)
        if ((token->groups[i].attributes & SIM_GROUP_ENABLED) != 0 &&
            sim_sid_equal(&token->groups[i].sid.sid, &administrators.sid))
            return TRUE;
    return FALSE;
}

NTSTATUS NTAPI SeQueryAuthenticationIdToken(IN PACCESS_TOKEN Token, OUT PLUID AuthenticationId)
{
    sim_require_irql_at_most("SeQueryAuthenticationIdToken", PASSIVE_LEVEL);
    *AuthenticationId = sim_token_of("SeQueryAuthenticationIdToken", Token)->logon_id;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI SeQuerySessionIdToken(IN PACCESS_TOKEN Token, OUT PULONG SessionId)
{
    sim_require_irql_at_most("SeQuerySessionIdToken", PASSIVE_LEVEL);
    *SessionId = sim_token_of("SeQuerySessionIdToken", Token)->session_id;
    return STATUS_SUCCESS;
}
