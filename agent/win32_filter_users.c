/* SPDX-License-Identifier: Apache-2.0 */
/* filter_users.h */
#include "filter_users.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <sddl.h>
#include <wchar.h>

#include "win32_sid.h"

#define USER_MAX 600 /* a domain, a backslash and an account, each up to 256 */

/* The lower case that a filter without regard to case compares with. */
static bool sid_text(PSID sid, char ret_text[SID_TEXT_MAX])
{
    wchar_t *wide = NULL;
    size_t i = 0;

    if (!ConvertSidToStringSidW(sid, &wide))
        return false;
    for (; wide[i] && i < SID_TEXT_MAX - 1; i++)
        ret_text[i] = (char)(wide[i] == L'S' ? 's' : wide[i]);
    ret_text[i] = '\0';
    LocalFree(wide);
    return true;
}

static bool account_text(const wchar_t *account, char ret_text[SID_TEXT_MAX])
{
    union {
        SID sid;
        unsigned char bytes[SECURITY_MAX_SID_SIZE];
    } found;
    wchar_t domain[USER_MAX];
    DWORD sid_bytes = sizeof(found), domain_count = USER_MAX;
    SID_NAME_USE use;

    return LookupAccountNameW(NULL, account, &found, &sid_bytes, domain, &domain_count, &use) &&
           sid_text(&found.sid, ret_text);
}

bool filter_user_add(struct muster_filter_part *part, const char *user, enum muster_filter_refusal *ret_refusal)
{
    wchar_t wide[USER_MAX];
    char text[SID_TEXT_MAX];
    PSID sid = NULL;
    bool known;

    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, user, -1, wide, USER_MAX) < 2)
        return false;
    if (ConvertStringSidToSidW(wide, &sid)) {
        known = sid_text(sid, text);
        LocalFree(sid);
    } else
        known = account_text(wide, text);
    if (known)
        *ret_refusal = muster_filter_add_text(&part->user_sids, text);
    return known;
}
