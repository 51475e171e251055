# SPDX-License-Identifier: Apache-2.0
"""Filters on the real kernel: what passes and what is left out, each counted to the unit against processes
whose names and users nobody else on this machine has."""

import collections
import os
import shutil
import subprocess
import time
import unittest

import stream_check
from sensor import LiveTest, Sensor, TINY, probe, until
from stall_test import PipedSensor
from stream_check import action_of, dig, with_action

ONE_USER, OTHER_USER = 54321, 54322
COUNT = 400


class FilterSensor(Sensor):
    """Is attached when it says that it has started; no process of ours could pass every filter."""

    def wait_ready(self):
        until(lambda: with_action(self.read(), "sensor-started") or self.process.poll() is not None, "sensor-started")
        if self.process.poll() is not None:
            raise AssertionError(f"muster ended with {self.process.returncode}; it said: {self.stderr()}")


class PipedFilterSensor(FilterSensor, PipedSensor):
    pass


class FilterTest(LiveTest):
    def setUp(self):
        super().setUp()
        word = f"{os.getpid()}x{time.monotonic_ns() % 10**9}"
        self.alpha, self.beta = f"al{word}", f"be{word}"
        self.storm = self.copy(probe("storm"), f"st{word}")
        self.copy(TINY, self.alpha)
        self.copy(TINY, self.beta)

    def copy(self, source, name):
        path = os.path.join(self.folder, name)
        shutil.copy(source, path)
        os.chmod(path, 0o755)
        return path

    def path(self, name):
        return os.path.join(self.folder, name)

    def begin_storm(self, name, user=0, count=COUNT, *options):
        command = [self.storm, "--image", self.path(name), "--count", str(count), "--workers", "2", *options]
        return subprocess.Popen(command, user=user, group=user, extra_groups=[], stdout=subprocess.DEVNULL)

    def run_storms(self, *storms):
        """All at once."""
        for running in [self.begin_storm(*storm) for storm in storms]:
            self.assertEqual(running.wait(120), 0)

    def four_storms(self):
        self.run_storms(*((name, user) for name in (self.alpha, self.beta) for user in (ONE_USER, OTHER_USER)))

    def watch(self, *options, sensor=FilterSensor, work=None, form=("--no-baseline",)):
        """Returns (events, ledger) of a stream with `work` in it, which is whole."""
        with sensor(*form, *options) as running:
            (work or self.four_storms)()
            events = running.stop()
            self.assert_whole(running)
        ledger = dig(events[-1], "muster.ledger")
        return events, ledger

    def assert_passed(self, events, **expected):
        """How many numbered events of each name have passed, and nothing else has. A start and an exit each."""
        seen = collections.Counter(dig(event, "process.name") for event in with_action(events, "process-started"))
        wanted = {getattr(self, name): count for name, count in expected.items()}
        self.assertEqual(dict(seen), wanted)
        started = {dig(event, "process.entity_id") for event in with_action(events, "process-started")}
        ended = [dig(event, "process.entity_id") for event in with_action(events, "process-exited")]
        self.assertEqual((len(ended), set(ended)), (len(started), started), "each start that passed has its exit")


class NameTest(FilterTest):
    def test_include(self):
        events, ledger = self.watch("--name", self.alpha)
        self.assert_passed(events, alpha=2 * COUNT)
        self.assertGreaterEqual(ledger["filtered"], 4 * COUNT)

    def test_several_are_any(self):
        events, _ = self.watch("--name", self.alpha, "--name", self.beta)
        self.assert_passed(events, alpha=2 * COUNT, beta=2 * COUNT)

    def test_beginning_and_end(self):
        for pattern in (self.alpha[:-1] + "*", "*" + self.alpha):
            with self.subTest(pattern=pattern):
                events, _ = self.watch("--name", pattern)
                self.assert_passed(events, alpha=2 * COUNT)

    def test_parts_are_not_the_whole(self):
        events, ledger = self.watch("--name", self.alpha[:-1], "--name", self.alpha[1:], "--name", self.alpha + "x")
        self.assert_passed(events)
        self.assertEqual(ledger["delivered"], 0)

    def test_names_longer_than_what_is_compared(self):
        self.long = self.alpha + "l" * 200 + "end"
        self.copy(TINY, self.long)
        for pattern in (self.long[:63] + "*", "*" + self.long[-63:]):
            with self.subTest(pattern=pattern):
                events, _ = self.watch("--name", pattern, work=lambda: self.run_storms((self.long,), (self.alpha,)))
                self.assert_passed(events, long=COUNT)

    def test_exclude_is_counted_to_the_unit(self):
        events, ledger = self.watch("--exclude", f"name={self.alpha}")
        self.assertEqual(ledger["filtered"], 2 * 2 * COUNT)
        seen = collections.Counter(dig(event, "process.name") for event in with_action(events, "process-started"))
        self.assertEqual((seen[self.alpha], seen[self.beta]), (0, 2 * COUNT))
        self.assertFalse([event for event in events if dig(event, "process.thread.name") == self.alpha[:15]])

    def test_sixteen_of_each(self):
        options = [word for number in range(15) for word in ("--name", f"*{number}-none", "--exclude", f"name=none-{number}*")]
        events, _ = self.watch(*options, "--name", self.alpha)
        self.assert_passed(events, alpha=2 * COUNT)


