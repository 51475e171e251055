/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All byte sequences of length 1, 2 and 3 through all three sinks: one line comes out, nothing in
 * it can harm a terminal or a reader of logs, and the bytes can be had back where the format
 * promises that.
 *
 * Of length 3 a record holds all 256 that begin with the same two bytes, each followed by a '.' (in
 * a message) or a NUL (as an argument), which ends whatever sequence was begun.
 */
#include "unit/sink_fixture.h"

#include "unit/json_checker.h"

static struct fixture_sink ndjson, text_sink, driver;

static int open_sinks(void **state)
{
    (void)state;
    fixture_open(&ndjson, "ndjson", MUSTER_COLOR_NEVER);
    fixture_open(&text_sink, "text", MUSTER_COLOR_NEVER);
    fixture_open(&driver, "driver-messages", MUSTER_COLOR_NEVER);
    /* The header line is not what is tested here. */
    return muster_sink_flush(text_sink.sink) == MUSTER_OK ? 0 : -1;
}

static int close_sinks(void **state)
{
    (void)state;
    fixture_close(&ndjson);
    fixture_close(&text_sink);
    fixture_close(&driver);
    return 0;
}

static bool is_utf8(const char *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        uint32_t code;
        size_t step = checker_character((const unsigned char *)bytes + at, size - at, &code);
        if (step == 0)
            return false;
        at += step;
    }
    return true;
}

/* ---- NDJSON ------------------------------------------------------------------------------------------ */

/* The bytes come back from raw if they are not UTF-8, and then only. */
static void assert_ndjson_raw(const char *raw_path, const char *bytes, size_t size)
{
    size_t raw_size = 0;
    char *raw = checker_find_string(ndjson.target.bytes, ndjson.target.size, raw_path, &raw_size);
    assert_int_equal(raw != NULL, !is_utf8(bytes, size));
    if (raw != NULL) {
        assert_int_equal(checker_base64(raw, raw_size), size);
        assert_memory_equal(raw, bytes, size);
    }
    free(raw);
}

static void ndjson_message(const struct muster_record *record, const char *bytes, size_t size)
{
    (void)fixture_line(&ndjson, record);
    assert_true(checker_is_json_line(ndjson.target.bytes, ndjson.target.size));
    assert_ndjson_raw("muster/raw/message_b64", bytes, size);
    size_t shown_size = 0;
    char *shown = checker_find_string(ndjson.target.bytes, ndjson.target.size, "message", &shown_size);
    assert_non_null(shown);
    if (is_utf8(bytes, size)) {
        assert_int_equal(shown_size, size);
        assert_memory_equal(shown, bytes, size);
    }
    free(shown);
}

/* Each argument comes back from the array, or all of them from raw. */
static void ndjson_args(const struct muster_record *record, const char *bytes, size_t size)
{
    (void)fixture_line(&ndjson, record);
    assert_true(checker_is_json_line(ndjson.target.bytes, ndjson.target.size));
    assert_ndjson_raw("muster/raw/process.args_b64", bytes, size);
    struct checker array;
    assert_true(checker_find(ndjson.target.bytes, ndjson.target.size, "process/args", &array));
    bool is_exact = is_utf8(bytes, size);
    for (size_t at = 0; at < size;) {
        const char *end = memchr(bytes + at, 0, size - at);
        size_t argument_size = end == NULL ? size - at : (size_t)(end - bytes) - at;
        char shown[64];
        size_t shown_size = 0;
        assert_true(checker_take(&array, at == 0 ? '[' : ','));
        assert_true(checker_string(&array, shown, &shown_size));
        if (is_exact) {
            assert_int_equal(shown_size, argument_size);
            assert_memory_equal(shown, bytes + at, argument_size);
        }
        at += argument_size + 1;
    }
    assert_true(checker_take(&array, ']'));
}

/* ---- text ---------------------------------------------------------------------------------------------- */

/* Takes one escape behind a backslash. Returns the length of what it stands for, 0 if it is none. */
static size_t unescape(const char **at, char quote, char *out)
{
    static const char letters[] = "nrt\\", values[] = "\n\r\t\\";
    char letter = *(*at)++;
    const char *found = letter == 0 ? NULL : strchr(letters, letter);
    if (found != NULL || (quote != 0 && letter == quote)) {
        *out = found == NULL ? letter : values[found - letters];
        return 1;
    }
    unsigned digit_count = letter == 'x' ? 2 : letter == 'u' ? 4 : 0;
    uint32_t code = 0;
    for (unsigned i = 0; i < digit_count; i++) {
        int digit = checker_hex_digit(*(*at)++);
        if (digit < 0)
            return 0;
        code = code << 4 | (uint32_t)digit;
    }
    if (digit_count == 2) {
        *out = (char)code;
        return 1;
    }
    return digit_count == 4 ? checker_encode(out, code) : 0;
}

/* Reads escaped text up to `quote`, or to the end of the line if that is 0. */
static size_t read_escaped(const char **at, char quote, char *out)
{
    size_t size = 0;
    while (**at != quote && **at != '\n') {
        if (**at == '\\') {
            (*at)++;
            size_t step = unescape(at, quote, out + size);
            assert_int_not_equal(step, 0);
            size += step;
        } else {
            out[size++] = *(*at)++;
        }
    }
    return size;
}

