/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Putting a start record together in a scratch buffer: texts are appended one behind the other,
 * each with its header and padding, in ascending order of field.
 */
#ifndef MUSTER_TEXTS_H
#define MUSTER_TEXTS_H

#include "cgroup_path.h"
#include "kernel_path.h"
#include "kernel_types.h"
#include "process_fields.h"
#include "start_fields.h"

#include <bpf/bpf_helpers.h>

#include "muster/wire.h"

/* How much of the arguments is kept, a multiple of 8 in the limits of event.h: set by the loader before the programs
 * are loaded, so that the verifier knows it, and with it the size of a scratch. */
extern const volatile __u32 args_max_bytes;

struct texts {
    struct start_scratch *scratch;
    __u32 offset; /* of the next text */
};

static __always_inline void text_begin(struct muster_text_header *header, unsigned field, __u32 size, __u32 head,
                                       __u32 full)
{
    header->field = field;
    header->reserved = 0;
    header->size_bytes = size;
    header->head_bytes = head;
    header->full_bytes = full;
}

/*
 * A value that is at most `most` by the program's logic, in a way that the verifier sees.
 * barrier_var keeps the compiler from checking one copy of the value and using another: Linux 6.1's
 * verifier does not know that they are equal.
 */
static __always_inline __u32 bounded(__u32 value, __u32 most)
{
    barrier_var(value);
    return value > most ? most : value;
}

/* Where the next text goes, its padding cleared: the last 8 bytes, of which the text's end then
 * overwrites some. `size` is bounded by the caller, and the offset is at most `offset_max` anyway. */
static __always_inline unsigned char *text_room_at(struct texts *texts, __u32 size, __u32 offset_max)
{
    __u32 offset = bounded(texts->offset, offset_max);
    __u32 last = offset + sizeof(struct muster_text_header) + ((size - 1) & ~7U);

    if (size > 0 && last <= START_RECORD_BYTES(args_max_bytes) - 8)
        texts->scratch->words[last / 8] = 0;
    return &texts->scratch->bytes[offset];
}

static __always_inline unsigned char *text_room(struct texts *texts, __u32 size)
{
    return text_room_at(texts, size, START_OFFSET_MAX(args_max_bytes));
}

static __always_inline void text_end(struct texts *texts, unsigned field, __u32 size)
{
    texts->scratch->start.record.valid |= MUSTER_FIELD_BIT(field);
    texts->scratch->start.record.text_count++;
    texts->offset += sizeof(struct muster_text_header) + ((size + 7) & ~7U);
}

static __always_inline void text_unavailable(struct texts *texts, unsigned field)
{
    texts->scratch->start.record.unavailable |= MUSTER_FIELD_BIT(field);
}

/* Its end, where it is longer than `most`. */
static __always_inline void text_of_path(struct texts *texts, unsigned field, const struct path_text *path, __u32 most)
{
    __u32 size = bounded(path->size_bytes, most);
    __u32 begin = (MUSTER_PATH_MAX_BYTES - size) & (MUSTER_PATH_MAX_BYTES - 1);
    unsigned char *room = text_room(texts, size);

    text_begin((struct muster_text_header *)room, field, size, path->full_bytes > size ? 0 : size, path->full_bytes);
    bpf_probe_read_kernel(room + sizeof(struct muster_text_header), size, &texts->scratch->path.bytes[begin]);
    text_end(texts, field, size);
}

/* Returns whether it is a memfd's. */
static __always_inline __u32 text_path(struct texts *texts, unsigned field, struct vfsmount *mount,
                                       struct dentry *dentry, __u32 most)
{
    struct path_text path = {};

    if (path_read(mount, dentry, &texts->scratch->path, &path))
        text_of_path(texts, field, &path, most);
    else
        text_unavailable(texts, field);
    return path.memfd;
}

/* The task's cgroup: its number and its path. */
static __always_inline void text_cgroup(struct texts *texts, struct task_struct *task)
{
    struct kernfs_node *node = cgroup_node(task);
    struct path_text path = {};

    if (!node)
        return;
    texts->scratch->start.cgroup_id = node->id;
    texts->scratch->start.record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_CGROUP);
    if (cgroup_path_read(node, &texts->scratch->path, &path))
        text_of_path(texts, MUSTER_FIELD_CGROUP_PATH, &path, MUSTER_PATH_MAX_BYTES);
    else
        text_unavailable(texts, MUSTER_FIELD_CGROUP_PATH);
}

