/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures: the records of a stream in a file, framed, checked and chained, so that a bit that flipped, a cut, and
 * a frame that was removed, doubled, moved or brought in from elsewhere are found, and what stands around them
 * is read. docs/capture-format.md has the format for whoever decodes it.
 *
 *     frame    header, 160 bytes; payload; digest, 32 bytes
 *
 * Each frame can be checked alone (digest), follows from the one before (previous), and says how many events came up
 * to and with it (totals): so two frames that are whole say how many events stood between them, whatever became of
 * those. The marker stands nowhere but where a frame begins: a payload that has it is written masked.
 *
 * The writer and the reader here know nothing of files. `muster watch --format capture` and `muster replay`
 * stand on them. Neither locks; each is for one thread at a time.
 */
#ifndef MUSTER_CAPTURE_FILE_H
#define MUSTER_CAPTURE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/annotations.h"
#include "muster/record.h"
#include "muster/sink.h"
#include "muster/status.h"
#include "muster/wire.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- frames --------------------------------------------------------------------------------------- */

#define MUSTER_CAPTURE_VERSION      1
#define MUSTER_CAPTURE_MARKER       "\x8dMUSTER\x1a" /* 8 bytes; the first is no text in any encoding */
#define MUSTER_CAPTURE_MARKER_BYTES 8
#define MUSTER_CAPTURE_DIGEST_BYTES 32

enum muster_capture_frame_type {
    MUSTER_CAPTURE_CHECKPOINT = 1, /* what the stream is, and the account so far */
    MUSTER_CAPTURE_RECORDS = 2,    /* whole records, one behind the other */
};

/* Bits of muster_capture_frame.flags. */
#define MUSTER_CAPTURE_ENDS 1U /* no records come behind this frame */
#define MUSTER_CAPTURE_LAST 2U /* no frame does */

/* The header. Little-endian, without holes. */
struct muster_capture_frame {
    uint8_t marker[MUSTER_CAPTURE_MARKER_BYTES];
    uint64_t capture;       /* names the capture: the same in all its frames, and in no other's */
    uint64_t number;        /* of the frame, from 0 */
    uint32_t payload_bytes; /* a multiple of 8 */
    uint16_t type;          /* enum muster_capture_frame_type */
    uint8_t version;        /* MUSTER_CAPTURE_VERSION */
    uint8_t flags;
    uint64_t mask;           /* each 8 bytes of the payload stand XORed with it */
    int64_t clock_offset_ns; /* of the records in it, see struct muster_stream */
    uint64_t first_sequence; /* the lowest number of its records; 0: none is numbered */
    uint64_t last_sequence;  /* the highest */
    uint64_t start_ns;       /* the earliest time of its records, on the stream's clock; 0 where it has none */
    uint64_t end_ns;         /* the latest */
    uint64_t totals[MUSTER_EVENT_NUMBERED_COUNT];  /* numbered records by type - 1, from the beginning of the
                                                      capture up to and with this frame */
    uint64_t record_total;                         /* likewise, of all records */
    uint8_t previous[MUSTER_CAPTURE_DIGEST_BYTES]; /* digest of the frame before; zeros in frame 0 */
    uint32_t reserved;                             /* 0 */
    uint32_t check;                                /* CRC-32C of the 156 bytes before it */
};

#define MUSTER_CAPTURE_HEADER_BYTES   160U
#define MUSTER_CAPTURE_OVERHEAD_BYTES (MUSTER_CAPTURE_HEADER_BYTES + MUSTER_CAPTURE_DIGEST_BYTES)

MUSTER_STATIC_ASSERT(sizeof(struct muster_capture_frame) == MUSTER_CAPTURE_HEADER_BYTES, "without holes");
MUSTER_STATIC_ASSERT(offsetof(struct muster_capture_frame, check) == 156, "the check is last");

/* A frame of records is closed as soon as it holds so much; so no payload is longer than the sum. */
#define MUSTER_CAPTURE_FULL_BYTES        (16U * 1024U)
#define MUSTER_CAPTURE_PAYLOAD_MAX_BYTES (MUSTER_CAPTURE_FULL_BYTES + MUSTER_RECORD_MAX_BYTES)

/* The first two frames and the last two are checkpoints, and behind so many frames there is another one, so that what
 * the stream is can be known though one of them is not. */
#define MUSTER_CAPTURE_CHECKPOINT_EVERY 64U

