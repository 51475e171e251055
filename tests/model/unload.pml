/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of the Windows driver: driver_nt/main.c, process_events.c, reader.c, pending_read.c, device.c. Callbacks
 * run while it loads and unloads; READs are pended, served, cancelled, and run out of time; the handle is closed;
 * the service is stopped.
 *
 * A step is one access to a word that others touch, or a section under the queue's lock. The reader's spin lock is
 * a word of its own, since IoCancelIrp does not take it.
 *
 * Of the system it is taken that: removing the callback waits for those under way; CLEANUP comes when the last
 * handle is closed, though a request that got hold of the file before may still arrive after it; CLOSE comes when
 * no request of the file is left; Unload, when no file is. A request holds its file until it is completed, not
 * until its dispatch routine has returned.
 */
#ifndef CALLBACKS
#define CALLBACKS 2
#endif
#ifndef READS
#define READS 2
#endif
/* Without -DAT_ONCE the reader asks when it has the answer to what it asked before. */
#ifdef AT_ONCE
#define MAY_ASK(irp) true
#else
#define MAY_ASK(irp) (irp == 1 || irps[irp - 1].completed)
#endif
#ifndef SHORTAGES
#define SHORTAGES 2
#endif
#define NO_IRP 0

/* The system's. */
bool registered;         /* the callback */
byte callbacks_running;
bool loaded;             /* DriverEntry has returned: the device can be opened */
bool unload_asked;       /* the device cannot be opened any more */
bool handle_opened, handle_is_open;
bool file_is_closed;     /* the device has seen CLOSE, or was never opened */
byte file_requests;
typedef irp_row {
    bool cancel;         /* IRP.Cancel */
    bool cancel_routine; /* IRP.CancelRoutine is set */
    bool timed;          /* it does not wait for ever */
    bool over;           /* and its time has run out */
    bool completed
};
irp_row irps[READS + 1];

/* The driver's. */
bool memory_is_there;    /* struct driver */
bool live_driver;        /* process_events.c */
byte queue_records, cache_records;
bool lock_is_held;       /* reader.lock */
byte pending_irp, pending_serial, last_serial;
bool stopping;
bool cleaned_up;         /* of the file: its last handle was closed */
bool work;               /* reader.work is signalled */
bool wants_wake;
bool thread_has_ended;
bool everything_ended;

#define TOUCH         assert(memory_is_there)
#define TOUCH_IRP(irp) assert(!irps[irp].completed)

inline complete(irp)
{
    d_step {
        TOUCH_IRP(irp);
        irps[irp].completed = true;
        irps[irp].cancel_routine = false;
        file_requests--
    }
}

inline reader_wake()
{
    d_step {
        TOUCH;
        woken = wants_wake;
        wants_wake = false
    }
    if
    :: woken ->
        d_step {
            TOUCH;
            work = true
        }
    :: else
    fi
}

inline push()
{
    d_step {
        TOUCH;
        queue_records++
    }
}

/* ---- process_events.c: who starts a process ----------------------------------------------------- */

proctype callback()
{
    bool woken;

    if
    :: !registered
    :: d_step {
        registered ->
        callbacks_running++
        }
        assert(live_driver);
        push();
        reader_wake();
        callbacks_running--
    fi
}

/* ---- reader.c: the thread ----------------------------------------------------------------------- */

/* Under the lock: the IRP, if it is still to be had. */
inline unpend()
{
    mine = (pending_irp != NO_IRP && irps[pending_irp].cancel_routine);
    irps[pending_irp].cancel_routine = false;
    taken_irp = (mine -> pending_irp : NO_IRP);
    pending_irp = NO_IRP
}

inline pending_read_take(serial)
{
    atomic {
        !lock_is_held ->
        d_step {
            TOUCH;
            mine = false;
            if
            :: pending_serial == serial -> unpend()
            :: else
            fi
        }
    }
}

/* There may be no memory for the gap that is all the queue has to tell. */
inline refill()
{
    atomic {
        TOUCH;
        if
        :: shortages_left > 0 -> shortages_left--
        :: d_step {
            cache_records = cache_records + queue_records;
            queue_records = 0
            }
        fi;
        nothing = (cache_records == 0 && !irps[irp].over)
    }
}

inline serve()
{
    starved = false;
    do
    :: atomic {
        !lock_is_held ->
        d_step {
            TOUCH;
            irp = pending_irp;
            serial = pending_serial
        }
        }
        if
        :: irp == NO_IRP -> break
        :: else
        fi;
        refill();
        if
        :: nothing ->
            again = !starved;
            d_step {
                TOUCH;
                wants_wake = true
            }
            starved = (queue_records != 0);
            if
            :: !starved || !again -> break
            :: else ->
                d_step {
                    TOUCH;
                    wants_wake = false
                }
            fi
        :: else ->
            starved = false;
            pending_read_take(serial);
            if
            :: mine ->
                d_step {
                    TOUCH_IRP(taken_irp);
                    cache_records = 0
                }
                complete(taken_irp)
            :: else
            fi
        fi
    od;
    atomic {
        irp = NO_IRP;
        taken_irp = NO_IRP;
        serial = 0;
        mine = false;
        nothing = false;
        again = false
    }
}

