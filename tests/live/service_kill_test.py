# SPDX-License-Identifier: Apache-2.0
"""The agent killed at any moment under a storm: nothing that the kernel accepted is missing, and what is there twice is what
was written last, the same to the byte. MUSTER_DEEP=1: some hundred kills."""

import copy
import os
import random
import shutil
import signal
import subprocess
import time
import unittest

import service_check
import stream_check
import verify_check
from sensor import patient, probe, read_truth, token, until
from service import Service, ServiceTest
from skeletons import recognise
from stream_check import action_of, dig, is_numbered, with_action

RUNS_ALONE = "one service a machine, and what it recorded is compared with what was started"

DEEP = bool(os.environ.get("MUSTER_DEEP"))
KILLS = 300 if DEEP else 8
PADDING = 500  # makes a record large, so that a small ring runs full


class Storm:
    """Runs until it is told to end; `truth` then is what was run."""

    def __init__(self, folder, image, padding=0):
        self.path = os.path.join(folder, "truth")
        command = [probe("storm"), "--image", image, "--count", "3000000", "--padding", str(padding),
                   "--run", token("kill").replace(".", "-"), "--truth", self.path]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.truth = None

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(patient(60))
            self.truth = read_truth(self.path)
        return self.truth


def tokens_of(events):
    return {stream_check.token_of(event): event for event in with_action(events, "process-started")}


