# SPDX-License-Identifier: Apache-2.0
"""What has to hold where starts and exits were lost, and were concluded: the workload that falls into the hole knows when it did what, and
/proc who lives. Shares nothing with the product."""

import os
import subprocess
import time

import stream_check
from sensor import entity_of
from stream_check import action_of, dig, with_action

SLEEP = "/usr/bin/sleep"
CLOCK_SLACK_NS = 20_000_000  # of @timestamp's offset, which follows the clock only where that is set


class Life:
    """A process that sleeps until it is told to end."""

    def __init__(self):
        self.started_after_ns = time.time_ns()
        self.process = subprocess.Popen([SLEEP, "1000"])  # returns when it has exec'ed
        self.started_before_ns = time.time_ns()
        self.pid = self.process.pid
        self.entity = entity_of(self.pid)
        self.ended_after_ns = self.ended_before_ns = None

    def end(self):
        if self.process.poll() is None:
            self.ended_after_ns = time.time_ns()
            self.process.kill()
            self.process.wait()
            self.ended_before_ns = time.time_ns()


class ExecedLife(Life):
    """One that waits as one program, and goes on as another."""

    def __init__(self):
        super().__init__()
        self.process.kill()
        self.process.wait()
        self.process = subprocess.Popen(["/bin/sh", "-c", "read line; exec sleep 1000"], stdin=subprocess.PIPE)
        self.pid = self.process.pid
        self.entity = entity_of(self.pid)

    def go_on(self):
        self.started_after_ns = time.time_ns()
        self.process.stdin.write(b"\n")
        self.process.stdin.close()
        while os.readlink(f"/proc/{self.pid}/exe") != os.path.realpath(SLEEP):
            time.sleep(0.001)
        self.started_before_ns = time.time_ns()


def is_concluded(event):
    return bool(dig(event, "muster.synthetic"))


def of(events, entity, action):
    return [event for event in events if dig(event, "process.entity_id") == entity and action_of(event) == action]


def check_window(event, after_ns, before_ns):
    begin, end = stream_check.time_ns(event, "event.start"), stream_check.time_ns(event, "event.end")
    if begin is None or end is None or begin > end:
        return [f"no window: {event}"]
    if begin > before_ns + CLOCK_SLACK_NS or end < after_ns - CLOCK_SLACK_NS:
        return [f"it happened between {after_ns} and {before_ns}, and the window is {begin} to {end}"]
    return []


def check_concluded(events, entity, action, after_ns, before_ns):
    """Exactly one event tells of it, and that was concluded, with a window that has the true time."""
    told = [event for event in of(events, entity, action) if is_concluded(event)]
    if len(told) != 1:
        return [f"{entity} has {len(told)} concluded {action}"]
    problems = check_window(told[0], after_ns, before_ns)
    if dig(told[0], "event.sequence") is not None:
        problems.append(f"it has a number: {told[0]}")
    if action == "process-exited" and (dig(told[0], "process.exit_code") is not None or dig(told[0], "process.end") is not None):
        problems.append(f"nobody saw that: {told[0]}")
    return problems


def check_invented(events, alive):
    """Over all processes of this machine: each concluded start is of one that has no other, each concluded exit of one that began, is
    not alive, and has no other; and nothing comes behind an exit."""
    problems = []
    ended = set()
    starts = {}
    for event in events:
        entity, action = dig(event, "process.entity_id"), action_of(event)
        if entity is None or action not in ("process-started", "process-forked", "process-running", "process-exited"):
            continue
        if entity in ended:
            problems.append(f"behind its exit: {event}")
        if action == "process-exited":
            if is_concluded(event) and entity not in starts:
                problems.append(f"an exit of nobody was concluded: {event}")
            if is_concluded(event) and entity in alive:
                problems.append(f"it lives: {event}")
            ended.add(entity)
            continue
        image = (dig(event, "muster.executable.inode"), dig(event, "muster.executable.device"))
        if is_concluded(event) and action == "process-started" and starts.get(entity) == image:
            problems.append(f"its start was told already: {event}")
        starts[entity] = image
    for event in with_action(events, "process-started"):
        entity = dig(event, "process.entity_id")
        if is_concluded(event) and entity not in alive and not of(events, entity, "process-exited"):
            problems.append(f"neither alive nor ended: {event}")
    return problems
