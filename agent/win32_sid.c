/* SPDX-License-Identifier: Apache-2.0 */
/* win32_sid.h */
#include "win32_sid.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <sddl.h>

bool sid_text_of_token(void *token, wchar_t ret_text[SID_TEXT_MAX])
{
    union {
        TOKEN_USER user;
        unsigned char bytes[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    } information;
    DWORD bytes;
    wchar_t *text = NULL;
    bool fits;

    if (!GetTokenInformation(token, TokenUser, &information, sizeof(information), &bytes) ||
        !ConvertSidToStringSidW(information.user.User.Sid, &text))
        return false;
    fits = wcslen(text) < SID_TEXT_MAX;
    if (fits)
        wcscpy(ret_text, text);
    LocalFree(text);
    return fits;
}

bool sid_text_of_process(void *process, wchar_t ret_text[SID_TEXT_MAX])
{
    HANDLE token;
    bool done;

    if (!OpenProcessToken(process, TOKEN_QUERY, &token))
        return false;
    done = sid_text_of_token(token, ret_text);
    CloseHandle(token);
    return done;
}
