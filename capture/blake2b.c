/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blake2b.h. A library was rejected: muster.exe and libmuster.a stand on nothing but what every system has, and this
 * is one page that Python's hashlib checks (tests/capture/). Of the hashes without
 * special instructions it is the fastest on 64 bits that is still one to prove something with
 * (docs/adr/0006-captures.md has the measurements). Assumes little-endian, as all of the wire format does.
 */
#include "blake2b.h"

#include <string.h>

#define BLOCK_BYTES 128
#define ROUND_COUNT 12

/* RFC 7693, 2.6: the initial value, that of SHA-512. */
static const uint64_t initial[8] = {
    0x6a09e667f3bcc908U, 0xbb67ae8584caa73bU, 0x3c6ef372fe94f82bU, 0xa54ff53a5f1d36f1U,
    0x510e527fade682d1U, 0x9b05688c2b3e6c1fU, 0x1f83d9abfb41bd6bU, 0x5be0cd19137e2179U,
};

/* RFC 7693, 2.7; the last two rounds begin anew. */
static const uint8_t sigma[ROUND_COUNT][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
};

static inline uint64_t rotate_right(uint64_t word, unsigned bits)
{
    return (word >> bits) | (word << (64U - bits));
}

/* RFC 7693, 3.1: the mixing function G, with the rotations of BLAKE2b. */
static inline __attribute__((always_inline)) void mix(uint64_t *a, uint64_t *b, uint64_t *c, uint64_t *d, uint64_t x,
                                                      uint64_t y)
{
    *a = *a + *b + x;
    *d = rotate_right(*d ^ *a, 32);
    *c = *c + *d;
    *b = rotate_right(*b ^ *c, 24);
    *a = *a + *b + y;
    *d = rotate_right(*d ^ *a, 16);
    *c = *c + *d;
    *b = rotate_right(*b ^ *c, 63);
}

/* Columns, then diagonals. A macro, on variables and with an order that the compiler knows: as a function on an array
 * it takes half as long again with gcc. */
#define MIX_ROUND(round)                                                                                               \
    do {                                                                                                               \
        mix(&v0, &v4, &v8, &v12, words[sigma[round][0]], words[sigma[round][1]]);                                      \
        mix(&v1, &v5, &v9, &v13, words[sigma[round][2]], words[sigma[round][3]]);                                      \
        mix(&v2, &v6, &v10, &v14, words[sigma[round][4]], words[sigma[round][5]]);                                     \
        mix(&v3, &v7, &v11, &v15, words[sigma[round][6]], words[sigma[round][7]]);                                     \
        mix(&v0, &v5, &v10, &v15, words[sigma[round][8]], words[sigma[round][9]]);                                     \
        mix(&v1, &v6, &v11, &v12, words[sigma[round][10]], words[sigma[round][11]]);                                   \
        mix(&v2, &v7, &v8, &v13, words[sigma[round][12]], words[sigma[round][13]]);                                    \
        mix(&v3, &v4, &v9, &v14, words[sigma[round][14]], words[sigma[round][15]]);                                    \
    } while (0)

/* RFC 7693, 3.2. `done_bytes` counts those of this block too. */
static void compress(uint64_t state[8], const uint8_t block[BLOCK_BYTES], uint64_t done_bytes, uint64_t last)
{
    uint64_t words[16];
    uint64_t v0 = state[0], v1 = state[1], v2 = state[2], v3 = state[3];
    uint64_t v4 = state[4], v5 = state[5], v6 = state[6], v7 = state[7];
    uint64_t v8 = initial[0], v9 = initial[1], v10 = initial[2], v11 = initial[3];
    uint64_t v12 = initial[4] ^ done_bytes, v13 = initial[5], v14 = initial[6] ^ last, v15 = initial[7];

    memcpy(words, block, sizeof(words));
    MIX_ROUND(0);
    MIX_ROUND(1);
    MIX_ROUND(2);
    MIX_ROUND(3);
    MIX_ROUND(4);
    MIX_ROUND(5);
    MIX_ROUND(6);
    MIX_ROUND(7);
    MIX_ROUND(8);
    MIX_ROUND(9);
    MIX_ROUND(10);
    MIX_ROUND(11);
    state[0] ^= v0 ^ v8;
    state[1] ^= v1 ^ v9;
    state[2] ^= v2 ^ v10;
    state[3] ^= v3 ^ v11;
    state[4] ^= v4 ^ v12;
    state[5] ^= v5 ^ v13;
    state[6] ^= v6 ^ v14;
    state[7] ^= v7 ^ v15;
}

void blake2b(const void *bytes, size_t size_bytes, uint8_t ret_digest[BLAKE2B_DIGEST_BYTES])
{
    const uint8_t *at = bytes;
    uint8_t rest[BLOCK_BYTES] = {0};
    uint64_t state[8];
    size_t left_bytes = size_bytes;

    memcpy(state, initial, sizeof(state));
    state[0] ^= 0x01010000U ^ BLAKE2B_DIGEST_BYTES; /* parameter block: no key, fanout and depth 1 */
    for (; left_bytes > BLOCK_BYTES; left_bytes -= BLOCK_BYTES, at += BLOCK_BYTES)
        compress(state, at, size_bytes - left_bytes + BLOCK_BYTES, 0);
    if (left_bytes > 0)
        memcpy(rest, at, left_bytes);
    compress(state, rest, size_bytes, ~0ULL);
    memcpy(ret_digest, state, BLAKE2B_DIGEST_BYTES);
}
