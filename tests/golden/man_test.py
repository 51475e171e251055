# SPDX-License-Identifier: Apache-2.0
"""The manual pages say what the program says: of verbs, options, values and exit codes no more and no less than its help, and of
fields what the C code has. And they are without faults, for both who show them."""

import os
import pathlib
import re
import shutil
import tempfile
import unittest

import help_text
from manual_pages import ROOT, Page, pages, rendered, run

FRAME = "docs/man"
VERB_PAGES = {verb: f"muster-{verb}.1" for verb in (*help_text.verbs(), *help_text.WINDOWS_VERBS)}


class PagesTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        for program in ("mandoc", "groff"):
            if not shutil.which(program):
                raise unittest.SkipTest(f"{program} is not installed: tools/install-dependencies check")
        cls.files = pages()
        cls.pages = {name: Page(path) for name, path in cls.files.items()}

    def assert_same(self, there, wanted, what):
        missing, invented = sorted(map(str, wanted - there)), sorted(map(str, there - wanted))
        self.assertFalse(missing or invented, f"{what}: missing {missing}, invented {invented}")


# ---- form -----------------------------------------------------------------------------------------------------------


class FormTest(PagesTest):
    def test_mandoc_finds_nothing(self):
        for name, path in self.files.items():
            with self.subTest(page=name):
                done = run(["mandoc", "-T", "lint", "-W", "warning", path])
                self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_groff_finds_nothing(self):
        for name, path in self.files.items():
            with self.subTest(page=name):
                done = run(["groff", "-mandoc", "-Tutf8", "-Kutf8", "-ww", "-z", path])
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_faults_are_found(self):
        with tempfile.TemporaryDirectory() as folder:
            for fault in (".Bl -tag\n", ".Frobnicate\n"):
                page = pathlib.Path(folder) / "muster.1"
                page.write_text(self.files["muster.1"].read_text() + fault)
                self.assertNotEqual(run(["mandoc", "-T", "lint", "-W", "warning", page]).stdout, "")
            self.assertNotEqual(run(["groff", "-mandoc", "-Tutf8", "-Kutf8", "-ww", "-z", page]).stderr, "")

    def test_lines_fit_a_terminal(self):
        for name, path in self.files.items():
            for line in rendered(path, 78).splitlines():
                self.assertLessEqual(len(line), 80, f"{name}: {line}")

    def test_names(self):
        """The title, the name and the file agree: so apropos(1) and man(1) find it."""
        for name, page in self.pages.items():
            stem, _, section = name.rpartition(".")
            self.assertRegex(page.text.splitlines()[0], rf"^{stem.upper()}\({section}\)", name)
            self.assertRegex(page.sections["NAME"], rf"^     {stem} – \S", name)

    def test_sections(self):
        for name, page in self.pages.items():
            wanted = {"NAME", "DESCRIPTION", "SEE ALSO"}
            wanted |= {"SYNOPSIS", "EXIT STATUS", "EXAMPLES"} if name.endswith(".1") else set()
            self.assertLessEqual(wanted, set(page.sections), name)

    def test_references_of_ours_are_there(self):
        for name, page in self.pages.items():
            for stem, section in re.findall(r"\b(muster(?:-\w+)?)\((\d)\)", page.text.split("\n", 1)[1]):
                self.assertIn(f"{stem}.{section}", self.files, f"{name} refers to it")


# ---- verbs and options ----------------------------------------------------------------------------------------------


def options_in(text):
    """{(short, long, word for the value)} of tags, `-f, --format format`, and of a synopsis, `[-f | --format format]`; what stands
    beside each other are a short and a long name of the same, or two options of which one can be had."""
    found = set()
    for group in re.findall(r"\[([^][]*)\]", text) if "[" in text else text.split("\n"):
        names = re.findall(r"(?<![\w-])(-[a-zA-Z]|--[a-z][\w-]*)(?: ([a-z]\w*(?:=\w+)?))?", group)
        while names:
            name, value = names.pop(0)
            other = names.pop(0) if names and name[1] != "-" and names[0][0][1] == "-" else None
            short, long = (None, name) if name[1] == "-" else (name, other and other[0])
            value = other[1] if other else value
            found.add((short, long, value.upper() or None))
    return found


