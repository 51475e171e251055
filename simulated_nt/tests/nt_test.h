/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests that see NT's types and so cannot include cmocka's or libc's headers: they list themselves in
 * nt_tests, host_test_run.c runs them by cmocka. A broken rule ends its process, so what is to break one
 * runs in a child.
 */
#ifndef SIMULATED_NT_NT_TEST_H
#define SIMULATED_NT_NT_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nt_test {
    const char *name;
    void (*body)(void);
};

/* Each test program has one, ended by an empty entry. */
extern const struct nt_test nt_tests[];
#define NT_TEST(function)                                                                                              \
    {                                                                                                                  \
        .name = #function, .body = (function)                                                                          \
    }
#define NT_TESTS_END                                                                                                   \
    {                                                                                                                  \
        .name = NULL, .body = NULL                                                                                     \
    }

/* Fails the test; in a child or another thread, ends the process. */
void nt_check(bool holds, const char *text, const char *file, int line);
void nt_check_equal(uint64_t is, uint64_t should, const char *text, const char *file, int line);
#define NT_CHECK(condition) nt_check((condition), #condition, __FILE__, __LINE__)
#define NT_CHECK_EQUAL(is, should)                                                                                     \
    nt_check_equal((uint64_t)(is), (uint64_t)(should), #is " == " #should, __FILE__, __LINE__)

/* Runs the body in a child, which has to abort with `text` on stderr. */
void nt_expect_abort(void (*body)(void *context), void *context, const char *text, const char *file, int line);
/* The same, with "BROKEN RULE in <call>: " and `text` behind it in one line. */
void nt_expect_broken(void (*body)(void *context), void *context, const char *call, const char *text, const char *file,
                      int line);
#define NT_EXPECT_ABORT(body, context, text) nt_expect_abort((body), (context), (text), __FILE__, __LINE__)
#define NT_EXPECT_BROKEN(body, context, call, text)                                                                    \
    nt_expect_broken((body), (context), (call), (text), __FILE__, __LINE__)
/* Runs the body in a child, which has to come to its end. */
void nt_expect_fine(void (*body)(void *context), void *context, const char *file, int line);
#define NT_EXPECT_FINE(body, context) nt_expect_fine((body), (context), __FILE__, __LINE__)

/* `count` threads at once, each with its index; returns when all have ended. */
void nt_run_threads(unsigned count, void (*body)(unsigned index, void *context), void *context);

void nt_sleep_ms(unsigned ms);
/* Until *flag is not 0; a minute at most, then it fails. */
void nt_wait_until(const volatile int *flag);

/* What a sanitizer finds instead of the simulator. */
bool nt_is_tsan(void);
bool nt_is_asan(void);
/* Less under ThreadSanitizer. */
unsigned nt_scale(unsigned count);

#endif
