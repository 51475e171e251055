/* SPDX-License-Identifier: Apache-2.0 */
/* timestamp.h. strftime is not used for UTC: it costs more than the rest of a line. */
#include "timestamp.h"

#include <string.h>
#include <time.h>

#include "buffer.h"
#include "digits.h"
#include "muster/sink.h"

#define NS_PER_SECOND 1000000000U

/* Wraps by intent: the offset may be negative, and a time since 1601 does not fit int64_t. */
uint64_t timestamp_since_1970(const struct muster_stream *stream, uint64_t time_ns)
{
    return time_ns + (uint64_t)stream->clock_offset_ns;
}

/*
 * Day since 1970 to year, month and day. Counts days from 1 March of the year 0, so that a leap day
 * is the last of its year and the months before it have lengths that a line describes.
 */
static void write_date(char *out, uint64_t day)
{
    uint64_t shifted = day + 719468;
    uint64_t era = shifted / 146097;
    uint64_t day_of_era = shifted % 146097;
    uint64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t shifted_month = (5 * day_of_year + 2) / 153;
    uint64_t day_of_month = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    uint64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    uint64_t year = era * 400 + year_of_era + (month <= 2 ? 1 : 0);
    two_digits(out, (unsigned)(year / 100));
    two_digits(out + 2, (unsigned)(year % 100));
    out[4] = '-';
    two_digits(out + 5, (unsigned)month);
    out[7] = '-';
    two_digits(out + 8, (unsigned)day_of_month);
}

static void write_time_of_day(char *out, unsigned second)
{
    two_digits(out, second / 3600);
    out[2] = ':';
    two_digits(out + 3, second / 60 % 60);
    out[5] = ':';
    two_digits(out + 6, second % 60);
}

static void find_second(struct timestamp_second *found, uint64_t second)
{
    found->known = true;
    found->second = second;
    write_date(found->text, second / 86400);
    found->text[10] = 'T';
    write_time_of_day(found->text + 11, (unsigned)(second % 86400));
    found->text[19] = '.';
}

void timestamp_utc(char *out, struct timestamp_cache *cache, uint64_t since_1970_ns)
{
    uint64_t second = since_1970_ns / NS_PER_SECOND;
    uint32_t fraction = (uint32_t)(since_1970_ns % NS_PER_SECOND);
    struct timestamp_second *found = &cache->seconds[second % TIMESTAMP_SECONDS];
    if (!found->known || found->second != second)
        find_second(found, second);
    memcpy(out, found->text, sizeof(found->text));
    out[20] = (char)('0' + fraction / 100000000);
    (void)eight_digits_put(out + 21, fraction % 100000000);
    out[29] = 'Z';
}

/* Zones change on a minute of UTC, so one answer holds for a minute. */
static void find_minute(struct timestamp_minute *minute, uint64_t now)
{
    struct tm local = {0};
    time_t seconds = (time_t)(now * 60);
    localtime_r(&seconds, &local);
    minute->known = true;
    minute->minute = now;
    two_digits(minute->hour_minute, (unsigned)local.tm_hour % 100);
    minute->hour_minute[2] = ':';
    two_digits(minute->hour_minute + 3, (unsigned)local.tm_min % 100);
}

void timestamp_local(struct buffer *buffer, struct timestamp_minute *minute, uint64_t since_1970_ns)
{
    uint64_t milliseconds = since_1970_ns / 1000000;
    uint64_t now = milliseconds / 60000;
    if (!minute->known || minute->minute != now)
        find_minute(minute, now);
    unsigned within = (unsigned)(milliseconds % 60000);
    char text[12];
    memcpy(text, minute->hour_minute, 5);
    text[5] = ':';
    two_digits(text + 6, within / 1000);
    text[8] = '.';
    text[9] = (char)('0' + within / 100 % 10);
    two_digits(text + 10, within % 100);
    buffer_append(buffer, text, sizeof(text));
}
