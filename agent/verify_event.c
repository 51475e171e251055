/* SPDX-License-Identifier: Apache-2.0 */
/* verify_event.h */
#include "verify_event.h"

#include <string.h>

#include "muster/record.h"

#define MIXER UINT64_C(0x9e3779b97f4a7c15)

static uint64_t mix(uint64_t digest, uint64_t word)
{
    digest = (digest ^ word) * MIXER;
    return digest ^ digest >> 29;
}

uint64_t verify_digest(const void *bytes, uint64_t size_bytes)
{
    const unsigned char *at = bytes;
    uint64_t digest = mix(MIXER, size_bytes), word = 0;

    for (; size_bytes >= sizeof(word); at += sizeof(word), size_bytes -= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        digest = mix(digest, word);
    }
    word = 0;
    if (size_bytes > 0)
        memcpy(&word, at, size_bytes);
    return mix(digest, word);
}

unsigned verify_cause(const char *name, uint64_t size_bytes)
{
    for (unsigned cause = 0; cause < MUSTER_CAUSE_COUNT; cause++) {
        const char *known = muster_cause_name(cause);

        if (strlen(known) == size_bytes && memcmp(known, name, size_bytes) == 0)
            return cause;
    }
    return VERIFY_CAUSE_OTHER;
}

const char *verify_cause_name(unsigned cause)
{
    return cause < MUSTER_CAUSE_COUNT ? muster_cause_name(cause) : "others";
}
