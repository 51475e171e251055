/* SPDX-License-Identifier: Apache-2.0 */
/* options.h */
#include "options.h"

#include <stdlib.h>
#include <string.h>

#include "muster/sensor.h"
#include "report.h"
#include "units.h"

int option_report(const char *verb, char **arguments, int found)
{
    const char *argument = arguments[optind - 1];

    /* glibc tells a value that is not wanted by '?', and mingw's getopt_long by ':'. */
    if (found == ':' && !(argument[0] == '-' && argument[1] == '-' && strchr(argument, '=')))
        return report_usage(verb, "option '%s' needs a value", argument);
    /* A short option may stand in the middle of its argument; a long one is the argument. */
    if (optopt > ' ' && optopt < 127 && argument[0] == '-' && argument[1] != '-')
        return report_usage(verb, "there is no option '-%c'", optopt);
    if (optopt != 0)
        return report_usage(verb, "option '%s' takes no value", argument);
    return report_usage(verb, "there is no option '%s'", argument);
}

int option_format(const char *verb, const char *value, const char **ret_format)
{
    static const char *const formats[] = {"text", "ndjson", "driver-messages", "capture"};
    size_t i = 0;

    while (i < sizeof(formats) / sizeof(*formats) && strcmp(value, formats[i]) != 0)
        i++;
    if (i == sizeof(formats) / sizeof(*formats))
        return report_usage(verb, "unknown format '%s': text, ndjson, driver-messages or capture", value);
    *ret_format = value;
    return EXIT_DONE;
}

int option_buffer(const char *verb, const char *value, size_t *ret_bytes)
{
    uint64_t bytes, rounded = MUSTER_SENSOR_BUFFER_MIN;

    if (!size_parse(value, &bytes) || bytes < MUSTER_SENSOR_BUFFER_MIN || bytes > MUSTER_SENSOR_BUFFER_MAX)
        return report_usage(verb, "bad size '%s': 64K to 1G", value);
    while (rounded < bytes)
        rounded *= 2;
    *ret_bytes = rounded;
    return EXIT_DONE;
}

int option_status_interval(const char *verb, const char *value, uint64_t *ret_ms)
{
    if (!time_parse(value, ret_ms))
        return report_usage(verb, "bad time '%s': a number with ms, s, m, h or d, or 0", value);
    return EXIT_DONE;
}

int option_max_args(const char *verb, const char *value, size_t *ret_bytes)
{
    uint64_t bytes;

    if (!size_parse(value, &bytes) || bytes < MUSTER_ARGS_LIMIT_MIN || bytes > MUSTER_ARGS_LIMIT_MAX)
        return report_usage(verb, "bad size '%s': 4K to 128K", value);
    *ret_bytes = (size_t)bytes;
    return EXIT_DONE;
}

int option_color(const char *verb, const char *value, enum color_choice *ret_color)
{
    static const char *const names[] = {[COLOR_NEVER] = "never", [COLOR_ALWAYS] = "always", [COLOR_AUTO] = "auto"};

    for (int i = 0; i < 3; i++)
        if (strcmp(value, names[i]) == 0) {
            *ret_color = (enum color_choice)i;
            return EXIT_DONE;
        }
    return report_usage(verb, "unknown colour choice '%s': auto, always or never", value);
}

/* https://no-color.org: set and not empty. */
enum muster_color color_settle(enum color_choice choice, bool able)
{
    const char *no_color = getenv("NO_COLOR");

    if (choice != COLOR_AUTO)
        return choice == COLOR_ALWAYS ? MUSTER_COLOR_ALWAYS : MUSTER_COLOR_NEVER;
    return able && !(no_color && no_color[0]) ? MUSTER_COLOR_ALWAYS : MUSTER_COLOR_NEVER;
}
