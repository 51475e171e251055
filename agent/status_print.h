/* SPDX-License-Identifier: Apache-2.0 */
/* A sensor's figures in words, as JSON, and as Prometheus reads them. */
#ifndef MUSTER_STATUS_PRINT_H
#define MUSTER_STATUS_PRINT_H

#include <stdbool.h>

#include "status_page.h"

/* How a sensor is, in a word: "ok", "behind" (the oldest event has waited for 5 s), "lossy" (it has lost events),
 * "silent" (it has not told anything for 5 s: it is stopped, or gets no CPU), "died". */
const char *status_state(const struct status_reading *reading);

/* To standard output. `again`: not the first. */
void status_text_print(const struct status_reading *reading, bool again);
void status_json_print(const struct status_reading *reading);

/* Metrics of all sensors, by metric, as the format wants it: begin, add each, end. NULL where there is no memory. */
struct status_prometheus;
struct status_prometheus *status_prometheus_begin(void);
void status_prometheus_add(struct status_prometheus *prometheus, const struct status_reading *reading);

/* Writes to a file beside `path` and puts that in its place; "-": standard output; NULL: only frees. False with errno
 * set. */
bool status_prometheus_end(struct status_prometheus *prometheus, const char *path);

#endif
