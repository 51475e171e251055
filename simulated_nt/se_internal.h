/* SPDX-License-Identifier: Apache-2.0 */
/*
 * se's inside: SIDs of full size, tokens as objects, the DACL that an object keeps, and the one question
 * that it all is for. For io, ob and ps.
 */
#ifndef SIMULATED_NT_SE_INTERNAL_H
#define SIMULATED_NT_SE_INTERNAL_H

#include <ntifs.h>

#include "simulated_nt/include/simulated_nt_io.h"
#include "simulated_nt/sim_internal.h"
#include "simulated_nt/sim_object.h"

#define SIM_SE_POOL_TAG    'kTeS'
#define SIM_SID_TEXT_UNITS 192

union sim_sid {
    SID sid;
    UCHAR bytes[sizeof(SID) + (SID_MAX_SUB_AUTHORITIES - 1) * sizeof(ULONG)];
};

ULONG sim_sid_bytes(const SID *sid);
bool sim_sid_equal(const SID *left, const SID *right);
void sim_sid_read(const char *text, union sim_sid *ret_sid);
/* The units written; without a NUL. */
ULONG sim_sid_text(const SID *sid, WCHAR text[SIM_SID_TEXT_UNITS]);

static inline SID *sim_ace_sid(ACCESS_ALLOWED_ACE *ace)
{
    return (SID *)(void *)&ace->SidStart;
}

struct sim_token_member {
    union sim_sid sid;
    ULONG attributes;
};

/* An object of SIM_OBJECT_TOKEN; never changes. */
struct sim_token {
    struct sim_token_member user;
    struct sim_token_member *groups;
    ULONG group_count;
    ULONG session_id;
    ULONG integrity;
    LUID logon_id;
    LUID token_id;
};

/* The token for a NULL of the test's: SYSTEM's, never released. */
struct sim_token *sim_token_or_system(struct sim_token *token);
/* Breaks the run unless it is a token. */
struct sim_token *sim_token_of(const char *call, PACCESS_TOKEN token);

/* Zeroed: never set. */
struct sim_security {
    bool is_set;
    ACL *dacl; /* NULL, and is_set: everybody may everything */
};
void sim_security_set(const char *call, struct sim_security *security, const SECURITY_DESCRIPTOR *descriptor);
void sim_security_reset(struct sim_security *security);

/* STATUS_SUCCESS and the access granted, in file-specific and standard bits; or STATUS_ACCESS_DENIED. */
NTSTATUS sim_access_check(const struct sim_security *security, struct sim_token *token, ACCESS_MASK desired,
                          ACCESS_MASK *ret_granted);

#endif
