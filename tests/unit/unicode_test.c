/* SPDX-License-Identifier: Apache-2.0 */
/* sinks/unicode.h against an encoder written from the standard, and against the standard's examples. */
#include "unit/sink_fixture.h"

#include "sinks/unicode.h"

static size_t encode(uint32_t code, unsigned char out[4])
{
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = size; i-- > 1; code >>= 6)
        out[i] = (unsigned char)(0x80 | (code & 0x3f));
    out[0] = (unsigned char)(marks[size] | code);
    return size;
}

static struct character decode(const unsigned char *bytes, size_t size, bool wtf8)
{
    return character_decode((const char *)bytes, size, wtf8);
}

static bool is_surrogate(uint32_t code)
{
    return code >= 0xd800 && code <= 0xdfff;
}

static void test_every_code_point_decodes(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        unsigned char bytes[4];
        size_t size = encode(code, bytes);
        struct character in_utf8 = decode(bytes, size, false);
        struct character in_wtf8 = decode(bytes, size, true);
        assert_int_equal(in_wtf8.size_bytes, size);
        assert_int_equal(in_wtf8.code, code);
        assert_int_equal(in_wtf8.class == CHARACTER_SURROGATE, is_surrogate(code));
        if (is_surrogate(code)) {
            assert_int_equal(in_utf8.class, CHARACTER_INVALID);
            assert_int_equal(in_utf8.size_bytes, 1);
        } else {
            assert_int_equal(in_utf8.class, in_wtf8.class);
            assert_int_equal(in_utf8.code, code);
        }
    }
}

/* As many sequences are valid as there are code points of that length: so none too many is. */
static uint64_t count_valid(unsigned size, unsigned first_lead, unsigned last_lead)
{
    uint64_t valid = 0;
    uint32_t rest_count = size == 1 ? 1 : size == 2 ? 0x100 : size == 3 ? 0x10000 : 0x1000000;
    for (unsigned lead = first_lead; lead <= last_lead; lead++) {
        for (uint32_t rest = 0; rest < rest_count; rest++) {
            unsigned char bytes[4] = {(unsigned char)lead};
            for (unsigned i = 1; i < size; i++)
                bytes[i] = (unsigned char)(rest >> 8 * (size - 1 - i));
            struct character character = decode(bytes, size, false);
            valid += character.class != CHARACTER_INVALID && character.size_bytes == size ? 1 : 0;
        }
    }
    return valid;
}

static void test_nothing_else_decodes(void **state)
{
    (void)state;
    assert_int_equal(count_valid(1, 0, 255), 0x80);
    assert_int_equal(count_valid(2, 0, 255), 0x800 - 0x80);
    assert_int_equal(count_valid(3, 0, 255), 0x10000 - 0x800 - 0x800);
    if (!FIXTURE_IS_SANITIZED)
        assert_int_equal(count_valid(4, 0xf0, 0xf7), 0x100000);
}

/* Writes code points, and '?' for each invalid one. */
static void assert_decodes_to(const char *bytes, size_t size, const char *expected)
{
    char shown[64] = "";
    size_t count = 0;
    for (size_t at = 0; at < size;) {
        struct character character = character_decode(bytes + at, size - at, false);
        assert_true(character.size_bytes >= 1 && character.size_bytes <= size - at);
        shown[count++] = character.class == CHARACTER_INVALID ? '?' : (char)character.code;
        at += character.size_bytes;
    }
    assert_string_equal(shown, expected);
}

#define ASSERT_DECODES(literal, expected) assert_decodes_to((literal), sizeof(literal) - 1, (expected))

/* The Unicode Standard 15, section 3.9, tables 3-8 to 3-11. */
static void test_maximal_subparts(void **state)
{
    (void)state;
    ASSERT_DECODES("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", "????????A");
    ASSERT_DECODES("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", "????????A");
    ASSERT_DECODES("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", "?????A??B");
    ASSERT_DECODES("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", "????A");
    ASSERT_DECODES("\xf1\x80\x80", "?");
    ASSERT_DECODES("\xe2\x82", "?");
}

static void test_classes(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        bool control = code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x2028 || code == 0x2029 ||
                       code == 0x061c || code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
                       (code >= 0x2066 && code <= 0x2069);
        unsigned char bytes[4];
        size_t size = encode(code, bytes);
        enum character_class expected = control ? CHARACTER_CONTROL : CHARACTER_PLAIN;
        if (!is_surrogate(code))
            assert_int_equal(decode(bytes, size, false).class, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point_decodes),
        cmocka_unit_test(test_nothing_else_decodes),
        cmocka_unit_test(test_maximal_subparts),
        cmocka_unit_test(test_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
