/* SPDX-License-Identifier: Apache-2.0 */
/* nt_driver_status.h */
#include "nt_driver_status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "muster/ledger.h"
#include "nt_device_client.h"
#include "nt_service.h"
#include "report.h"
#include "win32_error.h"
#include "win32_text.h"

/* What there is to tell. */
struct picture {
    struct nt_service_facts service;
    char *path;      /* the service's file, in WTF-8 */
    bool is_open;    /* the device answers: hello and status are there, and `error` is not */
    bool was_opened; /* it runs, so it was tried */
    struct muster_nt_hello_reply hello;
    struct muster_nt_status_reply status;
    struct muster_sensor_error error;
};

static uint64_t dropped_total(const struct muster_nt_status_reply *status)
{
    uint64_t total = 0;

    for (unsigned cause = 0; cause < MUSTER_GAP_CAUSES; cause++)
        total += status->dropped[cause];
    return total;
}

static bool balances(const struct muster_nt_status_reply *status)
{
    return status->produced == status->delivered + status->filtered + status->held + dropped_total(status);
}

static void device_ask(struct picture *picture)
{
    struct nt_device device;
    DWORD error;

    picture->was_opened = true;
    if (!nt_device_open(MUSTER_NT_ROLE_OBSERVER, &device, &picture->error))
        return;
    picture->hello = device.hello;
    error = nt_device_status(&device, &picture->status);
    nt_device_close(&device);
    picture->is_open = error == ERROR_SUCCESS || nt_fail(&picture->error, "the driver does not tell its status", error);
}

/* ---- for a person -------------------------------------------------------------------------------- */

static void device_print(const struct picture *picture)
{
    const struct muster_nt_hello_reply *hello = &picture->hello;
    const struct muster_nt_status_reply *status = &picture->status;

    print("version    %u.%u.%u.%u (protocol %" PRIu32 ", records %" PRIu32 ")\n", hello->driver_version[0],
          hello->driver_version[1], hello->driver_version[2], hello->driver_version[3], hello->protocol_version,
          hello->record_version);
    print("epoch      %016" PRIx64 "\n", status->epoch);
    print("callback   %s\n", status->process_events ? "registered: process starts and exits are reported"
                                                    : "NOT registered: no process is reported");
    print("reader     %s\n", status->reader_present ? "there is one" : "none: what comes is kept for the next");
    print("events     %" PRIu64 " produced = %" PRIu64 " delivered + %" PRIu64 " filtered + %" PRIu64
          " dropped + %" PRIu64 " held%s\n",
          status->produced, status->delivered, status->filtered, dropped_total(status), status->held,
          balances(status) ? "" : "  DOES NOT BALANCE");
    for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++)
        if (status->dropped[cause])
            print("           %" PRIu64 " dropped: %s\n", status->dropped[cause], muster_cause_name(cause));
    if (status->degraded)
        print("           %" PRIu64 " degraded: without their texts, for want of room\n", status->degraded);
    print("queue      %" PRIu64 " records; cache %" PRIu64 ", of which %" PRIu64 " leased\n", status->queue_records,
          status->cache_records, status->leased_records);
    print("memory     %" PRIu64 " bytes of %" PRIu64 "; at most %" PRIu64 " so far\n", status->charged_bytes,
          status->budget_bytes, status->charged_peak_bytes);
    if (status->refused_calls || status->denied_requests)
        print("refused    %" PRIu64 " calls at a wrong IRQL, %" PRIu64 " requests\n", status->refused_calls,
              status->denied_requests);
}

static void service_print(const struct picture *picture)
{
    const struct nt_service_facts *service = &picture->service;

    if (service->is_deleted)
        print("service    being removed: it goes when its last handle is closed\n");
    else if (!service->is_installed)
        print("service    not installed\n");
    else
        print("service    %s%s\n", nt_service_state_text(service->state),
              service->start_type == SERVICE_DISABLED ? ", disabled" : "");
    if (service->is_installed)
        print("file       %s%s\n", picture->path, service->is_ours ? "" : "  NOT MUSTER'S");
}

