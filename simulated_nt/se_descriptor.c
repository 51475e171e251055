/* SPDX-License-Identifier: Apache-2.0 */
/*
 * se: access-control lists and security descriptors, as drivers build them, and the copy of a DACL
 * that an object keeps.
 *
 * Strict: a list or descriptor is looked at when an object takes it over, and one that is malformed
 * breaks the run. Windows would refuse it, or, worse, not look.
 */
#include "simulated_nt/se_internal.h"

/* ---- lists ------------------------------------------------------------------------------------ */

static ULONG acl_used_bytes(const ACL *acl)
{
    const UCHAR *at = (const UCHAR *)acl + sizeof(ACL);

    for (unsigned i = 0; i < acl->AceCount; i++)
        at += ((const ACE_HEADER *)(const void *)at)->AceSize;
    return (ULONG)(at - (const UCHAR *)acl);
}

NTSTATUS NTAPI RtlCreateAcl(OUT PACL Acl, IN ULONG AclLength, IN ULONG AclRevision)
{
    sim_require_irql_at_most("RtlCreateAcl", APC_LEVEL);
    if (AclLength < sizeof(ACL))
        return STATUS_BUFFER_TOO_SMALL;
    if (AclRevision < MIN_ACL_REVISION || AclRevision > MAX_ACL_REVISION || AclLength > 0xffff)
        return STATUS_INVALID_PARAMETER;
    __builtin_memset(Acl, 0, sizeof(*Acl));
    Acl->AclRevision = (UCHAR)AclRevision;
    Acl->AclSize = (USHORT)(AclLength & ~3U);
    return STATUS_SUCCESS;
}

