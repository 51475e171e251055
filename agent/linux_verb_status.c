/* SPDX-License-Identifier: Apache-2.0 */
/* muster status: how the sensors are that run on this machine. */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "options.h"
#include "report.h"
#include "status_page.h"
#include "status_print.h"
#include "verbs.h"

enum { OPTION_JSON = 256, OPTION_PROMETHEUS };

static const struct option long_options[] = {
    {"json", no_argument, NULL, OPTION_JSON},
    {"prometheus", required_argument, NULL, OPTION_PROMETHEUS},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void help_print(void)
{
    print("Usage: muster status [OPTION]...\n"
          "Show of each sensor that runs on this machine where its events are: how many the kernel numbered,\n"
          "and how many were delivered, filtered, dropped (why) and held at each step up to the output; how\n"
          "full each place is and was; and how old the oldest event is that the output does not have yet.\n"
          "The figures stay true while an output is stuck, and are a second old at most.\n"
          "\n"
          "      --json             one JSON object a sensor, a line each\n"
          "      --prometheus FILE  write them as node_exporter's textfile collector reads them: to a new\n"
          "                         file that then takes FILE's place; - is standard output\n"
          "  -h, --help             print this help\n"
          "\n"
          "Root sees root's sensors, others see their own. Exit codes: 0 done, 1 no sensor runs, or failure,\n"
          "2 usage.\n");
}

struct status_run {
    struct status_prometheus *prometheus; /* NULL: to standard output */
    bool as_json;
    unsigned count;
};

static void sensor_tell(void *context, const struct status_reading *reading)
{
    struct status_run *run = context;

    if (run->prometheus)
        status_prometheus_add(run->prometheus, reading);
    else if (run->as_json)
        status_json_print(reading);
    else
        status_text_print(reading, run->count > 0);
    if (reading->alive)
        run->count++;
}

/* What a collector reads says that none runs; that is no failure. */
static int prometheus_write(const char *path)
{
    struct status_run run = {.prometheus = status_prometheus_begin()};
    bool done = run.prometheus && status_pages_read(sensor_tell, &run);
    bool written = status_prometheus_end(run.prometheus, done ? path : NULL);

    if (done && written)
        return EXIT_DONE;
    report("cannot write %s: %s", strcmp(path, "-") == 0 ? "standard output" : path, strerror(errno));
    return EXIT_FAILED;
}

static int status_show(bool as_json)
{
    struct status_run run = {.as_json = as_json};

    if (!status_pages_read(sensor_tell, &run)) {
        report("cannot read the sensors' figures: %s", strerror(errno));
        return EXIT_FAILED;
    }
    if (run.count > 0)
        return EXIT_DONE;
    report("no sensor runs here; `muster watch` starts one");
    return EXIT_FAILED;
}

int verb_status(int count, char **arguments)
{
    const char *prometheus = NULL;
    bool as_json = false;
    int option;

    opterr = 0;
    while ((option = getopt_long(count, arguments, ":h", long_options, NULL)) != -1) {
        if (option == 'h') {
            help_print();
            return EXIT_DONE;
        }
        if (option == OPTION_JSON)
            as_json = true;
        else if (option == OPTION_PROMETHEUS)
            prometheus = optarg;
        else
            return option_report("status", arguments, option);
    }
    if (optind < count)
        return report_usage("status", "unexpected argument '%s'", arguments[optind]);
    if (prometheus && as_json)
        return report_usage("status", "--json or --prometheus, not both");
    return prometheus ? prometheus_write(prometheus) : status_show(as_json);
}
