/* SPDX-License-Identifier: Apache-2.0 */
/* muster verify: its options. */
#include <getopt.h>

#include "options.h"
#include "report.h"
#include "verbs.h"
#include "verify.h"

enum { OPTION_JSON = 256 };

static const struct option long_options[] = {
    {"json", no_argument, NULL, OPTION_JSON},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void help_print(void)
{
    print("Usage: muster verify [OPTION]... FILE...\n"
          "Check that nothing is missing in what muster wrote as ndjson or capture: every number is there,\n"
          "or in a gap that tells why, and the ledgers agree. Several files are parts of one stream, in this\n"
          "order; - is standard input.\n"
          "\n"
          "The first line says whether it is complete; the others where not, between which times, and why.\n"
          "In ndjson a line that was changed is found only by what it is counted by; in a capture any change\n"
          "is.\n"
          "\n"
          "      --json     one JSON object\n"
          "  -q, --quiet    nothing: the exit code says it\n"
          "  -v, --verbose  all that was found, not the first 20\n"
          "  -h, --help     print this help\n"
          "\n"
          "Exit codes: 0 complete, 1 failure, 2 usage, 3 something is lost, and accounted for, 4 something is\n"
          "not accounted for.\n");
}

static int option_apply(struct verify_options *options, int option, char **arguments)
{
    switch (option) {
    case OPTION_JSON:
        options->json = true;
        return EXIT_DONE;
    case 'q':
        options->quiet = true;
        return EXIT_DONE;
    case 'v':
        options->verbose = true;
        return EXIT_DONE;
    default:
        return option_report("verify", arguments, option);
    }
}

int verb_verify(int count, char **arguments)
{
    struct verify_options options = {0};
    int option, code;

    opterr = 0;
    while ((option = getopt_long(count, arguments, ":qvh", long_options, NULL)) != -1) {
        if (option == 'h') {
            help_print();
            return EXIT_DONE;
        }
        code = option_apply(&options, option, arguments);
        if (code != EXIT_DONE)
            return code;
    }
    if (options.json && options.quiet)
        return report_usage("verify", "--json and --quiet contradict each other");
    if (optind == count)
        return report_usage("verify", "name a file, such as `muster verify events.ndjson`");
    options.files = arguments + optind;
    return verify_run(&options);
}
