/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does to a device what a test says, one command a line on standard input, and answers each with one
 * JSON object on a line. It knows nothing of what goes through: bytes come and go in hex.
 *
 *     open HANDLE PATH                     HANDLE, OP: small numbers of the test's choice
 *     close HANDLE
 *     control HANDLE CODE IN BYTES         DeviceIoControl with BYTES of room for the answer; IN: hex or -
 *     start OP HANDLE CODE IN BYTES        the same, without waiting for its end
 *     wait OP MS
 *     cancel OP | cancel-all HANDLE
 *     pump HANDLE CODE BYTES MS RECORDS    READs, each acknowledging the one before, until RECORDS came
 *                                          or one found nothing for MS; an object a READ, then a last one
 *     service create|start|stop|delete|state NAME [PATH]
 *     cycle NAME COUNT                     start and stop
 *     refuse STATUS                        what registering with pstest.sys fails with from now on; 0: nothing
 *     quit
 *
 * "written" in an answer is how far the room was written to, whatever the answer's length says: one
 * more than the index of the last byte that is not as it was, the 64 bytes behind the room included.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>
#include <winternl.h>

#include "muster/nt_device.h"
#include "pstest.h"

#define SLOTS        32
#define GUARD_BYTES  64U
#define MAX_ARGUMENT 8
#define FILLING      0xa5

NTSTATUS NTAPI NtCancelIoFileEx(HANDLE file, IO_STATUS_BLOCK *which, IO_STATUS_BLOCK *ret_status);

struct operation {
    IO_STATUS_BLOCK block;
    HANDLE event;
    HANDLE handle;
    NTSTATUS first_status;
    uint8_t *input;
    uint8_t *output; /* room_bytes and a guard */
    uint32_t room_bytes;
};

static HANDLE handles[SLOTS];
static struct operation operations[SLOTS];
static SC_HANDLE manager;

/* ---- text in and out -------------------------------------------------------------------------------- */

static void fail(const char *what)
{
    printf("{\"bad\":\"%s\"}\n", what);
}

static void say_error(DWORD error)
{
    printf("{\"error\":%lu}\n", (unsigned long)error);
}

static void print_hex(const uint8_t *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    char *text = malloc(2 * count + 1);

    if (!text)
        exit(3);
    for (size_t i = 0; i < count; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * count] = '\0';
    fputs(text, stdout);
    free(text);
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
}

/* "-" is no bytes. The caller frees. */
static uint8_t *bytes_of(const char *text, uint32_t *ret_count)
{
    uint32_t count = strcmp(text, "-") ? (uint32_t)(strlen(text) / 2) : 0;
    uint8_t *bytes = malloc(count + 1);

    if (!bytes)
        exit(3);
    for (uint32_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)(digit_of(text[2 * i]) << 4 | digit_of(text[2 * i + 1]));
    *ret_count = count;
    return bytes;
}

static wchar_t *wide_of(const char *text)
{
    static wchar_t wide[MAX_PATH];

    MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, MAX_PATH);
    return wide;
}

/* A line without its end; NULL at the end of the input. */
static char *read_line(void)
{
    static char *line;
    static size_t room;
    size_t length = 0;
    int c;

    while ((c = getchar()) != EOF && c != '\n') {
        if (length + 1 >= room) {
            room = room ? 2 * room : 4096;
            line = realloc(line, room);
            if (!line)
                exit(3);
        }
        if (c != '\r')
            line[length++] = (char)c;
    }
    if (c == EOF || !line)
        return NULL;
    line[length] = '\0';
    return line;
}

static int split(char *line, char **words)
{
    int count = 0;

    for (char *word = strtok(line, " "); word && count < MAX_ARGUMENT; word = strtok(NULL, " "))
        words[count++] = word;
    return count;
}

static uint32_t number_of(const char *text)
{
    return (uint32_t)strtoul(text, NULL, 0);
}

static unsigned slot_of(const char *text)
{
    unsigned slot = number_of(text);

    if (slot >= SLOTS)
        exit(2);
    return slot;
}

/* ---- devices ---------------------------------------------------------------------------------------- */

static void do_open(char **words)
{
    unsigned slot = slot_of(words[1]);
    HANDLE handle = CreateFileW(wide_of(words[2]), GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                                NULL, OPEN_EXISTING, FILE_FLAG_OVERLAPPED, NULL);

    if (handle == INVALID_HANDLE_VALUE) {
        say_error(GetLastError());
        return;
    }
    handles[slot] = handle;
    say_error(0);
}

static void do_close(char **words)
{
    unsigned slot = slot_of(words[1]);

    say_error(CloseHandle(handles[slot]) ? 0 : GetLastError());
    handles[slot] = NULL;
}

