/* SPDX-License-Identifier: Apache-2.0 */
/* muster watch: its options. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "muster/sensor.h"
#include "options.h"
#include "report.h"
#include "standard_streams.h"
#include "units.h"
#include "verbs.h"
#include "watch.h"
#include "words.h"

enum {
    OPTION_FORKS = 256,
    OPTION_NO_BASELINE,
    OPTION_BUFFER,
    OPTION_FAIL_ON_LOSS,
    OPTION_COLOR,
};

static const struct option long_options[] = {
    {"format", required_argument, NULL, 'f'},
    {"output", required_argument, NULL, 'o'},
    {"duration", required_argument, NULL, 'd'},
    {"forks", no_argument, NULL, OPTION_FORKS},
    {"no-baseline", no_argument, NULL, OPTION_NO_BASELINE},
    {"buffer", required_argument, NULL, OPTION_BUFFER},
    {"fail-on-loss", no_argument, NULL, OPTION_FAIL_ON_LOSS},
    {"color", required_argument, NULL, OPTION_COLOR},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void help_print(void)
{
    print("Usage: muster watch [OPTION]...\n"
          "Show every process that starts and ends, live, until Ctrl-C. First come those that already\n"
          "run. Every event is numbered in the kernel; what cannot be delivered is told in its place.\n"
          "\n"
          "  -f, --format FORMAT   text (default): for a person at a terminal\n"
          "                        ndjson: one JSON object a line, Elastic Common Schema\n"
          "                        driver-messages: one JSON object a batch, process starts and messages only\n"
          "  -o, --output FILE     write to FILE (emptied first, %s); - is standard output\n"
          "  -d, --duration TIME   stop after TIME: a number with ms, s (default), m, h or d\n"
          "%s"
          "      --no-baseline     leave out the processes that already run\n"
          "      --buffer SIZE     %s\n"
          "      --fail-on-loss    end with 3 if events were lost\n"
          "      --color WHEN      auto (default), always or never; for text. NO_COLOR is honoured\n"
          "  -h, --help            print this help\n"
          "\n"
          "%s Exit codes: 0 done, 1 failure,\n"
          "2 usage, 3 events were lost and --fail-on-loss was given.\n",
          words.new_file, words.forks_help, words.buffer_help, words.watch_needs);
}

static bool format_known(const char *format)
{
    return strcmp(format, "text") == 0 || strcmp(format, "ndjson") == 0 || strcmp(format, "driver-messages") == 0;
}

static int format_set(struct watch_options *options, const char *value)
{
    if (!format_known(value))
        return report_usage("watch", "unknown format '%s': text, ndjson or driver-messages", value);
    options->format = value;
    return EXIT_DONE;
}

static int duration_set(struct watch_options *options, const char *value)
{
    if (!time_parse(value, &options->duration_ms) || options->duration_ms == 0)
        return report_usage("watch", "bad time '%s': a number above 0 with ms, s, m, h or d", value);
    return EXIT_DONE;
}

static int buffer_set(struct watch_options *options, const char *value)
{
    uint64_t bytes, rounded = MUSTER_SENSOR_BUFFER_MIN;

    if (!size_parse(value, &bytes) || bytes < MUSTER_SENSOR_BUFFER_MIN || bytes > MUSTER_SENSOR_BUFFER_MAX)
        return report_usage("watch", "bad size '%s': 64K to 1G", value);
    while (rounded < bytes)
        rounded *= 2;
    options->buffer_bytes = rounded;
    return EXIT_DONE;
}

/* auto is settled later, when the output is known. */
static int color_set(int *ret_color, const char *value)
{
    static const char *const names[] = {"never", "always", "auto"};

    for (int i = 0; i < 3; i++)
        if (strcmp(value, names[i]) == 0) {
            *ret_color = i;
            return EXIT_DONE;
        }
    return report_usage("watch", "unknown colour choice '%s': auto, always or never", value);
}

/* https://no-color.org: set and not empty. */
static enum muster_color color_settle(int wanted, const char *output)
{
    const char *no_color = getenv("NO_COLOR");
    bool to_standard_output = !output || strcmp(output, "-") == 0;

    if (wanted == MUSTER_COLOR_NEVER || wanted == MUSTER_COLOR_ALWAYS)
        return (enum muster_color)wanted;
    if (no_color && no_color[0])
        return MUSTER_COLOR_NEVER;
    return to_standard_output && standard_output_has_colors() ? MUSTER_COLOR_ALWAYS : MUSTER_COLOR_NEVER;
}

static int option_apply(struct watch_options *options, int *color, int option, char **arguments)
{
    switch (option) {
    case 'f':
        return format_set(options, optarg);
    case 'o':
        options->output = optarg;
        return EXIT_DONE;
    case 'd':
        return duration_set(options, optarg);
    case OPTION_FORKS:
        if (!words.has_forks)
            return report_usage("watch", "option '--forks': processes are not forked on this system");
        options->forks = true;
        return EXIT_DONE;
    case OPTION_NO_BASELINE:
        options->baseline = false;
        return EXIT_DONE;
    case OPTION_BUFFER:
        return buffer_set(options, optarg);
    case OPTION_FAIL_ON_LOSS:
        options->fail_on_loss = true;
        return EXIT_DONE;
    case OPTION_COLOR:
        return color_set(color, optarg);
    default:
        return option_report("watch", arguments, option);
    }
}

int verb_watch(int count, char **arguments)
{
    struct watch_options options = {.format = "text", .baseline = true, .buffer_bytes = words.buffer_default_bytes};
    int option, color = 2, code;

    opterr = 0;
    while ((option = getopt_long(count, arguments, ":f:o:d:h", long_options, NULL)) != -1) {
        if (option == 'h') {
            help_print();
            return EXIT_DONE;
        }
        code = option_apply(&options, &color, option, arguments);
        if (code != EXIT_DONE)
            return code;
    }
    if (optind < count)
        return report_usage("watch", "unexpected argument '%s'", arguments[optind]);
    options.color = color_settle(color, options.output);
    return watch_run(&options);
}
