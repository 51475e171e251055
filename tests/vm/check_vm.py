#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make check-vm`: the live tests on Debian's kernels, each in a virtual machine of its own.

    tests/vm/check_vm.py [--build FOLDER] [--kernel LINE]... [--filter TEXT] [--no-planted]

Needs no root: the guest has its own. QEMU emulates the processor (TCG), so the tests are scaled down
by MUSTER_TEST_SCALE and get the patience of MUSTER_TEST_PATIENCE (see tests/live/sensor.py). What the
guest says is shown as it comes; its kernel's log is looked through when it is done, and counts as
one test. First of all a guest has a test that fails and a warning in its log, and both have to be
told. The last line is `N passed, N failed, N skipped` over all kernels; 1 where anything failed.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

import kernel_log
import vm_image
import vm_kernels

KERNELS = ("6.1", "6.12")
# 6.1 does not bring up a second processor where time is counted in instructions (it waits in a loop
# for the other, which is not run then).
ONE_PROCESSOR = ("6.1",)
SCALE = "0.05"
PATIENCE = "3"
MODULE_S = 900
GUEST_S = 3600  # of this machine, which may be busy; the guest has time-outs of its own
PLANTED_S = 300
SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")
JOB_ENDED = re.compile(r"^guest: job ended with (\d+)$")
PLANTED_WARNING = "WARNING: planted by check_vm.py"

# loglevel=8: all of the kernel's log goes to its console, and is there even after a crash.
# The watchdogs are patient, because this machine may not run an emulated processor for a while.
COMMAND_LINE = ("console=ttyS0 loglevel=8 printk.devkmsg=on panic=-1 no_timer_check watchdog_thresh=60 "
                "rcupdate.rcu_cpu_stall_timeout=100 hung_task_panic=0")

LIVE_JOB = f"""#!/bin/sh
cd {vm_image.TREE} || exit 1
export MUSTER_TEST_SCALE={{scale}} MUSTER_TEST_PATIENCE={{patience}} CI={{ci}}
build/muster doctor
exec python3 tests/run_tests.py --timeout {MODULE_S} {{filter}} tests/live
"""
PLANTED_JOB = f"""#!/bin/sh
cd {vm_image.TREE} || exit 1
echo '{PLANTED_WARNING}' >/dev/kmsg
exec python3 tests/run_tests.py tests/vm/planted
"""


class Guest:
    """One boot: what it said, and what its kernel's log says."""

    def __init__(self):
        self.lines = []
        self.log = b""
        self.counts = (0, 0, 0)
        self.status = None   # of the job; None where it has not ended
        self.seconds = 0.0

    def take_line(self, line):
        self.lines.append(line)
        summary, ended = SUMMARY.match(line), JOB_ENDED.match(line)
        if summary:
            self.counts = tuple(map(int, summary.groups()))
        if ended:
            self.status = int(ended.group(1))

    def problems(self):
        """Of the run itself, where its own counts do not tell."""
        if self.status is None:
            return ["the guest did not come to its end: " + " | ".join(self.lines[-3:])]
        if sum(self.counts) == 0:
            return ["no tests ran"]
        if self.status != 0 and self.counts[1] == 0:
            return [f"the tests ended with {self.status}, though none failed"]
        return []