class OptionTest(PagesTest):
    def test_a_page_for_each_verb(self):
        there = {name for name in self.files if re.fullmatch(r"muster-\w+\.1", name)}
        self.assert_same(there, set(VERB_PAGES.values()), f"pages of verbs in {FRAME}")

    def test_verbs_of_the_first_page(self):
        tags = [tag for tag in self.pages["muster.1"].tags("DESCRIPTION") if re.fullmatch(r"[a-z]+", tag)]
        formats = help_text.values_named("watch", "--format")
        self.assert_same(set(tags) - set(formats), set(help_text.verbs()), f"verbs in {FRAME}/muster.1")
        for name in self.files:
            if name != "muster.1":
                self.assertIn(f"{name[:-2]}({name[-1]})", self.pages["muster.1"].sections["SEE ALSO"], "muster.1, SEE ALSO")

    def test_options(self):
        for verb, name in {"": "muster.1", **VERB_PAGES}.items():
            with self.subTest(page=name):
                tags = "\n".join(tag for tag in self.pages[name].tags("DESCRIPTION", "OPTIONS") if tag.startswith("-"))
                self.assert_same(options_in(tags), help_text.options(verb), f"options in {FRAME}/{name}, against `muster {verb} --help`")

    def test_synopsis(self):
        for verb, name in {"": "muster.1", **VERB_PAGES}.items():
            with self.subTest(page=name):
                there = {option for option in re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", self.pages[name].sections["SYNOPSIS"])}
                wanted = {option for short, long, _ in help_text.options(verb) for option in (short, long) if option}
                # muster.1 and muster-version.1 also have each other's way to ask.
                others = {"-V", "--version"} if verb == "version" else set()
                self.assert_same(there - others, wanted, f"SYNOPSIS of {FRAME}/{name}, against `muster {verb} --help`")

    def test_values_in_the_synopsis(self):
        for verb, name in VERB_PAGES.items():
            there = {option for option in options_in(self.pages[name].sections["SYNOPSIS"]) if option[2]}
            self.assert_same(there, {option for option in help_text.options(verb) if option[2]}, f"SYNOPSIS of {FRAME}/{name}")

    def test_no_option_is_invented_anywhere(self):
        known = {name for verb in ("", *VERB_PAGES) for option in help_text.options(verb) for name in option[:2]}
        for name, page in self.pages.items():
            self.assert_same(set(re.findall(r"(?<![\w-])--[a-z][\w-]+", page.text)) - known, set(), f"options that {FRAME}/{name} speaks of")

    def test_words_that_options_take(self):
        for verb, name in VERB_PAGES.items():
            for _, long, kind in help_text.options(verb):
                if kind in ("FORMAT", "WHEN"):
                    text = next(text for tag, text in self.pages[name].entries().items() if tag.startswith("-") and f"{long} " in tag)
                    for word in help_text.values_named(verb, long):
                        self.assertRegex(text, rf"\b{word}\b", f"{FRAME}/{name}, {long}")

    def test_exit_codes(self):
        compared = 0
        for verb, name in {"": "muster.1", **VERB_PAGES}.items():
            told = re.search(r"Exit codes:(.*?)\.\n", help_text.help_of(verb), re.DOTALL)
            if told:
                compared += 1
                there = {int(number) for tag in self.pages[name].tags("EXIT STATUS") for number in re.findall(r"^\d+", tag)}
                self.assert_same(there, {int(number) for number in re.findall(r"\d+", told.group(1))}, f"EXIT STATUS of {FRAME}/{name}")
        self.assertGreaterEqual(compared, 4)


# ---- fields, against the C code -------------------------------------------------------------------------------------

PROGRAM = r"""
#include <stddef.h>
#include <stdio.h>
#include "muster/record.h"

#define ROW(types, type, symbol, number, member, name, column, linux_, windows)                                                  \
    printf("field\t%d\t%s\t%s\t%zu\t%zu\t%s\t%s\t%s\t%s\n", number, #symbol, types, offsetof(type, member),                      \
           sizeof(((type *)0)->member), name, column, linux_, windows);
#define PROCESS(s, n, m, f, ...) ROW("start, exit, fork, running", struct muster_process_start, s, n, m, __VA_ARGS__)
#define START(s, n, m, f, ...) ROW("start, running", struct muster_process_start, s, n, m, __VA_ARGS__)
#define EXIT(s, n, m, f, ...) ROW("exit", struct muster_process_exit, s, n, m, __VA_ARGS__)
#define GAP(s, n, m, f, ...) ROW("gap", struct muster_gap, s, n, m, __VA_ARGS__)
#define TEXT(s, n, m, f, name, column, linux_, windows)                                                                          \
    printf("field\t%d\t%s\t\t0\t0\t%s\t%s\t%s\t%s\n", n, #s, name, column, linux_, windows);

int main(void)
{
    MUSTER_PROCESS_FIELDS(PROCESS)
    MUSTER_START_FIELDS(START)
    MUSTER_EXIT_FIELDS(EXIT)
    MUSTER_WINDOW_FIELDS(START)
    MUSTER_WINDOW_FIELDS(EXIT)
    MUSTER_GAP_FIELDS(GAP)
    MUSTER_TEXT_FIELDS(TEXT)
    for (unsigned i = 0; muster_cause_name(i); i++)
        printf("cause\t%u\t%s\n", i, muster_cause_name(i));
    for (unsigned i = 1; muster_stage_name(i); i++)
        printf("stage\t%u\t%s\n", i, muster_stage_name(i));
    return 0;
}
"""


class FieldTest(PagesTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = pathlib.Path(tempfile.mkdtemp(prefix="muster-man-"))
        cls.addClassCleanup(shutil.rmtree, folder)
        (folder / "fields.c").write_text(PROGRAM)
        library = ROOT / "build/libmuster.a"
        done = run([os.environ.get("CC", "gcc"), "-std=c11", "-Wall", "-Werror", f"-I{ROOT / 'include'}", folder / "fields.c", library, "-lpthread",
                    "-o", folder / "fields"])
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        lines = [line.split("\t") for line in run([folder / "fields"]).stdout.splitlines()]
        cls.fields = [line[1:] for line in lines if line[0] == "field"]
        cls.causes = {(line[1], line[2]) for line in lines if line[0] == "cause"}
        cls.stages = {(line[1], line[2]) for line in lines if line[0] == "stage"}
        if len(cls.fields) < 40 or len(cls.causes) < 9:
            raise AssertionError("the C program has not told its fields")

    def test_made_pages_are_fresh(self):
        for name, path in self.files.items():
            if path.parent.name == "man" and path.parent.parent.name == "build":
                done = run([ROOT / "tools/make-manual", ROOT / f"{FRAME}/{name}.in"])
                self.assertEqual((done.returncode, done.stdout), (0, path.read_text()), f"{path} is old: run make")

    def test_every_field_is_in_fields_7(self):
        entries = self.pages["muster-fields.7"].entries()
        for number, symbol, types, _, width, name, column, linux, windows in self.fields:
            with self.subTest(field=symbol):
                entry = next((text for tag, text in entries.items() if name in tag.split(", ")), None)
                self.assertIsNotNone(entry, f"muster-fields.7 has no entry {name}")
                bullet = re.search(rf"• +Field {number}, {symbol}: (.*)", entry)
                self.assertIsNotNone(bullet, f"{name} does not say that it is field {number}, {symbol}")
                types = ", ".join(field[2] for field in self.fields if field[0] == number)
                size = f"{width} byte{'s' if width != '1' else ''} of {types}." if types else "a text."
                # Sentences have one or two spaces between them.
                told = re.sub(r" +", " ", bullet[1])
                self.assertTrue(told.startswith(size), f"{told!r}, and not {size!r}")
                self.assertEqual("Column" in told, column != "", told)
                for word, wanted in (("Column ", column), ("Linux: ", linux), ("Windows: ", windows)):
                    self.assertEqual(f"{word}{wanted}" in told, wanted != "", f"{word}{wanted!r} in {told!r}")

    def test_fields_7_invents_none(self):
        there = set(re.findall(r"Field (\d+), (\w+):", self.pages["muster-fields.7"].text))
        self.assert_same(there, {(field[0], field[1]) for field in self.fields}, "fields of muster-fields.7")
        table = set(re.findall(r"^ +(\d+) +([A-Z_]+) +([\w.]+)$", self.pages["muster-fields.7"].sections["BY NUMBER"], re.MULTILINE))
        self.assert_same(table, {(field[0], field[1], field[5]) for field in self.fields}, "BY NUMBER of muster-fields.7")

    def part(self, heading):
        parts = re.split(r"^   (?! )(\S.*)\n", self.pages["muster-record.5"].sections["DESCRIPTION"], flags=re.MULTILINE)
        return dict(zip(parts[1::2], parts[2::2]))[heading]

    def test_every_field_is_in_record_5(self):
        scalars = re.findall(r"^ +(\d+) +(\w+) +(\d+) +(\d+) +(?:\d+(?:, \d+)* +)?([a-z][a-z_, ]*)$", self.part("Scalar fields"), re.MULTILINE)
        there = {(number, types, offset, width) for number, _, offset, width, types in scalars}
        self.assert_same(there, {(field[0], *field[2:5]) for field in self.fields if field[2]}, "scalar fields of muster-record.5")
        texts = set(re.findall(r"^ +(\d+) +([a-z_]+)$", self.part("Texts"), re.MULTILINE))
        self.assert_same(texts, {(field[0], field[1].lower()) for field in self.fields if not field[2]}, "texts of muster-record.5")

    def test_causes_and_stages_are_in_record_5(self):
        part = self.part("Causes, stages and image flags")
        for head, wanted in (("cause", self.causes), ("stage", self.stages)):
            text = re.search(rf"^ +{head} +name(?: +what)?\n(.*?)\n\n", part, re.MULTILINE | re.DOTALL)[1]
            self.assert_same(set(re.findall(r"^ +(\d+) +([a-z_]+)(?: .*)?$", text, re.MULTILINE)), wanted, "causes and stages of muster-record.5")


if __name__ == "__main__":
    unittest.main()
