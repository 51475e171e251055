/* SPDX-License-Identifier: Apache-2.0 */
/* muster doctor */
#include <getopt.h>

#include "muster/sensor.h"
#include "options.h"
#include "report.h"
#include "verbs.h"

#define FINDINGS_MAX 16

static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};

static void help_print(void)
{
    print("Usage: muster doctor\n"
          "Check whether this machine can run the sensor, and say what to do where it cannot.\n"
          "Nothing is left running. Ends with 0 if it can, with 1 if not.\n"
          "\n"
          "  -h, --help  print this help\n");
}

static int diagnose(void)
{
    struct muster_sensor_finding findings[FINDINGS_MAX];
    size_t count = muster_sensor_diagnose(findings, FINDINGS_MAX);
    bool able = true;

    for (size_t i = 0; i < count; i++) {
        const struct muster_sensor_finding *finding = &findings[i];

        print("%-4s  %-34s %s\n", finding->good ? "ok" : "FAIL", finding->what, finding->detail);
        if (!finding->good && finding->advice)
            print("      -> %s\n", finding->advice);
        able = able && finding->good;
    }
    print("\nmuster %s run here.\n", able ? "can" : "cannot");
    return able ? EXIT_DONE : EXIT_FAILED;
}

int verb_doctor(int count, char **arguments)
{
    int option;

    opterr = 0;
    while ((option = getopt_long(count, arguments, ":h", options, NULL)) != -1) {
        if (option != 'h')
            return option_report("doctor", arguments, option);
        help_print();
        return EXIT_DONE;
    }
    if (optind < count)
        return report_usage("doctor", "unexpected argument '%s'", arguments[optind]);
    return diagnose();
}
