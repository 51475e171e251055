/* SPDX-License-Identifier: Apache-2.0 */
/* se: SeExports, the well-known SIDs that ntoskrnl has ready. The privileges' LUIDs are those of winnt.h. */
#include "simulated_nt/se_internal.h"

#define AUTHORITY(number)                                                                                              \
    {                                                                                                                  \
        {                                                                                                              \
            0, 0, 0, 0, 0, (number)                                                                                    \
        }                                                                                                              \
    }
#define SID_OF_ONE(name, authority, first)                                                                             \
    static SID name = {.Revision = SID_REVISION,                                                                       \
                       .SubAuthorityCount = 1,                                                                         \
                       .IdentifierAuthority = AUTHORITY(authority),                                                    \
                       .SubAuthority = {(first)}}

struct sid_of_two {
    UCHAR revision, count;
    SID_IDENTIFIER_AUTHORITY authority;
    ULONG sub_authority[2];
};
#define SID_OF_TWO(name, first, second)                                                                                \
    static struct sid_of_two name = {                                                                                  \
        .revision = SID_REVISION, .count = 2, .authority = AUTHORITY(5), .sub_authority = {(first), (second)}}

SID_OF_ONE(null_sid, 0, 0);
SID_OF_ONE(world, 1, 0);
SID_OF_ONE(local, 2, 0);
SID_OF_ONE(creator_owner, 3, 0);
SID_OF_ONE(creator_group, 3, 1);
SID_OF_ONE(network, 5, 2);
SID_OF_ONE(interactive, 5, 4);
SID_OF_ONE(anonymous_logon, 5, 7);
SID_OF_ONE(authenticated_users, 5, 11);
SID_OF_ONE(restricted, 5, 12);
SID_OF_ONE(local_system, 5, 18);
SID_OF_ONE(local_service, 5, 19);
SID_OF_ONE(network_service, 5, 20);
SID_OF_TWO(administrators, 32, 544);
SID_OF_TWO(users, 32, 545);
SID_OF_TWO(guests, 32, 546);

static SE_EXPORTS exports = {
    .SeTcbPrivilege = {.LowPart = 7},
    .SeSecurityPrivilege = {.LowPart = 8},
    .SeLoadDriverPrivilege = {.LowPart = 10},
    .SeDebugPrivilege = {.LowPart = 20},
    .SeChangeNotifyPrivilege = {.LowPart = 23},
    .SeNullSid = &null_sid,
    .SeWorldSid = &world,
    .SeLocalSid = &local,
    .SeCreatorOwnerSid = &creator_owner,
    .SeCreatorGroupSid = &creator_group,
    .SeNetworkSid = &network,
    .SeInteractiveSid = &interactive,
    .SeLocalSystemSid = &local_system,
    .SeAliasAdminsSid = &administrators,
    .SeAliasUsersSid = &users,
    .SeAliasGuestsSid = &guests,
    .SeAuthenticatedUsersSid = &authenticated_users,
    .SeRestrictedSid = &restricted,
    .SeAnonymousLogonSid = &anonymous_logon,
    .SeLocalServiceSid = &local_service,
    .SeNetworkServiceSid = &network_service,
};

PSE_EXPORTS SeExports = &exports;
