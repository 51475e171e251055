# SPDX-License-Identifier: Apache-2.0
"""`muster watch` (BPF) and `muster trace` (ptrace) over the same processes: two sources that share no code say the
same, event by event."""

import copy
import os
import pathlib
import subprocess
import unittest

import stream_check
from filters_test import FilterSensor
from sensor import LiveTest, MUSTER, Sensor, TINY, probe, token
from stream_check import action_of, dig

PYTHON = "/usr/bin/python3"  # that of the system: everybody may run it
ALWAYS = ("process.pid", "process.entity_id", "process.thread.name", "process.user.id", "process.real_user.id", "process.group.id",
          "process.real_group.id", "process.session_leader.pid", "process.parent.pid", "process.parent.entity_id")
FIELDS = {
    "process-forked": ALWAYS,
    "process-started": ALWAYS + (
        "process.executable", "process.name", "process.args", "process.args_count", "process.command_line",
        "process.working_directory", "process.parent.executable", "process.parent.name", "process.thread.id",
        "muster.script", "muster.image", "muster.truncated", "muster.raw", "muster.unavailable"),
    "process-exited": ALWAYS + ("process.exit_code", "muster.exit"),
}

# What is run. It is the traced command itself, so all that happens in it is the workload.
WORKLOAD = r"""
import os, shutil, subprocess, sys

tiny, probes, word, folder = sys.argv[1:]

def run(*arguments, **options):
    return subprocess.run(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, **options).returncode

def script(name, first_line):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(first_line + "\n")
    os.chmod(path, 0o755)
    return path

run(tiny, word, "", "two words", "a\nb\t'\"\\", b"\xff\xfe caf\xe9", "日本語", "", cwd="/")
run(tiny, word, *[f"{number:099d}" for number in range(1050)])
run(tiny, word, *["x" * 100_000] * 12)
run("[kworker/0:1]", word, executable=tiny)
run(os.path.relpath(tiny, folder), word, cwd=folder)
run(script("inner", f"#!{tiny} one"), word, cwd=folder)
run(script("outer", f"#!{folder}/inner two"), word)
run("./outer", word, cwd=folder)
run("/bin/sh", "-c", f"exec {tiny} {word}")
run("/bin/sh", "-c", f"echo {word} | cat | cat; kill -9 $$")
run("/bin/sh", "-c", f"({tiny} {word}) & {tiny} {word}; wait; exit 7")
run(tiny, word, start_new_session=True)
for code in (0, 1, 127, 128, 255):
    run(tiny, f"code-{word}={code}", "raw")
for number in (1, 2, 9, 11, 13, 15, 34, 64):
    run(f"{probes}/signal_self", str(number))
run(f"{probes}/no_args", tiny)
run(f"{probes}/thread_exec", tiny, word)
for mode in (["leader-first"], ["leader-first-group"], *[["racing", "3"]] * 20):
    run(f"{probes}/thread_exit", *mode)
run(f"{probes}/reparent", "orphan", tiny, word)
run(f"{probes}/nameless", "deleted", tiny, f"{folder}/copy", word)
run(f"{probes}/nameless", "memfd", tiny, "no-file", word)
run(f"{probes}/deep_tree", word, "30")
run(f"{probes}/forks", "50")
run(f"{probes}/storm", "--count", "300", "--workers", "3", "--image", tiny, "--run", word.replace(".", "-"))
if os.geteuid() == 0:
    run("setpriv", "--reuid", "4242", "--regid", "4343", "--clear-groups", tiny, word)
    image = shutil.copy(tiny, f"{folder}/setuid")
    os.chown(image, 4321, 8765)
    os.chmod(image, 0o6755)
    run(image, word, user=65534, group=65534, extra_groups=[])
    os.mkdir(f"{folder}/jail")
    shutil.copy(tiny, f"{folder}/jail/image")
    run("/image", word, preexec_fn=lambda: (os.chroot(f"{folder}/jail"), os.chdir("/")))
"""

