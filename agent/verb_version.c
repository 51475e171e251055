/* SPDX-License-Identifier: Apache-2.0 */
/* muster version */
#include <getopt.h>

#include "muster/wire.h"
#include "options.h"
#include "report.h"
#include "verbs.h"

static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};

int verb_version(int count, char **arguments)
{
    int option;

    opterr = 0;
    while ((option = getopt_long(count, arguments, ":h", options, NULL)) != -1) {
        if (option != 'h')
            return option_report("version", arguments, option);
        print("Usage: muster version\n"
              "Print the version of muster and of the records that it writes.\n"
              "\n"
              "  -h, --help  print this help\n");
        return EXIT_DONE;
    }
    if (optind < count)
        return report_usage("version", "unexpected argument '%s'", arguments[optind]);
    print("muster %s (record version %d)\n", MUSTER_VERSION, MUSTER_RECORD_VERSION);
    return EXIT_DONE;
}
