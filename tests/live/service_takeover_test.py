# SPDX-License-Identifier: Apache-2.0
"""What a later agent does with the kernel side that an earlier one left: takes it over as it is, or begins a new one before
the old one ends, and reads that to its end."""

import collections
import fcntl
import json
import os
import re
import struct
import subprocess
import termios
import time
import unittest

import service_check
import stream_check
import verify_check
from sensor import ROOT, TINY, entity_of, patient, probe, read_truth, token, until
from service import ServiceTest, runs_of
from stream_check import action_of, dig, is_numbered, with_action

RUNS_ALONE = "one service a machine"

BUILD = ROOT / "build"
OTHER_PROGRAMS = str(BUILD / "other-programs" / "muster")
PIPE_BYTES = 65536
OTHER_ABI = str(BUILD / "other-abi" / "muster")


def epochs_of(events):
    return list(service_check.split_epochs(events))


def pipe_bytes(fd):
    return struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"    "))[0]


def run_tiny(name):
    word = token(name)
    subprocess.run([TINY, word], check=False)
    return word


def numbers_with(events, word):
    return [(dig(event, "agent.ephemeral_id"), service_check.number_of(event)) for event in with_action(events, "process-started")
            if stream_check.token_of(event) == word]


class TakeoverTest(ServiceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for binary in (OTHER_PROGRAMS, OTHER_ABI):
            if not os.path.exists(binary):
                raise unittest.SkipTest(f"{binary} is not built: run make variants")

    def test_the_same_program_goes_on_with_the_same_numbers(self):
        service = self.service("--no-baseline").start_ready()
        service.terminate()
        self.assertIn("goes on recording", service.stderr())
        word = run_tiny("between")
        service.start_ready()
        service.stop()
        events = self.assert_whole(service)
        self.assert_nothing_lost(events)
        self.assertEqual(len(epochs_of(events)), 1)
        self.assertEqual(len(numbers_with(events, word)), 1, "what ran while no agent did")
        first, second = runs_of(events)
        self.assertEqual(dig(first[-1], "muster.ledger.delivered"), dig(second[0], "muster.ledger.delivered"))
        self.assertGreater(dig(second[0], "muster.ledger.held"), 0)

    def renewed(self, service, *options, binary=None):
        """Leaves, and comes again as something else, while processes run. Returns the events."""
        service.start_ready()
        early = run_tiny("early")
        until(lambda: early.encode() in service.data(), "the early one")
        service.terminate()
        between = [run_tiny("between") for _ in range(20)]
        run = token("renew").replace(".", "-")
        truth = os.path.join(self.folder, "truth")
        storm = subprocess.Popen([probe("storm"), "--image", TINY, "--count", "1000000", "--run", run, "--truth", truth], stdout=subprocess.DEVNULL)
        try:
            time.sleep(0.1)
            service.start_ready(*options, binary=binary) # that may still be seen by the old one
            until(lambda: len(set(re.findall(rb'"ephemeral_id":"([0-9a-f]+)"', service.data()))) == 2, "the new epoch", patient(30))
        finally:
            storm.terminate()
            storm.wait()
        service.stop()
        events = service.events()
        self.assert_no_problems(service_check.check_service(events) + verify_check.check_verdict(events))
        self.assert_nothing_lost(events)
        self.assertEqual(len(epochs_of(events)), 2)
        self.assertEqual(len(service.epochs()), 0)
        for word in between:
            self.assertEqual(len(numbers_with(events, word)), 1)
        self.assert_no_moment_without(events, read_truth(truth))
        return events

    def assert_no_moment_without(self, events, truth):
        """Each of the storm is in one of the two epochs; where both were open, in both at most."""
        epochs = collections.defaultdict(list)
        for event in with_action(events, "process-started"):
            epochs[stream_check.token_of(event)].append(dig(event, "agent.ephemeral_id"))
        self.assertEqual([line for line in truth if len(epochs[line["token"]]) not in (1, 2)], [])
        both = [line for line in truth if len(epochs[line["token"]]) == 2]
        self.assertEqual([line for line in both if len(set(epochs[line["token"]])) != 2], [])
        self.assertLess(len(both), 20)

    def test_another_build_of_the_programs_begins_a_new_epoch_and_loses_nothing(self):
        service = self.service("--no-baseline", "--buffer", "64M")
        self.renewed(service, binary=OTHER_PROGRAMS)
        self.assertIn("has other programs", service.stderr())
        self.assertIn("read to its end", service.stderr())

    def test_other_options_do_too(self):
        service = self.service("--no-baseline", "--buffer", "64M")
        events = self.renewed(service, "--buffer", "32M", "--forks", "--exclude", "name=no-such-program")
        self.assertIn("has another --buffer, another --forks, other filters", service.stderr())
        first, second = service_check.split_epochs(events).values()
        self.assertFalse([event for run in first for event in with_action(run, "process-forked")])
        self.assertTrue([event for run in second for event in with_action(run, "process-forked")])

    def test_what_another_abi_left_is_read_and_said_to_have_no_account(self):
        service = self.service("--no-baseline", "--buffer", "64M").start_ready()
        service.kill()
        words = [run_tiny("left") for _ in range(20)]
        service.start_ready(binary=OTHER_ABI)
        self.assertIn("cannot account for", service.stderr())
        self.assertIn("its stream has no end", service.stderr())
        service.binary = OTHER_ABI
        service.stop()
        events = service.events()
        old, new = service_check.split_epochs(events).values()
        self.assert_no_problems(service_check.check_epoch(new))
        delivered = {stream_check.token_of(event) for run in old for event in run if is_numbered(event)}
        self.assertLessEqual(set(words), delivered)
        self.assertEqual(action_of(old[-1][0]), "sensor-started")
        self.assertNotEqual(action_of(old[-1][-1]), "sensor-stopped")
        self.assertEqual(service.epochs(), [])

    def test_a_journal_that_nobody_wrote_is_not_believed(self):
        service = self.service("--no-baseline").start_ready()
        service.kill()
        word = run_tiny("left")
        journal = os.path.join(service.pins, service.epochs()[0], "journal")
        shown = subprocess.run(["bpftool", "map", "dump", "pinned", journal, "--json"], capture_output=True, check=True, text=True).stdout
        value = bytearray(int(byte, 16) for byte in json.loads(shown)[0]["value"])
        for at in range(200, len(value) - 16 * 288, 16):
            value[at] ^= 0x5A
        subprocess.run(["bpftool", "map", "update", "pinned", journal, "key", "0", "0", "0", "0", "value", *map(str, value)], check=True)
        service.start_ready()
        self.assertIn("cannot account for", service.stderr())
        service.stop()
        self.assertIn(word.encode(), service.data())
        self.assertEqual(service.epochs(), [])

    def test_a_side_whose_agent_was_killed_gets_its_end(self):
        """Though all of it was delivered: without an end nobody could see that."""
        service = self.service("--no-baseline", "--name", "no-such-program").start()
        until(lambda: b"sensor-started" in service.data(), "the service to begin")
        service.kill()
        done = service.stop()
        self.assertIn("no end in its output yet", done.stderr)
        service.start()
        until(lambda: service.data().count(b"sensor-started") == 3, "the service to begin")
        service.stop()
        events = self.assert_whole(service)
        self.assertEqual(len(epochs_of(events)), 2)

    def test_a_side_that_has_ended_is_read_to_its_end_first(self):
        service = self.service("--no-baseline").start_ready()
        service.kill()
        words = [run_tiny("left") for _ in range(20)]
        done = service.stop()
        self.assertRegex(done.stderr, r"\d+ events of epoch [0-9a-f]{16} that no output has are kept")
        after = run_tiny("after")
        service.start_ready()
        service.stop()
        events = self.assert_whole(service)
        self.assertEqual(len(epochs_of(events)), 2)
        for word in words:
            self.assertEqual(len(numbers_with(events, word)), 1)
        self.assertEqual(numbers_with(events, after), [], "nothing recorded then")


class BaselineTest(ServiceTest):
    def running(self, run):
        return {dig(event, "process.entity_id") for event in with_action(run, "process-running")}

    def test_told_once_for_a_kernel_side_and_again_where_asked_for(self):
        service = self.service().start_ready()
        service.terminate()
        service.start_ready()
        service.kill()
        service.start_ready("--baseline")
        service.stop()
        first, second, third = runs_of(self.assert_whole(service))
        us = entity_of(os.getpid())
        self.assertIn(us, self.running(first))
        self.assertEqual(self.running(second), set())
        self.assertIn(us, self.running(third))

    def test_told_again_where_the_agent_died_before_all_of_it_was_written(self):
        """The output takes nothing: a pipe that nobody reads, with less room than the baseline takes."""
        pipe = os.path.join(self.folder, "pipe")
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        sleepers = [subprocess.Popen(["sleep", "100"], stdin=subprocess.DEVNULL) for _ in range(100)]
        try:
            service = self.service(output=pipe)
            service.start()
            until(lambda: pipe_bytes(reader) >= PIPE_BYTES - 4096, "the pipe to be full")
            service.kill()
            os.close(reader)
            service.output = os.path.join(self.folder, "output")
            service.start_ready()
            service.stop()
        finally:
            for sleeper in sleepers:
                sleeper.kill()
                sleeper.wait()
        running = self.running(service.events())
        self.assertIn(entity_of(os.getpid()), running)


if __name__ == "__main__":
    unittest.main()
