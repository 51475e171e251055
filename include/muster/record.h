/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making, checking and reading records (wire.h). No function here allocates, locks or keeps state,
 * so all may be called in any context, the kernel's at any IRQL at which the memory passed in may
 * be touched.
 */
#ifndef MUSTER_RECORD_H
#define MUSTER_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/annotations.h"
#include "muster/status.h"
#include "muster/wire.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A text of a record: what is kept of it, in place. A text that was not cut has
 * head_bytes == size_bytes == full_bytes. */
struct muster_text {
    uint16_t field;
    const char *bytes; /* not terminated */
    uint32_t size_bytes;
    uint32_t head_bytes;
    uint32_t full_bytes;
};

/* A text that is whole, for the array that muster_record_encode takes. */
struct muster_text muster_text_whole(enum muster_field field, const char *bytes, uint32_t size_bytes);

/*
 * How many bytes the record of `fixed` (its fixed_bytes, 48 at least) and `texts` takes. Zero where
 * that is over MUSTER_RECORD_MAX_BYTES. If `fixed` has texts of its own behind the fixed part
 * (text_count is not 0), it is a whole record: its size_bytes count, and `texts` come on top.
 */
size_t muster_record_size(const struct muster_record *fixed, const struct muster_text *texts, size_t text_count);

/*
 * Writes that record to `destination`, which has muster_record_size() bytes and is aligned to 8.
 * Sets size_bytes, version, text_count and the valid bits of the texts; copies the rest of the
 * header from `fixed`. Texts come in ascending order of field, after those of `fixed`.
 */
void muster_record_encode(void *destination, const struct muster_record *fixed, const struct muster_text *texts,
                          size_t text_count);

/*
 * Checks that one whole record begins at `bytes` (aligned to 8) within `available_bytes`, and that
 * it can be read in place: sizes, order of texts, padding, bits. The record is hostile input.
 * MUSTER_OK, or MUSTER_INVALID, or MUSTER_UNSUPPORTED for a version or type that is not known.
 * *ret_record is set on MUSTER_OK only.
 */
enum muster_status muster_record_validate(const void *bytes, size_t available_bytes,
                                          const struct muster_record **ret_record) MUSTER_MUST_CHECK;

/* Whether a field is there. `record` is valid. */
static inline bool muster_record_has(const struct muster_record *record, enum muster_field field)
{
    return (record->valid & MUSTER_FIELD_BIT(field)) != 0;
}

/* Whether a field was looked for and could not be read. */
static inline bool muster_record_unavailable(const struct muster_record *record, enum muster_field field)
{
    return (record->unavailable & MUSTER_FIELD_BIT(field)) != 0;
}

/* Finds a text. False, and *ret_text untouched, where the record does not have it. */
bool muster_record_text(const struct muster_record *record, enum muster_field field, struct muster_text *ret_text);

/* Walks all texts, of fields that are not known too: start with *cursor 0, until false. */
bool muster_record_next_text(const struct muster_record *record, uint32_t *cursor, struct muster_text *ret_text);

/* Whether the type is one that the kernel side numbers and a ledger counts. */
static inline bool muster_event_is_numbered(unsigned type)
{
    return type >= MUSTER_EVENT_PROCESS_START && type <= MUSTER_EVENT_NUMBERED_COUNT;
}

/* Whether this record is such an event. One that was concluded (MUSTER_RECORD_SYNTHETIC) was never numbered. */
static inline bool muster_record_is_numbered(const struct muster_record *record)
{
    return muster_event_is_numbered(record->type) && (record->flags & MUSTER_RECORD_SYNTHETIC) == 0;
}

/* The class of admission of a type; MUSTER_CLASS_MESSAGE for types that are not known. */
enum muster_class muster_event_class(unsigned type);

/* "process-started" and so on, as in contract.md, NDJSON; NULL where not known. */
const char *muster_event_action(unsigned type);

/* "start", "exit", "fork", "message" for the numbered types, else NULL: the keys of counts by type. */
const char *muster_event_type_name(unsigned type);

/* "ring_full" and so on: the keys of counts by cause; NULL where not known. */
const char *muster_cause_name(unsigned cause);

/* "kernel_ring" and so on; NULL where not known. */
const char *muster_stage_name(unsigned stage);

/* The ECS name of a field ("process.executable"); NULL where it has none or is not known. */
const char *muster_field_name(unsigned field);

#ifdef __cplusplus
}
#endif

#endif
