/* SPDX-License-Identifier: Apache-2.0 */
/*
 * muster/text_utf16.h against two oracles: one written here from the tables of the Unicode Standard
 * (3-6 and 3-7, with the surrogates let in), and Python's codecs (text_utf16_vectors.py).
 *
 * All pairs of units are tried between the edges of each class and all 65,536, both ways round;
 * MUSTER_DEEP=1 tries all 2^32, and all texts of four bytes (CONTRIBUTING.md has the time).
 */
#include "unit/sink_fixture.h"

#include "muster/text_utf16.h"
#include "sinks/unicode.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Asserts without a call for each: cmocka's cost more than what is tested. */
#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fail_msg("%s:%d: %s", __FILE__, __LINE__, #condition);                                                     \
    } while (0)

static bool is_deep(void)
{
    const char *deep = getenv("MUSTER_DEEP");
    return deep != NULL && strcmp(deep, "1") == 0;
}

/* ---- oracle -------------------------------------------------------------------------------------- */

/* Table 3-6, row by row. */
static size_t oracle_bytes(uint32_t code, unsigned char *out)
{
    if (code <= 0x7f) {
        out[0] = (unsigned char)code;
        return 1;
    }
    if (code <= 0x7ff) {
        out[0] = (unsigned char)(0xc0 + code / 64);
        out[1] = (unsigned char)(0x80 + code % 64);
        return 2;
    }
    if (code <= 0xffff) {
        out[0] = (unsigned char)(0xe0 + code / 4096);
        out[1] = (unsigned char)(0x80 + code / 64 % 64);
        out[2] = (unsigned char)(0x80 + code % 64);
        return 3;
    }
    out[0] = (unsigned char)(0xf0 + code / 262144);
    out[1] = (unsigned char)(0x80 + code / 4096 % 64);
    out[2] = (unsigned char)(0x80 + code / 64 % 64);
    out[3] = (unsigned char)(0x80 + code % 64);
    return 4;
}

static size_t oracle_encode(const uint16_t *units, size_t count, unsigned char *out)
{
    size_t size = 0;
    uint32_t pending = 0; /* a high surrogate that waits for what follows */

    for (size_t i = 0; i <= count; i++) {
        const uint32_t unit = i < count ? units[i] : 0;
        if (pending != 0 && i < count && unit >> 10 == 0x37) {
            size += oracle_bytes(0x10000 + (pending & 0x3ff) * 1024 + (unit & 0x3ff), out + size);
            pending = 0;
            continue;
        }
        if (pending != 0)
            size += oracle_bytes(pending, out + size);
        pending = unit >> 10 == 0x36 ? unit : 0;
        if (i < count && pending == 0)
            size += oracle_bytes(unit, out + size);
    }
    return size;
}

/* Table 3-7, with U+D800 to U+DFFF: the ranges of the four bytes. */
static const struct {
    unsigned char low[4];
    unsigned char high[4];
    size_t size;
} well_formed[] = {
    {{0x00}, {0x7f}, 1},
    {{0xc2, 0x80}, {0xdf, 0xbf}, 2},
    {{0xe0, 0xa0, 0x80}, {0xe0, 0xbf, 0xbf}, 3},
    {{0xe1, 0x80, 0x80}, {0xef, 0xbf, 0xbf}, 3},
    {{0xf0, 0x90, 0x80, 0x80}, {0xf0, 0xbf, 0xbf, 0xbf}, 4},
    {{0xf1, 0x80, 0x80, 0x80}, {0xf3, 0xbf, 0xbf, 0xbf}, 4},
    {{0xf4, 0x80, 0x80, 0x80}, {0xf4, 0x8f, 0xbf, 0xbf}, 4},
};

static size_t oracle_sequence(const unsigned char *bytes, size_t left)
{
    for (size_t row = 0; row < COUNT_OF(well_formed); row++) {
        size_t matched = 0;
        while (matched < well_formed[row].size && matched < left && bytes[matched] >= well_formed[row].low[matched] &&
               bytes[matched] <= well_formed[row].high[matched])
            matched++;
        if (matched == well_formed[row].size)
            return matched;
    }
    return 0;
}

