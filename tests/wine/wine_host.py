# SPDX-License-Identifier: Apache-2.0
"""Wine for a test: a prefix of its own, drivers in it, and programs that talk to them.

A prefix takes 12 s and 695 MB to make, so one is made for all (build/wine/template) and every test
gets a copy of it in hard links, with registry files of its own, in 0.1 s. Wine writes its other files
anew instead of into them. Nothing of it needs HOME, a display or a terminal, or leaves a wineserver.

MUSTER_WINEDEBUG=-all,+seh MUSTER_WINE_LOG=FILE shows what the process that hosts drivers says.
"""

import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
WINE_BUILD = BUILD / "wine"
TEMPLATE = WINE_BUILD / "template"
MUSTER_EXE = pathlib.Path(os.environ.get("MUSTER_EXE", BUILD / "muster.exe"))
SHIPPED_DRIVER = BUILD / "muster.sys"
TEST_DRIVER = pathlib.Path(os.environ.get("MUSTER_TEST_DRIVER", WINE_BUILD / "muster.sys"))
PSTEST = WINE_BUILD / "pstest.sys"
PROBE = WINE_BUILD / "device_probe.exe"
SYSTEM32 = pathlib.Path("drive_c/windows/system32")

MAKE_S = 180
ANSWER_S = 30
END_S = 20

STATUS_SUCCESS = 0
STATUS_TIMEOUT = 0x102
STATUS_PENDING = 0x103
STATUS_BUFFER_OVERFLOW = 0x80000005
STATUS_INVALID_PARAMETER = 0xC000000D
STATUS_INVALID_DEVICE_REQUEST = 0xC0000010
STATUS_ACCESS_DENIED = 0xC0000022
STATUS_BUFFER_TOO_SMALL = 0xC0000023
STATUS_CANCELLED = 0xC0000120
STATUS_INVALID_DEVICE_STATE = 0xC0000184
STATUS_DEVICE_BUSY = 0x80000011

# GetLastError
ERROR_FILE_NOT_FOUND = 2
ERROR_PATH_NOT_FOUND = 3
ERROR_SERVICE_EXISTS = 1073

STOPPED, RUNNING = 1, 4


def _program(name):
    """Debian has them in a folder that is not on PATH."""
    for path in (f"/usr/lib/wine/{name}", shutil.which(name)):
        if path and os.path.exists(path):
            return path
    return None


WINE = _program("wine64")
WINESERVER = _program("wineserver")


def environment(prefix, **more):
    """What programs under Wine see: nothing of whoever runs the tests but PATH."""
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(prefix),
        "LANG": "C.UTF-8",
        "WINEPREFIX": str(prefix),
        "WINEARCH": "win64",
        "WINEDEBUG": os.environ.get("MUSTER_WINEDEBUG", "-all"),
        "WINEDLLOVERRIDES": "mscoree,mshtml=;winemenubuilder.exe=d",
        **more,
    }


def _end_server(prefix):
    """No process of that prefix is left when this returns."""
    subprocess.run([WINESERVER, "-k"], env=environment(prefix), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=END_S, check=False)
    subprocess.run([WINESERVER, "-w"], env=environment(prefix), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=END_S, check=False)


