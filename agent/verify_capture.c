/* SPDX-License-Identifier: Apache-2.0 */
/* verify_capture.h */
#include "verify_capture.h"

#include <string.h>

#include "damage_text.h"

/* ---- records ------------------------------------------------------------------------------------------------- */

static uint64_t since_1970(const struct muster_capture_part *part, uint64_t time_ns)
{
    return time_ns ? time_ns + (uint64_t)part->clock_offset_ns : 0;
}

static void causes_take(const uint64_t from[MUSTER_GAP_CAUSES], uint64_t causes[VERIFY_CAUSES])
{
    memset(causes, 0, VERIFY_CAUSES * sizeof(*causes));
    for (unsigned cause = 0; cause < MUSTER_GAP_CAUSES; cause++) {
        uint64_t *to = &causes[cause < MUSTER_CAUSE_COUNT ? cause : VERIFY_CAUSE_OTHER];

        if (__builtin_add_overflow(*to, from[cause], to))
            *to = UINT64_MAX;
    }
}

/* The fixed part may be an older version's, and shorter. */
static void fixed_copy(void *to, size_t size_bytes, const struct muster_record *record)
{
    memset(to, 0, size_bytes);
    memcpy(to, record, record->fixed_bytes < size_bytes ? record->fixed_bytes : size_bytes);
}

static void gap_read(const struct muster_capture_part *part, const struct muster_record *record,
                     struct verify_event *event)
{
    struct muster_gap gap;

    fixed_copy(&gap, sizeof(gap), record);
    event->kind = VERIFY_GAP;
    event->gap = (struct verify_gap){.has_range = muster_record_has(record, MUSTER_FIELD_SEQUENCE_RANGE),
                                     .is_placed = gap.stage != MUSTER_STAGE_CAPTURE,
                                     .count = gap.count,
                                     .start_ns = since_1970(part, gap.start_ns),
                                     .end_ns = since_1970(part, gap.end_ns)};
    if (event->gap.has_range) {
        event->gap.first = gap.first_sequence;
        event->gap.last = gap.last_sequence;
    }
    causes_take(gap.causes, event->gap.causes);
}

static void ledger_read(enum verify_kind kind, const struct muster_record *record, struct verify_event *event,
                        uint64_t *ret_epoch)
{
    struct muster_sensor_status status;

    fixed_copy(&status, sizeof(status), record);
    event->kind = kind;
    event->ledger = (struct verify_ledger){
        .produced = status.produced, .delivered = status.delivered, .filtered = status.filtered, .held = status.held};
    causes_take(status.dropped, event->ledger.dropped);
    *ret_epoch = status.epoch;
}

/* *ret_epoch is what a ledger says of its epoch, and else left alone. */
static void record_read(const struct muster_capture_part *part, const struct muster_record *record,
                        struct verify_event *event, uint64_t *ret_epoch)
{
    *event = (struct verify_event){.kind = VERIFY_OTHER,
                                   .epoch = part->description->epoch,
                                   .time_ns = since_1970(part, record->time_ns),
                                   .digest = verify_digest(record, record->size_bytes)};
    if (muster_record_is_numbered(record)) {
        event->kind = VERIFY_NUMBERED;
        event->sequence = record->sequence;
        return;
    }
    switch (record->type) {
    case MUSTER_EVENT_GAP:
        gap_read(part, record, event);
        break;
    case MUSTER_EVENT_SENSOR_STARTED:
        ledger_read(VERIFY_STARTED, record, event, ret_epoch);
        break;
    case MUSTER_EVENT_STATUS:
        ledger_read(VERIFY_STATUS, record, event, ret_epoch);
        break;
    case MUSTER_EVENT_SENSOR_STOPPED:
        ledger_read(VERIFY_STOPPED, record, event, ret_epoch);
        break;
    default:
        break;
    }
}

static struct verify_place place_of(const struct verify_capture *capture, uint64_t offset_bytes)
{
    return (struct verify_place){.file = capture->file, .offset = offset_bytes};
}

static void records_take(struct verify_capture *capture, const struct muster_capture_part *part)
{
    const struct verify_place place = place_of(capture, part->offset_bytes);
    const struct verify_finding finding = {
        .what = "ledger-epoch", .place = place, .has_epoch = true, .epoch = part->description->epoch};
    const struct muster_record *record;
    size_t cursor = 0;

    while ((record = muster_capture_next_record(part, &cursor)) != NULL) {
        uint64_t epoch = part->description->epoch;
        struct verify_event event;

        record_read(part, record, &event, &epoch);
        capture->record_count++;
        verification_take(capture->verification, &event, &place);
        if (epoch != part->description->epoch)
            verify_findings_add(&capture->verification->findings, VERIFY_UNACCOUNTED, &finding,
                                "a ledger of another epoch stands in it");
    }
}

/* ---- damage ---------------------------------------------------------------------------------------------------- */

static enum verify_severity damage_severity(const struct muster_capture_damage *damage)
{
    switch (damage->kind) {
    case MUSTER_CAPTURE_DOUBLED:
    case MUSTER_CAPTURE_MOVED:
        return VERIFY_LOST; /* nothing is */
    case MUSTER_CAPTURE_REWRITTEN:
    case MUSTER_CAPTURE_FOREIGN:
        return VERIFY_UNACCOUNTED;
    default:
        return damage->counted ? VERIFY_LOST : VERIFY_UNACCOUNTED;
    }
}

static void damage_take(struct verify_capture *capture, const struct muster_capture_part *part)
{
    const struct muster_capture_damage *damage = &part->damage;
    struct verify_finding finding = {.what = "damage",
                                     .place = place_of(capture, damage->offset_bytes),
                                     .count = damage_count(damage),
                                     .from_ns = damage->start_ns,
                                     .to_ns = damage->end_ns};
    char text[DAMAGE_TEXT_BYTES];

    if (part->description) {
        finding.has_epoch = true;
        finding.epoch = part->description->epoch;
        verification_damage(
            capture->verification, finding.epoch, &finding.place, finding.count,
            damage->counted && damage->record_count > finding.count ? damage->record_count - finding.count : 0);
    }
    if (damage->range_known) {
        finding.first_sequence = damage->first_sequence;
        finding.last_sequence = damage->last_sequence;
    }
    verify_findings_add(&capture->verification->findings, damage_severity(damage), &finding, "%s",
                        damage_text(damage, text));
}

void verify_capture_take(struct verify_capture *capture, const struct muster_capture_part *part)
{
    switch (part->kind) {
    case MUSTER_CAPTURE_PART_BEGIN:
        capture->capture_count++;
        break;
    case MUSTER_CAPTURE_PART_RECORDS:
        records_take(capture, part);
        break;
    case MUSTER_CAPTURE_PART_DAMAGE:
        damage_take(capture, part);
        break;
    default:
        break;
    }
}
