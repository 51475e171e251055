# SPDX-License-Identifier: Apache-2.0
"""Starts become skeletons before any is lost, and a skeleton tells who it was and what it ran."""

import os
import re
import shutil
import signal
import subprocess
import textwrap
import time
import unittest

import stream_check
from sensor import LiveTest, ROOT, Sensor, TINY, entity_of, patient, run_storm, scaled, stat_of, token, until
from skeletons import DIGESTED_BYTES, args_digest, recognise, siphash, skeletons_of
from stream_check import dig, with_action

RUNS_ALONE = "it fills the ring"

RING_BYTES = 256 * 1024
IMAGE_BYTES = 128     # of its path
LONGEST = 131000      # one argument


def hold(sensor):
    sensor.process.send_signal(signal.SIGSTOP)
    until(lambda: stat_of(sensor.process.pid)[0] == "T", "muster to stand still")


def release(sensor):
    """Until a start is seen whole again, whose token is returned."""
    sensor.process.send_signal(signal.SIGCONT)
    marks = []

    def look():
        marks.append(token("behind"))
        subprocess.run([TINY, marks[-1]], check=False)
        time.sleep(0.1)
        seen = {stream_check.token_of(event) for event in sensor.read()}
        return next((mark for mark in marks if mark in seen), None)

    return until(look, "a start that is whole again")


class DigestTest(unittest.TestCase):
    def test_published_vectors(self):
        """Appendix A of the paper, and the first and the last of its authors' vectors."""
        self.assertEqual(siphash(bytes(range(15))), 0xa129ca6149be45e5)
        self.assertEqual(siphash(b""), 0x726fdb47dd0e0e31)
        self.assertEqual(siphash(bytes(range(63))), 0x958a324ceb064572)

    def test_the_page_has_the_same(self):
        page = (ROOT / "docs/record-format.md").read_text(encoding="utf-8")
        code = re.search(r"^    W = .*\n(?:^(?:    .*)?\n)+", page, re.MULTILINE)[0]
        names = {}
        exec(textwrap.dedent(code), names)  # pylint: disable=exec-used
        for arguments in (["ls", "-l"], ["x" * 5000], ["a" * 6], ["a" * 14], [""]):
            self.assertEqual(f"{names['args_digest']([argument.encode() for argument in arguments]):#x}", args_digest(arguments))


