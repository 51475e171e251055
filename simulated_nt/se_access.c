/* SPDX-License-Identifier: Apache-2.0 */
/*
 * se: may this token have that access? The order of the entries decides, as [MS-DTYP] 2.5.3.2 has it: an
 * entry that denies what is still wanted ends it, entries that allow add up. Deny-only groups count only
 * for entries that deny. A DACL that is NULL allows all, an empty one nothing. Below medium integrity
 * nothing may be written to an object without a label of its own. Privileges are not looked at.
 */
#include "simulated_nt/se_internal.h"

#define ACE_INHERIT_ONLY 0x08
#define ALL_ACCESS       0x001f01ffU
#define WRITE_BITS                                                                                                     \
    (FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_WRITE_EA | FILE_WRITE_ATTRIBUTES | DELETE | WRITE_DAC | WRITE_OWNER)

static ACCESS_MASK map_generic(ACCESS_MASK access)
{
    ACCESS_MASK mapped = access & ~(GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL);

    if ((access & GENERIC_READ) != 0)
        mapped |= FILE_GENERIC_READ;
    if ((access & GENERIC_WRITE) != 0)
        mapped |= FILE_GENERIC_WRITE;
    if ((access & GENERIC_EXECUTE) != 0)
        mapped |= FILE_GENERIC_EXECUTE;
    if ((access & GENERIC_ALL) != 0)
        mapped |= ALL_ACCESS;
    return mapped;
}

static bool member_matches(const struct sim_token_member *member, const SID *sid, bool denies)
{
    if (!sim_sid_equal(&member->sid.sid, sid))
        return false;
    return (member->attributes & SIM_GROUP_ENABLED) != 0 || (denies && (member->attributes & SIM_GROUP_DENY_ONLY) != 0);
}

static bool token_matches(struct sim_token *token, const SID *sid, bool denies)
{
    if (member_matches(&token->user, sid, denies))
        return true;
    for (ULONG i = 0; i < token->group_count; i++)
        if (member_matches(&token->groups[i], sid, denies))
            return true;
    return false;
}

/* What the list allows of `asked`, each bit by the first entry that speaks of it. */
static ACCESS_MASK allowed_by(const ACL *acl, struct sim_token *token, ACCESS_MASK asked)
{
    UCHAR *at = (UCHAR *)(ULONG_PTR)acl + sizeof(ACL);
    ACCESS_MASK open = asked, allowed = 0;

    for (unsigned i = 0; i < acl->AceCount; i++) {
        ACCESS_ALLOWED_ACE *ace = (ACCESS_ALLOWED_ACE *)(void *)at;
        bool denies = ace->Header.AceType == ACCESS_DENIED_ACE_TYPE;

        at += ace->Header.AceSize;
        if ((ace->Header.AceFlags & ACE_INHERIT_ONLY) != 0 || !token_matches(token, sim_ace_sid(ace), denies))
            continue;
        if (!denies)
            allowed |= open & map_generic(ace->Mask);
        open &= ~map_generic(ace->Mask);
    }
    return allowed;
}

NTSTATUS sim_access_check(const struct sim_security *security, struct sim_token *token, ACCESS_MASK desired,
                          ACCESS_MASK *ret_granted)
{
    bool is_maximum = (desired & MAXIMUM_ALLOWED) != 0;
    ACCESS_MASK wanted = map_generic(desired & ~MAXIMUM_ALLOWED);
    ACCESS_MASK asked = is_maximum ? ALL_ACCESS | wanted : wanted;
    ACCESS_MASK allowed;

    if (!security->is_set)
        allowed = asked & map_generic(GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE);
    else if (security->dacl == NULL)
        allowed = asked;
    else
        allowed = allowed_by(security->dacl, token, asked);
    if (token->integrity < SIM_INTEGRITY_MEDIUM)
        allowed &= ~(ACCESS_MASK)WRITE_BITS;
    if ((wanted & ~allowed) != 0 || allowed == 0)
        return STATUS_ACCESS_DENIED;
    *ret_granted = allowed;
    return STATUS_SUCCESS;
}
