/* SPDX-License-Identifier: Apache-2.0 */
/* verify.h: the verdict as one JSON object, on one line. */
#include <inttypes.h>
#include <stdio.h>

#include "report.h"
#include "utc_text.h"
#include "verify.h"

static const char *const severity_names[VERIFY_SEVERITY_COUNT] = {"unaccounted", "lost", "note"};
static const char *const format_names[] = {"unknown", "ndjson", "capture"};

static bool is_more(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

/* How many bytes of valid UTF-8 stand there; 0: none. */
static unsigned utf8_bytes(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    if (at[0] < 0x80)
        return 1;
    if (at[0] >= 0xc2 && at[0] < 0xe0)
        return is_more(at[1]) ? 2 : 0;
    if (at[0] >= 0xe0 && at[0] < 0xf0)
        return is_more(at[1]) && is_more(at[2]) && (at[0] != 0xe0 || at[1] >= 0xa0) && (at[0] != 0xed || at[1] < 0xa0)
                   ? 3
                   : 0;
    if (at[0] >= 0xf0 && at[0] < 0xf5)
        return is_more(at[1]) && is_more(at[2]) && is_more(at[3]) && (at[0] != 0xf0 || at[1] >= 0x90) &&
                       (at[0] != 0xf4 || at[1] < 0x90)
                   ? 4
                   : 0;
    return 0;
}

static void string_print(const char *text)
{
    print("\"");
    while (*text) {
        unsigned bytes = utf8_bytes(text);
        unsigned char byte = (unsigned char)*text;

        if (bytes == 0)
            print("\\ufffd");
        else if (byte < 0x20 || byte == 0x7f || (byte == 0xc2 && (unsigned char)text[1] < 0xa0))
            print("\\u%04x", byte < 0x80 ? byte : (unsigned char)text[1]);
        else
            print("%s%.*s", byte == '"' || byte == '\\' ? "\\" : "", (int)bytes, text);
        text += bytes ? bytes : 1;
    }
    print("\"");
}

static void time_print(const char *name, uint64_t since_1970_ns)
{
    char text[UTC_TEXT_BYTES];

    if (since_1970_ns != 0)
        print(",\"%s\":\"%s\"", name, utc_text(since_1970_ns, text));
}

static void number_print(const char *name, uint64_t number)
{
    if (number != 0)
        print(",\"%s\":%" PRIu64, name, number);
}

static void file_print(const struct verify_file *file)
{
    print("{\"name\":");
    string_print(file->name);
    print(",\"format\":\"%s\",\"bytes\":%" PRIu64, format_names[file->format], file->size_bytes);
    if (file->format == VERIFY_NDJSON)
        print(",\"lines\":%" PRIu64, file->line_count);
    if (file->format == VERIFY_CAPTURE)
        print(",\"captures\":%" PRIu64 ",\"records\":%" PRIu64, file->capture_count, file->record_count);
    print("}");
}

static void epoch_print(const struct epoch_account *account)
{
    print("{\"epoch\":\"%016" PRIx64 "\",\"events\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"missing\":%" PRIu64
          ",\"doubled\":%" PRIu64 ",\"before\":%" PRIu64 ",\"runs\":%" PRIu32,
          account->epoch, (uint64_t)account->seen.count, account->lost_count, account->missing_count,
          account->doubled_count, account->before, account->run);
    if (account->ledger_known)
        print(",\"produced\":%" PRIu64 ",\"filtered\":%" PRIu64 ",\"held\":%" PRIu64, account->ledger.produced,
              account->ledger.filtered, account->ledger.held);
    time_print("from", account->first_ns);
    time_print("to", account->last_ns);
    print("}");
}

static void finding_print(const struct verify_finding *finding, const char *severity)
{
    print("{\"severity\":\"%s\",\"what\":\"%s\"", severity, finding->what);
    if (finding->has_epoch)
        print(",\"epoch\":\"%016" PRIx64 "\"", finding->epoch);
    if (finding->place.file) {
        print(",\"file\":");
        string_print(finding->place.file);
        if (finding->place.line > 0)
            print(",\"line\":%" PRIu64, finding->place.line);
        else
            print(",\"offset\":%" PRIu64, finding->place.offset);
    }
    number_print("first_sequence", finding->first_sequence);
    number_print("last_sequence", finding->last_sequence);
    number_print("count", finding->count);
    time_print("from", finding->from_ns);
    time_print("to", finding->to_ns);
    print(",\"text\":");
    string_print(finding->text);
    print("}");
}

static void findings_print(const struct verify_findings *findings)
{
    uint64_t omitted = 0;
    const char *separator = "";

    print(",\"findings\":[");
    for (unsigned severity = 0; severity < VERIFY_SEVERITY_COUNT; severity++) {
        const struct verify_finding_list *list = &findings->of[severity];

        for (size_t i = 0; i < list->kept_count; i++, separator = ",") {
            print("%s", separator);
            finding_print(&list->kept[i], severity_names[severity]);
        }
        omitted += list->count - list->kept_count;
    }
    print("],\"findings_omitted\":%" PRIu64, omitted);
}

static const char *verdict_of(const struct verify_result *result)
{
    switch (result->code) {
    case EXIT_DONE:
        return "complete";
    case EXIT_LOSS:
        return "lost";
    case EXIT_UNACCOUNTED:
        return "unaccounted";
    default:
        return "failed";
    }
}

void verify_json(const struct verify_result *result)
{
    const struct verification *verification = &result->verification;

    print("{\"verdict\":\"%s\",\"exit_code\":%d,\"files\":[", verdict_of(result), result->code);
    for (size_t i = 0; i < result->file_count; i++) {
        print("%s", i > 0 ? "," : "");
        file_print(&result->files[i]);
    }
    print("],\"epochs\":[");
    for (size_t i = 0; i < verification->epoch_count; i++) {
        print("%s", i > 0 ? "," : "");
        epoch_print(verification->epochs[i]);
    }
    print("]");
    findings_print(&verification->findings);
    print("}\n");
}
