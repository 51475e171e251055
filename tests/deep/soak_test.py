# SPDX-License-Identifier: Apache-2.0
"""Ten minutes (MUSTER_SOAK_S seconds) of processes as fast as they can be made: nothing is lost that is not told, the stream
is complete by `muster verify`, and the sensor's memory is after ten minutes what it was after one."""

import os
import pathlib
import re
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "live"))

from sensor import LiveTest, MUSTER, TINY, patient, probe, token, until # noqa: E402

RUNS_ALONE = "it fills the machine"

SOAK_S = float(os.environ.get("MUSTER_SOAK_S", "600"))
SETTLED_SHARE = 0.1     # of the time, after which the memory is to stay what it is
SAMPLE_S = 1
GROWTH_KIB_MAX = 256
VERIFY_KIB_MAX = 64 * 1024


def resident_kib(pid):
    """Without the ring, which is the kernel's and shared."""
    return int(re.search(r"^RssAnon:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii"), re.MULTILINE)[1])


class SoakTest(LiveTest):
    def test_ten_minutes_at_full_rate(self):
        errors = open(os.path.join(self.folder, "stderr"), "w+b")
        self.addCleanup(errors.close)
        ready = os.path.join(self.folder, "ready")
        watch = subprocess.Popen([MUSTER, "watch", "--format", "ndjson", "--buffer", "64M"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        tee = subprocess.Popen(["sh", "-c", f"head -n 1 >{ready}; exec {MUSTER} verify --json -"], stdin=watch.stdout, stdout=subprocess.PIPE, stderr=errors)
        watch.stdout.close()
        for process in (watch, tee):
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
        until(lambda: os.path.exists(ready) and os.path.getsize(ready) > 0, "the sensor to begin", patient(30))
