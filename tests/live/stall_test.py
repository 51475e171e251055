# SPDX-License-Identifier: Apache-2.0
"""An output that takes nothing for some seconds: the kernel side goes on, and what there was no room
for is told, exact to the unit."""

import collections
import copy
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import unittest

import stream_check
import skeletons
import verify_check
from sensor import LiveTest, Sensor, TINY, patient, probe, run_storm, scaled, stat_of, token, until
from stream_check import action_of, dig, with_action

RUNS_ALONE = "it fills the ring, with what it started itself"

DEEP = os.environ.get("MUSTER_DEEP") == "1" # a minute, all of it under the storm
STALL_COUNT = 150_000 if DEEP else scaled(8000, least=1000)
PADDING = 200 if DEEP else 2000 # makes a record large, so that every queue on the way runs full
STALL_AT_LEAST_S = 60 if DEEP else 3
SLOWEST_FACTOR = 4         # noise of a shared machine; a kernel side that waits would never end
GIVE_UP_S = 5
NOBODY = 65534


class PipedSensor(Sensor):
    """Writes to a pipe, from which another process copies into the file that is read here; `hold`
    stops that process, and then nobody takes anything from the pipe."""

    def __init__(self, *options, **keywords):
        super().__init__(*options, **keywords)
        self.command[self.command.index("--output") + 1] = "-"
        self.reader = None

    def start(self, **popen):
        reader, writer = os.pipe()
        with open(self.output, "wb") as copy:
            self.reader = subprocess.Popen(["cat"], stdin=reader, stdout=copy)
        super().start(stdout=writer, **popen)
        os.close(reader)
        os.close(writer)
        return self

    def hold(self):
        self.reader.send_signal(signal.SIGSTOP)
        until(lambda: stat_of(self.reader.pid)[0] == "T", "the reader to stand still")

    def release(self):
        self.reader.send_signal(signal.SIGCONT)

    def wait_end(self, expect=0, seconds=patient(30)):
        status = self.wait_status(seconds)
        self.release()
        self.reader.wait(patient(30))
        self.read()
        if status != expect:
            raise AssertionError(f"muster ended with {status}, not {expect}; it said: {self.stderr()}")
        return self.events

    def close(self):
        if self.reader and self.reader.poll() is None:
            self.reader.kill()
            self.reader.wait()
        super().close()

    def mark(self, name):
        """A process whose start is seen before this returns. Tries again: right after a stall there
        may be no room yet."""
        words = []
        deadline = time.monotonic() + patient(30)
        while time.monotonic() < deadline:
            words.append(token(name))
            subprocess.run([TINY, words[-1]], check=False)
            word = self._first_seen(words, patient(1))
            if word:
                return word
        raise AssertionError(f"nothing is seen any more; muster said: {self.stderr()}")

    def _first_seen(self, words, seconds):
        position = len(self.events)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for event in self.read()[position:]:
                if action_of(event) == "process-started" and stream_check.token_of(event) in words:
                    return stream_check.token_of(event)
            position = len(self.events)
            time.sleep(0.02)
        return None


def shape_of(event):
    """What two sensors that see the same event agree on."""
    return action_of(event), dig(event, "process.entity_id"), tuple((dig(event, "process.args") or [])[:2])


def sequence_of(events, word):
    return next(event["event"]["sequence"] for event in with_action(stream_check.seen(events), "process-started") if stream_check.token_of(event) == word)


def between(events, first_word, last_word):
    first, last = sequence_of(events, first_word), sequence_of(events, last_word)
    return [event for event in events if first < (dig(event, "event.sequence") or 0) < last]


