# SPDX-License-Identifier: Apache-2.0
"""What the exits of `muster trace` say that a process has used, against what it says itself (getrusage(2))."""

import unittest

from stream_check import dig, with_action
from trace_test import TraceTest, as_nobody

PYTHON = "/usr/bin/python3"  # that of the system: everybody may run it
# Uses so many MiB, and says what it has had at most; then goes on as told.
USER = """
import os, resource, subprocess, sys, threading, time
def use(mib):
    block = b"x" * (mib << 20)
    print(os.getpid(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10, flush=True)
def run(mib):
    subprocess.run([sys.executable, "-ISc", source, str(mib), "pass"], check=True)
source = open("/proc/self/cmdline", "rb").read().split(b"\\0")[2].decode()
use(int(sys.argv[1]))
exec(sys.argv[2])
"""


class UsageTest(TraceTest):
    prefix = as_nobody()

    def peaks(self, mib, then, code=0):
        """Returns ([(the most memory by the process's own word, by the trace; None: not known)]), in the order of the ends."""
        events, said = self.trace(PYTHON, "-ISc", USER, str(mib), then, code=code)
        told = {}
        for pid, peak in (map(int, line.split()) for line in said.splitlines()):
            told[pid] = max(peak, told.get(pid, 0))
        ends = with_action(events, "process-exited")
        for end in ends:
            known = dig(end, "muster.usage.peak_rss_bytes")
            self.assertEqual(known is None, "muster.usage.peak_rss_bytes" in (dig(end, "muster.unavailable") or []))
        return [(told[dig(end, "process.pid")], dig(end, "muster.usage.peak_rss_bytes")) for end in ends if dig(end, "process.pid") in told]

    def assert_peaks(self, peaks, count):
        self.assertEqual(len(peaks), count)
        for told, known in peaks:
            self.assertIsNotNone(known)
            self.assertLessEqual(told - (1 << 20), known)
            self.assertLess(known, told + (8 << 20))

    def test_memory_of_who_waits_for_children(self):
        self.assert_peaks(self.peaks(60, "pass"), 1)
        self.assert_peaks(self.peaks(60, "run(5)"), 2)
        self.assert_peaks(self.peaks(5, "run(60)"), 2)
        self.assert_peaks(self.peaks(5, "run(60); use(30)"), 2)

    def test_memory_of_an_image_before(self):
        again = 'os.execv(sys.executable, [sys.executable, "-ISc", source, "5", "pass"])'
        self.assert_peaks(self.peaks(60, again), 1)
        self.assert_peaks(self.peaks(60, again.replace("pass", "run(90)")), 2)
        # What the image before had is not known any more, as there was a child with more.
        (_, child), (_, parent) = self.peaks(60, "run(90); " + again)
        self.assertIsNotNone(child)
        self.assertIsNone(parent)

    def test_memory_of_who_is_killed(self):
        self.assert_peaks(self.peaks(60, "os.kill(os.getpid(), 9)", code=137), 1)
        self.assert_peaks(self.peaks(5, "run(60); os.kill(os.getpid(), 9)", code=137), 2)

    def test_memory_of_threads_that_wait_for_children(self):
        """Which of them ends last is not seen, so more than the child's is known, and less is not."""
        work = "thread = threading.Thread(target=run, args=(%d,)); thread.start(); thread.join()"
        (_, child), (_, parent) = self.peaks(5, work % 60)
        self.assertIsNotNone(child)
        self.assertIsNone(parent)

    def test_processor_time(self):
        """By the process's own word, at the kernel's ticks and as it is adjusted: so alike where it is long."""
        work = """import os, time
while sum(os.times()[:2]) < 0.4:
    pass
print(*os.times()[:2])"""
        events, said = self.trace(PYTHON, "-ISc", work)
        end, = with_action(events, "process-exited")
        told, known = sum(map(float, said.split())), (dig(end, "muster.usage.user_ns") + dig(end, "muster.usage.system_ns")) / 1e9
        self.assertGreater(known, 0.2)
        self.assertLess(abs(known - told), 0.3)
        # A child's time is not its parent's.
        events, _ = self.trace("/bin/sh", "-c", f"{PYTHON} -ISc '{work}'; exit 0")
        child, parent = with_action(events, "process-exited")
        self.assertGreater(dig(child, "muster.usage.user_ns") + dig(child, "muster.usage.system_ns"), 200_000_000)
        self.assertLess(dig(parent, "muster.usage.user_ns") + dig(parent, "muster.usage.system_ns"), 200_000_000)


if __name__ == "__main__":
    unittest.main()
