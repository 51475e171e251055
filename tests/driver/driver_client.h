/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of the driver on simulated_nt: loads it, opens its device, says HELLO, reads. What it asserts
 * holds for every answer, in every test.
 */
#ifndef MUSTER_TESTS_DRIVER_CLIENT_H
#define MUSTER_TESTS_DRIVER_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "muster/nt_device.h"
#include "muster/record.h"
#include "simulated_nt.h"
#include "simulated_nt_io.h"

#define DRIVER_TAG                  0x7274734dU /* `Mstr` */
#define DEVICE_PATH                 u"\\??\\Muster"
#define READ_BUFFER_BYTES           ((size_t)1024 * 1024)
#define STATUS_INVALID_DEVICE_STATE ((sim_status)0xC0000184)
#define STATUS_DEVICE_BUSY          ((sim_status)0x80000011)
#define STATUS_NOT_A_DIRECTORY      ((sim_status)0xC0000103)
#define STATUS_FILE_CLOSED          ((sim_status)0xC0000128)

sim_status DriverEntry(struct _DRIVER_OBJECT *object, struct _UNICODE_STRING *registry_path);

/* With FORCE_INTEGRITY, as it is linked. */
sim_status driver_load(void);
/* Waits for open files, and looks for what is left. */
void driver_unload(void);

/* SYSTEM's, for reading and writing; fails the test where it cannot be had. */
struct sim_file *client_open(void);
/* The refusal; what else the reply says goes to *ret_reply, which may be NULL. */
uint32_t client_hello(struct sim_file *file, uint32_t role, struct muster_nt_hello_reply *ret_reply);
/* Opens and is accepted. */
struct sim_file *client_open_as(uint32_t role);

sim_status client_status(struct sim_file *file, struct muster_nt_status_reply *ret_reply);
/* STATUS, and that it balances. */
struct muster_nt_status_reply client_ledger(struct sim_file *file);

struct client_read {
    struct muster_nt_read_header header;
    sim_status status;
    uint64_t information;
    unsigned char *records; /* header.record_bytes, freed by client_read_free */
};

/* A READ that ends; `buffer_bytes` may be anything. Every record is validated. */
struct client_read client_read(struct sim_file *file, uint64_t acknowledge, uint32_t timeout_ms, size_t buffer_bytes);
void client_read_free(struct client_read *read);

/* Walks the records: NULL first, NULL at the end. */
const struct muster_record *client_next(const struct client_read *read, const struct muster_record *record);

/* Reads and acknowledges until nothing comes; calls `see` for each record. Returns how many there were. */
size_t client_drain(struct sim_file *file, void (*see)(void *context, const struct muster_record *record),
                    void *context);

/* A process with image and command line given as UTF-16 literals. */
struct sim_process *client_spawn(const uint16_t *image, const uint16_t *command_line);
size_t utf16_bytes(const uint16_t *text);

/* The text of a record is these bytes; fails the test if not. */
void expect_text(const struct muster_record *record, enum muster_field field, const char *bytes, size_t size);

/* How much of the work that it does in make check-deep a test should do, in percent. MUSTER_TEST_SCALE overrides. */
unsigned driver_test_scale(void);

#endif
