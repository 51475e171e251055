/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status values as English. Called by whoever reports a failure, in any context.
 */
#include "muster/status.h"

const char *muster_status_text(enum muster_status status)
{
    switch (status) {
    case MUSTER_OK:
        return "ok";
    case MUSTER_EMPTY:
        return "nothing to take";
    case MUSTER_REFUSED:
        return "refused at this IRQL";
    case MUSTER_NO_ROOM:
        return "over the byte budget";
    case MUSTER_NO_MEMORY:
        return "out of memory";
    case MUSTER_TOO_SMALL:
        return "the buffer does not hold one record";
    case MUSTER_INVALID:
        return "malformed or out of range";
    case MUSTER_UNSUPPORTED:
        return "of a version or type that is not known";
    case MUSTER_WRONG_STATE:
        return "not possible in this state";
    case MUSTER_OUTPUT_FAILED:
        return "could not write the output";
    case MUSTER_INPUT_FAILED:
        return "could not read the input";
    }
    return "unknown status";
}
