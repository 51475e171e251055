#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The one runner of `make check`.

    tests/run_tests.py [--filter TEXT] [--unit] [--live] [--timeout SECONDS] [--jobs N] PATH...

A PATH is a C test program (cmocka; it is run with CMOCKA_MESSAGE_OUTPUT=TAP), a Python unittest
module, or a folder, of which every *_test.py is taken. --unit takes only the C programs of what is
named, --live only the modules; --filter only programs and modules with TEXT in their name, and of
the other modules the tests with TEXT in theirs. --jobs run side by side (as many as there are
processors, unless said); then, one after the other, the modules that say that they need the machine
for themselves, by a line `RUNS_ALONE = "why"`.

Each program has a line; what failed is shown in full, and with V=1 everything is. A crash, a time-out, a
program without tests, and one that ends before all its tests have run are failures. The last line
is always `N passed, N failed, N skipped`; the exit status is 1 if anything failed or nothing ran.

Under CI=true a skipped test is a failure, unless its reason begins with "may skip:".
"""

import argparse
import concurrent.futures
import importlib.util
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import traceback
import unittest

UNIT_TIMEOUT_S = 300
MODULE_TIMEOUT_S = 240
MAY_SKIP = "may skip:"
RESULT_LINE = re.compile(r"^(ok|not ok)\b\s*\d*\s*(?:-\s)?(.*?)(?:\s*#\s*SKIP\b\s*(.*))?$", re.IGNORECASE)
PLAN_LINE = re.compile(r"^1\.\.(\d+)\s*$")
ALONE_LINE = re.compile(r'^RUNS_ALONE = ".+"', re.MULTILINE)


class Outcome:
    """What a program's TAP output and its end say."""

    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []  # (name, reason)
        self.planned = 0
        self.plans = 0

    def count(self):
        return self.passed + len(self.failed) + len(self.skipped)

    def take_line(self, line):
        plan = PLAN_LINE.match(line)
        if plan:
            self.plans += 1
            self.planned += int(plan.group(1))
            return
        result = RESULT_LINE.match(line)
        if result:
            self.take_result(*result.groups())

    def take_result(self, verdict, name, skip):
        if skip is not None:
            # cmocka has the test's name where others have the reason.
            self.skipped.append((name, skip) if name else (skip, "no reason given"))
        elif verdict.lower() == "ok":
            self.passed += 1
        else:
            self.failed.append(name)

    def take_end(self, status, timed_out_after):
        if timed_out_after is not None:
            self.failed.append(f"not done after {timed_out_after:.0f} s, killed")
        elif status < 0:
            self.failed.append(f"killed by {signal.Signals(-status).name}")
        elif self.count() == 0 and not (self.plans and self.planned == 0 and status == 0):
            self.failed.append(f"no tests in it (exit status {status})")
        elif self.plans == 0 or self.count() < self.planned:
            self.failed.append(f"ended after {self.count()} of {self.planned} tests (exit status {status})")
        elif status != 0 and not self.failed:
            self.failed.append(f"exit status {status}, though no test failed")

    def take_strict_skips(self):
        """In CI a test that matters must not skip."""
        for name, reason in self.skipped:
            if not reason.startswith(MAY_SKIP):
                self.failed.append(f"{name}: skipped under CI: {reason}")
        self.skipped = [skip for skip in self.skipped if skip[1].startswith(MAY_SKIP)]


def run_program(command, timeout_s):
    """Runs in a process group of its own; returns (output, status, seconds after which it was killed or None)."""
    environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", PYTHONDONTWRITEBYTECODE="1")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               env=environment, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=timeout_s)
        return output, process.returncode, None
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return output, process.returncode, timeout_s


def judge(output, status, timed_out_after):
    outcome = Outcome()
    for line in output.decode("utf-8", "replace").splitlines():
        outcome.take_line(line)
    outcome.take_end(status, timed_out_after)
    if os.environ.get("CI") == "true":
        outcome.take_strict_skips()
    return outcome


def report(name, outcome, output, seconds):
    verdict = "FAIL" if outcome.failed else "ok"
    print(f"  {verdict:4} {name}: {outcome.count()} tests, {seconds:.1f} s")
    for test, reason in outcome.skipped:
        print(f"       SKIP {test}: {reason}")
    if outcome.failed or os.environ.get("V"):
        for line in output.decode("utf-8", "replace").splitlines():
            print(f"       | {line}")
    for failure in outcome.failed:
        print(f"       FAILED {failure}")
    sys.stdout.flush()