def _make_template():
    """In a folder next to it that then takes its name, so that half a prefix is never used."""
    fresh = TEMPLATE.with_name(f"template.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        with tempfile.TemporaryFile() as output:
            done = subprocess.run([WINE, "wineboot", "-i"], env=environment(fresh), stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=subprocess.STDOUT, timeout=MAKE_S, check=False, start_new_session=True)
            # The registry is on the disk when the server has ended, and not before.
            subprocess.run([WINESERVER, "-w"], env=environment(fresh), timeout=MAKE_S, check=True)
            output.seek(0)
            if done.returncode or not (fresh / "system.reg").exists():
                raise AssertionError(f"wineboot ended with {done.returncode}: {output.read().decode('utf-8', 'replace')}")
        os.rename(fresh, TEMPLATE)
    finally:
        if fresh.exists():
            _end_server(fresh)
            shutil.rmtree(fresh, ignore_errors=True)


def ensure_template():
    WINE_BUILD.mkdir(parents=True, exist_ok=True)
    with open(WINE_BUILD / "template.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (TEMPLATE / "system.reg").exists():
            shutil.rmtree(TEMPLATE, ignore_errors=True)
            _make_template()


def copy_prefix(target):
    """Hard links; the registry, which Wine writes in place, is copied."""
    subprocess.run(["cp", "-al", TEMPLATE, target], check=True, timeout=MAKE_S)
    for registry in TEMPLATE.glob("*.reg"):
        os.unlink(target / registry.name)
        shutil.copy2(registry, target / registry.name)


class Answer(dict):
    """Of a control request: status, information, written, and the bytes of the answer."""

    @property
    def output(self):
        return bytes.fromhex(self["output"])

    @property
    def status(self):
        return self["status"]


class Probe:
    """One device_probe.exe. Every method sends a command and returns the object that it answers."""

    def __init__(self, prefix):
        self.process = subprocess.Popen([WINE, str(PROBE)], env=environment(prefix), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, cwd=prefix, start_new_session=True)
        self.pid = self._answer()["ready"]

    def _answer(self, seconds=ANSWER_S):
        """A watchdog ends the probe, and with it the read, where no answer comes."""
        watchdog = threading.Timer(seconds, self.process.kill)
        watchdog.start()
        try:
            line = self.process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise AssertionError(f"the probe ended without an answer (exit status {self.process.poll()})")
        return Answer(json.loads(line))

    def send(self, *words):
        self.process.stdin.write(" ".join(map(str, words)).encode("utf-8") + b"\n")
        self.process.stdin.flush()

    def ask(self, *words, seconds=ANSWER_S):
        self.send(*words)
        answer = self._answer(seconds)
        if "bad" in answer:
            raise AssertionError(f"{words[:3]}: {answer['bad']}")
        return answer

    def open(self, handle, path):
        return self.ask("open", handle, path)["error"]

    def close(self, handle):
        return self.ask("close", handle)["error"]

    def control(self, handle, code, data=b"", room_bytes=0):
        return self.ask("control", handle, code, data.hex() or "-", room_bytes)

    def start(self, operation, handle, code, data=b"", room_bytes=0):
        return self.ask("start", operation, handle, code, data.hex() or "-", room_bytes)["pending"]

    def wait(self, operation, ms):
        """None where it still runs."""
        answer = self.ask("wait", operation, ms)
        return answer if "status" in answer else None

    def cancel(self, operation):
        return self.ask("cancel", operation)["error"]

    def cancel_all(self, handle):
        return self.ask("cancel-all", handle)["error"]

    def pump(self, handle, code, room_bytes, ms, records, seconds=ANSWER_S):
        """(answers of all READs, number of records)"""
        self.send("pump", handle, code, room_bytes, ms, records)
        answers = []
        while True:
            answer = self._answer(seconds)
            if "records" in answer:
                return answers, answer["records"]
            answers.append(answer)

    def service(self, verb, name, *path):
        answer = self.ask("service", verb, name, *path)
        return answer["state"] if "state" in answer else answer["error"]

    def kill(self):
        """As SIGKILL does it to a Windows process: nothing of it runs any more."""
        self.process.kill()
        self.process.wait(END_S)
        self._close_pipes()

    def quit(self):
        if self.process.poll() is None:
            try:
                self.send("quit")
                self.process.wait(END_S)
            except (BrokenPipeError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.wait(END_S)
        self._close_pipes()

    def _close_pipes(self):
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except BrokenPipeError:
                pass


class Program:
    """A run of muster.exe that goes on while the test does other things."""

    def __init__(self, prefix, arguments, stdout):
        self.stderr_file = tempfile.TemporaryFile()
        self.process = subprocess.Popen([WINE, str(MUSTER_EXE), *arguments], env=environment(prefix), stdin=subprocess.DEVNULL,
                                        stdout=stdout, stderr=self.stderr_file, cwd=prefix, start_new_session=True)

    def interrupt(self):
        """Wine makes a CTRL_C_EVENT of it."""
        self.process.send_signal(signal.SIGINT)

    def end(self, seconds=END_S):
        """Its exit status, when it ends by itself."""
        return self.process.wait(seconds)

    def stderr(self):
        self.stderr_file.seek(0)
        return self.stderr_file.read().decode("utf-8", "replace").replace("\r\n", "\n")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(END_S)
        if self.process.stdout:
            self.process.stdout.close()
        self.stderr_file.close()


# Waits for the end of its input, which comes with the end of the test however that ends.
JANITOR = """
read -r line
timeout "$3" "$1" -k
timeout "$3" "$1" -w
rm -rf "$2"
"""


class Host:
    """A running Wine with a prefix of its own. A janitor outside of the test's process group ends and
    removes it, also where the test itself was killed."""

    def __init__(self):
        ensure_template()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="prefix-", dir=WINE_BUILD))
        self.prefix = self.folder / "p"
        self._things = []
        self._janitor = subprocess.Popen(["/bin/sh", "-c", JANITOR, "janitor", WINESERVER, str(self.folder), str(END_S)],
                                         env=environment(self.prefix), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            copy_prefix(self.prefix)
            # Else it ends with the last program, and takes the drivers with it.
            self._run_silently(WINESERVER, "-p")
            # The first program brings Wine's services up, and they keep its standard streams for ever.
            self._run_silently(WINE, str(PROBE))
        except BaseException:
            self.end()
            raise

    def _run_silently(self, *command):
        with open(os.environ.get("MUSTER_WINE_LOG", os.devnull), "ab") as log:
            subprocess.run(command, env=environment(self.prefix), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.prefix,
                           timeout=MAKE_S, check=True, start_new_session=True)

    def probe(self):
        probe = Probe(self.prefix)
        self._things.append(probe.quit)
        return probe

    def put_driver(self, source, name=None):
        """Where a service finds it, and where an import does. Returns its Windows path."""
        name = name or source.name
        for folder in (SYSTEM32, SYSTEM32 / "drivers"):
            target = self.prefix / folder / name
            target.unlink(missing_ok=True)
            shutil.copyfile(source, target)
        return f"C:\\windows\\system32\\drivers\\{name}"

    def windows_path(self, path):
        return "Z:" + str(path).replace("/", "\\")

    def run(self, *arguments, seconds=ANSWER_S, program=None):
        """muster.exe to its end: (exit status, stdout, stderr), line ends as on Unix."""
        done = subprocess.run([WINE, str(program or MUSTER_EXE), *map(str, arguments)], env=environment(self.prefix),
                              stdin=subprocess.DEVNULL, capture_output=True, cwd=self.prefix, timeout=seconds, check=False,
                              start_new_session=True)
        texts = (part.decode("utf-8", "replace").replace("\r\n", "\n") for part in (done.stdout, done.stderr))
        return (done.returncode, *texts)

    def launch(self, *arguments, stdout=subprocess.PIPE):
        program = Program(self.prefix, [str(argument) for argument in arguments], stdout)
        self._things.append(program.kill)
        return program

    def drivers_alive(self):
        """Whether the process that hosts drivers still runs: it ends where one of them faults."""
        wanted = f"WINEPREFIX={self.prefix}".encode()
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and b"winedevice.exe" in (entry / "cmdline").read_bytes() \
                        and wanted in (entry / "environ").read_bytes().split(b"\0"):
                    return True
            except OSError:
                continue
        return False

    def end(self):
        for end in reversed(self._things):
            try:
                end()
            except (OSError, subprocess.SubprocessError):
                pass
        self._things.clear()
        self._janitor.stdin.close()
        self._janitor.wait(3 * END_S)


def until(condition, what, seconds=ANSWER_S):
    """Polls; returns the first true value of condition()."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


class WineTest(unittest.TestCase):
    """A host for each class; NEEDS names the files without which it cannot run."""

    NEEDS = (PROBE,)
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        if not WINE or not WINESERVER:
            raise unittest.SkipTest("no wine64: run tools/install-dependencies check")
        for path in cls.NEEDS:
            if not path.exists():
                raise unittest.SkipTest(f"{path} is not built: run make wine-programs")
        cls.host = Host()
        cls.addClassCleanup(cls.host.end)
