# SPDX-License-Identifier: Apache-2.0
"""Filters of `muster trace`: all that happens in it is the test's own, so what passes and what is counted as filtered
is known to the unit. That it decides as `muster watch` does, trace_oracle_test.py shows."""

import collections
import os
import re
import shutil
import subprocess
import unittest

import stream_check
from sensor import TINY, probe, token
from stream_check import action_of, dig, with_action
from trace_test import TIMEOUT_S, TraceTest, as_nobody

USER = 54321


class TraceFilterTest(TraceTest):
    def setUp(self):
        super().setUp()
        word = token("").replace(".", "-").replace("-", "")
        self.alpha, self.beta = f"al{word}", f"be{word}"
        for name in (self.alpha, self.beta):
            self.copy(TINY, name)

    def copy(self, source, name):
        path = os.path.join(self.folder, name)
        shutil.copy(source, path)
        os.chmod(path, 0o755)
        return path

    def filtered(self, script, *options, shell="/bin/sh", code=0):
        """Traces the script under these options; returns ({(action, name): count}, filtered). In it, $a and $b are the two programs."""
        script = script.replace("$a", os.path.join(self.folder, self.alpha)).replace("$b", os.path.join(self.folder, self.beta))
        events, _ = self.trace(shell, "-c", script, options=options, code=code)
        names = {dig(event, "process.entity_id"): dig(event, "process.name") for event in with_action(events, "process-started")}
        short = {self.alpha: "a", self.beta: "b"}
        seen = collections.Counter()
        for event in events:
            if stream_check.is_numbered(event):
                name = dig(event, "process.name") or names.get(dig(event, "process.entity_id"))
                seen[(action_of(event).removeprefix("process-"), short.get(name, name))] += 1
        return dict(seen), dig(events[-1], "muster.ledger.filtered")

    SCRIPT = "$a; $b; $a; $b; $b; exit 0"  # 2 a, 3 b, and the shell
    ALL = {("started", "dash"): 1, ("exited", "dash"): 1, ("started", "a"): 2, ("exited", "a"): 2, ("started", "b"): 3, ("exited", "b"): 3}

    def only(self, *names):
        return {key: count for key, count in self.ALL.items() if key[1] in names}

    def assert_passed(self, options, *names):
        passed = self.only(*names)
        self.assertEqual(self.filtered(self.SCRIPT, *options), (passed, sum(self.ALL.values()) - sum(passed.values())))


class EveryoneTest(TraceFilterTest):
    """What root and nobody have alike; NobodyTest runs it once more."""

    def test_without_a_filter(self):
        self.assertEqual(self.filtered(self.SCRIPT), (self.ALL, 0))

    def test_names(self):
        a, b = self.alpha, self.beta
        for options, names in (
                (["--name", a], ["a"]), (["--name", a, "--name", b], ["a", "b"]), (["--name", a[:-1] + "*"], ["a"]), (["--name", "*" + b[1:]], ["b"]),
                (["--name", a[:-1]], []), (["--name", a[1:]], []), (["--exclude", f"name={a}"], ["b", "dash"]),
                (["--exclude", f"name={a}", "--exclude", f"name={b}"], ["dash"]), (["--name", a, "--exclude", f"name={a[:4]}*"], [])):
            with self.subTest(options=options):
                self.assert_passed(options, *names)

    def test_users(self):
        me = 65534 if self.prefix else 0
        self.assert_passed(["--user", str(me)], "a", "b", "dash")
        self.assert_passed(["--user", str(USER)])
        self.assert_passed(["--exclude", f"user={me}"])
        self.assert_passed(["--user", str(me), "--name", self.alpha], "a")

    def test_parent_is_the_direct_one(self):
        """The shell that becomes muster knows its number, which is the command's parent's."""
        command = self.command("/bin/sh", "-c", f"{self.folder}/{self.alpha}; exit 0", options=["--parent", "PARENT"])
        words = " ".join(command).replace("PARENT", "$$").partition(" -- ")[0]
        subprocess.run(["sh", "-c", f'exec {words} -- "$@"', "sh", *command[command.index("--") + 1:]], check=True, timeout=TIMEOUT_S,
                       stdin=subprocess.DEVNULL)
        events = self.whole_stream()
        self.assertEqual([(action_of(event), dig(event, "process.thread.name")) for event in events[1:-1]], [("process-started", "sh"), ("process-exited", "sh")])
        self.assertEqual(dig(events[-1], "muster.ledger.filtered"), 2)

    def test_an_exec_is_asked_again_and_the_exit_goes_with_it(self):
        self.assertEqual(self.filtered("exec $a", "--name", self.alpha), ({("started", "a"): 1, ("exited", "a"): 1}, 1))
        self.assertEqual(self.filtered("exec $a", "--exclude", f"name={self.alpha}"), ({("started", "dash"): 1}, 2))

    def test_a_new_thread_name_changes_nothing(self):
        snake = self.copy(os.path.realpath("/usr/bin/python3"), f"py{self.alpha}")
        rename = f"""{snake} -ISc 'open("/proc/self/comm", "w").write("another")'; exit 0"""
        for options in (["--name", f"py{self.alpha}"], ["--name", f"py{self.alpha}", "--exclude", "name=another"]):
            self.assertEqual(self.filtered(rename, *options), ({("started", f"py{self.alpha}"): 1, ("exited", f"py{self.alpha}"): 1}, 2))

    def test_forks_have_their_parents_name(self):
        forks = self.copy(probe("forks"), self.alpha[:15])
        seen, left_out = self.filtered(f"{forks} 20 >/dev/null; exit 0", "--forks", "--name", self.alpha[:15])
        # The shell's fork, start and exit, and the fork of the probe, which has the shell's name then.
        self.assertEqual(left_out, 4)
        self.assertEqual(seen, {("started", self.alpha[:15]): 1, ("forked", None): 20, ("exited", None): 20, ("exited", self.alpha[:15]): 1})
        _, left_out = self.filtered(f"{forks} 20 >/dev/null; exit 0", "--forks", "--exclude", f"name={self.alpha[:15]}")
        self.assertEqual(left_out, 42)

    def test_the_status_is_the_command_s_though_nothing_passes(self):
        self.assertEqual(self.filtered("exit 7", "--name", "nothing", code=7), ({}, 2))

    def test_a_missing_one_is_found_out(self):
        self.filtered(self.SCRIPT, "--name", self.alpha)
        events = self.whole_stream()
        events[-1]["muster"]["ledger"]["filtered"] -= 1
        self.assert_found_out(stream_check.check_numbers(events), "one that is not counted as filtered")
        self.assert_found_out(stream_check.check_ledger(events), "one that is not counted as filtered")


