/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The record: the bytes of one event, the same in the kernel ring, the driver, the queue and a
 * capture. Little-endian, fixed widths, natural alignment, no holes.
 *
 *     struct muster_record          header, 48 bytes
 *     the fixed part of the type    up to fixed_bytes
 *     text_count times:
 *         struct muster_text_header 16 bytes
 *         the text's bytes          padded with zeros to a multiple of 8
 *
 * A later version appends to a fixed part and adds texts; it moves nothing. So a reader takes
 * from fixed_bytes how much of the fixed part is there, and skips fields that it does not know.
 * Records are validated once (record.h) where they come in; after that a field is read in place
 * if its bit in `valid` is set.
 */
#ifndef MUSTER_WIRE_H
#define MUSTER_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "muster/event.h"

#ifdef __cplusplus
#define MUSTER_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define MUSTER_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

#define MUSTER_RECORD_VERSION   1
#define MUSTER_RECORD_ALIGNMENT 8U
#define MUSTER_RECORD_MAX_BYTES (256U * 1024U)

/* Bits of muster_record.flags. */
#define MUSTER_RECORD_WTF8      1U /* texts are WTF-8 (Windows); else raw bytes (Linux) */
#define MUSTER_RECORD_SKELETON  2U /* degraded: texts were left out for want of room */
#define MUSTER_RECORD_SYNTHETIC 4U /* not seen happening, concluded from what was there later */

struct muster_record {
    uint32_t size_bytes; /* of the whole record, a multiple of 8 */
    uint16_t type;       /* enum muster_event_type */
    uint8_t version;     /* MUSTER_RECORD_VERSION */
    uint8_t flags;
    uint64_t sequence;    /* 0: not numbered */
    uint64_t time_ns;     /* on the stream's clock: Linux CLOCK_BOOTTIME, Windows system time since 1970 */
    uint64_t valid;       /* a bit for each enum muster_field */
    uint64_t unavailable; /* likewise; never both */
    uint16_t fixed_bytes; /* header and fixed part, a multiple of 8 */
    uint16_t text_count;
    uint32_t reserved; /* 0 */
};

struct muster_text_header {
    uint16_t field;      /* enum muster_field; texts of a record come in ascending order */
    uint16_t reserved;   /* 0 */
    uint32_t size_bytes; /* kept, without padding */
    uint32_t head_bytes; /* of those, from the beginning of the text; the rest is from its end */
    uint32_t full_bytes; /* the text's true length; size_bytes where nothing was cut */
};

/* Who: the common beginning of every process event's fixed part. */
struct muster_process {
    uint32_t pid;
    uint32_t tid;
    uint64_t start_ns; /* on the stream's clock */
    uint64_t parent_start_ns;
    uint32_t parent_pid;
    uint32_t session_id;
    uint32_t user_id;
    uint32_t group_id;
    uint32_t real_user_id;
    uint32_t real_group_id;
};

/* MUSTER_EVENT_PROCESS_START and MUSTER_EVENT_PROCESS_RUNNING */
struct muster_process_start {
    struct muster_record record;
    struct muster_process process;
    uint32_t args_count;
    uint32_t image_flags;
    /* Windows */
    uint64_t logon_id;
    uint64_t creator_start_ns;
    uint32_t terminal_session_id;
    uint32_t creator_pid;
    uint32_t creator_tid;
    uint32_t integrity_rid;
    uint32_t elevated; /* 0 or 1 */
    uint32_t reserved; /* 0 */
    /* Linux */
    uint64_t capabilities_effective; /* bit n: capability n of linux/capability.h */
    uint64_t capabilities_permitted;
    uint64_t cgroup_id;
    uint64_t image_inode;
    uint64_t image_modified_ns; /* since 1970, as the file system has it, not on the stream's clock */
    uint32_t image_device;      /* of the file system that the image is on: major << 20 | minor */
    uint32_t login_user_id;
    uint32_t process_group_id;
    uint32_t tty_device; /* major << 20 | minor */
    uint32_t pid_namespace;
    uint32_t mount_namespace;
    uint32_t namespace_pid; /* the pid in pid_namespace */
    uint32_t reserved_end;  /* 0 */
    uint64_t args_digest;   /* of a skeleton */
    /* where it was concluded: when it happened at the earliest and at the latest, on the stream's clock */
    uint64_t window_start_ns; /* MUSTER_FIELD_WINDOW says whether these two are there */
    uint64_t window_end_ns;
};

/* MUSTER_EVENT_PROCESS_EXIT */
struct muster_process_exit {
    struct muster_record record;
    struct muster_process process;
    uint32_t exit_code;
    uint8_t exit_signal;
    uint8_t core_dumped; /* 0 or 1 */
    uint16_t reserved;   /* 0 */
    uint64_t run_time_ns;
    /* Linux: of all its threads */
    uint64_t user_time_ns;
    uint64_t system_time_ns;
    uint64_t peak_rss_bytes;
    /* as of a start */
    uint64_t window_start_ns;
    uint64_t window_end_ns;
};

/* MUSTER_EVENT_PROCESS_FORK: `process` is the child. */
struct muster_process_fork {
    struct muster_record record;
    struct muster_process process;
};

