/* SPDX-License-Identifier: Apache-2.0 */
/* Names of user ids, for output that a person reads. One thread. */
#ifndef MUSTER_USER_NAMES_H
#define MUSTER_USER_NAMES_H

#include <stdint.h>

/* NULL where there is none. Valid until the next call. */
const char *user_name_of(uint32_t user_id);

#endif
