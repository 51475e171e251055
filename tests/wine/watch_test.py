# SPDX-License-Identifier: Apache-2.0
"""`muster.exe watch` from end to end: what pstest.sys raised at the real driver is what is printed, in each
format, and the account of it adds up."""

import base64
import json
import pathlib
import re
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "live"))

import pstest
import records
import stream_check
import wine_host
from pstest import exit_of, start
from stream_check import action_of, dig, time_ns, with_action
from wine_host import MUSTER_EXE, PROBE, PSTEST, TEST_DRIVER, WineTest, until

DONE, FAILED, USAGE, LOST = 0, 1, 2, 3
STARTED_S = 20


def shown(data):
    """WTF-8 as JSON shows it: each surrogate that stands alone is a U+FFFD."""
    return re.sub("[\ud800-\udfff]", "\ufffd", data.decode("utf-8", "surrogatepass"))


class Watch:
    """A run of `muster.exe watch` into a file."""

    def __init__(self, test, *options, form="ndjson"):
        self.test = test
        self.path = test.host.folder / f"output-{time.monotonic_ns()}"
        self.file = open(self.path, "wb")
        test.addCleanup(self.file.close)
        self.program = test.host.launch("watch", "--format", form, "--no-baseline", *options, stdout=self.file)
        test.addCleanup(self.program.kill)

    def data(self):
        return self.path.read_bytes()

    def until(self, word, count=1):
        """Waits until `word` stands that often in the output."""
        if isinstance(word, str):
            word = word.encode()
        until(lambda: self.data().count(word) >= count or self._is_over(), f"{count} x {word!r}", STARTED_S)
        if self.data().count(word) < count:
            raise AssertionError(f"it ended with {self.program.process.returncode}: {self.program.stderr()}")

    def _is_over(self):
        return self.program.process.poll() is not None

    def stop(self, expect=DONE):
        """By Ctrl-C; the output, or the events of it."""
        self.program.interrupt()
        return self.end(expect)

    def end(self, expect=DONE):
        status = self.program.end()
        self.test.assertEqual(status, expect, self.program.stderr())
        if expect == DONE:
            self.test.assertEqual(self.program.stderr(), "")
        return self.data()

    def events(self):
        events, problems = stream_check.parse_lines(self.data())
        self.test.assertEqual(problems, [])
        return events


class WatchTestCase(WineTest):
    NEEDS = (PROBE, PSTEST, TEST_DRIVER, MUSTER_EXE)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host.put_driver(PSTEST)
        cls.probe = cls.host.probe()
        cls.muster("driver", "install", cls.host.windows_path(TEST_DRIVER))

    @classmethod
    def muster(cls, *arguments):
        status, output, error = cls.host.run(*arguments)
        if status:
            raise AssertionError(f"muster {arguments}: {status}: {error}")
        return output

    def setUp(self):
        self.start_driver()
        self.addCleanup(self.stop_driver)

    def start_driver(self):
        self.muster("driver", "start")
        self.assertEqual(self.probe.open(0, pstest.DEVICE_PATH), 0)

    def stop_driver(self):
        self.probe.close(0)
        self.muster("driver", "stop")

    def tell(self, *events):
        for event in events:
            self.assertEqual(self.probe.control(0, pstest.CONTROL_RAISE, event.pack()).status, 0)

    def driver_status(self):
        return json.loads(self.muster("driver", "status", "--json"))

    def storm(self, storm):
        self.assertEqual(self.probe.control(0, pstest.CONTROL_STORM, storm.pack()).status, 0)

    def end_of_storm(self):
        until(lambda: pstest.decode_status(self.probe.control(0, pstest.CONTROL_STATUS, b"", 80).output).storm_threads == 0,
              "the end of the storm", 60)


