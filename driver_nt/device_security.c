/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device_security.h, by the documented calls. IoCreateDeviceSecure would take a string, but it lives in
 * wdmsec.lib, which mingw-w64 does not have. The identifiers are constants: SeExports would have them too,
 * but what it points to cannot be had under Wine.
 */
#include "driver_nt/device_security.h"

#include "platform/platform.h"

/* A SID as it stands in memory: revision, count, authority (big-endian), sub-authorities. */
struct sid_of_two {
    UCHAR revision;
    UCHAR count;
    UCHAR authority[6];
    ULONG sub_authority[2];
};

/* S-1-5-18 and S-1-5-32-544 (learn.microsoft.com, "Well-known SIDs"). */
static const struct sid_of_two local_system = {1, 1, {0, 0, 0, 0, 0, 5}, {18, 0}};
static const struct sid_of_two administrators = {1, 2, {0, 0, 0, 0, 0, 5}, {32, 544}};

_Static_assert(sizeof(struct sid_of_two) == 16, "as SID has it");
_Static_assert(offsetof(SID, SubAuthority) == offsetof(struct sid_of_two, sub_authority), "likewise");

struct two_aces {
    ACL acl;
    unsigned char room[2 * (sizeof(ACCESS_ALLOWED_ACE) + sizeof(struct sid_of_two))];
};

static NTSTATUS allow(ACL *acl, const struct sid_of_two *sid)
{
    struct sid_of_two copy = *sid; /* the call wants it writable, and does not write */

    return RtlAddAccessAllowedAce(acl, ACL_REVISION, FILE_ALL_ACCESS, (PSID)&copy);
}

static NTSTATUS list_fill(struct two_aces *list)
{
    NTSTATUS status = RtlCreateAcl(&list->acl, sizeof *list, ACL_REVISION);

    if (NT_SUCCESS(status))
        status = allow(&list->acl, &local_system);
    if (NT_SUCCESS(status))
        status = allow(&list->acl, &administrators);
    return status;
}

static NTSTATUS descriptor_set(DEVICE_OBJECT *device, SECURITY_DESCRIPTOR *descriptor)
{
    HANDLE handle;
    NTSTATUS status = ObOpenObjectByPointer(device, OBJ_KERNEL_HANDLE, NULL, WRITE_DAC, NULL, KernelMode, &handle);

    if (!NT_SUCCESS(status))
        return status;
    status = ZwSetSecurityObject(handle, DACL_SECURITY_INFORMATION, descriptor);
    (void)ZwClose(handle);
    return status;
}

NTSTATUS device_security_set(DEVICE_OBJECT *device)
{
    SECURITY_DESCRIPTOR descriptor;
    struct two_aces list;
    NTSTATUS status;

    muster_clear(&list, sizeof list);
    status = list_fill(&list);
    if (NT_SUCCESS(status))
        status = RtlCreateSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION);
    if (NT_SUCCESS(status))
        status = RtlSetDaclSecurityDescriptor(&descriptor, TRUE, &list.acl, FALSE);
    return NT_SUCCESS(status) ? descriptor_set(device, &descriptor) : status;
}
