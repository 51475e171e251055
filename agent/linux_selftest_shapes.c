/* SPDX-License-Identifier: Apache-2.0 */
/* selftest_shapes.h. Every process ends up as true(1), which does nothing and ignores its arguments. */
#include "selftest_shapes.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "muster/digest.h"

#define LONG_ARGS_COUNT 100
#define LONG_ARG_BYTES  1000 /* with its NUL */
#define CANNOT_EXEC     127

const char *const selftest_shape_names[SHAPE_COUNT] = {
    [SHAPE_FLAT] = "flat",
    [SHAPE_TREE] = "tree",
    [SHAPE_SHORT] = "short-lived",
    [SHAPE_THREAD_EXEC] = "thread exec",
    [SHAPE_LONG_ARGS] = "long arguments",
};

/* One shape being made. */
struct making {
    enum selftest_shape shape;
    uint32_t size;
    uint64_t nonce;
    struct selftest_truth *truth;
};

void selftest_word(uint64_t nonce, enum selftest_shape shape, uint32_t index, char word[SELFTEST_WORD_BYTES])
{
    (void)snprintf(word, SELFTEST_WORD_BYTES, "muster-selftest-%016" PRIx64 "-%u-%" PRIu32, nonce, (unsigned)shape,
                   index);
}

bool selftest_word_parse(uint64_t nonce, const char *word, enum selftest_shape *ret_shape, uint32_t *ret_index)
{
    char expected[SELFTEST_WORD_BYTES];
    unsigned shape;
    uint32_t index;
    uint64_t said;

    if (sscanf(word, "muster-selftest-%16" SCNx64 "-%u-%" SCNu32, &said, &shape, &index) != 3 || shape >= SHAPE_COUNT)
        return false;
    selftest_word(nonce, (enum selftest_shape)shape, index, expected);
    if (strcmp(word, expected) != 0)
        return false;
    *ret_shape = (enum selftest_shape)shape;
    *ret_index = index;
    return true;
}

/* Of its argument area, as far as that is looked at; the words of long ones are all padding from the third on. */
uint64_t selftest_digest(uint64_t nonce, enum selftest_shape shape, uint32_t index)
{
    char area[MUSTER_ARGS_DIGEST_BYTES], word[SELFTEST_WORD_BYTES];
    size_t size;

    selftest_word(nonce, shape, index, word);
    size = (size_t)snprintf(area, sizeof(area), "true%c%s", 0, word) + 1;
    if (shape != SHAPE_LONG_ARGS)
        return muster_args_digest(area, size);
    for (size_t i = size; i < sizeof(area); i++)
        area[i] = (i - size) % LONG_ARG_BYTES == LONG_ARG_BYTES - 1 ? '\0' : 'x';
    return muster_args_digest(area, sizeof(area));
}

uint32_t selftest_shape_size(enum selftest_shape shape, uint32_t count)
{
    static const uint32_t shares[SHAPE_COUNT] = {25, 20, 40, 10, 5}; /* of 100 */
    uint32_t size = (uint32_t)((uint64_t)count * shares[shape] / 100);

    return size ? size : 1;
}

static _Noreturn void become_true(const struct making *making, uint32_t index)
{
    static char name[] = "true";
    char word[SELFTEST_WORD_BYTES];
    char *arguments[] = {name, word, NULL};

    selftest_word(making->nonce, making->shape, index, word);
    making->truth[index] = (struct selftest_truth){.pid = (uint32_t)getpid(), .args_count = 2};
    (void)execv(SELFTEST_IMAGE, arguments);
    making->truth[index].pid = 0;
    _exit(CANNOT_EXEC);
}

static void wait_all(void)
{
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
}

static void flat_make(const struct making *making)
{
    for (uint32_t i = 0; i < making->size; i++) {
        pid_t child = fork();

        if (child == 0)
            become_true(making, i);
        (void)waitpid(child, NULL, 0);
    }
}

/* As a heap: the children of i are 2i + 1 and 2i + 2. A parent does not wait, so its children are given to the one that
 * makes the shape, which does. */
