/* SPDX-License-Identifier: Apache-2.0 */
/* options.h */
#include "options.h"

#include <string.h>

#include "report.h"

int option_report(const char *verb, char **arguments, int found)
{
    const char *argument = arguments[optind - 1];

    /* glibc tells a value that is not wanted by '?', and mingw's getopt_long by ':'. */
    if (found == ':' && !(argument[0] == '-' && argument[1] == '-' && strchr(argument, '=')))
        return report_usage(verb, "option '%s' needs a value", argument);
    /* A short option may stand in the middle of its argument; a long one is the argument. */
    if (optopt > ' ' && optopt < 127 && argument[0] == '-' && argument[1] != '-')
        return report_usage(verb, "there is no option '-%c'", optopt);
    if (optopt != 0)
        return report_usage(verb, "option '%s' takes no value", argument);
    return report_usage(verb, "there is no option '%s'", argument);
}
