# SPDX-License-Identifier: Apache-2.0
"""Starts and exits that were lost are concluded from what runs afterwards: all of them that can be, none that were not, once, and with
a window that has the time when they happened."""

import copy
import os
import signal
import time
import unittest

import stream_check
from reconciled import ExecedLife, Life, check_concluded, check_invented, is_concluded
from sensor import LiveTest, Sensor, entity_of, patient, run_storm, running_processes, scaled, stat_of, until
from stream_check import action_of, dig, with_action

RUNS_ALONE = "it fills the ring, and knows who lives"

COUNT = 12
STORM_COUNT = scaled(1500, least=300)
SETTLE_NS = 1_000_000_000


def alive_now():
    return {stream_check.entity_id(pid, ticks) for (pid, ticks), state in running_processes().items() if state not in "ZX"}


class Hole:
    """A sensor that stands still, so that its ring runs full; what is done then is lost."""

    def __init__(self, sensor, folder):
        self.sensor, self.folder = sensor, folder

    def __enter__(self):
        self.sensor.process.send_signal(signal.SIGSTOP)
        until(lambda: stat_of(self.sensor.process.pid)[0] == "T", "muster to stand still")
        run_storm(self.folder, count=STORM_COUNT, padding=2000)
        return self

    def __exit__(self, *_):
        self.sensor.process.send_signal(signal.SIGCONT)


class ReconcileTest(LiveTest):
    options = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with Sensor("--buffer", "64K", *cls.options) as sensor:
            cls.known = [Life() for _ in range(COUNT)]
            cls.staying = [Life() for _ in range(COUNT)]
            cls.execed = [ExecedLife() for _ in range(3)]
            try:
                cls.run_all(sensor)
            finally:
                for life in cls.known + cls.staying + cls.execed + cls.lost:
                    life.end()

    lost = []

    @classmethod
    def run_all(cls, sensor):
        for life in cls.known + cls.staying + cls.execed:
            sensor.wait_started_pid(life.pid)
        with Hole(sensor, sensor.folder):
            cls.lost = [Life() for _ in range(COUNT)]
            for life in cls.known:
                life.end()
            for life in cls.execed:
                life.go_on()
        cls.wait_concluded(sensor, [life.entity for life in cls.lost + cls.known + cls.execed])
        for life in cls.lost[:COUNT // 2]:  # an end that is seen, of a start that was not
            life.end()
        cls.wait_ended(sensor, [life.entity for life in cls.lost[:COUNT // 2]])
        cls.scanned_ns = time.time_ns() - SETTLE_NS
        cls.alive = alive_now()
        cls.events = sensor.stop()
        cls.problems = sensor.problems

    @staticmethod
    def wait_concluded(sensor, entities):
        wanted = set(entities)
        until(lambda: wanted <= {dig(event, "process.entity_id") for event in sensor.read() if is_concluded(event)} or sensor.process.poll() is not None,
              "what was lost to be concluded", patient(12))

    @staticmethod
    def wait_ended(sensor, entities):
        wanted = set(entities)
        until(lambda: wanted <= {dig(event, "process.entity_id") for event in with_action(sensor.read(), "process-exited")}, "the ends", patient(10))

    def concluded(self, events=None):
        problems = []
        for life in self.lost + self.execed:
            problems += check_concluded(events or self.events, life.entity, "process-started", life.started_after_ns, life.started_before_ns)
        for life in self.known:
            problems += check_concluded(events or self.events, life.entity, "process-exited", life.ended_after_ns, life.ended_before_ns)
        return problems

    def test_stream_is_whole(self):
        self.assert_no_problems(self.problems)
        self.assert_no_problems(stream_check.check_stream(self.events))
        self.assertGreater(len(stream_check.losses_of(self.events)), 0)

    def test_what_was_lost_is_concluded(self):
        self.assert_no_problems(self.concluded())

    def test_nothing_is_invented_or_doubled(self):
        self.assert_no_problems(check_invented(self.events, self.alive))

    def test_who_stayed_is_left_alone(self):
        staying = {life.entity for life in self.staying}
        self.assertEqual([event for event in self.events if dig(event, "process.entity_id") in staying and is_concluded(event)], [])

    def test_everybody_has_an_end_or_lives(self):
        """With gaps as without: exits that were lost leave nobody behind."""
        self.assert_no_problems(stream_check.check_lives(self.events, self.scanned_ns, self.alive))

    def test_everybody_who_lives_is_known(self):
        begun = {dig(event, "process.entity_id") for event in self.events if action_of(event) in ("process-started", "process-running")}
        ended = {dig(event, "process.entity_id") for event in with_action(self.events, "process-exited")}
        lives = {life.entity for life in self.staying + self.execed + self.lost[COUNT // 2:]} | {entity_of(os.getpid())}
        self.assertEqual(lives - (begun - ended), set())

    def test_a_concluded_start_says_what_runs(self):
        for life in self.lost:
            start = next(event for event in with_action(self.events, "process-started") if dig(event, "process.entity_id") == life.entity)
            self.assertEqual((dig(start, "process.pid"), dig(start, "process.args"), dig(start, "process.parent.pid")),
                             (life.pid, ["/usr/bin/sleep", "1000"], os.getpid()))

    # ---- planted damage

    def damaged(self, change):
        events = copy.deepcopy(self.events)
        event = next(event for event in events if dig(event, "process.entity_id") == self.known[0].entity and is_concluded(event))
        change(events, event)
        return events

    def test_planted_damage_is_found_out(self):
        hour = "2001-01-01T00:00:00.000000000Z"
        self.assert_found_out(self.concluded(self.damaged(lambda events, event: events.remove(event))), "one less")
        self.assert_found_out(self.concluded(self.damaged(lambda events, event: events.append(event))), "one twice")
        self.assert_found_out(self.concluded(self.damaged(lambda events, event: event["event"].update(start=hour, end=hour))), "another window")
        self.assert_found_out(check_invented(self.damaged(lambda events, event: events.append(event)), self.alive), "one twice: check_invented")
        entity = self.staying[0].entity
        self.assert_found_out(check_invented(self.damaged(lambda events, event: event["process"].update(entity_id=entity)), self.alive), "an exit of who lives")


if os.environ.get("MUSTER_DEEP"):
    class ForksReconcileTest(ReconcileTest):
        options = ("--forks",)


if __name__ == "__main__":
    unittest.main()
