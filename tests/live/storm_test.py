# SPDX-License-Identifier: Apache-2.0
"""20,000 processes (times MUSTER_TEST_SCALE) by two workers: every one is seen once, as it was, with its exit.
And the oracle itself: a damaged copy of the same stream is found out."""

import copy
import os
import subprocess
import time
import unittest

import stream_check
import verify_check
from sensor import LiveTest, Sensor, TINY, patient, probe, read_truth, run_storm, running_processes, scaled, token, until
from stream_check import action_of, dig, is_numbered

RUNS_ALONE = "its storm fills the machine"

COUNT = scaled(20000, least=500)
BRIEF_NS = patient(1_000_000)


class StormTest(LiveTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with Sensor() as sensor:
            cls.summary, cls.truth = run_storm(sensor.folder, count=COUNT)
            cls.ended_ns = time.time_ns()
            cls.alive = {stream_check.entity_id(pid, ticks) for pid, ticks in running_processes()}
            # Stopped at once: what is in the ring then has to come out as well.
            cls.events = sensor.stop()
            cls.problems = sensor.problems

    def test_every_process_is_seen_once_with_its_exit(self):
        self.assertEqual(len(self.truth), COUNT)
        self.assert_no_problems(stream_check.check_storm(self.events, self.truth, TINY))

    def test_processes_that_live_less_than_a_millisecond(self):
        brief = [line for line in self.truth if line["lived_ns"] < BRIEF_NS]
        self.assertGreater(len(brief), 100, "too few were brief for this to say anything")
        self.assert_no_problems(stream_check.check_storm(self.events, brief, TINY)
                                if len(brief) == len(self.truth) else self._check_brief(brief))

    def _check_brief(self, brief):
        known = {line["token"] for line in brief} | {None}
        others = {line["token"] for line in self.truth} - known
        return stream_check.check_storm([event for event in self.events if stream_check.token_of(event) not in others], brief, TINY)

    def test_stream_is_whole(self):
        self.assert_no_problems(self.problems)
        self.assert_no_problems(stream_check.check_stream(self.events) + verify_check.check_verdict(self.events))

    def test_nothing_was_lost(self):
        self.assert_no_loss(self.events)

    def test_every_life_has_one_end(self):
        self.assert_no_problems(stream_check.check_lives(self.events, self.ended_ns - 1_000_000_000, self.alive))

    # ---- planted damage

    def nth_of_storm(self, action, number):
        entities = [dig(event, "process.entity_id") for event in stream_check.with_action(self.events, "process-started")
                    if stream_check.token_of(event) == self.truth[number]["token"]]
        return next(index for index, event in enumerate(self.events)
                    if action_of(event) == action and dig(event, "process.entity_id") == entities[0])

    def assert_caught(self, events, what):
        self.assert_found_out(stream_check.check_numbers(events), f"{what}: check_numbers")
        self.assert_found_out(stream_check.check_ledger(events), f"{what}: check_ledger")
        self.assert_found_out(stream_check.check_storm(events, self.truth, TINY), f"{what}: check_storm")

    def test_planted_loss_is_found_out(self):
        for action in ("process-started", "process-exited"):
            with self.subTest(action=action):
                index = self.nth_of_storm(action, COUNT // 3)
                self.assert_caught(self.events[:index] + self.events[index + 1:], "a line less")

    def test_planted_double_is_found_out(self):
        for action in ("process-started", "process-exited"):
            with self.subTest(action=action):
                index = self.nth_of_storm(action, COUNT // 2)
                self.assert_caught(self.events[:index] + [self.events[index]] + self.events[index:], "a line twice")

    def test_planted_loss_at_the_end_is_found_out(self):
        index = max(index for index, event in enumerate(self.events) if is_numbered(event))
        events = self.events[:index] + self.events[index + 1:]
        self.assert_found_out(stream_check.check_numbers(events), "the last number is not there")

    def test_planted_wrong_values_are_found_out(self):
        for path, value in (("pid", 1), ("executable", "/bin/true"), ("args_count", 3)):
            with self.subTest(path=path):
                events = list(self.events)
                index = self.nth_of_storm("process-started", 5)
                events[index] = copy.deepcopy(events[index])
                events[index]["process"][path] = value
                self.assert_found_out(stream_check.check_storm(events, self.truth, TINY), path)

    def test_planted_wrong_exit_code_is_found_out(self):
        events = list(self.events)
        index = self.nth_of_storm("process-exited", 7)
        events[index] = copy.deepcopy(events[index])
        events[index]["process"]["exit_code"] += 1
        self.assert_found_out(stream_check.check_storm(events, self.truth, TINY), "exit code")

    def test_planted_gap_that_covers_too_much_is_found_out(self):
        loss = {"count": 2, "first_sequence": 10, "last_sequence": 11, "stage": "kernel_ring",
                "causes": {"ring_full": 2}, "types": {"start": 2}}
        gap = {"@timestamp": self.events[0]["@timestamp"], "event": {"action": "events-lost"}, "muster": {"loss": loss}}
        self.assert_found_out(stream_check.check_numbers(self.events[:-1] + [gap] + self.events[-1:]), "a gap where nothing is missing")

    def test_planted_shift_of_one_is_found_out(self):
        """Off by one everywhere: a number 0 and none at the end."""
        events = [{**event, "event": {**event["event"], "sequence": event["event"]["sequence"] - 1}} if is_numbered(event) else event
                  for event in self.events]
        self.assert_found_out(stream_check.check_numbers(events), "numbers from 0")


class StopInStormTest(LiveTest):
    """The sensor is attached and detached in the middle of a storm, over and over: each stream is whole,
    and of each worker it has everybody from some process to some other."""

    ROUNDS = 5
    ENOUGH = scaled(300, least=50)

    def test_each_stream_is_whole(self):
        truth_path, run = os.path.join(self.folder, "truth"), token("through").replace(".", "-")
        storm = subprocess.Popen([probe("storm"), "--image", TINY, "--count", "2000000", "--run", run, "--truth", truth_path],
                                 stdout=subprocess.DEVNULL)
        try:
            streams = [self.one_stream(run) for _ in range(self.ROUNDS)]
        finally:
            storm.terminate()
            storm.wait(patient(60))
        truth = read_truth(truth_path)
        for events in streams:
            self.assert_no_problems(stream_check.check_stream(events))
            self.assert_no_loss(events)
            self.assert_uninterrupted(events, truth)

    def one_stream(self, run):
        sensor = Sensor("--no-baseline", "--buffer", "32M")
        try:
            sensor.start()
            until(lambda: os.path.exists(sensor.output) and sensor.data().count(b'"' + run.encode() + b".") > self.ENOUGH, "enough")
            events = sensor.stop()
            self.assert_no_problems(sensor.problems)
            return events
        finally:
            sensor.close()

    def assert_uninterrupted(self, events, truth):
        starts = stream_check.with_action(events, "process-started")
        seen = {stream_check.token_of(event): dig(event, "process.entity_id") for event in starts}
        ended = {dig(event, "process.entity_id") for event in stream_check.with_action(events, "process-exited")}
        for worker in (0, 1):
            tokens = [line["token"] for line in truth if line["worker"] == worker]
            mine = [index for index, word in enumerate(tokens) if word in seen]
            self.assertGreater(len(mine), 1)
            self.assertEqual(mine, list(range(mine[0], mine[-1] + 1)), "a worker's processes have a hole")
            # The last may have been running when the sensor was detached.
            unended = [tokens[index] for index in mine[:-1] if seen[tokens[index]] not in ended]
            self.assertEqual(unended, [])


if __name__ == "__main__":
    unittest.main()
