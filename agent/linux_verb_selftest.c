/* SPDX-License-Identifier: Apache-2.0 */
/* muster selftest: its options. */
#include <getopt.h>

#include "options.h"
#include "report.h"
#include "selftest.h"
#include "units.h"
#include "verbs.h"

enum { OPTION_COUNT = 256, OPTION_FILE, OPTION_JSON };

static const struct option long_options[] = {
    {"count", required_argument, NULL, OPTION_COUNT},
    {"file", required_argument, NULL, OPTION_FILE},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void help_print(void)
{
    print("Usage: muster selftest [OPTION]...\n"
          "Start processes that sensors are known to miss (one after the other, trees that lose their parents,\n"
          "as fast as can be, exec by another thread, long arguments), and look for each in the output of the\n"
          "running sensor: how many of their starts and exits it has, how soon, and whether what it has not\n"
          "is told as lost. Where none runs that writes NDJSON to a file, a sensor of its own is started.\n"
          "\n"
          "      --count N    processes in all, 100 to 100000 (default 1000)\n"
          "      --file FILE  the NDJSON file that the sensor writes, instead of looking for it\n"
          "      --json       the figures as one JSON object\n"
          "  -h, --help       print this help\n"
          "\n"
          "A sensor with filters does not see what it leaves out. Needs root. Exit codes: 0 all were seen, 1\n"
          "failure, 2 usage, 3 some were not, and the sensor told as much, 4 some were not and nothing told.\n");
}

static int count_set(struct selftest_options *options, const char *value)
{
    uint64_t count;

    if (!size_parse(value, &count) || count < 100 || count > SELFTEST_COUNT_MAX)
        return report_usage("selftest", "bad number '%s': 100 to 100000", value);
    options->count = (uint32_t)count;
    return EXIT_DONE;
}

int verb_selftest(int count, char **arguments)
{
    struct selftest_options options = {.count = 1000};
    int option;

    opterr = 0;
    while ((option = getopt_long(count, arguments, ":h", long_options, NULL)) != -1) {
        switch (option) {
        case 'h':
            help_print();
            return EXIT_DONE;
        case OPTION_COUNT:
            if (count_set(&options, optarg) != EXIT_DONE)
                return EXIT_USAGE;
            break;
        case OPTION_FILE:
            options.file = optarg;
            break;
        case OPTION_JSON:
            options.as_json = true;
            break;
        default:
            return option_report("selftest", arguments, option);
        }
    }
    if (optind < count)
        return report_usage("selftest", "unexpected argument '%s'", arguments[optind]);
    return selftest_run(&options);
}
