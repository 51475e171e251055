/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live queue, the cache and the lease (core/queue.c, queue_push.c, cache.c, loss.c, room.c), and the READ that
 * acknowledges (driver_nt/reader.c). Producers push; one thread takes out and serves READs; a reader acknowledges,
 * cancels, or dies and has a successor.
 *
 * A step is what the code does between two points at which another thread can come in: a section under a lock, an
 * allocation, a free. `records` and `blocks` stand in a row each, oldest first: freed blocks, then the cache's, the
 * batch's that was taken out, the live queue's. Names are those of the code. What is `ghost_` is not in the code: it
 * says what has to hold.
 *
 * Searched as it stands, with small numbers. With -DREPLAY it has the code's own sizes, prints each step and what
 * is to be seen after it, and queue_replay.c does the same with the code.
 */
#define MESSAGE          0
#define EXIT             1
#define START            2
#define SKELETON_OF_EXIT 3
#define SKELETON         4
#define GAP              5

#define CLASS_SHED        0
#define QUEUE_FULL        1
#define ALLOCATION_FAILED 2
#define RECORD_TOO_LARGE  3
#define CAUSES            4

/* Fates of a number. */
#define NO_FATE 0
#define HELD    1
#define DROPPED 2 /* + cause */
#define TOLD    6
#define ACKED   7

#define NO_ID 0
#define ALL   0 /* of a READ: its buffer holds whatever there is */

/* What a step comes to: the point at which others come in, or the end of the call. */
mtype = { at_allocate, at_lock, at_free, is_ok, is_empty, is_refused, is_no_room, is_no_memory, is_invalid, is_wrong_state, is_too_small };

#ifdef REPLAY

/* queue_replay --sizes says HEADER_BYTES, GAP_BYTES, FIXED_BYTES_OF_..., TEXT_HEADER_BYTES, BLOCK_..._BYTES. */
#define ALIGNMENT        8
#define BUDGET_BYTES     65536
#define START_LIMIT      (BUDGET_BYTES / 16 * 15)
#define EXIT_LIMIT       (BUDGET_BYTES / 16 * 12)
#define MESSAGE_LIMIT    (BUDGET_BYTES / 16 * 4)
#define SKELETON_BYTES   1024
#define FIXED_BYTES(kind)                                                                                              \
    (kind == START -> FIXED_BYTES_OF_START : (kind == EXIT -> FIXED_BYTES_OF_EXIT : FIXED_BYTES_OF_MESSAGE))
#define AMOUNT           int
#define NUMBER           short
#define PUSHES           400
#define RECORDS          240
#define BLOCKS           180
#define SKELETONS        16
#define SERIALS          10000
#define SHORT_BYTES      (lot / 16 % 4 * 2000 + 1)

/* Things go wrong by lot, and the reader sleeps half of the time. */
#define MAY(left)        (left > 0 && lot % 16 == 3)
#define MAY_SHORT(left)  (left > 0 && lot % 4 != 0)
#define READER_IS_AWAKE  (steps / 400 % 2 == 0 || producers_done == PRODUCERS)

#define SAY(...)    printf(__VA_ARGS__)
#define STEP_END(next)                                                                                                 \
    printf(" -> %e\n", next);                                                                                          \
    tell_state()
/* Between these nobody can come in while the code is replayed. */
#define TOGETHER    atomic
#define STEP
#define SLOWLY

#else

#define MAY(left)       (left > 0)
#define MAY_SHORT(left) MAY(left)
#define READER_IS_AWAKE true

#define SAY(...)       skip
#define STEP_END(next) assert(ROOM_HOLDS && LEDGER_HOLDS && FATES_HOLD)
#define TOGETHER
#define STEP d_step
/* With -DAT_ONCE nobody comes in while somebody pushes or takes out. */
#ifdef AT_ONCE
#define SLOWLY atomic
#else
#define SLOWLY
#endif

/* In units, of which records take some: a start two, the others and what a skeleton keeps one. */
#define HEADER_BYTES        1
#define GAP_BYTES           1
#define ALIGNMENT           1
#define BLOCK_FIRST_BYTES   4
#define BLOCK_LARGEST_BYTES 8
#define SKELETON_BYTES      1 /* set aside: of one start */
#define FIXED_BYTES(kind)   1
#ifndef BUDGET_BYTES
#define BUDGET_BYTES 14
#endif
#define START_LIMIT   (BUDGET_BYTES - 3)
#define EXIT_LIMIT    (BUDGET_BYTES - 4)
#define MESSAGE_LIMIT (BUDGET_BYTES - 5)

#define AMOUNT byte
#define NUMBER byte

#define RECORDS   (PRODUCERS * PUSHES + GAPS)
#define BLOCKS    (PRODUCERS * PUSHES + GAPS)
#define GAPS      4
#define SKELETONS 1

#ifndef PUSHES
#define PUSHES 2
#endif
#define SHORT_BYTES 1
#define SERIALS     4

#endif

