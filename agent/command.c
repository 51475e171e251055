/* SPDX-License-Identifier: Apache-2.0 */
/* command.h: finds the verb and hands over. */
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "report.h"
#include "standard_streams.h"
#include "verbs.h"
#include "words.h"

static void help_print(void)
{
    print("Usage: muster VERB [OPTION]...\n"
          "Report every process that starts or ends on this machine, and prove that none is missing.\n"
          "\n"
          "Verbs:\n");
    for (size_t i = 0; i < verb_count; i++)
        print("  %-10s %s\n", verbs[i].name, verbs[i].summary);
    print("\n"
          "  -h, --help     print this help; `muster VERB --help` tells about a verb\n"
          "  -V, --version  print the version\n"
          "\n"
          "Exit codes: 0 done, 1 failure, 2 usage, 3 events were lost (watch --fail-on-loss, verify)\n"
          "or a capture is damaged (replay), 4 something is not accounted for (verify).\n"
          "\n"
          "Example: %s\n",
          words.example);
}

static const struct verb *verb_find(const char *name)
{
    for (size_t i = 0; i < verb_count; i++)
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
    int error = standard_output_finish();

    if (error == 0)
        return code;
    if (error == EPIPE)
        return EXIT_DONE;
    report("cannot write to standard output: %s", strerror(error));
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
    if (!verb && verb_elsewhere(name))
        return report_usage(NULL, "the verb '%s' is on %s only", name, verb_elsewhere(name));
    if (!verb)
        return report_usage(NULL, "there is no %s '%s'", name[0] == '-' ? "option" : "verb", name);
    return verb->run(count - 1, arguments + 1);
}

int command_run(int count, char **arguments)
{
    return output_finish(verb_run(count, arguments));
}
