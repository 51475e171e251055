/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entity id: BLAKE2s of one short block, so only the one compression that this needs is here.
 * Keeps no state; called in any context. A general, streaming BLAKE2s was rejected: 28 bytes never
 * fill a block, and what is not there cannot be wrong.
 */
#include "muster/identity.h"

#include "platform/platform.h"

#define WORD_COUNT  16
#define STATE_COUNT 8
#define ROUND_COUNT 10
#define INPUT_BYTES 28U

/* RFC 7693, 2.6: the initial value, that of SHA-256. */
static const uint32_t initial[STATE_COUNT] = {
    0x6a09e667U, 0xbb67ae85U, 0x3c6ef372U, 0xa54ff53aU, 0x510e527fU, 0x9b05688cU, 0x1f83d9abU, 0x5be0cd19U,
};

/* RFC 7693, 2.7. */
static const uint8_t sigma[ROUND_COUNT][WORD_COUNT] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static uint32_t rotate_right(uint32_t word, unsigned bits)
{
    return (word >> bits) | (word << (32U - bits));
}

static void store_little_endian(uint8_t *to, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> (8U * i));
}

static uint32_t load_little_endian(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

/* RFC 7693, 3.1: the mixing function G, with the rotations of BLAKE2s. */
static inline void mix(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d, uint32_t x, uint32_t y)
{
    *a = *a + *b + x;
    *d = rotate_right(*d ^ *a, 16);
    *c = *c + *d;
    *b = rotate_right(*b ^ *c, 12);
    *a = *a + *b + y;
    *d = rotate_right(*d ^ *a, 8);
    *c = *c + *d;
    *b = rotate_right(*b ^ *c, 7);
}

/* Columns, then diagonals. Written out, so that the compiler can keep `v` in registers: a table of the indices, looked
 * at as it runs, made this the dearest function of the whole NDJSON line. */
static inline __attribute__((always_inline)) void mix_round(uint32_t v[WORD_COUNT], const uint32_t words[WORD_COUNT],
                                                            const uint8_t order[WORD_COUNT])
{
    mix(&v[0], &v[4], &v[8], &v[12], words[order[0]], words[order[1]]);
    mix(&v[1], &v[5], &v[9], &v[13], words[order[2]], words[order[3]]);
    mix(&v[2], &v[6], &v[10], &v[14], words[order[4]], words[order[5]]);
    mix(&v[3], &v[7], &v[11], &v[15], words[order[6]], words[order[7]]);
    mix(&v[0], &v[5], &v[10], &v[15], words[order[8]], words[order[9]]);
    mix(&v[1], &v[6], &v[11], &v[12], words[order[10]], words[order[11]]);
    mix(&v[2], &v[7], &v[8], &v[13], words[order[12]], words[order[13]]);
    mix(&v[3], &v[4], &v[9], &v[14], words[order[14]], words[order[15]]);
}

/* RFC 7693, 3.2, for a block that is the first and the last. */
static void compress(uint32_t state[STATE_COUNT], const uint32_t words[WORD_COUNT])
{
    uint32_t v[WORD_COUNT];

    for (unsigned i = 0; i < STATE_COUNT; i++) {
        v[i] = state[i];
        v[STATE_COUNT + i] = initial[i];
    }
    v[12] ^= INPUT_BYTES;
    v[14] = ~v[14];
    /* One by one, so that the compiler knows every index. */
    mix_round(v, words, sigma[0]);
    mix_round(v, words, sigma[1]);
    mix_round(v, words, sigma[2]);
    mix_round(v, words, sigma[3]);
    mix_round(v, words, sigma[4]);
    mix_round(v, words, sigma[5]);
    mix_round(v, words, sigma[6]);
    mix_round(v, words, sigma[7]);
    mix_round(v, words, sigma[8]);
    mix_round(v, words, sigma[9]);
    for (unsigned i = 0; i < STATE_COUNT; i++)
        state[i] ^= v[i] ^ v[STATE_COUNT + i];
}

void muster_entity_id(const uint8_t boot_id[16], uint32_t pid, uint64_t start_ticks,
                      uint8_t ret_id[MUSTER_ENTITY_ID_BYTES])
{
    uint8_t block[4 * WORD_COUNT] = {0};
    uint32_t words[WORD_COUNT];
    uint32_t state[STATE_COUNT];

    muster_copy(block, boot_id, 16);
    store_little_endian(block + 16, pid, 4);
    store_little_endian(block + 20, start_ticks, 8);
    for (unsigned i = 0; i < WORD_COUNT; i++)
        words[i] = load_little_endian(block + 4 * i);

    muster_copy(state, initial, sizeof state);
    state[0] ^= 0x01010000U ^ MUSTER_ENTITY_ID_BYTES; /* parameter block: no key, fanout and depth 1 */
    compress(state, words);
    for (unsigned i = 0; i < MUSTER_ENTITY_ID_BYTES / 4; i++)
        store_little_endian(ret_id + 4 * i, state[i], 4);
}