#define PRODUCERS            2
#define NUMBERS              (PRODUCERS * PUSHES)
#define GAP_BLOCK_BYTES      (HEADER_BYTES + 2 * GAP_BYTES)
#define SKELETON_BLOCK_BYTES (HEADER_BYTES + SKELETON_BYTES)

#define LIMIT(kind) (kind == START -> START_LIMIT : (kind == EXIT -> EXIT_LIMIT : MESSAGE_LIMIT))

typedef block_row {
    AMOUNT allocated;
    AMOUNT used;
    byte records
};

typedef record_row {
    byte kind;
    NUMBER number; /* of a gap: the how manieth */
    AMOUNT bytes
};

/* ---- what there is ------------------------------------------------------------------------------ */

block_row blocks[BLOCKS];
record_row records[RECORDS];
byte freed_blocks; /* acknowledged, and on their way to be freed */
byte cache_blocks, cache_records;
byte batch_blocks, batch_records;
byte queue_blocks, queue_records;

/* struct muster_room */
AMOUNT charged;

/* struct muster_queue */
bool queue_locked;
AMOUNT next_block_bytes = BLOCK_FIRST_BYTES;
bool gap_block = true;
bool skeleton_block = true;
record_row skeletons[SKELETONS];
byte skeleton_records;
AMOUNT skeleton_used;
NUMBER last_sequence, produced, delivered, degraded;
NUMBER dropped[CAUSES];

/* its struct loss */
NUMBER loss_count, loss_first, loss_last;
NUMBER loss_causes[CAUSES];

/* its struct loss_outside, and what was collected of it. Times are counted, not kept: a gap is to cover those of
 * its events and no others. */
NUMBER refused_begun, refused_times, refused_types;
NUMBER refused_collected, refused_open, refused_open_times;

/* struct muster_cache */
byte begin_passed; /* records of the first block that were acknowledged */
NUMBER lease_id, last_lease_id;
byte leased_records;
NUMBER acknowledged_count;

/* struct reader */
bool request_waiting;
NUMBER request_serial, request_ack;
AMOUNT request_bytes;

/* The answer to a READ. */
bool reply_ready;
mtype reply_status = is_empty;
NUMBER reply_id;
byte reply_records;

/* What happens, at the most; see case_choose. */
NUMBER pushes[PRODUCERS];
NUMBER failures_left, refusals_left, cancels_left, deaths_left, shorts_left;

/* Charged by somebody who is between two steps. */
AMOUNT pushing_bytes[PRODUCERS];
AMOUNT reserved_gap, reserved_skeleton;

bool begun;
byte producers_done;

/* ---- what has to hold --------------------------------------------------------------------------- */

byte ghost_fate[NUMBERS + 1];
NUMBER ghost_extracted_upto; /* no record taken out later has a number as low */
NUMBER ghost_told_upto;      /* likewise of gaps */
NUMBER ghost_gaps;
NUMBER ghost_released;  /* records of any kind that were acknowledged: places in the stream */
NUMBER ghost_confirmed; /* up to here a reader has had them, and said so */
NUMBER ghost_reply_first;

/* For one step only. */
hidden NUMBER i, at, count;
hidden NUMBER number;
hidden NUMBER plain_number, skeleton_number;
hidden AMOUNT granted;
hidden AMOUNT room_left;
hidden AMOUNT least;
hidden AMOUNT limit;
hidden AMOUNT sum;
hidden mtype status;
hidden byte cause;

#define NUMBERED(kind) (kind != GAP)
#define ALL_BLOCKS     (freed_blocks + cache_blocks + batch_blocks + queue_blocks)
#define ALL_RECORDS    (cache_records + batch_records + queue_records)
#define QUEUE_IS_EMPTY                                                                                                 \
    (queue_records + skeleton_records == 0 && loss_count == 0 && refused_open == 0 && refused_types == 0)

#define EACH_CAUSE(each) (each(0) + each(1) + each(2) + each(3))
#define DROPPED_OF(cause) dropped[cause]

#ifndef REPLAY

/* Rows that are not in use are 0. */
#define EACH_8(each)  (each(0) + each(1) + each(2) + each(3) + each(4) + each(5) + each(6) + each(7))
#if PUSHES <= 2
#define EACH_ROW(each) EACH_8(each)
#else
#define EACH_ROW(each) (EACH_8(each) + each(8) + each(9))
#endif
#define ALLOCATED_OF(row) blocks[row].allocated
#define OVERFULL(row)     (blocks[row].records > 0 && HEADER_BYTES + blocks[row].used > blocks[row].allocated)
#define IS_OUT(row)       (row < cache_records + batch_records && NUMBERED(records[row].kind))
#define IS_LOST(row)      (row < cache_records + batch_records && NUMBERED(records[row].kind) && ghost_fate[records[row].number] != HELD)
#if PUSHES <= 2
#define EACH_NUMBER(each) (each(1) + each(2) + each(3) + each(4))
#else
#define EACH_NUMBER(each) (each(1) + each(2) + each(3) + each(4) + each(5) + each(6))
#endif
#define HAS_FATE(number)   (ghost_fate[number] != NO_FATE)
#define IS_ACKED(number)   (ghost_fate[number] == ACKED)
#define IS_DROPPED(number) (ghost_fate[number] >= DROPPED && ghost_fate[number] <= TOLD)