/* Reads one word as bash would. */
static size_t read_word(const char **at, char *out)
{
    size_t size = 0;
    if (strncmp(*at, "$'", 2) == 0) {
        *at += 2;
        size = read_escaped(at, '\'', out);
        assert_int_equal(*(*at)++, '\'');
    } else if (**at == '\'') {
        for ((*at)++; **at != '\'' && **at != '\n'; (*at)++)
            out[size++] = **at;
        assert_int_equal(*(*at)++, '\'');
    } else {
        for (; **at != ' ' && **at != '\n'; (*at)++) {
            assert_null(strchr("\\'\"$`&|;<>()*?[]{}!#~", **at));
            assert_true((unsigned char)**at < 0x80);
            out[size++] = **at;
        }
        assert_int_not_equal(size, 0);
    }
    return size;
}

enum { MESSAGE_COLUMN = 21, COMMAND_COLUMN = 62 };

static void text_message(const struct muster_record *record, const char *bytes, size_t size)
{
    const char *at = fixture_line(&text_sink, record) + MESSAGE_COLUMN;
    char shown[2048];
    assert_true(checker_is_clean_line(text_sink.target.bytes, text_sink.target.size));
    assert_int_equal(read_escaped(&at, 0, shown), size);
    assert_memory_equal(shown, bytes, size);
    assert_int_equal(*at, '\n');
}

static void text_args(const struct muster_record *record, const char *bytes, size_t size)
{
    const char *at = fixture_line(&text_sink, record) + COMMAND_COLUMN;
    assert_true(checker_is_clean_line(text_sink.target.bytes, text_sink.target.size));
    for (size_t done = 0; done < size; at++) {
        char shown[64];
        size_t shown_size = read_word(&at, shown);
        assert_true(shown_size <= size - done);
        assert_memory_equal(shown, bytes + done, shown_size);
        done += shown_size + 1;
        assert_int_equal(*at, done < size ? ' ' : '\n');
    }
}

/* ---- driver-messages ----------------------------------------------------------------------------------- */

static void assert_driver_line(const struct muster_record *record)
{
    (void)fixture_line(&driver, record);
    assert_true(checker_is_json_line(driver.target.bytes, driver.target.size));
}

static void driver_message(const struct muster_record *record, const char *bytes, size_t size)
{
    assert_driver_line(record);
    struct checker array;
    char shown[8192];
    size_t shown_size = 0;
    assert_true(checker_find(driver.target.bytes, driver.target.size, "messages", &array));
    assert_true(checker_take(&array, '[') && checker_string(&array, shown, &shown_size) && checker_take(&array, ']'));
    if (is_utf8(bytes, size)) {
        assert_int_equal(shown_size, size);
        assert_memory_equal(shown, bytes, size);
    }
}

/* ---- all of them --------------------------------------------------------------------------------------- */

static void all_messages(const char *bytes, size_t size)
{
    struct muster_message message = fixture_message();
    struct muster_text text = fixture_text(MUSTER_FIELD_MESSAGE, bytes, size);
    const struct muster_record *record = fixture_encode(&message.record, &text, 1);
    ndjson_message(record, bytes, size);
    text_message(record, bytes, size);
    driver_message(record, bytes, size);
}

static void all_args(const char *bytes, size_t size)
{
    struct muster_process_start start = fixture_start();
    struct muster_text text = fixture_text(MUSTER_FIELD_ARGS, bytes, size);
    const struct muster_record *record = fixture_encode(&start.record, &text, 1);
    ndjson_args(record, bytes, size);
    text_args(record, bytes, size);
    assert_driver_line(record);
}

/* Everywhere else that text can stand. */
static void all_names(const char *bytes, size_t size)
{
    static const enum muster_field fields[] = {MUSTER_FIELD_EXECUTABLE, MUSTER_FIELD_WORKING_DIRECTORY,
                                               MUSTER_FIELD_SCRIPT, MUSTER_FIELD_THREAD_NAME,
                                               MUSTER_FIELD_PARENT_EXECUTABLE};
    struct muster_process_start start = fixture_start();
    struct muster_process_exit exit = fixture_exit();
    struct muster_text texts[5];
    for (size_t i = 0; i < 5; i++)
        texts[i] = fixture_text(fields[i], bytes, size);
    for (unsigned wtf8 = 0; wtf8 < 2; wtf8++) {
        start.record.flags = exit.record.flags = wtf8 ? MUSTER_RECORD_WTF8 : 0;
        struct muster_record *const fixed[] = {&start.record, &exit.record};
        for (size_t i = 0; i < 2; i++) {
            const struct muster_record *record = fixture_encode(fixed[i], texts, 5);
            (void)fixture_line(&ndjson, record);
            assert_true(checker_is_json_line(ndjson.target.bytes, ndjson.target.size));
            (void)fixture_line(&text_sink, record);
            assert_true(checker_is_clean_line(text_sink.target.bytes, text_sink.target.size));
        }
        assert_driver_line(fixture_encode(&start.record, texts, 5));
    }
}

