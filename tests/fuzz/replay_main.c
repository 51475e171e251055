/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gives a target its kept inputs, without libFuzzer: those of tests/fuzz/corpus/TARGET and
 * tests/fuzz/regressions/TARGET, or the files and folders that it is told. Speaks TAP, as the unit tests do.
 * An input that breaks the target ends the program; its name stands on the line before.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz/fuzz_input.h"

static void replay_file(const char *path)
{
    struct stat status;
    FILE *file = fopen(path, "rb");

    if (file == NULL || fstat(fileno(file), &status) != 0) {
        perror(path);
        exit(1);
    }
    const size_t size = (size_t)status.st_size;
    uint8_t *bytes = malloc(size == 0 ? 1 : size);
    FUZZ_REQUIRE(bytes != NULL && fread(bytes, 1, size, file) == size);
    (void)fclose(file);
    (void)printf("# %s\n", path);
    (void)fflush(stdout);
    (void)LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Returns how many inputs there were. A folder that is not there has none. */
static unsigned replay(const char *path)
{
    struct dirent **entries = NULL;
    const int count = scandir(path, &entries, is_shown, alphasort);

    if (count < 0 && errno == ENOTDIR) {
        replay_file(path);
        return 1;
    }
    for (int i = 0; i < count; i++) {
        char name[4096];
        (void)snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        replay_file(name);
        free(entries[i]);
    }
    free(entries);
    return count < 0 ? 0 : (unsigned)count;
}

int main(int argc, char **argv)
{
    unsigned count = 0;

    for (int i = 1; i < argc; i++)
        count += replay(argv[i]);
    if (argc == 1) {
        count += replay("tests/fuzz/corpus/" FUZZ_TARGET);
        count += replay("tests/fuzz/regressions/" FUZZ_TARGET);
    }
    (void)printf("1..1\n%s 1 - %u kept inputs of " FUZZ_TARGET "\n", count == 0 ? "not ok" : "ok", count);
    return count == 0 ? 1 : 0;
}
