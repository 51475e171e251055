/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes and times as a person writes them on the command line: 256K, 8M, 500ms, 2m. */
#ifndef MUSTER_UNITS_H
#define MUSTER_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* A whole number with an optional K, M or G (of 1,024). False, *ret_bytes untouched, for anything
 * else and where it does not fit. */
bool size_parse(const char *text, uint64_t *ret_bytes);

/* A whole number with ms, s, m, h or d; seconds where there is none of them. */
bool time_parse(const char *text, uint64_t *ret_ms);

#endif
