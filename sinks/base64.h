/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 of RFC 4648, section 4, with padding: what Elasticsearch, jq (@base64d) and Python read. */
#ifndef MUSTER_SINKS_BASE64_H
#define MUSTER_SINKS_BASE64_H

#include <stddef.h>

struct buffer;

void base64_append(struct buffer *buffer, const char *bytes, size_t size_bytes);

#endif