/* At every state: no byte is lost or spent twice, and every number is somewhere, once. */
#define ROOM_HOLDS                                                                                                     \
    (charged <= BUDGET_BYTES && EACH_ROW(OVERFULL) == 0 &&                                                             \
     charged == (gap_block -> GAP_BLOCK_BYTES : 0) + (skeleton_block -> SKELETON_BLOCK_BYTES : 0) + reserved_gap +     \
                    reserved_skeleton + pushing_bytes[0] + pushing_bytes[1] + EACH_ROW(ALLOCATED_OF))
#define LEDGER_HOLDS                                                                                                   \
    (produced == delivered + queue_records + skeleton_records + EACH_CAUSE(DROPPED_OF) && produced == last_sequence)
#define FATES_HOLD                                                                                                     \
    (produced == EACH_NUMBER(HAS_FATE) && acknowledged_count == EACH_NUMBER(IS_ACKED) &&                               \
     EACH_CAUSE(DROPPED_OF) == EACH_NUMBER(IS_DROPPED) && delivered == acknowledged_count + EACH_ROW(IS_OUT) &&        \
     EACH_ROW(IS_LOST) == 0)

#endif

#ifdef REPLAY

int lot = SEED; /* a linear congruence, so that what goes wrong does not go wrong all at once */
int steps;

/* The same as queue_replay.c asks of the code. */
inline tell_state()
{
    lot = (lot * 75 + 74) % 65537;
    steps++;
    assert(charged <= BUDGET_BYTES);
    printf("= %d %d %d %d %d", charged, queue_records + skeleton_records, produced, delivered, degraded);
    printf(" %d %d %d %d", dropped[CLASS_SHED], dropped[QUEUE_FULL], dropped[ALLOCATION_FAILED],
           dropped[RECORD_TOO_LARGE]);
    printf(" %d %d", refused_begun, QUEUE_IS_EMPTY);
    printf(" %d %d %d %d\n", cache_records, leased_records, lease_id, acknowledged_count)
}

#endif

/* ---- core/room.c -------------------------------------------------------------------------------- */

inline room_charge(limit_bytes, preferred_bytes, least_bytes)
{
    granted = 0;
    if
    :: charged > limit_bytes || limit_bytes - charged < least_bytes
    :: else ->
        room_left = limit_bytes - charged;
        room_left = room_left - room_left % ALIGNMENT;
        granted = (preferred_bytes < room_left -> preferred_bytes : room_left);
        charged = charged + granted
    fi
}

inline room_uncharge(bytes_given_back)
{
    charged = charged - bytes_given_back
}

/* ---- core/queue_push.c -------------------------------------------------------------------------- */

#define LAST_BLOCK (ALL_BLOCKS - 1)
#define FITS(record_bytes)                                                                                             \
    (queue_blocks > 0 && blocks[LAST_BLOCK].allocated - HEADER_BYTES - blocks[LAST_BLOCK].used >= record_bytes)

inline event_number(its_fate)
{
    produced++;
    last_sequence++;
    number = last_sequence;
    ghost_fate[number] = its_fate;
    SAY(" number %d", number)
}

inline record_append(its_kind, its_number, its_bytes)
{
    at = ALL_RECORDS;
    records[at].kind = its_kind;
    records[at].number = its_number;
    records[at].bytes = its_bytes;
    queue_records++
}

inline block_append(its_allocated, its_used, its_records)
{
    at = ALL_BLOCKS;
    blocks[at].allocated = its_allocated;
    blocks[at].used = its_used;
    blocks[at].records = its_records;
    queue_blocks++
}

#define MAY_DEGRADE(kind, cause) (kind == START || (kind == EXIT && cause == ALLOCATION_FAILED))

inline queue_drop(kind)
{
    if
    :: MAY_DEGRADE(kind, cause) && skeleton_block && SKELETON_BYTES - skeleton_used >= FIXED_BYTES(kind) ->
        event_number(HELD);
        skeletons[skeleton_records].kind = (kind == START -> SKELETON : SKELETON_OF_EXIT);
        skeletons[skeleton_records].number = number;
        skeletons[skeleton_records].bytes = FIXED_BYTES(kind);
        skeleton_used = skeleton_used + FIXED_BYTES(kind);
        skeleton_records++;
        degraded++;
        status = is_ok
    :: else ->
        event_number(DROPPED + cause);
        if
        :: loss_count == 0 -> loss_first = number
        :: else
        fi;
        loss_last = number;
        loss_count++;
        loss_causes[cause]++;
        dropped[cause]++;
        if
        :: cause == RECORD_TOO_LARGE -> status = is_invalid
        :: cause == ALLOCATION_FAILED -> status = is_no_memory
        :: else -> status = is_no_room
        fi
    fi
}

inline queue_write(kind, bytes)
{
    event_number(HELD);
    record_append(kind, number, bytes);
    blocks[LAST_BLOCK].used = blocks[LAST_BLOCK].used + bytes;
    blocks[LAST_BLOCK].records++;
    status = is_ok
}

