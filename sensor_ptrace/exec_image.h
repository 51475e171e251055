/* SPDX-License-Identifier: Apache-2.0 */
/* The file that a process which stands still has mapped as its image, as stat(2) has it. */
#ifndef MUSTER_EXEC_IMAGE_H
#define MUSTER_EXEC_IMAGE_H

#include <stdbool.h>

#include "muster/wire.h"
#include "tracee_facts.h"

/* Fills the fields of the image into *start, and its set-id bits into image_flags, whose own bit is the caller's to
 * set. What cannot be had is marked so. False where the image may not be looked at. */
bool exec_image_put(struct muster_process_start *start);

/* Whether the image has set-id bits that should have given the process other ids than it has. */
bool exec_rights_withheld(const struct tracee_facts *facts);

#endif
