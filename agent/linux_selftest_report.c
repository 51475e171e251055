/* SPDX-License-Identifier: Apache-2.0 */
/* selftest.h: the figures, in words and as JSON. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "selftest.h"

/* Of one shape, or of all. */
struct score {
    uint64_t processes; /* that were really made */
    uint64_t starts;
    uint64_t exits;
    uint64_t doubled;
    uint64_t wrong; /* another pid, or another number of arguments, than is true */
    uint64_t *latencies;
    size_t latency_count;
};

static int number_compare(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;

    return *left < *right ? -1 : *left > *right;
}

/* The smallest that so many of 100 do not exceed. */
static uint64_t percentile(const struct score *score, unsigned percent)
{
    size_t rank = (score->latency_count * percent + 99) / 100;

    return score->latency_count ? score->latencies[rank ? rank - 1 : 0] : 0;
}

static void process_count(const struct selftest_result *result, const struct selftest_truth *truth,
                          const struct selftest_seen *seen, struct score *score)
{
    score->processes++;
    score->starts += seen->starts > 0;
    score->exits += seen->exits > 0;
    score->doubled += seen->starts > 1 || seen->exits > 1;
    if (seen->starts == 0)
        return;
    score->wrong += seen->args_count != truth->args_count || (result->pids_known && seen->pid != truth->pid);
    score->latencies[score->latency_count++] = seen->latency_ns;
}

static bool score_take(const struct selftest_result *result, int first, int last, struct score *ret_score)
{
    size_t size = 0;

    for (int shape = first; shape <= last; shape++)
        size += result->sizes[shape];
    *ret_score = (struct score){.latencies = calloc(size, sizeof(uint64_t))};
    if (!ret_score->latencies)
        return false;
    for (int shape = first; shape <= last; shape++)
        for (uint32_t i = 0; i < result->sizes[shape]; i++)
            if (result->truth[shape][i].pid != 0)
                process_count(result, &result->truth[shape][i], &result->seen[shape][i], ret_score);
    qsort(ret_score->latencies, ret_score->latency_count, sizeof(uint64_t), number_compare);
    return true;
}

static uint64_t missing_of(const struct score *score)
{
    return 2 * score->processes - score->starts - score->exits;
}

/* ---- in words ---- */

static void time_print(uint64_t ns)
{
    print(" %6" PRIu64 ".%02" PRIu64 " ms", ns / 1000000, ns / 10000 % 100);
}

static void score_print(const char *name, const struct score *score)
{
    print("%-16s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %8" PRIu64 " %8" PRIu64, name, score->processes, score->starts,
          score->exits, score->doubled, score->wrong);
    time_print(percentile(score, 50));
    time_print(percentile(score, 99));
    time_print(percentile(score, 100));
    print("\n");
}

static void verdict_print(const struct score *total, uint64_t lost_told)
{
    uint64_t missing = missing_of(total), rate = total->processes ? 1000000 - missing * 500000 / total->processes : 0;

    if (missing == 0 && total->doubled == 0 && total->wrong == 0) {
        print("complete: all %" PRIu64 " processes were seen, start and exit, each once\n", total->processes);
        return;
    }
    print("INCOMPLETE: %" PRIu64 ".%04" PRIu64 " %% of the events were seen; %" PRIu64 " were not, ", rate / 10000,
          rate % 10000, missing);
    if (lost_told)
        print("and the stream tells of %" PRIu64 " lost ones\n", lost_told);
    else
        print("and the stream tells of no loss (does the sensor have filters?)\n");
}

/* ---- as JSON ---- */

static void score_json_print(const char *name, const struct score *score)
{
    print("\"%s\":{\"processes\":%" PRIu64 ",\"starts\":%" PRIu64 ",\"exits\":%" PRIu64 ",\"doubled\":%" PRIu64
          ",\"wrong\":%" PRIu64 ",\"latency_ns\":{\"p50\":%" PRIu64 ",\"p90\":%" PRIu64 ",\"p99\":%" PRIu64
          ",\"max\":%" PRIu64 "}}",
          name, score->processes, score->starts, score->exits, score->doubled, score->wrong, percentile(score, 50),
          percentile(score, 90), percentile(score, 99), percentile(score, 100));
}

/* ---- both ---- */

static int code_of(const struct score *total, uint64_t lost_told)
{
    uint64_t missing = missing_of(total);

    if (total->doubled || total->wrong || missing > lost_told)
        return EXIT_UNACCOUNTED;
    return missing ? EXIT_LOSS : EXIT_DONE;
}

static bool shapes_print(const struct selftest_result *result, bool as_json)
{
    for (int shape = 0; shape < SHAPE_COUNT; shape++) {
        struct score score;

        if (!score_take(result, shape, shape, &score))
            return false;
        if (as_json)
            score_json_print(selftest_shape_names[shape], &score);
        else
            score_print(selftest_shape_names[shape], &score);
        if (as_json && shape + 1 < SHAPE_COUNT)
            print(",");
        free(score.latencies);
    }
    return true;
}

int selftest_report(const struct selftest_result *result, bool as_json)
{
    struct score total;
    int code;

    if (!score_take(result, 0, SHAPE_COUNT - 1, &total)) {
        report("no memory for the figures");
        return EXIT_FAILED;
    }
    code = code_of(&total, result->lost_told);
    if (as_json)
        print("{\"shapes\":{");
    else
        print("%s\n\n%-16s %9s %9s %9s %8s %8s %12s %12s %12s\n", result->sensor, "", "processes", "starts", "exits",
              "doubled", "wrong", "p50", "p99", "max");
    if (!shapes_print(result, as_json))
        code = EXIT_FAILED;
    if (as_json) {
        print("},");
        score_json_print("total", &total);
        print(",\"lost_told\":%" PRIu64 ",\"complete\":%s}\n", result->lost_told, code == EXIT_DONE ? "true" : "false");
    } else {
        score_print("in all", &total);
        print("\n");
        verdict_print(&total, result->lost_told);
    }
    free(total.latencies);
    return code;
}
