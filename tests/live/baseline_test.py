# SPDX-License-Identifier: Apache-2.0
"""The processes that already run: each once, none missed or doubled where baseline and live meet,
while processes start and end as fast as they can."""

import collections
import os
import pathlib
import subprocess
import unittest

import stream_check
from sensor import LiveTest, Sensor, TINY, count_by, patient, probe, read_truth, running_processes, scaled, stat_of, token, until
from stream_check import action_of, dig, entity_id, with_action

ROUNDS = scaled(3, least=1)
PROCESSES_MAX = 1_000_000 # of a storm; it is ended when the sensor has seen enough
ENOUGH = scaled(1500, least=400)
WORKERS = scaled(16, least=4) # more than CPUs, so that some have exec'ed and wait when the baseline is taken


def still_running(before, after):
    """Who ran all the time: not those who had ended already, and whom nobody has waited for yet."""
    return {key for key, state in before.items() if state not in "ZX" and after.get(key, "Z") not in "ZX"}


class QuietBaselineTest(LiveTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sleeper = subprocess.Popen(["sleep", "600"], cwd="/usr", user=1234, group=2345, extra_groups=[])
        cls.addClassCleanup(cls.sleeper.wait)
        cls.addClassCleanup(cls.sleeper.kill)
        before = running_processes()
        with Sensor() as sensor:
            after = running_processes()
            cls.events = sensor.stop()
            cls.problems = sensor.problems
        cls.alive = still_running(before, after)
        cls.baseline = with_action(cls.events, "process-running")

    def test_stream_is_whole(self):
        self.assert_no_problems(self.problems)
        self.assert_no_problems(stream_check.check_stream(self.events))

    def test_everybody_is_there_once(self):
        counts = count_by(self.baseline, "process.entity_id")
        self.assertGreater(len(self.alive), 10)
        problems = [f"pid {pid} stands {counts[entity_id(pid, ticks)]} times in the baseline"
                    for pid, ticks in self.alive if counts[entity_id(pid, ticks)] != 1]
        problems += [f"{entity} stands {count} times" for entity, count in counts.items() if count > 1]
        self.assert_no_problems(problems)

    def test_kernel_threads_are_there(self):
        """kthreadd is always pid 2 in the initial pid namespace."""
        if not pathlib.Path("/proc/2/exe").is_symlink() or stat_of(2) is None:
            self.skipTest("may skip: no kernel threads in this pid namespace")
        kthreadd, = [event for event in self.baseline if dig(event, "process.pid") == 2]
        self.assertEqual(dig(kthreadd, "process.thread.name"), "kthreadd")
        self.assertEqual([dig(kthreadd, path) for path in ("process.executable", "process.args", "process.command_line")], [None] * 3)

    def test_fields_of_one(self):
        event, = [event for event in self.baseline if dig(event, "process.pid") == self.sleeper.pid]
        self.assertEqual(dig(event, "process.args"), ["sleep", "600"])
        self.assertEqual(dig(event, "process.args_count"), 2)
        self.assertEqual(dig(event, "process.executable"), os.path.realpath(f"/proc/{self.sleeper.pid}/exe"))
        self.assertEqual(dig(event, "process.working_directory"), "/usr")
        self.assertEqual([dig(event, f"process.{key}.id") for key in ("user", "real_user", "group", "real_group")],
                         ["1234", "1234", "2345", "2345"])
        self.assertEqual(dig(event, "process.parent.pid"), os.getpid())
        self.assertEqual(dig(event, "process.session_leader.pid"), os.getsid(self.sleeper.pid))

    def test_baseline_comes_first(self):
        """Right behind sensor-started, before everything that is numbered."""
        actions = [action_of(event) for event in self.events]
        self.assertEqual(actions[1:1 + len(self.baseline)], ["process-running"] * len(self.baseline))


class EndOfBaselineTest(LiveTest):
    def test_who_ran_already_has_its_exit(self):
        sleeper = subprocess.Popen(["sleep", "600"])
        self.addCleanup(sleeper.wait)
        self.addCleanup(sleeper.kill)
        with Sensor() as sensor:
            running = sensor.wait_event(lambda event: action_of(event) == "process-running" and dig(event, "process.pid") == sleeper.pid, "it")
            sleeper.kill()
            end = sensor.wait_exited(running)
            sensor.stop()
        self.assert_whole(sensor)
        self.assertEqual(dig(end, "process.exit_code"), 128 + 9)
        self.assertEqual(dig(end, "process.pid"), sleeper.pid)


class NoBaselineTest(LiveTest):
    def test_no_baseline(self):
        with Sensor("--no-baseline") as sensor:
            sensor.stop()
        self.assert_whole(sensor)
        self.assertEqual(with_action(sensor.events, "process-running"), [])


class StormyBaselineTest(LiveTest):
    """The sensor starts in the middle of a storm of execs and forks. Each worker runs one process
    after the other, so from the first that is seen on all must be."""

    def test_nobody_missed_or_doubled_in_between(self):
        for number in range(ROUNDS):
            with self.subTest(round=number):
                self.one_round()

    def one_round(self):
        truth_path = os.path.join(self.folder, "truth")
        run = token("stormy").replace(".", "-")
        storm = subprocess.Popen([probe("storm"), "--image", TINY, "--count", str(PROCESSES_MAX), "--workers", str(WORKERS),
                                  "--run", run, "--truth", truth_path], stdout=subprocess.DEVNULL)
        forks = subprocess.Popen([probe("forks"), str(PROCESSES_MAX)], stdout=subprocess.PIPE)
        before = running_processes()
        sensor = Sensor("--forks", "--buffer", "64M")
        try:
            sensor.start()
            until(lambda: self.seen_of(sensor, run) > ENOUGH, "enough of the storm")
            after = running_processes()
            forks.terminate()
            fork_truth = [stream_check.parse_line(line) for line in forks.communicate(timeout=patient(120))[0].splitlines()]
            storm.terminate()
            self.assertEqual(storm.wait(patient(120)), 0)
            events = sensor.stop()
        finally:
            sensor.close()
            for process in (storm, forks):
                process.kill()
                process.wait()
        self.assert_whole(sensor)
        self.assert_no_loss(events)
        self.assert_storm_from_some_point_on(events, read_truth(truth_path))
        self.assert_forks_from_some_point_on(events, fork_truth)
        self.assert_everybody_once(events, still_running(before, after))

    def seen_of(self, sensor, run):
        """Counted in the bytes: parsing would be too slow to look on."""
        self.assertIsNone(sensor.process.poll(), sensor.stderr())
        return sensor.data().count(b'"' + run.encode() + b".") if os.path.exists(sensor.output) else 0

    def assert_everybody_once(self, events, alive):
        counts = count_by(with_action(events, "process-running"), "process.entity_id")
        self.assert_no_problems([f"pid {pid} stands {counts[entity_id(pid, ticks)]} times in the baseline"
                                 for pid, ticks in alive if counts[entity_id(pid, ticks)] != 1])
        self.assert_no_problems([f"{entity} stands {count} times" for entity, count in counts.items() if count > 1])
        forked = count_by(with_action(events, "process-forked"), "process.entity_id")
        self.assert_no_problems([f"{entity} is in the baseline and forked" for entity in forked if counts[entity]])

    def assert_storm_from_some_point_on(self, events, truth):
        seen = collections.Counter()
        entities = {}
        for event in events:
            if action_of(event) in ("process-running", "process-started") and stream_check.token_of(event):
                seen[stream_check.token_of(event)] += 1
                entities[stream_check.token_of(event)] = dig(event, "process.entity_id")
        exits = count_by(with_action(events, "process-exited"), "process.entity_id")
        for worker in range(WORKERS):
            tokens = [line["token"] for line in truth if line["worker"] == worker]
            first = next(index for index, word in enumerate(tokens) if seen[word])
            self.assertGreater(len(tokens) - first, 5, "the storm was over before the sensor began")
            self.assertGreater(first, 0, "the sensor began before the storm")
            self.assert_no_problems([f"{word} was seen {seen[word]} times" for word in tokens[first:] if seen[word] != 1])
            self.assert_no_problems([f"{word} has {exits[entities[word]]} exits" for word in tokens[first:] if word in entities and exits[entities[word]] != 1])

    def assert_forks_from_some_point_on(self, events, truth):
        """The children of `forks` come and go one after the other: what is seen of them, in the
        order of the numbers, is how the truth ends. Of the first, perhaps only the exit is seen."""
        mine = [event for event in events if dig(event, "process.parent.pid") == truth[0]["ppid"] and dig(event, "event.sequence")]
        mine.sort(key=lambda event: event["event"]["sequence"])
        pids = [line["pid"] for line in truth]
        for action in ("process-forked", "process-exited"):
            seen = [dig(event, "process.pid") for event in with_action(mine, action)]
            self.assertGreater(len(seen), 10, "the forks were over before the sensor began")
            self.assertLess(len(seen), len(pids), "the sensor began before the forks")
            self.assertEqual(seen, pids[-len(seen):], action)


if __name__ == "__main__":
    unittest.main()
