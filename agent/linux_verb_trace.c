/* SPDX-License-Identifier: Apache-2.0 */
/* muster trace: its options. */
#include <getopt.h>
#include <string.h>

#include "filter_options.h"
#include "linux_trace.h"
#include "muster/tracer.h"
#include "options.h"
#include "report.h"
#include "standard_streams.h"
#include "verbs.h"
#include "words.h"

enum {
    OPTION_FORKS = 256,
    OPTION_MAX_ARGS,
    OPTION_COLOR,
    OPTION_DURATION,
    OPTION_NO_BASELINE,
    OPTION_BUFFER,
    OPTION_FAIL_ON_LOSS,
    OPTION_STATUS_INTERVAL,
};

static const struct option long_options[] = {
    {"format", required_argument, NULL, 'f'},
    {"output", required_argument, NULL, 'o'},
    {"forks", no_argument, NULL, OPTION_FORKS},
    {"max-args", required_argument, NULL, OPTION_MAX_ARGS},
    {"color", required_argument, NULL, OPTION_COLOR},
    FILTER_LONG_OPTIONS,
    {"help", no_argument, NULL, 'h'},
    {"duration", required_argument, NULL, OPTION_DURATION},
    {"no-baseline", no_argument, NULL, OPTION_NO_BASELINE},
    {"buffer", required_argument, NULL, OPTION_BUFFER},
    {"fail-on-loss", no_argument, NULL, OPTION_FAIL_ON_LOSS},
    {"status-interval", required_argument, NULL, OPTION_STATUS_INTERVAL},
    {NULL, 0, NULL, 0},
};

static void help_print(void)
{
    print("Usage: muster trace [OPTION]... [--] COMMAND [ARGUMENT]...\n"
          "Run COMMAND, and show every start and exit of a process in it and in all that it starts. Needs\n"
          "neither root nor BPF: it stands on ptrace(2), so it slows what it traces, and waits for the\n"
          "output rather than lose an event. Ends when all that COMMAND started has ended.\n"
          "\n"
          "  -f, --format FORMAT   text (default), ndjson, driver-messages or capture, as for `muster watch`\n"
          "  -o, --output FILE     write to FILE (emptied first, mode 0600 if new), not to standard error,\n"
          "                        which COMMAND writes to as well; - is standard output\n"
          "      --forks           report forks too, and the exits of processes that never called exec\n"
          "%s"
          "      --color WHEN      auto (default), always or never; for text. NO_COLOR is honoured\n"
          "  -h, --help            print this help\n"
          "\n"
          "%s"
          "\n"
          "Signals of the terminal are COMMAND's; those sent to muster are passed on to it. Once it has\n"
          "ended they end the trace, and what it left in the background goes on untraced, as it does\n"
          "when muster is killed.\n"
          "What tracing changes: set-id programs run without their rights, which the stream tells, and\n"
          "nobody else can trace: no strace, no gdb, no second `muster trace` inside. What it cannot see:\n"
          "processes made with CLONE_UNTRACED, and the paths and arguments of images that may be run but\n"
          "not read.\n"
          "\n"
          "Exit codes: COMMAND's own; 128 + N where signal N ended it; 125 muster itself failed, 126\n"
          "COMMAND cannot be run, 127 it was not found.\n",
          words.max_args_help, filter_help);
}

/* Options of `muster watch` that would mean nothing here. */
static int option_refuse(int option)
{
    switch (option) {
    case OPTION_DURATION:
        return report_usage("trace",
                            "option '--duration' is for watch: a trace ends when COMMAND does; timeout(1) as the "
                            "command ends it sooner");
    case OPTION_NO_BASELINE:
        return report_usage("trace", "option '--no-baseline' is for watch: of what COMMAND starts, nothing runs yet");
    case OPTION_BUFFER:
        return report_usage("trace", "option '--buffer' is for watch: here COMMAND waits for the output");
    case OPTION_STATUS_INTERVAL:
        return report_usage("trace",
                            "option '--status-interval' is for watch: the ledger of a trace stands at its end");
    default:
        return report_usage("trace", "option '--fail-on-loss' is for watch: a trace loses nothing");
    }
}

static int option_apply(struct trace_options *options, enum color_choice *color, int option, char **arguments)
{
    switch (option) {
    case 'f':
        return option_format("trace", optarg, &options->format);
    case 'o':
        options->output = optarg;
        return EXIT_DONE;
    case OPTION_FORKS:
        options->forks = true;
        return EXIT_DONE;
    case OPTION_MAX_ARGS:
        return option_max_args("trace", optarg, &options->args_max_bytes);
    case OPTION_COLOR:
        return option_color("trace", optarg, color);
    case OPTION_DURATION:
    case OPTION_NO_BASELINE:
    case OPTION_BUFFER:
    case OPTION_FAIL_ON_LOSS:
    case OPTION_STATUS_INTERVAL:
        return option_refuse(option);
    default:
        if (filter_option_is(option))
            return filter_option_apply("trace", &options->filter, option, optarg);
        return option_report("trace", arguments, option);
    }
}

static bool has_colors(const char *output)
{
    if (!output)
        return standard_error_has_colors();
    return strcmp(output, "-") == 0 && standard_output_has_colors();
}

/* EXIT_USAGE could be the command's own code, so what is wrong with the command line is 125, as env(1) has it. */
int verb_trace(int count, char **arguments)
{
    struct trace_options options = {.format = "text"};
    enum color_choice color = COLOR_AUTO;
    int option;

    opterr = 0;
    /* "+": the options behind the command are the command's. */
    while ((option = getopt_long(count, arguments, "+:f:o:h", long_options, NULL)) != -1) {
        if (option == 'h') {
            help_print();
            return EXIT_DONE;
        }
        if (option_apply(&options, &color, option, arguments) != EXIT_DONE)
            return MUSTER_TRACER_FAILED;
    }
    if (optind == count) {
        (void)report_usage("trace", "name a command, such as `muster trace -- make`");
        return MUSTER_TRACER_FAILED;
    }
    options.command = arguments + optind;
    options.color = color_settle(color, has_colors(options.output));
    return trace_run(&options);
}
