# SPDX-License-Identifier: Apache-2.0
"""The command line of muster.exe, word by word, against files in tests/golden/windows; and the same text to
a pipe, to a file and to a console.

UPDATE_GOLDEN=1 writes the files anew instead of comparing; look at the difference before it goes in."""

import os
import pty
import select
import subprocess
import time
import unittest

import wine_host
from wine_host import MUSTER_EXE, PROBE, WINE, WineTest

GOLDEN = wine_host.ROOT / "tests" / "golden" / "windows"
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
DONE, FAILED, USAGE = 0, 1, 2
VERBS = ("watch", "driver", "replay", "verify", "status", "doctor", "version")
CONSOLE_S = 20

USAGE_ERRORS = [
    [],
    ["frobnicate"],
    ["--frobnicate"],
    ["help", "frobnicate"],
    *([verb, "--frobnicate"] for verb in VERBS),
    *([verb, "-x"] for verb in VERBS),
    *([verb, "extra"] for verb in VERBS if verb not in ("replay", "verify")),
    ["replay"],
    ["replay", "--format", "xml", "file"],
    ["verify"],
    ["verify", "--json", "--quiet", "file"],
    *(["watch", option] for option in ("--format", "--output", "--duration", "--buffer", "--color", "--pid", "--parent", "--user", "--name",
                                            "--exclude")),
    *(["watch", f"{option}=yes"] for option in ("--no-baseline", "--fail-on-loss", "--forks")),
    ["watch", "--forks"],
    ["watch", "--format", "xml"],
    ["watch", "--color", "maybe"],
    ["watch", "--duration", "5x"],
    ["watch", "--buffer", "3Q"],
    ["watch", "--pid", "x"],
    ["watch", "--user", "no-such-user"],
    ["watch", "--name", "C:\\x.exe"],
    ["watch", "--exclude", "sid=x"],
    ["driver"],
    ["driver", "status", "--json=yes"],
    ["driver", "start", "--json"],
    ["driver", "install", "one", "two"],
    ["driver", "caf\u00e9"],
]


class WordsTest(WineTest):
    NEEDS = (MUSTER_EXE, PROBE)
    maxDiff = None

    def assert_golden(self, name, text):
        path = GOLDEN / f"{name}.txt"
        if UPDATE:
            path.write_text(text, encoding="utf-8")
        self.assertEqual(text, path.read_text(encoding="utf-8"), f"differs from {path}; UPDATE_GOLDEN=1 writes it anew")

    def test_help(self):
        for name, arguments in (("help", ["--help"]), *((f"help-{verb}", [verb, "--help"]) for verb in VERBS)):
            with self.subTest(arguments=arguments):
                status, output, error = self.host.run(*arguments)
                self.assertEqual((status, error), (DONE, ""))
                self.assert_golden(f"windows-{name}", output)
                for line in output.splitlines():
                    self.assertLessEqual(len(line), 110, line)

    def test_help_names_every_verb(self):
        output = self.host.run("--help")[1]
        for verb in VERBS:
            self.assertRegex(output, rf"(?m)^\s+{verb}\s")

    def test_words_of_the_errors(self):
        texts = []
        for arguments in USAGE_ERRORS:
            with self.subTest(arguments=arguments):
                status, output, error = self.host.run(*arguments)
                self.assertEqual((status, output), (USAGE, ""))
                lines = error.splitlines()
                self.assertRegex(lines[0], r"^muster: ")
                self.assertRegex(lines[-1], r"muster( \w+)? --help")
            texts.append(f"$ {' '.join(['muster', *arguments])}\n{error}")
        self.assert_golden("windows-usage", "\n".join(texts))

    def test_bytes_to_a_pipe_and_a_file(self):
        """Of Unix, whatever the C library of Windows would make of them."""
        environment = wine_host.environment(self.host.prefix)
        command = [WINE, str(MUSTER_EXE), "caf\u00e9"]
        piped = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        path = self.host.folder / "error.txt"
        with open(path, "wb") as error:
            subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stderr=error, timeout=60, check=False)
        wanted = "muster: there is no verb 'caf\u00e9'\nTry `muster --help`.\n".encode("utf-8")
        self.assertEqual((piped.stderr, path.read_bytes()), (wanted, wanted))

    def test_arguments_are_not_looked_up_as_files(self):
        self.assertIn("'m*'", self.host.run("m*")[2])

    def to_console(self, *arguments):
        """Everything that Wine's console draws on a terminal."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(WINE, [WINE, str(MUSTER_EXE), *arguments], {**wine_host.environment(self.host.prefix), "TERM": "xterm"})
        drawn, end = b"", time.monotonic() + CONSOLE_S
        while time.monotonic() < end:
            if not select.select([terminal], [], [], 0.5)[0]:
                continue
            try:
                drawn += os.read(terminal, 65536)
            except OSError:
                break  # its other end is closed: the program has ended
        else:
            self.fail(f"still running after {CONSOLE_S} s; drew {drawn!r}")
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), USAGE)
        os.close(terminal)
        return drawn.decode("utf-8")

    def test_text_to_a_console(self):
        """UTF-16 that the console takes character by character; what would drive it is not let through."""
        drawn = self.to_console("caf\u00e9 \u20ac\x1b]0;x\x07")
        self.assertIn("caf\u00e9 \u20ac?]0;x?", drawn)


if __name__ == "__main__":
    unittest.main()