# The same, for filters: other names, users and parents, in few processes.
FILTER_WORKLOAD = r"""
tiny=$1 probes=$2 word=$3 folder=$4
cp $tiny $folder/a-name-of-more-than-fifteen-bytes
printf '#!%s\n' $tiny >$folder/script; chmod 755 $folder/script
$tiny $word; $folder/a-name-of-more-than-fifteen-bytes $word; $folder/script $word
(exec $tiny $word)
sh -c "sh -c \"exec $tiny $word\"; :"
({ sleep 0.2; exec $tiny $word; } &)
setpriv --reuid 4242 --regid 4343 --clear-groups $tiny $word
setpriv --reuid 4242 --regid 4343 --clear-groups sh -c "$tiny $word; :"
$probes/forks 5
$probes/nameless deleted $tiny $folder/copy $word
$probes/nameless memfd $tiny no-file $word
$probes/thread_exec $tiny $word
$probes/reparent orphan $tiny $word
exit 0
"""
FILTERS = (
    ["--name", "tiny", "--name", "a-name-of-more-*", "--exclude", "user=4242"], ["--exclude", "name=dash", "--exclude", "name=sh"],
    ["--name", "*-bytes", "--name", "forks", "--name", "copy", "--name", "memfd:*"], ["--user", "4242"],
    ["--user", "0", "--name", "t*", "--exclude", "name=thread_*"],
)


def shown(event):
    """What the two have to agree on."""
    return [action_of(event)] + [(path, dig(event, path)) for path in FIELDS[action_of(event)]]


def lives(events):
    """entity id: what happened to it, in the order of the numbers."""
    found = {}
    numbered = [event for event in events if action_of(event) in FIELDS]
    for event in sorted(numbered, key=lambda event: event["event"]["sequence"]):
        found.setdefault(dig(event, "process.entity_id"), []).append(shown(event))
    return found


def family(events, ancestor):
    """Entity ids of all that descend from `ancestor`, by the forks."""
    forks = sorted(stream_check.with_action(events, "process-forked"), key=lambda event: event["event"]["sequence"])
    found = {ancestor}
    for fork in forks:
        if dig(fork, "process.parent.entity_id") in found:
            found.add(dig(fork, "process.entity_id"))
    return found - {ancestor}


def may_differ(path, hidden):
    """Who a process has as its parent may not be this user's to look at; then the tracer says so."""
    return "process.parent.executable" in hidden and path in ("process.parent.executable", "process.parent.name", "muster.unavailable")


def differences(left, right):
    """Between two streams' lives, in words."""
    found = []
    for entity in sorted(set(left) | set(right)):
        ours, theirs = left.get(entity, []), right.get(entity, [])
        if [line[0] for line in ours] != [line[0] for line in theirs]:
            found.append(f"{entity}: watch {[line[0] for line in ours]}, trace {[line[0] for line in theirs]}: {(ours or theirs)[-1]}")
            continue
        for one, other in zip(ours, theirs):
            hidden = dict(other[1:]).get("muster.unavailable") or []
            found += [f"{entity} {one[0]} {mine[0]}: watch {str(mine[1])[:200]}, trace {str(its[1])[:200]}"
                      for mine, its in zip(one[1:], other[1:]) if mine != its and not may_differ(mine[0], hidden)]
    return found


