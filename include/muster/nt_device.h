/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device of the Windows driver, as user mode sees it: names, control codes, and the structures
 * that go in and out. Shared by muster.sys, muster.exe and their tests.
 *
 *     open    \\.\Muster; SYSTEM and administrators only
 *     HELLO   first of all; says who may talk to whom, and claims the one reader's place if asked to
 *     READ    the reader only: acknowledges a lease, and takes the next
 *     STATUS  any handle that said HELLO
 *     close   gives the reader's place back; what it had leased is served again to the next one
 *
 * All codes are METHOD_BUFFERED, but for READ's output: METHOD_OUT_DIRECT. A structure that is too
 * short, too long, or has a reserved field that is not 0 is refused (STATUS_INVALID_PARAMETER,
 * STATUS_BUFFER_TOO_SMALL), and no byte is written behind the length that Information tells. HELLO
 * alone may be longer, so that a later client too is told why it is refused.
 */
#ifndef MUSTER_NT_DEVICE_H
#define MUSTER_NT_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include "muster/event.h"
#include "muster/wire.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MUSTER_NT_SERVICE_NAME     L"Muster"
#define MUSTER_NT_DEVICE_NAME      L"\\Device\\Muster"
#define MUSTER_NT_DEVICE_LINK      L"\\??\\Muster"
#define MUSTER_NT_DEVICE_USER_PATH L"\\\\.\\Muster"

/* As CTL_CODE of the DDK makes them; the driver asserts that they are equal. Device types from
 * 0x8000 and functions from 0x800 are for those outside Microsoft. */
#define MUSTER_NT_DEVICE_TYPE 0x8d55U
#define MUSTER_NT_CONTROL_CODE(function, method, access)                                                               \
    ((MUSTER_NT_DEVICE_TYPE << 16) | ((access) << 14) | ((function) << 2) | (method))

#define MUSTER_NT_METHOD_BUFFERED   0U
#define MUSTER_NT_METHOD_OUT_DIRECT 2U
#define MUSTER_NT_ACCESS_READ       1U /* FILE_READ_DATA */
#define MUSTER_NT_ACCESS_WRITE      2U /* FILE_WRITE_DATA: for what changes something */

#define MUSTER_NT_CONTROL_HELLO  MUSTER_NT_CONTROL_CODE(0x800U, MUSTER_NT_METHOD_BUFFERED, MUSTER_NT_ACCESS_READ)
#define MUSTER_NT_CONTROL_STATUS MUSTER_NT_CONTROL_CODE(0x801U, MUSTER_NT_METHOD_BUFFERED, MUSTER_NT_ACCESS_READ)
#define MUSTER_NT_CONTROL_READ                                                                                         \
    MUSTER_NT_CONTROL_CODE(0x802U, MUSTER_NT_METHOD_OUT_DIRECT, MUSTER_NT_ACCESS_READ | MUSTER_NT_ACCESS_WRITE)

#define MUSTER_NT_PROTOCOL_VERSION 1U

/* Bits of features. A client that needs one which the driver does not have is refused. */
#define MUSTER_NT_FEATURE_PROCESS_EVENTS 1ULL /* start and exit are reported */
#define MUSTER_NT_FEATURE_LEASES         2ULL /* READ leases, and an acknowledgement releases */
#define MUSTER_NT_FEATURE_SKELETONS      4ULL /* a start that finds no room is degraded first */
#define MUSTER_NT_FEATURES               (MUSTER_NT_FEATURE_PROCESS_EVENTS | MUSTER_NT_FEATURE_LEASES | MUSTER_NT_FEATURE_SKELETONS)

enum muster_nt_role {
    MUSTER_NT_ROLE_OBSERVER = 1, /* may ask for STATUS */
    MUSTER_NT_ROLE_READER = 2,   /* may READ too; one handle at a time */
};

/* Why a HELLO was refused. */
enum muster_nt_refusal {
    MUSTER_NT_ACCEPTED = 0,
    MUSTER_NT_REFUSED_PROTOCOL = 1,     /* another protocol_version */
    MUSTER_NT_REFUSED_RECORDS = 2,      /* another record version or record header */
    MUSTER_NT_REFUSED_FEATURES = 3,     /* a needed feature is not there */
    MUSTER_NT_REFUSED_ROLE = 4,         /* no role of this protocol */
    MUSTER_NT_REFUSED_READER_TAKEN = 5, /* another handle reads */
};

