# SPDX-License-Identifier: Apache-2.0
"""Looks through a kernel's log, as it comes out of its console, for what a sensor must never cause.

kernel-log.allow has what is known and no fault of ours, one regular expression a line.
"""

import pathlib
import re

ALLOW_PATH = pathlib.Path(__file__).with_name("kernel-log.allow")
CONTEXT_LINES = 25  # a trace is worth showing

# Words that stand in the line itself, in this case. "verifier" and "bpf" are in no line of a boot.
SUSPICIOUS = re.compile(
    r"WARNING\b|\bBUG\b|\bOops\b|[Kk]ernel panic|general protection fault|Call Trace:|"
    r"(?i:lockup|hung task|blocked for more than|rcu\w*:.*(?:stall|starved|kthread)|verifier|\bkasan\b|\bkcsan\b|ubsan|"
    r"segfault|out of memory|oom-kill|unable to handle|soft_?lock|deadlock|scheduling while atomic|"
    r"sleeping function called|refcount_t|list_(?:add|del) corruption|page allocation failure|bad page|leaked)")


def read_allow(text):
    lines = (line.strip() for line in text.splitlines())
    return [re.compile(line) for line in lines if line and not line.startswith("#")]


def find_suspicious(log, allow):
    """Numbers of lines, from 0."""
    return [number for number, line in enumerate(log)
            if SUSPICIOUS.search(line) and not any(known.search(line) for known in allow)]


def with_context(log, numbers):
    """Those lines and what follows each, none twice."""
    shown = sorted({line for number in numbers for line in range(number, min(number + CONTEXT_LINES, len(log)))})
    return [log[number] for number in shown]


def scan(data):
    """What is wrong with this log, in lines to show; none where all is well."""
    log = data.decode("utf-8", "replace").replace("\r", "").splitlines()
    if not any("Linux version" in line for line in log):
        return ["this is no kernel's log: it has no line with its version", *log[:CONTEXT_LINES]]
    return with_context(log, find_suspicious(log, read_allow(ALLOW_PATH.read_text(encoding="utf-8"))))
