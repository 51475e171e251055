/* SPDX-License-Identifier: Apache-2.0 */
/* text_judge.h: sharing the work among processes, and what is said of a text that is wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "text/text_judge.h"

_Noreturn void judge_fail(const char *file, int line, const char *what, const struct judged_text *text)
{
    (void)fprintf(stderr, "%s:%d: %s: text", file, line, what);
    for (uint32_t i = 0; text != NULL && i < text->size_bytes; i++)
        (void)fprintf(stderr, " %02x", (unsigned char)text->bytes[i]);
    (void)fprintf(stderr, "%s\n", text == NULL ? " not told" : text->is_exact ? ", valid" : ", not valid");
    abort();
}

bool judge_is_deep(void)
{
    const char *deep = getenv("MUSTER_DEEP");
    return deep != NULL && strcmp(deep, "1") == 0;
}

static void take_share(uint32_t *ret_share, uint32_t *ret_of)
{
    unsigned share = 1;
    unsigned of = 1;
    const char *wanted = getenv("MUSTER_TEXT_SHARE");
    if (wanted != NULL && (sscanf(wanted, "%u/%u", &share, &of) != 2 || share < 1 || share > of))
        judge_fail(__FILE__, __LINE__, "MUSTER_TEXT_SHARE is N/M", NULL);
    *ret_share = share - 1;
    *ret_of = of;
}

void judge_parts(uint32_t part_count, void (*judge_part)(uint32_t part))
{
    uint32_t share, of;
    take_share(&share, &of);
    const uint32_t processes = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
    (void)fflush(NULL);
    for (uint32_t process = 0; process < processes; process++) {
        const pid_t child = fork();
        if (child < 0)
            abort();
        if (child > 0)
            continue;
        judge_init();
        for (uint32_t part = share + of * process; part < part_count; part += of * processes)
            judge_part(part);
        _exit(0);
    }
    bool is_good = true;
    int status;
    while (wait(&status) > 0)
        is_good = is_good && status == 0;
    JUDGE_REQUIRE(is_good, NULL);
}