class NobodyTest(EveryoneTest):
    prefix = as_nobody()

    def test_an_image_that_may_not_be_read_goes_by_its_thread_name(self):
        os.chmod(self.copy(TINY, "unreadable"), 0o711)
        for options, count in ((["--name", "unreadable"], 2), (["--exclude", "name=unreadable"], 2), (["--name", self.alpha], 0)):
            events, _ = self.trace("/bin/sh", "-c", f"{self.folder}/unreadable; exit 0", options=options)
            self.assertEqual(len(events) - 2, count, options)

    def test_a_process_that_is_left_out_has_no_message(self):
        image = self.copy(TINY, "setuid")
        os.chown(image, 4321, 8765)
        os.chmod(image, 0o6755)
        for options, count in ((["--name", "setuid"], 1), (["--exclude", "name=setuid"], 0)):
            events, _ = self.trace("/bin/sh", "-c", f"{image}; exit 0", options=options)
            self.assertEqual(len(with_action(events, "message")), count, options)


class RootTest(TraceFilterTest):
    def test_another_user(self):
        script = f"setpriv --reuid {USER} --clear-groups $a; $b; exit 0"
        self.assertEqual(self.filtered(script, "--user", str(USER)), ({("started", "a"): 1, ("exited", "a"): 1}, 5))
        self.assertEqual(self.filtered(script, "--exclude", f"user={USER}"),
                         ({("started", "dash"): 1, ("exited", "dash"): 1, ("started", "setpriv"): 1, ("started", "b"): 1, ("exited", "b"): 1}, 2))

    def test_pid(self):
        """In a pid namespace of its own muster is 1 and the command 2."""
        self.prefix = ["unshare", "--pid", "--fork", "--mount-proc"]
        self.assertEqual(self.filtered("$b; exec $a", "--pid", "2"), ({("started", "dash"): 1, ("started", "a"): 1, ("exited", "a"): 1}, 2))
        self.assertEqual(self.filtered("$b; exec $a", "--exclude", "pid=2"), ({("started", "b"): 1, ("exited", "b"): 1}, 3))

    def test_an_orphan_ends_as_it_began(self):
        sleeper = self.copy("/bin/sleep", f"sl{self.alpha}")
        script = f"sh -c '{sleeper} 1 & echo $$' >/dev/null; exit 0"
        seen, _ = self.filtered(script, "--name", f"sl{self.alpha}")
        self.assertEqual(seen, {("started", f"sl{self.alpha}"): 1, ("exited", f"sl{self.alpha}"): 1})

    def test_what_is_left_out_is_not_read(self):
        """Of whom a filter by number leaves out, neither memory nor links are looked at."""
        log = os.path.join(self.folder, "strace")
        for options, reads in ((["--exclude", "parent=0"], True), (["--user", str(USER)], False)):
            with self.subTest(options=options):
                command = self.command("/bin/sh", "-c", f"{self.folder}/{self.alpha}; exit 0", options=options)
                done = subprocess.run(["strace", "-qq", "-e", "trace=openat,readlink", "-o", log, *command], timeout=TIMEOUT_S,
                                      stdin=subprocess.DEVNULL, capture_output=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                with open(log, encoding="utf-8") as file:
                    found = set(re.findall(r'"/proc/\d+/(mem|auxv|exe|cwd|stat)"', file.read()))
                self.assertEqual(found, {"mem", "auxv", "exe", "cwd", "stat"} if reads else {"stat"})


if __name__ == "__main__":
    unittest.main()
