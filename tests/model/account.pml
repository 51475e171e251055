/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How losses are told exactly on Linux: sensor_linux/bpf/sensor_shared.h and emit.h on the side of the programs,
 * sensor_linux/account.c and ring.c on the reader's. Programs take numbers, leave events out, find room or do not,
 * and finish; the reader reads, gives a record back, flips the generation, and settles it.
 *
 * A step is one access to a word that the other side may touch too. A store before an atomic operation is seen by
 * whoever sees that operation, on x86 and by the kernel's rules; so an order of whole steps is all there is.
 *
 * With -DREPLAY it prints each step of the programs and each call of the reader, and account_replay.c does the
 * same with account.c.
 */
#ifndef PROGRAMS
#define PROGRAMS 2
#endif
#ifndef RUNS
#define RUNS 1 /* of each program, */
#endif
#ifndef MORE_RUNS
#define MORE_RUNS 0 /* and of the first on top */
#endif
#ifndef UNREADS
#define UNREADS 1
#endif
#define NUMBERS (PROGRAMS * RUNS + MORE_RUNS)

#ifdef REPLAY
#define SAY(...) printf(__VA_ARGS__)
#define TOGETHER atomic /* what is one call of account.c */
#define NUMBER   short
#else
#define SAY(...) skip
#define TOGETHER
#define NUMBER   byte
#endif

/* What became of a number; ghost. */
#define NO_FATE  0
#define GIVEN    1
#define IN_RING  2
#define READ     3
#define FILTERED 4
#define LOST     5
#define SETTLED  6 /* read, filtered, or told */

/* struct sensor_control */
NUMBER sequence;
bit generation;

/* struct sensor_slot: one for each program on each CPU */
typedef sensor_slot {
    NUMBER in_flight; /* 0: not running */
    NUMBER filtered[2];
    NUMBER first[2], last[2], lost[2]
};
sensor_slot slots[PROGRAMS];

/* The ring: which number, and whether it is still being written. */
NUMBER ring_number[NUMBERS];
bool ring_busy[NUMBERS];
NUMBER producer_position;

byte programs_done;
bool finished; /* everything is settled, and nothing runs */

byte ghost_fate[NUMBERS + 1];

hidden NUMBER i;
hidden NUMBER count;
hidden NUMBER at;
hidden NUMBER gap_first, gap_last, gap_lost, gap_filtered;

inline run_filtered()
{
    slots[me].filtered[its_generation]++;
    ghost_fate[number] = FILTERED;
    SAY("%d filtered\n", me)
}

/* event_lost: range and count. */
inline run_lost()
{
    slots[me].first[its_generation] = (slots[me].lost[its_generation] == 0 -> number : slots[me].first[its_generation]);
    slots[me].last[its_generation] = number;
    slots[me].lost[its_generation]++;
    ghost_fate[number] = LOST;
    SAY("%d lost\n", me)
}

inline run_reserve()
{
    place = producer_position;
    ring_number[place] = number;
    ring_busy[place] = true;
    producer_position++;
    SAY("%d reserve\n", me)
}

proctype program(byte me)
{
    NUMBER runs_left = (me == 0 -> RUNS + MORE_RUNS : RUNS);
    NUMBER bound, number, place;
    bit its_generation;

    do
    :: runs_left == 0 -> break
    :: runs_left > 0 ->
        d_step {
            runs_left--;
            bound = sequence + 1;
            SAY("%d bound\n", me)
        }
        d_step {
            slots[me].in_flight = bound;
            SAY("%d in_flight\n", me)
        }
        d_step {
            sequence++;
            number = sequence;
            its_generation = generation;
            ghost_fate[number] = GIVEN;
            SAY("%d number %d %d\n", me, number, its_generation)
        }
        if
        :: d_step { run_filtered() }
        :: d_step { run_lost() }
        :: d_step { run_reserve() }
            d_step {
                ring_busy[place] = false;
                ghost_fate[number] = IN_RING;
                SAY("%d submit\n", me)
            }
        fi;
        d_step {
            slots[me].in_flight = 0;
            bound = 0;
            number = 0;
            place = 0;
            its_generation = 0;
            SAY("%d done\n", me)
        }
    od;
    programs_done++
}

/* ---- struct account ----------------------------------------------------------------------------- */

NUMBER position; /* of the next record to read */
NUMBER read_before, read_after;
NUMBER settled_sequence, flipped_sequence;
bit flipped_generation;
bool flipped, drained;
NUMBER drained_position;

/* What is to be seen after each call; the gap stands before it. */
inline tell_state()
{
    SAY("= %d %d %d %d %d %d %d\n", position, settled_sequence, flipped, flipped_sequence, drained, read_before,
        read_after)
}

inline account_read(how_many)
{
    if
    :: flipped && ring_number[at] > flipped_sequence -> read_after = read_after + how_many
    :: else -> read_before = read_before + how_many
    fi
}

inline reader_read()
{
    at = position;
    SAY("r read %d\n", ring_number[at]);
    account_read(1);
    assert(ghost_fate[ring_number[at]] == IN_RING);
    ghost_fate[ring_number[at]] = READ;
    position++;
    tell_state()
}

