/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output.h: writing, and settling the account of what was written.
 *
 * The ends of lines are kept beside the bytes. Counting newlines after a failure would need no
 * table, but a line may stand for no numbered record (a gap) or for many (driver-messages).
 */
#include "output.h"

#include <errno.h>

void output_init(struct output *output, const struct muster_output_target *target)
{
    *output = (struct output){.target = *target};
}

void output_deinit(struct output *output)
{
    buffer_deinit(&output->buffer);
}

void output_end_line(struct output *output)
{
    output->lines[output->line_count++] = (struct output_line){
        .end_bytes = output->buffer.size_bytes,
        .numbered_count = output->pending_count,
    };
    output->pending_count = 0;
}

bool output_is_full(const struct output *output)
{
    return output->buffer.size_bytes >= OUTPUT_FULL_BYTES || output->line_count == OUTPUT_LINES_MAX;
}

/* Returns how many bytes the target took; if not all, errno says why. */
static size_t write_all(const struct output *output)
{
    size_t done = 0;
    while (done < output->buffer.size_bytes) {
        size_t left = output->buffer.size_bytes - done;
        long taken = output->target.write(output->target.context, output->buffer.bytes + done, left);
        if (taken > 0 && (size_t)taken <= left) {
            done += (size_t)taken;
        } else if (taken >= 0) {
            /* Against write(2)'s contract; to try again could take for ever. */
            errno = EIO;
            break;
        } else if (errno != EINTR) {
            break;
        }
    }
    return done;
}

static void settle(struct output *output, size_t written_bytes)
{
    size_t whole_bytes = 0;
    for (size_t i = 0; i < output->line_count && output->lines[i].end_bytes <= written_bytes; i++) {
        whole_bytes = output->lines[i].end_bytes;
        output->delivered_count += output->lines[i].numbered_count;
    }
    output->whole_bytes += whole_bytes;
}

enum muster_status output_write(struct output *output)
{
    size_t written_bytes = write_all(output);
    settle(output, written_bytes);
    if (written_bytes < output->buffer.size_bytes)
        return MUSTER_OUTPUT_FAILED;
    output->buffer.size_bytes = 0;
    output->line_count = 0;
    return MUSTER_OK;
}

void output_end_batch(struct output *output)
{
    output->delivered_count += output->pending_count;
    output->pending_count = 0;
    buffer_shrink(&output->buffer, OUTPUT_KEPT_BYTES);
}
