/* SPDX-License-Identifier: Apache-2.0 */
/* win32_text.h */
#include "win32_text.h"

#include <stdlib.h>
#include <string.h>

#include "muster/text_utf16.h"

_Static_assert(sizeof(wchar_t) == sizeof(uint16_t), "a wide character is a unit of UTF-16");

wchar_t *wide_from_text(const char *text)
{
    size_t bytes = strlen(text), units_bytes;
    wchar_t *wide;

    if (muster_wtf8_utf16_size(text, bytes, &units_bytes) != MUSTER_OK)
        return NULL;
    wide = malloc(units_bytes + sizeof(*wide));
    if (!wide)
        return NULL;
    if (muster_wtf8_to_utf16(text, bytes, (uint16_t *)wide, units_bytes, &units_bytes) != MUSTER_OK) {
        free(wide);
        return NULL;
    }
    wide[units_bytes / sizeof(*wide)] = L'\0';
    return wide;
}

bool text_copy_wide(const wchar_t *wide, char *buffer, size_t capacity_bytes)
{
    size_t bytes = 0;
    bool fits = muster_utf16_to_wtf8((const uint16_t *)wide, wcslen(wide) * sizeof(*wide), buffer, capacity_bytes - 1,
                                     &bytes) == MUSTER_OK;

    buffer[fits ? bytes : 0] = '\0';
    return fits;
}

char *text_from_wide(const wchar_t *wide)
{
    size_t bytes = 0;
    char *text;

    if (muster_utf16_wtf8_size((const uint16_t *)wide, wcslen(wide) * sizeof(*wide), &bytes) != MUSTER_OK)
        return NULL;
    text = malloc(bytes + 1);
    if (text && !text_copy_wide(wide, text, bytes + 1)) {
        free(text);
        text = NULL;
    }
    return text;
}
