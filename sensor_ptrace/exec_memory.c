/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec_memory.h. The arguments lie where /proc/PID/stat says. Their true number stands at the stack
 * pointer, and the path in the auxiliary vector (AT_EXECFN): the kernel's ABI for a new program.
 */
#include "exec_memory.h"

#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

#define AUXV_BYTES_MAX 2048

static int proc_open(uint32_t pid, const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static bool memory_read(int memory_fd, uint64_t address, void *bytes, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t got = pread(memory_fd, (char *)bytes + done, size - done, (off_t)(address + done));

        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static void args_read(int memory_fd, uint64_t begin, uint64_t end, uint32_t most, struct exec_memory *memory)
{
    const uint32_t half = most / 2;
    uint64_t full = end - begin;
    bool cut = full > most;

    if (begin == 0 || end < begin || full > UINT32_MAX)
        return;
    if (cut)
        memory->args_known = memory_read(memory_fd, begin, memory->args, half) &&
                             memory_read(memory_fd, end - half, memory->args + half, half);
    else
        memory->args_known = memory_read(memory_fd, begin, memory->args, (size_t)full);
    memory->args_full = (uint32_t)full;
    memory->args_size = cut ? most : (uint32_t)full;
    memory->args_head = cut ? half : (uint32_t)full;
}

/* Little-endian or not, of four or eight bytes. */
static uint64_t word_at(const char *bytes, size_t word_bytes)
{
    uint32_t narrow;
    uint64_t wide;

    memcpy(&narrow, bytes, sizeof(narrow));
    if (word_bytes == sizeof(narrow))
        return narrow;
    memcpy(&wide, bytes, sizeof(wide));
    return wide;
}

static uint64_t auxv_find(uint32_t pid, uint64_t type, size_t word_bytes)
{
    char vector[AUXV_BYTES_MAX];
    int fd = proc_open(pid, "auxv");
    ssize_t size = fd >= 0 ? read(fd, vector, sizeof(vector)) : 0;

    if (fd >= 0)
        close(fd);
    for (ssize_t at = 0; at + 2 * (ssize_t)word_bytes <= size; at += 2 * (ssize_t)word_bytes)
        if (word_at(vector + at, word_bytes) == type)
            return word_at(vector + at + word_bytes, word_bytes);
    return 0;
}

static void path_read(int memory_fd, uint64_t address, struct exec_memory *memory)
{
    ssize_t got = address ? pread(memory_fd, memory->path, sizeof(memory->path), (off_t)address) : 0;
    const char *end = got > 0 ? memchr(memory->path, '\0', (size_t)got) : NULL;

    memory->path_known = end != NULL;
    memory->path_bytes = end ? (uint32_t)(end - memory->path) : 0;
}

void exec_memory_read(const struct tracee_facts *facts, uint32_t args_max_bytes, struct exec_memory *ret_memory)
{
    uint32_t pid = facts->process.pid;
    struct __ptrace_syscall_info info = {0};
    int memory_fd = proc_open(pid, "mem");
    size_t word_bytes;
    char word[8];

    ret_memory->args_known = ret_memory->count_known = ret_memory->path_known = false;
    if (memory_fd < 0)
        return;
    args_read(memory_fd, facts->args_begin, facts->args_end, args_max_bytes, ret_memory);
    if (ptrace(PTRACE_GET_SYSCALL_INFO, (pid_t)pid, (void *)sizeof(info), &info) > 0) {
        word_bytes = info.arch & __AUDIT_ARCH_64BIT ? 8 : 4;
        ret_memory->count_known = memory_read(memory_fd, info.stack_pointer, word, word_bytes);
        if (ret_memory->count_known)
            ret_memory->args_count = (uint32_t)word_at(word, word_bytes);
        path_read(memory_fd, auxv_find(pid, AT_EXECFN, word_bytes), ret_memory);
    }
    close(memory_fd);
}
