# SPDX-License-Identifier: Apache-2.0
"""`muster selftest` tells the truth about a sensor: one that sees all, one that has lost events and says so, one that leaves
out and does not."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile

from sensor import LiveTest, MUSTER, Sensor, patient, stat_of, until
from stream_check import dig, with_action

RUNS_ALONE = "it measures what the machine does meanwhile"

COUNT = 200
DONE, FAILED, USAGE, LOSS, UNACCOUNTED = 0, 1, 2, 3, 4
SHAPES = {"flat": 50, "tree": 40, "short-lived": 80, "thread exec": 20, "long arguments": 10}


def selftest(*options, env=None, **popen):
    return subprocess.Popen([MUSTER, "selftest", "--count", str(COUNT), *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=dict(os.environ, **(env or {})), text=True, **popen)


def finish(process):
    stdout, stderr = process.communicate(timeout=patient(60))
    return process.returncode, stdout, stderr


class SelftestTest(LiveTest):
    def test_a_sensor_of_its_own(self):
        folder = tempfile.mkdtemp(dir=self.folder)
        code, stdout, stderr = finish(selftest("--json", env={"TMPDIR": folder, "XDG_RUNTIME_DIR": folder}))
        self.assertEqual((code, stderr), (DONE, ""))
        result = json.loads(stdout)
        self.assertTrue(result["complete"])
        self.assertEqual({name: shape["processes"] for name, shape in result["shapes"].items()}, SHAPES)
        for shape in [*result["shapes"].values(), result["total"]]:
            self.assertEqual((shape["starts"], shape["exits"], shape["doubled"], shape["wrong"]), (shape["processes"], shape["processes"], 0, 0))
            latency = shape["latency_ns"]
            self.assertTrue(0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["max"], latency)
        self.assertEqual(os.listdir(folder), [], "what it made is left behind")

    def test_beside_a_running_sensor(self):
        with Sensor() as sensor:
            code, stdout, stderr = finish(selftest("--file", sensor.output))
            self.assertEqual((code, stderr), (DONE, ""))
            self.assertIn(f"complete: all {COUNT} processes were seen", stdout)
            events = sensor.stop()
        self.assertGreaterEqual(sum("muster-selftest" in str(event.get("process", {}).get("args")) for event in events), COUNT)
        self.assert_whole(sensor)

    def test_what_a_filter_leaves_out_is_not_complete(self):
        with Sensor("--exclude", "name=true") as sensor:
            code, stdout, _ = finish(selftest("--file", sensor.output))
            self.assertEqual(code, UNACCOUNTED)
            self.assertIn(f"INCOMPLETE: 0.0000 % of the events were seen; {2 * COUNT} were not, and the stream tells of no loss", stdout)
            sensor.stop()

    def test_what_the_sensor_tells_as_lost_is_accounted_for(self):
        with Sensor("--buffer", "64K") as sensor:
            sensor.process.send_signal(signal.SIGSTOP)
            until(lambda: stat_of(sensor.process.pid)[0] == "T", "the sensor to stand still")
            running = selftest("--file", sensor.output, "--json")
            until(lambda: selftest_children_done(running), "most of the processes to have been made", patient(20))
            sensor.process.send_signal(signal.SIGCONT)
            code, stdout, stderr = finish(running)
            result = json.loads(stdout)
            self.assertEqual((code, stderr), (LOSS, ""), stdout)
            missing = 2 * result["total"]["processes"] - result["total"]["starts"] - result["total"]["exits"]
            self.assertGreater(missing, 0)
            self.assertGreaterEqual(result["lost_told"], missing)
            skeletons = [event for event in with_action(sensor.read(), "process-started") if dig(event, "muster.skeleton")]
            self.assertGreater(len(skeletons), 0, "none came as a skeleton")
            sensor.stop()

    def test_a_sensor_that_stops_meanwhile_says_nothing_of_the_losses(self):
        with Sensor() as sensor:
            running = selftest("--file", sensor.output, "--count", "100000")
            until(lambda: b"muster-selftest-" in pathlib.Path(sensor.output).read_bytes(), "the first of its processes")
            sensor.stop()
            code, stdout, stderr = finish(running)
        self.assertEqual((code, stdout), (FAILED, ""))
        self.assertIn("stopped during the test", stderr)

    def test_a_file_of_nobody(self):
        path = pathlib.Path(self.folder) / "events.ndjson"
        code, _, stderr = finish(selftest("--file", str(path)))
        self.assertEqual(code, FAILED)
        self.assertIn("No such file", stderr)
        path.write_bytes(b'{"event":{"action":"process-started"},"process":{"args":["true","muster-selftest-0-0-0"]}}\nno json\n')
        code, stdout, _ = finish(selftest("--file", str(path)))
        self.assertEqual(code, UNACCOUNTED)
        self.assertIn("INCOMPLETE", stdout)

    def test_without_the_image_it_says_so(self):
        hide = 'mount -o bind /dev/null /bin/true && exec "$0" selftest'
        code, stdout, stderr = finish(subprocess.Popen(["unshare", "--mount", "/bin/sh", "-c", hide, MUSTER], stdin=subprocess.DEVNULL,
                                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        self.assertEqual((code, stdout), (FAILED, ""))
        self.assertIn("cannot run /bin/true", stderr)

    def test_without_rights_it_says_what_to_do(self):
        code, stdout, stderr = finish(selftest(env={"TMPDIR": "/tmp"}, user=65534, group=65534, extra_groups=[]))
        self.assertEqual((code, stdout), (FAILED, ""))
        self.assertIn("muster doctor", stderr)


def selftest_children_done(process):
    """Whether it waits for the sensor alone: no process of a shape is left, and some time has been given to make them."""
    children = [child for tasks in pathlib.Path(f"/proc/{process.pid}/task").glob("*/children") for child in tasks.read_text().split()]
    selftest_children_done.idle = selftest_children_done.idle + 1 if not children else 0
    return selftest_children_done.idle >= 20


selftest_children_done.idle = 0
