# SPDX-License-Identifier: Apache-2.0
"""--max-args: what is kept of the arguments, at either end of what may be asked for."""

import base64
import os
import subprocess
import unittest

from long_arguments import ONE_ARGUMENT_MAX, LongArguments, allow_long_arguments, args_bytes, fill_up
from sensor import PROBE_S, TINY, LiveTest, Sensor, SharedSensorTest, token
from stream_check import dig, with_action

MIB = 1024 * 1024


class MaxArgsTest(LongArguments, SharedSensorTest):
    def run_image(self, arguments, **options):
        subprocess.run(arguments, timeout=PROBE_S, check=False, **options)


class MostTest(MaxArgsTest):
    most = 128 * 1024
    sensor_options = ("--max-args", "128K", "--buffer", "16M")

    def test_128_kib_exactly_is_whole(self):
        self.assert_whole(*self.fill(self.most))

    def test_one_byte_more_is_cut(self):
        self.assert_cut(*self.fill(self.most + 1), self.most, longest=100)

    def test_two_mib_are_cut(self):
        self.assert_cut(*self.fill(2 * MIB), self.most, longest=100)

    def test_every_length_near_a_page(self):
        """What is cleared behind it, where it is read to, differs."""
        for size in [*range(4 * 4096 - 4, 4 * 4096 + 5), 65535, 65536, 65537, *range(self.most - 8, self.most)]:
            with self.subTest(size=size):
                self.assert_whole(*self.fill(size))

    def test_the_longest_single_argument(self):
        arguments, event = self.run_arguments("x" * (ONE_ARGUMENT_MAX - 1000))
        self.assert_whole(arguments, event)

    def test_bytes_that_are_no_text(self):
        word = token("raw").encode()
        noise = bytes(byte or 1 for byte in os.urandom(100_000)) + b"\xff"
        arguments = [os.fsencode(TINY), word, noise]
        self.run_image(arguments)
        event = self.started(word.decode())
        raw = base64.b64decode(dig(event, "muster.raw")["process.args_b64"], validate=True)
        self.assertEqual(raw, b"".join(argument + b"\0" for argument in arguments))


class LeastTest(MaxArgsTest):
    sensor_options = ("--max-args", "4K")

    def test_4_kib_exactly_is_whole(self):
        self.assert_whole(*self.fill(4096))

    def test_one_byte_more_is_cut(self):
        self.assert_cut(*self.fill(4097), 4096, longest=100)

    def test_two_mib_are_cut(self):
        self.assert_cut(*self.fill(2 * MIB), 4096, longest=100)


class BaselineTest(LiveTest):
    def run_long(self, size):
        arguments = fill_up(["sleep", token("long")], size)
        # Its own words are no times to sleep(1): the shell has them.
        arguments = ["/bin/sh", "-c", "sleep 600", *arguments]
        process = subprocess.Popen(arguments, preexec_fn=allow_long_arguments, start_new_session=True)
        self.addCleanup(process.wait)
        self.addCleanup(os.killpg, process.pid, 9)
        return process.pid, arguments

    def test_who_runs_already(self):
        whole, cut = self.run_long(100_000), self.run_long(MIB)
        with Sensor("--max-args", "128K") as sensor:
            events = with_action(sensor.stop(), "process-running")
        self.assert_whole(sensor)
        shown = {dig(event, "process.pid"): event for event in events}
        self.assertEqual(dig(shown[whole[0]], "process.args"), whole[1])
        self.assertEqual(dig(shown[cut[0]], "muster.truncated"), {"process.args": args_bytes(cut[1])})
        self.assertGreater(args_bytes(dig(shown[cut[0]], "process.args")), 120_000)


if __name__ == "__main__":
    unittest.main()
