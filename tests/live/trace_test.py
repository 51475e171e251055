# SPDX-License-Identifier: Apache-2.0
"""`muster trace`: status, stream, signals and refusals, as root and as somebody without any right."""

import os
import pathlib
import pty
import select
import shutil
import signal
import subprocess
import time
import unittest

import stream_check
import verify_check
from sensor import LiveTest, MUSTER, TINY, probe, stat_of, token, until
from stream_check import action_of, dig, with_action

NOBODY = 65534
FAILED, NOT_RUNABLE, NOT_FOUND = 125, 126, 127
TIMEOUT_S = 60


def as_nobody():
    return ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "--inh-caps", "-all"]


class TraceTest(LiveTest):
    prefix = ()

    def setUp(self):
        super().setUp()
        self.output = os.path.join(self.folder, "output")
        pathlib.Path(self.output).touch()
        os.chmod(self.output, 0o666)
        self.muster = shutil.copy(MUSTER, self.folder)

    def command(self, *command, options=()):
        return [*self.prefix, self.muster, "trace", "--format", "ndjson", "--output", self.output, *options, "--", *map(str, command)]

    def start(self, *command, options=(), **popen):
        popen.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(self.command(*command, options=options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, **popen)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def trace(self, *command, code=0, stderr=b"", **popen):
        """Runs to the end; returns (events, standard output)."""
        process = self.start(*command, **popen)
        said, errors = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual((process.returncode, errors), (code, stderr))
        return self.whole_stream(), said

    def events(self):
        events, _ = stream_check.parse_lines(pathlib.Path(self.output).read_bytes())
        return events

    def whole_stream(self):
        events, problems = stream_check.parse_lines(pathlib.Path(self.output).read_bytes())
        self.assert_no_problems(problems + stream_check.check_stream(events) + verify_check.check_verdict(events))
        self.assert_no_loss(events)
        self.assertEqual({dig(event, "event.provider") for event in events}, {"ptrace"})
        return events

    def started(self, events, word):
        found = [event for event in with_action(events, "process-started") if word in dig(event, "process.args")]
        self.assertEqual(len(found), 1)
        return found[0]

    def assert_all_ended(self, events):
        self.assert_no_problems(stream_check.check_lives(events, time.time_ns() + 10**12))


class EveryoneTest(TraceTest):
    """What root and nobody have alike; NobodyTest runs it once more."""

    def test_codes_of_the_command(self):
        for code in (0, 1, 3, 125, 126, 127, 128, 255):
            with self.subTest(code=code):
                events, _ = self.trace(TINY, f"x={code}", "raw", code=code)
                self.assertEqual([dig(event, "process.exit_code") for event in with_action(events, "process-exited")], [code])

    def test_signals_that_end_the_command(self):
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, 64):
            with self.subTest(number=number):
                events, _ = self.trace("/bin/sh", "-c", f"ulimit -c 0; kill -{int(number)} $$", code=128 + number)
                end, = with_action(events, "process-exited")
                self.assertEqual(dig(end, "muster.exit"), {"signal": number, "core_dumped": False})

    def test_not_found(self):
        events, _ = self.trace("/no/such/file", code=NOT_FOUND, stderr=b"muster: cannot run '/no/such/file': No such file or directory\n")
        self.assertEqual([action_of(event) for event in events], ["sensor-started", "sensor-stopped"])

    def test_not_runable(self):
        self.trace("/etc/passwd", code=NOT_RUNABLE, stderr=b"muster: cannot run '/etc/passwd': Permission denied\n")

    def test_command_is_searched_for(self):
        events, said = self.trace("echo", "found")
        self.assertEqual(said, b"found\n")
        self.assertEqual(dig(with_action(events, "process-started")[0], "process.args"), ["echo", "found"])

    def test_options_behind_the_command_are_its_own(self):
        done = subprocess.run([*self.prefix, self.muster, "trace", "-o", self.output, "echo", "--forks", "-o", "x"], capture_output=True,
                              timeout=TIMEOUT_S, check=True)
        self.assertEqual(done.stdout, b"--forks -o x\n")

    def test_standard_output_is_the_command_s_alone(self):
        done = subprocess.run([*self.prefix, self.muster, "trace", "--", "echo", "mine"], capture_output=True, timeout=TIMEOUT_S, check=True)
        self.assertEqual(done.stdout, b"mine\n")
        self.assertIn(b"echo mine", done.stderr)

    def test_arguments(self):
        word = token("args")
        rest = ["", "two words", "a\nb", "grüße", ""]
        events, _ = self.trace(TINY, word, *rest, code=int(word.rpartition(".")[2]) % 256)
        start = self.started(events, word)
        self.assertEqual(dig(start, "process.args"), [TINY, word, *rest])
        self.assertEqual((dig(start, "process.executable"), dig(start, "process.args_count")), (TINY, 2 + len(rest)))
        self.assertEqual(dig(start, "process.working_directory"), os.getcwd())

    def test_arguments_of_100_kib(self):
        rest = [f"{number:099d}" for number in range(1024)]
        start = with_action(self.trace("/bin/true", *rest)[0], "process-started")[0]
        self.assertEqual((dig(start, "process.args_count"), dig(start, "muster.truncated")), (1025, {"process.args": 102400 + 10}))
        self.assertEqual((dig(start, "process.args")[1], dig(start, "process.args")[-1]), (rest[0], rest[-1]))

    def test_script(self):
        path, word = os.path.join(self.folder, "script-"), token("script")  # no number: tiny ends with 0
        pathlib.Path(path).write_text(f"#!{TINY}\n", encoding="ascii")
        os.chmod(path, 0o755)
        start = self.started(self.trace(path, word, "raw", code=0)[0], word)
        self.assertEqual((dig(start, "process.args"), dig(start, "muster.script"), dig(start, "process.executable")),
                         ([TINY, path, word, "raw"], path, TINY))

    def test_storm(self):
        events, _ = self.trace(probe("storm"), "--count", 300, "--workers", 2, "--image", TINY, "--run", "trace")
        self.assertEqual(len(with_action(events, "process-started")), 301)
        self.assert_all_ended(events)

    def test_exec_by_another_thread(self):
        events, said = self.trace(probe("thread_exec"), TINY, "word.7", code=7)
        truth = stream_check.parse_line(said.strip())
        first, second = with_action(events, "process-started")
        self.assertEqual((dig(second, "process.pid"), dig(second, "process.thread.id")), (truth["pid"], truth["tid"]))
        self.assertEqual(dig(first, "process.entity_id"), dig(second, "process.entity_id"))
        self.assertEqual(dig(first, "process.entity_id"), stream_check.entity_id(truth["pid"], truth["start_ticks"]))
        self.assertEqual(len(with_action(events, "process-exited")), 1)

    def test_forks(self):
        events, said = self.trace(probe("forks"), 50, options=["--forks"])
        self.assertEqual([len(with_action(events, f"process-{what}")) for what in ("forked", "started", "exited")], [51, 1, 51])
        self.assertEqual(len(said.splitlines()), 50)
        self.assert_all_ended(events)

    def test_without_forks_there_are_none(self):
        events, _ = self.trace(probe("forks"), 50)
        self.assertEqual([len(with_action(events, f"process-{what}")) for what in ("forked", "started", "exited")], [0, 1, 1])

    def test_job_control(self):
        """A job that is stopped is stopped, and continued goes on."""
        script = ("sleep 600 & p=$!; kill -STOP $p; while ! grep -q 'State:.[Tt]' /proc/$p/status; do :; done; echo stopped;"
                  "kill -CONT $p; while ! grep -q 'State:.S' /proc/$p/status; do :; done; echo runs; kill $p; wait $p; exit $?")
        events, said = self.trace("/bin/bash", "-c", script, code=143)
        self.assertEqual(said, b"stopped\nruns\n")
        self.assert_all_ended(events)

    def test_stopped_job_does_not_run(self):
        word = token("counts")
        path = os.path.join(self.folder, "count")
        pathlib.Path(path).touch()
        os.chmod(path, 0o666)
        process = self.start("/bin/bash", "-c", f": {word}; while sleep 0.01; do echo >>{path}; done")
        pid = self.wait_pid(word)
        until(lambda: os.path.getsize(path) > 2, "the job runs")
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.2)
        size = os.path.getsize(path)
        time.sleep(0.2)
        self.assertEqual(os.path.getsize(path), size)
        os.kill(pid, signal.SIGCONT)
        until(lambda: os.path.getsize(path) > size, "the job goes on")
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(process.wait(TIMEOUT_S), 137)

    def wait_pid(self, word, last=None):
        """The pid of the command with that word, as the stream tells it; `last` is its last argument."""
        def look():
            found = [dig(event, "process.pid") for event in with_action(self.events(), "process-started")
                     if word in dig(event, "process.args")[-1] and last in (None, dig(event, "process.args")[-1])]
            return found[0] if found else None
        return until(look, f"a start with {word}")

    def test_killed_while_stopped(self):
        word = token("killed")
        process = self.start("/bin/sh", "-c", f": {word}; sleep 600; exit 1")
        pid = self.wait_pid(word)
        child = until(lambda: [dig(e, "process.pid") for e in with_action(self.events(), "process-started") if "600" in dig(e, "process.args")], "sleep")[0]
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        os.kill(child, signal.SIGKILL)
        self.assertEqual(process.wait(TIMEOUT_S), 137)
        self.assert_all_ended(self.whole_stream())

    def test_what_is_left_in_the_background_is_waited_for(self):
        events, _ = self.trace("/bin/sh", "-c", "(sleep 0.5; true) & exit 4", code=4)
        self.assertEqual(len(with_action(events, "process-started")), 2)
        self.assert_all_ended(events)

    def test_survivors_go_on_when_told_to_stop(self):
        word = token("survivor")
        process = self.start("/bin/sh", "-c", f"sh -c ': {word}; sleep 600' & exit 4")
        until(lambda: with_action(self.events(), "process-exited"), "the command's end")
        pid = self.wait_pid(word, f": {word}; sleep 600")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(TIMEOUT_S), 4)
        self.whole_stream()
        self.assert_goes_on(pid)

    def assert_goes_on(self, pid):
        """It lives, and nobody traces it."""
        time.sleep(0.1)
        status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        for other in [pid, *children_of(pid)]:
            self.addCleanup(os.kill, other, signal.SIGKILL)
        self.assertIn("\nTracerPid:\t0\n", status)
        self.assertIn("\nState:\tS", status)

    def test_signal_to_muster_is_passed_on(self):
        word = token("trap")
        process = self.start("/bin/bash", "-c", f": {word}; trap 'exit 9' TERM; while :; do sleep 0.05; done")
        self.wait_pid(word)
        until(lambda: len(with_action(self.events(), "process-started")) > 1, "the loop")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(TIMEOUT_S), 9)
        self.whole_stream()

    def test_command_goes_on_when_muster_is_killed(self):
        word = token("orphan")
        process = self.start("/bin/sh", "-c", f": {word}; sleep 600; :")
        pid = self.wait_pid(word)
        process.kill()
        process.wait(TIMEOUT_S)
        self.assert_goes_on(pid)

    def test_signals_are_given_back(self):
        """The command has the dispositions and the mask that muster was started with."""
        _, said = self.trace("grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status", restore_signals=True)
        true = subprocess.run(["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"], stdout=subprocess.PIPE, check=True).stdout
        self.assertEqual(said, true)

    def test_muster_that_ignores_the_ends_of_children(self):
        self.trace("/bin/true", preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))

    def test_muster_with_a_child_of_its_own(self):
        began = time.monotonic()
        done = subprocess.run(["sh", "-c", 'sleep 40 & exec "$@"', "sh", *self.command(TINY, "x.5")], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=TIMEOUT_S, check=False)
        self.assertEqual(done.returncode, 5)
        self.assertLess(time.monotonic() - began, 40)
        self.assertEqual(len(with_action(self.whole_stream(), "process-started")), 1)

    def test_trace_inside_a_trace(self):
        inner = os.path.join(self.folder, "inner")
        _, said = self.trace("/bin/sh", "-c", f"{self.muster} trace -o {inner} -- true 2>&1; echo $?")
        self.assertRegex(said, rb"muster: cannot trace a process: Operation not permitted\nmuster: muster itself is traced.*\n125\n")

    def test_command_that_traces(self):
        events, _ = self.trace("/bin/sh", "-c", "strace -o /dev/null true 2>/dev/null; gdb -batch -ex run true >/dev/null 2>&1; exit 0")
        self.assert_all_ended(events)

    def test_output_that_cannot_be_written(self):
        done = subprocess.run([*self.prefix, self.muster, "trace", "-o", "/dev/full", "--", "sh", "-c", "echo ran; exit 3"], capture_output=True,
                              timeout=TIMEOUT_S, check=False)
        self.assertEqual((done.returncode, done.stdout), (FAILED, b"ran\n"))
        self.assertIn(b"No space left on device", done.stderr)

    def test_output_that_cannot_be_opened(self):
        done = subprocess.run([*self.prefix, self.muster, "trace", "-o", "/no/such/folder/file", "--", "echo", "ran"], capture_output=True,
                              timeout=TIMEOUT_S, check=False)
        self.assertEqual((done.returncode, done.stdout), (FAILED, b""))

    def test_reader_that_leaves(self):
        process = subprocess.Popen([*self.prefix, self.muster, "trace", "-o", "-", "--", "sh", "-c", "true; sleep 0.3; true; exit 6"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.readline()
        process.stdout.close()
        self.assertEqual(process.wait(TIMEOUT_S), 6)
        self.assertEqual(process.stderr.read(), b"")
        process.stderr.close()

    def test_slow_reader_loses_nothing(self):
        """The command waits for the output."""
        process = subprocess.Popen([*self.prefix, self.muster, "trace", "-f", "ndjson", "--", probe("storm"), "--count", "200", "--image",
                                    TINY, "--padding", "100000"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(1)
        data = process.communicate(timeout=TIMEOUT_S)[1]
        events, problems = stream_check.parse_lines(data)
        self.assert_no_problems(problems + stream_check.check_stream(events))
        self.assertEqual(len(with_action(events, "process-started")), 201)

    def test_stalled_output_is_given_up_when_told_to_stop(self):
        fifo = os.path.join(self.folder, "fifo")
        os.mkfifo(fifo)
        os.chmod(fifo, 0o666)
        reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reading)
        process = subprocess.Popen([*self.prefix, self.muster, "trace", "-f", "ndjson", "-o", fifo, "--", probe("storm"), "--count", "100000",
                                    "--image", TINY, "--padding", "100000"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(2)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, FAILED)
        self.assertIn(b"does not take anything", said)


class NobodyTest(EveryoneTest):
    """The same without any right; and what only then is so."""

    prefix = as_nobody()

    def test_set_id_program_runs_without_its_rights(self):
        image = os.path.join(self.folder, "setuid")
        shutil.copy(TINY, image)
        os.chown(image, 4321, 8765)
        os.chmod(image, 0o6755)
        events, _ = self.trace(image, "x")
        self.assertEqual(dig(with_action(events, "process-started")[0], "process.user.id"), str(NOBODY))
        message, = with_action(events, "message")
        self.assertIn(f"runs {image} without the rights of its set-id bits", message["message"])

    def test_image_that_may_not_be_read(self):
        image = os.path.join(self.folder, "unreadable")
        shutil.copy(TINY, image)
        os.chmod(image, 0o711)
        events, _ = self.trace("/bin/sh", "-c", f"{image} x.5; exit 0")
        start = with_action(events, "process-started")[1]
        self.assertEqual((dig(start, "process.executable"), dig(start, "process.args")), (None, None))
        self.assertLessEqual({"process.executable", "process.args"}, set(dig(start, "muster.unavailable")))
        self.assertEqual([dig(event, "process.exit_code") for event in with_action(events, "process-exited")], [5, 0])


class RootTest(TraceTest):
    def test_set_id_program_keeps_its_rights_under_root(self):
        image = os.path.join(self.folder, "setuid")
        shutil.copy(TINY, image)
        os.chown(image, 4321, 8765)
        os.chmod(image, 0o6755)
        events, _ = self.trace(image, "x")
        self.assertEqual(dig(with_action(events, "process-started")[0], "process.user.id"), "4321")
        self.assertEqual(with_action(events, "message"), [])


class TerminalTest(TraceTest):
    """At a terminal, under a shell with job control."""

    def setUp(self):
        super().setUp()
        self.said = b""

    def run_shell(self, script):
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.execv("/bin/bash", ["bash", "-c", "set -m; " + script])
        self.addCleanup(os.close, self.terminal)
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(os.kill, pid, signal.SIGKILL)

    def wait_said(self, text):
        """Reads until the terminal shows it; forgets all up to there."""
        def look():
            if select.select([self.terminal], [], [], 0.05)[0]:
                self.said += os.read(self.terminal, 4096)
            return text in self.said
        until(look, f"{text!r} on the terminal")
        self.said = self.said.partition(text)[2]

    def test_ctrl_z_and_ctrl_c(self):
        self.run_shell(f"{self.muster} trace -f ndjson -o {self.output} -- sh -c 'echo rea''dy; sleep 600'; echo status=$?; fg; echo status=$?; sleep 60")
        self.wait_said(b"ready")
        until(lambda: len(with_action(self.events(), "process-started")) > 1, "sleep")
        os.write(self.terminal, b"\x1a")
        self.wait_said(b"status=148")
        time.sleep(0.3)
        sleeper = [dig(event, "process.pid") for event in with_action(self.events(), "process-started")][-1]
        until(lambda: stat_of(sleeper)[0] == "S", "the job goes on")
        os.write(self.terminal, b"\x03")
        self.wait_said(b"status=130")
        self.assert_all_ended(self.whole_stream())

    def test_command_that_handles_ctrl_c(self):
        self.run_shell(f"{self.muster} trace -f ndjson -o {self.output} -- bash -c 'trap \"exit 5\" INT; echo ready; while :; do sleep 0.05; done'; echo status=$?; sleep 60")
        self.wait_said(b"ready")
        os.write(self.terminal, b"\x03")
        self.wait_said(b"status=5")
        self.whole_stream()


def children_of(pid):
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(word) for word in text.split()]


if __name__ == "__main__":
    unittest.main()