static NTSTATUS add_ace(const char *call, PACL acl, UCHAR type, UCHAR flags, ACCESS_MASK mask, PSID sid)
{
    ULONG bytes, used;
    ACCESS_ALLOWED_ACE *ace;

    sim_require_irql_at_most(call, APC_LEVEL);
    if (!RtlValidSid(sid))
        return STATUS_INVALID_SID;
    used = acl_used_bytes(acl);
    bytes = (ULONG) __builtin_offsetof(ACCESS_ALLOWED_ACE, SidStart) + sim_sid_bytes(sid);
    if (used > acl->AclSize)
        return STATUS_INVALID_ACL;
    if (bytes > acl->AclSize - used)
        return STATUS_ALLOTTED_SPACE_EXCEEDED;
    ace = (ACCESS_ALLOWED_ACE *)(void *)((UCHAR *)acl + used);
    ace->Header.AceType = type;
    ace->Header.AceFlags = flags;
    ace->Header.AceSize = (USHORT)bytes;
    ace->Mask = mask;
    __builtin_memcpy(sim_ace_sid(ace), sid, sim_sid_bytes(sid));
    acl->AceCount++;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlAddAccessAllowedAce(IN OUT PACL Acl, IN ULONG AceRevision, IN ACCESS_MASK AccessMask, IN PSID Sid)
{
    if (AceRevision > MAX_ACL_REVISION)
        return STATUS_REVISION_MISMATCH;
    return add_ace("RtlAddAccessAllowedAce", Acl, ACCESS_ALLOWED_ACE_TYPE, 0, AccessMask, Sid);
}

NTSTATUS NTAPI RtlAddAccessAllowedAceEx(IN OUT PACL Acl, IN ULONG AceRevision, IN ULONG AceFlags,
                                        IN ACCESS_MASK AccessMask, IN PSID Sid)
{
    if (AceRevision > MAX_ACL_REVISION)
        return STATUS_REVISION_MISMATCH;
    return add_ace("RtlAddAccessAllowedAceEx", Acl, ACCESS_ALLOWED_ACE_TYPE, (UCHAR)AceFlags, AccessMask, Sid);
}

NTSTATUS NTAPI RtlGetAce(IN PACL Acl, IN ULONG AceIndex, OUT PVOID *Ace)
{
    UCHAR *at = (UCHAR *)Acl + sizeof(ACL);

    sim_require_irql_at_most("RtlGetAce", APC_LEVEL);
    if (AceIndex >= Acl->AceCount)
        return STATUS_INVALID_PARAMETER;
    while (AceIndex-- != 0)
        at += ((ACE_HEADER *)(void *)at)->AceSize;
    *Ace = at;
    return STATUS_SUCCESS;
}

/* ---- descriptors ------------------------------------------------------------------------------ */

NTSTATUS NTAPI RtlCreateSecurityDescriptor(IN OUT PSECURITY_DESCRIPTOR SecurityDescriptor, IN ULONG Revision)
{
    SECURITY_DESCRIPTOR *descriptor = SecurityDescriptor;

    sim_require_irql_at_most("RtlCreateSecurityDescriptor", APC_LEVEL);
    if (Revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    __builtin_memset(descriptor, 0, sizeof(*descriptor));
    descriptor->Revision = SECURITY_DESCRIPTOR_REVISION;
    return STATUS_SUCCESS;
}

static NTSTATUS absolute(const char *call, const SECURITY_DESCRIPTOR *descriptor)
{
    sim_require_irql_at_most(call, APC_LEVEL);
    if (descriptor->Revision != SECURITY_DESCRIPTOR_REVISION)
        return STATUS_UNKNOWN_REVISION;
    if ((descriptor->Control & SE_SELF_RELATIVE) != 0)
        return STATUS_INVALID_SECURITY_DESCR;
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlSetDaclSecurityDescriptor(IN OUT PSECURITY_DESCRIPTOR SecurityDescriptor, IN BOOLEAN DaclPresent,
                                            IN PACL Dacl OPTIONAL, IN BOOLEAN DaclDefaulted OPTIONAL)
{
    SECURITY_DESCRIPTOR *descriptor = SecurityDescriptor;
    NTSTATUS status = absolute("RtlSetDaclSecurityDescriptor", descriptor);

    if (!NT_SUCCESS(status))
        return status;
    descriptor->Control &= (USHORT) ~(SE_DACL_PRESENT | SE_DACL_DEFAULTED);
    descriptor->Dacl = NULL;
    if (DaclPresent) {
        descriptor->Control |= SE_DACL_PRESENT;
        descriptor->Dacl = Dacl;
        if (DaclDefaulted)
            descriptor->Control |= SE_DACL_DEFAULTED;
    }
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlGetDaclSecurityDescriptor(IN PSECURITY_DESCRIPTOR SecurityDescriptor, OUT PBOOLEAN DaclPresent,
                                            OUT PACL *Dacl, OUT PBOOLEAN DaclDefaulted)
{
    SECURITY_DESCRIPTOR *descriptor = SecurityDescriptor;
    NTSTATUS status = absolute("RtlGetDaclSecurityDescriptor", descriptor);

    if (!NT_SUCCESS(status))
        return status;
    *DaclPresent = (descriptor->Control & SE_DACL_PRESENT) != 0;
    if (*DaclPresent) {
        *Dacl = descriptor->Dacl;
        *DaclDefaulted = (descriptor->Control & SE_DACL_DEFAULTED) != 0;
    }
    return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlSetOwnerSecurityDescriptor(IN OUT PSECURITY_DESCRIPTOR SecurityDescriptor, IN PSID Owner OPTIONAL,
                                             IN BOOLEAN OwnerDefaulted)
{
    SECURITY_DESCRIPTOR *descriptor = SecurityDescriptor;
    NTSTATUS status = absolute("RtlSetOwnerSecurityDescriptor", descriptor);

    if (!NT_SUCCESS(status))
        return status;
    descriptor->Owner = Owner;
    descriptor->Control &= (USHORT)~SE_OWNER_DEFAULTED;
    if (OwnerDefaulted)
        descriptor->Control |= SE_OWNER_DEFAULTED;
    return STATUS_SUCCESS;
}

/* What is wrong with a list, or NULL. */
static const char *acl_fault(const ACL *acl)
{
    ULONG at = sizeof(ACL);

    if (acl->AclRevision < MIN_ACL_REVISION || acl->AclRevision > MAX_ACL_REVISION)
        return "its revision is unknown";
    if (acl->AclSize < sizeof(ACL) || acl->AclSize % 4 != 0)
        return "its size is none";
    for (unsigned i = 0; i < acl->AceCount; i++) {
        ACCESS_ALLOWED_ACE *ace = (ACCESS_ALLOWED_ACE *)(void *)((UCHAR *)(ULONG_PTR)acl + at);

        if (at + sizeof(ACE_HEADER) > acl->AclSize || ace->Header.AceSize > acl->AclSize - at)
            return "an entry goes beyond its end";
        if (ace->Header.AceType > ACCESS_DENIED_ACE_TYPE)
            return "an entry neither allows nor denies";
        if (ace->Header.AceSize < sizeof(ACCESS_ALLOWED_ACE) || !RtlValidSid(sim_ace_sid(ace)) ||
            __builtin_offsetof(ACCESS_ALLOWED_ACE, SidStart) + sim_sid_bytes(sim_ace_sid(ace)) > ace->Header.AceSize)
            return "an entry's SID is not valid";
        at += ace->Header.AceSize;
    }
    return NULL;
}

BOOLEAN NTAPI RtlValidSecurityDescriptor(IN PSECURITY_DESCRIPTOR SecurityDescriptor)
{
    SECURITY_DESCRIPTOR *descriptor = SecurityDescriptor;

    return NT_SUCCESS(absolute("RtlValidSecurityDescriptor", descriptor)) &&
           (descriptor->Dacl == NULL || acl_fault(descriptor->Dacl) == NULL) &&
           (descriptor->Owner == NULL || RtlValidSid(descriptor->Owner));
}

/* ---- what an object keeps --------------------------------------------------------------------- */

/* Takes over a copy of the descriptor's DACL. `security` owns it; the caller holds its lock. */
void sim_security_set(const char *call, struct sim_security *security, const SECURITY_DESCRIPTOR *descriptor)
{
    const char *fault;
    ACL *copy = NULL;

    if (!NT_SUCCESS(absolute(call, descriptor)))
        sim_broken(call, "security descriptor %p is not an absolute one of revision 1", (const void *)descriptor);
    if ((descriptor->Control & SE_DACL_PRESENT) == 0)
        sim_broken(call, "DACL_SECURITY_INFORMATION, and descriptor %p has no DACL", (const void *)descriptor);
    if (descriptor->Dacl != NULL) {
        fault = acl_fault(descriptor->Dacl);
        if (fault != NULL)
            sim_broken(call, "DACL %p: %s", (void *)descriptor->Dacl, fault);
        copy = sim_host_allocate(descriptor->Dacl->AclSize);
        __builtin_memcpy(copy, descriptor->Dacl, descriptor->Dacl->AclSize);
    }
    sim_security_reset(security);
    security->is_set = true;
    security->dacl = copy;
}

void sim_security_reset(struct sim_security *security)
{
    if (security->dacl != NULL)
        sim_host_free(security->dacl);
    security->dacl = NULL;
    security->is_set = false;
}