class StalledOutputTest(LiveTest):
    """One run: a sensor whose output stalls, and beside it one whose output does not, as a witness
    of what else went on on this machine."""

    @staticmethod
    def hold(sensor):
        sensor.hold()

    @staticmethod
    def release(sensor):
        sensor.release()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with Sensor("--buffer", "64M") as witness:
            cls.before, _ = run_storm(witness.folder, count=min(STALL_COUNT, 8000), padding=PADDING)
            with PipedSensor("--buffer", "256K", "--fail-on-loss") as stalled:
                cls.stall(witness, stalled)
            cls.witnessed = witness.stop()
            skeletons.recognise(cls.events, [args for event in with_action(cls.witnessed, "process-started")
                                             if (args := dig(event, "process.args")) is not None])
            cls.witness_problems = witness.problems

    @classmethod
    def stall(cls, witness, stalled):
        cls.first = stalled.mark("first")
        witness.wait_started(cls.first)
        cls.hold(stalled)
        begin = time.monotonic()
        cls.storm, cls.truth = run_storm(witness.folder, count=STALL_COUNT, padding=PADDING)
        until(lambda: time.monotonic() - begin >= STALL_AT_LEAST_S, "the stall to last")
        cls.release(stalled)
        stalled.mark("room again")
        cls.last = stalled.mark("last")
        cls.events = stalled.stop(expect=3)
        witness.wait_started(cls.last)
        cls.stderr = stalled.stderr()
        cls.problems = stalled.problems

    def test_witness_is_whole(self):
        """Also: two sensors at once do not disturb each other."""
        self.assert_no_problems(self.witness_problems)
        self.assert_no_problems(stream_check.check_stream(self.witnessed))
        self.assert_no_loss(self.witnessed)

    def test_stream_is_whole(self):
        self.assert_no_problems(self.problems)
        self.assert_no_problems(stream_check.check_stream(self.events) + verify_check.check_verdict(self.events))

    def test_something_was_lost(self):
        """Else the other tests here would say nothing."""
        self.assertGreater(len(stream_check.losses_of(self.events)), 0)

    def test_kernel_side_did_not_stall(self):
        self.assertGreater(self.storm["execs_per_second"] * SLOWEST_FACTOR, self.before["execs_per_second"])

    def lost_by_type(self):
        """What was lost between the markers. Where this machine is busy with something else, there may
        be gaps before and after, but none across: a marker is seen where there is room."""
        first, last = sequence_of(self.events, self.first), sequence_of(self.events, self.last)
        lost = collections.Counter()
        for loss in stream_check.losses_of(self.events):
            self.assertFalse(loss["first_sequence"] < first < loss["last_sequence"], "a gap across the first marker")
            self.assertFalse(loss["first_sequence"] < last < loss["last_sequence"], "a gap across the last marker")
            if first < loss["first_sequence"] < last:
                lost.update(loss["types"])
        return lost

    def missing_tokens(self):
        delivered = {stream_check.token_of(event) for event in with_action(stream_check.seen(self.events), "process-started")}
        return [line["token"] for line in self.truth if line["token"] not in delivered]

    def foreign_missing(self, action):
        """Events of processes that are not of the storm, which the witness has and the stalled has not."""
        run = self.truth[0]["token"].rpartition(".")[0] + "."
        storm = {dig(event, "process.entity_id") for event in with_action(self.witnessed, "process-started")
                 if (stream_check.token_of(event) or "").startswith(run)}
        seen = collections.Counter(shape_of(event) for event in with_action(stream_check.seen(self.events), action))
        wanted = collections.Counter(shape_of(event) for event in with_action(between(self.witnessed, self.first, self.last), action)
                                     if dig(event, "process.entity_id") not in storm)
        return sum((wanted - seen).values())

    def test_lost_starts_are_exact(self):
        self.assertEqual(self.lost_by_type()["start"], len(self.missing_tokens()) + self.foreign_missing("process-started"))

    def test_lost_exits_are_exact(self):
        storm = {line["token"] for line in self.truth}
        entities = [dig(event, "process.entity_id") for event in with_action(self.witnessed, "process-started")
                    if stream_check.token_of(event) in storm]
        self.assertEqual(len(entities), STALL_COUNT)
        ended = {dig(event, "process.entity_id") for event in with_action(stream_check.seen(self.events), "process-exited")}
        missing = sum(1 for entity in entities if entity not in ended)
        self.assertEqual(self.lost_by_type()["exit"], missing + self.foreign_missing("process-exited"))

    def test_what_was_delivered_of_the_storm_is_right(self):
        missing = set(self.missing_tokens())
        delivered = [line for line in self.truth if line["token"] not in missing]
        starts = {stream_check.token_of(event): event for event in with_action(self.events, "process-started")}
        for line in delivered:
            event = starts[line["token"]]
            self.assertEqual((dig(event, "process.pid"), dig(event, "process.args")),
                             (line["pid"], [TINY, line["token"], "raw", "x" * PADDING]))

    def test_lower_classes_are_shed_first(self):
        lost = self.lost_by_type()
        self.assertGreaterEqual(lost["exit"], lost["start"])

    def test_gap_has_the_time_of_the_stall(self):
        self.assertFalse([loss for loss in with_action(self.events, "events-lost")
                          if stream_check.time_ns(loss, "event.start") < stream_check.time_ns(self.events[0])])

    def test_fail_on_loss_says_so(self):
        """The status 3 is asserted where the sensor is stopped."""
        self.assertRegex(self.stderr, r"\d")

    # ---- planted damage

    def damaged(self, change):
        events = copy.deepcopy(self.events)
        gap = next(event for event in events if action_of(event) == "events-lost" and "first_sequence" in event["muster"]["loss"])
        change(gap["muster"]["loss"])
        return events

    def test_planted_wrong_count_is_found_out(self):
        for by in (-1, 1):
            events = self.damaged(lambda loss: loss.update(count=loss["count"] + by))
            self.assert_found_out(stream_check.check_numbers(events), f"a count {by:+d}: check_numbers")
            self.assert_found_out(stream_check.check_losses(events), f"a count {by:+d}: check_losses")

    def test_planted_wrong_cause_is_found_out(self):
        def one_less(loss):
            cause = next(iter(loss["causes"]))
            loss["causes"][cause] -= 1
            loss["causes"]["unexplained"] = loss["causes"].get("unexplained", 0) + 1

        self.assert_found_out(stream_check.check_ledger(self.damaged(one_less)), "a cause that the ledger does not have")

    def test_planted_short_range_is_found_out(self):
        events = self.damaged(lambda loss: loss.update(first_sequence=loss["first_sequence"] + 1))
        self.assert_found_out(stream_check.check_numbers(events), "a range that begins too late")

    def test_planted_overlap_is_found_out(self):
        gap = next(event for event in self.events if action_of(event) == "events-lost" and "first_sequence" in event["muster"]["loss"])
        self.assert_found_out(stream_check.check_numbers(self.events[:-1] + [gap] + self.events[-1:]), "a gap twice")

    def test_planted_loss_of_a_gap_is_found_out(self):
        gaps = with_action(self.events, "events-lost")
        events = [event for event in self.events if event is not gaps[-1]]
        self.assert_found_out(stream_check.check_numbers(events) + stream_check.check_ledger(events), "a gap less")