static void test_length_1_and_2(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            const char bytes[2] = {(char)first, (char)second};
            if (second == 0) {
                all_messages(bytes, 1);
                all_args(bytes, 1);
                all_names(bytes, 1);
            }
            all_messages(bytes, 2);
            all_args(bytes, 2);
            all_names(bytes, 2);
        }
    }
}

/* Every sequence that begins with these two bytes, with `separator` behind each. */
static size_t every_third(char *out, unsigned first, unsigned second, char separator)
{
    size_t size = 0;
    for (unsigned third = separator == 0 ? 1 : 0; third < 256; third++) {
        const char sequence[4] = {(char)first, (char)second, (char)third, separator};
        memcpy(out + size, sequence, 4);
        size += 4;
    }
    return size;
}

static void test_length_3(void **state)
{
    (void)state;
    /* With a sanitizer: the lead bytes of each kind. */
    static const unsigned char leads[] = {0, '\n', 27, '$', '\'', '\\', 0x7f, 0x80, 0xc2, 0xe0, 0xe2, 0xed, 0xef, 0xf4};
    for (unsigned first = 0; first < 256; first++) {
        if (FIXTURE_IS_SANITIZED && memchr(leads, (int)first, sizeof(leads)) == NULL)
            continue;
        for (unsigned second = 0; second < 256; second++) {
            char bytes[1024];
            all_messages(bytes, every_third(bytes, first, second, '.'));
            if (first != 0 && second != 0)
                all_args(bytes, every_third(bytes, first, second, 0));
        }
    }
}

/* What a record of random bytes, with random cuts, leads to. */
static void test_random_texts(void **state)
{
    (void)state;
    uint64_t random = 0x9e3779b97f4a7c15ULL;
    for (unsigned round = 0; round < (FIXTURE_IS_SANITIZED ? 3000U : 30000U); round++) {
        char bytes[40];
        struct muster_text texts[6];
        for (uint16_t i = 0; i < 6; i++) {
            random = random * 6364136223846793005ULL + 1442695040888963407ULL;
            size_t size = (random >> 33) % sizeof(bytes);
            bool is_cut = (random >> 40) % 2 == 0;
            size_t head = size == 0 || !is_cut ? size : (random >> 45) % (size + 1);
            texts[i] = fixture_cut((enum muster_field)(MUSTER_FIELD_EXECUTABLE + i), bytes, size, head,
                                   is_cut ? size + 7 : size);
        }
        for (size_t i = 0; i < sizeof(bytes); i++) {
            random = random * 6364136223846793005ULL + 1442695040888963407ULL;
            /* Half of them such as mean something. */
            static const char pieces[] = "\0\0\0\xe2\x80\xae\xc2\x85\xed\xa0\x80 '\\\"\x1b[/x";
            unsigned char byte = (unsigned char)(random >> 40);
            bytes[i] = (random >> 60) % 2 == 0 ? pieces[byte % sizeof(pieces)] : (char)byte;
        }
        struct muster_process_start start = fixture_start();
        start.record.flags = (uint8_t)((random >> 50) & 7);
        const struct muster_record *record = fixture_encode(&start.record, texts, 6);
        (void)fixture_line(&ndjson, record);
        assert_true(checker_is_json_line(ndjson.target.bytes, ndjson.target.size));
        (void)fixture_line(&text_sink, record);
        assert_true(checker_is_clean_line(text_sink.target.bytes, text_sink.target.size));
        assert_driver_line(record);
    }
}

/* A host's or a user's name is text from outside too. */
static void test_hostile_stream(void **state)
{
    (void)state;
    struct fixture_sink fixture;
    fixture_open(&fixture, "ndjson", MUSTER_COLOR_NEVER);
    muster_sink_destroy(fixture.sink);
    fixture.stream.host_name = "a\"\n\x1b[2J\xff\xe2\x80\xae";
    fixture.stream.version = "\"},";
    static const char *const formats[] = {"ndjson", "text", "driver-messages"};
    for (size_t i = 0; i < 3; i++) {
        struct muster_sink_options options = {
            .stream = &fixture.stream, .target = {fixture_write, &fixture.target}, .color = MUSTER_COLOR_NEVER};
        bool known;
        fixture.sink = muster_sink_create(formats[i], &options, &known);
        assert_int_equal(muster_sink_flush(fixture.sink), MUSTER_OK);
        struct muster_sensor_status started = fixture_status(MUSTER_EVENT_SENSOR_STARTED);
        (void)fixture_line(&fixture, fixture_encode(&started.record, NULL, 0));
        assert_true(fixture.target.size == 0 || checker_is_clean_line(fixture.target.bytes, fixture.target.size));
        assert_true(i != 0 || checker_is_json_line(fixture.target.bytes, fixture.target.size));
        muster_sink_destroy(fixture.sink);
    }
    free(fixture.target.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_length_1_and_2),
        cmocka_unit_test(test_length_3),
        cmocka_unit_test(test_random_texts),
        cmocka_unit_test(test_hostile_stream),
    };
    return cmocka_run_group_tests(tests, open_sinks, close_sinks);
}
