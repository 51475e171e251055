# SPDX-License-Identifier: Apache-2.0
"""The manual pages, read as they are shown: rendered by mandoc, without a line that is broken.

    pages()             {name with its section: its file}
    Page(path)          .sections {heading: text}, .tags() the words of its lists, .entries() {tag: text}
"""

import functools
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
WRITTEN = ROOT / "docs/man"
MADE = ROOT / "build/man"
TAG = re.compile(r"^     (?! )(?P<tag>\S.*?)(?: {2,}(?P<text>\S.*))?$", re.MULTILINE)


def pages():
    made = {path.name.removesuffix(".in"): MADE / path.name.removesuffix(".in") for path in WRITTEN.glob("*.in")}
    return {**{path.name: path for path in WRITTEN.glob("*.[1-8]")}, **made}


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


@functools.lru_cache(maxsize=None)
def rendered(path, width=1000):
    done = run(["mandoc", "-T", "utf8", "-O", f"width={width}", path])
    if done.returncode != 0:
        raise AssertionError(f"mandoc: {path}: {done.stderr}")
    # Bold and underlined are a character, a backspace and a character.
    return re.sub(r".\x08", "", done.stdout)


class Page:
    def __init__(self, path):
        self.text = rendered(path)
        parts = re.split(r"^(?! )(\S.*)\n", self.text.split("\n", 1)[1], flags=re.MULTILINE)
        self.sections = dict(zip(parts[1::2], parts[2::2]))

    def tags(self, *sections):
        """The words of its lists: what stands alone on a line, or with its text behind some spaces."""
        return [found["tag"] for section in sections for found in TAG.finditer(self.sections.get(section, ""))]

    def entries(self):
        """{the words of a list: what stands below them}"""
        found = {}
        for text in self.sections.values():
            for part in re.split(r"\n(?=     (?! ))", text):
                tag, _, below = part.strip("\n").partition("\n")
                found[tag.strip()] = below
        return found
