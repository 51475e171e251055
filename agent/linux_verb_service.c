/* SPDX-License-Identifier: Apache-2.0 */
/* muster service: its options. */
#include <getopt.h>
#include <string.h>

#include "filter_options.h"
#include "linux_service.h"
#include "options.h"
#include "report.h"
#include "verbs.h"
#include "words.h"

enum {
    OPTION_FORKS = 256,
    OPTION_BASELINE,
    OPTION_NO_BASELINE,
    OPTION_BUFFER,
    OPTION_STATUS_INTERVAL,
    OPTION_NO_FSYNC,
    OPTION_PINS,
    OPTION_UNINSTALL,
};

static const struct option long_options[] = {
    {"format", required_argument, NULL, 'f'},
    {"output", required_argument, NULL, 'o'},
    {"forks", no_argument, NULL, OPTION_FORKS},
    {"baseline", no_argument, NULL, OPTION_BASELINE},
    {"no-baseline", no_argument, NULL, OPTION_NO_BASELINE},
    {"buffer", required_argument, NULL, OPTION_BUFFER},
    {"status-interval", required_argument, NULL, OPTION_STATUS_INTERVAL},
    {"no-fsync", no_argument, NULL, OPTION_NO_FSYNC},
    {"pins", required_argument, NULL, OPTION_PINS},
    {"uninstall", no_argument, NULL, OPTION_UNINSTALL},
    FILTER_LONG_OPTIONS,
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct service_line {
    const char *action;
    const char *pins;
    struct watch_options watch;
    bool uninstall;
    bool for_run; /* an option was given that only `run` has */
};

static void help_print(void)
{
    print("Usage: muster service run [OPTION]...\n"
          "       muster service stop [--uninstall]\n"
          "       muster service status\n"
          "Keep the kernel side in bpffs, where it goes on numbering and recording while no agent runs. What an\n"
          "agent that dies had not delivered, the next one does, with the same numbers.\n"
          "\n"
          "  run     take over what is kept, or begin; deliver until SIGTERM or Ctrl-C, after which the kernel\n"
          "          side goes on recording\n"
          "  stop    end that, and the agent, which delivers the rest first\n"
          "  status  whether one runs, and what is kept\n"
          "\n"
          "  -f, --format FORMAT   ndjson (default), text or driver-messages\n"
          "  -o, --output FILE     append to FILE (%s), in whole lines; - is standard output\n"
          "%s"
          "      --baseline        list the processes that already run after each start; by default it is\n"
          "                        done once for each kernel side\n"
          "      --no-baseline     leave them out\n"
          "      --buffer SIZE     %s\n"
          "      --status-interval TIME  put the ledger into the stream each TIME (default 60s); 0: never\n"
          "      --no-fsync        do not wait for the disk before what was delivered is let go\n"
          "      --pins DIR        keep it in DIR, in a file system of type bpf (default /sys/fs/bpf/muster)\n"
          "      --uninstall       stop: leave nothing behind; what no output has is thrown away\n"
          "  -h, --help            print this help\n"
          "\n"
          "%s"
          "\n"
          "Needs root. Exit codes: 0 done, 1 failure (status: nothing records), 2 usage.\n",
          words.new_file, words.forks_help, words.buffer_help, filter_help);
}

static int format_set(struct service_line *line, const char *value)
{
    static const char *const formats[] = {"ndjson", "text", "driver-messages"};

    if (strcmp(value, "capture") == 0)
        return report_usage("service", "a capture is not appended to: ndjson, text or driver-messages");
    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
        if (strcmp(value, formats[i]) == 0) {
            line->watch.format = formats[i];
            return EXIT_DONE;
        }
    return report_usage("service", "unknown format '%s': ndjson, text or driver-messages", value);
}

static int run_option_apply(struct service_line *line, int option, char **arguments)
{
    struct watch_options *watch = &line->watch;

    line->for_run = true;
    switch (option) {
    case 'f':
        return format_set(line, optarg);
    case 'o':
        watch->output = optarg;
        return EXIT_DONE;
    case OPTION_FORKS:
        watch->forks = true;
        return EXIT_DONE;
    case OPTION_BASELINE:
        watch->baseline = watch->baseline_again = true;
        return EXIT_DONE;
    case OPTION_NO_BASELINE:
        watch->baseline = false;
        return EXIT_DONE;
    case OPTION_BUFFER:
        return option_buffer("service", optarg, &watch->buffer_bytes);
    case OPTION_STATUS_INTERVAL:
        return option_status_interval("service", optarg, &watch->status_interval_ms);
    case OPTION_NO_FSYNC:
        watch->durable = false;
        return EXIT_DONE;
    default:
        if (filter_option_is(option))
            return filter_option_apply("service", &watch->filter, option, optarg);
        return option_report("service", arguments, option);
    }
}

static int option_apply(struct service_line *line, int option, char **arguments)
{
    if (option == OPTION_PINS)
        line->pins = optarg;
    else if (option == OPTION_UNINSTALL)
        line->uninstall = true;
    else
        return run_option_apply(line, option, arguments);
    return EXIT_DONE;
}

static int line_run(const struct service_line *line)
{
    bool run = strcmp(line->action, "run") == 0, stop = strcmp(line->action, "stop") == 0;

    if (!run && !stop && strcmp(line->action, "status") != 0)
        return report_usage("service", "cannot '%s' the service: run, stop or status", line->action);
    if (line->for_run && !run)
        return report_usage("service", "%s takes no options of run", line->action);
    if (line->uninstall && !stop)
        return report_usage("service", "option '--uninstall' is for stop");
    if (run)
        return service_run(line->pins, &line->watch);
    return stop ? service_stop(line->pins, line->uninstall) : service_status(line->pins);
}

int verb_service(int count, char **arguments)
{
    struct service_line line = {
        .watch =
            {
                .format = "ndjson",
                .baseline = true,
                .durable = true,
                .buffer_bytes = words.buffer_default_bytes,
                .status_interval_ms = OPTION_STATUS_INTERVAL_DEFAULT_MS,
                .output_open = output_file_append,
            },
    };
    int option, code;

    opterr = 0;
    while ((option = getopt_long(count, arguments, ":f:o:h", long_options, NULL)) != -1) {
        if (option == 'h') {
            help_print();
            return EXIT_DONE;
        }
        code = option_apply(&line, option, arguments);
        if (code != EXIT_DONE)
            return code;
    }
    line.action = optind < count ? arguments[optind++] : NULL;
    if (!line.action)
        return report_usage("service", "say what to do: run, stop or status");
    if (optind < count)
        return report_usage("service", "unexpected argument '%s'", arguments[optind]);
    return line_run(&line);
}
