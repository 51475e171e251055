# SPDX-License-Identifier: Apache-2.0
"""What an exit says that its process has used: compared with the rusage that wait4(2) gives its parent."""

import os
import time
import unittest

from sensor import PROBE_S, SharedSensorTest, TINY, probe, scaled, token
from stream_check import action_of, dig

# What the scheduler has not brought up to date where the last thread's exit is told: a tick on its CPU (10 ms at 100 Hz),
# and more where this machine's processors are not always there. What ending takes comes to it.
SLACK_NS = 60_000_000
MIB = 1024 * 1024


def times_of(rusage):
    return round(rusage.ru_utime * 1e9), round(rusage.ru_stime * 1e9)


class UsageTest(SharedSensorTest):
    def run_and_wait(self, image, *arguments):
        """Returns (the exit's event, rusage)."""
        pid = os.posix_spawn(image, [image, *map(str, arguments)], os.environ)
        _, status, rusage = os.wait4(pid, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), 0, "the probe could not do its work")
        return self.exited(self.sensor.wait_started_pid(pid, os.path.realpath(image))), rusage

    def burn(self, *, threads=1, ms=200, mode="user", mib=0, end="joined"):
        event, rusage = self.run_and_wait(probe("burn"), threads, ms, mode, mib, end)
        self.assert_usage(event, rusage)
        return event, rusage

    def assert_usage(self, event, rusage):
        user_ns, system_ns = dig(event, "muster.usage.user_ns"), dig(event, "muster.usage.system_ns")
        true_user_ns, true_system_ns = times_of(rusage)
        self.assertLessEqual(user_ns + system_ns, true_user_ns + true_system_ns + 2000) # it has microseconds
        self.assertGreaterEqual(user_ns + system_ns, true_user_ns + true_system_ns - SLACK_NS)
        self.assertAlmostEqual(user_ns, true_user_ns, delta=SLACK_NS)
        self.assertAlmostEqual(system_ns, true_system_ns, delta=SLACK_NS)
        self.assertEqual(dig(event, "muster.usage.peak_rss_bytes"), rusage.ru_maxrss * 1024)

    def test_user_time(self):
        event, _ = self.burn(ms=400)
        self.assertGreater(dig(event, "muster.usage.user_ns"), 300_000_000)

    def test_system_time(self):
        event, _ = self.burn(ms=400, mode="system")
        self.assertGreater(dig(event, "muster.usage.system_ns"), 100_000_000)

    def test_threads_that_are_gone(self):
        event, _ = self.burn(threads=4, ms=100)
        self.assertGreater(dig(event, "muster.usage.user_ns"), 300_000_000)

    def test_threads_that_end_together(self):
        event, _ = self.burn(threads=4, ms=100, end="together")
        self.assertGreater(dig(event, "muster.usage.user_ns"), 300_000_000)

    def test_the_first_thread_ends_first(self):
        """It is a zombie then, of which the time counts too."""
        event, _ = self.burn(threads=2, ms=200, end="last")
        self.assertGreater(dig(event, "muster.usage.user_ns"), 300_000_000)

    def test_many_threads_that_end_together(self):
        for _ in range(scaled(10, least=2)):
            self.burn(threads=64, ms=2, end="together")

    def test_memory(self):
        event, _ = self.burn(ms=1, mib=100)
        self.assertGreater(dig(event, "muster.usage.peak_rss_bytes"), 100 * MIB)
        event, _ = self.burn(ms=1, mib=10, threads=8, end="together")
        self.assertLess(dig(event, "muster.usage.peak_rss_bytes"), 100 * MIB)

    def test_memory_of_a_short_life(self):
        for _ in range(20):
            self.assert_usage(*self.run_and_wait(TINY))

    def test_memory_of_before_exec_counts(self):
        """As getrusage(2) has it: the shell's stays where it becomes tiny."""
        word = token("becomes")
        event, rusage = self.run_and_wait("/bin/sh", "-c", f"exec {TINY} {word.rpartition('.')[0]}.0")
        self.assert_usage(event, rusage)


if __name__ == "__main__":
    unittest.main()
