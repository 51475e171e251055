/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated kernel's outside: loading a driver, opening its device and sending it requests as
 * programs do, processes that come and go, and tokens to do it with. For tests; io, ob, ps, se and mm
 * stand behind it. Free of NT types and of libc types, so that both kinds of file may include it.
 *
 * What a driver does wrong ends the run (simulated_nt.h says how it is told). What a test does wrong does
 * too, under the name of the function called here. Unless said otherwise, functions may be called from any
 * thread, at PASSIVE_LEVEL, and no two threads need to agree on anything.
 *
 * NTSTATUS is int32_t here, paths are NUL-terminated UTF-16 (u"\\??\\Muster").
 */
#ifndef SIMULATED_NT_IO_H
#define SIMULATED_NT_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t sim_status;
typedef uint16_t sim_utf16;

/* The statuses that tests of drivers meet most. Source: [MS-ERREF] 2.3.1. */
#define SIM_STATUS_SUCCESS                ((sim_status)0x00000000)
#define SIM_STATUS_TIMEOUT                ((sim_status)0x00000102)
#define SIM_STATUS_PENDING                ((sim_status)0x00000103)
#define SIM_STATUS_BUFFER_OVERFLOW        ((sim_status)0x80000005)
#define SIM_STATUS_UNSUCCESSFUL           ((sim_status)0xC0000001)
#define SIM_STATUS_INVALID_INFO_CLASS     ((sim_status)0xC0000003)
#define SIM_STATUS_INVALID_HANDLE         ((sim_status)0xC0000008)
#define SIM_STATUS_INVALID_CID            ((sim_status)0xC000000B)
#define SIM_STATUS_INVALID_PARAMETER      ((sim_status)0xC000000D)
#define SIM_STATUS_NO_SUCH_DEVICE         ((sim_status)0xC000000E)
#define SIM_STATUS_INVALID_DEVICE_REQUEST ((sim_status)0xC0000010)
#define SIM_STATUS_ACCESS_DENIED          ((sim_status)0xC0000022)
#define SIM_STATUS_BUFFER_TOO_SMALL       ((sim_status)0xC0000023)
#define SIM_STATUS_OBJECT_TYPE_MISMATCH   ((sim_status)0xC0000024)
#define SIM_STATUS_OBJECT_NAME_INVALID    ((sim_status)0xC0000033)
#define SIM_STATUS_OBJECT_NAME_NOT_FOUND  ((sim_status)0xC0000034)
#define SIM_STATUS_OBJECT_NAME_COLLISION  ((sim_status)0xC0000035)
#define SIM_STATUS_SHARING_VIOLATION      ((sim_status)0xC0000043)
#define SIM_STATUS_INSUFFICIENT_RESOURCES ((sim_status)0xC000009A)
#define SIM_STATUS_NOT_SUPPORTED          ((sim_status)0xC00000BB)
#define SIM_STATUS_CANCELLED              ((sim_status)0xC0000120)

/* ---- driver ------------------------------------------------------------------------------------ */

struct _DRIVER_OBJECT;
struct _UNICODE_STRING;
typedef sim_status sim_driver_entry(struct _DRIVER_OBJECT *driver, struct _UNICODE_STRING *registry_path);

enum sim_driver_flags {
    SIM_FORCE_INTEGRITY = 1, /* linked with /INTEGRITYCHECK: may register notify routines */
};

/*
 * Calls the driver's DriverEntry (PDRIVER_INITIALIZE), at PASSIVE_LEVEL in the System process. One driver at a
 * time. `name` is its service's name. Where DriverEntry fails, nothing of the driver may be left.
 */
sim_status sim_driver_load(sim_driver_entry *entry, const sim_utf16 *name, unsigned flags);

/*
 * Calls DriverUnload, and then looks for what is left: devices, links, notify routines, handles, references,
 * pool. SIM_STATUS_INVALID_DEVICE_REQUEST where the driver has no DriverUnload. Where files are open: refused
 * with `wait` false (SIM_STATUS_ACCESS_DENIED), else new opens fail from now on and the last close is waited for.
 */
sim_status sim_driver_unload(bool wait);

bool sim_driver_loaded(void);

/* From now on \Device\X or \??\X is somebody else's; the path's other spellings too. */
void sim_name_take(const sim_utf16 *path);
void sim_name_release(const sim_utf16 *path);

