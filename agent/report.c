/* SPDX-License-Identifier: Apache-2.0 */
/* report.h */
#include "report.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

/* What is told may quote the command line, and must not drive the terminal: C0, DEL, and C1 as
 * UTF-8 has it. */
static void controls_hide(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at; at++) {
        bool c1 = at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f;

        if (*at < 0x20 || *at == 0x7f)
            *at = '?';
        else if (c1)
            at[0] = at[1] = '?';
    }
}

MUSTER_PRINTF(1, 0)
static void report_list(const char *format, va_list arguments)
{
    char text[1024];

    vsnprintf(text, sizeof(text), format, arguments);
    controls_hide(text);
    fprintf(stderr, "muster: %s\n", text);
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
