/* SPDX-License-Identifier: Apache-2.0 */
/* muster status on Windows: the driver has the figures. */
#include <getopt.h>

#include "nt_driver_status.h"
#include "options.h"
#include "report.h"
#include "verbs.h"

enum { OPTION_JSON = 256 };

static const struct option long_options[] = {
    {"json", no_argument, NULL, OPTION_JSON}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};

static void help_print(void)
{
    print("Usage: muster status [--json]\n"
          "Show where the driver's events are: how many it numbered, and how many were delivered, filtered,\n"
          "dropped (why) and held. The same as `muster driver status`.\n"
          "\n"
          "      --json  one JSON object\n"
          "  -h, --help  print this help\n"
          "\n"
          "Needs an administrator. Exit codes: 0 done, 1 failure, 2 usage.\n");
}

int verb_status(int count, char **arguments)
{
    bool as_json = false;
    int option;

    opterr = 0;
    while ((option = getopt_long(count, arguments, ":h", long_options, NULL)) != -1) {
        if (option == 'h') {
            help_print();
            return EXIT_DONE;
        }
        if (option != OPTION_JSON)
            return option_report("status", arguments, option);
        as_json = true;
    }
    if (optind < count)
        return report_usage("status", "unexpected argument '%s'", arguments[optind]);
    return nt_driver_status(as_json);
}
