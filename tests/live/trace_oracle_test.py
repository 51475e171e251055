# SPDX-License-Identifier: Apache-2.0
"""`muster watch` (BPF) and `muster trace` (ptrace) over the same processes: two sources that share no code say the
same, event by event."""

import copy
import os
import pathlib
import subprocess
import unittest

import stream_check
from cgroups import Cgroups
from filters_test import FilterSensor
from sensor import LiveTest, MUSTER, Sensor, TINY, probe, token
from stream_check import action_of, dig

PYTHON = "/usr/bin/python3"  # that of the system: everybody may run it
COMPARED = ("process-forked", "process-started", "process-exited")

# All fields of these events are compared but the following, which are of the source or a moment of its own.
DIFFER = {
    "@timestamp": "the tracer's is when it was woken",
    "event.sequence": "each source numbers what it sees",
    "event.provider": "ebpf and ptrace",
    "agent.ephemeral_id": "each has an epoch of its own",
    "process.end": "as @timestamp",
    "event.duration": "as @timestamp and process.start",
    **dict.fromkeys(("muster.usage.user_ns", "muster.usage.system_ns", "muster.usage.peak_rss_bytes"), "the BPF programs do not tell them"),
}
# And these, in which they may be as far apart as this says.
TICK_NS = 10_000_000
NEAR = {
    "process.start": TICK_NS,  # /proc has ticks
    "process.parent.start": TICK_NS,
}
CGROUPS = ("one", "one/docker-" + "0a" * 32 + ".scope/below", "n" * 255, "/".join(["deep"] * 30))

# These the tracer may lack.
MAY_LACK = {
    ("process-forked", "process.thread.id"): "the child may be met before who forked it",
    ("process-exited", "process.thread.id"): "which thread ends last is not seen",
}

ROOT_TELLS = (
    "process.group_leader.pid", "process.tty.char_device.major", "process.tty.char_device.minor", "process.thread.capabilities.effective",
    "process.thread.capabilities.permitted", "process.vpid", "muster.login_user.id", "muster.cgroup.id", "muster.cgroup.path",
    "muster.namespace.pid", "muster.namespace.mount", "muster.executable.inode", "muster.executable.device", "muster.executable.mtime",
    "muster.script", "muster.interpreter", "muster.image", "muster.truncated.process.args", "muster.raw.process.args_b64", "muster.exit.signal")

# What is run. It is the traced command itself, so all that happens in it is the workload.
WORKLOAD = r"""
import fcntl, os, pty, shutil, subprocess, sys, termios

tiny, probes, word, folder, *cgroups = sys.argv[1:]

def run(*arguments, **options):
    return subprocess.run(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, **options).returncode

def write(path, text):
    with open(path, "w") as file:
        file.write(text)

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
run(tiny, word, preexec_fn=lambda: os.setpgid(0, 0))
terminal, name = pty.openpty()
run(tiny, word, start_new_session=True, preexec_fn=lambda: fcntl.ioctl(name, termios.TIOCSCTTY, 0))
for moment in ("1901-02-03", "2400-02-03 04:05:06.789012345", "2555-01-01"):
    image = shutil.copy(tiny, f"{folder}/from-{moment[:4]}")
    run("touch", "-d", moment, image)
    run(image, word)
run("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount", tiny, word)
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
    run("setpriv", "--reuid", "4242", "--clear-groups", "--inh-caps", "+net_raw,+kill", "--ambient-caps", "+net_raw,+kill", tiny, word)
    run("unshare", "--pid", "--fork", "--mount", "/bin/sh", "-c", f"{tiny} {word}; exit 0")
    run(tiny, word, preexec_fn=lambda: write("/proc/self/loginuid", "4545"))
    for cgroup in cgroups:
        run(tiny, word, preexec_fn=lambda: write(f"{cgroup}/cgroup.procs", "0"))
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


def flat(value, path=""):
    """{dotted path: value} of all that is no object."""
    if not isinstance(value, dict):
        return {path: value}
    return {key: inner for name, child in value.items() for key, inner in flat(child, f"{path}.{name}" if path else name).items()}


def shown(event):
    """What the two have to agree on."""
    return {path: value for path, value in flat(event).items() if path not in DIFFER}


def lives(events):
    """entity id: what happened to it, in the order of the numbers."""
    found = {}
    numbered = [event for event in events if action_of(event) in COMPARED]
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


def is_hidden(path, hidden):
    """Whether the tracer says that it could not have it: who a process has as its parent may not be this user's to look at."""
    return path == "muster.unavailable" or path in hidden or (path == "process.parent.name" and "process.parent.executable" in hidden)


