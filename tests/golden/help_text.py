# SPDX-License-Identifier: Apache-2.0
"""What the program says of itself, read for the tests of what describes it: manual pages and completions. It shares no
code with tools/update-completion.

    verbs()         their names
    options(verb)   {(short, long, word for the value)}, each None where there is none; of '' those before any verb
"""

import functools
import os
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MUSTER = os.environ.get("MUSTER", str(ROOT / "build/muster"))
WINDOWS_VERBS = ("driver",)  # their help is that of tests/golden/windows


def said(*arguments):
    return subprocess.run([MUSTER, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)


@functools.lru_cache(maxsize=None)
def help_of(verb):
    if verb in WINDOWS_VERBS:
        return (HERE / f"windows/windows-help-{verb}.txt").read_text(encoding="utf-8")
    done = said(*([verb] if verb else []), "--help")
    if done.returncode != 0:
        raise AssertionError(f"muster {verb} --help ended with {done.returncode}: {done.stderr}")
    return done.stdout


def verbs():
    lines = help_of("").splitlines()
    begin = lines.index("Verbs:") + 1
    return [line.split()[0] for line in lines[begin:lines.index("", begin)]]


def option_in(line):
    """A line of help that begins with options: `  -f, --format FORMAT   text`. A word in capitals behind one space is the value's."""
    names, rest = [], line.lstrip()
    while rest.startswith("-"):
        name, _, rest = rest.partition(" ")
        names.append(name.rstrip(","))
    if not names:
        return None
    value = rest.split(" ")[0] if rest[:1].strip() else ""
    return (next((name for name in names if name[1] != "-"), None), next((name for name in names if name[1] == "-"), None),
            value if value and re.fullmatch(r"[A-Z][A-Z_=]*", value) else None)


def options(verb):
    found = {option_in(line) for line in help_of(verb).splitlines() if line.startswith("  ")} - {None}
    if not found:
        raise AssertionError(f"no options in the help of '{verb}'")
    return found


def values_named(verb, option):
    """What the program says that an option can be, when it is given nothing."""
    return re.split(r", | or ", said(verb, option, "").stderr.splitlines()[0].split("'': ")[1])


@functools.lru_cache(maxsize=None)
def takes(verb, option, value):
    """Whether it takes this value: then it is the next option that is wrong. None where it takes nothing from a command line
    that is wrong."""
    return "'--frobnicate'" in said(verb, option, value, "--frobnicate").stderr