def qemu_command(kernel, initramfs, log_path):
    """Time in the guest is counted in its instructions (2^3 ns each), and goes on at once where it only
    waits: no time-out depends on how busy this machine is, and waiting costs nothing."""
    processors = "1" if kernel.line in ONE_PROCESSOR else "2"
    return ["nice", "-n", "10", "qemu-system-x86_64", "-machine", "pc,accel=tcg", "-icount", "shift=3,sleep=off", "-rtc", "clock=vm",
            "-smp", processors, "-m", "1536", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-kernel", kernel.image, "-initrd", initramfs, "-append", COMMAND_LINE, "-serial", f"file:{log_path}", "-serial", "stdio"]


def run_guest(kernel, base, job, timeout_s, show):
    guest = Guest()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="muster-vm-") as folder:
        initramfs, log_path = pathlib.Path(folder, "initramfs"), pathlib.Path(folder, "kernel.log")
        initramfs.write_bytes(base + vm_image.job_image(kernel, job))
        log_path.touch()
        process = subprocess.Popen(qemu_command(kernel, initramfs, log_path), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        timer = threading.Timer(timeout_s, process.kill)
        timer.start()
        try:
            for line in process.stdout:
                guest.take_line(line.decode("utf-8", "replace").rstrip("\r\n"))
                show(guest.lines[-1])
            process.wait()
        finally:
            timer.cancel()
            process.kill()
            process.wait()
        guest.log = log_path.read_bytes()
    guest.seconds = time.monotonic() - begin
    return guest


def show_line(line):
    # Only the end has a summary of its own.
    if not SUMMARY.match(line) and not JOB_ENDED.match(line):
        print(f"  {line}", flush=True)


def show_failure(name, lines):
    print(f"    FAIL {name}")
    for line in lines:
        print(f"         | {line}")
    sys.stdout.flush()


def judge(guest, kernel):
    """Its counts, with its end and its kernel's log."""
    passed, failed, skipped = guest.counts
    problems = guest.problems()
    if problems:
        failed += 1
        show_failure("the guest", problems)
    found = kernel_log.scan(guest.log)
    if guest.status is None:
        found = found or guest.log.decode("utf-8", "replace").splitlines()[-kernel_log.CONTEXT_LINES:]
    if found:
        show_failure("the kernel's log", found)
    else:
        print(f"    ok   the kernel's log: {len(guest.log.splitlines())} lines, no warning")
    failed += bool(found)
    passed += not found
    print(f"  {kernel.release}: {passed} passed, {failed} failed, {skipped} skipped in {guest.seconds:.0f} s", flush=True)
    return passed, failed, skipped


def check_planted(kernel, base):
    """Whoever says that all is well has to be able to say that something is not."""
    guest = run_guest(kernel, base, PLANTED_JOB, PLANTED_S, lambda line: None)
    problems = guest.problems()
    if guest.counts != (1, 1, 0) or guest.status != 1:
        problems.append(f"a wrong test was not told: {guest.counts}, status {guest.status}")
    if not any(PLANTED_WARNING in line for line in kernel_log.scan(guest.log)):
        problems.append("a warning in the kernel's log was not told")
    if problems:
        show_failure("what is planted is found", problems + guest.lines[-20:])
        print(guest.log.decode("utf-8", "replace")[-4000:])
    else:
        print(f"  what is planted is found: a wrong test, a warning in the log ({guest.seconds:.0f} s)", flush=True)
    return (not problems, bool(problems), 0)


def live_job(options):
    environment = os.environ.get
    return LIVE_JOB.format(scale=environment("MUSTER_TEST_SCALE", SCALE), patience=environment("MUSTER_TEST_PATIENCE", PATIENCE),
                           ci=environment("CI", ""), filter=f"--filter '{options.filter}'" if options.filter else "")


def folder(text):
    return pathlib.Path(text).resolve()


def parse_arguments():
    parser = argparse.ArgumentParser(prog="check_vm.py", description="Runs the live tests on other kernels.")
    parser.add_argument("--build", type=folder, default=vm_image.ROOT / "build", metavar="FOLDER")
    parser.add_argument("--kernel", action="append", metavar="LINE", help=f"instead of {' and '.join(KERNELS)}")
    parser.add_argument("--filter", metavar="TEXT", help="only modules and tests with TEXT in their name")
    parser.add_argument("--no-planted", action="store_true", help="without the guest in which something is wrong")
    return parser.parse_args()


def main():
    options = parse_arguments()
    vm_image.program_path("qemu-system-x86_64")
    try:
        kernels = [vm_kernels.get_kernel(line, options.build / "vm") for line in options.kernel or KERNELS]
    except vm_kernels.NoKernel as error:
        sys.exit(f"check-vm: {error}")
    base = vm_image.base_image(options.build)
    results = [] if options.no_planted else [check_planted(kernels[0], base)]
    for kernel in kernels:
        print(f"  {kernel.release}", flush=True)
        results.append(judge(run_guest(kernel, base, live_job(options), GUEST_S, show_line), kernel))
    passed, failed, skipped = (sum(column) for column in zip(*results))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
