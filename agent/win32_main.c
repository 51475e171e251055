/* SPDX-License-Identifier: Apache-2.0 */
/* main on Windows: the command line comes as UTF-16. */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <stdlib.h>

#include "command.h"
#include "report.h"
#include "standard_streams.h"
#include "win32_text.h"

/* Arguments are taken as they are: the C library would else look for files that match *. */
extern int _dowildcard;
int _dowildcard = 0;

int wmain(int count, wchar_t **wide);

/* Libraries are looked for in the system's folder alone, not where muster.exe or its working folder
 * is: those may be somebody's who is no administrator. */
static void libraries_restrict(void)
{
    (void)SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32);
}

int wmain(int count, wchar_t **wide)
{
    char **arguments = calloc((size_t)count + 1, sizeof(*arguments));
    bool whole = arguments != NULL;

    libraries_restrict();
    if (!standard_streams_fill())
        return EXIT_FAILED;
    for (int i = 0; whole && i < count; i++) {
        arguments[i] = text_from_wide(wide[i]);
        whole = arguments[i] != NULL;
    }
    if (!whole) {
        report("cannot read the command line: out of memory");
        return EXIT_FAILED;
    }
    return command_run(count, arguments); /* what it points to stays until the process ends */
}