inline cause_of_no_room(needed_bytes)
{
    cause = (charged <= START_LIMIT && needed_bytes <= START_LIMIT - charged -> CLASS_SHED : QUEUE_FULL)
}

/* Decides, or charges for a block: then granted is not 0. */
inline push_at_once(kind, bytes)
{
    granted = 0;
    if
    :: bytes == 0 ->
        cause = RECORD_TOO_LARGE;
        queue_drop(kind)
    :: bytes > 0 && FITS(bytes) ->
        limit = LIMIT(kind);
        if
        :: charged <= limit -> queue_write(kind, bytes)
        :: else ->
            cause_of_no_room(0);
            queue_drop(kind)
        fi
    :: else ->
        least = HEADER_BYTES + bytes;
        sum = next_block_bytes;
        do
        :: sum < least && sum < BLOCK_LARGEST_BYTES -> sum = 2 * sum
        :: else -> break
        od;
        sum = (sum < least -> least : sum);
        limit = LIMIT(kind);
        room_charge(limit, sum, least);
        if
        :: granted == 0 ->
            cause_of_no_room(least);
            queue_drop(kind)
        :: else -> status = at_allocate
        fi
    fi
}

/* With the block, of pushing_bytes[me]; 0 where it could not be had. */
inline push_with_block(kind, bytes)
{
    limit = LIMIT(kind);
    if
    :: pushing_bytes[me] == 0 && !(FITS(bytes) && charged <= limit) ->
        cause = ALLOCATION_FAILED;
        queue_drop(kind)
    :: else ->
        if
        :: !FITS(bytes) ->
            if
            :: pushing_bytes[me] >= next_block_bytes && next_block_bytes < BLOCK_LARGEST_BYTES ->
                next_block_bytes = 2 * next_block_bytes
            :: else
            fi;
            block_append(pushing_bytes[me], 0, 0);
            pushing_bytes[me] = 0
        :: else
        fi;
        queue_write(kind, bytes)
    fi
}

/* Refused, before the lock or under it: counted without it. That it began, its time, that it is whole. */
inline push_refused()
{
    refused_begun++;
    refused_times++;
    refused_types++
}

inline event_choose(kind, bytes)
{
#ifdef REPLAY
    if
    :: kind = START
    :: kind = EXIT
    :: kind = MESSAGE
    fi;
    if
    :: bytes = 400
    :: bytes = 1504
    :: bytes = 4000
    :: kind == START -> bytes = 6000
    :: lot % 16 == 5 && kind != MESSAGE -> bytes = 0
    fi;
    bytes = (bytes == 0 -> 0 : bytes + FIXED_BYTES(kind) + TEXT_HEADER_BYTES)
#else
    if
    :: kind = START; bytes = 2
    :: kind = MESSAGE; bytes = 1
#ifdef EXITS
    :: kind = EXIT; bytes = 1
#endif
    fi
#endif
}

inline free_pushing()
{
    if
    :: pushing_bytes[me] == 0
    :: else ->
        d_step {
            SAY("%d freed", me);
            room_uncharge(pushing_bytes[me]);
            pushing_bytes[me] = 0;
            STEP_END(pushed)
        }
    fi
}

/* A block is granted, and nothing decided. */
inline push_slowly(kind, bytes)
{
    if
    :: d_step {
        SAY("%d allocated", me);
        STEP_END(at_lock)
        }
    :: d_step {
        MAY(failures_left) ->
        failures_left--;
        SAY("%d not_allocated", me);
        room_uncharge(pushing_bytes[me]);
        pushing_bytes[me] = 0;
        STEP_END(at_lock)
        }
    fi;
    if
    :: TOGETHER {
        STEP {
            MAY(refusals_left) ->
            refusals_left--;
            SAY("%d pushes at_irql", me);
        }
        push_refused();
        STEP {
            pushed = is_refused;
            status = (pushing_bytes[me] > 0 -> at_free : is_refused);
            STEP_END(status)
        }
        }
    :: d_step {
        !queue_locked ->
        SAY("%d pushes", me);
        push_with_block(kind, bytes);
        pushed = status;
        status = (pushing_bytes[me] > 0 -> at_free : status);
        STEP_END(status)
        }
    fi;
    free_pushing()
}

proctype producer(byte me)
{
    NUMBER pushes_left = pushes[me];
    byte kind;
    AMOUNT bytes;
    mtype pushed = is_ok; /* what the push will return */

    do
    :: pushes_left == 0 -> break
    :: atomic {
        /* The two are alike: the first to begin is the first. */
        pushes_left > 0 && (me == 0 || begun) ->
        begun = true;
        pushes_left--;
        event_choose(kind, bytes)
        }
        if
        :: TOGETHER {
            STEP {
                MAY(refusals_left) ->
                refusals_left--;
                SAY("%d push %d %d at_irql", me, kind, bytes);
            }
            push_refused();
            STEP {
                STEP_END(is_refused)
            }
            }
        :: SLOWLY {
            d_step {
                !queue_locked ->
                SAY("%d push %d %d", me, kind, bytes);
                push_at_once(kind, bytes);
                pushing_bytes[me] = granted;
                STEP_END(status)
            }
            if
            :: pushing_bytes[me] == 0
            :: else -> push_slowly(kind, bytes)
            fi
            }
        fi;
        d_step {
            kind = 0;
            bytes = 0;
            pushed = is_ok
        }
    od;
    producers_done++
}

