/* SPDX-License-Identifier: Apache-2.0 */
/* Captures, as `muster verify` reads them: what their records say, and what is not as it was written. */
#ifndef MUSTER_VERIFY_CAPTURE_H
#define MUSTER_VERIFY_CAPTURE_H

#include "verification.h"

/* .verification and .file are set, all else zero to begin with. */
struct verify_capture {
    struct verification *verification;
    const char *file;
    uint64_t capture_count;
    uint64_t record_count;
};

/* One part of it, as muster_capture_read gives them. */
void verify_capture_take(struct verify_capture *capture, const struct muster_capture_part *part);

#endif
