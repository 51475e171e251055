# SPDX-License-Identifier: Apache-2.0
"""The initramfs of check_vm.py: the build, the tests, and of this machine's programs what those need.

It is written here in the "newc" form of cpio(5), which takes no privilege, not even for device
nodes. Nothing compresses it: decompressing takes an emulated processor longer than copying.
"""

import pathlib
import re
import shutil
import stat
import subprocess
import sys
import sysconfig

ROOT = pathlib.Path(__file__).resolve().parents[2]
TREE = "/work"  # where the tree stands in the guest
BUSYBOX_NAMES = ("insmod", "poweroff")
# The shell and what tests run by it are no busybox: each has an image of its own, as on any machine.
PROGRAMS = ("cat", "chmod", "cp", "echo", "env", "head", "id", "ln", "ls", "mkdir", "mount", "mv", "rm", "setpriv", "setsid",
            "sleep", "stty", "tail", "timeout", "touch", "true", "umount", "unshare", "bash", "bpftool", "strace")
VARIANTS = ("other-programs", "other-abi", "no-shares")
FOLDERS = ("/dev", "/proc", "/sys", "/tmp", "/run", "/root", "/etc")
PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"

# Of the standard library what no test needs.
LEFT_OUT = {"asyncio", "config", "curses", "dbm", "distutils", "email", "ensurepip", "html", "http", "idlelib", "lib2to3",
            "multiprocessing", "pydoc_data", "site-packages", "sqlite3", "test", "tests", "tkinter", "turtledemo", "venv",
            "wsgiref", "xml", "xmlrpc", "zoneinfo"}
# Of the extensions those that bring libraries of their own.
EXTENSIONS_LEFT_OUT = re.compile(r"^(_ssl|_hashlib|_curses|_sqlite3|_tkinter|_dbm|_gdbm|readline|_codecs_|nis|_test|_xx|xx)")


class Archive:
    """Files for the guest, by the path they have there."""

    def __init__(self):
        self.entries = {}  # path without its first slash: (mode, bytes, (major, minor))
        self.programs = []  # on this machine, whose libraries are wanted

    def add(self, path, mode, data=b"", device=(0, 0)):
        path = str(path).lstrip("/")
        for parent in reversed(pathlib.PurePosixPath(path).parents):
            if str(parent) != ".":
                self.entries.setdefault(str(parent), (stat.S_IFDIR | 0o755, b"", (0, 0)))
        self.entries[path] = (mode, data, device)

    def add_folder(self, path, mode=0o755):
        self.add(path, stat.S_IFDIR | mode)

    def add_link(self, path, target):
        self.add(path, stat.S_IFLNK | 0o777, str(target).encode())

    def add_bytes(self, path, data, mode=0o644):
        self.add(path, stat.S_IFREG | mode, data)

    def add_file(self, source, path=None):
        source = pathlib.Path(source)
        self.add_bytes(path or source, source.read_bytes(), 0o755 if source.stat().st_mode & 0o100 else 0o644)

    def add_program(self, source, path=None):
        """Or an extension of Python's: a file that needs libraries."""
        self.add_file(source, path)
        self.programs.append(source)

    def add_libraries(self):
        for library in libraries_of(self.programs):
            self.add_file(library)

    def bytes(self):
        parts = [_entry(number, path, *entry) for number, (path, entry) in enumerate(self.entries.items(), 1)]
        return b"".join(parts) + _entry(0, "TRAILER!!!", 0, b"", (0, 0))


def _padded(data):
    return data + bytes(-len(data) % 4)


def _entry(inode, path, mode, data, device):
    name = path.encode() + b"\0"
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + name) + _padded(data)


def libraries_of(programs):
    # It ends with 1 where one of them is static.
    done = subprocess.run(["ldd", *programs], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, text=True, timeout=300)
    return sorted(set(re.findall(r"(/\S+) \(0x", done.stdout)))


def program_path(name):
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not found:
        sys.exit(f"check-vm: there is no {name} here: run tools/install-dependencies vm")
    return found


def add_python(archive):
    interpreter = pathlib.Path(sys.executable).resolve()
    library = pathlib.Path(sysconfig.get_path("stdlib"))
    archive.add_program(interpreter)
    archive.add_link("/usr/bin/python3", interpreter)
    for path in sorted(library.rglob("*")):
        first, *rest = path.relative_to(library).parts
        if path.is_dir() or {first, first.partition("-")[0], *rest} & LEFT_OUT or ".opt-" in path.name:
            continue
        if first == "lib-dynload":
            if not EXTENSIONS_LEFT_OUT.match(rest[0]):
                archive.add_program(path)
        elif path.suffix in (".py", ".pyc"):
            archive.add_file(path)


def add_userland(archive):
    archive.add_file(program_path("busybox"), "/bin/busybox")
    for name in BUSYBOX_NAMES:
        archive.add_link(f"/bin/{name}", "busybox")
    shell = pathlib.Path("/bin/sh").resolve()
    archive.add_program(shell, f"/bin/{shell.name}")
    archive.add_link("/bin/sh", shell.name)
    for name in PROGRAMS:
        archive.add_program(program_path(name), f"/bin/{name}")
    for path in FOLDERS:
        archive.add_folder(path)
    archive.add_bytes("/etc/passwd", PASSWD.encode())
    archive.add("/dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.add_file(ROOT / "tests/vm/vm_init", "/init")


def add_tree(archive, build):
    archive.add_program(build / "muster", f"{TREE}/build/muster")
    for variant in VARIANTS:
        archive.add_program(build / variant / "muster", f"{TREE}/build/{variant}/muster")
    for path in sorted((build / "probes").iterdir()):
        if path.suffix == "":
            archive.add_program(path, f"{TREE}/build/probes/{path.name}")
    for name in ("packaging/systemd/muster.service.in", "docs/record-format.md"): # which tests read
        archive.add_file(ROOT / name, f"{TREE}/{name}")
    archive.add_file(ROOT / "tests/run_tests.py", f"{TREE}/tests/run_tests.py")
    for folder in ("tests/live", "tests/vm/planted"):
        for path in sorted((ROOT / folder).glob("*.py")):
            archive.add_file(path, f"{TREE}/{folder}/{path.name}")


def base_image(build):
    """What all guests have."""
    archive = Archive()
    add_userland(archive)
    add_python(archive)
    add_tree(archive, build)
    archive.add_libraries()
    return archive.bytes()


def job_image(kernel, job):
    """What one has: its kernel's modules, and what to do. The kernel takes one archive after the other."""
    archive = Archive()
    archive.add_bytes("/job", job.encode(), 0o755)
    archive.add_folder("/modules")
    for name, data in kernel.modules.items():
        archive.add_bytes(f"/modules/{name}.ko", data)
    return archive.bytes()
