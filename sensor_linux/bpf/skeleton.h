/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A start for which there is no room whole: what tells who it was and what it ran, in SKELETON_BYTES at most. The fixed
 * part is complete; of the executable's path the end is kept, of the command line its length and digest.
 */
#ifndef MUSTER_BPF_SKELETON_H
#define MUSTER_BPF_SKELETON_H

#include "args_digest.h"
#include "emit.h"
#include "texts.h"

#define SKELETON_IMAGE_BYTES 128U
#define SKELETON_BYTES                                                                                                 \
    (sizeof(struct muster_process_start) + 2 * sizeof(struct muster_text_header) + SKELETON_IMAGE_BYTES)

/* Takes back what was put of the texts. */
static __always_inline void skeleton_begin(struct texts *texts)
{
    struct muster_record *record = &texts->scratch->start.record;

    record->flags |= MUSTER_RECORD_SKELETON;
    record->valid &= MUSTER_FIELD_BIT(MUSTER_FIELD_FIRST_TEXT) - 1;
    record->unavailable = MUSTER_FIELD_BIT(MUSTER_FIELD_WORKING_DIRECTORY) |
                          MUSTER_FIELD_BIT(MUSTER_FIELD_THREAD_NAME) |
                          MUSTER_FIELD_BIT(MUSTER_FIELD_PARENT_EXECUTABLE) | MUSTER_FIELD_BIT(MUSTER_FIELD_CGROUP_PATH);
    record->text_count = 0;
    texts->offset = sizeof(struct muster_process_start);
}

/* A text of which nothing is kept but its length, and its digest. */
static __always_inline void skeleton_args(struct texts *texts, struct mm_struct *mm)
{
    struct muster_process_start *start = &texts->scratch->start;
    unsigned long begin = mm->arg_start, end = mm->arg_end;
    unsigned char *room = text_room(texts, 0);

    if (end < begin || end - begin > 0xffffffffUL ||
        !args_digest(&texts->scratch->path, begin, end - begin, &start->args_digest)) {
        text_unavailable(texts, MUSTER_FIELD_ARGS);
        return;
    }
    start->record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_ARGS_DIGEST);
    text_begin((struct muster_text_header *)room, MUSTER_FIELD_ARGS, 0, 0, end - begin);
    text_end(texts, MUSTER_FIELD_ARGS, 0);
}

static __always_inline void skeleton_cgroup(struct texts *texts, struct task_struct *task)
{
    struct kernfs_node *node = cgroup_node(task);

    if (!node)
        return;
    texts->scratch->start.cgroup_id = node->id;
    texts->scratch->start.record.valid |= MUSTER_FIELD_BIT(MUSTER_FIELD_CGROUP);
}

/* Makes a skeleton of the start whose fixed part is there. */
static __always_inline void skeleton_fill(struct texts *texts, struct task_struct *task, struct linux_binprm *binprm)
{
    struct mm_struct *mm = task->mm;

    skeleton_begin(texts);
    if (binprm->filename != binprm->interp) {
        text_unavailable(texts, MUSTER_FIELD_SCRIPT);
        text_unavailable(texts, MUSTER_FIELD_INTERPRETER);
    }
    skeleton_cgroup(texts, task);
    text_executable(texts, mm->exe_file, SKELETON_IMAGE_BYTES);
    skeleton_args(texts, mm);
}

#endif
