/* SPDX-License-Identifier: Apache-2.0 */
/* Reading members out of a line of JSON: what is well-formed, by RFC 8259, and what is found in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/json_scan.h"

/* A copy that ends where the memory ends, for the sanitizers to see. */
static bool is_object(const char *text, size_t size)
{
    char *copy = malloc(size ? size : 1);
    struct json_value object;
    bool is;

    assert_non_null(copy);
    memcpy(copy, text, size);
    is = json_scan_object(copy, size, &object);
    free(copy);
    return is;
}

static void what_is_well_formed(void **state)
{
    static const char *const good[] = {"{}",
                                       " { } ",
                                       "{\"a\":1}",
                                       "{\"a\":-0.5e+10,\"b\":[],\"c\":{},\"d\":[[1],[{}]]}",
                                       "{\"\":\"\"}",
                                       "{\"a\":\"\\u0041\\\"\\\\\\/\\b\\f\\n\\r\\t\"}",
                                       "{\"a\":[true,false,null,0,1E5,1e-5]}",
                                       "{\"a\" : 1 , \"b\" : 2 }\n",
                                       "{\"a\":1,\"a\":2}",
                                       "{\"a\":\"\x7f\xc3\xa9\xed\x9f\xbf\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\"}"};
    static const char *const bad[] = {"",
                                      " ",
                                      "[]",
                                      "1",
                                      "\"a\"",
                                      "{",
                                      "}",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{,}",
                                      "{a:1}",
                                      "{\"a\":01}",
                                      "{\"a\":1.}",
                                      "{\"a\":.5}",
                                      "{\"a\":+1}",
                                      "{\"a\":-}",
                                      "{\"a\":1e}",
                                      "{\"a\":\"\n\"}",
                                      "{\"a\":\"\\x41\"}",
                                      "{\"a\":\"\\u12g4\"}",
                                      "{\"a\":\"}",
                                      "{\"a\":[1,]}",
                                      "{\"a\":[,1]}",
                                      "{\"a\":[1}",
                                      "{\"a\":{]}",
                                      "{\"a\":tru}",
                                      "{\"a\":nul}",
                                      "{\"a\":True}",
                                      "{}{}",
                                      "{} x",
                                      "{\"a\":1 \"b\":2}",
                                      "{\"a\" 1}",
                                      "{\"a\":\"\\\"}",
                                      "{\"a\":[1 2]}",
                                      "{1:2}",
                                      "{\"a\":'b'}",
                                      "{\"a\":\"\x80\"}",
                                      "{\"a\":\"\xc3\"}",
                                      "{\"a\":\"\xc0\xaf\"}",
                                      "{\"a\":\"\xe0\x80\xaf\"}",
                                      "{\"a\":\"\xed\xa0\x80\"}",
                                      "{\"a\":\"\xf4\x90\x80\x80\"}",
                                      "{\"a\":\"\xf5\x80\x80\x80\"}",
                                      "{\"a\":\"\xf0\x9f\x98\"}"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        if (!is_object(good[i], strlen(good[i])))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (is_object(bad[i], strlen(bad[i])))
            fail_msg("taken: %s", bad[i]);
}

static void every_cut_is_refused(void **state)
{
    static const char line[] = "{\"@timestamp\":\"x\",\"event\":{\"type\":[\"start\"],\"sequence\":4711},\"a\":{\"b\":"
                               "\"\\u00e9\",\"c\":null}}";

    (void)state;
    assert_true(is_object(line, sizeof(line) - 1));
    for (size_t size = 0; size < sizeof(line) - 1; size++)
        assert_false(is_object(line, size));
}

static void deep_nesting_is_refused_without_recursion(void **state)
{
    static char text[200000];
    size_t at = 0;

    (void)state;
    memcpy(text, "{\"a\":", 5);
    memset(text + 5, '[', sizeof(text) - 5);
    assert_false(is_object(text, sizeof(text)));
    for (unsigned depth = JSON_SCAN_DEPTH_MAX - 1; depth <= JSON_SCAN_DEPTH_MAX; depth++) {
        at = 5;
        for (unsigned i = 0; i < depth; i++)
            text[at++] = '[';
        for (unsigned i = 0; i < depth; i++)
            text[at++] = ']';
        text[at++] = '}';
        assert_int_equal(is_object(text, at), depth < JSON_SCAN_DEPTH_MAX);
    }
}

static void members_are_found(void **state)
{
    static const char line[] =
        "{\"a\":{\"b\":{\"c\":7},\"d\":\"x\"},\"a\":1, \"e\" : [1, \"two\", {\"c\":3} ],\"f\":18446744073709551615}";
    struct json_value object, value;
    struct json_cursor cursor = {0};
    uint64_t number = 0;
    size_t size = 0;
    char text[4];

    (void)state;
    assert_true(json_scan_object(line, sizeof(line) - 1, &object));
    assert_true(json_scan_find(&object, "a.b.c", &value) && json_scan_number(&value, &number));
    assert_int_equal(number, 7);
    assert_true(json_scan_find(&object, "a.d", &value) && json_scan_is(&value, "x") && !json_scan_is(&value, "xy"));
    assert_true(json_scan_find(&object, "f", &value) && json_scan_number(&value, &number));
    assert_true(number == UINT64_MAX);
    assert_false(json_scan_find(&object, "a.x", &value));
    assert_false(json_scan_find(&object, "f.x", &value));
    assert_false(json_scan_find(&object, "", &value));
    assert_true(json_scan_find(&object, "e", &value));
    object = value;
    assert_true(json_scan_next(&object, &cursor, NULL, &value) && json_scan_number(&value, &number) && number == 1);
    assert_true(json_scan_next(&object, &cursor, NULL, &value) && json_scan_string(&value, text, sizeof(text), &size));
    assert_string_equal(text, "two");
    assert_true(json_scan_next(&object, &cursor, NULL, &value) && json_scan_find(&value, "c", &value));
    assert_false(json_scan_next(&object, &cursor, NULL, &value));
}

static void expect_decoded(const char *json, const char *text, size_t text_bytes)
{
    struct json_value value = {.bytes = json, .size_bytes = strlen(json)};
    char decoded[16];
    size_t size = 99;

    assert_true(json_scan_string(&value, decoded, sizeof(decoded), &size));
    assert_int_equal(size, text_bytes);
    assert_memory_equal(decoded, text, text_bytes + 1);
}

static void strings_are_decoded(void **state)
{
    static const char *const bad[] = {"\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\ud800x\"", "1", "",
                                      "\""};
    struct json_value value;
    char text[4];
    size_t size = 99;

    (void)state;
    expect_decoded("\"\"", "", 0);
    expect_decoded("\"a\\n\\t\\\\\\\"\\/\\b\\f\\r\"", "a\n\t\\\"/\b\f\r", 9);
    expect_decoded("\"\\u0000\\u00e9\\u20ac\\ud83d\\ude00\"", "\0\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        value = (struct json_value){.bytes = bad[i], .size_bytes = strlen(bad[i])};
        assert_false(json_scan_string(&value, text, sizeof(text), &size));
    }
    value = (struct json_value){.bytes = "\"abcd\"", .size_bytes = 6};
    assert_false(json_scan_string(&value, text, sizeof(text), &size));
    assert_int_equal(size, 99);
}

static void numbers_that_do_not_fit_are_none(void **state)
{
    static const char *const bad[] = {"18446744073709551616", "-1", "1.0", "1e3", "", "99999999999999999999", "\"1\""};
    uint64_t number = 5;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct json_value value = {.bytes = bad[i], .size_bytes = strlen(bad[i])};

        assert_false(json_scan_number(&value, &number));
    }
    assert_int_equal(number, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_well_formed),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(deep_nesting_is_refused_without_recursion),
        cmocka_unit_test(members_are_found),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(numbers_that_do_not_fit_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
