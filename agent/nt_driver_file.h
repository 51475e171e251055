/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's file, where Windows loads it from. Functions return ERROR_SUCCESS or the system's error. */
#ifndef MUSTER_NT_DRIVER_FILE_H
#define MUSTER_NT_DRIVER_FILE_H

#include <stdbool.h>
#include <wchar.h>

/* Whether both are there and hold the same bytes. */
bool nt_driver_file_same(const wchar_t *left, const wchar_t *right);

/* The name under which the file for `to` comes in, beside it. The caller frees; NULL where memory ran out. */
wchar_t *nt_driver_file_new(const wchar_t *to);

/* Copies to that name. Where `from` stands others may write; where the copy stands only administrators
 * may, so it is the copy that can be trusted to stay what it is seen to be. */
unsigned long nt_driver_file_copy(const wchar_t *from, const wchar_t *fresh);

/* Gives the copy its name, replacing what has it. Where that fails the copy is deleted. */
unsigned long nt_driver_file_place(const wchar_t *fresh, const wchar_t *to);

/* Deletes it. That it is not there is no error; one that is in use goes at the next start of Windows,
 * and *ret_later says so. */
unsigned long nt_driver_file_delete(const wchar_t *path, bool *ret_later);

/* muster.sys beside this program. The caller frees; NULL where memory ran out. */
wchar_t *nt_driver_file_beside(void);

#endif
