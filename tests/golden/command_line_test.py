# SPDX-License-Identifier: Apache-2.0
"""The command line, word by word: help texts and usage errors against files in this folder.

UPDATE_GOLDEN=1 writes the files anew instead of comparing; look at the difference before it goes in."""

import os
import pathlib
import shlex
import subprocess
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MUSTER = os.environ.get("MUSTER", str(ROOT / "build" / "muster"))
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
DONE, FAILED, USAGE = 0, 1, 2
VERBS = ("watch", "service", "trace", "replay", "verify", "status", "selftest", "doctor", "version")
TRACE_FAILED = 125  # of trace, for which others are its command's


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
        for option in ("--format", "--output", "--duration", "--forks", "--no-baseline", "--buffer", "--max-args", "--fail-on-loss", "--color", "--pid", "--parent",
                       "--user", "--name", "--exclude", "--help"):
            self.assertIn(option, text)
        for word in ("text", "ndjson", "driver-messages", "auto", "always", "never"):
            self.assertIn(word, text)

    def test_help_of_trace_names_every_option(self):
        text = run("trace", "--help").stdout
        for option in ("--format", "--output", "--forks", "--max-args", "--color", "--pid", "--parent", "--user", "--name", "--exclude", "--help"):
            self.assertIn(option, text)

    def test_help_of_service_names_every_option(self):
        text = run("service", "--help").stdout
        for option in ("--format", "--output", "--forks", "--baseline", "--no-baseline", "--buffer", "--status-interval", "--no-fsync", "--pins",
                       "--uninstall", "--pid", "--parent", "--user", "--name", "--exclude", "--help"):
            self.assertIn(option, text)

    def test_lines_of_help_fit_a_terminal(self):
        for arguments in ([], *([verb] for verb in VERBS)):
            for line in run(*arguments, "--help").stdout.splitlines():
                self.assertLessEqual(len(line), 100, line)

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


