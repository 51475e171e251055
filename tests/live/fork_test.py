# SPDX-License-Identifier: Apache-2.0
"""Processes that fork and never exec: reported with --forks, and only then."""

import subprocess
import unittest

import stream_check
from sensor import LiveTest, Sensor, SharedSensorTest, TINY, entity_of, probe, run_probe, scaled, token
from stream_check import action_of, dig

COUNT = scaled(300, least=60)


def actions_of(events, pid, parent):
    """What happened to the child `pid` of `parent`, in the order of the numbers."""
    mine = [event for event in events if dig(event, "process.pid") == pid and dig(event, "process.parent.pid") == parent]
    return sorted((event for event in mine if dig(event, "event.sequence")), key=lambda event: event["event"]["sequence"])


class ForksTest(SharedSensorTest):
    sensor_options = ("--forks",)

    def settle(self):
        word = token("settle")
        subprocess.run([TINY, word], check=False)
        self.exited(self.started(word))

    def test_fork_without_exec(self):
        truth = run_probe("forks", COUNT)
        self.settle()
        parent = self.sensor.wait_started_pid(truth[0]["ppid"], probe("forks"))
        for true in truth:
            events = actions_of(self.sensor.events, true["pid"], true["ppid"])
            self.assertEqual([action_of(event) for event in events], ["process-forked", "process-exited"])
            self.assertEqual({dig(event, "process.entity_id") for event in events}, {dig(events[0], "process.entity_id")})
            self.assert_fields(events[0], process__parent__entity_id=dig(parent, "process.entity_id"))
            self.assert_fields(events[1], process__exit_code=true["exit_code"])

    def test_fork_and_exec_are_one_life(self):
        word = token("life")
        process = subprocess.Popen([TINY, word])
        process.wait()
        start = self.started(word)
        self.exited(start)
        mine = [event for event in self.sensor.events if dig(event, "process.entity_id") == dig(start, "process.entity_id")]
        self.assertEqual([action_of(event) for event in mine], ["process-forked", "process-started", "process-exited"])
        self.assertEqual({dig(event, "process.pid") for event in mine}, {process.pid})

    def test_fork_has_the_identity_of_proc(self):
        process = subprocess.Popen(["sleep", "600"])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        fork = self.sensor.wait_event(lambda event: action_of(event) == "process-forked" and dig(event, "process.pid") == process.pid, "the fork")
        self.assert_fields(fork, process__entity_id=entity_of(process.pid))

    def test_threads_are_not_forks(self):
        process = subprocess.Popen([probe("thread_exit"), "racing", "8"])
        process.wait()
        self.settle()
        start = self.sensor.wait_started_pid(process.pid, probe("thread_exit"))
        mine = [event for event in self.sensor.events if dig(event, "process.entity_id") == dig(start, "process.entity_id")]
        self.assertEqual([action_of(event) for event in mine], ["process-forked", "process-started", "process-exited"])
        self.assertFalse([event for event in self.sensor.events if dig(event, "process.parent.pid") == process.pid
                          and dig(event, "process.parent.entity_id") == dig(start, "process.entity_id")])


class NoForksTest(LiveTest):
    def test_without_forks_there_are_none(self):
        with Sensor() as sensor:
            truth = run_probe("forks", COUNT)
            sensor.stop()
        self.assert_whole(sensor)
        children = [event for event in sensor.events if dig(event, "process.parent.pid") == truth[0]["ppid"]
                    and dig(event, "process.pid") in {true["pid"] for true in truth} and action_of(event) != "process-running"]
        self.assertEqual(children, [])
        self.assertEqual(stream_check.with_action(sensor.events, "process-forked"), [])
        self.assertTrue([event for event in sensor.events if dig(event, "process.executable") == probe("forks")])


if __name__ == "__main__":
    unittest.main()
