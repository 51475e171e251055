/* SPDX-License-Identifier: Apache-2.0 */
/* verify.h: reads the files, one after the other, by what their first bytes say they are. */
#include "verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "input_file.h"
#include "report.h"
#include "verify_capture.h"
#include "verify_lines.h"

#define FINDINGS_SHOWN 20
#define FINDINGS_MOST  100000      /* with --verbose */
#define FIRST_BYTES    4096        /* what tells the format */
#define READ_BYTES     (64U << 10) /* at once */

struct verify_reading {
    struct verify_result *result;
    struct verify_file *file;
    struct input_file input;
    char first[FIRST_BYTES]; /* of the file, read to see what it is */
    size_t first_bytes;
    size_t first_taken;
};

/* With read(2)'s contract: what was read ahead, then the rest. */
static long reading_read(void *context, char *bytes, size_t size_bytes)
{
    struct verify_reading *reading = context;
    size_t left = reading->first_bytes - reading->first_taken;
    long count;

    if (left > 0) {
        left = left < size_bytes ? left : size_bytes;
        memcpy(bytes, reading->first + reading->first_taken, left);
        reading->first_taken += left;
        return (long)left;
    }
    do
        count = input_file_read(&reading->input, bytes, size_bytes);
    while (count < 0 && errno == EINTR);
    if (count > 0)
        reading->file->size_bytes += (uint64_t)count;
    return count;
}

/* False with errno set. */
static bool first_read(struct verify_reading *reading)
{
    long count = 1;

    while (reading->first_bytes < FIRST_BYTES && count > 0) {
        do
            count = input_file_read(&reading->input, reading->first + reading->first_bytes,
                                    FIRST_BYTES - reading->first_bytes);
        while (count < 0 && errno == EINTR);
        reading->first_bytes += count > 0 ? (size_t)count : 0;
    }
    reading->file->size_bytes = reading->first_bytes;
    return count >= 0;
}

static bool lines_verify(struct verify_reading *reading)
{
    static char bytes[READ_BYTES];
    struct verify_lines lines = {.verification = &reading->result->verification, .file = reading->file->name};
    long count;
    int error;

    while ((count = reading_read(reading, bytes, sizeof(bytes))) > 0)
        verify_lines_take(&lines, bytes, (size_t)count);
    error = errno;
    verify_lines_end(&lines);
    reading->file->line_count = lines.line_count;
    errno = error;
    return count == 0;
}

static bool capture_verify(struct verify_reading *reading)
{
    struct verify_capture capture = {.verification = &reading->result->verification, .file = reading->file->name};
    struct muster_capture_source source = {.read = reading_read, .context = reading};
    struct muster_capture_reader *reader = muster_capture_reader_create(&source);
    struct muster_capture_part part;
    enum muster_status status;
    int error;

    if (!reader) {
        errno = ENOMEM;
        return false;
    }
    while ((status = muster_capture_read(reader, &part)) == MUSTER_OK)
        verify_capture_take(&capture, &part);
    error = errno;
    muster_capture_reader_destroy(reader);
    reading->file->capture_count = capture.capture_count;
    reading->file->record_count = capture.record_count;
    errno = error;
    return status == MUSTER_EMPTY;
}

/* False with errno set. */
static bool file_verify(struct verify_reading *reading)
{
    if (!first_read(reading))
        return false;
    if (muster_capture_is_one(reading->first, reading->first_bytes)) {
        reading->file->format = VERIFY_CAPTURE;
        return capture_verify(reading);
    }
    if (reading->first_bytes > 0)
        reading->file->format = VERIFY_NDJSON;
    return lines_verify(reading);
}

static void path_verify(struct verify_result *result, struct verify_file *file, const char *path)
{
    static struct verify_reading reading;

    memset(&reading, 0, sizeof(reading));
    reading.result = result;
    reading.file = file;
    file->name = path;
    if (!input_file_open(&reading.input, path)) {
        report("cannot open %s: %s", reading.input.name, strerror(errno));
        result->code = EXIT_FAILED;
        return;
    }
    file->name = reading.input.name;
    if (!file_verify(&reading)) {
        report("cannot read %s: %s", reading.input.name, strerror(errno));
        result->code = EXIT_FAILED;
    }
    input_file_close(&reading.input);
}

static void files_verify(struct verify_result *result, const struct verify_options *options)
{
    static const int codes[] = {
        [VERIFY_UNACCOUNTED] = EXIT_UNACCOUNTED, [VERIFY_LOST] = EXIT_LOSS, [VERIFY_NOTE] = EXIT_DONE};

    for (size_t i = 0; i < result->file_count; i++)
        path_verify(result, &result->files[i], options->files[i]);
    verification_judge(&result->verification);
    if (result->verification.epoch_count == 0 && result->code == EXIT_DONE) {
        report("there is nothing in %s that muster wrote as ndjson or capture",
               result->file_count == 1 ? result->files[0].name : "these files");
        result->code = EXIT_FAILED;
    }
    if (result->code == EXIT_DONE)
        result->code = codes[verification_worst(&result->verification)];
}

int verify_run(const struct verify_options *options)
{
    struct verify_result result = {.verification.findings.limit = options->verbose ? FINDINGS_MOST : FINDINGS_SHOWN};

    while (options->files[result.file_count])
        result.file_count++;
    result.files = calloc(result.file_count, sizeof(*result.files));
    if (!result.files) {
        report("cannot start: %s", strerror(errno));
        return EXIT_FAILED;
    }
    files_verify(&result, options);
    if (options->json)
        verify_json(&result);
    else if (!options->quiet)
        verify_print(&result, options);
    verification_deinit(&result.verification);
    free(result.files);
    return result.code;
}
