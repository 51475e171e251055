# SPDX-License-Identifier: Apache-2.0
"""Every way to end: compared with what wait(2) said to the parent."""

import os
import resource
import signal
import subprocess
import time
import unittest

import stream_check
from sensor import SharedSensorTest, TINY, probe, run_storm, scaled, token
from stream_check import action_of, dig, time_ns

RACES = scaled(250, least=40)
RACING_THREADS = 3


def run_and_wait(arguments, **options):
    """Returns (pid, status of wait(2))."""
    process = subprocess.Popen(arguments, **options)
    return process.pid, os.waitpid(process.pid, 0)[1]


class ExitTest(SharedSensorTest):
    def start_of(self, pid, image):
        return self.sensor.wait_started_pid(pid, image)

    def assert_ended_as(self, event, status):
        """The event against a status of wait(2)."""
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            self.assert_fields(event, process__exit_code=128 + number,
                               muster__exit={"signal": number, "core_dumped": os.WCOREDUMP(status)})
        else:
            self.assert_fields(event, process__exit_code=os.WEXITSTATUS(status), muster__exit=None)

    def assert_one_exit(self, start):
        exits = [event for event in self.sensor.read() if action_of(event) == "process-exited"
                 and dig(event, "process.entity_id") == dig(start, "process.entity_id")]
        self.assertEqual(len(exits), 1)

    def run_image(self, image, *arguments, **options):
        """Runs, waits, compares the exit; returns its event."""
        pid, status = run_and_wait([image, *arguments], **options)
        event = self.exited(self.start_of(pid, image))
        self.assert_ended_as(event, status)
        self.assert_fields(event, process__pid=pid)
        return event, status


class CodeTest(ExitTest):
    def test_codes(self):
        for code in (0, 1, 2, 3, 100, 125, 126, 127, 128, 129, 137, 139, 200, 254, 255):
            with self.subTest(code=code):
                event, _ = self.run_image(TINY, f"code-{token('exit')}={code}", "raw")
                self.assert_fields(event, process__exit_code=code)

    def test_run_time(self):
        word = token("slept")
        before = time.monotonic_ns()
        pid, _ = run_and_wait(["/bin/sh", "-c", f"sleep 0.3; : {word}"])
        longest = time.monotonic_ns() - before
        event = self.exited(self.sensor.wait_started_pid(pid))
        # The start has ticks of 10 ms in /proc, but is exact in the kernel.
        self.assertGreaterEqual(dig(event, "event.duration"), 300_000_000)
        self.assertLessEqual(dig(event, "event.duration"), longest)

    def test_user_at_the_end_is_the_one_it_became(self):
        """The credentials of the exit are those that the process had then."""
        word = token("became")
        pid, _ = run_and_wait(["setpriv", "--reuid", "4242", "--regid", "4343", "--clear-groups", TINY, word])
        start = self.started(word, TINY)
        self.assert_fields(start, process__pid=pid, process__user__id="4242", process__group__id="4343")
        self.assert_fields(self.exited(start), process__user__id="4242", process__real_user__id="4242", process__group__id="4343")


class SignalTest(ExitTest):
    def run_signal(self, number, core_bytes=0):
        def limit_core():
            os.chdir(self.folder)
            resource.setrlimit(resource.RLIMIT_CORE, (core_bytes, resource.getrlimit(resource.RLIMIT_CORE)[1]))

        return self.run_image(probe("signal_self"), str(int(number)), preexec_fn=limit_core)

    def test_by_signals(self):
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGPIPE, signal.SIGALRM, signal.SIGTERM, 34, 64):
            with self.subTest(number=number):
                event, status = self.run_signal(number)
                self.assertTrue(os.WIFSIGNALED(status))
                self.assert_fields(event, process__exit_code=128 + number)

    def test_fault_without_core(self):
        for number in (signal.SIGSEGV, signal.SIGABRT):
            with self.subTest(number=number):
                event, status = self.run_signal(number)
                self.assertFalse(os.WCOREDUMP(status))
                self.assertIs(dig(event, "muster.exit.core_dumped"), False)

    def test_fault_with_core(self):
        for number in (signal.SIGSEGV, signal.SIGABRT):
            with self.subTest(number=number):
                event, status = self.run_signal(number, core_bytes=64 * 1024 * 1024)
                if not os.WCOREDUMP(status):
                    self.skipTest(f"the kernel wrote no core: core_pattern is {open('/proc/sys/kernel/core_pattern').read()!r}")
                self.assertIs(dig(event, "muster.exit.core_dumped"), True)

    def test_killed_by_another(self):
        process = subprocess.Popen(["sleep", "600"])
        start = self.sensor.wait_started_pid(process.pid)
        process.kill()
        status = os.waitpid(process.pid, 0)[1]
        self.assert_ended_as(self.exited(start), status)


class ThreadTest(ExitTest):
    def run_threads(self, *arguments):
        process = subprocess.Popen([probe("thread_exit"), *arguments], stdout=subprocess.PIPE)
        line = process.stdout.read()
        process.stdout.close()
        status = os.waitpid(process.pid, 0)[1]
        start = self.start_of(process.pid, probe("thread_exit"))
        event = self.exited(start)
        self.assert_ended_as(event, status)
        return start, event, stream_check.parse_line(line.strip()) if line else None

    def test_leader_ends_first(self):
        for mode in ("leader-first", "leader-first-group"):
            with self.subTest(mode=mode):
                start, event, truth = self.run_threads(mode)
                self.assert_fields(event, process__pid=truth["pid"], process__thread__id=truth["last_tid"])
                # Not when the leader ended: a thread said after that that it still ran.
                self.assertGreater(time_ns(event), truth["last_alive_ns"] - 5_000_000)
                self.assert_after_all(start)

    def test_threads_that_end_at_once(self):
        starts = [self.run_threads("racing", str(RACING_THREADS))[0] for _ in range(RACES)]
        self.assert_after_all(*starts)

    def assert_after_all(self, *starts):
        """Only when a later process is seen is it certain that there is no second exit."""
        word = token("after")
        subprocess.run([TINY, word], check=False)
        self.exited(self.started(word))
        for start in starts:
            self.assert_one_exit(start)


class BriefTest(ExitTest):
    def test_order_of_start_and_exit(self):
        """The number of a start is lower than that of its exit, however short the life."""
        _, truth = run_storm(self.folder, count=scaled(500, least=100), workers=1)
        for line in truth:
            start = self.started(line["token"])
            self.assertLess(dig(start, "event.sequence"), dig(self.exited(start), "event.sequence"))


if __name__ == "__main__":
    unittest.main()