class NdjsonTest(WatchTestCase):
    def watch_of(self, *events):
        """The stream of a watch that saw just these."""
        watch = Watch(self)
        watch.until('"sensor-started"')
        self.tell(*events)
        watch.until('"process-', len(events))
        watch.stop()
        return watch.events()

    def check_start(self, event, line):
        self.assertEqual(action_of(line), "process-started")
        process = line["process"]
        self.assertEqual(process["pid"], event.pid)
        self.assertEqual(time_ns(line, "process.start"), records.unix_ns(event.created))
        for name, field, units in (("executable", "executable", event.image), ("command_line", "command_line", event.command)):
            if units is None:
                self.assertNotIn(name, process)
                self.assertIn(f"process.{name}", dig(line, "muster.unavailable"))
                continue
            if field == "executable" and units[:4] == pstest.PREFIX:
                units = units[4:]
            true = records.wtf8(units)
            self.assertEqual(process[name], shown(true))
            raw = (dig(line, "muster.raw") or {}).get(f"process.{name}_b64")
            if shown(true).encode() == true:
                self.assertIsNone(raw)
            else:
                self.assertEqual(base64.b64decode(raw), true)
        if event.parent:
            self.assertEqual(process["parent"]["pid"], event.parent)
        else:
            self.assertNotIn("parent", process)
        if event.token:
            self.assertEqual(process["user"]["id"], pstest.sid_text(event.user))
        else:
            self.assertNotIn("user", process)

    def test_what_was_raised_is_what_is_printed(self):
        starts = [
            start(1000),
            start(1004, command=[ord("a"), 0xD800, ord("b"), 0xDFFF, 0xDC00, 0xD800]),
            start(1008, command=None),
            start(1012, command=[0x20AC] * 32767),
            start(1016, command=[ord("x")] * 32767),
            start(1020, command=""),
            start(1024, image=None, command=None, token=False),
            start(1028, command=list(range(1, 0x20)) + [0x7F, 0x85, 0x2028, 0x202E, 0x22, 0x5C]),
            start(1032, image=pstest.PREFIX + [0xD834, ord("x")], command="\\??\\C:\\a \\??\\"),
            start(1036, image="\\Device\\HarddiskVolume1\\\U0001f600.exe", user=pstest.SYSTEM_SID, integrity=0x4000, session=0),
            start(1040, parent=1000, created=pstest.SYSTEM_CREATE_TIME + 2 * 10**7),
            start(1044, command=[ord("a"), 0, ord("b")]),
            start(1048, parent=0),
        ]
        exits = [exit_of(event, status) for event, status in zip(starts, (0, 1, -1, -1073741819, 259, 5))]
        events = self.watch_of(*starts, *exits)
        self.assertEqual(stream_check.check_stream(events), [])
        printed = with_action(events, "process-started")
        self.assertEqual(len(printed), len(starts))
        for event, line in zip(starts, printed):
            with self.subTest(pid=event.pid):
                self.check_start(event, line)
        ended = with_action(events, "process-exited")
        self.assertEqual([(dig(line, "process.pid"), dig(line, "process.exit_code")) for line in ended],
                         [(event.pid, event.status & 0xFFFFFFFF) for event in exits])
        # Wine does not count its starts, without which an identity would not be one.
        self.assertFalse([line for line in events if dig(line, "process.entity_id") or dig(line, "process.parent.entity_id")])

    def test_what_the_token_said(self):
        event = start(2000, parent=4, creator=1996, thread=77, admin=True, integrity=0x3000, session=3, logon=0x123456789)
        creator = start(1996)
        line = with_action(self.watch_of(creator, event), "process-started")[1]
        self.assertEqual(dig(line, "muster.windows.session_id"), 3)
        self.assertIs(dig(line, "muster.windows.elevated"), True)
        self.assertEqual(dig(line, "muster.creator.pid"), 1996)
        self.assertEqual(dig(line, "muster.creator.tid"), 77)
        self.assertEqual(dig(line, "muster.windows.integrity_level"), "high")
        self.assertEqual(dig(line, "muster.windows.logon_id"), "0x123456789")

    def test_a_storm_is_whole(self):
        storm = pstest.Storm(threads=4, count=1000, first_pid=100_000, command_bytes=300)
        watch = Watch(self)
        watch.until('"sensor-started"')
        self.storm(storm)
        self.end_of_storm()
        watch.until('"process-exited"', 4000)
        watch.stop()
        events = watch.events()
        self.assertEqual(stream_check.check_stream(events), [])
        printed = {dig(line, "process.pid"): (dig(line, "process.executable").encode(), dig(line, "process.command_line").encode())
                   for line in with_action(events, "process-started")}
        self.assertEqual(printed, storm.events())
        self.assertEqual(sorted(dig(line, "process.pid") for line in with_action(events, "process-exited")), sorted(storm.events()))
        ledger = dig(events[-1], "muster.ledger")
        self.assertEqual((ledger["produced"], ledger["delivered"], ledger["held"], ledger["dropped"]), (8001, 8001, 0, {}))

    def test_loss_is_told_and_counted(self):
        """More came than there is room for before anybody read."""
        storm = pstest.Storm(threads=4, count=1000, first_pid=100_000, command_bytes=8000)
        self.storm(storm)
        self.end_of_storm()
        watch = Watch(self, "--fail-on-loss", "--duration", "3s")
        watch.end(LOST)
        events = watch.events()
        self.assertEqual(stream_check.check_stream(events), [])
        self.assertTrue(with_action(events, "events-lost"))
        self.assertGreater(sum(dig(events[-1], "muster.ledger.dropped").values()), 100)

    def test_the_next_watch_goes_on_where_one_was_killed(self):
        """SIGKILL, while its output stalls: what it has not written it has not acknowledged, so that comes again. A
        number may come twice, and none is missing. (Stalled, it has no READ under way: reader_killed_test.py has the
        reason. And SIGSTOP would stop Wine's server too.)"""
        program = self.host.launch("watch", "--format", "ndjson", "--no-baseline")
        written = program.process.stdout.readline()
        self.storm(pstest.Storm(threads=2, count=1500, first_pid=100_000, command_bytes=200))
        self.end_of_storm()
        until(lambda: self.driver_status()["leased_records"], "a lease that stays open")
        program.process.kill()
        program.end()
        written += program.process.stdout.read()
        second = Watch(self)
        second.until('"sensor-started"')
        until(lambda: b'"sequence":6001,' in second.data(), "the last number")
        second.stop()
        before, problems = stream_check.parse_lines(written.rpartition(b"\n")[0] + b"\n")
        self.assertEqual(problems, [])
        numbers = [set(stream_check.numbers_of(events)) for events in (before, second.events())]
        self.assertEqual(numbers[0] | numbers[1], set(range(1, 6002)))
        self.assertGreater(len(numbers[0]), 10)
        ledger = dig(second.events()[-1], "muster.ledger")
        self.assertEqual((ledger["produced"], ledger["delivered"], ledger["dropped"]), (6001, 6001, {}))