/* MUSTER_EVENT_MESSAGE: the text is all there is. */
struct muster_message {
    struct muster_record record;
};

#define MUSTER_GAP_CAUSES 16 /* room for causes to come */
#define MUSTER_GAP_TYPES  8

/* MUSTER_EVENT_GAP */
struct muster_gap {
    struct muster_record record;
    uint64_t first_sequence; /* MUSTER_FIELD_SEQUENCE_RANGE says whether these two are there */
    uint64_t last_sequence;
    uint64_t count;    /* how many are missing; delivered numbers may lie in the range */
    uint64_t start_ns; /* time of the first and the last that are missing */
    uint64_t end_ns;
    uint32_t stage;                     /* enum muster_stage */
    uint32_t reserved;                  /* 0 */
    uint64_t causes[MUSTER_GAP_CAUSES]; /* by enum muster_cause; adds up to count */
    uint64_t types[MUSTER_GAP_TYPES];   /* by event type - 1; adds up to count */
};

/* MUSTER_EVENT_STATUS, _SENSOR_STARTED and _SENSOR_STOPPED: the ledger from the kernel to the sink. */
struct muster_sensor_status {
    struct muster_record record;
    uint64_t epoch;
    uint64_t produced;
    uint64_t delivered;
    uint64_t filtered;
    uint64_t held;
    uint64_t degraded;
    uint64_t dropped[MUSTER_GAP_CAUSES]; /* by enum muster_cause */
    uint64_t types[MUSTER_GAP_TYPES];    /* delivered, by event type - 1 */
};

