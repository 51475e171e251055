# SPDX-License-Identifier: Apache-2.0
"""Outputs that fail or end, --duration, and the other formats."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
import unittest

import stream_check
from sensor import LiveTest, MUSTER, Sensor, TINY, patient, run_storm, scaled, token, until

NOBODY = 65534
SGR = re.compile(r"\x1b\[[0-9;]*m")
NASTY = ["a\nb\rc\td", "\x1b[31mred\x1b[0m", "\x07\x08\x7f", "\u202egpj.exe\u202c", "\u2066\u2069\u200e\u200f\u061c",
         "\u2028\u2029", "\x85\x9b31m", "plain"]


class FailingOutputTest(LiveTest):
    def test_dev_full(self):
        done = subprocess.run([MUSTER, "watch", "--format", "ndjson", "--output", "/dev/full"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=patient(30), check=False, text=True)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertIn("No space left on device", done.stderr)
        self.assertIn("/dev/full", done.stderr)
        self.assert_says_undelivered(done.stderr)

    def assert_says_undelivered(self, said):
        match = re.search(r"(\d+) events?\b[^\n]*\bnot (?:delivered|written)", said)
        self.assertIsNotNone(match, f"it does not say how many events were not delivered: {said}")
        return int(match.group(1))

    def test_disk_that_runs_full(self):
        disk = os.path.join(self.folder, "disk")
        os.mkdir(disk)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={scaled(4096, least=512)}k", "tmpfs", disk], stderr=subprocess.PIPE, check=False, text=True)
        self.assertEqual(mounted.returncode, 0, mounted.stderr)
        self.addCleanup(subprocess.run, ["umount", disk], check=False)
        with Sensor("--no-baseline", output=os.path.join(disk, "output")) as sensor:
            run_storm(self.folder, count=scaled(8000, least=1000))
            status = sensor.wait_status()
            said = sensor.stderr()
            events = sensor.read()
        self.assertEqual(status, 1, said)
        self.assertIn("No space left on device", said)
        undelivered = self.assert_says_undelivered(said)
        self.assertEqual(sensor.rest, b"", "the file ends within a line")
        self.assert_no_problems(sensor.problems)
        self.assert_undelivered_is_right(events, undelivered, said)

    def assert_undelivered_is_right(self, events, undelivered, said):
        """What stands in the file is the beginning, in whole lines; what does not was counted."""
        numbers = sorted(stream_check.numbers_of(events))
        self.assertGreater(len(numbers), 100)
        self.assertGreater(undelivered, 0)
        self.assertLessEqual(max(numbers) - len(numbers), undelivered, said)

    def test_output_that_cannot_be_opened(self):
        path = os.path.join(self.folder, "missing", "output")
        done = subprocess.run([MUSTER, "watch", "--format", "ndjson", "--output", path], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=patient(30), check=False, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn(path, done.stderr)
        self.assertIn("No such file or directory", done.stderr)

    def test_reader_that_goes_away_is_no_error(self):
        for form in ("ndjson", "text", "driver-messages"):
            with self.subTest(form=form):
                self.assert_ends_silently(form)

    def assert_ends_silently(self, form):
        process = subprocess.Popen([MUSTER, "watch", "--format", form], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        try:
            word = token("epipe")
            deadline = time.monotonic() + patient(30)
            while not select.select([process.stdout], [], [], 0.1)[0] and time.monotonic() < deadline:
                subprocess.run([TINY, word], check=False)
            self.assertTrue(os.read(process.stdout.fileno(), 1))
            process.stdout.close()

            def ended():
                subprocess.run([TINY, word], check=False)
                return process.poll() is not None

            until(ended, "muster to end when nobody reads")
            self.assertEqual((process.returncode, process.stderr.read()), (0, b""))
        finally:
            process.kill()
            process.wait()
            process.stderr.close()


class EndTest(LiveTest):
    def test_duration(self):
        begin = time.monotonic()
        sensor = Sensor("--duration", "700ms", "--no-baseline")
        self.addCleanup(sensor.close)
        sensor.start()
        events = sensor.wait_end(0)
        took = time.monotonic() - begin
        self.assertGreater(took, 0.7)
        self.assertLess(took, patient(10))
        self.assert_whole(sensor)
        self.assertTrue(events)

    def test_sigterm_is_a_good_end(self):
        with Sensor("--no-baseline") as sensor:
            sensor.stop(signal.SIGTERM)
        self.assert_whole(sensor)

    def test_no_loss_is_status_0_with_fail_on_loss(self):
        with Sensor("--fail-on-loss", "--no-baseline") as sensor:
            sensor.stop(expect=0)
        self.assert_no_loss(sensor.events)

    def test_not_root(self):
        muster = shutil.copy(MUSTER, os.path.join(self.folder, "muster"))
        os.chmod(muster, 0o755)
        done = subprocess.run([muster, "watch", "--duration", "1s"], user=NOBODY, group=NOBODY, extra_groups=[], cwd="/",
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=patient(30), check=False, text=True)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"^muster: ")
        self.assertRegex(done.stderr, r"root|sudo")

    def test_doctor(self):
        able = subprocess.run([MUSTER, "doctor"], capture_output=True, timeout=patient(30), check=False, text=True)
        self.assertEqual((able.returncode, able.stderr), (0, ""))
        muster = shutil.copy(MUSTER, os.path.join(self.folder, "muster"))
        os.chmod(muster, 0o755)
        unable = subprocess.run([muster, "doctor"], user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", capture_output=True,
                                timeout=patient(30), check=False, text=True)
        self.assertEqual(unable.returncode, 1)
        self.assertRegex(unable.stdout, r"root|sudo|CAP_")

    def test_doctor_leaves_nothing_running(self):
        """A sensor still works after doctor has been there, and sees doctor itself go."""
        with Sensor("--no-baseline") as sensor:
            done = subprocess.Popen([MUSTER, "doctor"], stdout=subprocess.DEVNULL)
            done.wait()
            sensor.wait_exited(sensor.wait_started_pid(done.pid, MUSTER))
            sensor.stop()
        self.assert_whole(sensor)


class DriverMessagesTest(LiveTest):
    def test_storm(self):
        with Sensor(form="driver-messages") as sensor:
            _, truth = run_storm(self.folder, count=scaled(3000, least=200))
            sensor.process.send_signal(signal.SIGINT)
            status = sensor.wait_status()
            data = sensor.data()
        self.assertEqual(status, 0)
        values, problems = stream_check.parse_lines(data)
        self.assert_no_problems(problems)
        for value in values:
            self.assert_is_batch(value)
        self.assert_storm(values, truth)

    def assert_is_batch(self, value):
        self.assertEqual(list(value), ["messages", "process_creations"])
        self.assertTrue(value["messages"] or value["process_creations"], "an empty batch")
        self.assertTrue(all(isinstance(message, str) for message in value["messages"]))
        for creation in value["process_creations"]:
            self.assertEqual(list(creation), ["image_name", "command_line", "parent_pid"])
            self.assertRegex(creation["parent_pid"], r"^0x(0|[1-9a-f][0-9a-f]*)$")

    def assert_storm(self, values, truth):
        lines = {f"{TINY} {line['token']}": 0 for line in truth}
        parents = set()
        for creation in (creation for value in values for creation in value["process_creations"]):
            if creation["command_line"] in lines:
                lines[creation["command_line"]] += 1
                parents.add(creation["parent_pid"])
                self.assertEqual(creation["image_name"], TINY)
        self.assert_no_problems([f"{line}: {count} times" for line, count in lines.items() if count != 1])
        self.assertEqual(len(parents), 2, "the two workers")

    def test_parent_pid(self):
        with Sensor(form="driver-messages") as sensor:
            word = token("parent")
            subprocess.run([TINY, word, 'quote" back\\slash'], check=False)
            until(lambda: word.encode() in sensor.data(), word)
            sensor.process.send_signal(signal.SIGINT)
            self.assertEqual(sensor.wait_status(), 0)
            values, _ = stream_check.parse_lines(sensor.data())
        creations = [creation for value in values for creation in value["process_creations"] if word in creation["command_line"]]
        self.assertEqual(creations, [{"image_name": TINY, "command_line": f'{TINY} {word} quote" back\\slash',
                                      "parent_pid": f"{os.getpid():#x}"}])


class TextTest(LiveTest):
    def run_nasty(self, sensor):
        word = token("nasty")
        subprocess.run([TINY, word, *NASTY, b"\xff\xfe raw"], check=False)
        self.run_signal()
        until(lambda: word.encode() in sensor.data(), word)
        sensor.process.send_signal(signal.SIGINT)
        self.assertEqual(sensor.wait_status(), 0)
        return word, sensor.data().decode("utf-8")

    def run_signal(self):
        process = subprocess.Popen(["sleep", "600"])
        process.kill()
        process.wait()

    def assert_clean(self, text):
        self.assertTrue(text.endswith("\n"))
        for line in text.split("\n"):
            found = stream_check.FORBIDDEN.search(line)
            self.assertIsNone(found, f"raw {found and hex(ord(found.group()))} in {line!r}")

    def test_plain(self):
        with Sensor(form="text") as sensor:
            word, text = self.run_nasty(sensor)
        self.assert_clean(text)
        line, = [line for line in text.split("\n") if word in line]
        self.assertIn("plain", line)
        self.assertIn("gpj.exe", line)

    def test_last_line_tells_how_many(self):
        count = scaled(500, least=100)
        with Sensor("--no-baseline", form="text") as sensor:
            run_storm(self.folder, count=count)
            sensor.process.send_signal(signal.SIGINT)
            self.assertEqual(sensor.wait_status(), 0)
            lines = sensor.data().decode().splitlines()
        starts, exits = (sum(1 for line in lines if line.split()[1:2] == [word]) for word in ("start", "exit"))
        self.assertGreaterEqual(min(starts, exits), count)
        self.assertIn(f"{starts + exits} events", lines[-1])
        self.assertIn(f"{starts} starts", lines[-1])
        self.assertIn(f"{exits} exits", lines[-1])
        self.assertIn("none missing", lines[-1])

    def test_colour_always(self):
        with Sensor("--color", "always", form="text") as sensor:
            _, text = self.run_nasty(sensor)
        self.assertRegex(text, SGR)
        self.assert_clean(SGR.sub("", text))
        for line in text.split("\n"):
            self.assertIn((SGR.findall(line) or ["\x1b[0m"])[-1], ("\x1b[0m", "\x1b[m"), f"the colour runs on: {line!r}")

    def test_colour_never(self):
        with Sensor("--color", "never", form="text") as sensor:
            _, text = self.run_nasty(sensor)
        self.assert_clean(text)

    def test_terminal(self):
        """auto: colour on a terminal, none with NO_COLOR, none where it is a file."""
        self.assertIn(b"\x1b[", self.on_terminal({}))
        self.assertNotIn(b"\x1b", self.on_terminal({"NO_COLOR": "1"}))
        self.assertIn(b"\x1b[", self.on_terminal({"NO_COLOR": ""}))
        self.assertIn(b"\x1b[", self.on_terminal({"NO_COLOR": "1"}, "--color", "always"))
        self.assertNotIn(b"\x1b", self.on_terminal({}, "--color", "never"))

    def on_terminal(self, environment, *options):
        """What muster writes to a terminal when one process ends by a signal."""
        main, terminal = pty.openpty()
        env = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm"} | environment
        process = subprocess.Popen([MUSTER, "watch", *options], stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal, env=env)
        os.close(terminal)
        word, output = token("terminal"), b""
        try:
            deadline = time.monotonic() + patient(30)
            while word.encode() not in output and time.monotonic() < deadline:
                subprocess.run([TINY, word], check=False)
                self.run_signal()
                while select.select([main], [], [], 0.1)[0]:
                    output += os.read(main, 65536)
            process.send_signal(signal.SIGINT)
            output += drain(main)
            self.assertEqual(process.wait(patient(30)), 0)
        finally:
            process.kill()
            process.wait()
            os.close(main)
        self.assertIn(word.encode(), output)
        return output


def drain(terminal):
    """To the end, which a terminal tells by an error."""
    output = b""
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            return output
        if not data:
            return output
        output += data


if __name__ == "__main__":
    unittest.main()