class OutputTest(WatchTestCase):
    def test_text(self):
        watch = Watch(self, form="text")
        watch.until("started")
        self.tell(start(3000, command="say \x1b]0;owned\x07 \u202ehello"), exit_of(start(3000), 7), start(3004, command=None, image=None))
        watch.until("exit 7")
        watch.until("3004")
        text = watch.stop().decode("utf-8")
        self.assertNotRegex(text, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
        self.assertRegex(text, r"(?m)^[\d:.]+ +start +3000 +4 .*hello")
        self.assertRegex(text, r"(?m)^[\d:.]+ +exit +3000 ")
        self.assertIn("none missing", text.splitlines()[-1])

    def test_driver_messages(self):
        watch = Watch(self, form="driver-messages")
        until(lambda: self.driver_status()["reader_present"], "the reader")
        self.tell(start(3000, command="one"), start(3004, command=[0xD800, 0x78], image="\\??\\C:\\x y.exe", parent=0x1A2C), start(3008, image=None, command=None, parent=0))
        watch.until('"0x0"')
        lines = [json.loads(line) for line in watch.stop().splitlines()]
        for line in lines:
            self.assertEqual(list(line), ["messages", "process_creations"])
        messages = [message for line in lines for message in line["messages"]]
        self.assertEqual(messages, ["muster.sys 0.1.0 starts"])
        creations = [creation for line in lines for creation in line["process_creations"]]
        self.assertEqual(creations, [
            {"image_name": "C:\\Windows\\a.exe", "command_line": "one", "parent_pid": "0x4"},
            {"image_name": "C:\\x y.exe", "command_line": "\ufffdx", "parent_pid": "0x1a2c"},
            {"image_name": "", "command_line": "", "parent_pid": "0x0"},
        ])

    def test_duration(self):
        begin = time.monotonic()
        watch = Watch(self, "--duration", "700ms")
        watch.end()
        self.assertGreater(time.monotonic() - begin, 0.7)
        self.assertLess(time.monotonic() - begin, 10)
        self.assertEqual(stream_check.check_frame(watch.events()), [])

    def test_into_a_file_of_its_own(self):
        target = self.host.folder / "own.ndjson"
        program = self.host.launch("watch", "--format", "ndjson", "--no-baseline", "--output", self.host.windows_path(target), "--duration", "1s",
                                   stdout=subprocess.DEVNULL)
        self.tell(start(3000))
        self.assertEqual(program.end(), DONE, program.stderr())
        events, problems = stream_check.parse_lines(target.read_bytes())
        self.assertEqual(problems, [])
        self.assertEqual(stream_check.check_stream(events), [])
        self.assertEqual(len(with_action(events, "process-started")), 1)

    def test_into_a_pipe(self):
        """Each line comes when it happens, not when a buffer is full."""
        program = self.host.launch("watch", "--format", "ndjson", "--no-baseline")
        pipe = program.process.stdout
        self.assertEqual(action_of(json.loads(pipe.readline())), "sensor-started")
        self.assertEqual(action_of(json.loads(pipe.readline())), "message")
        for pid in (3000, 3004, 3008):
            self.tell(start(pid))
            self.assertEqual(dig(json.loads(pipe.readline()), "process.pid"), pid)
        program.interrupt()
        rest = pipe.read()
        self.assertEqual(program.end(), DONE, program.stderr())
        self.assertEqual(action_of(json.loads(rest)), "sensor-stopped")
        self.assertNotIn(b"\r", rest)

    def test_a_pipe_that_nobody_reads_any_more(self):
        program = self.host.launch("watch", "--format", "ndjson", "--no-baseline")
        program.process.stdout.readline()
        program.process.stdout.close()
        self.tell(*(start(4000 + 4 * i) for i in range(5)))
        self.assertEqual(program.end(), DONE, program.stderr())
        self.assertEqual(program.stderr(), "")

    def test_only_one_watch_at_a_time(self):
        first = Watch(self)
        first.until('"sensor-started"')
        status, output, error = self.host.run("watch", "--duration", "1s")
        self.assertEqual((status, output), (FAILED, ""))
        self.assertIn("muster: ", error)
        first.stop()
        second = Watch(self, "--duration", "300ms")
        second.end()

    def test_the_driver_is_stopped_meanwhile(self):
        """It is told, and the output is whole up to there."""
        watch = Watch(self)
        watch.until('"sensor-started"')
        self.tell(start(3000))
        watch.until('"process-started"')
        self.stop_driver()
        try:
            watch.end(FAILED)
            self.assertIn("muster: ", watch.program.stderr())
            events, problems = stream_check.parse_lines(watch.data())
            self.assertEqual(problems, [])
            self.assertEqual([dig(line, "process.pid") for line in with_action(events, "process-started")], [3000])
        finally:
            self.start_driver()

    def test_the_baseline_is_of_those_that_run(self):
        """Wine's own processes; the probe's pid is among them."""
        watch = self.host.run("watch", "--format", "ndjson", "--duration", "500ms")
        events, problems = stream_check.parse_lines(watch[1].encode())
        self.assertEqual((watch[0], problems), (DONE, []))
        running = with_action(events, "process-running")
        self.assertIn(self.probe.pid, [dig(line, "process.pid") for line in running])
        self.assertTrue(any("device_probe.exe" in (dig(line, "process.executable") or "") for line in running))
        self.assertTrue(all(dig(line, "event.sequence") is None for line in running))


if __name__ == "__main__":
    unittest.main()