/* ---- core/queue.c ------------------------------------------------------------------------------- */

/* Charges for the reserved blocks, the gap's first; each is allocated before the next is charged for. */
inline create_gap_block()
{
    room_charge(BUDGET_BYTES, GAP_BLOCK_BYTES, GAP_BLOCK_BYTES);
    reserved_gap = granted;
    if
    :: granted > 0 -> status = at_allocate
    :: else -> create_skeleton_block()
    fi
}

inline create_skeleton_block()
{
    room_charge(BUDGET_BYTES, SKELETON_BLOCK_BYTES, SKELETON_BLOCK_BYTES);
    reserved_skeleton = granted;
    if
    :: granted > 0 -> status = at_allocate
    :: else -> status = (reserved_gap > 0 -> at_lock : replenish_end)
    fi
}

/* Puts what was had where there is none; the rest is freed. */
inline put_reserved()
{
    if
    :: !gap_block && reserved_gap > 0 ->
        gap_block = true;
        reserved_gap = 0
    :: else
    fi;
    if
    :: !skeleton_block && reserved_skeleton > 0 ->
        skeleton_block = true;
        reserved_skeleton = 0
    :: else
    fi;
    reserve_missing = !(gap_block && skeleton_block)
}

/* The charge for the first of the blocks was made in the step before. */
inline queue_replenish()
{
    if
    :: reserved_gap == 0
    :: else ->
        if
        :: d_step {
            SAY("r allocated");
            create_skeleton_block();
            STEP_END(status)
            }
        :: d_step {
            MAY(failures_left) ->
            failures_left--;
            SAY("r not_allocated");
            room_uncharge(reserved_gap);
            reserved_gap = 0;
            create_skeleton_block();
            STEP_END(status)
            }
        fi
    fi;
    if
    :: reserved_skeleton == 0
    :: else ->
        if
        :: d_step {
            SAY("r allocated");
            STEP_END(at_lock)
            }
        :: d_step {
            MAY(failures_left) ->
            failures_left--;
            SAY("r not_allocated");
            room_uncharge(reserved_skeleton);
            reserved_skeleton = 0;
            status = (reserved_gap > 0 -> at_lock : replenish_end);
            STEP_END(status)
            }
        fi
    fi;
    if
    :: reserved_gap == 0 && reserved_skeleton == 0
    :: else ->
        d_step {
            SAY("r puts");
            put_reserved();
            status = (reserved_gap > 0 || reserved_skeleton > 0 -> at_free : replenish_end);
            STEP_END(status)
        }
        if
        :: reserved_gap == 0
        :: else ->
            d_step {
                SAY("r freed");
                room_uncharge(reserved_gap);
                reserved_gap = 0;
                status = (reserved_skeleton > 0 -> at_free : replenish_end);
                STEP_END(status)
            }
        fi;
        if
        :: reserved_skeleton == 0
        :: else ->
            d_step {
                SAY("r freed");
                room_uncharge(reserved_skeleton);
                reserved_skeleton = 0;
                STEP_END(replenish_end)
            }
        fi
    fi
}

/* loss_outside_collect, while refusals go on: their counts, their times, and whether both are of the same events. */
inline collect_refused()
{
    if
    :: refused_begun == refused_collected -> refused_whole = true
    :: else ->
        STEP {
            collected = refused_types;
            refused_types = 0;
            refused_open = refused_open + collected
        }
        STEP {
            refused_open_times = refused_open_times + refused_times;
            refused_times = 0
        }
        STEP {
            refused_collected = refused_collected + collected;
            collected = 0;
            refused_whole = (refused_begun == refused_collected)
        }
    fi
}

inline append_skeletons()
{
    if
    :: skeleton_records > 0 ->
        block_append(SKELETON_BLOCK_BYTES, skeleton_used, skeleton_records);
        for (i : 0 .. skeleton_records - 1) {
            record_append(skeletons[i].kind, skeletons[i].number, skeletons[i].bytes);
            skeletons[i].kind = 0;
            skeletons[i].number = 0;
            skeletons[i].bytes = 0
        }
        skeleton_records = 0;
        skeleton_used = 0;
        skeleton_block = false;
        reserve_missing = true
    :: else
    fi
}

/* What the gap says is lost, is, and is told once. */
inline ghost_tell_numbered()
{
    assert(loss_first > ghost_told_upto && loss_last <= last_sequence);
    count = 0;
    for (i : loss_first .. loss_last) {
        if
        :: ghost_fate[i] >= DROPPED && ghost_fate[i] < TOLD ->
            assert(loss_causes[ghost_fate[i] - DROPPED] > 0);
            loss_causes[ghost_fate[i] - DROPPED]--;
            ghost_fate[i] = TOLD;
            count++
        :: else
        fi
    }
    assert(count == loss_count && ghost_fate[loss_first] == TOLD && ghost_fate[loss_last] == TOLD);
    for (i : 0 .. CAUSES - 1) {
        assert(loss_causes[i] == 0)
    }
    ghost_told_upto = last_sequence
}

