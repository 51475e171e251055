/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nt_test.h on libc and cmocka: runs a program's nt_tests, and children that are to break rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "simulated_nt/include/simulated_nt.h"
#include "simulated_nt/tests/nt_test.h"

#define TESTS_MAX     200
#define THREADS_MAX   16
#define OUTPUT_BYTES  65536
#define CHILD_SECONDS 60

#ifndef __has_feature
#define __has_feature(what) 0
#endif

static pthread_t main_thread;
static pid_t main_process;

static bool may_jump(void)
{
    return getpid() == main_process && pthread_equal(pthread_self(), main_thread);
}

static void fail_here(const char *text, const char *file, int line)
{
    if (may_jump())
        _fail(file, line);
    (void)fprintf(stderr, "%s:%d: not so: %s\n", file, line, text);
    _exit(3);
}

void nt_check(bool holds, const char *text, const char *file, int line)
{
    if (holds)
        return;
    if (may_jump())
        print_error("%s:%d: not so: %s\n", file, line, text);
    fail_here(text, file, line);
}

void nt_check_equal(uint64_t is, uint64_t should, const char *text, const char *file, int line)
{
    if (is == should)
        return;
    char message[300];
    (void)snprintf(message, sizeof message, "%s (0x%llx, 0x%llx)", text, (unsigned long long)is,
                   (unsigned long long)should);
    nt_check(false, message, file, line);
}

/* ---- children ------------------------------------------------------------------------------------------- */

static void run_child(void (*body)(void *context), void *context, int output)
{
    (void)dup2(output, STDERR_FILENO);
    (void)dup2(output, STDOUT_FILENO);
    (void)alarm(CHILD_SECONDS);
    body(context);
    (void)fflush(NULL);
    _exit(0);
}

/* Returns the wait status; what the child said stands in `said`. */
static int run_in_child(void (*body)(void *context), void *context, char said[OUTPUT_BYTES])
{
    int ends[2];
    size_t filled = 0;
    int status;

    assert_int_equal(pipe(ends), 0);
    (void)fflush(NULL);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        run_child(body, context, ends[1]);
    (void)close(ends[1]);
    for (;;) {
        char rest[512];
        const bool full = filled == OUTPUT_BYTES - 1;
        const ssize_t got = read(ends[0], full ? rest : said + filled, full ? sizeof rest : OUTPUT_BYTES - 1 - filled);
        if (got <= 0)
            break;
        if (!full)
            filled += (size_t)got;
    }
    said[filled] = '\0';
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static bool one_line_has(const char *said, const char *first, const char *second)
{
    for (const char *line = said; line != NULL && *line != '\0';) {
        const char *end = strchrnul(line, '\n');
        const char *at = memmem(line, (size_t)(end - line), first, strlen(first));
        if (at != NULL && memmem(at, (size_t)(end - at), second, strlen(second)) != NULL)
            return true;
        line = *end == '\0' ? NULL : end + 1;
    }
    return false;
}

static void expect_end(void (*body)(void *context), void *context, const char *first, const char *second,
                       const char *file, int line)
{
    static char said[OUTPUT_BYTES];
    const int status = run_in_child(body, context, said);

    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && one_line_has(said, first, second))
        return;
    print_error("%s:%d: expected to abort with \"%s%s\"; status 0x%x, and it said:\n%s\n", file, line, first, second,
                (unsigned)status, said);
    _fail(file, line);
}

void nt_expect_abort(void (*body)(void *context), void *context, const char *text, const char *file, int line)
{
    expect_end(body, context, text, "", file, line);
}

void nt_expect_broken(void (*body)(void *context), void *context, const char *call, const char *text, const char *file,
                      int line)
{
    char first[200];
    (void)snprintf(first, sizeof first, "BROKEN RULE in %s: ", call);
    expect_end(body, context, first, text, file, line);
}

void nt_expect_fine(void (*body)(void *context), void *context, const char *file, int line)
{
    static char said[OUTPUT_BYTES];
    const int status = run_in_child(body, context, said);

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    print_error("%s:%d: expected to come to its end; status 0x%x, and it said:\n%s\n", file, line, (unsigned)status,
                said);
    _fail(file, line);
}

/* ---- threads -------------------------------------------------------------------------------------------- */

struct test_thread {
    pthread_t thread;
    unsigned index;
    void (*body)(unsigned index, void *context);
    void *context;
};

static void *run_thread(void *context)
{
    const struct test_thread *thread = context;
    thread->body(thread->index, thread->context);
    sim_thread_require_clean("the end of a test's thread");
    return NULL;
}

void nt_run_threads(unsigned count, void (*body)(unsigned index, void *context), void *context)
{
    struct test_thread threads[THREADS_MAX];

    if (count > THREADS_MAX)
        abort();
    for (unsigned i = 0; i < count; i++) {
        threads[i] = (struct test_thread){.index = i, .body = body, .context = context};
        if (pthread_create(&threads[i].thread, NULL, run_thread, &threads[i]) != 0)
            abort();
    }
    for (unsigned i = 0; i < count; i++)
        (void)pthread_join(threads[i].thread, NULL);
}

void nt_sleep_ms(unsigned ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

void nt_wait_until(const volatile int *flag)
{
    for (unsigned i = 0; __atomic_load_n(flag, __ATOMIC_ACQUIRE) == 0; i++) {
        if (i == 60000)
            fail_here("what was waited for did not come", __FILE__, __LINE__);
        nt_sleep_ms(1);
    }
}

bool nt_is_tsan(void)
{
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
    return true;
#else
    return false;
#endif
}

bool nt_is_asan(void)
{
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
    return true;
#else
    return false;
#endif
}

unsigned nt_scale(unsigned count)
{
    return nt_is_tsan() ? (count + 9) / 10 : count;
}

/* ---- running -------------------------------------------------------------------------------------------- */

static void run_one(void **state)
{
    const struct nt_test *test = *state;
    test->body();
    sim_thread_require_clean("the end of a test");
}

int main(void)
{
    static struct CMUnitTest tests[TESTS_MAX];
    size_t count = 0;

    main_thread = pthread_self();
    main_process = getpid();
    for (; nt_tests[count].body != NULL && count < TESTS_MAX; count++)
        tests[count] = (struct CMUnitTest){
            .name = nt_tests[count].name, .test_func = run_one, .initial_state = (void *)(uintptr_t)&nt_tests[count]};
    return _cmocka_run_group_tests("nt_tests", tests, count, NULL, NULL);
}
