/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers of a seed. A simulation has one stream for each purpose, so that one more choice in one of them does
 * not change all the others. */
#ifndef MUSTER_SIM_RANDOM_H
#define MUSTER_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct sim_random {
    uint64_t state;
};

/* splitmix64: every seed is good, 0 too. */
static inline uint64_t random_next(struct sim_random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15ULL;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

static inline uint64_t random_below(struct sim_random *random, uint64_t bound)
{
    return bound == 0 ? 0 : random_next(random) % bound;
}

/* Both ends included. */
static inline uint64_t random_between(struct sim_random *random, uint64_t least, uint64_t most)
{
    return least + random_below(random, most - least + 1);
}

static inline bool random_chance(struct sim_random *random, unsigned per_mille)
{
    return per_mille != 0 && random_below(random, 1000) < per_mille;
}

/* Small ones as likely as large ones: first how many bits, then which. */
static inline uint64_t random_magnitude(struct sim_random *random, uint64_t most)
{
    unsigned bits = 1;

    while (bits < 63 && most >> bits != 0)
        bits++;
    const uint64_t value = random_next(random) >> (64 - random_between(random, 1, bits));
    return value > most ? most : value;
}

#endif
