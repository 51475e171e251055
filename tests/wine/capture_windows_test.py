# SPDX-License-Identifier: Apache-2.0
"""Captures of Windows: what `muster.exe watch --format capture` wrote of what was raised at the real driver is read on Linux,
by muster and by a decoder of tests/capture/, and by muster.exe itself, as the same stream."""

import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "capture"))

import capture_decoder
import pstest
import watch_test
from pstest import exit_of, start
from watch_test import action_of, dig, shown, stream_check
from records import wtf8

ROOT = pathlib.Path(__file__).resolve().parents[2]
MUSTER = os.environ.get("MUSTER", str(ROOT / "build/muster"))
DONE, LOSS, UNACCOUNTED = 0, 3, 4


class CaptureTest(watch_test.WatchTestCase):
    NEEDS = (*watch_test.WatchTestCase.NEEDS, pathlib.Path(MUSTER))

    def capture_of(self, *events):
        """The file, as it stands when the watch has ended."""
        before = self.driver_status()["ledger"]["delivered"]
        watch = watch_test.Watch(self, form="capture")
        watch.until(capture_decoder.MARKER, 3)
        self.tell(*events)
        watch_test.until(lambda: self.driver_status()["ledger"]["delivered"] >= before + len(events), "all to be acknowledged", 20)
        watch.stop()
        return watch.path

    def replay(self, path, *options, expect=DONE):
        done = subprocess.run([MUSTER, "replay", *options, str(path)], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, expect, done.stderr)
        return done.stdout

    def test_what_was_raised_is_read_on_linux(self):
        starts = [start(1000, image="\\??\\C:\\Windows\\NotePad.EXE"),
                  start(1004, command=[ord("a"), 0xD800, ord("b"), 0xDFFF]),
                  start(1008, command=[0x20AC] * 32767, user=pstest.SYSTEM_SID, integrity=0x4000, session=0)]
        path = self.capture_of(*starts, *map(exit_of, starts))
        self.assertEqual(capture_decoder.chain_problems(path.read_bytes()), [])
        events, problems = stream_check.parse_lines(self.replay(path, "--format", "ndjson"))
        self.assertEqual(problems + stream_check.check_stream(events), [])
        printed = stream_check.with_action(events, "process-started")
        self.assertEqual([dig(line, "process.pid") for line in printed], [1000, 1004, 1008])
        self.assertEqual([dig(line, "process.command_line") for line in printed[1:]], [shown(wtf8(event.command)) for event in starts[1:]])
        self.assertEqual([dig(line, "process.name") for line in printed[:1]], ["NotePad.EXE"])
        self.assertEqual({dig(line, "host.os.type") for line in events}, {"windows"})
        self.assertEqual({dig(line, "event.provider") for line in events}, {"muster.sys"})
        self.assertEqual([dig(line, "process.pid") for line in stream_check.with_action(events, "process-exited")], [1000, 1004, 1008])

    def test_both_read_it_alike(self):
        path = self.capture_of(start(1000), start(1004), exit_of(start(1000)))
        here = self.replay(path, "--format", "ndjson").decode()
        self.assert_verdict(path, DONE)
        lines = self.host.folder / "lines"
        lines.write_text(here)
        self.assert_verdict(lines, DONE)
        lines.write_text("".join(line for line in here.splitlines(keepends=True) if '"process-exited"' not in line))
        self.assert_verdict(lines, UNACCOUNTED)
        self.assertEqual(self.host.run("replay", "--format", "ndjson", self.host.windows_path(path)), (DONE, here, ""))
        again = self.host.folder / "again"
        self.assertEqual(self.host.run("replay", "-f", "capture", "-o", self.host.windows_path(again), self.host.windows_path(path)), (DONE, "", ""))
        self.assertEqual(self.replay(again, "--format", "ndjson").decode(), here)
        names = subprocess.run([MUSTER, "replay", "--format", "ndjson", "--name", "A.exe", str(path)], capture_output=True, timeout=60, check=True).stdout
        self.assertEqual(self.host.run("replay", "-f", "ndjson", "--name", "A.exe", self.host.windows_path(path)), (DONE, names.decode(), ""))
        self.assertEqual(sum(action_of(event) == "process-started" for event in stream_check.parse_lines(names)[0]), 2)

    def assert_verdict(self, path, code):
        """Of both programs."""
        here = subprocess.run([MUSTER, "verify", str(path)], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        self.assertEqual((here.returncode, here.stderr), (code, b""), here.stdout)
        there = self.host.windows_path(path)
        self.assertEqual(self.host.run("verify", there), (code, here.stdout.decode().replace(str(path), there), ""))

    def test_damage_and_files_that_are_not_there(self):
        path = self.capture_of(start(1000), start(1004))
        data = bytearray(path.read_bytes())
        frame = next(frame for frame in capture_decoder.frames(data) if sum(frame.own()))
        data[frame.offset + 200] ^= 1
        path.write_bytes(data)
        status, output, error = self.host.run("replay", "--format", "ndjson", self.host.windows_path(path))
        self.assert_verdict(path, LOSS)
        self.assertEqual((status, output), (LOSS, self.replay(path, "--format", "ndjson", expect=LOSS).decode()))
        self.assertIn("are not as they were written", error)
        self.assertEqual(self.host.run("replay", "C:\\missing")[0], 1)
        status, _, error = self.host.run("replay", "-f", "capture", "-o", self.host.windows_path(path), self.host.windows_path(path))
        self.assertEqual(status, 1)
        self.assertIn("to be read and to be written", error)
        self.assertEqual(path.read_bytes(), bytes(data))


if __name__ == "__main__":
    unittest.main()
