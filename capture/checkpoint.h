/* SPDX-License-Identifier: Apache-2.0 */
/* The payload of a checkpoint, which is hostile input where it is read. */
#ifndef MUSTER_CAPTURE_CHECKPOINT_H
#define MUSTER_CAPTURE_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "muster/capture_file.h"

/* `payload` is aligned to 8. False, outputs untouched, where it is none. */
bool checkpoint_decode(const unsigned char *payload, size_t payload_bytes,
                       struct muster_capture_checkpoint *ret_checkpoint,
                       struct muster_capture_description *ret_description);

#endif
