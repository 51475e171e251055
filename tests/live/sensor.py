# SPDX-License-Identifier: Apache-2.0
"""Runs `muster watch` for a test and reads what it writes."""

import collections
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import stream_check
import verify_check
from stream_check import action_of, dig

ROOT = pathlib.Path(__file__).resolve().parents[2]
MUSTER = os.environ.get("MUSTER", str(ROOT / "build" / "muster"))
PROBES = ROOT / "build" / "probes"
TINY = str(PROBES / "tiny")
MESSENGERS = {str(PROBES / name) for name in ("nameless", "pid_reuse", "reparent", "thread_exec")}

# For slow machines, as an emulated one: how many of all the processes of a storm are run, and how many
# times as long as usual something may take.
SCALE = float(os.environ.get("MUSTER_TEST_SCALE", "1"))
PATIENCE = float(os.environ.get("MUSTER_TEST_PATIENCE", "1"))


def scaled(count, least):
    """So many processes; `least` is what the test needs to say anything."""
    return max(round(count * SCALE), least)


def patient(seconds):
    return seconds * PATIENCE


READY_S = patient(30)
SEEN_S = patient(30)
STOP_S = patient(30)
PROBE_S = patient(60)

_numbers = itertools.count(1)


def token(name):
    """A word that no other process on this machine has in its arguments; ends in a number."""
    return f"{name}-{os.getpid()}-{time.monotonic_ns()}.{next(_numbers)}"


def probe(name):
    return str(PROBES / name)


def run_probe(name, *arguments, expect=0):
    """Runs a probe to its end, which is the exit status `expect`; returns its lines of truth."""
    done = subprocess.run([probe(name), *map(str, arguments)], stdout=subprocess.PIPE, check=False, timeout=PROBE_S)
    if done.returncode != expect:
        raise AssertionError(f"the probe {name} ended with {done.returncode}, not {expect}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def run_storm(folder, *, count, workers=2, padding=0, image=TINY):
    """Returns (summary, truth)."""
    truth_path = pathlib.Path(folder) / f"truth-{next(_numbers)}"
    options = ["--count", count, "--workers", workers, "--padding", padding, "--image", image, "--run", token("storm").replace(".", "-")]
    summary, = run_probe("storm", *options, "--truth", truth_path)
    return summary, read_truth(truth_path)


def read_truth(path):
    with open(path, encoding="ascii") as file:
        return [json.loads(line) for line in file]


def until(condition, what, seconds=SEEN_S):
    """Polls; returns the first true value of condition()."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def stat_of(pid):
    """(state, start in ticks) of /proc/PID/stat; None where there is no such process."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0].decode(), int(fields[19])


def running_processes():
    """{(pid, start in ticks): state} of everybody in /proc now."""
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())
    stats = ((pid, stat_of(pid)) for pid in pids)
    return {(pid, stat[1]): stat[0] for pid, stat in stats if stat}


def own_entity():
    return entity_of(os.getpid())


def entity_of(pid):
    return stream_check.entity_id(pid, stat_of(pid)[1])


