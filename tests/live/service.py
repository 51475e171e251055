# SPDX-License-Identifier: Apache-2.0
"""Runs `muster service` for a test, with pins of its own, kills it, and reads what all its runs have written."""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time

import service_check
import stream_check
import verify_check
from sensor import LiveTest, MUSTER, STOP_S, TINY, patient, token, until
from stream_check import action_of

BPFFS = "/sys/fs/bpf"
_numbers = itertools.count(1)


def run_service(*arguments, binary=MUSTER, expect=None, timeout=STOP_S):
    done = subprocess.run([binary, "service", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=timeout)
    if expect is not None and done.returncode != expect:
        raise AssertionError(f"muster service {' '.join(arguments)} ended with {done.returncode}, not {expect}: {done.stdout}{done.stderr}")
    return done


class Service:
    """`muster service run`, one run after the other, into one file."""

    def __init__(self, *options, output=None, binary=MUSTER):
        self.folder = tempfile.mkdtemp(prefix="muster-service-")
        self.output = output or os.path.join(self.folder, "output")
        self.pins = f"{BPFFS}/muster-test-{os.getpid()}-{next(_numbers)}"
        self.options = list(options)
        self.binary = binary
        self.process = None
        self.said = open(os.path.join(self.folder, "stderr"), "w+b")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if os.path.exists(self.pins):
            subprocess.run([self.binary, "service", "stop", "--uninstall", "--pins", self.pins], stdin=subprocess.DEVNULL,
                           capture_output=True, check=False, timeout=STOP_S)
        self.said.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- life

    def start(self, *options, binary=None, **popen):
        command = [binary or self.binary, "service", "run", "--output", self.output, "--pins", self.pins, *self.options, *options]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=self.said, **popen)
        return self

    def start_ready(self, *options, **keywords):
        """Until a process that was run just now is seen."""
        self.start(*options, **keywords)
        words = []
        deadline = time.monotonic() + patient(30)
        while time.monotonic() < deadline:
            words.append(token("ready"))
            subprocess.run([TINY, words[-1]], check=False)
            seen = time.monotonic() + 0.25
            while time.monotonic() < seen:
                if self.process.poll() is not None:
                    raise AssertionError(f"the service ended with {self.process.returncode}; it said: {self.stderr()}")
                data = self.data()
                if any(word.encode() in data for word in words):
                    return self
                time.sleep(0.01)
        raise AssertionError(f"the service is not ready; it said: {self.stderr()}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def terminate(self, expect=0):
        self.process.send_signal(signal.SIGTERM)
        return self.wait_end(expect)

    def wait_end(self, expect=0):
        try:
            status = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the service still runs; it said: {self.stderr()}") from None
        if status != expect:
            raise AssertionError(f"the service ended with {status}, not {expect}; it said: {self.stderr()}")

    def stop(self, *options, expect=0):
        """muster service stop: the kernel side ends too."""
        done = run_service("stop", "--pins", self.pins, *options, binary=self.binary, expect=expect)
        if self.process and self.process.poll() is None:
            self.wait_end()
        return done

    def status(self):
        return run_service("status", "--pins", self.pins, binary=self.binary)

    def epochs(self):
        return sorted(os.listdir(self.pins)) if os.path.exists(self.pins) else []

    # ---- output

    def stderr(self):
        with open(self.said.name, "rb") as file:
            return file.read().decode("utf-8", "replace")

    def data(self):
        try:
            with open(self.output, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    def events(self):
        """All of the file, which has to be whole lines."""
        events, problems = stream_check.parse_lines(self.data())
        if problems:
            raise AssertionError(f"{problems[:5]}")
        return events

    def wait_written(self, count):
        """Until so many further lines stand in the file."""
        wanted = self.data().count(b"\n") + count
        until(lambda: self.data().count(b"\n") >= wanted or self.process.poll() is not None, f"{count} lines more")


class ServiceTest(LiveTest):
    def service(self, *options, **keywords):
        service = Service(*options, **keywords)
        self.addCleanup(service.close)
        return service

    def image(self):
        """A copy of tiny with a name that nothing else on this machine has: what `--name` is asked for."""
        name = f"tiny{os.getpid()}x{next(_numbers)}"
        return name, shutil.copy(TINY, os.path.join(self.folder, name))

    def assert_whole(self, service):
        """Nothing is missing from all that was written, over all runs. Returns the events."""
        events = service.events()
        self.assert_no_problems(service_check.check_service(events) + verify_check.check_verdict(events))
        return events

    def assert_nothing_lost(self, events):
        self.assert_no_problems([f"lost: {loss}" for loss in stream_check.losses_of(events)])


def runs_of(events):
    """The events of each run: from one sensor-started to the next."""
    runs = []
    for event in events:
        if action_of(event) == "sensor-started" or not runs:
            runs.append([])
        runs[-1].append(event)
    return runs
