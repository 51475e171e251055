/* SPDX-License-Identifier: Apache-2.0 */
/* Whose events were lost most, of the rows that the BPF programs keep (bpf/shed.h). */
#include <string.h>

#include "sensor_internal.h"

static uint64_t row_total(const struct muster_sensor_shed_row *row)
{
    uint64_t total = 0;

    for (unsigned i = 0; i < MUSTER_EVENT_NUMBERED_COUNT; i++)
        total += row->counts[i];
    return total;
}

static void row_insert(struct muster_sensor_shed_row *rows, const struct muster_sensor_shed_row *row)
{
    unsigned place = MUSTER_SENSOR_SHED_ROWS;

    while (place > 0 && row_total(&rows[place - 1]) < row_total(row))
        place--;
    if (place == MUSTER_SENSOR_SHED_ROWS)
        return;
    memmove(&rows[place + 1], &rows[place], (MUSTER_SENSOR_SHED_ROWS - 1 - place) * sizeof(*rows));
    rows[place] = *row;
}

static void rows_take(const struct sensor_shed_row *from, bool of_parents, struct muster_sensor_shed_row *ret_rows)
{
    for (unsigned i = 0; i < SENSOR_SHED_ROWS; i++) {
        struct muster_sensor_shed_row row = {.pid = of_parents ? from[i].key[1] : 0};

        for (unsigned program = 0; program < SENSOR_PROGRAM_COUNT; program++)
            row.counts[program] = __atomic_load_n(&from[i].counts[program], __ATOMIC_RELAXED);
        memcpy(row.name, from[i].name, sizeof(from[i].name));
        if (row_total(&row) > 0)
            row_insert(ret_rows, &row);
    }
}

void muster_sensor_shed(const struct muster_sensor *sensor, struct muster_sensor_shed *ret_shed)
{
    const struct sensor_control *control = sensor->intake.control;

    *ret_shed = (struct muster_sensor_shed){0};
    rows_take(control->shed_parents, true, ret_shed->parents);
    rows_take(control->shed_names, false, ret_shed->names);
}
