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
};

#define MUSTER_CAUSE_COUNT 9

/* Where events were lost. */
enum muster_stage {
    MUSTER_STAGE_KERNEL_RING = 1,
    MUSTER_STAGE_DRIVER_QUEUE = 2,
    MUSTER_STAGE_AGENT_QUEUE = 3,
};

/*
 * Fields. Each is one bit in `valid` and in `unavailable` of a record: valid, the value is there;
 * unavailable, it was looked for and could not be read; neither, this source does not have it.
 * Scalars have the low numbers and stand in the fixed part of a record (wire.h), texts have the
 * high ones and stand behind it.
 */
enum muster_field {
    /* every process event */
    MUSTER_FIELD_PID = 0,   /* in the initial pid namespace */
    MUSTER_FIELD_TID = 1,   /* the thread that acted: called exec, fork, or ended last */
    MUSTER_FIELD_START = 2, /* when the process began, on the stream's clock */
    MUSTER_FIELD_PARENT_PID = 3,
    MUSTER_FIELD_PARENT_START = 4,
    MUSTER_FIELD_SESSION = 5,
    MUSTER_FIELD_USER = 6,  /* effective */
    MUSTER_FIELD_GROUP = 7, /* effective */
    MUSTER_FIELD_REAL_USER = 8,
    MUSTER_FIELD_REAL_GROUP = 9,
    /* start and running */
    MUSTER_FIELD_ARGS_COUNT = 10,
    MUSTER_FIELD_IMAGE_FLAGS = 11,
    /* exit */
    MUSTER_FIELD_EXIT_CODE = 12,   /* only where the process ended by itself */
    MUSTER_FIELD_EXIT_SIGNAL = 13, /* only where a signal ended it */
    MUSTER_FIELD_CORE_DUMPED = 14,
    MUSTER_FIELD_RUN_TIME = 15,
    /* gap */
    MUSTER_FIELD_SEQUENCE_RANGE = 16, /* absent where what was lost was never numbered */
    /* start and running, Windows */
    MUSTER_FIELD_LOGON_ID = 17,         /* LUID of the logon that the token came from */
    MUSTER_FIELD_TERMINAL_SESSION = 18, /* 0: services */
    MUSTER_FIELD_CREATOR_PID = 19,      /* who called for it; may differ from the parent, which a caller can choose */
    MUSTER_FIELD_CREATOR_TID = 20,
    MUSTER_FIELD_CREATOR_START = 21,
    MUSTER_FIELD_INTEGRITY = 22, /* RID of the token's mandatory label: 0x2000 medium, 0x3000 high, 0x4000 system */
    MUSTER_FIELD_ELEVATED = 23,  /* the token has the administrators' group, and enabled */

    /* texts */
    MUSTER_FIELD_EXECUTABLE = 32,        /* absolute path of the file that was mapped */
    MUSTER_FIELD_WORKING_DIRECTORY = 33, /* absolute path */
    MUSTER_FIELD_ARGS = 34,              /* each argument followed by a NUL */
    MUSTER_FIELD_SCRIPT = 35,            /* path given to exec, where an interpreter runs it */
    MUSTER_FIELD_THREAD_NAME = 36,       /* comm of the process's first thread, 15 bytes at most */
    MUSTER_FIELD_PARENT_EXECUTABLE = 37,
    MUSTER_FIELD_MESSAGE = 38,
    MUSTER_FIELD_COMMAND_LINE = 39, /* Windows: one string, as its creator gave it */
    MUSTER_FIELD_USER_SID = 40,     /* Windows: "S-1-5-18" */
};

#define MUSTER_FIELD_COUNT        41
#define MUSTER_FIELD_SCALAR_COUNT 24
#define MUSTER_FIELD_FIRST_TEXT   32
#define MUSTER_FIELD_BIT(field)   (1ULL << (field))

/* Bits of MUSTER_FIELD_IMAGE_FLAGS. */
#define MUSTER_IMAGE_DELETED 1U /* the file had no name left in its directory when it was mapped */
#define MUSTER_IMAGE_MEMFD   2U /* the file never had one: memfd_create(2) */
#define MUSTER_IMAGE_OPENED_NAME                                                                                       \
    4U /* Windows: the path is that of the file that was opened, not what the creator said */

/* Longest text that is kept whole; of a longer one, this much is kept as head and tail. */
#define MUSTER_ARGS_MAX_BYTES 32768U
#define MUSTER_PATH_MAX_BYTES 4096U

#endif