static bool is_high_sequence(const unsigned char *bytes)
{
    return bytes[0] == 0xed && bytes[1] >= 0xa0 && bytes[1] <= 0xaf;
}

static bool is_low_sequence(const unsigned char *bytes)
{
    return bytes[0] == 0xed && bytes[1] >= 0xb0;
}

static bool oracle_is_well_formed(const unsigned char *bytes, size_t size)
{
    bool after_high = false;
    for (size_t at = 0; at < size;) {
        const size_t length = oracle_sequence(bytes + at, size - at);
        if (length == 0 || (after_high && length == 3 && is_low_sequence(bytes + at)))
            return false;
        after_high = length == 3 && is_high_sequence(bytes + at);
        at += length;
    }
    return true;
}

/* ---- one text, both ways --------------------------------------------------------------------------- */

#define MOST_UNITS 16

static void check_units(const uint16_t *units, size_t count)
{
    unsigned char expected[MOST_UNITS * 3];
    char bytes[MOST_UNITS * 3];
    uint16_t back[MOST_UNITS];
    size_t size = SIZE_MAX;
    size_t back_bytes = SIZE_MAX;
    const size_t expected_size = oracle_encode(units, count, expected);

    REQUIRE(muster_utf16_wtf8_size(units, count * 2, &size) == MUSTER_OK && size == expected_size);
    size = SIZE_MAX;
    REQUIRE(muster_utf16_to_wtf8(units, count * 2, bytes, expected_size, &size) == MUSTER_OK && size == expected_size);
    REQUIRE(memcmp(bytes, expected, size) == 0);
    REQUIRE(muster_wtf8_utf16_size(bytes, size, &back_bytes) == MUSTER_OK && back_bytes == count * 2);
    back_bytes = SIZE_MAX;
    REQUIRE(muster_wtf8_to_utf16(bytes, size, back, count * 2, &back_bytes) == MUSTER_OK && back_bytes == count * 2);
    REQUIRE(memcmp(back, units, back_bytes) == 0);
}

/* Decodes where the oracle says that it is well-formed, and then encodes to the same; else refused,
 * with nothing set. */
static bool check_bytes(const unsigned char *bytes, size_t size)
{
    uint16_t units[MOST_UNITS * 3];
    char again[MOST_UNITS * 3];
    size_t units_bytes = SIZE_MAX;
    size_t sized_bytes = SIZE_MAX;
    size_t again_bytes = 0;
    const enum muster_status wanted = oracle_is_well_formed(bytes, size) ? MUSTER_OK : MUSTER_INVALID;

    REQUIRE(muster_wtf8_utf16_size((const char *)bytes, size, &sized_bytes) == wanted);
    REQUIRE(muster_wtf8_to_utf16((const char *)bytes, size, units, sizeof units, &units_bytes) == wanted);
    REQUIRE(units_bytes == sized_bytes && (wanted == MUSTER_OK || units_bytes == SIZE_MAX));
    if (wanted != MUSTER_OK)
        return false;
    REQUIRE(muster_utf16_to_wtf8(units, units_bytes, again, size, &again_bytes) == MUSTER_OK);
    REQUIRE(again_bytes == size && memcmp(again, bytes, size) == 0);
    return true;
}

/* Of each class the first two, one inside and the last two. */
static const uint16_t edges[] = {
    0,      1,      0x41,   0x5c,   0x7e,   0x7f,           /* one byte */
    0x80,   0x81,   0x3ff,  0x7fe,  0x7ff,                  /* two */
    0x800,  0x801,  0xfff,  0x1000, 0x20ac, 0xd7fe, 0xd7ff, /* three, below the surrogates */
    0xd800, 0xd801, 0xd83d, 0xdbfe, 0xdbff,                 /* high */
    0xdc00, 0xdc01, 0xde00, 0xdffe, 0xdfff,                 /* low */
    0xe000, 0xe001, 0xfdd0, 0xfeff, 0xfffd, 0xfffe, 0xffff, /* three, above */
};

/* ---- tests ---------------------------------------------------------------------------------------- */

