# SPDX-License-Identifier: Apache-2.0
"""The completions of bash, zsh and fish, each asked by the shell itself: they propose what `muster --help` and `muster VERB
--help` have, no more and no less, and values that the program takes."""

import os
import pathlib
import pwd
import re
import shutil
import subprocess
import tempfile
import unittest

import help_text
from completion_shells import BASH_COMPLETION, ROOT, ZSH_SCRIPT, Bash, Fish, Terminal, Zsh

CHANGE = "If the program is right, `make completion` brings packaging/completion/ up to date."
FEW = 20  # so many of the values that are proposed are given to the program

# Of each kind of value: beginnings that leave few, or from which they are made.
BEGINNINGS = {"TIME": ("", "5"), "SIZE": ("", "64"), "NAME": ("trunc",), "USER": ("roo",), "PID": ("1",)}


class Shells(unittest.TestCase):
    """A folder with a file in it for each test, and the shells that are asked there."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        for program in ("bash", "fish", "zsh", BASH_COMPLETION):
            if not shutil.which(program) and not os.path.exists(program):
                raise unittest.SkipTest(f"{program} is not installed: tools/install-dependencies check")
        cls.work = pathlib.Path(tempfile.mkdtemp(prefix="muster-completion-"))
        cls.addClassCleanup(shutil.rmtree, cls.work, ignore_errors=True)
        (cls.work / "a-file").write_text("")


class ProposalTest(Shells):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shells = {"bash": Bash(cls.work), "bash alone": Bash(cls.work, package=False), "fish": Fish(cls.work), "zsh": Zsh(cls.work)}
        for shell in cls.shells.values():
            cls.addClassCleanup(shell.close)

    def setUp(self):
        self.asked = ""

    def _formatMessage(self, msg, standard):
        return f"{self.asked}: {super()._formatMessage(msg, standard)}"

    def each(self, line):
        """(shell, what it proposes); an assertion that fails names both."""
        for name, shell in self.shells.items():
            self.asked = f"{name}, {line!r}"
            yield name, shell.proposals(line)

    def assert_same(self, proposed, wanted):
        missing, invented = sorted(wanted - proposed), sorted(proposed - wanted)
        self.assertFalse(missing or invented, f"missing {missing}, invented {invented}. {CHANGE}")

    # ---- what there is --------------------------------------------------------------------------------------------

    def test_verbs(self):
        for line in ("muster ", "muster help "):
            for _, proposed in self.each(line):
                self.assert_same({word for word in proposed if not word.startswith("-")}, set(help_text.verbs()))

    def test_options(self):
        for verb in ("", *help_text.verbs()):
            wanted = {name for short, long, _ in help_text.options(verb) for name in (short, long) if name}
            for _, proposed in self.each(f"muster {verb} -".replace("  ", " ")):
                self.assert_same({word.rstrip("=") for word in proposed}, wanted)

    def test_options_of_no_verb(self):
        for _, proposed in self.each("muster frobnicate -"):
            self.assertEqual(proposed, set())

    def test_only_what_fits(self):
        wanted = {long for _, long, _ in help_text.options("watch") if long and long.startswith("--fo")}
        self.assertGreater(len(wanted), 1)
        for _, proposed in self.each("muster watch --fo"):
            self.assert_same({word.rstrip("=") for word in proposed}, wanted)

    def test_the_files_are_what_the_program_says(self):
        done = subprocess.run([ROOT / "tools/update-completion", "--check", help_text.MUSTER], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)

    # ---- values ---------------------------------------------------------------------------------------------------

    def options_with(self, *kinds):
        for verb in help_text.verbs():
            for short, long, kind in sorted(help_text.options(verb), key=str):
                if kind and (not kinds or kind in kinds):
                    yield verb, long or short, kind

    def test_words(self):
        for verb, option, _ in self.options_with("FORMAT", "WHEN"):
            wanted = set(help_text.values_named(verb, option))
            self.assertGreater(len(wanted), 1)
            for begin in (f"{option} ", f"{option}="):
                for _, proposed in self.each(f"muster {verb} {begin}"):
                    self.assert_same({word.removeprefix(f"{option}=") for word in proposed}, wanted)

    def test_what_is_proposed_is_taken(self):
        """By the program; of what was made from a beginning, some may be too much or too little. Files, folders and keys: below."""
        for verb, option, kind in self.options_with():
            for begin in BEGINNINGS.get(kind, ("",)) if kind not in ("FILE", "DIR", "ID", "X=VALUE") else ():
                for _, proposed in self.each(f"muster {verb} {option} {begin}"):
                    self.assertTrue(proposed, f"no values for {kind}")
                    taken = {value for value in sorted(proposed)[:FEW] if help_text.takes(verb, option, value)}
                    self.assertTrue(taken if begin else len(taken) == len(proposed), f"it takes {taken} of {proposed}")

    def test_what_is_not_taken_is_seen(self):
        self.assertFalse(help_text.takes("watch", "--duration", "5x"))
        self.assertFalse(help_text.takes("watch", "--format", "xml"))

    def test_keys_and_their_values(self):
        for verb, option, _ in self.options_with("X=VALUE"):
            keys = set(re.findall(r"(\w+)=", help_text.said(verb, option, "").stderr.splitlines()[0]))
            self.assertLessEqual({"pid", "user"}, keys)
            for begin in (f"{option} ", f"{option}="):
                lead = begin.split(" ")[-1]
                if begin.endswith(" "):
                    lead = ""
                for _, proposed in self.each(f"muster {verb} {begin}"):
                    self.assert_same({word.removeprefix(lead).rstrip("=") for word in proposed}, keys)
                for _, proposed in self.each(f"muster {verb} {begin}user=roo"):
                    self.assertEqual(proposed, {f"{lead}user=root"})

    def test_users(self):
        users = {entry.pw_name for entry in pwd.getpwall()}
        for _, proposed in self.each("muster watch --user "):
            self.assertLessEqual(users, proposed)

    def test_processes(self):
        mine = str(os.getpid())
        for option in ("--pid", "--parent"):
            for _, proposed in self.each(f"muster watch {option} {mine}"):
                self.assertIn(mine, proposed)
            for _, proposed in self.each(f"muster watch {option} "):
                self.assertTrue(all(word.isdigit() for word in proposed), proposed)

    def test_names_of_programs(self):
        for _, proposed in self.each("muster watch --name trunc"):
            self.assertEqual(proposed, {"truncate"})

    def test_files(self):
        """In bash by readline itself: at a terminal, below."""
        for verb, option, _ in self.options_with("FILE"):
            for begin in (f"{option} ", f"{option}="):
                for name, proposed in self.each(f"muster {verb} {begin}a-f"):
                    if not name.startswith("bash"):
                        self.assertEqual({word.removeprefix(f"{option}=") for word in proposed}, {"a-file"})

    # ---- the command behind `muster trace` ------------------------------------------------------------------------

    def test_the_command(self):
        for line in ("muster trace trunc", "muster trace -- trunc", "muster trace --format text -- trunc", "muster trace -f text trunc",
                     "muster trace --forks -o a-file trunc"):
            for _, proposed in self.each(line):
                self.assertEqual(proposed, {"truncate"})

    def test_the_command_has_its_own(self):
        """Without its package bash knows no completions of others behind ours."""
        for line in ("muster trace probe al", "muster trace -- probe al", "muster trace --format=text --color never -- probe al", "muster trace -- probe x al"):
            for name, proposed in self.each(line):
                self.assertEqual(proposed, set() if name == "bash alone" else {"alpha"})

    def test_the_command_has_none_of_ours(self):
        for line in ("muster trace probe --", "muster trace -- probe --"):
            for name, proposed in self.each(line):
                self.assertEqual(proposed, set() if name == "bash alone" else {"--gamma"})


class TabTest(Shells):
    """With Tab, at a terminal: what stands on the line then is what the command gets."""

    LINES = (("muster wa\t--no-b\t", ["watch", "--no-baseline"]), ("muster watch --format=nd\t", ["watch", "--format=ndjson"]),
             ("muster watch --format nd\t", ["watch", "--format", "ndjson"]), ("muster watch --exclude us\troo\t", ["watch", "--exclude", "user=root"]),
             ("muster watch --exclude=us\troo\t", ["watch", "--exclude=user=root"]), ("muster watch --output a-f\t", ["watch", "--output", "a-file"]),
             ("muster watch --output=a-f\t", ["watch", "--output=a-file"]),
             ("muster trace -o a-f\t --fork\tprobe al\t", ["trace", "-o", "a-file", "--forks", "probe", "alpha"]))

    def check(self, command, script):
        path = self.work / "script"
        path.write_text(script + "muster() { printf 'g''ot:'; printf ' <%s>' \"$@\"; echo ' end'; }\nprintf 'is-%s\\n' ready\n", encoding="utf-8")
        terminal = Terminal(command, self.work)
        self.addCleanup(terminal.close)
        terminal.send(f". {path}\n")
        terminal.wait_for(r"is-ready")
        for line, wanted in self.LINES:
            with self.subTest(line=line):
                terminal.send(line + "\n")
                got = terminal.wait_for(r"got:((?: <[^>]*>)*) end").group(1)
                self.assertEqual(re.findall(r"<([^>]*)>", got), wanted)

    def test_bash(self):
        self.check(["bash", "--norc", "--noprofile", "-i"], Bash.script())

    def test_bash_alone(self):
        lines, self.LINES = self.LINES, self.LINES[:-1]
        self.assertLess(len(self.LINES), len(lines))
        self.check(["bash", "--norc", "--noprofile", "-i"], Bash.script(package=False))

    def test_zsh(self):
        self.check(["zsh", "-f", "-i"], ZSH_SCRIPT)


if __name__ == "__main__":
    unittest.main()
