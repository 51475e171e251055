/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The published test vectors of process.entity_id. Made with Python, which shares no code with us:
 *     hashlib.blake2s(boot + pid.to_bytes(4, "little") + start.to_bytes(8, "little"),
 *                     digest_size=16).hexdigest()
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "muster/identity.h"

struct vector {
    const char *boot; /* 32 hex digits */
    uint32_t pid;
    uint64_t start;
    const char *id;
};

static const struct vector vectors[] = {
    {"00000000000000000000000000000000", 0U, 0ULL, "ea577d9855f3b81d1f460b77c2fde6f3"},
    {"00000000000000000000000000000000", 1U, 0ULL, "1b4cc754f7ad266487afe112c2e6a166"},
    {"000102030405060708090a0b0c0d0e0f", 1U, 1ULL, "8f8e578b770447d77b31a9c54ce7ba4a"},
    {"c0ffee00123456789abcdef0deadbeef", 4242U, 123456789ULL, "ee9c3038ab2e12cb2f1d022b3b2b3f83"},
    {"ffffffffffffffffffffffffffffffff", 4294967295U, 18446744073709551615ULL, "c12cb2dbe883691d783f9e6a5f4b0469"},
    {"8f3c1e5a7b904d2681e0f7a6c5b4d3e2", 16909060U, 72623859790382856ULL, "d50f0b7aae35bb55683b79e10a789e09"},
};

static void parse_hex(const char *hex, uint8_t bytes[16])
{
    for (unsigned i = 0; i < 16; i++) {
        unsigned value = 0;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
        bytes[i] = (uint8_t)value;
    }
}

static void ids_are_as_published(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint8_t boot[16], expected[MUSTER_ENTITY_ID_BYTES], got[MUSTER_ENTITY_ID_BYTES];
        parse_hex(vectors[i].boot, boot);
        parse_hex(vectors[i].id, expected);
        muster_entity_id(boot, vectors[i].pid, vectors[i].start, got);
        assert_memory_equal(got, expected, sizeof expected);
    }
}

/* As in RFC 7693, appendix E: the digests of many inputs, folded into one. Fold: each digest is
 * the next boot id, so that every bit of every digest counts. */
static void chain_of_a_thousand(void **state)
{
    (void)state;
    uint8_t id[MUSTER_ENTITY_ID_BYTES] = {0}, expected[MUSTER_ENTITY_ID_BYTES];

    for (uint32_t i = 0; i < 1000; i++)
        muster_entity_id(id, i * 2654435761U, (uint64_t)i * 0x9e3779b97f4a7c15ULL, id);
    parse_hex("bab9ae084307e9a0ae53a90f184e7c41", expected);
    assert_memory_equal(id, expected, sizeof expected);
}

static void every_part_counts(void **state)
{
    (void)state;
    const uint8_t boot[16] = {0};
    uint8_t base[MUSTER_ENTITY_ID_BYTES], other[MUSTER_ENTITY_ID_BYTES];

    muster_entity_id(boot, 7, 9, base);
    for (unsigned bit = 0; bit < 224; bit++) {
        uint8_t changed[16] = {0};
        uint32_t pid = 7;
        uint64_t start = 9;
        if (bit < 128)
            changed[bit / 8] = (uint8_t)(1U << bit % 8);
        else if (bit < 160)
            pid ^= 1U << (bit - 128);
        else
            start ^= 1ULL << (bit - 160);
        muster_entity_id(changed, pid, start, other);
        assert_memory_not_equal(base, other, sizeof base);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_as_published),
        cmocka_unit_test(chain_of_a_thousand),
        cmocka_unit_test(every_part_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