static void begin(struct operation *op, HANDLE handle, uint32_t code, const char *input, uint32_t room_bytes)
{
    uint32_t input_bytes;

    memset(op, 0, sizeof(*op));
    op->handle = handle;
    op->event = CreateEventW(NULL, TRUE, FALSE, NULL);
    op->input = bytes_of(input, &input_bytes);
    op->output = malloc(room_bytes + GUARD_BYTES);
    op->room_bytes = room_bytes;
    if (!op->event || !op->output)
        exit(3);
    memset(op->output, FILLING, room_bytes + GUARD_BYTES);
    op->first_status =
        NtDeviceIoControlFile(handle, op->event, NULL, NULL, &op->block, code, input_bytes ? op->input : NULL,
                              input_bytes, room_bytes ? op->output : NULL, room_bytes);
}

/* False where it has not ended within that time. */
static int end(struct operation *op, DWORD timeout_ms)
{
    if (op->first_status != STATUS_PENDING) {
        if (!NT_ERROR(op->first_status))
            op->first_status = op->block.Status;
        return 1;
    }
    if (WaitForSingleObject(op->event, timeout_ms) != WAIT_OBJECT_0)
        return 0;
    op->first_status = op->block.Status;
    return 1;
}

static uint32_t written_bytes(const struct operation *op)
{
    uint32_t count = op->room_bytes + GUARD_BYTES;

    while (count && op->output[count - 1] == FILLING)
        count--;
    return count;
}

static uint32_t answer_bytes(const struct operation *op)
{
    uint64_t information = NT_ERROR(op->first_status) ? 0 : op->block.Information;

    return information < op->room_bytes ? (uint32_t)information : op->room_bytes;
}

static void say_end(struct operation *op)
{
    uint64_t information = NT_ERROR(op->first_status) ? 0 : op->block.Information;

    printf("{\"status\":%lu,\"information\":%llu,\"written\":%u,\"output\":\"", (unsigned long)op->first_status,
           (unsigned long long)information, written_bytes(op));
    print_hex(op->output, answer_bytes(op));
    printf("\"}\n");
}

static void discard(struct operation *op)
{
    CloseHandle(op->event);
    free(op->input);
    free(op->output);
    memset(op, 0, sizeof(*op));
}

static void do_control(char **words)
{
    struct operation op;

    begin(&op, handles[slot_of(words[1])], number_of(words[2]), words[3], number_of(words[4]));
    end(&op, INFINITE);
    say_end(&op);
    discard(&op);
}

static void do_start(char **words)
{
    struct operation *op = &operations[slot_of(words[1])];

    begin(op, handles[slot_of(words[2])], number_of(words[3]), words[4], number_of(words[5]));
    printf("{\"pending\":%s}\n", op->first_status == STATUS_PENDING ? "true" : "false");
}

static void do_wait(char **words)
{
    struct operation *op = &operations[slot_of(words[1])];

    if (!end(op, number_of(words[2]))) {
        printf("{\"pending\":true}\n");
        return;
    }
    say_end(op);
    discard(op);
}

static void do_cancel(char **words)
{
    struct operation *op = &operations[slot_of(words[1])];
    IO_STATUS_BLOCK block;

    say_error(NT_SUCCESS(NtCancelIoFileEx(op->handle, &op->block, &block)) ? 0 : ERROR_NOT_FOUND);
}

static void do_cancel_all(char **words)
{
    say_error(CancelIo(handles[slot_of(words[1])]) ? 0 : GetLastError());
}

/* ---- the reader ------------------------------------------------------------------------------------- */

static void do_pump(char **words)
{
    HANDLE handle = handles[slot_of(words[1])];
    uint32_t code = number_of(words[2]), room_bytes = number_of(words[3]), wanted = number_of(words[5]);
    struct muster_nt_read_request request = {.timeout_ms = number_of(words[4])};
    uint64_t records = 0;

    for (;;) {
        struct operation op;
        struct muster_nt_read_header header = {0};
        char hex[2 * sizeof(request) + 1];
        int last;

        for (size_t i = 0; i < sizeof(request); i++)
            snprintf(hex + 2 * i, 3, "%02x", ((const uint8_t *)&request)[i]);
        begin(&op, handle, code, hex, room_bytes);
        end(&op, INFINITE);
        if (answer_bytes(&op) >= sizeof(header))
            memcpy(&header, op.output, sizeof(header));
        last = op.first_status != 0 || !header.record_count;
        records += header.record_count;
        /* What is wanted is acknowledged too, by one READ more that does not wait. */
        if (records >= wanted)
            request.timeout_ms = 0;
        request.acknowledge_lease_id = header.lease_id;
        say_end(&op);
        discard(&op);
        if (last)
            break;
    }
    printf("{\"records\":%llu}\n", (unsigned long long)records);
}