class UserTest(FilterTest):
    def test_include(self):
        events, _ = self.watch("--user", str(ONE_USER))
        storms = 2  # the programs that make the storms are this user's, too
        users = {dig(event, "process.user.id") for event in events if dig(event, "process")}
        self.assertEqual(users, {str(ONE_USER)})
        self.assertEqual(len(with_action(events, "process-started")), 2 * COUNT + storms)
        self.assertEqual(len(with_action(events, "process-exited")), 2 * COUNT + storms)

    def test_exclude_is_counted_to_the_unit(self):
        _, ledger = self.watch("--exclude", f"user={ONE_USER}", "--exclude", f"user={OTHER_USER}")
        self.assertEqual(ledger["filtered"], 2 * (4 * COUNT + 4))

    def test_by_name(self):
        events, _ = self.watch("--user", "nobody", "--name", self.alpha,
                               work=lambda: self.run_storms((self.alpha, 65534), (self.alpha, 0)))
        self.assert_passed(events, alpha=COUNT)

    def test_combined_with_names(self):
        events, _ = self.watch("--user", str(ONE_USER), "--name", self.alpha, "--name", self.beta, "--exclude", f"name={self.beta}")
        self.assert_passed(events, alpha=COUNT)


class PidTest(FilterTest):
    """A shell that waits for a word, so that its number is known before it does anything."""

    def shell(self, script):
        shell = subprocess.Popen(["/bin/sh", "-c", f"read word; {script}"], stdin=subprocess.PIPE)
        self.addCleanup(shell.kill)
        return shell

    def go_on(self, shell):
        shell.communicate(b"go\n", timeout=30)

    def test_pid(self):
        shell = self.shell(f"{self.path(self.beta)}; exec {self.path(self.alpha)}")
        events, _ = self.watch("--pid", str(shell.pid), work=lambda: self.go_on(shell))
        self.assert_passed(events, alpha=1)

    def test_exclude_pid_is_counted_to_the_unit(self):
        shell = self.shell(f"{self.path(self.beta)}; exec {self.path(self.alpha)}")
        _, ledger = self.watch("--exclude", f"pid={shell.pid}", work=lambda: self.go_on(shell))
        self.assertEqual(ledger["filtered"], 2)

    def test_parent_is_the_direct_one(self):
        shell = self.shell(f"{self.path(self.beta)}; {self.path(self.beta)}; sh -c '{self.path(self.alpha)}; :'; :")
        events, _ = self.watch("--parent", str(shell.pid), work=lambda: self.go_on(shell))
        names = collections.Counter(dig(event, "process.name") for event in with_action(events, "process-started"))
        self.assertEqual((names[self.beta], names[self.alpha], sum(names.values())), (2, 0, 3))
        self.assertEqual(len(with_action(events, "process-exited")), 3)

    def test_an_orphan_ends_as_it_began(self):
        sleeper = self.copy("/bin/sleep", f"sl{self.alpha}")
        shell = self.shell(f"{sleeper} 2 & /bin/sleep 1; :")  # the shell ends between the other's exec and end

        def work():
            self.go_on(shell)
            time.sleep(2)

        events, _ = self.watch("--parent", str(shell.pid), work=work)
        exits = [event for event in with_action(events, "process-exited") if dig(event, "process.thread.name").startswith("sl" + self.alpha[:9])]
        self.assertEqual(len(exits), 1)
        self.assertNotEqual(dig(exits[0], "process.parent.pid"), shell.pid)
        _, ledger = self.watch("--exclude", f"name={os.path.basename(sleeper)}",
                               work=lambda: subprocess.run([sleeper, "0.1"], check=True))
        self.assertEqual(ledger["filtered"], 2)

    def test_a_new_thread_name_changes_nothing(self):
        snake = self.copy(os.path.realpath("/usr/bin/python3"), f"py{self.alpha}")
        rename = [snake, "-ISc", "open('/proc/self/comm', 'w').write('another')"]
        for options in (["--name", os.path.basename(snake)], ["--name", os.path.basename(snake), "--exclude", "name=another"]):
            events, _ = self.watch(*options, work=lambda: subprocess.run(rename, check=True))
            self.assertEqual([action_of(event) for event in events[1:-1]], ["process-started", "process-exited"])
            self.assertEqual(dig(events[2], "process.thread.name"), "another")