class SkeletonTest(LiveTest):
    """One run: as many processes as find room, but not whole, while muster stands still."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.runs = []  # (pid, arguments, image)
        with Sensor("--buffer", str(RING_BYTES)) as sensor:
            hold(sensor)
            cls.fill_and_run(sensor)
            cls.mark = release(sensor)
            cls.events = sensor.stop()
            cls.problems = sensor.problems
        cls.starts = {dig(event, "process.pid"): event for event in with_action(cls.events, "process-started")}

    @classmethod
    def fill_and_run(cls, sensor):
        cls.storm, cls.truth = run_storm(sensor.folder, count=scaled(120, least=120), padding=2000)
        deep = os.path.join(sensor.folder, *["d" * 60] * 3)
        os.makedirs(deep)
        shutil.copy(TINY, os.path.join(deep, "deep"))
        for length in (0, 1, 6, 7, 8, 9, 100, DIGESTED_BYTES, LONGEST):
            cls.run_one([TINY, token("length"), "x" * length, "", "end"])
        cls.run_one([os.path.join(deep, "deep"), token("deep")])
        cls.run_one([TINY, token("bytes"), "\u00e4\n\x01"])
        script = os.path.join(sensor.folder, "script")
        with open(script, "w", encoding="ascii") as file:
            file.write(f"#!{TINY}\n")
        os.chmod(script, 0o755)
        cls.run_one([script], shown=[TINY, script], image=TINY)

    @classmethod
    def run_one(cls, arguments, shown=None, image=None):
        process = subprocess.Popen(arguments)
        entity = entity_of(process.pid)
        process.wait(patient(60))
        cls.runs.append((process.pid, entity, shown or arguments, image or arguments[0]))

    def test_stream_is_whole_and_no_start_is_lost(self):
        self.assert_no_problems(self.problems)
        self.assert_no_problems(stream_check.check_stream(self.events))
        types = [loss["types"] for loss in stream_check.losses_of(self.events)]
        self.assertTrue(types, "exits have to be shed, else this shows nothing")
        self.assertFalse([one for one in types if "start" in one], "starts are lost")

    def test_every_start_is_there_whole_or_as_a_skeleton(self):
        recognise(self.events, [[TINY, line["token"], "raw", "x" * 2000] for line in self.truth])
        seen = [stream_check.token_of(event) for event in with_action(self.events, "process-started")]
        self.assertEqual([line["token"] for line in self.truth if seen.count(line["token"]) != 1], [])
        self.assertGreater(len(skeletons_of(self.events)), len(self.runs) + 10)

    def test_exits_are_shed_before_starts_are_degraded(self):
        first_skeleton = min(dig(event, "event.sequence") for event in skeletons_of(self.events))
        first_lost = min(loss["first_sequence"] for loss in stream_check.losses_of(self.events))
        self.assertLess(first_lost, first_skeleton)

    def test_a_skeleton_tells_who_and_what(self):
        for pid, entity, arguments, image in self.runs:
            with self.subTest(arguments=[argument[:20] for argument in arguments]):
                start = self.starts[pid]
                area = b"".join(argument.encode() + b"\0" for argument in arguments)
                self.assertTrue(dig(start, "muster.skeleton"))
                self.assertEqual(dig(start, "process.entity_id"), entity)
                self.assertEqual(dig(start, "process.parent.pid"), os.getpid())
                self.assertEqual(dig(start, "process.executable"), image[-IMAGE_BYTES:])
                self.assertEqual(dig(start, "process.name"), os.path.basename(image))
                self.assertEqual(dig(start, "process.args_count"), len(arguments))
                self.assertEqual(dig(start, "muster.args_digest"), args_digest(arguments))
                self.assertEqual(dig(start, "muster.truncated")["process.args"], len(area))
                self.assertNotIn("args", start["process"])
                self.assertNotIn("command_line", start["process"])
                self.assertEqual("muster.script" in dig(start, "muster.unavailable"), arguments[-1].endswith("/script"))

    def test_the_ledger_counts_skeletons(self):
        self.assertEqual(dig(self.events[-1], "muster.ledger.degraded"), len(skeletons_of(self.events)))
        self.assertLessEqual(dig(self.events[-1], "muster.ledger.dropped").keys(), {"class_shed", "share_shed"})

    def test_whole_again_when_there_is_room(self):
        start = next(event for event in with_action(self.events, "process-started") if stream_check.token_of(event) == self.mark)
        self.assertIsNone(dig(start, "muster.skeleton"))
        self.assertIsNone(dig(start, "muster.args_digest"))

    def test_planted_digest_is_found_out(self):
        """Of one byte more, and of one less."""
        arguments = self.runs[2][2]
        self.assertNotEqual(args_digest(arguments[:-1] + ["en"]), args_digest(arguments))
        self.assertNotEqual(args_digest(arguments + [""]), args_digest(arguments))


class TooLargeTest(LiveTest):
    def test_a_large_start_does_not_take_the_room_of_skeletons(self):
        """The second of them has room in the ring, and would leave too little of it."""
        lengths = (LONGEST, 64000, 60000, 10)
        with Sensor("--buffer", str(RING_BYTES), "--max-args", "128K", "--no-baseline") as sensor:
            hold(sensor)
            runs = [[TINY, token("large"), "x" * length] for length in lengths]
            pids = []
            for arguments in runs:
                pids.append(subprocess.Popen(arguments))
                pids[-1].wait(patient(60))
            release(sensor)
            events = sensor.stop()
        self.assert_whole(sensor)
        self.assertNotIn("start", [name for loss in stream_check.losses_of(events) for name in loss["types"]])
        starts = {dig(event, "process.pid"): event for event in with_action(events, "process-started")}
        self.assertEqual([dig(starts[process.pid], "muster.skeleton") for process in pids], [None, None, True, None])
        self.assertEqual(dig(starts[pids[2].pid], "muster.args_digest"), args_digest(runs[2]))

    def test_when_the_ring_is_full_what_is_lost_is_told(self):
        count = scaled(1500, least=800)
        with Sensor("--buffer", "64K") as sensor:
            hold(sensor)
            _, truth = run_storm(self.folder, count=count)
            release(sensor)
            events = sensor.stop()
        self.assert_whole(sensor)
        recognise(events, [[TINY, line["token"]] for line in truth])
        seen = {stream_check.token_of(event) for event in with_action(events, "process-started")}
        lost = sum(loss["types"].get("start", 0) for loss in stream_check.losses_of(events))
        missing = [line for line in truth if line["token"] not in seen]
        self.assertGreaterEqual(lost, len(missing))
        self.assertGreater(len(missing), 0)


if __name__ == "__main__":
    unittest.main()
