/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One capture as it is read: which frame should come next, and which have not come. A frame that has not come in its
 * turn leaves a hole. Frames that come late fill it; what is left when nobody is likely to come any more is told as
 * damage, with the number of events that stood there: the totals of the frame behind it say so.
 *
 *     frames   0 1 2 . . 5 6 7 ...         hole 3 to 4: before is the totals of 2, after those of 5 less its own
 */
#ifndef MUSTER_CAPTURE_CHAIN_H
#define MUSTER_CAPTURE_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "muster/capture_file.h"

#define CHAIN_HOLES_MAX 16 /* that wait at once; of more the oldest is told */
#define CHAIN_PATIENCE  64 /* frames, that a hole waits for those that come late */

/* Counts of records: numbered ones by type, and all. */
struct chain_counts {
    uint64_t of[MUSTER_EVENT_NUMBERED_COUNT + 1];
};

/* What a frame says, and what its payload was found to hold. */
struct chain_frame {
    struct muster_capture_frame header;
    uint8_t digest[MUSTER_CAPTURE_DIGEST_BYTES];
    struct chain_counts own;
    uint64_t offset_bytes;
};

struct chain_hole {
    uint64_t first; /* frames */
    uint64_t last;
    struct chain_counts before; /* totals up to the frame before it */
    struct chain_counts after;  /* totals up to its last */
    bool after_known;
    uint8_t digest_before[MUSTER_CAPTURE_DIGEST_BYTES]; /* of the frame before it, where: */
    bool digest_before_known;
    uint8_t digest_last[MUSTER_CAPTURE_DIGEST_BYTES]; /* of its last, as the frame behind it says */
    uint64_t start_ns;                                /* since 1970; 0: not known */
    uint64_t end_ns;
    uint64_t sequence_before; /* the highest number before it; 0: there is none */
    uint64_t sequence_behind; /* the highest in the first numbered frame behind it */
    uint64_t header_count;    /* of its frames, how many have a header that can be read, from which are: */
    uint64_t first_sequence;
    uint64_t last_sequence;
    uint64_t offset_bytes; /* what stands there */
    uint64_t size_bytes;   /* 0: nothing does */
    bool later;            /* frames of a later version */
    uint64_t opened_at;    /* accepted_count then */
};

struct chain {
    bool used;
    uint64_t capture;
    struct muster_capture_description description;
    uint64_t next; /* the frame that should come */
    struct chain_counts totals;
    uint8_t digest[MUSTER_CAPTURE_DIGEST_BYTES]; /* of the frame before it, where: */
    bool digest_known;
    bool open; /* the last hole reaches up to `next` */
    struct chain_hole holes[CHAIN_HOLES_MAX];
    unsigned hole_count;
    uint64_t end_ns;        /* of the last frame that had records, since 1970 */
    uint64_t last_sequence; /* the highest number so far */
    uint64_t accepted_count;
    uint64_t end_bytes; /* in the input, behind its last frame */
    bool ends;          /* MUSTER_CAPTURE_ENDS was seen, */
    bool last;          /* and MUSTER_CAPTURE_LAST */
    bool damaged;
};

void chain_begin(struct chain *chain, uint64_t capture, const struct muster_capture_description *description);

enum chain_verdict {
    CHAIN_FOLLOWS,   /* as it should be, or behind a hole, which was opened */
    CHAIN_REWRITTEN, /* likewise, but it does not follow from what stands before it */
    CHAIN_LATE,      /* out of its place, and fills a hole */
    CHAIN_DOUBLED,   /* not wanted */
};

/* Takes a frame that is whole. */
enum chain_verdict chain_accept(struct chain *chain, const struct chain_frame *frame);

/* Takes note of a frame of which the header can be read, and no more; `size_bytes` of it stand there. False where it is
 * not one that is waited for. */
bool chain_damage(struct chain *chain, const struct muster_capture_frame *header, uint64_t offset_bytes,
                  uint64_t size_bytes, bool later);

/* Takes note of bytes that are no frame and stand before a frame with that number, which is about to be taken: false,
 * and nothing is done, where no frame is missing that they could have been. */
bool chain_add_bytes(struct chain *chain, uint64_t number, uint64_t offset_bytes, uint64_t size_bytes);

enum chain_take {
    CHAIN_TAKE_DUE,  /* what is known as well as it can be, or has waited long enough */
    CHAIN_TAKE_SEEN, /* also where the frame behind has not come yet, but something damaged stood there */
    CHAIN_TAKE_ALL,  /* nothing more comes */
};

/* The next hole to be told, which is gone then. False where there is none. */
bool chain_take_hole(struct chain *chain, enum chain_take take, struct muster_capture_damage *ret_damage);

#endif
