# SPDX-License-Identifier: Apache-2.0
"""--container: cgroups that are named as containers' are, and which processes pass; the kernel's decision, the baseline's and that
of `muster trace` are compared with one written-down table."""

import pathlib
import subprocess
import time
import unittest

from cgroups import Cgroups
from filters_test import FilterSensor
from sensor import LiveTest, MUSTER, TINY, patient, token, until
from stream_check import dig, parse_lines, with_action

ID = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4

# name of the cgroup -> what --container finds it by
GROUPS = {
    "outside": {"outside"},
    f"system.slice/docker-{ID}.scope": {ID, ID[:12]},
    f"docker/{OTHER}": {OTHER, OTHER[:12]},
    f"machine.slice/libpod-{ID}.scope/init.scope": {ID, ID[:12]},
    f"kubepods.slice/kubepods-pod1.slice/cri-containerd-{OTHER}.scope": {OTHER, OTHER[:12]},
    "machine.slice/systemd-nspawn@web.service": {"web", "w*", "*b"},
    "machine.slice/machine-db.scope": {"db", "*b"},
    "web.slice": {"web.slice", "w*"},
    "x-webs.scope": {"webs", "w*"},
}
ASKED = (ID, ID[:12], OTHER[:12], "web", "w*", "*b", "db", "outside")


def groups_found_by(value):
    return {name for name, values in GROUPS.items() if value in values}


class ContainerTest(LiveTest):
    def setUp(self):
        super().setUp()
        self.cgroups = Cgroups(GROUPS, self.addCleanup)

    def run_in(self, name, *command):
        return subprocess.Popen(command, preexec_fn=lambda: self.cgroups.enter(name), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)

    def words_of(self, events, action):
        words = {self.words[word] for event in with_action(events, action) for word in dig(event, "process.args") or [] if word in self.words}
        return words

    def make_words(self):
        self.words = {token("container"): name for name in GROUPS}

    def run_all(self):
        """One process in each; each forks none and execs once."""
        for word, name in self.words.items():
            with self.run_in(name, TINY, word) as process:
                process.wait(patient(20)) # ends with the word's number

    def seen_live(self, *options):
        self.make_words()
        with FilterSensor("--no-baseline", *options) as sensor:
            self.run_all()
            events = sensor.stop()
            self.assert_whole(sensor)
        started = self.words_of(events, "process-started")
        entities = {dig(event, "process.entity_id") for event in with_action(events, "process-started")
                    if any(word in self.words for word in dig(event, "process.args") or [])}
        exited = {dig(event, "process.entity_id") for event in with_action(events, "process-exited")}
        self.assertLessEqual(entities, exited, "what passed has no end")
        return started

    def test_each_value_finds_its_groups(self):
        for value in ASKED:
            with self.subTest(value=value):
                self.assertEqual(self.seen_live("--container", value), groups_found_by(value))

    def test_excluded(self):
        for value in (ID, "web", "w*"):
            with self.subTest(value=value):
                self.assertEqual(self.seen_live("--exclude", f"container={value}"), set(GROUPS) - groups_found_by(value))

    def test_several(self):
        self.assertEqual(self.seen_live("--container", "db", "--container", ID[:12], "--exclude", "container=init"),
                         (groups_found_by("db") | groups_found_by(ID)) - {f"machine.slice/libpod-{ID}.scope/init.scope"})

    def test_the_baseline_decides_the_same(self):
        self.make_words()
        running = [self.run_in(name, "/bin/cat", "-", word) for word, name in self.words.items()] # each waits for its input
        try:
            # By its arguments: where busybox is both shell and cat, the image is the same.
            until(lambda: all(pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes().startswith(b"/bin/cat\0")
                              for process in running), "the processes")
            for value in ASKED:
                with self.subTest(value=value), FilterSensor("--container", value) as sensor:
                    time.sleep(0.3)
                    events = sensor.stop()
                    self.assertEqual(self.words_of(events, "process-running"), groups_found_by(value))
        finally:
            for process in running:
                process.kill()
                process.communicate()

    def test_trace_decides_the_same(self):
        for value in ASKED:
            self.make_words()
            with self.subTest(value=value):
                script = " ".join(f"/bin/sh -c 'echo 0 >{self.cgroups.folder(name)}/cgroup.procs; exec {TINY} {word}';"
                                  for word, name in self.words.items())
                done = subprocess.run([MUSTER, "trace", "--format", "ndjson", "--container", value, "--", "/bin/sh", "-c", script],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, timeout=patient(60))
                events, problems = parse_lines(done.stderr)
                self.assert_no_problems(problems)
                started = [event for event in with_action(events, "process-started") if dig(event, "process.executable") == TINY]
                self.assertEqual(self.words_of(started, "process-started"), groups_found_by(value))


if __name__ == "__main__":
    unittest.main()
