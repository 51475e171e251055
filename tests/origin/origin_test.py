# SPDX-License-Identifier: Apache-2.0
"""docs/origin.md is true: each experiment comes out as the page says."""

import os
import pathlib
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"

COPY = """
#include "muster/queue.h"
void copy(struct muster_queue *to, struct muster_queue *from) { *to = *from; }
"""


def outcomes():
    done = subprocess.run([BUILD / "plain/origin/origin_experiment"], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=120, check=True)
    return {line.split(None, 1)[0]: line.split(None, 1)[1] for line in done.stdout.splitlines()}


class OriginTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.outcome = outcomes()

    def test_swap_and_take_do_the_same_to_memory(self):
        self.assertEqual(self.outcome["swap-and-take-compared"],
                         "the queue's bytes after either: the same; what came out: the same; the lock's bytes: untouched")

    def test_without_contention_a_moved_mutex_works(self):
        for name in ("swap", "take"):
            self.assertEqual(self.outcome[f"{name}-alone-unchecked"], "works: 1000 messages in, 1000 out")

    def test_the_simulator_catches_the_move_without_contention(self):
        for name in ("swap", "take"):
            self.assertIn("BROKEN RULE in ExAcquireFastMutex", self.outcome[f"{name}-alone-checked"])
            self.assertIn("the object was moved after KeInitializeEvent", self.outcome[f"{name}-alone-checked"])

    def test_a_list_check_stops_the_first_contended_acquire(self):
        for name in ("swap", "take"):
            self.assertIn("BROKEN RULE in KeWaitForSingleObject: the wait list head",
                          self.outcome[f"{name}-together-list-checked"])

    def test_without_checks_the_first_contended_acquire_writes_into_a_stranger(self):
        for name in ("swap", "take"):
            self.assertIn("stray write: 8 bytes of another function's array, where the list head of the moved event points",
                          self.outcome[f"{name}-together-unchecked"])
            self.assertNotIn("went on", self.outcome[f"{name}-together-unchecked"])

    def test_taking_the_whole_breaks_at_the_release_each_time(self):
        for name in ("alone", "together"):
            self.assertIn("BROKEN RULE in ExReleaseFastMutex: the owner", self.outcome[f"whole-{name}-unchecked"])

    def test_made_in_place_it_works(self):
        self.assertEqual(self.outcome["in-place-alone-checked"], "works: 1000 messages in, 1000 out")
        self.assertEqual(self.outcome["in-place-together-checked"], "works: two threads met 20 times")

    def test_a_moved_muster_queue_is_caught(self):
        self.assertIn("BUG CHECK 0xe04d5354", self.outcome["muster-queue-moved"])
        self.assertIn("the object was moved after KeInitializeEvent", self.outcome["muster-queue-moved-past-the-canary"])

    def test_a_planted_move_is_caught_every_time(self):
        """By the simulator alone, whatever addresses a process is given."""
        for _ in range(50):
            done = subprocess.run([BUILD / "plain/origin/origin_experiment", "muster-queue-moved-past-the-canary"],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
            self.assertIn("the object was moved after KeInitializeEvent", done.stderr)

    def test_the_stray_write_hits_the_mutex_that_is_no_more(self):
        done = subprocess.run([BUILD / "asan/origin/origin_experiment", "take-together-unchecked"],
                              env={**os.environ, "ASAN_OPTIONS": "detect_stack_use_after_return=1"},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        self.assertIn("stack-use-after-return", done.stderr)
        self.assertRegex(done.stderr, r"WRITE of size 8 .*\n(?s:.*)in InsertTailList")
        self.assertIn("'mutex'", done.stderr)

    def test_copying_a_queue_does_not_compile(self):
        done = subprocess.run([os.environ.get("CC", "gcc"), "-std=c11", "-Iinclude", "-fsyntax-only", "-x", "c", "-"],
                              cwd=ROOT, input=COPY, capture_output=True, text=True, timeout=60, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, "(undefined|incomplete) type .*struct muster_queue")


if __name__ == "__main__":
    unittest.main()
