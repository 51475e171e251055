/* SPDX-License-Identifier: Apache-2.0 */
/* The `muster` command: finds the verb and hands over. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "verbs.h"

struct verb {
    const char *name;
    const char *summary;
    int (*run)(int count, char **arguments);
};

static const struct verb verbs[] = {
    {"watch", "show every process that starts and ends, live", verb_watch},
    {"doctor", "check whether this machine can run the sensor", verb_doctor},
    {"version", "print the version", verb_version},
};

#define VERB_COUNT (sizeof(verbs) / sizeof(*verbs))

static void help_print(void)
{
    puts("Usage: muster VERB [OPTION]...\n"
         "Report every process that starts or ends on this machine, and prove that none is missing.\n"
         "\n"
         "Verbs:");
    for (size_t i = 0; i < VERB_COUNT; i++)
        printf("  %-10s %s\n", verbs[i].name, verbs[i].summary);
    puts("\n"
         "  -h, --help     print this help; `muster VERB --help` tells about a verb\n"
         "  -V, --version  print the version\n"
         "\n"
         "Exit codes: 0 done, 1 failure, 2 usage, 3 events were lost (watch --fail-on-loss).\n"
         "\n"
         "Example: sudo muster watch");
}

static const struct verb *verb_find(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static int help_verb(int count, char **arguments)
{
    static char help_option[] = "--help";
    const struct verb *verb = count > 2 ? verb_find(arguments[2]) : NULL;
    char *verb_arguments[] = {arguments[2], help_option, NULL};

    if (count > 2 && !verb)
        return report_usage(NULL, "there is no verb '%s'", arguments[2]);
    if (verb)
        return verb->run(2, verb_arguments);
    help_print();
    return EXIT_DONE;
}

/* What a verb printed may not have arrived: a full disk is a failure, a reader that left is not. */
static int output_finish(int code)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    if (errno == EPIPE)
        return EXIT_DONE;
    report("cannot write to standard output: %s", strerror(errno));
    return EXIT_FAILED;
}

static int verb_run(int count, char **arguments)
{
    const char *name = count > 1 ? arguments[1] : NULL;
    const struct verb *verb;

    if (!name)
        return report_usage(NULL, "name a verb, such as `muster watch`");
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
        return help_verb(count, arguments);
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        return verb_version(1, arguments + 1);
    verb = verb_find(name);
    if (!verb)
        return report_usage(NULL, "there is no %s '%s'", name[0] == '-' ? "option" : "verb", name);
    return verb->run(count - 1, arguments + 1);
}

/* A standard stream that was closed would be the number of the next file that is opened, a BPF map
 * for instance, and then be written to. */
static void standard_streams_fill(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
            exit(EXIT_FAILED);
}

int main(int count, char **arguments)
{
    standard_streams_fill();
    signal(SIGPIPE, SIG_IGN); /* a write says EPIPE instead */
    return output_finish(verb_run(count, arguments));
}
