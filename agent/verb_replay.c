/* SPDX-License-Identifier: Apache-2.0 */
/* muster replay: its options. */
#include <getopt.h>
#include <string.h>

#include "filter_options.h"
#include "options.h"
#include "replay.h"
#include "report.h"
#include "standard_streams.h"
#include "verbs.h"
#include "words.h"

enum { OPTION_COLOR = 256 };

static const struct option long_options[] = {
    {"format", required_argument, NULL, 'f'},
    {"output", required_argument, NULL, 'o'},
    {"color", required_argument, NULL, OPTION_COLOR},
    FILTER_LONG_OPTIONS,
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void help_print(void)
{
    print("Usage: muster replay [OPTION]... FILE...\n"
          "Read captures (`muster watch --format capture`) back, and write them as if they happened now:\n"
          "the same events, numbers and times. A capture of Windows can be read on Linux, and the other way\n"
          "round; - is standard input.\n"
          "\n"
          "What is damaged is told on standard error, and what that has lost stands in the output as\n"
          "events-lost, in its place where that is known. All that stands around it is read.\n"
          "\n"
          "  -f, --format FORMAT   text (default), ndjson, driver-messages or capture, as for `muster watch`\n"
          "  -o, --output FILE     write to FILE (emptied first, %s); - is standard output\n"
          "      --color WHEN      auto (default), always or never; for text. NO_COLOR is honoured\n"
          "  -h, --help            print this help\n"
          "\n"
          "%s"
          "\n"
          "Exit codes: 0 done, 1 failure, 2 usage, 3 a capture is damaged or cut: what could be read of it\n"
          "was written.\n",
          words.new_file, filter_help);
}

static int option_apply(struct replay_options *options, enum color_choice *color, int option, char **arguments)
{
    switch (option) {
    case 'f':
        return option_format("replay", optarg, &options->format);
    case 'o':
        options->output = optarg;
        return EXIT_DONE;
    case OPTION_COLOR:
        return option_color("replay", optarg, color);
    default:
        if (filter_option_is(option))
            return filter_option_apply("replay", &options->filter, option, optarg);
        return option_report("replay", arguments, option);
    }
}

int verb_replay(int count, char **arguments)
{
    struct replay_options options = {.format = "text"};
    enum color_choice color = COLOR_AUTO;
    int option, code;
    bool standard;

    opterr = 0;
    while ((option = getopt_long(count, arguments, ":f:o:h", long_options, NULL)) != -1) {
        if (option == 'h') {
            help_print();
            return EXIT_DONE;
        }
        code = option_apply(&options, &color, option, arguments);
        if (code != EXIT_DONE)
            return code;
    }
    if (optind == count)
        return report_usage("replay", "name a capture, such as `muster replay events.capture`");
    standard = !options.output || strcmp(options.output, "-") == 0;
    options.color = color_settle(color, standard && standard_output_has_colors());
    options.files = arguments + optind;
    return replay_run(&options);
}
