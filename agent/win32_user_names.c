/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_names.h: a small direct-mapped cache in front of LookupAccountSidW, which may ask a domain
 * controller. What it says is believed for some minutes, so that an account that is renamed, or a
 * controller that was away, does not show for ever.
 */
#include "user_names.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <sddl.h>
#include <stdbool.h>
#include <string.h>

#include "host.h"
#include "win32_sid.h"
#include "win32_text.h"

#define CACHE_SIZE  64
#define EXPIRY_NS   (600 * 1000000000ULL)
#define ACCOUNT_MAX 257 /* UNLEN, and its terminator */

struct cached_name {
    uint64_t since_ns; /* 0: unused */
    char sid[SID_TEXT_MAX];
    char name[3 * ACCOUNT_MAX]; /* empty: it has none */
};

static struct cached_name cache[CACHE_SIZE];

/* FNV-1a. */
static unsigned slot_of(const char *sid)
{
    uint32_t hash = 2166136261U;

    for (; *sid; sid++)
        hash = (hash ^ (unsigned char)*sid) * 16777619U;
    return hash % CACHE_SIZE;
}

static void name_find(struct cached_name *entry)
{
    wchar_t wide[SID_TEXT_MAX], name[ACCOUNT_MAX], domain[ACCOUNT_MAX];
    DWORD name_count = ACCOUNT_MAX, domain_count = ACCOUNT_MAX;
    SID_NAME_USE use;
    PSID sid = NULL;
    size_t i = 0;

    do
        wide[i] = (wchar_t)(unsigned char)entry->sid[i]; /* a text of a SID is ASCII, or no SID */
    while (entry->sid[i++]);
    entry->name[0] = '\0';
    if (!ConvertStringSidToSidW(wide, &sid))
        return;
    if (LookupAccountSidW(NULL, sid, name, &name_count, domain, &domain_count, &use))
        (void)text_copy_wide(name, entry->name, sizeof(entry->name));
    LocalFree(sid);
}

const char *user_name_of_sid(const char *sid, size_t sid_bytes)
{
    uint64_t now_ns = host_monotonic_ns();
    struct cached_name *entry;
    char text[SID_TEXT_MAX];

    if (sid_bytes >= sizeof(text) || memchr(sid, 0, sid_bytes))
        return NULL;
    memcpy(text, sid, sid_bytes);
    text[sid_bytes] = '\0';
    entry = &cache[slot_of(text)];
    if (entry->since_ns == 0 || now_ns - entry->since_ns > EXPIRY_NS || strcmp(entry->sid, text) != 0) {
        memcpy(entry->sid, text, sizeof(text));
        entry->since_ns = now_ns;
        name_find(entry);
    }
    return entry->name[0] ? entry->name : NULL;
}
