/* SPDX-License-Identifier: Apache-2.0 */
/* Decimal digits into memory that the caller has made room in. */
#ifndef MUSTER_SINKS_DIGITS_H
#define MUSTER_SINKS_DIGITS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What decimal_put may touch. */
enum { DECIMAL_ROOM_BYTES = 24 };

/* Writes two decimal digits of a value below 100. */
static inline void two_digits(char *destination, unsigned value)
{
    destination[0] = (char)('0' + value / 10);
    destination[1] = (char)('0' + value % 10);
}

#define DIGIT_ZEROS 0x3030303030303030ULL

/*
 * The eight digits of a value below 10^8, a byte each and the first one lowest; DIGIT_ZEROS makes characters of them.
 * All at once: first the two halves, then of both the hundreds, then of all four the tens.
 */
static inline uint64_t eight_digits(uint32_t value)
{
    uint64_t digits = value / 10000 | (uint64_t)(value % 10000) << 32;
    uint64_t higher = digits * 10486 >> 20 & 0x0000007f0000007fULL;
    digits = higher | (digits - higher * 100) << 16;
    higher = digits * 103 >> 10 & 0x000f000f000f000fULL;
    return higher | (digits - higher * 10) << 8;
}

static inline char *eight_digits_put(char *out, uint32_t value)
{
    const uint64_t shown = eight_digits(value) | DIGIT_ZEROS;
    memcpy(out, &shown, 8);
    return out + 8;
}

/* Below 10^8, and without leading zeros; the last digit is shown even if it is 0. */
static inline char *first_digits_put(char *out, uint32_t value)
{
    const uint64_t digits = eight_digits(value);
    const unsigned zero_count = (unsigned)__builtin_ctzll(digits | 1ULL << 56) / 8;
    const uint64_t shown = (digits | DIGIT_ZEROS) >> (8 * zero_count);
    memcpy(out, &shown, 8);
    return out + 8 - zero_count;
}

/* Returns where it ends. */
static inline char *decimal_put(char *out, uint64_t value)
{
    const uint64_t unit = 100000000U;
    if (value < unit)
        return first_digits_put(out, (uint32_t)value);
    if (value / unit < unit) {
        out = first_digits_put(out, (uint32_t)(value / unit));
    } else {
        out = first_digits_put(out, (uint32_t)(value / unit / unit));
        out = eight_digits_put(out, (uint32_t)(value / unit % unit));
    }
    return eight_digits_put(out, (uint32_t)(value % unit));
}

#endif
