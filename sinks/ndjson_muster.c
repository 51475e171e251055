/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The NDJSON sink: our own object, `muster`. What ECS has no name for, and what a line says about
 * itself: what could not be had, what was cut, and the true bytes of what JSON cannot hold.
 */
#include "base64.h"
#include "ndjson_internal.h"
#include "tally.h"

/* Members for the counts that are not 0. */
static void write_counts(struct buffer *out, const uint64_t *counts, unsigned count,
                         const char *(*name_of)(unsigned, struct tally_spare *))
{
    for (unsigned i = 0; i < count; i++) {
        if (counts[i] == 0)
            continue;
        struct tally_spare spare;
        json_key(out, name_of(i, &spare));
        json_number(out, counts[i]);
    }
}

static void write_loss(struct ndjson_line *line)
{
    struct buffer *out = line->out;
    struct muster_gap gap = tally_gap(line->record);
    buffer_literal(out, "\"loss\":{\"count\":");
    json_number(out, gap.count);
    if (muster_record_has(line->record, MUSTER_FIELD_SEQUENCE_RANGE)) {
        json_member(out, "first_sequence");
        json_number(out, gap.first_sequence);
        json_member(out, "last_sequence");
        json_number(out, gap.last_sequence);
    }
    const char *stage = muster_stage_name(gap.stage);
    if (stage != NULL) {
        json_member(out, "stage");
        (void)json_string(out, stage, strlen(stage), 0);
    }
    buffer_literal(out, "\"causes\":{");
    write_counts(out, gap.causes, MUSTER_GAP_CAUSES, tally_cause_name);
    json_close(out, '}');
    buffer_literal(out, "\"types\":{");
    write_counts(out, gap.types, MUSTER_GAP_TYPES, tally_type_name);
    json_close(out, '}');
    json_close(out, '}');
}

static void write_ledger(struct ndjson_line *line)
{
    struct buffer *out = line->out;
    struct muster_sensor_status status = tally_status(line->record);
    buffer_literal(out, "\"ledger\":{\"epoch\":\"");
    buffer_hex(out, status.epoch, 16);
    buffer_literal(out, "\",\"produced\":");
    json_number(out, status.produced);
    json_member(out, "delivered");
    json_number(out, status.delivered);
    json_member(out, "filtered");
    json_number(out, status.filtered);
    json_member(out, "held");
    json_number(out, status.held);
    json_member(out, "degraded");
    json_number(out, status.degraded);
    buffer_literal(out, "\"dropped\":{");
    write_counts(out, status.dropped, MUSTER_GAP_CAUSES, tally_cause_name);
    json_close(out, '}');
    json_close(out, '}');
}

static void write_exit(struct ndjson_line *line)
{
    const struct muster_process_exit *exit = (const struct muster_process_exit *)line->record;
    if (!muster_record_has(line->record, MUSTER_FIELD_EXIT_SIGNAL))
        return;
    buffer_literal(line->out, "\"exit\":{\"signal\":");
    json_number(line->out, exit->exit_signal);
    if (muster_record_has(line->record, MUSTER_FIELD_CORE_DUMPED)) {
        json_member(line->out, "core_dumped");
        buffer_string(line->out, exit->core_dumped != 0 ? "true," : "false,");
    }
    json_close(line->out, '}');
}

static void write_image(struct ndjson_line *line)
{
    if (!muster_record_has(line->record, MUSTER_FIELD_IMAGE_FLAGS))
        return;
    uint32_t flags = ((const struct muster_process_start *)line->record)->image_flags;
    struct json_scope image = json_open_array(line->out, "image");
    if ((flags & MUSTER_IMAGE_DELETED) != 0)
        buffer_literal(line->out, "\"deleted\",");
    if ((flags & MUSTER_IMAGE_MEMFD) != 0)
        buffer_literal(line->out, "\"memfd\",");
    if ((flags & MUSTER_IMAGE_OPENED_NAME) != 0)
        buffer_literal(line->out, "\"opened_name\",");
    json_close_or_remove(line->out, ']', image);
}

static void write_script(struct ndjson_line *line)
{
    const struct muster_text *script = line_text(line, MUSTER_FIELD_SCRIPT);
    if (script == NULL)
        return;
    json_member(line->out, "script");
    ndjson_write_text(line, script);
}

static bool has(const struct ndjson_line *line, enum muster_field field)
{
    return muster_record_has(line->record, field);
}

/* Windows: who asked for the process. */
static void write_creator(struct ndjson_line *line)
{
    const struct muster_process_start *start = (const struct muster_process_start *)line->record;
    struct json_scope creator = json_open_object(line->out, "creator");
    if (has(line, MUSTER_FIELD_CREATOR_PID)) {
        json_member(line->out, "pid");
        json_number(line->out, start->creator_pid);
        if (has(line, MUSTER_FIELD_CREATOR_START))
            ndjson_write_entity(line, start->creator_pid, start->creator_start_ns);
    }
    if (has(line, MUSTER_FIELD_CREATOR_START)) {
        json_member(line->out, "start");
        ndjson_write_time(line, start->creator_start_ns);
    }
    if (has(line, MUSTER_FIELD_CREATOR_TID)) {
        json_member(line->out, "tid");
        json_number(line->out, start->creator_tid);
    }
    json_close_or_remove(line->out, '}', creator);
}