# ---- Python modules: run in a process of their own, which speaks TAP as well --------------------------


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.number = 0
        self.bad_subtests = False

    def say(self, verdict, test, tail=""):
        self.number += 1
        print(f"{verdict} {self.number} - {test.id()}{tail}", flush=True)

    def explain(self, error):
        for line in "".join(traceback.format_exception(*error)).splitlines():
            print(f"# {line}", flush=True)

    def startTest(self, test):
        super().startTest(test)
        self.bad_subtests = False

    def addSuccess(self, test):
        if not self.bad_subtests:
            self.say("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say("not ok", test)
        self.explain(err)

    def addError(self, test, err):
        super().addError(test, err)
        self.say("not ok", test)
        self.explain(err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.bad_subtests = True
            self.say("not ok", subtest)
            self.explain(err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.say("ok", test, f" # SKIP {reason}")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.say("not ok", test, " (was expected to fail)")

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.say("ok", test)


def every_test(suite):
    for entry in suite:
        if isinstance(entry, unittest.TestSuite):
            yield from every_test(entry)
        else:
            yield entry


def run_module(path, text):
    """The child: loads one module, runs its tests, prints TAP."""
    sys.path.insert(0, str(path.parent))
    sys.dont_write_bytecode = True
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    if text and text not in path.stem:
        suite = unittest.TestSuite(test for test in every_test(suite) if text in test.id())
    result = TapResult()
    suite.run(result)
    print(f"1..{result.number}")
    return 0 if result.wasSuccessful() else 1


# ---- what to run -------------------------------------------------------------------------------


def expand(arguments):
    for argument in arguments:
        path = pathlib.Path(argument)
        if path.is_dir():
            yield from sorted(path.glob("*_test.py"))
        elif path.is_file():
            yield path
        else:
            sys.exit(f"run_tests.py: {argument}: no such test")


def command_of(path, text):
    if path.suffix != ".py":
        return [str(path.resolve())]
    command = [sys.executable, __file__, "--module", str(path)]
    return command + ["--filter", text] if text else command


def selected(path, options):
    is_module = path.suffix == ".py"
    if options.unit != options.live and is_module != options.live:
        return False
    return is_module or not options.filter or options.filter in path.name


def name_of(path):
    """With the flavour of what was built in several: build/asan/..."""
    parts = path.parts
    flavour = parts[parts.index("build") + 1] if "build" in parts[:-2] else ""
    return f"{path.name} ({flavour})" if flavour and path.suffix != ".py" else path.name


def run_one(path, options):
    """(outcome, output, seconds)"""
    default_s = MODULE_TIMEOUT_S if path.suffix == ".py" else UNIT_TIMEOUT_S
    begin = time.monotonic()
    output, status, killed = run_program(command_of(path, options.filter), options.timeout or default_s)
    return judge(output, status, killed), output, time.monotonic() - begin


def runs_alone(path):
    return path.suffix == ".py" and ALONE_LINE.search(path.read_text(encoding="utf-8")) is not None


def run_all(paths, options):
    """Outcomes, in the order of the paths, of those that run alone last; each is reported as soon as it and those
    before it are there."""
    paths = list(paths)
    alone = [path for path in paths if runs_alone(path)]
    together = [path for path in paths if path not in alone]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for group, run in ((together, pool.map), (alone, map)):
            for path, (outcome, output, seconds) in zip(group, run(lambda path: run_one(path, options), group)):
                if outcome.count() or outcome.failed:
                    report(name_of(path), outcome, output, seconds)
                yield outcome


def parse_arguments():
    parser = argparse.ArgumentParser(prog="run_tests.py", description="Runs tests and counts what came of them.")
    parser.add_argument("paths", nargs="*", metavar="PATH")
    parser.add_argument("--filter", metavar="TEXT", help="only programs, modules and tests with TEXT in their name")
    parser.add_argument("--unit", action="store_true", help="only the C programs")
    parser.add_argument("--live", action="store_true", help="only the Python modules")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="for each program")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="that run side by side")
    parser.add_argument("--module", type=pathlib.Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    # Whoever runs this in the background may have had these ignored; muster would keep to that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    options = parse_arguments()
    if options.module:
        return run_module(options.module, options.filter)
    outcomes = list(run_all((path for path in expand(options.paths) if selected(path, options)), options))
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(len(outcome.failed) for outcome in outcomes)
    skipped = sum(len(outcome.skipped) for outcome in outcomes)
    if passed + failed == 0:
        print("  nothing ran")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