inline tell_loss()
{
    ghost_gaps++;
    record_append(GAP, ghost_gaps, GAP_BYTES);
    blocks[LAST_BLOCK].used = blocks[LAST_BLOCK].used + GAP_BYTES;
    blocks[LAST_BLOCK].records++
}

inline tell_losses()
{
    if
    :: gap_block && (loss_count > 0 || (refused_whole && refused_open > 0)) ->
        block_append(GAP_BLOCK_BYTES, 0, 0);
        gap_block = false;
        reserve_missing = true;
        if
        :: loss_count > 0 ->
            SAY(" gap %d %d %d %d %d", loss_first, loss_last, loss_count, loss_causes[CLASS_SHED],
                loss_causes[QUEUE_FULL]);
            SAY(" %d %d", loss_causes[ALLOCATION_FAILED], loss_causes[RECORD_TOO_LARGE]);
            tell_loss();
            ghost_tell_numbered();
            loss_count = 0;
            loss_first = 0;
            loss_last = 0
        :: else
        fi;
        if
        :: refused_whole && refused_open > 0 ->
            SAY(" refused_gap %d", refused_open);
            tell_loss();
            assert(refused_open == refused_open_times);
            refused_open = 0;
            refused_open_times = 0
        :: else
        fi
    :: else
    fi
}

/* Numbers rise, within the batch and from each batch to the next; skeletons are behind the others. */
inline ghost_take()
{
    plain_number = ghost_extracted_upto;
    skeleton_number = ghost_extracted_upto;
    count = 0;
    at = cache_records;
    do
    :: at < ALL_RECORDS ->
        if
        :: records[at].kind == GAP
        :: records[at].kind == SKELETON || records[at].kind == SKELETON_OF_EXIT ->
            assert(records[at].number > skeleton_number);
            skeleton_number = records[at].number;
            count++
        :: else ->
            assert(records[at].number > plain_number && skeleton_number == ghost_extracted_upto);
            plain_number = records[at].number;
            count++
        fi;
        at++
    :: else -> break
    od;
    ghost_extracted_upto = last_sequence
}

inline take_content()
{
    ghost_take();
    delivered = delivered + count;
    batch_blocks = queue_blocks;
    batch_records = queue_records;
    queue_blocks = 0;
    queue_records = 0;
    next_block_bytes = BLOCK_FIRST_BYTES
}

inline muster_queue_extract_all()
{
    if
    :: d_step {
        reserve_missing ->
        SAY("r extract");
        replenish_end = at_lock;
        create_gap_block();
        STEP_END(status)
        }
        queue_replenish()
    :: !reserve_missing ->
        SAY("r extract -> at_lock\n")
    fi;
    TOGETHER {
        queue_locked = true;
        SAY("r takes");
        collect_refused();
        STEP {
            append_skeletons();
            tell_losses();
            take_content();
            queue_locked = false;
            refused_whole = false;
            replenish_end = (batch_records > 0 -> is_ok : is_empty);
            status = replenish_end;
            if
            :: reserve_missing -> create_gap_block()
            :: else
            fi;
            STEP_END(status)
        }
    }
    queue_replenish()
}

/* ---- core/cache.c ------------------------------------------------------------------------------- */

inline muster_cache_absorb()
{
    SAY("r absorb");
    cache_blocks = cache_blocks + batch_blocks;
    cache_records = cache_records + batch_records;
    batch_blocks = 0;
    batch_records = 0;
    STEP_END(is_ok)
}

/* As many whole records as fit, from the first on. */
inline measure(max_bytes)
{
    leased_records = 0;
    sum = 0;
    do
    :: leased_records < cache_records && (max_bytes == ALL || sum + records[leased_records].bytes <= max_bytes) ->
        sum = sum + records[leased_records].bytes;
        leased_records++
    :: else -> break
    od
}

inline leased_bytes()
{
    sum = 0;
    for (i : 1 .. leased_records) {
        sum = sum + records[i - 1].bytes
    }
}

inline lease_up_to(max_bytes)
{
    if
    :: lease_id == NO_ID ->
        last_lease_id++;
        lease_id = last_lease_id;
        measure(max_bytes)
    :: else ->
        leased_bytes();
        if
        :: max_bytes != ALL && max_bytes < sum -> measure(max_bytes)
        :: else
        fi
    fi
}

inline tell_lease()
{
    for (i : 1 .. leased_records) {
        SAY(" %d %d %d", records[i - 1].kind, records[i - 1].number, records[i - 1].bytes)
    }
}