/* A NUL-terminated string of the kernel's, at most a path. */
static __always_inline void text_string(struct texts *texts, unsigned field, const char *string)
{
    struct path_buffer *buffer = &texts->scratch->path;
    long length = bpf_probe_read_kernel_str(buffer->bytes, MUSTER_PATH_MAX_BYTES, string);
    unsigned char *room;
    __u32 size;

    if (length <= 0) {
        text_unavailable(texts, field);
        return;
    }
    size = bounded(length - 1, MUSTER_PATH_MAX_BYTES);
    room = text_room(texts, size);
    text_begin((struct muster_text_header *)room, field, size, size, size);
    bpf_probe_read_kernel(room + sizeof(struct muster_text_header), size, buffer->bytes);
    text_end(texts, field, size);
}

static __always_inline void text_thread_name(struct texts *texts, struct task_struct *task)
{
    struct thread_name_text name;
    unsigned char *room;

    thread_name_fill(&name, task);
    room = text_room(texts, sizeof(name.name));
    __builtin_memcpy(room, &name, sizeof(name));
    text_end(texts, MUSTER_FIELD_THREAD_NAME, name.header.size_bytes);
}

/* How args are read differs: from the current process, or from any task (sleepable). */
enum args_source { ARGS_OF_CURRENT, ARGS_OF_TASK };

static __always_inline long args_copy(enum args_source source, struct task_struct *task, void *to, __u32 size,
                                      unsigned long from)
{
    if (source == ARGS_OF_CURRENT)
        return bpf_probe_read_user(to, size, (void *)from);
    return bpf_copy_from_user_task(to, size, (void *)from, task, 0);
}

/* Its first and its last half of the limit, where the whole does not fit. */
static __always_inline long args_copy_cut(enum args_source source, struct task_struct *task, unsigned char *to,
                                          unsigned long begin, unsigned long end)
{
    const __u32 half = args_max_bytes / 2;
    long failed = args_copy(source, task, to, half, begin);

    return failed ? failed : args_copy(source, task, to + half, half, end - half);
}

/*
 * The argument area. It is read from the new address space before the program has run in it, so
 * what it holds is what exec was given.
 */
static __always_inline void text_args(struct texts *texts, enum args_source source, struct task_struct *task,
                                      struct mm_struct *mm)
{
    unsigned long begin = mm->arg_start, end = mm->arg_end;
    unsigned long full = end - begin;
    const __u32 most = args_max_bytes;
    __u32 size = bounded(full > most ? most : full, most);
    unsigned char *room = text_room_at(texts, size, START_ARGS_OFFSET_MAX);
    unsigned char *to = room + sizeof(struct muster_text_header);
    __u32 head = full > most ? most / 2 : size;
    long failed;

    if (full > most)
        failed = args_copy_cut(source, task, to, begin, end);
    else
        failed = args_copy(source, task, to, size, begin);
    if (end < begin || full > 0xffffffffUL || failed) {
        text_unavailable(texts, MUSTER_FIELD_ARGS);
        return;
    }
    text_begin((struct muster_text_header *)room, MUSTER_FIELD_ARGS, size, head, full);
    text_end(texts, MUSTER_FIELD_ARGS, size);
}

/* The executable of a parent: of the thread that is the parent, as the process's first may have ended. */
static __always_inline void text_parent_executable(struct texts *texts, struct task_struct *parent)
{
    struct mm_struct *mm = parent->mm;

    if (parent->flags & PF_KTHREAD)
        return;
    if (mm)
        text_path(texts, MUSTER_FIELD_PARENT_EXECUTABLE, mm->exe_file->f_path.mnt, mm->exe_file->f_path.dentry,
                  MUSTER_PATH_MAX_BYTES);
    else if (parent->tgid != 0)
        text_unavailable(texts, MUSTER_FIELD_PARENT_EXECUTABLE);
}

/* The image: of its path the end, if it is longer than `most`, its flags, and what its inode has. */
static __always_inline void text_executable(struct texts *texts, struct file *file, __u32 most)
{
    struct muster_process_start *start = &texts->scratch->start;
    struct dentry *dentry = file->f_path.dentry;
    __u32 memfd = text_path(texts, MUSTER_FIELD_EXECUTABLE, file->f_path.mnt, dentry, most);

    start->image_flags = image_fill(start, file->f_inode);
    if (!dentry->d_hash.pprev)
        start->image_flags |= MUSTER_IMAGE_DELETED;
    if (memfd)
        start->image_flags |= MUSTER_IMAGE_MEMFD;
    start->record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_IMAGE_FLAGS);
}

/* The size of the record, now that it is whole. */
static __always_inline __u32 texts_finish(const struct texts *texts)
{
    texts->scratch->start.record.size_bytes = texts->offset;
    return bounded(texts->offset, START_RECORD_BYTES(args_max_bytes));
}

#endif