struct muster_nt_hello_request {
    uint32_t protocol_version;
    uint32_t record_version;
    uint32_t record_header_bytes; /* sizeof(struct muster_record) */
    uint32_t role;                /* enum muster_nt_role */
    uint64_t needed_features;
};

/* Also where the client is refused: the call succeeds, `refusal` says why, and the handle is as if
 * it had not said HELLO. (What fails cannot have output.) */
struct muster_nt_hello_reply {
    uint32_t protocol_version;
    uint32_t record_version;
    uint32_t record_header_bytes;
    uint32_t refusal; /* enum muster_nt_refusal */
    uint64_t features;
    uint64_t epoch;
    uint64_t started_ns; /* when the driver began to number events, on the stream's clock */
    uint32_t read_header_bytes;
    uint32_t read_most_bytes; /* what a READ's buffer has to hold for the largest record */
    uint16_t driver_version[4];
};

#define MUSTER_NT_WAIT_FOREVER UINT32_MAX

struct muster_nt_read_request {
    uint64_t acknowledge_lease_id; /* 0: none. One that is not open: STATUS_INVALID_DEVICE_STATE, nothing changed */
    uint32_t timeout_ms;           /* 0: do not wait; MUSTER_NT_WAIT_FOREVER */
    uint32_t reserved;             /* 0 */
};

/*
 * In front of the records. A READ ends when there is something, with record_count 0 and lease_id 0
 * when the time is over, or cancelled. Where the buffer does not hold one record:
 * STATUS_BUFFER_OVERFLOW (a warning, ERROR_MORE_DATA), this header alone with bytes_needed set, and
 * the batch stays cached as it was. A READ that was cancelled may have acknowledged or not; so the lease that
 * was acknowledged last may be acknowledged again, which does nothing.
 */
struct muster_nt_read_header {
    uint64_t epoch;
    uint64_t lease_id; /* to acknowledge with the next READ; until then the same records are served again */
    uint32_t record_count;
    uint32_t record_bytes; /* behind this header, whole records one behind the other */
    uint32_t bytes_needed; /* header included, for the first record; 0 unless it did not fit */
    uint32_t reserved;     /* 0 */
};

/* The driver's hop: delivered is what was acknowledged, held stands in queue, cache and lease. */
struct muster_nt_status_reply {
    uint64_t epoch;
    uint64_t started_ns;
    uint64_t produced;
    uint64_t delivered;
    uint64_t filtered;
    uint64_t held;
    uint64_t degraded;
    uint64_t dropped[MUSTER_GAP_CAUSES]; /* by enum muster_cause */
    uint64_t last_sequence;
    uint64_t queue_records; /* not taken out yet */
    uint64_t cache_records; /* taken out, not acknowledged */
    uint64_t leased_records;
    uint64_t lease_id; /* of the open lease, else 0 */
    uint64_t charged_bytes;
    uint64_t charged_peak_bytes;
    uint64_t budget_bytes;
    uint64_t refused_calls;   /* by the IRQL contract */
    uint32_t reader_present;  /* 0 or 1 */
    uint32_t process_events;  /* 0 or 1: the callback is registered */
    uint64_t denied_requests; /* control requests that were answered with an error */
};

MUSTER_STATIC_ASSERT(sizeof(struct muster_nt_hello_request) == 24, "HELLO's request changed size");
MUSTER_STATIC_ASSERT(offsetof(struct muster_nt_hello_request, needed_features) == 16, "needed_features moved");
MUSTER_STATIC_ASSERT(sizeof(struct muster_nt_hello_reply) == 56, "HELLO's reply changed size");
MUSTER_STATIC_ASSERT(offsetof(struct muster_nt_hello_reply, features) == 16, "features moved");
MUSTER_STATIC_ASSERT(offsetof(struct muster_nt_hello_reply, driver_version) == 48, "driver_version moved");
MUSTER_STATIC_ASSERT(sizeof(struct muster_nt_read_request) == 16, "READ's request changed size");
MUSTER_STATIC_ASSERT(sizeof(struct muster_nt_read_header) == 32, "READ's header changed size");
MUSTER_STATIC_ASSERT(offsetof(struct muster_nt_read_header, record_count) == 16, "record_count moved");
MUSTER_STATIC_ASSERT(sizeof(struct muster_nt_status_reply) == 272, "STATUS changed size");
MUSTER_STATIC_ASSERT(offsetof(struct muster_nt_status_reply, last_sequence) == 184, "last_sequence moved");
MUSTER_STATIC_ASSERT(offsetof(struct muster_nt_status_reply, denied_requests) == 264, "denied_requests moved");

#ifdef __cplusplus
}
#endif

#endif