enum sim_device_dacl {
    SIM_DACL_NO_DEVICE,
    SIM_DACL_DEFAULT, /* never set: the I/O manager's own, by which everybody may read */
    SIM_DACL_NULL,    /* everybody may everything */
    SIM_DACL_EMPTY,   /* nobody may anything */
    SIM_DACL_ENTRIES,
};
enum sim_device_dacl sim_device_dacl(const sim_utf16 *path);

/* ---- tokens ------------------------------------------------------------------------------------ */

/* Attributes of a group. Source: winnt.h. */
#define SIM_GROUP_ENABLED       0x00000004U
#define SIM_GROUP_DENY_ONLY     0x00000010U
#define SIM_INTEGRITY_UNTRUSTED 0x0000U
#define SIM_INTEGRITY_LOW       0x1000U
#define SIM_INTEGRITY_MEDIUM    0x2000U
#define SIM_INTEGRITY_HIGH      0x3000U
#define SIM_INTEGRITY_SYSTEM    0x4000U

struct sim_token;
struct sim_token_group {
    const char *sid; /* "S-1-5-32-544" */
    uint32_t attributes;
};
struct sim_token_spec {
    const char *user; /* a SID */
    const struct sim_token_group *groups;
    size_t group_count;
    uint32_t session_id;
    uint32_t integrity;
    uint64_t logon_id; /* 0x3e7 is SYSTEM's */
};

extern const struct sim_token_spec sim_token_system;        /* S-1-5-18, session 0 */
extern const struct sim_token_spec sim_token_administrator; /* elevated, session 1 */
extern const struct sim_token_spec sim_token_filtered;      /* an administrator, not elevated: deny-only */
extern const struct sim_token_spec sim_token_user;          /* neither */

/* With one reference, which sim_token_release gives back; files and processes hold their own. */
struct sim_token *sim_token_create(const struct sim_token_spec *spec);
void sim_token_release(struct sim_token *token);

/* ---- files ------------------------------------------------------------------------------------- */

#define SIM_GENERIC_READ    0x80000000U
#define SIM_GENERIC_WRITE   0x40000000U
#define SIM_GENERIC_EXECUTE 0x20000000U
#define SIM_GENERIC_ALL     0x10000000U
#define SIM_MAXIMUM_ALLOWED 0x02000000U
#define SIM_FILE_READ_DATA  0x0001U
#define SIM_FILE_WRITE_DATA 0x0002U
#define SIM_FILE_ATTRIBUTES 0x0080U /* FILE_READ_ATTRIBUTES */
#define SIM_SYNCHRONIZE     0x00100000U
#define SIM_SHARE_READ      0x1U
#define SIM_SHARE_WRITE     0x2U
#define SIM_SHARE_DELETE    0x4U

struct sim_file; /* a handle, of user mode; valid until sim_reset, closed or not */

/* NtCreateFile. NULL, and why, where it fails. `token` NULL: SYSTEM's. The calling thread is the requestor. */
struct sim_file *sim_open(const sim_utf16 *path, struct sim_token *token, uint32_t access, uint32_t share,
                          sim_status *ret_status);

/* A second handle for the same file object; IRP_MJ_CLEANUP comes when both are closed. */
struct sim_file *sim_handle_duplicate(struct sim_file *file);

/*
 * Closes the handle. The last one sends IRP_MJ_CLEANUP, by which the driver completes what it has pended for
 * the file (it has sim_cleanup_grace_ms for it). IRP_MJ_CLOSE comes when no request refers to the file any more:
 * after sim_request_free of the last one.
 */
sim_status sim_close(struct sim_file *file);

/* How long after IRP_MJ_CLEANUP a file's requests may still be pending. 10 s unless set. */
void sim_cleanup_grace_ms(unsigned ms);

uint32_t sim_granted_access(struct sim_file *file);

/* ---- requests ---------------------------------------------------------------------------------- */

#define SIM_METHOD_BUFFERED   0U
#define SIM_METHOD_IN_DIRECT  1U
#define SIM_METHOD_OUT_DIRECT 2U
#define SIM_METHOD_NEITHER    3U
#define SIM_FILE_ANY_ACCESS   0U
#define SIM_FILE_READ_ACCESS  1U
#define SIM_FILE_WRITE_ACCESS 2U
#define SIM_CTL_CODE(device, function, method, access)                                                                 \
    (((uint32_t)(device) << 16) | ((uint32_t)(access) << 14) | ((uint32_t)(function) << 2) | (uint32_t)(method))

struct sim_request;

/* NtDeviceIoControlFile, synchronous: waits as long as it takes. `ret_information` may be NULL. */
sim_status sim_ioctl(struct sim_file *file, uint32_t code, const void *input, size_t input_bytes, void *output,
                     size_t output_bytes, uint64_t *ret_information);

