#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two builds of format_bench against each other, in turn, so that what the machine does besides meets both.

    bench/format_compare.py [--rounds N] [--instructions] [--format NAME] [--records SET] BEFORE AFTER

Of each set the median of the rounds is printed, and how AFTER is to BEFORE: the median of the ratios within a round.
--instructions counts them instead, with valgrind: of 8192 records less those of 4096, so what making the records and
the sink takes is not in it. Two runs of one build give the same number.
"""

import argparse
import re
import statistics
import subprocess

LINE = re.compile(r"(\S+ \S+): ([0-9.]+) ns a record")
FORMATS = ("ndjson", "text", "driver-messages")
SETS = ("before", "linux", "windows")


def nanoseconds(program, chosen):
    told = subprocess.run([program, "--rounds", "5", *chosen], check=True, capture_output=True, text=True).stdout
    return {name: float(ns) for name, ns in LINE.findall(told)}


def instructions(program, output_format, records):
    counts = []
    for lines in (4096, 8192):
        told = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, "--rounds", "1", "--lines", str(lines),
                               "--format", output_format, "--records", records], check=True, capture_output=True, text=True).stderr
        counts.append(int(re.search(r"Collected : (\d+)", told).group(1)))
    return (counts[1] - counts[0]) / 4096


def compare_times(options):
    chosen = [part for name in ("format", "records") if getattr(options, name) for part in (f"--{name}", getattr(options, name))]
    rounds = [(nanoseconds(options.before, chosen), nanoseconds(options.after, chosen)) for _ in range(options.rounds)]
    for name in rounds[0][0]:
        before, after = ([one[side][name] for one in rounds] for side in (0, 1))
        ratio = statistics.median(b / a for a, b in zip(before, after))
        print(f"{name}: {statistics.median(before):.0f} -> {statistics.median(after):.0f} ns a record, x {ratio:.2f}")


def compare_instructions(options):
    for output_format in [options.format] if options.format else FORMATS:
        for records in [options.records] if options.records else SETS:
            before, after = (instructions(program, output_format, records) for program in (options.before, options.after))
            print(f"{output_format} {records}: {before:.0f} -> {after:.0f} instructions a record, x {after / before:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--instructions", action="store_true")
    parser.add_argument("--format", choices=FORMATS)
    parser.add_argument("--records", choices=SETS)
    options = parser.parse_args()
    (compare_instructions if options.instructions else compare_times)(options)


main()