/* ---- as JSON ------------------------------------------------------------------------------------- */

/* A path of Windows has no control characters; what it may have is a backslash. */
static void json_text_print(const char *name, const char *text)
{
    print("\"%s\":\"", name);
    for (; *text; text++)
        print(*text == '"' || *text == '\\' ? "\\%c" : (unsigned char)*text < 0x20 ? "?" : "%c", *text);
    print("\"");
}

static void json_device_print(const struct picture *picture)
{
    const struct muster_nt_hello_reply *hello = &picture->hello;
    const struct muster_nt_status_reply *status = &picture->status;
    const char *separator = "";

    print(",\"version\":\"%u.%u.%u.%u\",\"protocol\":%" PRIu32 ",\"record_version\":%" PRIu32, hello->driver_version[0],
          hello->driver_version[1], hello->driver_version[2], hello->driver_version[3], hello->protocol_version,
          hello->record_version);
    print(",\"process_events\":%s,\"reader_present\":%s", status->process_events ? "true" : "false",
          status->reader_present ? "true" : "false");
    print(",\"ledger\":{\"epoch\":\"%016" PRIx64 "\",\"produced\":%" PRIu64 ",\"delivered\":%" PRIu64
          ",\"filtered\":%" PRIu64 ",\"held\":%" PRIu64 ",\"degraded\":%" PRIu64 ",\"dropped\":{",
          status->epoch, status->produced, status->delivered, status->filtered, status->held, status->degraded);
    for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++)
        if (status->dropped[cause]) {
            print("%s\"%s\":%" PRIu64, separator, muster_cause_name(cause), status->dropped[cause]);
            separator = ",";
        }
    print("}},\"balances\":%s", balances(status) ? "true" : "false");
    print(",\"last_sequence\":%" PRIu64 ",\"queue_records\":%" PRIu64 ",\"cache_records\":%" PRIu64
          ",\"leased_records\":%" PRIu64,
          status->last_sequence, status->queue_records, status->cache_records, status->leased_records);
    print(",\"charged_bytes\":%" PRIu64 ",\"charged_peak_bytes\":%" PRIu64 ",\"budget_bytes\":%" PRIu64,
          status->charged_bytes, status->charged_peak_bytes, status->budget_bytes);
    print(",\"refused_calls\":%" PRIu64 ",\"denied_requests\":%" PRIu64, status->refused_calls,
          status->denied_requests);
}

static void json_print(const struct picture *picture)
{
    print("{\"installed\":%s", picture->service.is_installed ? "true" : "false");
    if (picture->service.is_installed) {
        print(",\"state\":\"%s\",\"ours\":%s,", nt_service_state_text(picture->service.state),
              picture->service.is_ours ? "true" : "false");
        json_text_print("file", picture->path);
    }
    if (picture->is_open)
        json_device_print(picture);
    print("}\n");
}

/* -------------------------------------------------------------------------------------------------- */

int nt_driver_status(bool as_json)
{
    struct picture picture = {0};
    DWORD error = nt_service_ask(&picture.service);
    int code = EXIT_DONE;

    if (error != ERROR_SUCCESS) {
        (void)nt_fail(&picture.error, "cannot ask the service manager", error);
        picture.error.advice = win32_service_advice(error);
        return report_failure(&picture.error);
    }
    picture.path = text_from_wide(picture.service.path);
    if (!picture.path) {
        (void)nt_fail(&picture.error, "cannot tell the status", ERROR_NOT_ENOUGH_MEMORY);
        return report_failure(&picture.error);
    }
    if (picture.service.is_installed && picture.service.state == SERVICE_RUNNING)
        device_ask(&picture);
    if (as_json)
        json_print(&picture);
    else
        service_print(&picture);
    if (picture.is_open && !as_json)
        device_print(&picture);
    if (picture.was_opened && !picture.is_open)
        code = report_failure(&picture.error);
    free(picture.path);
    return code;
}