/* The fixed part of a checkpoint's payload. Texts stand behind it, see docs/capture-format.md. */
struct muster_capture_checkpoint {
    uint32_t fixed_bytes; /* of this part; a later version may lengthen it */
    uint32_t flags;       /* MUSTER_CAPTURE_HAS_BOOT_ID */
    uint64_t epoch;
    uint64_t tick_ns;
    uint8_t boot_id[16];
    uint64_t first_sequence;          /* the lowest number in the frames before this one; 0: none */
    uint64_t last_sequence;           /* the highest */
    uint64_t lost[MUSTER_GAP_CAUSES]; /* what the gap records in them tell, by cause */
};

#define MUSTER_CAPTURE_HAS_BOOT_ID 1U

MUSTER_STATIC_ASSERT(sizeof(struct muster_capture_checkpoint) == 184, "without holes");

/* ---- what the stream is ----------------------------------------------------------------------------- */

#define MUSTER_CAPTURE_TEXT_MAX_BYTES 255U /* longer ones are cut */

/* What a capture says of its stream, as a plain value. A text that is not known is empty. */
struct muster_capture_description {
    uint64_t epoch;
    uint64_t tick_ns;
    uint8_t boot_id[16];
    bool boot_id_valid;
    char provider[MUSTER_CAPTURE_TEXT_MAX_BYTES + 1];
    char os_type[MUSTER_CAPTURE_TEXT_MAX_BYTES + 1];
    char os_kernel[MUSTER_CAPTURE_TEXT_MAX_BYTES + 1];
    char host_name[MUSTER_CAPTURE_TEXT_MAX_BYTES + 1];
    char host_id[MUSTER_CAPTURE_TEXT_MAX_BYTES + 1];
    char version[MUSTER_CAPTURE_TEXT_MAX_BYTES + 1];
};

/* The stream of it, for a sink. Its strings stand in *description, its clock offset is 0, and it has no names of users:
 * those are of the machine that the capture was taken on. */
void muster_capture_stream(const struct muster_capture_description *description, struct muster_stream *ret_stream);

/* ---- writing ------------------------------------------------------------------------------------------ */

/* A capture in the making: what its next frame needs to know of those before. A plain value. */
struct muster_capture_writer {
    struct muster_capture_frame next; /* filled as records are added */
    uint64_t first_sequence;          /* of all records so far, as a checkpoint has it */
    uint64_t last_sequence;
    uint64_t lost[MUSTER_GAP_CAUSES];
};

/* `capture` names it. */
void muster_capture_writer_init(struct muster_capture_writer *writer, uint64_t capture);

/* Accounts for a record that the caller has put into the payload of the next frame. */
void muster_capture_add(struct muster_capture_writer *writer, const struct muster_record *record);

/*
 * Closes the next frame. `frame` has MUSTER_CAPTURE_HEADER_BYTES, then payload_bytes of payload, then room for
 * MUSTER_CAPTURE_DIGEST_BYTES; header and digest are written here, and the payload is masked where it has to be.
 */
void muster_capture_seal(struct muster_capture_writer *writer, enum muster_capture_frame_type type, unsigned flags,
                         int64_t clock_offset_ns, void *frame, size_t payload_bytes);

/* How long a checkpoint's payload is for this stream, and that payload. */
size_t muster_capture_checkpoint_bytes(const struct muster_stream *stream);
void muster_capture_checkpoint_encode(const struct muster_capture_writer *writer, const struct muster_stream *stream,
                                      void *payload);

/* ---- reading -------------------------------------------------------------------------------------------- */

/* Where a capture's bytes come from. `read` has read(2)'s contract: 0 at the end, -1 with errno set. */
struct muster_capture_source {
    long (*read)(void *context, char *bytes, size_t size_bytes);
    void *context;
};

enum muster_capture_part_kind {
    MUSTER_CAPTURE_PART_BEGIN,      /* a capture begins; also one whose first frames are missing */
    MUSTER_CAPTURE_PART_RECORDS,    /* a frame of records, whole and verified */
    MUSTER_CAPTURE_PART_CHECKPOINT, /* the account so far, likewise */
    MUSTER_CAPTURE_PART_DAMAGE,     /* something is not as it was written */
    MUSTER_CAPTURE_PART_END,        /* of a capture: nothing more of it comes */
};

