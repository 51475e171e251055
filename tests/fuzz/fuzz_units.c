/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes and times as the command line takes them, against a reading of the same words in 128 bits. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "agent/units.h"
#include "fuzz/fuzz_input.h"

__extension__ typedef unsigned __int128 wide;

struct name {
    const char *name;
    uint64_t factor;
};

static const struct name sizes[] = {{"", 1}, {"k", 1024}, {"m", 1048576}, {"g", 1073741824}};
static const struct name times[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

static bool is_name(const char *text, const char *name)
{
    size_t i = 0;
    for (; text[i] != 0 && name[i] != 0; i++)
        if ((text[i] | 0x20) != name[i] || !isalpha((unsigned char)text[i]))
            return false;
    return text[i] == name[i];
}

static bool expected(const char *text, const struct name *names, size_t count, uint64_t *ret_value)
{
    const char *at = text;
    wide value = 0;

    for (; *at >= '0' && *at <= '9'; at++)
        if ((value = value * 10 + (wide)(*at - '0')) > UINT64_MAX)
            return false;
    for (size_t i = 0; at != text && i < count; i++) {
        if (is_name(at, names[i].name)) {
            value *= names[i].factor;
            *ret_value = (uint64_t)value;
            return value <= UINT64_MAX;
        }
    }
    return false;
}

static void compare(bool (*parse)(const char *, uint64_t *), const char *text, const struct name *names, size_t count)
{
    uint64_t want = 0, got = 99;
    const bool is_good = expected(text, names, count, &want);

    FUZZ_REQUIRE(parse(text, &got) == is_good);
    FUZZ_REQUIRE(got == (is_good ? want : 99));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    FUZZ_REQUIRE(text != NULL);
    if (size != 0)
        memcpy(text, data, size);
    text[size] = 0;
    compare(size_parse, text, sizes, sizeof sizes / sizeof *sizes);
    compare(time_parse, text, times, sizeof times / sizeof *times);
    free(text);
    return 0;
}
