# SPDX-License-Identifier: Apache-2.0
"""The systemd unit: the service runs with the capabilities that it names, and none of them is too many. And what the
service finds running is what `muster watch` finds."""

import os
import pathlib
import re
import shutil
import subprocess

from sensor import MUSTER, ROOT, Sensor, TINY, patient, token, until
from service import ServiceTest, run_service
from stream_check import dig, with_action

RUNS_ALONE = "one service a machine"

UNIT = ROOT / "packaging/systemd/muster.service.in"
OTHER_USER = 4242


def setting(name):
    """The value of a line of the unit that stands there once."""
    found = re.findall(rf"^{name}=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(found) == 1, (name, found)
    return found[0]


def capabilities():
    return [word.removeprefix("CAP_").lower() for word in setting("CapabilityBoundingSet").split()]


class UnitTest(ServiceTest):
    def confined(self, names):
        """muster as systemd starts it: root, with these capabilities at most, and nothing gained by exec."""
        path = pathlib.Path(self.folder, "confined")
        bounding = ",".join(["-all", *(f"+{name}" for name in names)])
        path.write_text(f'#!/bin/sh\nexec setpriv --bounding-set={bounding} --inh-caps=-all --no-new-privs {MUSTER} "$@"\n', encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    def somebody_elses(self):
        """A process of another user, in a folder and of an image that nobody else may look at; its pid and arguments."""
        folder = os.path.join(self.folder, "private")
        os.mkdir(folder)
        image = shutil.copy("/bin/sleep", os.path.join(folder, "sl"))
        os.chmod(image, 0o700)
        for path in (image, folder):
            os.chown(path, OTHER_USER, OTHER_USER)
        os.chmod(folder, 0o700)
        process = subprocess.Popen([image, "600.25"], user=OTHER_USER, group=OTHER_USER, extra_groups=[], cwd=folder)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        until(lambda: b"600.25" in pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes(), "the exec")
        return process.pid, image, folder

    def test_what_it_names_is_enough(self):
        pid, image, folder = self.somebody_elses()
        service = self.service(binary=self.confined(capabilities())).start_ready()
        service.kill()
        word = token("unit")
        subprocess.run([TINY, word], check=False)
        service.start_ready()
        service.stop()
        events = self.assert_whole(service)
        self.assert_nothing_lost(events)
        self.assertEqual(sum(word in (dig(event, "process.args") or []) for event in with_action(events, "process-started")), 1)
        found = next(event for event in with_action(events, "process-running") if dig(event, "process.pid") == pid)
        self.assertEqual(tuple(dig(found, f"process.{name}") for name in ("executable", "args", "working_directory")),
                         (image, [image, "600.25"], folder))

    def test_none_of_it_is_too_much(self):
        for left_out in capabilities():
            with self.subTest(without=left_out):
                muster = self.confined([name for name in capabilities() if name != left_out])
                service = self.service(binary=muster).start("--no-baseline")
                self.assertEqual(service.process.wait(patient(20)), 1)
                self.assertIn("Operation not permitted", service.stderr())

    def test_what_runs_is_told_as_watch_tells_it(self):
        pid, _, _ = self.somebody_elses()

        def told(events):
            event = next(event for event in with_action(events, "process-running") if dig(event, "process.pid") == pid)
            for process in (event["process"], event["process"]["parent"]):
                process.pop("start", None) # both have asked the clock what boot time is as a date
            return {name: value for name, value in event.items() if name not in ("@timestamp", "agent")}

        service = self.service().start_ready()
        service.stop()
        with Sensor() as sensor:
            until(lambda: any(dig(event, "process.pid") == pid for event in with_action(sensor.read(), "process-running")), "the baseline")
            watched = sensor.stop()
        self.assertEqual(told(service.events()), told(watched))
        self.assertIn("args", told(watched)["process"])

    def test_its_command_is_one_that_muster_takes(self):
        words = setting("ExecStart").split()
        self.assertEqual(words[:3], ["@BINDIR@/muster", "service", "run"])
        done = run_service("run", *words[3:], "--help")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(words[3:], ["--output", f"/var/log/{setting('LogsDirectory')}/events.ndjson"])
