# SPDX-License-Identifier: Apache-2.0
"""The service's life: one at a time, what stop leaves, whom it trusts, and its output file."""

import json
import os
import re
import socket
import subprocess
import unittest

import stream_check
from sensor import MUSTER, TINY, patient, probe, run_storm, scaled, token, until
from service import BPFFS, ServiceTest, run_service
from stream_check import dig, with_action

RUNS_ALONE = "one service a machine"

FDATASYNC = 75  # x86-64
NOBODY = 65534


def pinned(path):
    """(program id, map ids) of a pinned program."""
    shown = json.loads(subprocess.run(["bpftool", "prog", "show", "pinned", path, "--json"], capture_output=True, check=True).stdout)
    return shown["id"], shown.get("map_ids", [])


def is_there(kind, number):
    return subprocess.run(["bpftool", kind, "show", "id", str(number)], capture_output=True, check=False).returncode == 0


class LifeTest(ServiceTest):
    def test_a_second_one_is_refused_and_told_who_is_first(self):
        service = self.service("--no-baseline").start_ready()
        done = run_service("run", "--pins", service.pins, expect=1)
        self.assertIn(f"process {service.process.pid}", done.stderr)
        self.assertIn("runs already", done.stderr)
        self.assertIn(f"process {service.process.pid};", service.status().stdout)
        service.kill()
        service.start_ready()  # the lock went with its process
        service.stop()
        self.assert_whole(service)

    def test_status_tells_what_is_kept(self):
        service = self.service("--no-baseline")
        self.assertEqual(service.status().returncode, 1)
        service.start_ready()
        service.kill()
        words = [token("unread") for _ in range(5)]
        for word in words:
            subprocess.run([TINY, word], check=False)
        done = service.status()
        self.assertEqual(done.returncode, 0)
        self.assertIn("not running", done.stdout)
        self.assertRegex(done.stdout, r"epoch [0-9a-f]{16}  recording since \d{4}-\d\d-\d\d")
        self.assertGreater(int(re.search(r"unacknowledged +(\d+) bytes of 8388608", done.stdout)[1]), 5 * 200)
        numbered, delivered, held = map(int, re.search(r"(\d+) numbered, (\d+) delivered, (\d+) held", done.stdout).groups())
        self.assertGreaterEqual(held, 10)
        self.assertGreaterEqual(numbered, delivered + held)

    def test_stop_uninstall_leaves_nothing(self):
        for running in (True, False):
            with self.subTest(running=running):
                self.uninstall(running)

    def uninstall(self, running):
        service = self.service("--no-baseline", "--forks").start_ready()
        folder = os.path.join(service.pins, service.epochs()[0])
        programs, maps = set(), set()
        for name in ("exec", "exit", "fork"):
            program, used = pinned(os.path.join(folder, name))
            programs.add(program)
            maps.update(used)
        self.assertTrue(all(is_there("prog", number) for number in programs) and all(is_there("map", number) for number in maps))
        if not running:
            service.kill()
            subprocess.run([TINY, token("thrown-away")], check=False)
        done = service.stop("--uninstall")
        self.assertEqual(running, "thrown away" not in done.stderr, done.stderr)
        self.assertFalse(os.path.exists(service.pins))
        until(lambda: not any(is_there("prog", number) for number in programs), "the programs to be gone")
        until(lambda: not any(is_there("map", number) for number in maps), "the maps to be gone")
        if running:
            self.assert_nothing_lost(self.assert_whole(service))
        self.assertIn("No kernel side is kept here", service.stop().stdout)

    def test_no_event_is_numbered_after_stop(self):
        service = self.service("--no-baseline").start_ready()
        last = token("last")
        subprocess.run([TINY, last], check=False)
        service.stop()
        events = self.assert_whole(service)
        self.assertIn(last, {stream_check.token_of(event) for event in events})
        self.assertEqual(dig(events[-1], "muster.ledger.held"), 0)

    def test_a_notified_manager_is_told(self):
        path = os.path.join(self.folder, "notify")
        service = self.service("--no-baseline")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(patient(20))
            service.start(env=dict(os.environ, NOTIFY_SOCKET=path))
            self.assertRegex(manager.recv(1000).decode(), r"\AREADY=1\nSTATUS=Recording, epoch [0-9a-f]{16}\Z")
            service.terminate()
            self.assertEqual(manager.recv(1000), b"STOPPING=1")
            self.assertIn("goes on recording", manager.recv(1000).decode())


