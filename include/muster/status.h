/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one status type of core and sinks. It becomes an errno or an NTSTATUS only at the border of
 * the agent or the driver. A function that does not return MUSTER_OK leaves its outputs untouched,
 * unless its declaration says otherwise.
 */
#ifndef MUSTER_STATUS_H
#define MUSTER_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

enum muster_status {
    MUSTER_OK = 0,
    MUSTER_EMPTY,         /* nothing to take */
    MUSTER_REFUSED,       /* called at an IRQL that forbids it; counted */
    MUSTER_NO_ROOM,       /* over the byte budget of its class; counted */
    MUSTER_NO_MEMORY,     /* an allocation failed; where it cost an event, counted */
    MUSTER_TOO_SMALL,     /* the caller's buffer does not hold one record */
    MUSTER_INVALID,       /* malformed input, or a value out of its range */
    MUSTER_UNSUPPORTED,   /* well-formed, but of a version or type that this reader does not know */
    MUSTER_WRONG_STATE,   /* the call does not fit what came before, such as an ack of no open lease */
    MUSTER_OUTPUT_FAILED, /* a sink could not write; errno says why */
    MUSTER_INPUT_FAILED,  /* a source could not be read; errno says why */
};

/* A short English phrase without a final stop; never NULL, for unknown values too. */
const char *muster_status_text(enum muster_status status);

#ifdef __cplusplus
}
#endif

#endif