/* Copied too: nothing that is under lease can change. */
inline muster_cache_lease(max_bytes)
{
    SAY("r lease %d", max_bytes);
    assert(cache_records > 0);
    if
    :: max_bytes != ALL && max_bytes < records[0].bytes -> status = is_too_small
    :: else ->
        lease_up_to(max_bytes);
        tell_lease();
        status = is_ok;
        reply_id = lease_id;
        reply_records = leased_records;
        ghost_reply_first = ghost_released
    fi;
    reply_status = status;
    STEP_END(status)
}

/* Blocks of which nothing is left. */
inline pass_blocks()
{
    do
    :: cache_blocks > 0 && begin_passed >= blocks[freed_blocks].records ->
        begin_passed = begin_passed - blocks[freed_blocks].records;
        freed_blocks++;
        cache_blocks--
    :: else -> break
    od
}

inline drop_first_record()
{
    if
    :: NUMBERED(records[0].kind) ->
        assert(ghost_fate[records[0].number] == HELD);
        ghost_fate[records[0].number] = ACKED;
        acknowledged_count++
    :: else
    fi;
    at = 0;
    do
    :: at + 1 < ALL_RECORDS ->
        records[at].kind = records[at + 1].kind;
        records[at].number = records[at + 1].number;
        records[at].bytes = records[at + 1].bytes;
        at++
    :: else -> break
    od;
    records[at].kind = 0;
    records[at].number = 0;
    records[at].bytes = 0;
    cache_records--
}

inline pass_leased()
{
    begin_passed = begin_passed + leased_records;
    ghost_released = ghost_released + leased_records;
    assert(ghost_released <= ghost_confirmed);
    do
    :: leased_records > 0 ->
        drop_first_record();
        leased_records--
    :: else -> break
    od;
    pass_blocks();
    lease_id = NO_ID
}

inline free_first_block()
{
    room_uncharge(blocks[0].allocated);
    at = 0;
    do
    :: at + 1 < ALL_BLOCKS ->
        blocks[at].allocated = blocks[at + 1].allocated;
        blocks[at].used = blocks[at + 1].used;
        blocks[at].records = blocks[at + 1].records;
        at++
    :: else -> break
    od;
    blocks[at].allocated = 0;
    blocks[at].used = 0;
    blocks[at].records = 0;
    freed_blocks--
}

inline muster_cache_ack(its_id)
{
    d_step {
        SAY("r ack %d", its_id);
        if
        :: its_id == NO_ID || its_id != lease_id ->
            acknowledged = false;
            status = is_wrong_state
        :: else ->
            acknowledged = true;
            pass_leased();
            status = (freed_blocks > 0 -> at_free : is_ok)
        fi;
        STEP_END(status)
    }
    do
    :: freed_blocks > 0 ->
        d_step {
            SAY("r freed");
            free_first_block();
            status = (freed_blocks > 0 -> at_free : is_ok);
            STEP_END(status)
        }
    :: else -> break
    od
}

/* CLOSE calls it, in another thread than the one that leases. */
inline muster_cache_unlease()
{
    d_step {
        SAY("u unlease");
        lease_id = NO_ID;
        leased_records = 0;
        STEP_END(is_ok)
    }
}

/* ---- driver_nt/reader.c ------------------------------------------------------------------------- */

/* Once for each READ; one that was acknowledged last may be acknowledged again. */
inline acknowledge()
{
    if
    :: my_serial == acknowledged_serial
    :: else ->
        d_step {
            acknowledged_serial = my_serial;
            acknowledged = true
        }
        if
        :: my_ack == NO_ID || my_ack == last_acknowledged_id
        :: else ->
            muster_cache_ack(my_ack);
            if
            :: acknowledged -> last_acknowledged_id = my_ack
            :: else
            fi
        fi
    fi
}

/* Who takes it, completes it. */
inline request_clear()
{
    request_ack = 0;
    request_bytes = 0
}

inline pending_read_take()
{
    serving = request_waiting && request_serial == my_serial;
    request_waiting = request_waiting && !serving;
    if
    :: serving -> request_clear()
    :: else
    fi;
    my_ack = 0;
}

inline complete()
{
    reply_ready = true;
    serving = false
}

proctype reader_thread()
{
    NUMBER my_serial, my_ack;
    AMOUNT my_bytes;
    NUMBER acknowledged_serial, last_acknowledged_id;
    bool acknowledged;
    bool reserve_missing;     /* only the thread looks at it */
    mtype replenish_end = is_ok; /* what a replenishment comes to when it is done */
    bool refused_whole;
    NUMBER collected;
    bool serving;

end_asleep:
    do
    :: d_step {
        request_waiting && (request_serial != acknowledged_serial || cache_records > 0 || !QUEUE_IS_EMPTY) ->
        my_serial = request_serial;
        my_ack = request_ack;
        my_bytes = request_bytes
        }
        acknowledge();
        SLOWLY {
            muster_queue_extract_all()
        }
        /* All this is between the thread and the reader: no other can see how far it is. */
        atomic {
            if
            :: batch_records > 0 -> muster_cache_absorb()
            :: else
            fi;
            if
            :: acknowledged && cache_records == 0
            :: else ->
                pending_read_take();
                if
                :: !serving
                :: serving && !acknowledged ->
                    reply_status = is_wrong_state;
                    complete()
                :: serving && acknowledged ->
                    muster_cache_lease(my_bytes);
                    complete()
                fi
            fi
        }
    od
}

