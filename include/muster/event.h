/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What can happen, and what can be known about it: event types, classes of admission, causes of
 * loss and fields. Shared by the BPF programs, the driver, the agent and the sinks, so it holds
 * numbers only and no functions.
 *
 * The numbers stand on the wire. They are never reused; new ones are appended.
 */
#ifndef MUSTER_EVENT_H
#define MUSTER_EVENT_H

#include "muster/fields.h"

/* The first four are numbered: the kernel side gives each a sequence number. The others are not
 * counted by any ledger. */
enum muster_event_type {
    MUSTER_EVENT_PROCESS_START = 1,   /* Linux: exec; Windows: create */
    MUSTER_EVENT_PROCESS_EXIT = 2,    /* the last thread of a process ended */
    MUSTER_EVENT_PROCESS_FORK = 3,    /* a process was made by fork; only where asked for */
    MUSTER_EVENT_MESSAGE = 4,         /* free text */
    MUSTER_EVENT_GAP = 5,             /* events that were lost */
    MUSTER_EVENT_STATUS = 6,          /* the ledger, from time to time */
    MUSTER_EVENT_PROCESS_RUNNING = 7, /* baseline: ran already when the sensor started */
    MUSTER_EVENT_SENSOR_STARTED = 8,
    MUSTER_EVENT_SENSOR_STOPPED = 9,
};

#define MUSTER_EVENT_NUMBERED_COUNT 4 /* types 1 to 4; an array of counts by type has type - 1 */
#define MUSTER_EVENT_TYPE_COUNT     9

/* Classes of admission, lowest first: under pressure the lowest is shed first. */
enum muster_class {
    MUSTER_CLASS_MESSAGE = 0,
    MUSTER_CLASS_FORK = 1,
    MUSTER_CLASS_EXIT = 2,
    MUSTER_CLASS_START = 3,
    MUSTER_CLASS_GAP = 4, /* gap and status: room is reserved for them */
};

#define MUSTER_CLASS_COUNT 5

/* How full, in sixteenths of its budget, a queue may be for a class still to be admitted. */
#define MUSTER_SHARE_UNIT    16
#define MUSTER_SHARE_MESSAGE 4
#define MUSTER_SHARE_FORK    8
#define MUSTER_SHARE_EXIT    12
#define MUSTER_SHARE_START   15
#define MUSTER_SHARE_GAP     16

/* Likewise of the ring on Linux, for a start still to be put whole; above that it is a skeleton, which may take all the
 * rest: gaps and status do not go through the ring. */
#define MUSTER_SHARE_START_WHOLE 13

/* Above it, groups are held to fair shares of that ring. */
#ifndef MUSTER_SHARE_PRESSED /* a test has programs without that */
#define MUSTER_SHARE_PRESSED 4
#endif

/* Why an event was lost. */
enum muster_cause {
    MUSTER_CAUSE_RING_FULL = 0,         /* no room at all in the kernel ring */
    MUSTER_CAUSE_CLASS_SHED = 1,        /* room was left, but kept for higher classes */
    MUSTER_CAUSE_QUEUE_FULL = 2,        /* a queue in memory reached its budget */
    MUSTER_CAUSE_ALLOCATION_FAILED = 3, /* no memory for a block of the queue */
    MUSTER_CAUSE_IRQL_REFUSED = 4,      /* pushed at an IRQL that forbids it */
    MUSTER_CAUSE_PROGRAM_MISSED = 5,    /* the kernel skipped a run of the BPF program; unnumbered */
    MUSTER_CAUSE_RECORD_INVALID = 6,    /* a record failed validation between two hops */
    MUSTER_CAUSE_RECORD_TOO_LARGE = 7,  /* over MUSTER_RECORD_MAX_BYTES */
    MUSTER_CAUSE_UNEXPLAINED = 8,       /* missing, and no counter says why: a defect, told all the same */
    MUSTER_CAUSE_CAPTURE_DAMAGED = 9,   /* stood in a capture, where something else stands now, or nothing */
    MUSTER_CAUSE_SHARE_SHED = 10, /* room was left, but its session or its parent had more than a fair share of it */
};

#define MUSTER_CAUSE_COUNT 11

/* Where events were lost. */
enum muster_stage {
    MUSTER_STAGE_KERNEL_RING = 1,
    MUSTER_STAGE_DRIVER_QUEUE = 2,
    MUSTER_STAGE_AGENT_QUEUE = 3,
    MUSTER_STAGE_CAPTURE = 4, /* a file that was read back */
};

/*
 * Fields (fields.h is the table of them). Each is one bit in `valid` and in `unavailable` of a record: valid, the value
 * is there; unavailable, it was looked for and could not be read; neither, this source does not have it. Scalars have
 * the low numbers and stand in the fixed part of a record (wire.h), texts have the high ones and stand behind it.
 */
#define MUSTER_FIELD_NUMBER(symbol, number, ...) MUSTER_FIELD_##symbol = (number),
enum muster_field { MUSTER_FIELDS(MUSTER_FIELD_NUMBER) };
#undef MUSTER_FIELD_NUMBER

#define MUSTER_FIELD_COUNT        59 /* one more than the highest number; some below are free */
#define MUSTER_FIELD_SCALAR_COUNT 43 /* likewise of the scalars */
#define MUSTER_FIELD_FIRST_TEXT   48
#define MUSTER_FIELD_BIT(field)   (1ULL << (field))

/* Bits of MUSTER_FIELD_IMAGE_FLAGS. */
#define MUSTER_IMAGE_DELETED 1U /* the file had no name left in its directory when it was mapped */
#define MUSTER_IMAGE_MEMFD   2U /* the file never had one: memfd_create(2) */
#define MUSTER_IMAGE_OPENED_NAME                                                                                       \
    4U                          /* Windows: the path is that of the file that was opened, not what the creator said */
#define MUSTER_IMAGE_SETUID 8U  /* the file's mode has the bit; whether it took effect, user and real user tell */
#define MUSTER_IMAGE_SETGID 16U /* likewise, where the group may execute it: else the bit means something else */

/* Longest text that is kept whole; of a longer one, this much is kept as head and tail. Of arguments, unless somebody
 * chose another limit within these. */
#define MUSTER_ARGS_MAX_BYTES 32768U
#define MUSTER_ARGS_LIMIT_MIN 4096U
#define MUSTER_ARGS_LIMIT_MAX 131072U
#define MUSTER_PATH_MAX_BYTES 4096U

/* How much of the arguments their digest covers, from the beginning. */
#define MUSTER_ARGS_DIGEST_BYTES 4096U

#endif