static _Noreturn void tree_grow(const struct making *making)
{
    uint32_t index = 0;

    for (uint32_t which = 1; which <= 2; which++) {
        uint32_t child = 2 * index + which;

        if (child < making->size && fork() == 0) {
            index = child;
            which = 0; /* and has its own two */
        }
    }
    become_true(making, index);
}

static void tree_make(const struct making *making)
{
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (fork() == 0)
        tree_grow(making);
    wait_all();
}

/* The child runs in this memory until it execs. Apart, so that no variable of the caller's is in a register meanwhile.
 */
__attribute__((noinline)) static pid_t vfork_exec(char *const arguments[])
{
    pid_t child = vfork();

    if (child == 0) {
        (void)execv(SELFTEST_IMAGE, arguments);
        _exit(CANNOT_EXEC);
    }
    return child;
}

static void short_run(const struct making *making, uint32_t first, uint32_t step)
{
    static char name[] = "true";
    char word[SELFTEST_WORD_BYTES];
    char *arguments[] = {name, word, NULL};

    for (uint32_t i = first; i < making->size; i += step) {
        pid_t child;

        selftest_word(making->nonce, making->shape, i, word);
        child = vfork_exec(arguments);
        if (child > 0)
            making->truth[i] = (struct selftest_truth){.pid = (uint32_t)child, .args_count = 2};
        (void)waitpid(child, NULL, 0);
    }
}

static void short_make(const struct making *making)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t workers = processors > 0 ? (uint32_t)processors : 1;

    for (uint32_t i = 0; i < workers; i++)
        if (fork() == 0) {
            short_run(making, i, workers);
            _exit(0);
        }
    wait_all();
}

struct thread_exec {
    const struct making *making;
    uint32_t index;
};

static void *thread_become_true(void *context)
{
    const struct thread_exec *exec = context;

    become_true(exec->making, exec->index);
}

static void thread_exec_make(const struct making *making)
{
    for (uint32_t i = 0; i < making->size; i++) {
        struct thread_exec exec = {.making = making, .index = i};
        pid_t child = fork();
        pthread_t thread;

        if (child == 0) {
            if (pthread_create(&thread, NULL, thread_become_true, &exec) != 0)
                _exit(CANNOT_EXEC);
            for (;;)
                (void)pause();
        }
        (void)waitpid(child, NULL, 0);
    }
}

static void long_args_make(const struct making *making)
{
    static char name[] = "true", padding[LONG_ARG_BYTES];
    char word[SELFTEST_WORD_BYTES];
    char *arguments[LONG_ARGS_COUNT + 1] = {name, word};

    memset(padding, 'x', sizeof(padding) - 1);
    for (int i = 2; i < LONG_ARGS_COUNT; i++)
        arguments[i] = padding;
    for (uint32_t i = 0; i < making->size; i++) {
        pid_t child;

        selftest_word(making->nonce, making->shape, i, word);
        child = fork();
        if (child == 0) {
            (void)execv(SELFTEST_IMAGE, arguments);
            _exit(CANNOT_EXEC);
        }
        if (child > 0)
            making->truth[i] = (struct selftest_truth){.pid = (uint32_t)child, .args_count = LONG_ARGS_COUNT};
        (void)waitpid(child, NULL, 0);
    }
}

pid_t selftest_shape_start(enum selftest_shape shape, uint32_t size, uint64_t nonce, struct selftest_truth *truth)
{
    static void (*const makes[SHAPE_COUNT])(const struct making *making) = {
        [SHAPE_FLAT] = flat_make,           [SHAPE_TREE] = tree_make,
        [SHAPE_SHORT] = short_make,         [SHAPE_THREAD_EXEC] = thread_exec_make,
        [SHAPE_LONG_ARGS] = long_args_make,
    };
    struct making making = {.shape = shape, .size = size, .nonce = nonce, .truth = truth};
    pid_t child = fork();

    if (child != 0)
        return child;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    makes[shape](&making);
    _exit(0);
}