class OracleTest(LiveTest):
    def run_both(self, *prefix):
        """The workload under both; returns their streams and the tracer's identity."""
        output = os.path.join(self.folder, "trace.ndjson")
        work = os.path.join(self.folder, "work")
        os.mkdir(work)
        os.chmod(work, 0o777)
        pathlib.Path(output).touch()
        os.chmod(output, 0o666)
        word = token("both")
        with Sensor("--forks", "--no-baseline", "--buffer", "64M") as sensor:
            tracer = subprocess.run([*prefix, MUSTER, "trace", "--forks", "--format", "ndjson", "--output", output, "--",
                                     PYTHON, "-c", WORKLOAD, TINY, os.path.dirname(TINY), word, work],
                                    check=False, timeout=120, stdin=subprocess.DEVNULL, capture_output=True)
            self.assertEqual((tracer.returncode, tracer.stderr), (0, b""))
            subprocess.run([TINY, word + "-end"], check=False)
            sensor.wait_exited(sensor.wait_started(word + "-end"))
            sensor.stop()
        self.assert_whole(sensor)
        self.assert_no_loss(sensor.events)
        events, problems = stream_check.parse_lines(pathlib.Path(output).read_bytes())
        self.assert_no_problems(problems + stream_check.check_stream(events))
        self.assert_no_loss(events)
        return sensor.events, events

    def compare(self, *prefix):
        watched, traced = self.run_both(*prefix)
        roots = {dig(event, "process.parent.entity_id") for event in traced if action_of(event) in FIELDS and event["event"]["sequence"] == 1}
        self.assertEqual(len(roots), 1)
        of_both = family(watched, roots.pop())
        left = {entity: life for entity, life in lives(watched).items() if entity in of_both}
        right = lives(traced)
        self.assertGreater(len(right), 400)
        self.assert_no_problems(differences(left, right))
        return left, right

    def test_they_agree_as_root(self):
        left, right = self.compare()
        self.assert_sees_planted(left, right)

    def test_they_agree_without_privilege(self):
        self.compare("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps", "-all")

    def trace_filtered(self, number, filters, word):
        """Runs the workload under the tracer; returns its events."""
        output, work = (os.path.join(self.folder, f"{name}-{number}") for name in ("trace", "work"))
        os.mkdir(work)
        subprocess.run([MUSTER, "trace", "--forks", "--format", "ndjson", "--output", output, *filters, "--", "/bin/sh", "-c", FILTER_WORKLOAD, "sh",
                        TINY, os.path.dirname(TINY), word, work], check=True, timeout=120, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        events, problems = stream_check.parse_lines(pathlib.Path(output).read_bytes())
        self.assert_no_problems(problems + stream_check.check_stream(events))
        return events

    def test_they_leave_out_the_same(self):
        """Under each filter both let the same pass; what is left out is what a watch without filters has more."""
        runs = []
        with Sensor("--forks", "--no-baseline", "--buffer", "64M") as everything:
            for number, filters in enumerate(FILTERS):
                word = token("filter")
                with FilterSensor("--forks", "--no-baseline", *filters) as sensor:
                    traced = self.trace_filtered(number, filters, word)
                    sensor.stop()
                    self.assert_whole(sensor)
                runs.append((filters, word, sensor.events, traced))
            everything.stop()
        self.assert_no_loss(everything.events)
        for filters, word, watched, traced in runs:
            with self.subTest(filters=filters):
                self.compare_filtered(everything.events, word, watched, traced)

    def compare_filtered(self, everything, word, watched, traced):
        tracer, = {dig(event, "process.entity_id") for event in stream_check.with_action(everything, "process-started")
                   if word in dig(event, "process.args") and dig(event, "process.executable") == MUSTER}
        of_both = family(everything, tracer)
        left = {entity: life for entity, life in lives(watched).items() if entity in of_both}
        right = lives(traced)
        self.assert_no_problems(differences(left, right))
        self.assertGreater(len(right), 0, "a filter that nothing passes shows nothing")
        produced = sum(len(life) for entity, life in lives(everything).items() if entity in of_both)
        passed = sum(len(life) for life in right.values())
        self.assertGreater(produced, passed)
        self.assertEqual(dig(traced[-1], "muster.ledger.filtered"), produced - passed)

    def assert_sees_planted(self, left, right):
        """One event less, or one field otherwise, is found out."""
        entity = next(iter(right))
        fewer = copy.deepcopy(right)
        fewer[entity].pop()
        self.assert_found_out(differences(left, fewer), "an event is missing")
        other = copy.deepcopy(right)
        other[entity][-1][1] = ("process.pid", 1)
        self.assert_found_out(differences(left, other), "a pid is wrong")
        del other[entity]
        self.assert_found_out(differences(left, other), "a process is missing")


if __name__ == "__main__":
    unittest.main()
