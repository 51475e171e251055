/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io's inside: the driver that is loaded, what stands behind its devices and files, and requests with
 * their IRPs. One lock, io_lock, guards all of the books; it is never held while the driver runs. It is
 * invisible to ThreadSanitizer (sim_own_begin), so that it orders no two threads of the driver; where
 * Windows does order them (a request is sent, then served; served, then waited for), an atomic says so.
 */
#ifndef SIMULATED_NT_IO_INTERNAL_H
#define SIMULATED_NT_IO_INTERNAL_H

#include <ntifs.h>

#include "simulated_nt/include/simulated_nt_io.h"
#include "simulated_nt/ob_internal.h"
#include "simulated_nt/se_internal.h"
#include "simulated_nt/sim_guard.h"
#include "simulated_nt/sim_internal.h"

void sim_io_lock(void);
void sim_io_unlock(void);
extern struct sim_host_condition sim_io_changed; /* a count went down */
/* With the lock held; false where the time is over. */
bool sim_io_wait_until(uint64_t until_ns);
void sim_io_wait_for(struct sim_host_condition *condition);
bool sim_io_wait_for_until(struct sim_host_condition *condition, uint64_t until_ns);

/* ---- calls into the driver ---------------------------------------------------------------------- */

struct sim_call {
    const char *name; /* "the dispatch routine of IRP_MJ_CREATE" */
    unsigned char irql;
    unsigned lock_count;
    unsigned critical_regions;
    unsigned char previous_mode;
};
void sim_call_begin(struct sim_call *call, const char *name, unsigned char previous_mode);
/* The driver came back with the IRQL, the locks and the critical regions that it was called with. */
void sim_call_end(const struct sim_call *call);

/* ---- driver and devices ------------------------------------------------------------------------- */

DRIVER_OBJECT *sim_driver_object(void);
bool sim_driver_has_integrity(void);
NTSTATUS sim_invalid_device_request(DEVICE_OBJECT *device, IRP *irp);

/* Behind DEVICE_OBJECT.DeviceObjectExtension. */
struct sim_device {
    struct sim_security security; /* io_lock */
    bool is_deleted;              /* io_lock */
    bool unload_pending;          /* io_lock */
    WCHAR name_units[SIM_NAME_UNITS_MAX];
    UNICODE_STRING name;
};
struct sim_device *sim_device_of(const char *call, DEVICE_OBJECT *device);
void sim_device_ready_all(DRIVER_OBJECT *driver);
/* Counts an open file, or refuses. */
NTSTATUS sim_device_open_begin(DEVICE_OBJECT *device);
void sim_device_open_end(DEVICE_OBJECT *device);
bool sim_device_any_open(DRIVER_OBJECT *driver);
/* After the last was closed: what closing did comes before what follows. */
void sim_device_note_closed(void);
void sim_device_set_unload_pending(DRIVER_OBJECT *driver);

/* ---- files -------------------------------------------------------------------------------------- */

/* Behind FILE_OBJECT.FileObjectExtension. */
struct sim_file_state {
    FILE_OBJECT *object;
    ULONG handle_count;      /* io_lock */
    ULONG outstanding_count; /* io_lock: requests sent and not completed, clean-up apart */
    bool was_created;        /* IRP_MJ_CREATE succeeded */
    struct sim_token *token;
};
struct sim_file_state *sim_file_state_of(const FILE_OBJECT *object);
/* The file object behind an open handle, referenced; NULL where it is closed. */
FILE_OBJECT *sim_file_reference(struct sim_file *file, uint32_t *ret_granted);
void sim_file_reset(void);

/* ---- requests ----------------------------------------------------------------------------------- */

enum sim_request_state { SIM_REQUEST_NEW, SIM_REQUEST_SENT, SIM_REQUEST_COMPLETE };

struct sim_request {
    struct sim_request *next, *before; /* io_lock: of those sent and not freed */
    enum sim_request_state state;      /* io_lock */
    struct sim_host_condition completed;
    uint32_t is_complete; /* atomic; what the driver did comes before it */
    char name[SIM_GUARD_NAME_BYTES];

    FILE_OBJECT *file; /* a reference, until the request is freed; except for IRP_MJ_CLOSE */
    IRP *irp;
    UCHAR major;
    uint64_t thread_id;
    uint64_t process_id;
    void *process; /* who sent it; System where the thread is no process's */
    bool counts;   /* in the file's outstanding_count */

    bool is_completing;  /* io_lock: IoCompleteRequest was called; status and was_marked stand */
    bool was_marked;     /* io_lock: IoMarkIrpPending was called */
    bool was_cancelled;  /* io_lock */
    unsigned cancellers; /* io_lock: threads inside IoCancelIrp; the IRP's memory stays for them */
    bool irp_is_done;    /* io_lock: completed, its memory not yet taken away */

    NTSTATUS status;
    ULONG_PTR information;

    void *system_buffer; /* guarded; NULL: none */
    bool is_buffered;
    MDL *mdl;
    void *output;
    size_t output_bytes;
};

/* `what` goes into reports. Takes a reference to the file, except for IRP_MJ_CLOSE. */
struct sim_request *sim_request_create(FILE_OBJECT *file, UCHAR major, UCHAR minor, const char *what);
/* The stack location of a request that was not sent. */
IO_STACK_LOCATION *sim_request_stack(struct sim_request *request);
/* A request that never reaches the driver. */
struct sim_request *sim_request_refused(NTSTATUS status);
void sim_request_send(struct sim_request *request);
/* Sends, waits, frees. */
NTSTATUS sim_request_run(struct sim_request *request, ULONG_PTR *ret_information);
const char *sim_major_name(UCHAR major);
void sim_request_check_leaks(const char *call);
uint8_t sim_buffer_poison_now(void);
unsigned sim_cleanup_grace_now(void);

/* Whether this is the IRP of a sweep of this thread, which is then noted as completed. */
bool sim_sweep_completed(const IRP *irp);

/* The request behind an IRP that is not yet completed; breaks the run for any other. */
struct sim_request *sim_request_of(const char *call, IRP *irp);
/* With io_lock: takes the IRP's memory away, when nobody needs it any more. */
void sim_request_drop_irp(struct sim_request *request);
/* With io_lock. Every request that was sent and not freed. */
struct sim_request *sim_request_first(void);
void sim_request_set_first(struct sim_request *request);
void sim_cancel_init(void);
/* Of a request that completes: checks Information, hands the output over, frees buffers. */
void sim_buffers_finish(struct sim_request *request, const IO_STATUS_BLOCK *result);

/* ---- mm ------------------------------------------------------------------------------------------ */

/* An MDL over a copy of the caller's buffer, which is as long, and aligned, as his. */
MDL *sim_mdl_create(const char *name, void *buffer, size_t bytes);
/* What was written through the mapping goes to `buffer`; then MDL and memory go. */
void sim_mdl_finish(MDL *mdl, void *buffer);

#endif
