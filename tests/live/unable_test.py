# SPDX-License-Identifier: Apache-2.0
"""Where the sensor cannot run: an error that says what to do, and nothing left behind."""

import os
import subprocess
import tempfile
import unittest

from sensor import MUSTER, PROBE_S

HIDE_BTF = 'mount -t tmpfs none /sys/kernel/btf && exec "$@"'
NO_BPF = ["setpriv", "--bounding-set", "-sys_admin,-bpf,-perfmon", "--inh-caps", "-all"]


def without_btf(*arguments):
    return run(["unshare", "--mount", "sh", "-c", HIDE_BTF, "sh", MUSTER, *arguments])


def without_bpf(*arguments):
    return run([*NO_BPF, MUSTER, *arguments])


def run(command):
    return subprocess.run(command, capture_output=True, text=True, timeout=PROBE_S)


@unittest.skipUnless(os.geteuid() == 0, "takes things away from root, so it needs root")
class UnableTest(unittest.TestCase):
    def assert_fails(self, done, *words):
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "")
        for line in done.stderr.splitlines():
            self.assertRegex(line, "^muster: ")
        for word in words:
            self.assertIn(word, done.stderr)

    def test_watch_without_btf(self):
        self.assert_fails(without_btf("watch", "--duration", "1s"), "/sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF")

    def test_watch_without_bpf(self):
        self.assert_fails(without_bpf("watch", "--duration", "1s"), "Operation not permitted", "CAP_BPF", "muster doctor")

    def test_doctor_without_btf(self):
        done = without_btf("doctor")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, "(?m)^FAIL  kernel type information .*\n      -> .*CONFIG_DEBUG_INFO_BTF")
        self.assertRegex(done.stdout, "muster cannot run here")

    def test_doctor_without_bpf(self):
        done = without_bpf("doctor")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, "(?m)^FAIL  privilege ")
        self.assertRegex(done.stdout, "(?m)^FAIL  BPF programs load .*Operation not permitted")

    def test_a_file_is_not_emptied_where_the_sensor_cannot_start(self):
        with tempfile.NamedTemporaryFile("w+") as file:
            file.write("kept")
            file.flush()
            self.assert_fails(without_bpf("watch", "--output", file.name))
            with open(file.name, encoding="ascii") as again:
                self.assertEqual(again.read(), "kept")


if __name__ == "__main__":
    unittest.main()