proctype reader_thread()
{
    byte irp, serial, taken_irp, timed_irp;
    byte shortages_left = SHORTAGES;
    bool mine, nothing, stop_seen, starved, again;

    do
    :: stop_seen -> break
    :: else ->
        atomic {
            !lock_is_held ->
            d_step {
                TOUCH;
                timed_irp = (irps[pending_irp].timed -> pending_irp : NO_IRP)
            }
        }
        if
        :: d_step {
            work ->
            TOUCH;
            work = false
            }
        :: irps[timed_irp].over
        :: starved && pending_irp != NO_IRP /* a timer of 10 ms */
        fi;
        d_step {
            TOUCH;
            wants_wake = false
        }
        atomic {
            !lock_is_held ->
            d_step {
                TOUCH;
                stop_seen = stopping;
                timed_irp = NO_IRP
            }
        }
        serve()
    od;
    thread_has_ended = true
}

/* ---- pending_read.c, device.c: who reads ---------------------------------------------------------- */

/* Accepted: the IRP is the reader's, who may complete it as soon as the lock is let go. */
inline pend(its_irp)
{
    irps[its_irp].cancel_routine = true;
    if
    :: irps[its_irp].cancel ->
        d_step {
            accepted = !irps[its_irp].cancel_routine;
            irps[its_irp].cancel_routine = false
        }
    :: !irps[its_irp].cancel -> accepted = true
    fi;
    if
    :: accepted ->
        d_step {
            last_serial++;
            pending_irp = its_irp;
            pending_serial = last_serial
        }
    :: else
    fi
}

inline pending_read_submit(its_irp)
{
    atomic {
        !lock_is_held ->
        d_step {
            TOUCH;
            lock_is_held = true;
            accepted = false
        }
    }
    if
    :: stopping || cleaned_up || pending_irp != NO_IRP
    :: else -> pend(its_irp)
    fi;
    if
    :: accepted -> work = true
    :: else
    fi;
    d_step {
        TOUCH;
        lock_is_held = false
    }
}

/* A thread of the reader's process that asks, by a handle that another one may be closing. */
proctype read(byte its_irp)
{
    bool accepted;

    if
    :: file_is_closed
    :: atomic {
        handle_is_open && MAY_ASK(its_irp) ->
        file_requests++;
        if
        :: irps[its_irp].timed = true
        :: skip
        fi;
        run meanwhile(its_irp)
        }
        pending_read_submit(its_irp);
        if
        :: !accepted -> complete(its_irp)
        :: else
        fi;
        irps[its_irp].completed
    fi
}

/* What may come in the way of a READ: its time, or IoCancelIrp. */
proctype meanwhile(byte its_irp)
{
    bool routine;

    if
    :: !irps[its_irp].timed
    :: irps[its_irp].timed -> irps[its_irp].over = true
    :: !irps[its_irp].completed ->
        irps[its_irp].cancel = true;
        d_step {
            routine = irps[its_irp].cancel_routine;
            irps[its_irp].cancel_routine = false
        }
        if
        :: routine ->
            atomic {
                !lock_is_held ->
                d_step {
                    TOUCH;
                    pending_irp = (pending_irp == its_irp -> NO_IRP : pending_irp)
                }
            }
            complete(its_irp)
        :: else
        fi
    fi
}

inline dispatch_cleanup()
{
    atomic {
        !lock_is_held ->
        d_step {
            TOUCH;
            cleaned_up = true;
            unpend()
        }
    }
    if
    :: mine -> complete(taken_irp)
    :: else
    fi
}

inline dispatch_close()
{
    atomic {
        !lock_is_held ->
        d_step {
            TOUCH;
            assert(pending_irp == NO_IRP)
        }
    }
    file_is_closed = true
}

/* Opens the device, and closes it some time; or only when nothing else goes on: then whoever asked has been told
 * all there is. */
proctype opener()
{
    bool mine;
    byte taken_irp;

    if
    :: unload_asked -> file_is_closed = true
    :: atomic {
        loaded && !unload_asked ->
        handle_opened = true;
        handle_is_open = true
        }
        if
        :: skip
        :: skip; timeout; assert(pending_irp == NO_IRP || queue_records + cache_records == 0)
        fi;
        handle_is_open = false;
        dispatch_cleanup();
        file_requests == 0;
        dispatch_close()
    fi
}

/* ---- main.c ------------------------------------------------------------------------------------- */

inline reader_stop()
{
    atomic {
        !lock_is_held ->
        d_step {
            TOUCH;
            stopping = true
        }
    }
    d_step {
        TOUCH;
        work = true
    }
    thread_has_ended
}

inline driver_destroy()
{
    memory_is_there = false
}

inline driver_entry()
{
    memory_is_there = true;
    run reader_thread();
    live_driver = true;
    if
    :: registered = true;
        loaded = true
    :: live_driver = false; /* the callback could not be registered */
        reader_stop();
        driver_destroy()
    fi
}

inline driver_unload()
{
    registered = false;
    callbacks_running == 0;
    live_driver = false;
    push(); /* driver_tell */
    reader_wake();
    reader_stop();
    driver_destroy()
}

init
{
    byte started;
    bool woken;

    atomic {
        do
        :: started < CALLBACKS ->
            run callback();
            started++
        :: else -> break
        od;
        started = 0;
        do
        :: started < READS ->
            started++;
            run read(started)
        :: else -> break
        od;
        run opener()
    }
    driver_entry();
    unload_asked = true;
    if
    :: loaded ->
        file_is_closed;
        driver_unload()
    :: else
    fi;
    everything_ended = true
}
