/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes of `muster selftest`: each shape makes some, in the ways in which sensors are known to miss them, each
 * with a word among its arguments that nothing else on the machine has. What is made is written down by who makes it,
 * not by who watches.
 */
#ifndef MUSTER_SELFTEST_SHAPES_H
#define MUSTER_SELFTEST_SHAPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum selftest_shape {
    SHAPE_FLAT,        /* one after the other, by fork and exec */
    SHAPE_TREE,        /* each has two children, to a depth; many of them lose their parent at once */
    SHAPE_SHORT,       /* as fast as can be: vfork and exec of what ends at once, on every CPU */
    SHAPE_THREAD_EXEC, /* another thread than the first calls exec */
    SHAPE_LONG_ARGS,   /* arguments longer than any buffer of a fixed size likes */
};
#define SHAPE_COUNT 5

extern const char *const selftest_shape_names[SHAPE_COUNT];

#define SELFTEST_WORD_BYTES 64
#define SELFTEST_COUNT_MAX  100000U

/* What is true of one process. Shared memory: written by the process that makes it. */
struct selftest_truth {
    uint32_t pid; /* 0: it was not made */
    uint32_t args_count;
};

/* "muster-selftest-NONCE-SHAPE-INDEX" */
void selftest_word(uint64_t nonce, enum selftest_shape shape, uint32_t index, char word[SELFTEST_WORD_BYTES]);

/* The reverse. False for any other word. */
bool selftest_word_parse(uint64_t nonce, const char *word, enum selftest_shape *ret_shape, uint32_t *ret_index);

/* The digest that a skeleton of that process has (muster/digest.h). */
uint64_t selftest_digest(uint64_t nonce, enum selftest_shape shape, uint32_t index);

/* What every process ends up as. */
#define SELFTEST_IMAGE "/bin/true"

/* How many processes a shape makes when `count` are asked for in all. */
uint32_t selftest_shape_size(enum selftest_shape shape, uint32_t count);

/* Makes them in a process of its own, whose pid is returned, and which ends when the last of them has; -1 with errno
 * set. */
pid_t selftest_shape_start(enum selftest_shape shape, uint32_t size, uint64_t nonce, struct selftest_truth *truth);

#endif