/* As short as it can be, as the system's own tools write it. */
static void write_hex_string(struct buffer *out, uint64_t value)
{
    unsigned digit_count = 1;
    while (digit_count < 16 && value >> (4 * digit_count) != 0)
        digit_count++;
    buffer_literal(out, "\"0x");
    buffer_hex(out, value, digit_count);
    buffer_literal(out, "\",");
}

/* winnt.h, SECURITY_MANDATORY_*_RID. */
static const char *integrity_name(uint32_t rid)
{
    switch (rid) {
    case 0x0000:
        return "untrusted";
    case 0x1000:
        return "low";
    case 0x2000:
        return "medium";
    case 0x2100:
        return "medium_plus";
    case 0x3000:
        return "high";
    case 0x4000:
        return "system";
    case 0x5000:
        return "protected";
    default:
        return NULL;
    }
}

static void write_integrity(struct ndjson_line *line, uint32_t rid)
{
    const char *name = integrity_name(rid);
    json_member(line->out, "integrity_level");
    if (name != NULL)
        (void)json_string(line->out, name, strlen(name), 0);
    else
        write_hex_string(line->out, rid);
}

static void write_windows(struct ndjson_line *line)
{
    const struct muster_process_start *start = (const struct muster_process_start *)line->record;
    struct json_scope windows = json_open_object(line->out, "windows");
    if (has(line, MUSTER_FIELD_TERMINAL_SESSION)) {
        json_member(line->out, "session_id");
        json_number(line->out, start->terminal_session_id);
    }
    if (has(line, MUSTER_FIELD_LOGON_ID)) {
        json_member(line->out, "logon_id");
        write_hex_string(line->out, start->logon_id);
    }
    if (has(line, MUSTER_FIELD_INTEGRITY))
        write_integrity(line, start->integrity_rid);
    if (has(line, MUSTER_FIELD_ELEVATED)) {
        json_member(line->out, "elevated");
        buffer_string(line->out, start->elevated != 0 ? "true," : "false,");
    }
    json_close_or_remove(line->out, '}', windows);
}

static void write_type(struct ndjson_line *line)
{
    switch (line->record->type) {
    case MUSTER_EVENT_PROCESS_START:
    case MUSTER_EVENT_PROCESS_RUNNING:
        write_image(line);
        write_script(line);
        write_creator(line);
        write_windows(line);
        break;
    case MUSTER_EVENT_PROCESS_EXIT:
        write_exit(line);
        break;
    case MUSTER_EVENT_GAP:
        write_loss(line);
        break;
    case MUSTER_EVENT_STATUS:
    case MUSTER_EVENT_SENSOR_STARTED:
    case MUSTER_EVENT_SENSOR_STOPPED:
        write_ledger(line);
        break;
    default:
        break;
    }
}

static void write_unavailable(struct ndjson_line *line)
{
    struct json_scope array = json_open_array(line->out, "unavailable");
    for (unsigned field = 0; field < MUSTER_FIELD_COUNT; field++) {
        if (!muster_record_unavailable(line->record, field))
            continue;
        const char *name = muster_field_name(field);
        if (name != NULL)
            (void)json_string(line->out, name, strlen(name), 0);
    }
    json_close_or_remove(line->out, ']', array);
}

static void write_truncated(struct ndjson_line *line)
{
    struct json_scope object = json_open_object(line->out, "truncated");
    for (unsigned field = MUSTER_FIELD_FIRST_TEXT; field < MUSTER_FIELD_COUNT; field++) {
        const struct muster_text *text = line_text(line, field);
        const char *name = muster_field_name(field);
        if (text == NULL || name == NULL || text->full_bytes <= text->size_bytes)
            continue;
        json_key(line->out, name);
        json_number(line->out, text->full_bytes);
    }
    json_close_or_remove(line->out, '}', object);
}

static void write_raw(struct ndjson_line *line)
{
    struct json_scope object = json_open_object(line->out, "raw");
    for (unsigned field = MUSTER_FIELD_FIRST_TEXT; field < MUSTER_FIELD_COUNT; field++) {
        const char *name = muster_field_name(field);
        if ((line->inexact & MUSTER_FIELD_BIT(field)) == 0 || name == NULL)
            continue;
        const struct muster_text *text = line_text(line, field);
        buffer_byte(line->out, '"');
        buffer_string(line->out, name);
        buffer_literal(line->out, "_b64\":\"");
        base64_append(line->out, text->bytes, text->size_bytes);
        buffer_literal(line->out, "\",");
    }
    json_close_or_remove(line->out, '}', object);
}

void ndjson_write_muster(struct ndjson_line *line)
{
    struct json_scope muster = json_open_object(line->out, "muster");
    write_type(line);
    if ((line->record->flags & MUSTER_RECORD_SKELETON) != 0)
        buffer_literal(line->out, "\"skeleton\":true,");
    if ((line->record->flags & MUSTER_RECORD_SYNTHETIC) != 0)
        buffer_literal(line->out, "\"synthetic\":true,");
    if (line->record->unavailable != 0)
        write_unavailable(line);
    if (line->present != 0)
        write_truncated(line);
    if (line->inexact != 0)
        write_raw(line);
    json_close_or_remove(line->out, '}', muster);
}
