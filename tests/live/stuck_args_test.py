# SPDX-License-Identifier: Apache-2.0
"""A process whose arguments nobody can read, because a page of them is in a file system that never
answers: whoever reads that memory waits until the file system is gone. The sensor must not wait.
(Linux lets a reader of /proc/PID/cmdline not wait: it shows no page that is of a file.)"""

import json
import os
import select
import signal
import subprocess
import sys
import unittest

from sensor import LiveTest, MUSTER, Sensor, TINY, entity_of, patient, probe, token
from stream_check import dig, with_action

ARGUMENT = "stuck" * 4000  # some pages
START_S = patient(30)
END_S = patient(30)
STUCK_S = patient(2)
READ_ARGUMENTS = """
pid = int(__import__("sys").argv[1])
begin, end = map(int, open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[45:47])
with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
    memory.seek(begin)
    memory.read(end - begin)
"""


class StuckArgsTest(LiveTest):
    def setUp(self):
        super().setUp()
        if not os.path.exists("/dev/fuse"):
            self.skipTest("may skip: no FUSE here")
        self.readers = []
        # The mount is in a namespace that ends with the probe. Probe and file system are a group of their own.
        command = ["unshare", "--mount", "--propagation", "private", probe("stuck_args"), self.folder, ARGUMENT]
        self.stuck = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
        self.addCleanup(self.end_stuck)
        self.assertTrue(select.select([self.stuck.stdout], [], [], START_S)[0], "the probe says nothing")
        self.assertEqual(json.loads(self.stuck.stdout.readline())["pid"], self.stuck.pid)

    def end_stuck(self):
        """With the file system ends every wait for it."""
        os.killpg(self.stuck.pid, signal.SIGKILL)
        self.stuck.wait(END_S)
        self.stuck.stdout.close()
        for reader in self.readers:
            reader.wait(END_S)

    def assert_stuck(self):
        """Else the tests here would say nothing."""
        reader = subprocess.Popen([sys.executable, "-c", READ_ARGUMENTS, str(self.stuck.pid)], stdin=subprocess.DEVNULL)
        self.readers.append(reader)
        with self.assertRaises(subprocess.TimeoutExpired, msg="the arguments can be read"):
            reader.wait(STUCK_S)
        reader.kill()

    def test_watch(self):
        with Sensor() as sensor:
            word = token("beside")
            subprocess.run([TINY, word], check=False)
            sensor.wait_exited(sensor.wait_started(word))
            events = sensor.stop()
        self.assert_whole(sensor)
        self.assert_no_loss(events)
        self.assert_told_without_arguments(events)
        self.assert_stuck()

    def assert_told_without_arguments(self, events):
        event, = [event for event in with_action(events, "process-running") if dig(event, "process.pid") == self.stuck.pid]
        self.assertEqual(dig(event, "process.entity_id"), entity_of(self.stuck.pid))
        self.assertEqual(dig(event, "process.executable"), probe("stuck_args"))
        self.assertIsNone(dig(event, "process.args"))
        self.assertIn("process.args", dig(event, "muster.unavailable") or [])

    def test_doctor(self):
        done = subprocess.run([MUSTER, "doctor"], capture_output=True, text=True, check=False, timeout=END_S)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assert_stuck()


if __name__ == "__main__":
    unittest.main()