class KillTest(ServiceTest):
    """One loop of kills with a ring that is large enough; the tests look at what came of it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with Service("--no-baseline", "--buffer", "256M" if DEEP else "64M") as service:
            service.start_ready()
            storm = Storm(service.folder, probe("tiny"))
            try:
                cls.kill(service, KILLS)
            finally:
                storm.end()
            service.stop()
            cls.truth, cls.events, cls.said = storm.truth, service.events(), service.stderr()
        cls.runs = service_check.split_epochs(cls.events)

    @staticmethod
    def kill(service, count):
        moments = random.Random(count)
        for _ in range(count):
            time.sleep(moments.uniform(0, patient(0.3)))
            service.kill()
            service.start()

    def the_runs(self):
        self.assertEqual(len(self.runs), 1, "one start of the kernel side")
        return next(iter(self.runs.values()))

    def test_nothing_is_missing(self):
        self.assert_no_problems(service_check.check_service(self.events) + verify_check.check_verdict(self.events))
        self.assert_nothing_lost(self.events)

    def test_all_that_was_run_is_there_once(self):
        once = list({service_check.number_of(event): event for event in self.events if is_numbered(event)}.values())
        self.assertGreater(len(self.truth), 100)
        self.assert_no_problems(stream_check.check_storm(once, self.truth, probe("tiny")))

    def test_the_killed_have_left_something_to_do(self):
        """Else the other tests would say nothing."""
        runs = self.the_runs()
        self.assertGreater(len(runs), KILLS // 2, self.said)
        held = [dig(run[0], "muster.ledger.held") for run in runs]
        self.assertGreater(sum(1 for count in held if count > 0), KILLS // 4, held)

    # ---- planted damage

    def middle(self):
        runs = self.the_runs()
        return max(range(len(runs)), key=lambda index: len(runs[index]))

    def assert_caught(self, runs, what):
        self.assert_found_out(service_check.check_epoch(runs), what)

    def damaged(self, change):
        runs = copy.deepcopy(self.the_runs())
        change(runs)
        return runs

    def test_planted_loss_is_found_out(self):
        def lose(runs):
            run = runs[self.middle()]
            counts = {service_check.number_of(event) for event in run if is_numbered(event)}
            number = sorted(counts)[len(counts) // 2]
            for each in runs:
                each[:] = [event for event in each if service_check.number_of(event) != number]

        self.assert_caught(self.damaged(lose), "a number less")

    def test_planted_double_is_found_out(self):
        def double(runs):
            run = runs[self.middle()]
            run.append(next(event for event in run if is_numbered(event)))

        self.assert_caught(self.damaged(double), "a line again where nobody died")

    def test_planted_change_of_what_comes_again_is_found_out(self):
        def change(runs):
            lines = [event for event in runs[self.middle()] if is_numbered(event)]
            again = copy.deepcopy(lines[-1])
            again["process"]["pid"] += 1
            run = runs[self.middle() + 1] if self.middle() + 1 < len(runs) else runs[self.middle()]
            run.insert(1, again)

        self.assert_caught(self.damaged(change), "another content with the same number")


class KillWithSmallRingTest(ServiceTest):
    """The ring overflows, mostly while no agent runs. What is lost is told to the unit, by type and cause: only the processes
    of one program are wanted, so all of them are known."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with Service("--no-baseline", "--buffer", "64K") as service:
            name = f"tiny{os.getpid()}k"
            image = shutil.copy(probe("tiny"), os.path.join(service.folder, name))
            service.options += ["--name", name]
            service.start()
            until(lambda: b"sensor-started" in service.data(), "the service to begin")
            storm = Storm(service.folder, image, padding=PADDING)
            try:
                for pause in [0.05, 0.4] * (KILLS // 2):
                    time.sleep(0.1)
                    service.kill()
                    time.sleep(pause)
                    service.start()
            finally:
                storm.end()
            service.stop()
            cls.truth, cls.events = storm.truth, service.events()
        recognise(cls.events, [[image, line["token"], "raw", "x" * PADDING] for line in cls.truth])
        cls.gaps = service_check.distinct(with_action(cls.events, "events-lost"))

    def test_nothing_is_missing(self):
        self.assert_no_problems(service_check.check_service(self.events) + verify_check.check_verdict(self.events))
        self.assertGreater(sum(dig(gap, "muster.loss.count") for gap in self.gaps), 100, "too little was lost for this to say anything")

    def lost(self, key):
        return sum((dig(gap, f"muster.loss.{key}") or 0) for gap in self.gaps)

    def test_lost_starts_are_exact(self):
        seen = tokens_of(stream_check.seen(self.events))
        missing = [line for line in self.truth if line["token"] not in seen]
        self.assertEqual(self.lost("types.start"), len(missing))

    def test_lost_exits_are_exact(self):
        exits = {(dig(event, "process.pid"), dig(event, "process.exit_code"), service_check.number_of(event))
                 for event in with_action(stream_check.seen(self.events), "process-exited")}
        self.assertEqual(self.lost("types.exit"), len(self.truth) - len(exits))

    def test_causes_are_those_that_can_be(self):
        """A start is only lost where there is no room at all, or none left for those that take it all."""
        self.assertEqual(sum(self.lost(f"causes.{cause}") for cause in ("ring_full", "class_shed", "share_shed")), self.lost("count"))
        self.assertGreaterEqual(self.lost("causes.ring_full") + self.lost("causes.share_shed"), self.lost("types.start"))


class KilledAtTheStartTest(ServiceTest):
    def test_an_agent_that_dies_while_it_begins_leaves_nothing_in_the_way(self):
        service = self.service("--no-baseline")
        moments = random.Random(7)
        for _ in range(5):
            service.start()
            time.sleep(moments.uniform(0, patient(0.7)))
            service.kill()
        service.start_ready()
        self.assertEqual(len(service.epochs()), 1)
        service.stop()
        for epoch, runs in service_check.split_epochs(service.events()).items():
            self.assert_no_problems([f"{epoch}: {problem}" for problem in service_check.check_epoch(runs)])


class StoppedAgentTest(ServiceTest):
    def test_standing_still_loses_what_has_no_room_and_tells_it(self):
        service = self.service("--no-baseline", "--buffer", "64K")
        name, image = self.image()
        service.options += ["--name", name]
        service.start()
        until(lambda: b"sensor-started" in service.data(), "the service to begin")
        storm = Storm(self.folder, image, padding=PADDING)
        self.addCleanup(storm.end)
        service.process.send_signal(signal.SIGSTOP)
        time.sleep(patient(1))
        service.process.send_signal(signal.SIGCONT)
        time.sleep(0.2)
        truth = storm.end()
        service.stop()
        events = self.assert_whole(service)
        recognise(events, [[image, line["token"], "raw", "x" * PADDING] for line in truth])
        lost = sum((dig(gap, "muster.loss.types.start") or 0) for gap in with_action(events, "events-lost"))
        self.assertEqual(lost, len(truth) - len(tokens_of(stream_check.seen(events))))
        self.assertGreater(lost, 0)


if __name__ == "__main__":
    unittest.main()
