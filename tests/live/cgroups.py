# SPDX-License-Identifier: Apache-2.0
"""Cgroups of a test's own in the unified hierarchy, wherever that is mounted; mounted by the test where it is not."""

import os
import subprocess
import tempfile

from sensor import until


def mounted():
    """Where the hierarchy may be written to; None where it is not."""
    with open("/proc/self/mounts", encoding="utf-8") as file:
        found = [fields[1] for fields in map(str.split, file) if fields[2] == "cgroup2" and "rw" in fields[3].split(",")]
    return found[0] if found else None


class Cgroups:
    """The cgroups of these names, below one that is named after this process. `clean` is addCleanup or addClassCleanup."""

    def __init__(self, names, clean):
        self.mount = mounted()
        if not self.mount:
            self.mount = tempfile.mkdtemp(prefix="muster-cgroup-")
            clean(os.rmdir, self.mount)
            subprocess.run(["mount", "-t", "cgroup2", "none", self.mount], check=True)
            clean(subprocess.run, ["umount", self.mount], check=True)
        self.base = os.path.join(self.mount, f"muster-{os.getpid()}")
        clean(self.remove)
        for name in names:
            os.makedirs(self.folder(name), exist_ok=True)

    def folder(self, name):
        return os.path.join(self.base, name)

    def path(self, name):
        """As the kernel has it."""
        return self.folder(name).removeprefix(self.mount).rstrip("/")

    def enter(self, name):
        """Moves the calling process there."""
        with open(os.path.join(self.folder(name), "cgroup.procs"), "w", encoding="ascii") as file:
            file.write("0")

    def remove(self):
        for folder, _, _ in os.walk(self.base, topdown=False):
            until(lambda folder=folder: self.is_empty(folder), f"an empty {folder}")
            os.rmdir(folder)

    @staticmethod
    def is_empty(folder):
        with open(f"{folder}/cgroup.procs", encoding="ascii") as file:
            return not file.read()