class TrustTest(ServiceTest):
    """What another user may have put there is not used."""

    def refused(self, service):
        for action in ("run", "stop", "status"):
            done = run_service(action, "--pins", service.pins, expect=1)
            self.assertIn("cannot use the folder", done.stderr)
            self.assertIn(service.pins, done.stderr)
        return done.stderr

    def service_and_bpffs(self):
        service = self.service("--no-baseline")
        service.start_ready()  # mounts it where that is missing
        service.stop("--uninstall")
        return service

    def test_folders_that_are_not_trusted(self):
        service = self.service_and_bpffs()
        os.mkdir(service.pins, 0o700)
        self.addCleanup(os.rmdir, service.pins)
        os.chown(service.pins, NOBODY, NOBODY)
        self.assertIn("belongs to somebody else", self.refused(service))
        os.chown(service.pins, 0, 0)
        os.chmod(service.pins, 0o755)
        self.assertIn("is open to others", self.refused(service))

    def test_links_and_other_file_systems(self):
        service = self.service_and_bpffs()
        os.symlink(self.folder, service.pins)
        try:
            self.refused(service)
        finally:
            os.unlink(service.pins)
        service.pins = self.folder
        self.assertIn("is not in a file system of type bpf", self.refused(service))
        service.pins = f"{BPFFS}/muster-test-none"

    def test_nobody_may(self):
        done = subprocess.run([MUSTER, "service", "run", "--pins", f"{BPFFS}/muster-test-nobody"], user=NOBODY, group=NOBODY, extra_groups=[],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd="/")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("as root", done.stderr)


class OutputFileTest(ServiceTest):
    def test_half_a_line_is_cut_off_and_what_stood_before_stays(self):
        service = self.service("--no-baseline").start_ready()
        service.kill()
        before = service.data()
        for half in (b'{"@timestamp":"2026', b"x" * 10000):
            with open(service.output, "ab") as file:
                file.write(half)
            service.start_ready()
            service.kill()
            self.assertTrue(service.data().startswith(before))
            before = service.data()
        service.start_ready()
        service.stop()
        self.assertTrue(service.data().startswith(before))
        self.assert_nothing_lost(self.assert_whole(service))
        self.assertEqual(os.stat(service.output).st_mode & 0o777, 0o600)

    def test_a_file_that_is_half_a_line_and_no_more(self):
        service = self.service("--no-baseline")
        with open(service.output, "wb") as file:
            file.write(b"half")
        service.start_ready()
        service.stop()
        self.assert_whole(service)

    def test_disk_that_runs_full_loses_nothing_once_there_is_room(self):
        disk = os.path.join(self.folder, "disk")
        os.mkdir(disk)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=False)
        service = self.service("--no-baseline", output=os.path.join(disk, "output")).start_ready()
        run_storm(self.folder, count=scaled(400, least=400))
        service.wait_end(1)
        self.assertIn("No space left on device", service.stderr())
        self.assertIn("held in the kernel for the next run", service.stderr())
        self.assertTrue(service.data().endswith(b"\n"))
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        service.start_ready()
        service.stop()
        self.assert_nothing_lost(self.assert_whole(service))

    def test_what_is_not_on_the_disk_is_not_acknowledged(self):
        service = self.service("--no-baseline")
        command = [probe("failing_call"), str(FDATASYNC), MUSTER, "service", "run", "--output", service.output, "--pins", service.pins, "--no-baseline"]
        service.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=service.said)
        word = token("unsure")
        until(lambda: service.epochs() and service.epochs() != ["new"], "the service to begin")
        subprocess.run([TINY, word], check=False) # also where the agent has ended by now: the kernel side records it
        while service.process.poll() is None:
            subprocess.run([TINY, word], check=False)
        self.assertEqual(service.process.returncode, 1)
        self.assertIn("Input/output error", service.stderr())
        self.assertIn(" 0 delivered", service.status().stdout)
        service.start_ready()
        service.stop()
        events = self.assert_whole(service)
        self.assert_nothing_lost(events)
        self.assertIn(word, {stream_check.token_of(event) for event in with_action(events, "process-started")})

    def test_no_fsync_asks_the_disk_for_nothing(self):
        service = self.service("--no-baseline")
        command = [probe("failing_call"), str(FDATASYNC), MUSTER, "service", "run", "--output", service.output, "--pins", service.pins,
                   "--no-baseline", "--no-fsync"]
        service.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=service.said)
        word = token("sure")
        until(lambda: b"sensor-started" in service.data(), "the service to begin")
        subprocess.run([TINY, word], check=False)
        until(lambda: word.encode() in service.data(), "the event")
        service.stop()
        self.assert_whole(service)


if __name__ == "__main__":
    unittest.main()