/*
 * The same, asynchronous. Never NULL; what it came to, the I/O manager's refusals included, says
 * sim_request_wait. `output` has to stay until then: it is written to when the request completes.
 */
struct sim_request *sim_ioctl_begin(struct sim_file *file, uint32_t code, const void *input, size_t input_bytes,
                                    void *output, size_t output_bytes);

/* SIM_STATUS_TIMEOUT where it is still pending after that time; SIM_WAIT_FOREVER waits. */
#define SIM_WAIT_FOREVER 0xffffffffU
sim_status sim_request_wait(struct sim_request *request, unsigned timeout_ms, uint64_t *ret_information);

bool sim_request_is_pending(struct sim_request *request);

/* NtCancelIoFileEx for this request. False where there was no cancel routine to call (any more). */
bool sim_request_cancel(struct sim_request *request);

/* CancelIoEx for a handle's file: each request that was sent to it, by whatever thread, also those that the driver
 * is being given right now. Once each; returns how many cancel routines were called. */
size_t sim_file_cancel_requests(struct sim_file *file);

/* Of a request that is complete: the thread's APC, after which the file is no longer referred to. */
void sim_request_free(struct sim_request *request);

/*
 * Sends the control codes from `first` to `last` to the dispatch routine, without buffers and whatever access
 * they ask for, but for those that `skip` wants left out. Each has to be completed at once with `expected` and no
 * bytes; anything else is a broken rule. Fast enough to try all there are.
 */
void sim_control_sweep(struct sim_file *file, uint32_t first, uint32_t last, bool (*skip)(uint32_t code),
                       sim_status expected);

/* Any major and minor function, without a buffer; synchronous. */
sim_status sim_send(struct sim_file *file, uint8_t major, uint8_t minor);

/* Read and write, with what the device's DO_BUFFERED_IO and DO_DIRECT_IO ask for; synchronous. */
sim_status sim_read(struct sim_file *file, void *to, size_t bytes, uint64_t *ret_information);
sim_status sim_write(struct sim_file *file, const void *from, size_t bytes, uint64_t *ret_information);

/*
 * What happens to the calling thread's requests when its process dies: each is cancelled, and their end is
 * waited for, at most as long as a clean-up may take. The requests stay to be freed.
 */
void sim_thread_cancel_requests(void);

/* What fresh buffers are filled with where the caller's data does not reach: 0xA5 unless set. */
void sim_buffer_poison(uint8_t pattern);

/* Requests that the driver has and has not completed. */
size_t sim_requests_outstanding(void);

/* ---- processes --------------------------------------------------------------------------------- */

struct sim_process;
struct sim_process_spec {
    uint64_t process_id;          /* 0: the next free one */
    uint64_t parent_process_id;   /* 0: the calling thread's process */
    uint64_t creating_process_id; /* 0: the calling thread's; differs from the parent where a parent is inherited */
    uint64_t creating_thread_id;  /* 0: the calling thread's */
    struct sim_token *token;      /* NULL: SYSTEM's */
    int64_t create_time_100ns;    /* since 1601; 0: now */
    uint64_t start_key;           /* 0: the next one */
    const sim_utf16 *image;       /* NULL: CreateInfo->ImageFileName is NULL */
    size_t image_bytes;
    const sim_utf16 *command_line; /* NULL: CreateInfo->CommandLine is NULL */
    size_t command_line_bytes;
    bool file_open_name_available;
    bool has_file_object;
    bool silent; /* no routine is called: a process from before the driver */
};

/*
 * In the calling thread, as the creator: calls the registered routines. With `ret_status`, what they left in
 * CreationStatus: where it is a failure the creation was denied, the routines were called for its exit, and
 * NULL is returned.
 */
struct sim_process *sim_process_create(const struct sim_process_spec *spec, sim_status *ret_status);

/* The routines are called for its exit. The caller's reference goes too: the pointer is void. */
void sim_process_exit(struct sim_process *process, sim_status exit_status);

uint64_t sim_process_id(const struct sim_process *process);

/* The calling thread is, from now on, one of that process (NULL: of System). */
void sim_thread_process(struct sim_process *process);

size_t sim_notify_routines(void);
uint64_t sim_process_handles_opened(void); /* handles to processes or threads that drivers opened, ever */

/* ---- all of it --------------------------------------------------------------------------------- */

/* Forgets processes that have not exited, names that are taken and closed handles: between two tests, without a driver.
 */
void sim_io_reset(void);

#ifdef __cplusplus
}
#endif

#endif