class ForkTest(FilterTest):
    def test_forks_have_their_parents_name(self):
        forks = self.copy(probe("forks"), self.alpha[:15])
        work = lambda: subprocess.run([forks, str(COUNT)], stdout=subprocess.DEVNULL, check=True)
        events, _ = self.watch("--forks", "--name", self.alpha[:15], work=work)
        actions = collections.Counter(action_of(event) for event in events[1:-1])
        self.assertEqual(actions, {"process-started": 1, "process-forked": COUNT, "process-exited": COUNT + 1})
        _, ledger = self.watch("--forks", "--exclude", f"name={self.alpha[:15]}", work=work)
        self.assertEqual(ledger["filtered"], 2 * COUNT + 2)


class BaselineTest(FilterTest):
    def setUp(self):
        super().setUp()
        self.sleeper = self.copy("/bin/sleep", self.alpha[:15])
        self.running = subprocess.Popen([self.sleeper, "600"])
        self.addCleanup(self.running.wait)
        self.addCleanup(self.running.kill)
        until(lambda: os.readlink(f"/proc/{self.running.pid}/exe") == self.sleeper, "the exec")

    def end(self):
        self.running.kill()
        self.running.wait()

    def test_only_what_is_wanted_is_told(self):
        for options in (["--name", self.alpha[:15]], ["--pid", str(self.running.pid)],
                        ["--parent", str(os.getpid()), "--name", self.alpha[:15]]):
            with self.subTest(options=options):
                events, _ = self.watch(*options, form=(), work=lambda: None)
                self.assertEqual([dig(event, "process.pid") for event in with_action(events, "process-running")], [self.running.pid])

    def test_excluded(self):
        events, _ = self.watch("--exclude", f"name={self.alpha[:15]}", form=(), work=lambda: None)
        pids = {dig(event, "process.pid") for event in with_action(events, "process-running")}
        self.assertIn(os.getpid(), pids)
        self.assertNotIn(self.running.pid, pids)

    def test_its_exit(self):
        events, _ = self.watch("--name", self.alpha[:15], form=(), work=self.end)
        self.assertEqual([action_of(event) for event in events[1:-1]], ["process-running", "process-exited"])

    def test_its_exit_excluded(self):
        _, ledger = self.watch("--exclude", f"name={self.alpha[:15]}", form=(), work=self.end)
        self.assertEqual(ledger["filtered"], 1)


class LossTest(FilterTest):
    """Losses and filters at once: each number is one or the other, and each is counted to the unit."""

    def storms(self, running):
        running.hold()
        self.run_storms((self.alpha, 0, 1000), (self.beta, 0, 1500, "--padding", "3000"))
        running.release()

    def test_both_are_exact(self):
        with PipedFilterSensor("--no-baseline", "--buffer", "256K", "--exclude", f"name={self.alpha}") as running:
            self.storms(running)
            events = running.stop()
            self.assert_whole(running)
        ledger = dig(events[-1], "muster.ledger")
        self.assertGreater(sum(ledger["dropped"].values()), 0, "nothing was lost, so this shows nothing")
        self.assertEqual(set(ledger["dropped"]) - {"ring_full", "class_shed", "share_shed"}, set())
        self.assertEqual(ledger["filtered"], 2 * 1000)

    def test_what_is_filtered_takes_no_room(self):
        with PipedFilterSensor("--no-baseline", "--buffer", "256K", "--name", self.alpha) as running:
            running.hold()
            self.run_storms((self.alpha, 0, 100), (self.beta, 0, 3000, "--padding", "3000"))
            running.release()
            events = running.stop()
            self.assert_whole(running)
        self.assert_no_loss(events)
        self.assert_passed(events, alpha=100)

    def test_planted_faults_are_found_out(self):
        events, ledger = self.watch("--exclude", f"name={self.alpha}")
        index = next(index for index, event in enumerate(events) if stream_check.is_numbered(event))
        self.assert_found_out(stream_check.check_numbers(events[:index] + events[index + 1:]), "a line less")
        ledger["filtered"] -= 1
        self.assert_found_out(stream_check.check_numbers(events), "one that is not counted as filtered")
        self.assert_found_out(stream_check.check_ledger(events), "one that is not counted as filtered")


if __name__ == "__main__":
    unittest.main()
