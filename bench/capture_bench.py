#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What capturing costs: the exec rate that a saturating storm keeps, the tool's CPU for each exec,
its memory, and what it lost. As root, on the real kernel; build first (`make all probes`).

Method: bench/README.md.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
MUSTER = ROOT / "build" / "muster"
PROBES = ROOT / "build" / "probes"
TICKS = os.sysconf("SC_CLK_TCK")


def storm(count, workers):
    done = subprocess.run([PROBES / "storm", "--count", str(count), "--workers", str(workers), "--image", PROBES / "tiny"],
                          check=True, capture_output=True, text=True)
    return json.loads(done.stdout)["execs_per_second"]


def cpu_seconds(pid):
    """User and system time of all threads so far; in ticks of 10 ms, so storms have to be long."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_beside_ring(pid):
    """KiB resident, less the mappings of BPF maps (the ring is mapped twice)."""
    total = 0
    counted = True
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"^[0-9a-f]+-[0-9a-f]+ ", line):
            counted = "bpf-map" not in line
        elif line.startswith("Rss:") and counted:
            total += int(line.split()[1])
    return total


class Tool:
    """A sensor that runs beside the storm."""

    def __init__(self, name, command, folder):
        self.name = name
        self.output = pathlib.Path(folder) / f"{name}.out"
        self.process = subprocess.Popen([part.replace("OUTPUT", str(self.output)) for part in command],
                                        stdout=open(self.output, "w"), stderr=subprocess.DEVNULL)
        self.wait_ready()

    def wait_ready(self):
        """Until something is written: execsnoop fills a buffer first, so many processes are shown to it."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            subprocess.run("for i in $(seq 50); do /bin/true; done", shell=True, check=True)
            time.sleep(0.1)
            if self.output.stat().st_size > 0 and b"true" in self.output.read_bytes():
                return
        sys.exit(f"{self.name} does not start")

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)


def measure_none(options, folder):
    return {"rate": storm(options.count, options.workers)}


def measure_tool(name, command, options, folder):
    tool = Tool(name, command, folder)
    before = cpu_seconds(tool.process.pid)
    rate = storm(options.count, options.workers)
    time.sleep(0.3)
    used = cpu_seconds(tool.process.pid) - before
    resident = resident_beside_ring(tool.process.pid)
    tool.stop()
    seen = tool.output.read_bytes().count(b"/tiny")
    tool.output.unlink()
    return {"rate": rate, "cpu_us": used / options.count * 1e6, "resident_kib": resident, "seen": seen}


COMMANDS = {
    "muster": [str(MUSTER), "watch", "--format", "ndjson", "--output", "OUTPUT"],
    "execsnoop": ["/usr/sbin/execsnoop"],
}


def spread(values):
    return f"{statistics.median(values):8.3f}  ({min(values):.3f} to {max(values):.3f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", help="write all figures to this file")
    options = parser.parse_args()
    tools = [name for name, command in COMMANDS.items() if shutil.which(command[0])]
    if not pathlib.Path("/sys/kernel/tracing/events").exists():  # execsnoop needs it
        subprocess.run(["mount", "-t", "tracefs", "tracefs", "/sys/kernel/tracing"], check=False)
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        storm(options.count, options.workers)  # warms the caches
        for _ in range(options.pairs):
            one = {"none": measure_none(options, folder)}
            for name in tools:
                one[name] = measure_tool(name, COMMANDS[name], options, folder)
            one["null"] = measure_none(options, folder)
            rounds.append(one)
    print(f"{platform.platform()}, {os.cpu_count()} CPUs; {options.pairs} rounds of {options.count} execs "
          f"by {options.workers} workers; median (lowest to highest)")
    print(f"execs/s without a sensor          {spread([r['none']['rate'] for r in rounds])}")
    print(f"rate kept, nothing (the noise)    {spread([r['null']['rate'] / r['none']['rate'] for r in rounds])}")
    for name in tools:
        base = [(r["none"]["rate"] + r["null"]["rate"]) / 2 for r in rounds]
        print(f"rate kept, {name:<22} {spread([r[name]['rate'] / b for r, b in zip(rounds, base)])}")
        print(f"CPU us an exec, {name:<17} {spread([r[name]['cpu_us'] for r in rounds])}")
        print(f"MiB beside the ring, {name:<12} {spread([r[name]['resident_kib'] / 1024 for r in rounds])}")
        print(f"execs not seen, {name:<17} {spread([max(0, options.count - r[name]['seen']) for r in rounds])}")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"platform": platform.platform(), "options": vars(options),
                                                          "rounds": rounds}, indent=1) + "\n")


main()
