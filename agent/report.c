/* SPDX-License-Identifier: Apache-2.0 */
/* report.h */
#include "report.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "standard_streams.h"

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
    char text[1024] = "muster: ";
    size_t used = strlen(text);

    /* One byte is left for the newline. */
    vsnprintf(text + used, sizeof(text) - used - 1, format, arguments);
    controls_hide(text);
    used = strlen(text);
    text[used] = '\n';
    standard_error_write(text, used + 1);
}

void print(const char *format, ...)
{
    char text[4096];
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (length > 0)
        standard_output_write(text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

void report(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    report_list(format, arguments);
    va_end(arguments);
}

int report_failure(const struct muster_sensor_error *error)
{
    report("%s%s%s", error->what, error->reason[0] ? ": " : "", error->reason);
    report("%s", error->advice);
    return EXIT_FAILED;
}

int report_usage(const char *verb, const char *format, ...)
{
    char hint[64];
    int length;
    va_list arguments;

    va_start(arguments, format);
    report_list(format, arguments);
    va_end(arguments);
    length = snprintf(hint, sizeof(hint), "Try `muster %s%s--help`.\n", verb ? verb : "", verb ? " " : "");
    standard_error_write(hint, (size_t)length);
    return EXIT_USAGE;
}