class Sensor:
    """One run of `muster watch`. As a context manager it starts, waits until it is attached, and is
    ended at the end of the block whatever happens."""

    def __init__(self, *options, form="ndjson", output=None, env=None, binary=MUSTER):
        self.folder = tempfile.mkdtemp(prefix="muster-live-")
        self.output = output or os.path.join(self.folder, "output")
        self.form = form
        self.command = [binary, "watch", "--format", form, "--output", self.output, *options]
        self.env = dict(os.environ, **(env or {}))
        self.process = None
        self.stderr_file = None
        self.events = []      # of the output, as far as it has been read
        self.problems = []    # lines that are not what they should be
        self._offset = 0
        self.rest = b""       # the beginning of a line whose end has not been written

    # ---- life

    def start(self, **popen):
        self.stderr_file = open(os.path.join(self.folder, "stderr"), "w+b")
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stderr=self.stderr_file, env=self.env, **popen)
        return self

    def __enter__(self):
        try:
            self.start()
            self.wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.stderr_file:
            self.stderr_file.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self, number=signal.SIGINT, expect=0):
        """Ends it by a signal; returns all events. Its exit status is `expect`."""
        self.process.send_signal(number)
        return self.wait_end(expect)

    def wait_end(self, expect=0, seconds=STOP_S):
        status = self.wait_status(seconds)
        if status != expect:
            raise AssertionError(f"muster ended with {status}, not {expect}; it said: {self.stderr()}")
        self.read()
        return self.events

    def wait_status(self, seconds=STOP_S):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"muster was still running after {seconds} s; it said: {self.stderr()}") from None

    def stderr(self):
        with open(self.stderr_file.name, "rb") as file:
            return file.read().decode("utf-8", "replace")

    # ---- output

    def data(self):
        with open(self.output, "rb") as file:
            return file.read()

    def read(self):
        """Takes in what has been written since; returns all events so far."""
        if self.form == "text" or not os.path.exists(self.output):
            return self.events
        with open(self.output, "rb") as file:
            file.seek(self._offset)
            data = file.read()
        self._offset += len(data)
        whole, newline, self.rest = (self.rest + data).rpartition(b"\n")
        events, problems = stream_check.parse_lines(whole + newline)
        self.events += events
        self.problems += problems
        return self.events

    def wait_event(self, wanted, what, seconds=SEEN_S):
        """The first event for which `wanted` is true, past or to come."""
        position = 0

        def look():
            nonlocal position
            events = self.read()
            while position < len(events):
                position += 1
                if wanted(events[position - 1]):
                    return events[position - 1]
            if self.process.poll() is not None and self.read() is events and position == len(events):
                raise AssertionError(f"muster ended with {self.process.returncode} before: {what}; it said: {self.stderr()}")
            return None

        return until(look, what, seconds)

    def wait_started(self, word, image=None):
        """The start with `word` among its arguments; not that of a probe which was told to pass it on."""

        def wanted(event):
            executable = dig(event, "process.executable")
            return (action_of(event) == "process-started" and word in (dig(event, "process.args") or [])
                    and (executable not in MESSENGERS if image is None else executable == image))

        return self.wait_event(wanted, f"process-started with {word}")

    def wait_started_pid(self, pid, image=None):
        return self.wait_event(lambda event: action_of(event) == "process-started" and dig(event, "process.pid") == pid
                               and image in (None, dig(event, "process.executable")), f"process-started of {pid}")

    def wait_exited(self, start):
        entity = dig(start, "process.entity_id")
        return self.wait_event(lambda event: action_of(event) == "process-exited" and dig(event, "process.entity_id") == entity,
                               f"process-exited of {dig(start, 'process.pid')}")

    def wait_ready(self):
        """Until a process that was run just now is seen, which is when the sensor is attached."""
        words = []
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            words.append(token("ready"))
            subprocess.run([TINY, words[-1]], check=False)
            if self._seen_within(words, 0.25):
                return
        raise AssertionError(f"the sensor is not ready after {READY_S} s; it said: {self.stderr()}")

    def _seen_within(self, words, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"muster ended with {self.process.returncode}; it said: {self.stderr()}")
            if self.sees_any(words):
                return True
            time.sleep(0.01)
        return False

    def sees_any(self, words):
        if self.form == "ndjson":
            return any(stream_check.token_of(event) in words for event in self.read() if action_of(event) == "process-started")
        data = self.data() if os.path.exists(self.output) else b""
        return any(word.encode() in data for word in words)


class LiveTest(unittest.TestCase):
    """What live tests have in common."""

    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("live tests need root")
        if not os.path.exists(MUSTER) or not os.path.exists(TINY):
            raise unittest.SkipTest(f"{MUSTER} or the probes are not built: run make and make probes")

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="muster-live-")
        os.chmod(self.folder, 0o755)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def assert_no_problems(self, problems):
        if problems:
            shown = "\n  ".join(str(problem) for problem in problems[:20])
            self.fail(f"{len(problems)} problems:\n  {shown}")

    def assert_found_out(self, problems, what):
        self.assertTrue(problems, f"the oracle did not notice: {what}")

    def assert_whole(self, sensor):
        """What holds for every stream."""
        self.assertEqual(sensor.rest, b"", "the last line has no end")
        self.assert_no_problems(sensor.problems)
        self.assert_no_problems(stream_check.check_stream(sensor.events) + verify_check.check_verdict(sensor.events))

    def assert_no_loss(self, events):
        self.assert_no_problems([f"lost: {loss}" for loss in stream_check.losses_of(events)])


class SharedSensorTest(LiveTest):
    """Tests that each do something and look at its events in the stream of one sensor. At the end the
    whole stream is checked."""

    sensor_options = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sensor = Sensor(*cls.sensor_options).__enter__()
        cls.addClassCleanup(cls.sensor.close)

    @classmethod
    def tearDownClass(cls):
        alive = {stream_check.entity_id(pid, ticks) for pid, ticks in running_processes()}
        scanned_ns = time.time_ns()
        events = cls.sensor.stop()
        problems = cls.sensor.problems + stream_check.check_stream(events) + verify_check.check_verdict(events)
        problems += [f"lost: {loss}" for loss in stream_check.losses_of(events)]
        # What ended while /proc was read has its exit somewhat later than the scan says.
        problems += stream_check.check_lives(events, scanned_ns - 1_000_000_000, alive)
        if problems:
            raise AssertionError("the stream of all tests of the class:\n  " + "\n  ".join(problems[:20]))

    def started(self, word, image=None):
        return self.sensor.wait_started(word, image)

    def exited(self, start):
        return self.sensor.wait_exited(start)

    def assert_fields(self, event, **fields):
        """assert_fields(event, process__pid=1): compares process.pid. None: must be absent."""
        paths = {name.replace("__", "."): value for name, value in fields.items()}
        self.assertEqual({path: dig(event, path) for path in paths}, paths)


def count_by(events, path):
    return collections.Counter(dig(event, path) for event in events)