enum muster_capture_damage_kind {
    MUSTER_CAPTURE_CHANGED,   /* bytes that are not as they were written, or do not belong there */
    MUSTER_CAPTURE_MISSING,   /* frames are missing */
    MUSTER_CAPTURE_DOUBLED,   /* a frame whose number was read before, or told as lost; skipped */
    MUSTER_CAPTURE_MOVED,     /* a frame out of its place; read, so nothing is lost by it */
    MUSTER_CAPTURE_FOREIGN,   /* frames of a capture that is not known here; skipped */
    MUSTER_CAPTURE_REWRITTEN, /* a frame that is whole and does not follow from the one before: one of them was
                                 written by somebody else */
    MUSTER_CAPTURE_LATER,     /* a frame of a version or type that this reader does not know; skipped */
    MUSTER_CAPTURE_CUT,       /* the capture ends without its end: what came then is not known */
};

#define MUSTER_CAPTURE_DAMAGE_COUNT 8

/* "changed" and so on; NULL where not known. */
const char *muster_capture_damage_name(unsigned kind);

struct muster_capture_damage {
    enum muster_capture_damage_kind kind;
    uint64_t offset_bytes; /* in the input */
    uint64_t size_bytes;   /* of what was skipped or is told of; 0: between two frames */
    bool frames_known;
    uint64_t first_frame; /* which are missing, skipped or told of */
    uint64_t last_frame;
    bool counted;                                /* whether it is known what was lost: */
    uint64_t types[MUSTER_EVENT_NUMBERED_COUNT]; /* numbered events by type - 1 */
    uint64_t record_count;                       /* all records */
    bool range_known;                            /* from the headers of the frames themselves: */
    uint64_t first_sequence;                     /* the lowest and the highest number that was lost */
    uint64_t last_sequence;
    uint64_t sequence_before; /* the highest number in the frames before, and in the first numbered one behind; 0 */
    uint64_t sequence_behind; /* where there is none. Numbers are nearly in order, so the lost ones are between */
    uint64_t start_ns;        /* what was lost happened between these, in ns since 1970; 0 where not known */
    uint64_t end_ns;
};

struct muster_capture_part {
    enum muster_capture_part_kind kind;
    uint64_t capture; /* whose; 0 for damage of which that is not known */
    /* What its stream is, until the next call; NULL where that is not known. Captures that were put one behind
     * the other, or into one another, come with their own. */
    const struct muster_capture_description *description;
    uint64_t offset_bytes; /* of the frame */
    uint64_t frame;        /* its number; END: how many frames there were */
    /* RECORDS */
    const unsigned char *payload; /* until the next call; for muster_capture_next_record */
    size_t payload_bytes;
    int64_t clock_offset_ns;
    /* CHECKPOINT */
    uint64_t lost[MUSTER_GAP_CAUSES]; /* told by gap records in the frames before it, by cause */
    /* DAMAGE */
    struct muster_capture_damage damage;
    /* END */
    bool whole;                                   /* from its first frame to its last, and nothing is damaged */
    uint64_t totals[MUSTER_EVENT_NUMBERED_COUNT]; /* as the last frame that was read says */
    uint8_t digest[MUSTER_CAPTURE_DIGEST_BYTES];  /* of that frame: it stands for all of a whole capture */
};

struct muster_capture_reader;

/* NULL where memory ran out. What it needs does not depend on the input: some 400 KiB. */
struct muster_capture_reader *muster_capture_reader_create(const struct muster_capture_source *source);

/* The next part. MUSTER_EMPTY at the end of the input, MUSTER_INPUT_FAILED with errno set. The input is hostile:
 * whatever it is, it is read in time in proportion to its length. */
enum muster_status muster_capture_read(struct muster_capture_reader *reader,
                                       struct muster_capture_part *ret_part) MUSTER_MUST_CHECK;

/* Walks the records of a RECORDS part: zero the cursor, then call until NULL. Each is valid; records of types that
 * this version does not know are stepped over. */
const struct muster_record *muster_capture_next_record(const struct muster_capture_part *part, size_t *cursor);

/* NULL is fine. */
void muster_capture_reader_destroy(struct muster_capture_reader *reader);

/* Whether the first bytes of a file look like a capture's: a marker stands in them. */
bool muster_capture_is_one(const void *bytes, size_t size_bytes);

#ifdef __cplusplus
}
#endif

#endif
