#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The simulator can fail: a bug that is planted in a copy of one file of the product, built under build/planted, is found
within so many seeds. None of it is built where the product is. Under MUSTER_DEEP=1 all of them, else a few.

    tests/simulator/planted_test.py --table [NAME]...    all (or those): the seed that found each
"""

import os
import pathlib
import re
import subprocess
import sys
import unittest

from planted_bugs import BUGS

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAIN = ROOT / "build/plain"
PLANTED = ROOT / "build/planted/simulator"
CC = os.environ.get("CC", "gcc")
FLAGS = ["-std=c11", "-D_GNU_SOURCE", '-DMUSTER_VERSION="0"', "-O1", "-g", "-w"]
WRAPS = ["pump_queue_open", "pump_sink_open", "pump_close", "capture_run", "capture_finish", "journal_commit"]
SEEDS = 30000
FEW = ["number_before_its_bound", "woken_before_the_record_is_there", "given_back_and_not_rewound", "acknowledged_before_flushed",
       "gap_not_taken_and_not_given_back", "short_write_taken_for_whole"]


def planted_text(name):
    path, *pairs = BUGS[name]
    text = (ROOT / path).read_text(encoding="utf-8")
    for what, instead in zip(pairs[::2], pairs[1::2], strict=True):
        if text.count(what) != 1:
            raise AssertionError(f"{name}: {path} has {what!r} {text.count(what)} times: plant it anew")
        text = text.replace(what, instead)
    return path, text


def planted_object(name):
    """A header is compiled with the one file that stands on it."""
    path, text = planted_text(name)
    copy = PLANTED / name / path
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(text, encoding="utf-8")
    source = copy if path.endswith(".c") else ROOT / "tests/simulator/sim_kernel.c"
    points = ["-include", "tests/simulator/sim_points.h"] if path.endswith(".c") else ["-isystem", "tests/simulator/few_bpf"]
    result = PLANTED / name / "planted.o"
    subprocess.run([CC, *FLAGS, *points, "-iquote", PLANTED / name, "-iquote", (ROOT / path).parent, "-I", ".", "-Iinclude",
                    "-c", source, "-o", result], cwd=ROOT, check=True, timeout=120)
    if path.startswith("agent/"):
        subprocess.run(["objcopy", "--rename-section", ".bss=agent_statics", result], check=True, timeout=60)
    return result


def planted_simulator(name):
    """The planted file comes first, so that of the archive its twin is not taken."""
    program = PLANTED / name / "simulator"
    subprocess.run([CC, "-g", *[f"-Wl,--wrap={wrap}" for wrap in WRAPS], planted_object(name), PLAIN / "libsimulated.a",
                    "-o", program], check=True, timeout=120)
    return program


def search(name, seeds=SEEDS):
    """(seed that found it or None, what it said)"""
    done = subprocess.run([planted_simulator(name), "--from", "1", "--count", str(seeds)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", timeout=600, check=False)
    found = re.search(r"^seed (\d+): (.*)$", done.stdout, re.MULTILINE)
    if done.returncode == 0 or not found or "\nreplay: " not in done.stdout:
        return None, f"exit status {done.returncode}: {done.stdout[-300:]}{done.stderr[-300:]}"
    return int(found.group(1)), found.group(2)


class PlantedTest(unittest.TestCase):
    def test_they_are_found(self):
        for name in BUGS if os.environ.get("MUSTER_DEEP") == "1" else FEW:
            with self.subTest(bug=name):
                seed, said = search(name)
                self.assertIsNotNone(seed, f"{name} is not found: {said}")

    def test_each_can_be_planted(self):
        for name in BUGS:
            planted_text(name)
        self.assertGreaterEqual(len(BUGS), 100)


def table(names):
    missing = 0
    for name in names or BUGS:
        seed, said = search(name)
        missing += seed is None
        print(f"{name:40} {'NOT FOUND' if seed is None else seed:>9}  {said[:120]}", flush=True)
    return 1 if missing else 0


if __name__ == "__main__":
    if "--table" in sys.argv:
        sys.exit(table(sys.argv[sys.argv.index("--table") + 1:]))
    unittest.main()
