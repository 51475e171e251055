/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is said to be the driver: is it? Looked at before the system is asked to load it. */
#ifndef MUSTER_NT_DRIVER_IMAGE_H
#define MUSTER_NT_DRIVER_IMAGE_H

#include <stdbool.h>
#include <wchar.h>

struct nt_driver_image {
    unsigned short version[4]; /* of the file */
    bool is_signed;            /* it carries a signature, good or not */
};

/* False where `path` is no driver of Muster's for this machine; *ret_what then says why (static) and *ret_error
 * is the error of the system, or 0. */
bool nt_driver_image_check(const wchar_t *path, struct nt_driver_image *ret_image, const char **ret_what,
                           unsigned long *ret_error);

#endif
