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
