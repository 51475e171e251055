/* SPDX-License-Identifier: Apache-2.0 */
/* verify_findings.h */
#include "verify_findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void verify_findings_deinit(struct verify_findings *findings)
{
    for (unsigned severity = 0; severity < VERIFY_SEVERITY_COUNT; severity++)
        free(findings->of[severity].kept);
    *findings = (struct verify_findings){0};
}

/* Where there is no memory, it is counted and not kept. */
static struct verify_finding *place_make(struct verify_findings *findings, struct verify_finding_list *list)
{
    size_t wanted = list->capacity ? list->capacity * 2 : 8;
    struct verify_finding *kept;

    if (list->kept_count == findings->limit)
        return NULL;
    if (list->kept_count == list->capacity) {
        kept = realloc(list->kept, wanted * sizeof(*kept));
        if (!kept)
            return NULL;
        list->kept = kept;
        list->capacity = wanted;
    }
    return &list->kept[list->kept_count++];
}

void verify_findings_add(struct verify_findings *findings, enum verify_severity severity,
                         const struct verify_finding *finding, const char *format, ...)
{
    struct verify_finding_list *list = &findings->of[severity];
    struct verify_finding *place;
    va_list arguments;

    list->count++;
    place = place_make(findings, list);
    if (!place)
        return;
    *place = *finding;
    va_start(arguments, format);
    vsnprintf(place->text, sizeof(place->text), format, arguments);
    va_end(arguments);
}