/* The queue behind had no room for the one just read. */
inline reader_unread()
{
    at = position - 1;
    position = at;
    SAY("r unread %d\n", ring_number[at]);
    account_read(-1);
    ghost_fate[ring_number[at]] = IN_RING;
    tell_state()
}

inline account_flip()
{
    flipped_sequence = sequence;
    flipped_generation = generation;
    generation = 1 - generation;
    flipped = true;
    drained = false;
    SAY("r flip\n");
    tell_state()
}

/* Each slot is looked at for itself. */
inline account_programs_done()
{
    programs_are_done = true;
    slot = 0;
    do
    :: slot < PROGRAMS && programs_are_done ->
        d_step {
            programs_are_done = !(slots[slot].in_flight != 0 && slots[slot].in_flight <= flipped_sequence);
            slot++
        }
    :: else -> break
    od;
    slot = 0
}

/* What the gap says is what was lost of this generation, all of it and no more: so ranges do not touch. */
inline ghost_settle()
{
    count = 0;
    for (i : settled_sequence + 1 .. flipped_sequence) {
        assert(ghost_fate[i] == READ || ghost_fate[i] == FILTERED || ghost_fate[i] == LOST);
        if
        :: ghost_fate[i] == LOST ->
            assert(i >= gap_first && i <= gap_last);
            count++
        :: else
        fi
    }
    assert(count == gap_lost && (gap_lost == 0 || gap_first > settled_sequence) && gap_last <= flipped_sequence);
    assert(gap_lost == 0 || (ghost_fate[gap_first] == LOST && ghost_fate[gap_last] == LOST));
    for (i : settled_sequence + 1 .. flipped_sequence) {
        ghost_fate[i] = SETTLED
    }
}

/* Nobody writes to these slots now: ghost_settle would see it. */
inline slots_collect()
{
    gap_first = 0;
    gap_last = 0;
    gap_lost = 0;
    gap_filtered = 0;
    for (i : 0 .. PROGRAMS - 1) {
        gap_filtered = gap_filtered + slots[i].filtered[flipped_generation];
        slots[i].filtered[flipped_generation] = 0;
        if
        :: slots[i].lost[flipped_generation] > 0 ->
            gap_first = (gap_lost == 0 || slots[i].first[flipped_generation] < gap_first ->
                         slots[i].first[flipped_generation] : gap_first);
            gap_last = (slots[i].last[flipped_generation] > gap_last -> slots[i].last[flipped_generation] : gap_last);
            gap_lost = gap_lost + slots[i].lost[flipped_generation];
            slots[i].first[flipped_generation] = 0;
            slots[i].last[flipped_generation] = 0;
            slots[i].lost[flipped_generation] = 0
        :: else
        fi
    }
}

inline account_settle()
{
    if
    :: drained
    :: !drained ->
        account_programs_done();
        d_step {
            drained = programs_are_done;
            drained_position = (drained -> producer_position : 0)
        }
    fi;
    if
    :: drained && position >= drained_position ->
        d_step {
            slots_collect();
            /* Nothing is left that no counter explains. */
            assert(read_before + gap_filtered + gap_lost == flipped_sequence - settled_sequence);
            SAY("r settle gap %d %d %d filtered %d\n", gap_first, gap_last, gap_lost, gap_filtered);
            ghost_settle();
            settled_sequence = flipped_sequence;
            read_before = read_after;
            read_after = 0;
            flipped = false;
            flipped_sequence = 0;
            flipped_generation = 0;
            drained = false;
            drained_position = 0;
            finished = (programs_done == PROGRAMS && settled_sequence == sequence);
            tell_state()
        }
    :: else ->
        d_step {
            SAY("r not_settled\n");
            tell_state()
        }
    fi
}

#define CAN_READ (position < producer_position && !ring_busy[position])

/* Turn by turn, as agent/capture.c: all that can be read, as long as there is room for it; then the account. */
proctype reader()
{
    byte unreads_left = UNREADS;
    byte slot;
    bool programs_are_done;

    do
    :: finished -> break
    :: else ->
        do
        :: d_step {
            CAN_READ ->
            reader_read();
            ring_number[position - 1] = 0
            }
        :: d_step {
            CAN_READ && unreads_left > 0 ->
            unreads_left--;
            reader_read()
            }
            d_step {
                reader_unread()
            }
            break
        :: !CAN_READ -> break
        od;
        if
        :: flipped
        :: d_step {
            !flipped ->
            account_flip()
            }
        fi;
        TOGETHER {
            account_settle()
        }
    od
}

init
{
    byte program_started;

    atomic {
        do
        :: program_started < PROGRAMS ->
            run program(program_started);
            program_started++
        :: else -> break
        od;
        run reader()
    }
    /* Every number has one fate, and was told if it was lost. */
    finished && programs_done == PROGRAMS;
    d_step {
        i = 0;
        do
        :: i < sequence ->
            i++;
            assert(ghost_fate[i] == SETTLED)
        :: else -> break
        od
    }
}

#ifdef LIVENESS
ltl settles { <> finished }
#endif
