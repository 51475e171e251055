/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who wakes the reader on Linux: wake_flags of sensor_linux/bpf/emit.h between reserve and submit, and
 * muster_sensor_arm of sensor_linux/sensor.c before the sleep. Here a quiet reader sleeps until it is woken, for ever
 * if need be; the real one looks every second even so. A loaded one wants to be woken further on, and has a timer.
 *
 * A step is one access to a word that the other side touches: both sides have a full barrier between what they
 * write and what they read then, so an order of whole steps is all there is.
 */
#ifndef PROGRAMS
#define PROGRAMS 2
#endif
#ifndef RUNS
#define RUNS 2
#endif
#define RECORDS  (PROGRAMS * RUNS)
#define DISTANCE 2 /* of a loaded reader; of a quiet one 1 */
#define AWAKE    255

byte wake_at = AWAKE; /* sensor_control.wake_at, in records instead of bytes */
bool woken;           /* the file that the reader sleeps on is ready */

bool ring_busy[RECORDS];
byte producer_position;
byte position; /* of the next record to read */

#define ALL_READ (position == RECORDS)

proctype program()
{
    byte runs_left = RUNS;
    byte place;
    byte wake_seen;
    bool owes_wake;

    do
    :: runs_left == 0 -> break
    :: runs_left > 0 ->
        d_step {
            runs_left--;
            place = producer_position;
            ring_busy[place] = true;
            producer_position++
        }
        wake_seen = wake_at;
        if
        :: wake_seen == AWAKE || producer_position < wake_seen
        :: else ->
            d_step {
                owes_wake = (wake_at == wake_seen);
                wake_at = (owes_wake -> AWAKE : wake_at)
            }
        fi;
        ring_busy[place] = false;
        if
        :: owes_wake -> woken = true
        :: else
        fi;
        d_step {
            place = 0;
            wake_seen = 0;
            owes_wake = false
        }
    od
}

/* True in `armed` where the reader may sleep. */
inline muster_sensor_arm()
{
    woken = false;
    wake_at = position + (quiet -> 1 : DISTANCE);
    armed = true;
    if
    :: quiet && producer_position != position ->
        wake_at = AWAKE;
        armed = false
    :: !quiet || producer_position == position
    fi
}

proctype reader()
{
    bool quiet = true;
    bool armed;

    do
    :: ALL_READ -> break
    :: else ->
        do
        :: d_step {
            position < producer_position && !ring_busy[position] ->
            position++
            }
        :: position == producer_position || ring_busy[position] -> break
        od;
        if
        :: quiet = true
        :: quiet = false
        fi;
        muster_sensor_arm();
        if
        :: quiet && armed && !ALL_READ -> woken
        :: else /* a timer: 1 ms for a record that is being written, 10 ms where it is loaded */
        fi
    od
}

init
{
    byte program_started;

    atomic {
        do
        :: program_started < PROGRAMS ->
            run program();
            program_started++
        :: else -> break
        od;
        run reader()
    }
}

#ifdef LIVENESS
ltl all_is_read { <> ALL_READ }
#endif