class StoppedReaderTest(StalledOutputTest):
    """The same where muster itself stands still: SIGSTOP."""

    @staticmethod
    def hold(sensor):
        sensor.process.send_signal(signal.SIGSTOP)
        until(lambda: stat_of(sensor.process.pid)[0] == "T", "muster to stand still")

    @staticmethod
    def release(sensor):
        sensor.process.send_signal(signal.SIGCONT)


class HostileArgumentsTest(LiveTest):
    """Anybody may run programs with arguments as long as the kernel allows: that costs bounded
    memory, and what is lost is told all the same."""

    COUNT = scaled(1500, least=200)
    RING_BYTES = 1024 * 1024
    MEMORY_KIB_MAX = 64 * 1024

    def test_storm_of_long_arguments(self):
        image = shutil.copy(TINY, os.path.join(self.folder, "tiny"))
        with PipedSensor("--buffer", str(self.RING_BYTES)) as sensor:
            sensor.hold()
            command = [shutil.copy(probe("storm"), self.folder), "--image", image, "--count", str(self.COUNT), "--padding", "131000", "--run", "hostile"]
            subprocess.run(command, user=NOBODY, group=NOBODY, extra_groups=[], stdout=subprocess.DEVNULL, check=True)
            memory_kib = int(re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{sensor.process.pid}/status").read_text())[1])
            sensor.release()
            sensor.mark("after")
            events = sensor.stop()
        self.assert_whole(sensor)
        self.assertGreater(sum(loss["count"] for loss in stream_check.losses_of(events)), self.COUNT)
        self.assertLess(memory_kib, self.MEMORY_KIB_MAX)


class StoppedWhileStalledTest(LiveTest):
    def test_gives_up_after_five_seconds_and_says_how_many_are_held(self):
        count = scaled(2000, least=300)
        with PipedSensor("--buffer", "64M") as sensor:
            sensor.mark("first")
            sensor.hold()
            _, truth = run_storm(self.folder, count=count)
            begin = time.monotonic()
            sensor.process.send_signal(signal.SIGINT)
            status = sensor.wait_status(GIVE_UP_S + patient(10))
            took = time.monotonic() - begin
            said = sensor.stderr()
            sensor.release()
            sensor.reader.wait(patient(30))
            events = sensor.read()
        self.assertEqual(status, 1, said)
        self.assertGreater(took, GIVE_UP_S - 0.5)
        self.assertLess(took, GIVE_UP_S + patient(3))
        self.assert_held(said, events, truth)

    def assert_held(self, said, events, truth):
        """As many as are not delivered of the storm, and some more at most, of others on this machine."""
        match = re.search(r"(\d+) events?\b.*\bheld|held\D*(\d+)", said)
        self.assertIsNotNone(match, said)
        held = int(match.group(1) or match.group(2))
        tokens = {line["token"] for line in truth}
        starts = [event for event in with_action(events, "process-started") if stream_check.token_of(event) in tokens]
        entities = {dig(event, "process.entity_id") for event in starts}
        exits = [event for event in with_action(events, "process-exited") if dig(event, "process.entity_id") in entities]
        undelivered = 2 * len(truth) - len(starts) - len(exits)
        self.assertGreater(undelivered, 0)
        self.assertGreaterEqual(held, undelivered)
        self.assertLess(held, undelivered + len(truth))


if __name__ == "__main__":
    unittest.main()