# Each is one wrong command line; what has to stand in the error.
USAGE_ERRORS = [
    ([], "verb"),
    (["frobnicate"], "'frobnicate'"),
    (["--frobnicate"], "'--frobnicate'"),
    (["help", "frobnicate"], "'frobnicate'"),
    (["driver"], "Windows"),
    (["driver", "--help"], "Windows"),
    *(([verb, "--frobnicate"], "'--frobnicate'") for verb in VERBS),
    *(([verb, "-x"], "'-x'") for verb in VERBS),
    *(([verb, "extra"], "'extra'") for verb in VERBS if verb not in ("trace", "replay", "verify")),
    *((["watch", option], f"'{option}'") for option in ("--format", "--output", "--duration", "--buffer", "--max-args", "--color")),
    *((["watch", f"{option}=yes"], option) for option in ("--forks", "--no-baseline", "--fail-on-loss")),
    *((["watch", "--format", value], f"'{value}'") for value in ("xml", "", "NDJSON")),
    *((["watch", "--color", value], f"'{value}'") for value in ("maybe", "")),
    (["service"], "run, stop or status"),
    (["service", "start"], "'start'"),
    (["service", "run", "extra"], "'extra'"),
    (["service", "stop", "--forks"], "run"),
    (["service", "status", "--output", "x"], "run"),
    (["service", "run", "--uninstall"], "'--uninstall'"),
    (["service", "run", "--format", "capture"], "capture"),
    (["service", "run", "--buffer", "3Q"], "'3Q'"),
    *((["service", "run", option], f"'{option}'") for option in ("--format", "--output", "--buffer", "--pins", "--status-interval")),
    (["trace"], "command"),
    (["trace", "--"], "command"),
    *((["trace", option], f"'{option}'") for option in ("--format", "--output", "--color")),
    (["trace", "--forks=yes"], "--forks"),
    (["replay"], "capture"),
    (["replay", "--"], "capture"),
    *((["replay", option], f"'{option}'") for option in ("--format", "--output", "--color", "--name")),
    (["replay", "--format", "xml", "file"], "'xml'"),
    (["replay", "--name", "a*b", "file"], "'a*b'"),
    (["verify"], "file"),
    (["verify", "--json", "--quiet", "file"], "--quiet"),
    (["verify", "--json=yes", "file"], "--json"),
    (["trace", "--format", "xml", "true"], "'xml'"),
    (["trace", "--color", "maybe", "true"], "'maybe'"),
    *((["trace", *options, "true"], options[0])
      for options in (["--duration", "5s"], ["--no-baseline"], ["--buffer", "1M"], ["--fail-on-loss"], ["--status-interval", "1s"])),
    *((["trace", "--max-args", value, "true"], f"'{value}'") for value in ("3Q", "4095", "131073")),
    *((["trace", option], f"'{option}'") for option in ("--pid", "--parent", "--user", "--name", "--exclude")),
    *((["trace", option, value, "true"], f"'{value.rpartition('=')[2]}'")
      for option, value in (("--pid", "x"), ("--parent", "-1"), ("--user", "no-such-user"), ("--name", "a*b"), ("--exclude", "name=a*b"))),
    *((["watch", "--duration", value], f"'{value}'")
      for value in ("5x", "", "-1s", "s", "0", "1e3", "1.5s", "99999999999999999999", "9999999999999d")),
    *((["watch", option], f"'{option}'") for option in ("--pid", "--parent", "--user", "--name", "--exclude")),
    *((["watch", option, value], f"'{value}'") for option in ("--pid", "--parent")
      for value in ("", "x", "1x", "-1", "+1", " 1", "0x1", "4294967296", "99999999999999999999")),
    *((["watch", "--user", value], f"'{value}'") for value in ("", "no-such-user", "-1", "4294967295", "99999999999999999999")),
    *((["watch", "--name", value], f"'{value}'") for value in ("", "*", "**", "a*b", "*a*", "/bin/sh", "n" * 64, "*" + "n" * 64)),
    *((["watch", "--exclude", value], f"'{value}'") for value in ("", "name", "=sh", "names=sh", "forks=1", "exclude=name=sh")),
    *((["watch", "--exclude", f"{kind}={value}"], f"'{value}'")
      for kind, value in (("pid", "x"), ("parent", "-1"), ("user", "no-such-user"), ("name", "a*b"))),
    *((["watch", *[word for number in range(17) for word in (option, f"{number}")]], "'16'")
      for option in ("--pid", "--parent", "--user", "--name")),
    *((["watch", "--buffer", value], f"'{value}'")
      for value in ("3Q", "100", "0", "", "-1M", "1MM", "64T", "2000G", "99999999999999999999")),
    *((["watch", "--max-args", value], f"'{value}'") for value in ("3Q", "4095", "0", "", "-4K", "131073", "1M", "99999999999999999999")),
    (["watch", "--max-args", "128K", "--buffer", "128K"], "--buffer"),
]


class UsageTest(GoldenTest):
    def test_every_error_says_what_is_wrong_and_where_to_look(self):
        for arguments, word in USAGE_ERRORS:
            with self.subTest(arguments=arguments):
                done = run(*arguments)
                code = TRACE_FAILED if arguments[:1] == ["trace"] else USAGE
                self.assertEqual((done.returncode, done.stdout), (code, ""))
                lines = done.stderr.splitlines()
                self.assertRegex(lines[0], r"^muster: ", "an error begins with the program's name")
                self.assertIn(word, lines[0])
                self.assertRegex(lines[-1], r"muster( \w+)? --help", "an error ends with a hint")
                self.assertLessEqual(len(lines), 2)

    def test_words_of_the_errors(self):
        texts = [f"$ {shlex.join(['muster', *arguments])}\n{run(*arguments).stderr}" for arguments, _ in USAGE_ERRORS]
        self.assert_golden("usage", "\n".join(texts))

    def test_empty_name_of_the_output(self):
        done = run("watch", "--output", "")
        self.assertIn(done.returncode, (FAILED, USAGE))
        self.assertRegex(done.stderr, r"^muster: ")


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
