# SPDX-License-Identifier: Apache-2.0
"""The command line, word by word: help texts and usage errors against files in this folder.

UPDATE_GOLDEN=1 writes the files anew instead of comparing; look at the difference before it goes in."""

import os
import pathlib
import subprocess
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MUSTER = os.environ.get("MUSTER", str(ROOT / "build" / "muster"))
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
DONE, FAILED, USAGE = 0, 1, 2
VERBS = ("watch", "doctor", "version")


def run(*arguments, **options):
    """Never as root's live sensor: every call here ends by itself, before anything is loaded."""
    return subprocess.run([MUSTER, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False, **options)


class GoldenTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        if not os.path.exists(MUSTER):
            raise unittest.SkipTest(f"{MUSTER} is not built: run make")

    def assert_golden(self, name, text):
        path = HERE / f"{name}.txt"
        if UPDATE:
            path.write_text(text, encoding="utf-8")
        self.assertEqual(text, path.read_text(encoding="utf-8"), f"differs from {path}; UPDATE_GOLDEN=1 writes it anew")

    def assert_help(self, name, *arguments):
        done = run(*arguments)
        self.assertEqual((done.returncode, done.stderr), (DONE, ""))
        self.assert_golden(name, done.stdout)

    def assert_usage_error(self, name, *arguments):
        done = run(*arguments)
        self.assertEqual((done.returncode, done.stdout), (USAGE, ""))
        lines = done.stderr.splitlines()
        self.assertRegex(lines[0], r"^muster: ", "an error begins with the program's name")
        self.assertRegex(lines[-1], r"muster( \w+)? --help", "an error ends with a hint")
        self.assertLessEqual(len(lines), 3)
        self.assert_golden(name, done.stderr)
        return done.stderr


class HelpTest(GoldenTest):
    def test_help(self):
        self.assert_help("help", "--help")

    def test_help_in_short_and_as_a_verb(self):
        for arguments in (["-h"], ["help"]):
            with self.subTest(arguments=arguments):
                self.assertEqual(run(*arguments).stdout, run("--help").stdout)

    def test_help_of_each_verb(self):
        for verb in VERBS:
            with self.subTest(verb=verb):
                self.assert_help(f"help-{verb}", verb, "--help")
                self.assertEqual(run("help", verb).stdout, run(verb, "--help").stdout)

    def test_help_names_every_verb(self):
        text = run("--help").stdout
        for verb in VERBS:
            self.assertRegex(text, rf"(?m)^\s+{verb}\s")

    def test_help_of_watch_names_every_option(self):
        text = run("watch", "--help").stdout
        for option in ("--format", "--output", "--duration", "--forks", "--no-baseline", "--buffer", "--fail-on-loss", "--color", "--help"):
            self.assertIn(option, text)
        for word in ("text", "ndjson", "driver-messages", "auto", "always", "never"):
            self.assertIn(word, text)

    def test_lines_of_help_fit_a_terminal(self):
        for arguments in ([], *([verb] for verb in VERBS)):
            for line in run(*arguments, "--help").stdout.splitlines():
                self.assertLessEqual(len(line), 80 if not line.startswith("http") else 200, line)

    def test_help_wins_over_other_options(self):
        done = run("watch", "--format", "ndjson", "--help")
        self.assertEqual((done.returncode, done.stdout), (DONE, run("watch", "--help").stdout))


class VersionTest(GoldenTest):
    def test_version(self):
        version = (ROOT / "VERSION").read_text(encoding="ascii").strip()
        for arguments in (["version"], ["--version"], ["-V"]):
            with self.subTest(arguments=arguments):
                done = run(*arguments)
                self.assertEqual((done.returncode, done.stderr), (DONE, ""))
                self.assertRegex(done.stdout, rf"\Amuster {version}\b.*\n\Z")


class UsageTest(GoldenTest):
    def test_no_verb(self):
        self.assert_usage_error("usage-no-verb")

    def test_unknown_verb(self):
        self.assertIn("'frobnicate'", self.assert_usage_error("usage-unknown-verb", "frobnicate"))

    def test_unknown_option(self):
        self.assertIn("--frobnicate", self.assert_usage_error("usage-unknown-option", "--frobnicate"))

    def test_help_of_unknown_verb(self):
        self.assert_usage_error("usage-help-unknown-verb", "help", "frobnicate")

    def test_unknown_option_of_each_verb(self):
        for verb in VERBS:
            with self.subTest(verb=verb):
                self.assertIn("--frobnicate", self.assert_usage_error(f"usage-{verb}-unknown-option", verb, "--frobnicate"))
                self.assertIn("x", self.assert_usage_error(f"usage-{verb}-unknown-letter", verb, "-x"))

    def test_extra_operand_of_each_verb(self):
        for verb in VERBS:
            with self.subTest(verb=verb):
                self.assertIn("'extra'", self.assert_usage_error(f"usage-{verb}-extra", verb, "extra"))

    def test_option_without_its_value(self):
        for option in ("format", "output", "duration", "buffer", "color"):
            with self.subTest(option=option):
                self.assertIn(f"--{option}", self.assert_usage_error(f"usage-watch-{option}-missing", "watch", f"--{option}"))

    def test_option_with_a_value_too_many(self):
        for option in ("forks", "no-baseline", "fail-on-loss"):
            with self.subTest(option=option):
                self.assertIn(f"--{option}", self.assert_usage_error(f"usage-watch-{option}-value", "watch", f"--{option}=yes"))

    def test_malformed_values(self):
        values = {"duration": ("5x", "", "-1s", "s", "1e3", "1.5s", "99999999999999999999", "9999999999999d"),
                  "buffer": ("3Q", "100", "", "-1M", "1MM", "64T", "99999999999999999999", "2000G"),
                  "format": ("xml", "", "NDJSON"),
                  "color": ("maybe", "")}
        for option, bad in values.items():
            for value in bad:
                with self.subTest(option=option, value=value):
                    said = self.assert_usage_error(f"usage-watch-{option}-{value or 'empty'}", "watch", f"--{option}", value)
                    self.assertIn(f"'{value}'", said)
                    self.assertIn(option, said)

    def test_empty_output(self):
        self.assert_usage_error("usage-watch-output-empty", "watch", "--output", "")

    def test_errors_do_not_repeat_controls(self):
        """What somebody else may have put into an argument does not reach the terminal."""
        for arguments in (["fro\x1b[31mb"], ["watch", "--format", "x\x1b]0;title\x07"], ["watch", "x\x1b[2J"]):
            with self.subTest(arguments=arguments):
                done = run(*arguments)
                self.assertEqual(done.returncode, USAGE)
                self.assertNotRegex(done.stderr, "[\x00-\x09\x0b-\x1f\x7f]")


class OutputErrorTest(GoldenTest):
    def test_help_to_a_full_disk_is_a_failure(self):
        for arguments in (["--help"], ["version"], ["watch", "--help"]):
            with self.subTest(arguments=arguments), open("/dev/full", "wb") as full:
                done = subprocess.run([MUSTER, *arguments], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True,
                                      timeout=30, check=False)
                self.assertEqual(done.returncode, FAILED)
                self.assertIn("No space left on device", done.stderr)


if __name__ == "__main__":
    unittest.main()
