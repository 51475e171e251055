/* SPDX-License-Identifier: Apache-2.0 */
/* muster watch: its options. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "filter_options.h"
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
    OPTION_STATUS_INTERVAL,
    OPTION_MAX_ARGS,
};

static const struct option long_options[] = {
    {"format", required_argument, NULL, 'f'},
    {"output", required_argument, NULL, 'o'},
    {"duration", required_argument, NULL, 'd'},
    {"forks", no_argument, NULL, OPTION_FORKS},
    {"no-baseline", no_argument, NULL, OPTION_NO_BASELINE},
    {"buffer", required_argument, NULL, OPTION_BUFFER},
    {"max-args", required_argument, NULL, OPTION_MAX_ARGS},
    {"fail-on-loss", no_argument, NULL, OPTION_FAIL_ON_LOSS},
    {"status-interval", required_argument, NULL, OPTION_STATUS_INTERVAL},
    {"color", required_argument, NULL, OPTION_COLOR},
    FILTER_LONG_OPTIONS,
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
          "                        capture: the records themselves, for `muster replay`; any damage is found\n"
          "  -o, --output FILE     write to FILE (emptied first, %s); - is standard output\n"
          "  -d, --duration TIME   stop after TIME: a number with ms, s (default), m, h or d\n"
          "%s"
          "      --no-baseline     leave out the processes that already run\n"
          "      --buffer SIZE     %s\n"
          "%s"
          "      --status-interval TIME  put the ledger into the stream each TIME (default 60s); 0: never\n"
          "      --fail-on-loss    end with 3 if events were lost\n"
          "      --color WHEN      auto (default), always or never; for text. NO_COLOR is honoured\n"
          "  -h, --help            print this help\n"
          "\n"
          "%s"
          "\n"
          "%s Exit codes: 0 done, 1 failure,\n"
          "2 usage, 3 events were lost and --fail-on-loss was given.\n",
          words.new_file, words.forks_help, words.buffer_help, words.max_args_help, filter_help, words.watch_needs);
}

static int duration_set(struct watch_options *options, const char *value)
{
    if (!time_parse(value, &options->duration_ms) || options->duration_ms == 0)
        return report_usage("watch", "bad time '%s': a number above 0 with ms, s, m, h or d", value);
    return EXIT_DONE;
}

static int option_apply(struct watch_options *options, enum color_choice *color, int option, char **arguments)
{
    switch (option) {
    case 'f':
        return option_format("watch", optarg, &options->format);
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
        return option_buffer("watch", optarg, &options->buffer_bytes);
    case OPTION_MAX_ARGS:
        if (!words.max_args_help[0])
            return report_usage("watch", "option '--max-args': command lines are always whole on this system");
        return option_max_args("watch", optarg, &options->args_max_bytes);
    case OPTION_FAIL_ON_LOSS:
        options->fail_on_loss = true;
        return EXIT_DONE;
    case OPTION_STATUS_INTERVAL:
        return option_status_interval("watch", optarg, &options->status_interval_ms);
    case OPTION_COLOR:
        return option_color("watch", optarg, color);
    default:
        if (filter_option_is(option))
            return filter_option_apply("watch", &options->filter, option, optarg);
        return option_report("watch", arguments, option);
    }
}

static bool to_standard_output(const char *output)
{
    return !output || strcmp(output, "-") == 0;
}

int verb_watch(int count, char **arguments)
{
    struct watch_options options = {.format = "text",
                                    .baseline = true,
                                    .buffer_bytes = words.buffer_default_bytes,
                                    .status_interval_ms = OPTION_STATUS_INTERVAL_DEFAULT_MS};
    enum color_choice color = COLOR_AUTO;
    int option, code;

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
    if (options.args_max_bytes > options.buffer_bytes / 2)
        return report_usage("watch", "a --buffer of twice --max-args is needed: a start may be longer than half of it");
    options.color = color_settle(color, to_standard_output(options.output) && standard_output_has_colors());
    return watch_run(&options);
}
