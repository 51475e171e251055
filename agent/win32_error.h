/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong on Windows, for a person. */
#ifndef MUSTER_WIN32_ERROR_H
#define MUSTER_WIN32_ERROR_H

#include <stddef.h>

/* What the system says about an error of GetLastError, with its number. Never empty. */
void win32_reason(unsigned long error, char *text, size_t capacity_bytes);

/* What to do about it; a static string, never NULL. win32_advice.c. */
const char *win32_advice(unsigned long error);

/* The same where the service manager said it. */
const char *win32_service_advice(unsigned long error);

/* The errno that comes nearest; EIO where none does. */
int win32_errno(unsigned long error);

#endif
