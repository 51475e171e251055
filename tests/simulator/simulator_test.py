#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The simulator over a fixed range of seeds: the same each time. Under MUSTER_DEEP=1 over two hundred times as many."""

import os
import pathlib
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEEP = os.environ.get("MUSTER_DEEP") == "1"
PLAIN = ROOT / "build/plain/tests/simulator/simulator"
ASAN = ROOT / "build/asan/tests/simulator/simulator"

# What the seeds have to come across, or what they show is not worth much.
COVERED = ["delivered", "delivered_again", "skeletons", "lost", "filtered", "gaps", "gaps_again", "missed", "baseline", "given_back", "short_writes",
           "interrupted_writes", "stalls", "failed_writes", "cuts", "failed_allocations", "wakes", "spurious_wakes", "pending_gaps", "full_gaps",
           "stolen", "figures", "statuses", "syncs", "end_done", "end_output", "end_stalled", "end_abandoned", "end_begin", "end_crashed"]


def start(program, *arguments):
    return subprocess.Popen([program, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, errors="replace")


def figures_of(output):
    pairs = (line.split() for line in output.splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


class SimulatorTest(unittest.TestCase):
    def finish(self, process):
        output, _ = process.communicate(timeout=14000 if DEEP else 200)
        self.assertEqual(process.returncode, 0, output[-3000:])
        return output

    def test_nothing_is_wrong(self):
        """As many processes as processors, each with seeds of its own."""
        count = 1000000 if DEEP else 5000
        sums = {}
        for output in map(self.finish, [start(PLAIN, "--from", 1 + part * count, "--count", count) for part in range(2)]):
            for name, figure in figures_of(output).items():
                sums[name] = sums.get(name, 0) + figure
        for name in COVERED:
            self.assertGreater(sums.get(name, 0), 20, f"the seeds have come across too little: {name}")

    def test_a_seed_is_the_same_each_time(self):
        self.finish(start(PLAIN, "--from", 1, "--count", 20000 if DEEP else 500, "--twice"))

    def test_and_in_another_process(self):
        runs = [self.finish(start(PLAIN, "--seed", 4711)) for _ in range(2)]
        self.assertIn("hash ", runs[0])
        self.assertEqual(runs[0], runs[1])

    def test_seeds_differ(self):
        hashes = {self.finish(start(PLAIN, "--seed", seed)).splitlines()[0] for seed in range(1, 6)}
        self.assertEqual(len(hashes), 5)

    def test_with_a_trace_it_is_the_same_seed(self):
        plain = self.finish(start(PLAIN, "--seed", 12)).splitlines()
        self.assertIn(plain[0], self.finish(start(PLAIN, "--seed", 12, "--trace")).splitlines())

    def test_nothing_is_wrong_under_the_sanitizers(self):
        self.finish(start(ASAN, "--from", 5000000, "--count", 20000 if DEEP else 300))


if __name__ == "__main__":
    unittest.main()