/* ---- services --------------------------------------------------------------------------------------- */

static DWORD service_state(SC_HANDLE service)
{
    SERVICE_STATUS status;

    return QueryServiceStatus(service, &status) ? status.dwCurrentState : 0;
}

static DWORD await_state(SC_HANDLE service, DWORD state)
{
    for (int i = 0; i < 1000; i++) {
        if (service_state(service) == state)
            return 0;
        Sleep(10);
    }
    return ERROR_TIMEOUT;
}

static DWORD start_service(SC_HANDLE service)
{
    return StartServiceW(service, 0, NULL) ? await_state(service, SERVICE_RUNNING) : GetLastError();
}

static DWORD stop_service(SC_HANDLE service)
{
    SERVICE_STATUS status;

    return ControlService(service, SERVICE_CONTROL_STOP, &status) ? await_state(service, SERVICE_STOPPED)
                                                                  : GetLastError();
}

static void create_service(const char *name, const char *path)
{
    wchar_t wide_name[MAX_PATH];
    SC_HANDLE service;

    wcscpy(wide_name, wide_of(name));
    service = CreateServiceW(manager, wide_name, wide_name, SERVICE_ALL_ACCESS, SERVICE_KERNEL_DRIVER,
                             SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL, wide_of(path), NULL, NULL, NULL, NULL, NULL);
    say_error(service ? 0 : GetLastError());
    if (service)
        CloseServiceHandle(service);
}

static void do_service(char **words, int count)
{
    SC_HANDLE service;

    if (!strcmp(words[1], "create") && count == 4) {
        create_service(words[2], words[3]);
        return;
    }
    service = OpenServiceW(manager, wide_of(words[2]), SERVICE_ALL_ACCESS);
    if (!service)
        say_error(GetLastError());
    else if (!strcmp(words[1], "start"))
        say_error(start_service(service));
    else if (!strcmp(words[1], "stop"))
        say_error(stop_service(service));
    else if (!strcmp(words[1], "delete"))
        say_error(DeleteService(service) ? 0 : GetLastError());
    else
        printf("{\"state\":%lu}\n", (unsigned long)service_state(service));
    if (service)
        CloseServiceHandle(service);
}

static void do_cycle(char **words)
{
    SC_HANDLE service = OpenServiceW(manager, wide_of(words[1]), SERVICE_ALL_ACCESS);
    uint32_t count = number_of(words[2]), done = 0;
    DWORD error = service ? 0 : GetLastError();

    while (!error && done < count) {
        error = start_service(service);
        if (!error)
            error = stop_service(service);
        if (!error)
            done++;
    }
    if (service)
        CloseServiceHandle(service);
    printf("{\"error\":%lu,\"done\":%u}\n", (unsigned long)error, done);
}

static void do_refuse(char **words)
{
    DWORD status = number_of(words[1]);

    say_error((DWORD)RegSetKeyValueW(HKEY_LOCAL_MACHINE, PSTEST_POLICY_KEY, PSTEST_POLICY_REFUSE, REG_DWORD, &status,
                                     sizeof(status)));
}

/* ---- commands --------------------------------------------------------------------------------------- */

static void obey(char **words, int count)
{
    const char *verb = words[0];

    if (!strcmp(verb, "open") && count == 3)
        do_open(words);
    else if (!strcmp(verb, "close") && count == 2)
        do_close(words);
    else if (!strcmp(verb, "control") && count == 5)
        do_control(words);
    else if (!strcmp(verb, "start") && count == 6)
        do_start(words);
    else if (!strcmp(verb, "wait") && count == 3)
        do_wait(words);
    else if (!strcmp(verb, "cancel") && count == 2)
        do_cancel(words);
    else if (!strcmp(verb, "cancel-all") && count == 2)
        do_cancel_all(words);
    else if (!strcmp(verb, "pump") && count == 6)
        do_pump(words);
    else if (!strcmp(verb, "service") && count >= 3)
        do_service(words, count);
    else if (!strcmp(verb, "cycle") && count == 3)
        do_cycle(words);
    else if (!strcmp(verb, "refuse") && count == 2)
        do_refuse(words);
    else
        fail("no such command");
}

int main(void)
{
    char *line;
    char *words[MAX_ARGUMENT];

    manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_ALL_ACCESS);
    printf("{\"ready\":%lu}\n", (unsigned long)GetCurrentProcessId());
    fflush(stdout);
    while ((line = read_line())) {
        int count = split(line, words);
        if (count && !strcmp(words[0], "quit"))
            break;
        if (count)
            obey(words, count);
        fflush(stdout);
    }
    return 0;
}
