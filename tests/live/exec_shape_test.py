# SPDX-License-Identifier: Apache-2.0
"""Every odd way to exec a program, compared with what the probe or wait(2) says."""

import base64
import os
import pathlib
import shutil
import subprocess
import threading
import time
import unittest

import stream_check
from long_arguments import ONE_ARGUMENT_MAX, LongArguments
from sensor import PROBE_S, SharedSensorTest, TINY, entity_of, own_entity, probe, run_probe, token, until
from stream_check import action_of, dig, entity_id, time_ns

NOBODY = 65534
ARGS_MAX_BYTES = 32 * 1024  # kept whole; what docs say, not what a header says


class ExecTest(SharedSensorTest):
    def run_image(self, arguments, **options):
        """Runs to the end; returns (pid, wait status as subprocess has it)."""
        process = subprocess.Popen(arguments, **options)
        return process.pid, process.wait(PROBE_S)

    def copy_of_tiny(self, *parts, mode=0o755):
        path = os.path.join(self.folder, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copy(TINY, path)
        os.chmod(path, mode)
        return path


class SimpleExec(ExecTest):
    def test_all_fields_of_a_simple_exec(self):
        image, word = self.copy_of_tiny("simple"), token("simple")
        before_ns = time.time_ns()
        pid, code = self.run_image([image, word, "two words"], cwd=self.folder, user=1234, group=2345, extra_groups=[])
        after_ns = time.time_ns()
        start = self.started(word)
        self.assert_fields(
            start, process__pid=pid, process__thread__id=pid, process__executable=image, process__name="simple",
            process__args=[image, word, "two words"], process__args_count=3, process__working_directory=self.folder,
            process__command_line=f"{image} {word} two words", process__user__id="1234", process__real_user__id="1234",
            process__group__id="2345", process__real_group__id="2345", process__session_leader__pid=os.getsid(0),
            process__parent__pid=os.getpid(), process__parent__entity_id=own_entity(),
            process__parent__executable=os.readlink("/proc/self/exe"), process__thread__name="simple",
            process__exit_code=None, muster__truncated=None, muster__raw=None, muster__script=None, muster__image=None,
            event__kind="event", event__category=["process"], event__type=["start"])
        # Start times have ticks of 10 ms; the clock may be set a little while this runs.
        self.assertLess(before_ns - 500_000_000, time_ns(start, "process.start"))
        self.assertLess(time_ns(start, "process.start"), after_ns + 500_000_000)
        self.assertLess(before_ns - 500_000_000, time_ns(start))
        self.assertLess(time_ns(start), after_ns + 500_000_000)
        self.assert_fields(self.exited(start), process__pid=pid, process__exit_code=code, event__type=["end"], muster__exit=None)

    def test_identity_is_that_of_proc(self):
        process = subprocess.Popen(["sleep", "600", token("sleep")], stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        start = self.sensor.wait_started_pid(process.pid)
        self.assert_fields(start, process__entity_id=entity_of(process.pid))

    def test_exec_keeps_the_identity(self):
        word = token("twice")
        pid, _ = self.run_image(["/bin/sh", "-c", f"exec {TINY} {word}"])
        start = self.started(word)
        self.exited(start)
        same = [event for event in self.sensor.events if dig(event, "process.entity_id") == dig(start, "process.entity_id")]
        self.assertEqual([action_of(event) for event in same], ["process-started", "process-started", "process-exited"])
        self.assertEqual([dig(event, "process.pid") for event in same], [pid] * 3)

    def test_a_session_of_its_own(self):
        word = token("session")
        pid, _ = self.run_image([TINY, word], start_new_session=True)
        self.assert_fields(self.started(word), process__session_leader__pid=pid)

    def test_name_longer_than_a_thread_name(self):
        image, word = self.copy_of_tiny("a-name-of-more-than-fifteen-bytes"), token("long")
        self.run_image([image, word])
        start = self.started(word)
        self.assert_fields(start, process__name="a-name-of-more-than-fifteen-bytes", process__thread__name="a-name-of-more-")
        self.assert_fields(self.exited(start), process__thread__name="a-name-of-more-")

    def test_argv0_may_lie(self):
        word = token("liar")
        self.run_image(["[kworker/0:1]", word], executable=TINY)
        self.assert_fields(self.started(word), process__args=["[kworker/0:1]", word], process__executable=TINY, process__name="tiny")


class PathTest(ExecTest):
    def test_relative_path(self):
        image, word = self.copy_of_tiny("here"), token("relative")
        self.run_image(["./here", word], cwd=self.folder)
        self.assert_fields(self.started(word), process__executable=image, process__args=["./here", word],
                           process__working_directory=self.folder)

    def test_path_through_the_parent_folder(self):
        image, word = self.copy_of_tiny("there", "image"), token("dotdot")
        below = os.path.join(self.folder, "below")
        os.mkdir(below)
        self.run_image(["../there/image", word], cwd=below)
        self.assert_fields(self.started(word), process__executable=image, process__working_directory=below,
                           process__args=["../there/image", word])

    def test_symbolic_link_is_followed(self):
        image, word = self.copy_of_tiny("target"), token("link")
        link = os.path.join(self.folder, "link")
        os.symlink(image, link)
        self.run_image([link, word])
        self.assert_fields(self.started(word), process__executable=image, process__args=[link, word], process__name="target")

    def test_working_directory_is_root(self):
        word = token("root")
        self.run_image([TINY, word], cwd="/")
        self.assert_fields(self.started(word), process__working_directory="/")

    def test_deep_path(self):
        image, word = self.copy_of_tiny(*["d" * 100] * 30, "image"), token("deep")
        self.run_image([image, word], cwd=os.path.dirname(image))
        self.assert_fields(self.started(word), process__executable=image, process__working_directory=os.path.dirname(image))

    def test_deleted_working_directory(self):
        gone, word = os.path.join(self.folder, "gone"), token("gone")
        os.mkdir(gone)

        def leave_nothing():
            os.chdir(gone)
            os.rmdir(gone)

        self.run_image([TINY, word], preexec_fn=leave_nothing)
        self.assert_fields(self.started(word), process__working_directory=gone)

    def test_chroot_gives_the_path_outside(self):
        image, word = self.copy_of_tiny("jail", "image"), token("jail")
        self.run_image(["/image", word], preexec_fn=lambda: (os.chroot(os.path.dirname(image)), os.chdir("/")))
        self.assert_fields(self.started(word), process__executable=image, process__args=["/image", word])

    def test_image_deleted_at_exec(self):
        word, copy = token("deleted"), os.path.join(self.folder, "copy")
        truth, = self.truth_of("deleted", copy, word)
        start = self.started(word)
        self.assert_fields(start, process__pid=truth["pid"], process__executable=copy, process__args=[copy, word],
                           process__entity_id=entity_id(truth["pid"], truth["start_ticks"]), muster__image=["deleted"])

    def test_image_in_a_memfd(self):
        word, name = token("memfd"), "no-file"
        truth, = self.truth_of("memfd", name, word)
        start = self.started(word)
        self.assert_fields(start, process__pid=truth["pid"], process__args=[name, word],
                           process__entity_id=entity_id(truth["pid"], truth["start_ticks"]))
        self.assertIn("memfd", dig(start, "muster.image") or [])
        self.assertIn(name, dig(start, "process.executable") or "")

    def truth_of(self, mode, copy, word):
        return run_probe("nameless", mode, TINY, copy, word, expect=int(word.rpartition(".")[2]) % 251)


class ScriptTest(ExecTest):
    def script(self, name, first_line):
        path = os.path.join(self.folder, name)
        pathlib.Path(path).write_text(first_line + "\n", encoding="ascii")
        os.chmod(path, 0o755)
        return path

    def test_script(self):
        path, word = self.script("plain", f"#!{TINY}"), token("script")
        self.run_image([path, word])
        self.assert_fields(self.started(word), process__executable=TINY, process__args=[TINY, path, word], process__args_count=3,
                           muster__script=path, process__name="tiny")

    def test_interpreter_with_an_argument(self):
        path, word = self.script("option", f"#!{TINY} -a b c"), token("script")
        self.run_image([path, word])
        self.assert_fields(self.started(word), process__args=[TINY, "-a b c", path, word], process__args_count=4, muster__script=path)

    def test_interpreter_that_is_a_script(self):
        inner, word = self.script("inner", f"#!{TINY} one"), token("script")
        outer = self.script("outer", f"#!{inner} two")
        self.run_image([outer, word])
        self.assert_fields(self.started(word), process__executable=TINY, muster__script=outer,
                           process__args=[TINY, "one", inner, "two", outer, word])

    def test_relative_script(self):
        self.script("near", f"#!{TINY}")
        word = token("script")
        self.run_image(["./near", word], cwd=self.folder)
        self.assert_fields(self.started(word), process__executable=TINY, process__args=[TINY, "./near", word], muster__script="./near")


class ArgumentTest(LongArguments, ExecTest):
    def test_no_arguments_at_all(self):
        done = subprocess.run([probe("no_args"), TINY], stdout=subprocess.PIPE, check=True)
        truth = stream_check.parse_line(done.stdout.strip())
        start = self.sensor.wait_started_pid(truth["pid"], TINY)
        self.assert_fields(start, process__args=[""], process__args_count=1, muster__truncated=None, muster__raw=None,
                           process__entity_id=entity_id(truth["pid"], truth["start_ticks"]))

    def test_empty_arguments_inside(self):
        self.assert_whole(*self.run_arguments("", "", "x", ""))

    def test_newlines_quotes_and_escapes(self):
        self.assert_whole(*self.run_arguments("a\nb\r\n\tc", 'say "hi" \'there\'', "back\\slash \\u0041 \\\\", "\x1b[31mred\x1b[0m\x07\x7f"))

    def test_bidirectional_controls_and_separators(self):
        self.assert_whole(*self.run_arguments("\u202egpj.exe\u202c", "\u2066x\u2069 \u200e\u200f \u061c", "\u2028\u2029", "\x85\x9b31m"))

    def test_text_of_the_world(self):
        self.assert_whole(*self.run_arguments("grüße", "日本語", "😀", "e\u0301", "\ufeff", "\uffff\U0010ffff"))

    def test_every_single_byte(self):
        """All bytes that an argument can have, one an argument."""
        word = token("bytes")
        arguments = [os.fsencode(TINY), word.encode()] + [bytes([byte]) for byte in range(1, 256)]
        self.run_image(arguments)
        start = self.started(word)
        self.assert_raw_args(start, arguments)
        self.assertEqual(dig(start, "process.args")[2:129], [chr(byte) for byte in range(1, 128)])
        self.assertEqual(dig(start, "process.args")[129:], ["\ufffd"] * 128)

    def test_not_utf8(self):
        word = token("raw")
        arguments = [os.fsencode(TINY), word.encode(), b"\xff\xfe\x80", b"caf\xe9", b"\xed\xa0\x80 surrogate", b"\xc0\xaf overlong", b"fine"]
        self.run_image(arguments)
        start = self.started(word)
        self.assert_raw_args(start, arguments)
        shown = dig(start, "process.args")
        self.assertEqual((shown[3], shown[6]), ("caf\ufffd", "fine"))
        self.assertTrue(all("\ufffd" in argument for argument in shown[2:6]))

    def assert_raw_args(self, event, arguments):
        self.assert_fields(event, process__args_count=len(arguments))
        self.assertEqual(raw_of(event, "process.args"), b"".join(argument + b"\0" for argument in arguments))

    def test_paths_that_are_not_utf8(self):
        folder, word = os.fsencode(self.folder) + b"/f\xff", token("rawpath")
        os.mkdir(folder)
        image = folder + b"/im\xfeage"
        shutil.copy(TINY, image)
        self.run_image([image, word], cwd=folder)
        start = self.started(word)
        self.assert_fields(start, process__executable=f"{self.folder}/f\ufffd/im\ufffdage", process__name="im\ufffdage",
                           process__working_directory=f"{self.folder}/f\ufffd")
        self.assertEqual(raw_of(start, "process.executable"), image)
        self.assertEqual(raw_of(start, "process.working_directory"), folder)

    def test_32_kib_exactly_is_whole(self):
        self.assert_whole(*self.fill(ARGS_MAX_BYTES))

    def test_one_byte_more_is_cut(self):
        self.assert_cut(*self.fill(ARGS_MAX_BYTES + 1), ARGS_MAX_BYTES, longest=100)

    def test_two_mib_of_short_arguments_are_cut(self):
        self.assert_cut(*self.fill(2 * 1024 * 1024), ARGS_MAX_BYTES, longest=100)

    def test_two_mib_of_long_arguments_are_cut(self):
        rest = [chr(ord("a") + number) * ONE_ARGUMENT_MAX for number in range(15)] + ["z" * (ONE_ARGUMENT_MAX - 5000), "the last"]
        arguments, event = self.run_arguments(*rest)
        self.assert_cut(arguments, event, ARGS_MAX_BYTES, longest=ONE_ARGUMENT_MAX)
        self.assertEqual(dig(event, "process.args")[-1], "the last")


def raw_of(event, field):
    return base64.b64decode((dig(event, "muster.raw") or {}).get(f"{field}_b64", ""), validate=True)


class IdentityTest(ExecTest):
    def test_setuid_image_run_by_nobody(self):
        """falcosecurity/libs#3113: the effective user is the file's, the real one stays."""
        image, word = self.copy_of_tiny("setuid"), token("setuid")
        os.chown(image, 4321, 8765)
        os.chmod(image, 0o6755)
        if os.statvfs(image).f_flag & os.ST_NOSUID:
            self.fail(f"{image} is on a file system mounted nosuid: set TMPDIR to another")
        self.run_image([image, word], user=NOBODY, group=NOBODY, extra_groups=[])
        start = self.started(word)
        expected = dict(process__user__id="4321", process__real_user__id=str(NOBODY), process__group__id="8765",
                        process__real_group__id=str(NOBODY))
        self.assert_fields(start, **expected)
        self.assert_fields(self.exited(start), **expected)

    def test_user_namespace_shows_the_user_outside(self):
        image, word = self.copy_of_tiny("inside"), token("userns")
        done = subprocess.run(["unshare", "--user", "--map-root-user", image, word], user=NOBODY, group=NOBODY, extra_groups=[],
                              stderr=subprocess.PIPE, check=False)
        if b"unshare" in done.stderr:
            self.skipTest(f"may skip: {done.stderr.decode().strip()}")
        self.assert_fields(self.started(word, image), process__user__id=str(NOBODY), process__real_user__id=str(NOBODY))

    def test_thread_that_is_not_the_leader(self):
        word = token("thread")
        done = subprocess.run([probe("thread_exec"), TINY, word], stdout=subprocess.PIPE, check=False)
        truth = stream_check.parse_line(done.stdout.strip())
        self.assertNotEqual(truth["pid"], truth["tid"])
        start = self.started(word)
        self.assert_fields(start, process__pid=truth["pid"], process__thread__id=truth["tid"], process__parent__pid=os.getpid(),
                           process__entity_id=entity_id(truth["pid"], truth["start_ticks"]), process__executable=TINY)
        end = self.exited(start)
        self.assert_fields(end, process__exit_code=done.returncode, process__pid=truth["pid"])
        of_pid = [event for event in self.sensor.events if dig(event, "process.entity_id") == dig(start, "process.entity_id")]
        self.assertEqual([action_of(event) for event in of_pid], ["process-started", "process-started", "process-exited"])

    def test_child_of_a_thread_is_the_child_of_its_process(self):
        word = token("of-a-thread")
        thread = threading.Thread(target=self.run_image, args=([TINY, word],))
        thread.start()
        thread.join()
        start = self.started(word)
        expected = dict(process__parent__pid=os.getpid(), process__parent__entity_id=own_entity(),
                        process__parent__executable=os.readlink("/proc/self/exe"))
        self.assert_fields(start, **expected)
        del expected["process__parent__executable"]
        self.assert_fields(self.exited(start), **expected)

    def test_orphan_has_its_new_parent(self):
        word = token("orphan")
        truth, = run_probe("reparent", "orphan", TINY, word)
        self.assert_is_child_of(self.started(word), truth)

    def test_clone_parent(self):
        word = token("cousin")
        truth, = run_probe("reparent", "clone-parent", TINY, word)
        self.assertEqual(os.waitpid(truth["pid"], 0)[0], truth["pid"])
        self.assertEqual(truth["ppid"], os.getpid())
        start = self.started(word)
        self.assert_is_child_of(start, truth)
        self.assert_fields(start, process__parent__entity_id=own_entity())

    def assert_is_child_of(self, start, truth):
        self.assert_fields(start, process__pid=truth["pid"], process__parent__pid=truth["ppid"],
                           process__entity_id=entity_id(truth["pid"], truth["start_ticks"]),
                           process__parent__entity_id=entity_of(truth["ppid"]))

    def test_pid_reuse(self):
        first, second = token("reused"), token("reused")
        truth = run_probe("pid_reuse", TINY, first, second)[-2:]
        self.assertEqual(truth[0]["pid"], truth[1]["pid"])
        starts = [self.latest_start(first), self.started(second)]
        for start, true in zip(starts, truth):
            self.assert_fields(start, process__pid=true["pid"], process__entity_id=entity_id(true["pid"], true["start_ticks"]))
            self.exited(start)
        self.assertNotEqual(dig(starts[0], "process.entity_id"), dig(starts[1], "process.entity_id"))

    def latest_start(self, word):
        """pid_reuse tries again where somebody else took the pid."""
        self.started(word)
        return [event for event in self.sensor.events if stream_check.token_of(event) == word][-1]

    def test_pid_namespace_gives_the_pids_outside(self):
        run = token("inside").replace(".", "-")
        for true in run_probe("pid_namespace", TINY, run):
            with self.subTest(inner_pid=true["inner_pid"]):
                start = self.started(true["token"])
                self.assert_fields(start, process__pid=true["pid"], process__parent__pid=true["ppid"])
                self.assert_fields(self.exited(start), process__pid=true["pid"], process__parent__pid=true["ppid"])

    def test_deep_tree(self):
        levels, run = 200, token("deep")
        truth = run_probe("deep_tree", run, levels, expect=levels % 251)
        self.assertEqual(len(truth), levels + 1)
        self.started_by_level(run, truth)

    def started_by_level(self, run, truth):
        last = until(lambda: self.level_of(run, 0), "the deepest level")
        self.exited(last)
        parent = {"pid": os.getpid(), "entity": own_entity()}
        for true in sorted(truth, key=lambda line: -line["level"]):
            start = self.level_of(run, true["level"])
            entity = entity_id(true["pid"], true["start_ticks"])
            self.assert_fields(start, process__pid=true["pid"], process__entity_id=entity, process__parent__pid=parent["pid"],
                               process__parent__entity_id=parent["entity"])
            self.assert_fields(self.exited(start), process__exit_code=true["level"] % 251)
            parent = {"pid": true["pid"], "entity": entity}

    def level_of(self, run, level):
        found = [event for event in self.sensor.read() if action_of(event) == "process-started"
                 and (dig(event, "process.args") or [])[1:] == [run, str(level)]]
        self.assertLessEqual(len(found), 1)
        return found[0] if found else None


if __name__ == "__main__":
    unittest.main()
