/* SPDX-License-Identifier: Apache-2.0 */
/* sim_journal.h */
#include "sim_journal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim_scheduler.h"

static struct {
    const char *program;
    uint64_t seed;
    bool trace;
    uint64_t hash;
} journal;

void journal_begin(const char *program, uint64_t seed, bool trace)
{
    journal.program = program;
    journal.seed = seed;
    journal.trace = trace;
    journal.hash = seed;
}

uint64_t journal_hash(void)
{
    return journal.hash;
}

static void hash_add(uint64_t value)
{
    journal.hash = (journal.hash ^ value) * 0xff51afd7ed558ccdULL;
    journal.hash ^= journal.hash >> 32;
}

static uint64_t hash_text(const char *bytes, size_t size_bytes)
{
    uint64_t hash = 0xcbf29ce484222325ULL;

    for (size_t i = 0; i < size_bytes; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3ULL;
    hash_add(hash);
    return hash;
}

static void what_add(const char *what)
{
    hash_add((uint64_t)(unsigned char)what[0] << 8 | (unsigned char)what[1]);
    hash_add(sim_now_ns());
}

void journal_note(const char *what, uint64_t first, uint64_t second)
{
    what_add(what);
    hash_add(first);
    hash_add(second);
    if (journal.trace)
        printf("%12" PRIu64 " %-10s %s %" PRIu64 " %" PRIu64 "\n", sim_now_ns(), sim_name(), what, first, second);
}

uint64_t journal_bytes(const char *what, const char *bytes, size_t size_bytes)
{
    uint64_t hash;

    what_add(what);
    hash = hash_text(bytes, size_bytes);
    if (journal.trace)
        printf("%12" PRIu64 " %-10s %s %zu: %.*s\n", sim_now_ns(), sim_name(), what, size_bytes,
               (int)(size_bytes < 2000 ? size_bytes : 2000), bytes);
    return hash;
}

void sim_fail(const char *format, ...)
{
    va_list arguments;

    printf("seed %" PRIu64 ": ", journal.seed);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf(" (at %" PRIu64 " ns, in %s)\nreplay: %s --seed %" PRIu64 " --trace\n", sim_now_ns(), sim_name(),
           journal.program, journal.seed);
    fflush(stdout);
    _Exit(1);
}
