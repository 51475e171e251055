# SPDX-License-Identifier: Apache-2.0
"""Ten minutes (MUSTER_SOAK_S seconds) of processes as fast as they can be made: every one is delivered or told as lost, the
stream holds by `muster verify`, and the sensor's memory is at the end what it was near the beginning."""

import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "live"))

from sensor import LiveTest, MUSTER, TINY, patient, probe, token # noqa: E402

RUNS_ALONE = "it fills the machine"

SOAK_S = float(os.environ.get("MUSTER_SOAK_S", "600"))
STORM_S = 30                # the probe keeps what it did in memory, so it runs again and again
PART = 0.1                  # of the time: its second tenth is compared with its last
GROWTH_KIB_MAX = 256
VERIFY_KIB_MAX = 64 * 1024
CHUNK_BYTES = 1 << 20
NONE_LOST, TOLD = 0, 3


def resident_kib(pid):
    """Of its own: without the ring, which is the kernel's."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"^RssAnon:\s+(\d+) kB", status, re.MULTILINE)[1])


class SoakTest(LiveTest):
    def start(self):
        errors = open(os.path.join(self.folder, "stderr"), "w+b")
        self.addCleanup(errors.close)
        self.watch = subprocess.Popen([MUSTER, "watch", "--format", "ndjson", "--no-baseline", "--buffer", "64M"], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=errors)
        self.verify = subprocess.Popen([MUSTER, "verify", "--json", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        for process in (self.watch, self.verify):
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
        self.tail = os.read(self.watch.stdout.fileno(), CHUNK_BYTES) # sensor-started: from here on all is seen
        self.verify.stdin.write(self.tail)
        self.verify.stdin.flush()
        self.copier = threading.Thread(target=self.copy)
        self.copier.start()

    def copy(self):
        while data := os.read(self.watch.stdout.fileno(), CHUNK_BYTES):
            self.verify.stdin.write(data)
            self.tail = (self.tail + data)[-CHUNK_BYTES:]
        self.verify.stdin.close()

    def storms(self):
        """How many processes there were; and samples of the memory, (seconds, watch, verify)."""
        begin, count, samples = time.monotonic(), 0, []
        while time.monotonic() - begin < SOAK_S:
            storm = subprocess.Popen([probe("storm"), "--image", TINY, "--count", "1000000", "--workers", "2", "--run", token("soak").replace(".", "-"),
                                      "--truth", os.path.join(self.folder, "truth")], stdout=subprocess.PIPE)
            end = min(time.monotonic() + STORM_S, begin + SOAK_S)
            while time.monotonic() < end:
                time.sleep(1)
                samples.append((time.monotonic() - begin, resident_kib(self.watch.pid), resident_kib(self.verify.pid)))
            storm.terminate()
            self.assertEqual(storm.wait(patient(60)), 0)
            with open(os.path.join(self.folder, "truth"), "rb") as truth:
                count += sum(1 for _ in truth)
        return count, samples

    def test_at_full_rate_for_ten_minutes(self):
        self.start()
        count, samples = self.storms()
        self.watch.terminate()
        self.assertEqual(self.watch.wait(patient(60)), 0)
        self.copier.join()
        with self.verify.stdout as said:
            verdict = json.loads(said.read())
        self.assertIn(verdict["exit_code"], (NONE_LOST, TOLD), verdict)
        epoch, = verdict["epochs"]
        stopped = json.loads(self.tail.splitlines()[-1])
        self.assertEqual(stopped["event"]["action"], "sensor-stopped")
        self.assertEqual(stopped["muster"]["ledger"]["produced"], epoch["events"] + epoch["lost"])
        self.assertGreaterEqual(epoch["events"] + epoch["lost"], 2 * count)
        # Medians: how much stands in the queue at one moment is no growth.
        before, after = (statistics.median(sample[1] for sample in samples if first <= sample[0] / SOAK_S < first + PART) for first in (PART, 1 - PART))
        self.assertLessEqual(after, before + GROWTH_KIB_MAX, f"it grew: {[sample[1] for sample in samples[::20]]}")
        self.assertLess(max(sample[2] for sample in samples), VERIFY_KIB_MAX) # which keeps the holes, as far as there are any
        print(f"# {count} processes in {SOAK_S:.0f} s, {epoch['events']} events delivered, {epoch['lost']} lost and told; "
              f"watch {samples[-1][1]} KiB, verify {samples[-1][2]} KiB")


if __name__ == "__main__":
    unittest.main()