static void test_all_units_and_edges(void **state)
{
    (void)state;
    for (uint32_t unit = 0; unit <= 0xffff; unit++) {
        check_units(&(uint16_t){(uint16_t)unit}, 1);
        for (size_t i = 0; i < COUNT_OF(edges); i++) {
            check_units((uint16_t[]){(uint16_t)unit, edges[i]}, 2);
            check_units((uint16_t[]){edges[i], (uint16_t)unit}, 2);
        }
    }
}

static void test_edges_of_classes(void **state)
{
    (void)state;
    const size_t n = COUNT_OF(edges);
    for (size_t at = 0; at < n * n * n * n; at++) {
        const uint16_t units[] = {edges[at % n], edges[at / n % n], edges[at / n / n % n], edges[at / n / n / n]};
        check_units(units, 3);
        check_units(units, 4);
        if (FIXTURE_IS_SANITIZED)
            at += 16;
    }
}

static void test_all_pairs(void **state)
{
    (void)state;
    for (uint32_t first = 0; first <= 0xffff; first++)
        for (uint32_t second = 0; second <= 0xffff; second++)
            check_units((uint16_t[]){(uint16_t)first, (uint16_t)second}, 2);
}

static void check_four_bytes(uint32_t text)
{
    check_bytes((unsigned char[]){(unsigned char)(text >> 24), (unsigned char)(text >> 16), (unsigned char)(text >> 8),
                                  (unsigned char)text},
                4);
}

static void test_all_short_texts(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte <= 0xff; byte++)
        check_bytes((unsigned char[]){(unsigned char)byte}, 1);
    for (uint32_t text = 0; text <= 0xffff; text++)
        check_bytes((unsigned char[]){(unsigned char)(text >> 8), (unsigned char)text}, 2);
    for (uint32_t text = 0; text <= 0xffffff; text += FIXTURE_IS_SANITIZED ? 7 : 1)
        check_bytes((unsigned char[]){(unsigned char)(text >> 16), (unsigned char)(text >> 8), (unsigned char)text}, 3);
    for (uint64_t text = 0xf0000000; text <= 0xffffffff; text += 251)
        check_four_bytes((uint32_t)text);
}

static void test_all_texts_of_four_bytes(void **state)
{
    (void)state;
    for (uint64_t text = 0; text <= 0xffffffff; text++)
        check_four_bytes((uint32_t)text);
}

/* Each byte of an encoded text replaced by every other, cut off, taken out and doubled. */
static void damage(const unsigned char *bytes, size_t size)
{
    unsigned char damaged[MOST_UNITS * 3];
    for (size_t at = 0; at < size; at++) {
        memcpy(damaged, bytes, size);
        for (unsigned value = 0; value <= 0xff; value++) {
            damaged[at] = (unsigned char)value;
            REQUIRE(check_bytes(damaged, size) || value != bytes[at]);
        }
        check_bytes(bytes, at);
        memcpy(damaged, bytes, at);
        memcpy(damaged + at, bytes + at + 1, size - at - 1);
        check_bytes(damaged, size - 1);
        memcpy(damaged + at, bytes + at, size - at);
        memmove(damaged + at + 1, damaged + at, size - at);
        check_bytes(damaged, size + 1);
    }
}

static void test_damage(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(edges); i++) {
        for (size_t j = 0; j < COUNT_OF(edges); j++) {
            unsigned char bytes[MOST_UNITS * 3];
            damage(bytes, oracle_encode((uint16_t[]){edges[i], edges[j], 'x', edges[j]}, 4, bytes));
        }
    }
}

