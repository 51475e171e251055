/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DbgPrint, to stderr. Formats are Windows': %lu and %ld take 32 bits, %ws UTF-16, %wZ a UNICODE_STRING. Those
 * with UTF-16 need tables that are paged, so they are for PASSIVE_LEVEL.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "simulated_nt/sim_internal.h"

#define SPEC_BYTES 32

/* As the DDK's DbgPrint, DbgPrintEx. */
unsigned DbgPrint(const char *format, ...);
unsigned DbgPrintEx(unsigned component, unsigned level, const char *format, ...);

struct counted { /* a UNICODE_STRING or an ANSI_STRING */
    uint16_t length_bytes;
    uint16_t maximum_bytes;
    const void *buffer;
};

/* One conversion, taken apart: "%-08" flags and width, then what the letters between mean. */
struct conversion {
    char start[SPEC_BYTES];
    bool wide;   /* w or l in front of a text */
    bool bits64; /* I64, ll, z, I */
    char letter;
};

static void print_utf16(const uint16_t *units, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)fputc(units[i] < 0x80 ? units[i] : '?', stderr);
}

static const char *parse(const char *at, struct conversion *ret)
{
    size_t length = strspn(at + 1, "-+ #0123456789.") + 1;

    *ret = (struct conversion){.letter = '\0'};
    if (length > SPEC_BYTES - 4)
        length = SPEC_BYTES - 4;
    (void)memcpy(ret->start, at, length);
    at += length;
    for (;; at++) {
        if (strncmp(at, "I64", 3) == 0 || strncmp(at, "ll", 2) == 0) {
            ret->bits64 = true;
            at += *at == 'I' ? 2 : 1;
        } else if (strncmp(at, "I32", 3) == 0) {
            at += 2;
        } else if (*at == 'z' || *at == 'I') {
            ret->bits64 = true;
        } else if (*at == 'l' || *at == 'w') {
            ret->wide = true;
        } else if (*at != 'h') {
            break;
        }
    }
    ret->letter = *at;
    return *at == '\0' ? at : at + 1;
}

static void print_number(const struct conversion *conversion, va_list *arguments)
{
    char format[SPEC_BYTES + 4];

    (void)snprintf(format, sizeof format, "%s%s%c", conversion->start, conversion->bits64 ? "ll" : "",
                   conversion->letter);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (conversion->bits64)
        (void)fprintf(stderr, format, va_arg(*arguments, long long));
    else
        (void)fprintf(stderr, format, va_arg(*arguments, int));
#pragma GCC diagnostic pop
}

static void print_counted(const struct counted *text, bool wide)
{
    if (text == NULL || text->buffer == NULL)
        (void)fputs("(null)", stderr);
    else if (wide)
        print_utf16(text->buffer, text->length_bytes / 2);
    else
        (void)fwrite(text->buffer, 1, text->length_bytes, stderr);
}

static void print_text(const void *text, bool wide)
{
    const uint16_t *units = text;
    size_t count = 0;

    if (text == NULL) {
        (void)fputs("(null)", stderr);
    } else if (!wide) {
        (void)fputs(text, stderr);
    } else {
        while (units[count] != 0)
            count++;
        print_utf16(units, count);
    }
}

static void require_passive(const char *call, bool wide)
{
    if (wide && sim_irql() != SIM_IRQL_PASSIVE)
        sim_broken(call, "a UTF-16 conversion at IRQL %u; it has to be %u", sim_irql(), SIM_IRQL_PASSIVE);
}

static void print_one(const char *call, struct conversion *conversion, va_list *arguments)
{
    switch (conversion->letter) {
    case 'Z':
        require_passive(call, conversion->wide);
        print_counted(va_arg(*arguments, const struct counted *), conversion->wide);
        break;
    case 'S':
    case 's':
        conversion->wide = conversion->wide || conversion->letter == 'S';
        require_passive(call, conversion->wide);
        print_text(va_arg(*arguments, const void *), conversion->wide);
        break;
    case 'p':
        (void)fprintf(stderr, "%016llX", (unsigned long long)(uintptr_t)va_arg(*arguments, void *));
        break;
    case '%':
        (void)fputc('%', stderr);
        break;
    default:
        if (strchr("diouxXcC", conversion->letter) == NULL || conversion->letter == '\0')
            sim_broken(call, "a conversion %%%c that the simulator does not know", conversion->letter);
        print_number(conversion, arguments);
    }
}

static void print_all(const char *call, const char *format, va_list *arguments)
{
    struct conversion conversion;

    sim_own_begin();
    while (*format != '\0') {
        if (*format != '%') {
            (void)fputc(*format++, stderr);
            continue;
        }
        format = parse(format, &conversion);
        print_one(call, &conversion, arguments);
    }
    sim_own_end();
}

unsigned DbgPrint(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_all("DbgPrint", format, &arguments);
    va_end(arguments);
    return 0;
}

unsigned DbgPrintEx(unsigned component, unsigned level, const char *format, ...)
{
    va_list arguments;

    (void)component;
    (void)level;
    va_start(arguments, format);
    print_all("DbgPrintEx", format, &arguments);
    va_end(arguments);
    return 0;
}
