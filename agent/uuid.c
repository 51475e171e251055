/* SPDX-License-Identifier: Apache-2.0 */
/* uuid.h */
#include "uuid.h"

#include <ctype.h>

static unsigned hex_digit(char character)
{
    if (isdigit((unsigned char)character))
        return (unsigned)(character - '0');
    return (unsigned)(tolower((unsigned char)character) - 'a' + 10);
}

bool uuid_parse(const char *text, uint8_t ret_bytes[16])
{
    unsigned digits = 0;

    for (; *text; text++) {
        if (*text == '-')
            continue;
        if (!isxdigit((unsigned char)*text) || digits == 32)
            return false;
        ret_bytes[digits / 2] = (uint8_t)(ret_bytes[digits / 2] << 4 | hex_digit(*text));
        digits++;
    }
    return digits == 32;
}
