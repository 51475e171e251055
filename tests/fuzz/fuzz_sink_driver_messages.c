/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records through the driver-messages sink: clean lines, which jansson reads as the two lists of the
 * question and nothing else; a process creation for each start, a message for each message and each gap.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "fuzz/fuzz_sink.h"

static size_t require_creations(json_t *list)
{
    static const char *const members[] = {"image_name", "command_line", "parent_pid"};
    size_t index;
    json_t *creation;

    FUZZ_REQUIRE(json_is_array(list));
    json_array_foreach(list, index, creation)
    {
        FUZZ_REQUIRE(json_object_size(creation) == 3);
        for (size_t i = 0; i < 3; i++)
            FUZZ_REQUIRE(json_is_string(json_object_get(creation, members[i])));
        FUZZ_REQUIRE(strncmp(json_string_value(json_object_get(creation, "parent_pid")), "0x", 2) == 0);
    }
    return json_array_size(list);
}

static size_t require_messages(json_t *list)
{
    size_t index;
    json_t *message;

    FUZZ_REQUIRE(json_is_array(list));
    json_array_foreach(list, index, message) FUZZ_REQUIRE(json_is_string(message));
    return json_array_size(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_copy copy = fuzz_copy_make(data, size, false);
    struct fuzz_output output = fuzz_through_sink("driver-messages", MUSTER_COLOR_NEVER, copy.bytes, size);
    size_t creation_count = 0, message_count = 0;

    (void)fuzz_require_clean_lines(&output);
    for (size_t at = 0; at < output.size;) {
        const char *begin = output.bytes + at;
        const size_t line_bytes = (size_t)(fuzz_line_end(&output, begin) - begin);
        json_t *line = json_loadb(begin, line_bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
        FUZZ_REQUIRE(json_object_size(line) == 2);
        creation_count += require_creations(json_object_get(line, "process_creations"));
        message_count += require_messages(json_object_get(line, "messages"));
        json_decref(line);
        at += line_bytes;
    }
    FUZZ_REQUIRE(creation_count == output.by_type[MUSTER_EVENT_PROCESS_START]);
    FUZZ_REQUIRE(message_count == output.by_type[MUSTER_EVENT_MESSAGE] + output.by_type[MUSTER_EVENT_GAP]);
    free(output.bytes);
    fuzz_copy_free(&copy);
    return 0;
}
