/* SPDX-License-Identifier: Apache-2.0 */
/* utc_text.h */
#include "utc_text.h"

#include <stdio.h>
#include <time.h>

#define NS_PER_S  1000000000U
#define NS_PER_MS 1000000U

const char *utc_text(uint64_t since_1970_ns, char text[UTC_TEXT_BYTES])
{
    time_t seconds = (time_t)(since_1970_ns / NS_PER_S);
    struct tm utc = {0};

    gmtime_r(&seconds, &utc);
    snprintf(text, UTC_TEXT_BYTES, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", (utc.tm_year + 1900) % 10000,
             (utc.tm_mon + 1) % 100, utc.tm_mday % 100, utc.tm_hour % 100, utc.tm_min % 100, utc.tm_sec % 100,
             (unsigned)(since_1970_ns % NS_PER_S / NS_PER_MS));
    return text;
}

/* `form` has a digit where one has to be, and else what has to be. */
static bool is_formed(const char *text, const char *form)
{
    for (; *form; text++, form++)
        if (*form == '0' ? *text < '0' || *text > '9' : *text != *form)
            return false;
    return true;
}

static unsigned number_at(const char *text, unsigned digits)
{
    unsigned number = 0;

    for (unsigned i = 0; i < digits; i++)
        number = number * 10 + (unsigned)(text[i] - '0');
    return number;
}

static unsigned days_in(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

static uint64_t days_before(unsigned year, unsigned month)
{
    uint64_t before = (uint64_t)(year - 1), days = before * 365 + before / 4 - before / 100 + before / 400;

    for (unsigned i = 1; i < month; i++)
        days += days_in(year, i);
    return days;
}

bool utc_parse(const char *text, size_t size_bytes, uint64_t *ret_since_1970_ns)
{
    static const char form[] = "0000-00-00T00:00:00";
    size_t whole = sizeof(form) - 1, digits;
    unsigned year, month, day;
    uint64_t seconds, ns = 0;

    if (size_bytes < whole + 1 || !is_formed(text, form) || text[size_bytes - 1] != 'Z')
        return false;
    digits = size_bytes - whole - 1;
    if (digits == 1 || digits > 10 || (digits > 0 && text[whole] != '.'))
        return false;
    for (size_t i = 1; i < 10; i++) {
        char digit = i < digits ? text[whole + i] : '0';

        if (digit < '0' || digit > '9')
            return false;
        ns = digits > 0 ? ns * 10 + (uint64_t)(digit - '0') : 0;
    }
    year = number_at(text, 4);
    month = number_at(text + 5, 2);
    day = number_at(text + 8, 2);
    if (year < 1970 || year > 2261 || month < 1 || month > 12 || day < 1 || day > days_in(year, month) ||
        number_at(text + 11, 2) > 23 || number_at(text + 14, 2) > 59 || number_at(text + 17, 2) > 59)
        return false;
    seconds = (days_before(year, month) - days_before(1970, 1) + day - 1) * 86400 + number_at(text + 11, 2) * 3600U +
              number_at(text + 14, 2) * 60U + number_at(text + 17, 2);
    *ret_since_1970_ns = seconds * NS_PER_S + ns;
    return true;
}
