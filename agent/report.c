/* SPDX-License-Identifier: Apache-2.0 */
/* report.h */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>

MUSTER_PRINTF(1, 0)
static void report_list(const char *format, va_list arguments)
{
    fputs("muster: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void report(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    report_list(format, arguments);
    va_end(arguments);
}

int report_usage(const char *verb, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    report_list(format, arguments);
    va_end(arguments);
    fprintf(stderr, "Try `muster %s%s--help`.\n", verb ? verb : "", verb ? " " : "");
    return EXIT_USAGE;
}