def is_lacking(event, path, value):
    return value is None and (event["event.action"], path) in MAY_LACK


def is_near(path, one, other):
    if path not in NEAR or one is None or other is None:
        return one == other
    values = [value if isinstance(value, int) else stream_check.time_ns({"at": value}, "at") for value in (one, other)]
    return abs(values[0] - values[1]) < NEAR[path]


def actions(life):
    return [event["event.action"] for event in life]


def differences(left, right):
    """Between two streams' lives, in words."""
    found = []
    for entity in sorted(set(left) | set(right)):
        ours, theirs = left.get(entity, []), right.get(entity, [])
        if actions(ours) != actions(theirs):
            found.append(f"{entity}: watch {actions(ours)}, trace {actions(theirs)}: {(ours or theirs)[-1]}")
            continue
        for one, other in zip(ours, theirs):
            hidden = other.get("muster.unavailable") or []
            found += [f"{entity} {one['event.action']} {path}: watch {str(one.get(path))[:200]}, trace {str(other.get(path))[:200]}"
                      for path in sorted(set(one) | set(other))
                      if not is_near(path, one.get(path), other.get(path)) and not is_hidden(path, hidden)
                      and not is_lacking(other, path, other.get(path))]
    return found


class OracleTest(LiveTest):
    def run_both(self, max_args, *prefix):
        """The workload under both; returns their streams and the tracer's identity."""
        output = os.path.join(self.folder, "trace.ndjson")
        work = os.path.join(self.folder, "work")
        os.mkdir(work)
        os.chmod(work, 0o777)
        pathlib.Path(output).touch()
        os.chmod(output, 0o666)
        word = token("both")
        cgroups = Cgroups(CGROUPS, self.addCleanup)
        with Sensor("--forks", "--no-baseline", "--buffer", "64M", "--max-args", max_args) as sensor:
            tracer = subprocess.run([*prefix, MUSTER, "trace", "--forks", "--max-args", max_args, "--format", "ndjson", "--output", output, "--",
                                     PYTHON, "-c", WORKLOAD, TINY, os.path.dirname(TINY), word, work, *map(cgroups.folder, CGROUPS)],
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

    def compare(self, *options):
        watched, traced = self.run_both(*options)
        roots = {dig(event, "process.parent.entity_id") for event in traced if action_of(event) in COMPARED and event["event"]["sequence"] == 1}
        self.assertEqual(len(roots), 1)
        of_both = family(watched, roots.pop())
        left = {entity: life for entity, life in lives(watched).items() if entity in of_both}
        right = lives(traced)
        self.assertGreater(len(right), 400)
        self.assert_no_problems(differences(left, right))
        return left, right

    def test_they_agree_as_root(self):
        left, right = self.compare("128K")
        told = {path for life in right.values() for event in life for path in event}
        self.assertLessEqual(set(ROOT_TELLS), told, "the workload has to have all that a process can have")
        self.assertGreater(len({event.get("muster.cgroup.id") for life in right.values() for event in life}), len(CGROUPS))
        self.assert_sees_planted(left, right)

    def test_they_agree_without_privilege(self):
        self.compare("5001", "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps", "-all")

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
        other[entity][-1]["process.pid"] = 1
        self.assert_found_out(differences(left, other), "a pid is wrong")
        del other[entity]
        self.assert_found_out(differences(left, other), "a process is missing")


if __name__ == "__main__":
    unittest.main()