/* ---- who reads ---------------------------------------------------------------------------------- */

inline read_ask(ack_id, bytes)
{
    request_ack = ack_id;
    request_bytes = bytes;
    request_serial = (request_serial + 1) % SERIALS;
    request_waiting = true;
    if
    :: ack_id != NO_ID ->
        ghost_confirmed = (ghost_upto > ghost_confirmed -> ghost_upto : ghost_confirmed);
        ghost_expected = ghost_upto
    :: else
    fi
}

inline read_choose()
{
    if
    :: to_acknowledge = ack; most_bytes = ALL
    :: MAY_SHORT(shorts_left) -> shorts_left--; to_acknowledge = ack; most_bytes = SHORT_BYTES
    :: MAY_SHORT(shorts_left) && answered && ack != NO_ID -> shorts_left--; to_acknowledge = NO_ID; most_bytes = SHORT_BYTES
    fi;
    read_ask(to_acknowledge, most_bytes);
    to_acknowledge = NO_ID;
    most_bytes = 0;
    answered = false
}

/* Each reply goes on where the one before ended, or began, where that was not acknowledged. */
inline read_answered()
{
    reply_ready = false;
    if
    :: reply_status == is_ok ->
        assert(reply_records > 0);
        assert(is_new || ghost_reply_first == ghost_expected);
        ghost_expected = ghost_reply_first;
        ghost_upto = ghost_reply_first + reply_records;
        ack = reply_id;
        is_new = false;
        answered = true
    :: reply_status == is_too_small
    :: reply_status == is_wrong_state ->
        assert(is_new && ack != NO_ID);
        ack = NO_ID
    fi;
    reply_id = 0;
    reply_records = 0;
    reply_status = is_empty;
    ghost_reply_first = 0
}

/* CLEANUP cancels the READ that waits; CLOSE comes when none is left. */
inline die()
{
    atomic {
        deaths_left--;
        answered = false;
        is_new = true;
        request_waiting = false;
        request_clear()
    }
    atomic {
        reply_ready = false;
        reply_status = is_empty;
        reply_id = 0;
        reply_records = 0;
        ghost_reply_first = 0;
        if
        :: ack = NO_ID
        :: skip /* the successor knows what was read */
        fi
    }
    muster_cache_unlease()
}

/* Asks anew as soon as it may: the thread decides when it looks. */
proctype reader()
{
    NUMBER ack = NO_ID; /* of what was read last */
    NUMBER ghost_upto, ghost_expected;
    bool asked, answered;
    NUMBER to_acknowledge;
    AMOUNT most_bytes;
    bool is_new = true;

end_reading:
    do
    :: atomic {
        if
        :: !asked
        :: reply_ready && READER_IS_AWAKE ->
            read_answered()
        :: MAY(cancels_left) && request_waiting ->
            cancels_left--;
            request_waiting = false;
            request_clear()
        fi;
        read_choose();
        asked = true
        }
    :: asked && MAY(deaths_left) ->
        die();
        asked = false
    od
}

inline case(pushes_of_first, pushes_of_second, failures, refusals, cancels, deaths, shorts)
{
    pushes[0] = pushes_of_first;
    pushes[1] = pushes_of_second;
    failures_left = failures;
    refusals_left = refusals;
    cancels_left = cancels;
    deaths_left = deaths;
    shorts_left = shorts
}

inline case_choose()
{
#ifdef REPLAY
    case(PUSHES, PUSHES, 60, 60, 60, 60, 1000)
#else
#ifdef CASE
    case(CASE)
#else
#ifdef AT_ONCE
    if
    :: case(2, 1, 0, 0, 1, 0, 1)
    :: case(2, 1, 0, 0, 0, 1, 1)
    fi
#else
    if
    :: case(2, 1, 1, 0, 0, 0, 0)
    :: case(2, 1, 0, 1, 0, 0, 0)
    :: case(1, 1, 2, 1, 0, 0, 0)
    fi
#endif
#endif
#endif
}

/* Everything that was pushed was read or told, and what was charged is free. */
inline check_end()
{
    assert(producers_done == PRODUCERS && request_waiting && !reply_ready);
    assert(QUEUE_IS_EMPTY && ALL_RECORDS == 0 && ALL_BLOCKS == 0);
    assert(charged == (gap_block -> GAP_BLOCK_BYTES : 0) + (skeleton_block -> SKELETON_BLOCK_BYTES : 0));
    at = 0;
    do
    :: at < last_sequence ->
        at++;
        assert(ghost_fate[at] == TOLD || ghost_fate[at] == ACKED)
    :: else -> break
    od
}

init
{
    atomic {
        case_choose();
        charged = GAP_BLOCK_BYTES + SKELETON_BLOCK_BYTES;
        run producer(0);
        run producer(1);
        run reader_thread();
        run reader()
    }
    timeout; /* nothing can happen any more */
    d_step {
        check_end()
    }
}