/* Printed by text_utf16_vectors.py. */
static const struct {
    uint16_t units[4];
    size_t count;
    const char *bytes;
    size_t size;
} vectors[] = {
    {{0}, 0, "", 0},
    {{0}, 1, "\x00", 1},
    {{0x41}, 1, "\x41", 1},
    {{0x7f, 0x80}, 2, "\x7f\xc2\x80", 3},
    {{0x7ff, 0x800}, 2, "\xdf\xbf\xe0\xa0\x80", 5},
    {{0xd7ff, 0xe000}, 2, "\xed\x9f\xbf\xee\x80\x80", 6},
    {{0xfffd, 0xfffe, 0xffff}, 3, "\xef\xbf\xbd\xef\xbf\xbe\xef\xbf\xbf", 9},
    {{0xd800}, 1, "\xed\xa0\x80", 3},
    {{0xdfff}, 1, "\xed\xbf\xbf", 3},
    {{0xd800, 0xdc00}, 2, "\xf0\x90\x80\x80", 4},
    {{0xdbff, 0xdfff}, 2, "\xf4\x8f\xbf\xbf", 4},
    {{0xd83d, 0xde00}, 2, "\xf0\x9f\x98\x80", 4},
    {{0xdc00, 0xd800}, 2, "\xed\xb0\x80\xed\xa0\x80", 6},
    {{0xd800, 0xd800, 0xdc00}, 3, "\xed\xa0\x80\xf0\x90\x80\x80", 7},
    {{0xd800, 0xdc00, 0xdc00}, 3, "\xf0\x90\x80\x80\xed\xb0\x80", 7},
    {{0xd83d, 0x41, 0xde00}, 3, "\xed\xa0\xbd\x41\xed\xb8\x80", 7},
    {{0xdbff, 0xd800, 0x20ac}, 3, "\xed\xaf\xbf\xed\xa0\x80\xe2\x82\xac", 9},
};
#define PYTHON_DIGEST 0xab0582944528b3ebULL

static void add_to_digest(uint64_t *digest, const uint16_t *units, size_t count)
{
    char bytes[MOST_UNITS * 3];
    size_t size = 0;
    REQUIRE(muster_utf16_to_wtf8(units, count * 2, bytes, sizeof bytes, &size) == MUSTER_OK);
    for (size_t i = 0; i < size; i++)
        *digest = (*digest ^ (unsigned char)bytes[i]) * 0x100000001b3ULL;
}

static uint32_t draw(uint64_t *random)
{
    *random = *random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(*random >> 33);
}

static uint16_t draw_unit(uint64_t *random)
{
    const uint32_t value = draw(random);
    const uint32_t rest = value / 8;
    return (uint16_t)(value % 8 < 4 ? 0xd800 + rest % 0x800 : value % 8 < 6 ? rest % 0x80 : rest % 0x10000);
}

static void test_python_says_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        char bytes[16];
        size_t size = 0;
        assert_int_equal(muster_utf16_to_wtf8(vectors[i].units, vectors[i].count * 2, bytes, sizeof bytes, &size), 0);
        assert_int_equal(size, vectors[i].size);
        assert_memory_equal(bytes, vectors[i].bytes, size);
        check_units(vectors[i].units, vectors[i].count);
    }
    uint64_t digest = 0xcbf29ce484222325ULL;
    uint64_t random = 1;
    for (uint32_t unit = 0; unit <= 0xffff; unit++)
        add_to_digest(&digest, &(uint16_t){(uint16_t)unit}, 1);
    for (unsigned i = 0; i < 10000; i++) {
        uint16_t units[MOST_UNITS];
        const size_t count = draw(&random) % 16;
        for (size_t at = 0; at < count; at++)
            units[at] = draw_unit(&random);
        add_to_digest(&digest, units, count);
        check_units(units, count);
    }
    assert_true(digest == PYTHON_DIGEST);
}

/* What the sinks take for one character of WTF-8 is what was made of one. */
static void test_sinks_read_it(void **state)
{
    (void)state;
    for (uint32_t unit = 0; unit <= 0xffff; unit++) {
        char bytes[4];
        size_t size = 0;
        REQUIRE(muster_utf16_to_wtf8(&(uint16_t){(uint16_t)unit}, 2, bytes, sizeof bytes, &size) == MUSTER_OK);
        const struct character character = character_decode(bytes, size, true);
        REQUIRE(character.size_bytes == size && character.code == unit && character.class != CHARACTER_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_units_and_edges),  cmocka_unit_test(test_edges_of_classes),
        cmocka_unit_test(test_all_short_texts),      cmocka_unit_test(test_damage),
        cmocka_unit_test(test_python_says_the_same), cmocka_unit_test(test_sinks_read_it),
    };
    const struct CMUnitTest deep_tests[] = {
        cmocka_unit_test(test_all_pairs),
        cmocka_unit_test(test_all_texts_of_four_bytes),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return is_deep() ? failed + cmocka_run_group_tests(deep_tests, NULL, NULL) : failed;
}