#define MUSTER_ASSERT_AT(type, member, offset)                                                                         \
    MUSTER_STATIC_ASSERT(offsetof(struct type, member) == (offset), #type "." #member " moved")
#define MUSTER_ASSERT_SIZE(type, size) MUSTER_STATIC_ASSERT(sizeof(struct type) == (size), #type " changed size")

MUSTER_ASSERT_AT(muster_record, size_bytes, 0);
MUSTER_ASSERT_AT(muster_record, type, 4);
MUSTER_ASSERT_AT(muster_record, version, 6);
MUSTER_ASSERT_AT(muster_record, flags, 7);
MUSTER_ASSERT_AT(muster_record, sequence, 8);
MUSTER_ASSERT_AT(muster_record, time_ns, 16);
MUSTER_ASSERT_AT(muster_record, valid, 24);
MUSTER_ASSERT_AT(muster_record, unavailable, 32);
MUSTER_ASSERT_AT(muster_record, fixed_bytes, 40);
MUSTER_ASSERT_AT(muster_record, text_count, 42);
MUSTER_ASSERT_AT(muster_record, reserved, 44);
MUSTER_ASSERT_SIZE(muster_record, 48);

MUSTER_ASSERT_AT(muster_text_header, field, 0);
MUSTER_ASSERT_AT(muster_text_header, reserved, 2);
MUSTER_ASSERT_AT(muster_text_header, size_bytes, 4);
MUSTER_ASSERT_AT(muster_text_header, head_bytes, 8);
MUSTER_ASSERT_AT(muster_text_header, full_bytes, 12);
MUSTER_ASSERT_SIZE(muster_text_header, 16);

MUSTER_ASSERT_AT(muster_process, pid, 0);
MUSTER_ASSERT_AT(muster_process, tid, 4);
MUSTER_ASSERT_AT(muster_process, start_ns, 8);
MUSTER_ASSERT_AT(muster_process, parent_start_ns, 16);
MUSTER_ASSERT_AT(muster_process, parent_pid, 24);
MUSTER_ASSERT_AT(muster_process, session_id, 28);
MUSTER_ASSERT_AT(muster_process, user_id, 32);
MUSTER_ASSERT_AT(muster_process, group_id, 36);
MUSTER_ASSERT_AT(muster_process, real_user_id, 40);
MUSTER_ASSERT_AT(muster_process, real_group_id, 44);
MUSTER_ASSERT_SIZE(muster_process, 48);

MUSTER_ASSERT_AT(muster_process_start, process, 48);
MUSTER_ASSERT_AT(muster_process_start, args_count, 96);
MUSTER_ASSERT_AT(muster_process_start, image_flags, 100);
MUSTER_ASSERT_AT(muster_process_start, logon_id, 104);
MUSTER_ASSERT_AT(muster_process_start, creator_start_ns, 112);
MUSTER_ASSERT_AT(muster_process_start, terminal_session_id, 120);
MUSTER_ASSERT_AT(muster_process_start, creator_pid, 124);
MUSTER_ASSERT_AT(muster_process_start, creator_tid, 128);
MUSTER_ASSERT_AT(muster_process_start, integrity_rid, 132);
MUSTER_ASSERT_AT(muster_process_start, elevated, 136);
MUSTER_ASSERT_AT(muster_process_start, reserved, 140);
MUSTER_ASSERT_AT(muster_process_start, capabilities_effective, 144);
MUSTER_ASSERT_AT(muster_process_start, capabilities_permitted, 152);
MUSTER_ASSERT_AT(muster_process_start, cgroup_id, 160);
MUSTER_ASSERT_AT(muster_process_start, image_inode, 168);
MUSTER_ASSERT_AT(muster_process_start, image_modified_ns, 176);
MUSTER_ASSERT_AT(muster_process_start, image_device, 184);
MUSTER_ASSERT_AT(muster_process_start, login_user_id, 188);
MUSTER_ASSERT_AT(muster_process_start, process_group_id, 192);
MUSTER_ASSERT_AT(muster_process_start, tty_device, 196);
MUSTER_ASSERT_AT(muster_process_start, pid_namespace, 200);
MUSTER_ASSERT_AT(muster_process_start, mount_namespace, 204);
MUSTER_ASSERT_AT(muster_process_start, namespace_pid, 208);
MUSTER_ASSERT_AT(muster_process_start, reserved_end, 212);
MUSTER_ASSERT_AT(muster_process_start, args_digest, 216);
MUSTER_ASSERT_AT(muster_process_start, window_start_ns, 224);
MUSTER_ASSERT_AT(muster_process_start, window_end_ns, 232);
MUSTER_ASSERT_SIZE(muster_process_start, 240);

MUSTER_ASSERT_AT(muster_process_exit, process, 48);
MUSTER_ASSERT_AT(muster_process_exit, exit_code, 96);
MUSTER_ASSERT_AT(muster_process_exit, exit_signal, 100);
MUSTER_ASSERT_AT(muster_process_exit, core_dumped, 101);
MUSTER_ASSERT_AT(muster_process_exit, reserved, 102);
MUSTER_ASSERT_AT(muster_process_exit, run_time_ns, 104);
MUSTER_ASSERT_AT(muster_process_exit, user_time_ns, 112);
MUSTER_ASSERT_AT(muster_process_exit, system_time_ns, 120);
MUSTER_ASSERT_AT(muster_process_exit, peak_rss_bytes, 128);
MUSTER_ASSERT_AT(muster_process_exit, window_start_ns, 136);
MUSTER_ASSERT_AT(muster_process_exit, window_end_ns, 144);
MUSTER_ASSERT_SIZE(muster_process_exit, 152);

MUSTER_ASSERT_AT(muster_process_fork, process, 48);
MUSTER_ASSERT_SIZE(muster_process_fork, 96);
MUSTER_ASSERT_SIZE(muster_message, 48);

MUSTER_ASSERT_AT(muster_gap, first_sequence, 48);
MUSTER_ASSERT_AT(muster_gap, last_sequence, 56);
MUSTER_ASSERT_AT(muster_gap, count, 64);
MUSTER_ASSERT_AT(muster_gap, start_ns, 72);
MUSTER_ASSERT_AT(muster_gap, end_ns, 80);
MUSTER_ASSERT_AT(muster_gap, stage, 88);
MUSTER_ASSERT_AT(muster_gap, reserved, 92);
MUSTER_ASSERT_AT(muster_gap, causes, 96);
MUSTER_ASSERT_AT(muster_gap, types, 224);
MUSTER_ASSERT_SIZE(muster_gap, 288);

MUSTER_ASSERT_AT(muster_sensor_status, epoch, 48);
MUSTER_ASSERT_AT(muster_sensor_status, produced, 56);
MUSTER_ASSERT_AT(muster_sensor_status, delivered, 64);
MUSTER_ASSERT_AT(muster_sensor_status, filtered, 72);
MUSTER_ASSERT_AT(muster_sensor_status, held, 80);
MUSTER_ASSERT_AT(muster_sensor_status, degraded, 88);
MUSTER_ASSERT_AT(muster_sensor_status, dropped, 96);
MUSTER_ASSERT_AT(muster_sensor_status, types, 224);
MUSTER_ASSERT_SIZE(muster_sensor_status, 288);

MUSTER_STATIC_ASSERT(MUSTER_CAUSE_COUNT <= MUSTER_GAP_CAUSES, "a gap holds every cause");
MUSTER_STATIC_ASSERT(MUSTER_EVENT_NUMBERED_COUNT <= MUSTER_GAP_TYPES, "a gap holds every numbered type");
MUSTER_STATIC_ASSERT(MUSTER_FIELD_COUNT <= 64, "one bit a field");

/* Every row of the table stands on its side of the border. */
#define MUSTER_ASSERT_SCALAR(symbol, number, ...)                                                                      \
    MUSTER_STATIC_ASSERT((number) < MUSTER_FIELD_SCALAR_COUNT, #symbol " is a scalar");
#define MUSTER_ASSERT_TEXT(symbol, number, ...)                                                                        \
    MUSTER_STATIC_ASSERT((number) >= MUSTER_FIELD_FIRST_TEXT && (number) < MUSTER_FIELD_COUNT, #symbol " is a text");
MUSTER_SCALAR_FIELDS(MUSTER_ASSERT_SCALAR)
MUSTER_TEXT_FIELDS(MUSTER_ASSERT_TEXT)
#undef MUSTER_ASSERT_SCALAR
#undef MUSTER_ASSERT_TEXT

#endif
