# SPDX-License-Identifier: Apache-2.0
"""docs/events.md has every member that an NDJSON line may have, and no other: the fields of include/muster/fields.h, each with
its type and on its events, and what sinks/ndjson_members.c adds to them."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/events.md").read_text(encoding="utf-8")
HEADER = (ROOT / "include/muster/fields.h").read_text(encoding="utf-8")
MEMBERS = (ROOT / "sinks/ndjson_members.c").read_text(encoding="utf-8")

TYPES = {"NUMBER": {"long", "ns"}, "ID": {"keyword"}, "FLAG": {"bool"}, "TIME": {"date"}, "WALL_TIME": {"date"}, "HEX": {"keyword"},
         "DEVICE": {"keyword"}, "TTY": {"object"}, "CAPABILITIES": {"keyword[]"}, "IMAGE": {"keyword[]"}, "INTEGRITY": {"keyword"},
         "TEXT": {"keyword", "wildcard", "text"}, "ARGUMENTS": {"keyword[]"}}
# Of a section of fields.h: on which events. Texts may be anywhere.
EVENTS = {"PROCESS": {"all", "started, forked, exited"}, "START": {"running, started", "started"}, "EXIT": {"exited"}, "GAP": {"events-lost"}}
# Behind all members, by ndjson_parts.c.
OF_THE_LINE = {"muster.raw"}


def cells_of(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def names_in(cell):
    """`process.user.id`, `.group.id`: the second stands for as many parts of the first as it has, from its end."""
    first, *others = re.findall(r"`([^`]+)`", cell)
    names = [first]
    for other in others:
        if other.startswith("."):
            parts = first.split(".")
            other = ".".join(parts[:max(1, len(parts) - other.count("."))]) + other
        names.append(other)
    return names


def rows_of(page):
    """{name: (type, events)}; a cell of two types has one for each name, else one for all."""
    rows = {}
    for line in re.findall(r"^\| `.*$", page, re.MULTILINE):
        cells = cells_of(line)
        names, types = names_in(cells[0]), [one.strip() for one in cells[1].split(",")]
        for index, name in enumerate(names):
            rows[name] = (types[index] if len(types) == len(names) else types[0], cells[2] if len(cells) == 4 else "")
    return rows


def fields_of(header):
    """(section, form, name)"""
    for section, body in re.findall(r"#define MUSTER_(\w+)_FIELDS\(X\) \\\n(.*?)\n\n", header, re.DOTALL):
        for form, name in re.findall(r'^ +X\(\w+, *\d+, *[\w.]*, *(\w+), *"([^"]+)"', body, re.MULTILINE):
            yield section, form, name


def faults(page):
    rows = rows_of(page)
    fields = list(fields_of(HEADER))
    own = set(re.findall(r'^    \{"([^"]+)",', MEMBERS, re.MULTILINE))
    found = []
    for section, form, name in fields:
        if name not in rows:
            found.append(f"{name} is not there")
        elif rows[name][0] and rows[name][0] not in TYPES[form]:
            found.append(f"{name} is {rows[name][0]}, and should be {TYPES[form]}")
        elif section in EVENTS and name != "event.duration" and rows[name][1] not in EVENTS[section]:
            found.append(f"{name} is on {rows[name][1]!r}, and should be on {EVENTS[section]}")
    known = {name for _, _, name in fields} | own | OF_THE_LINE
    found += [f"{name} is not there" for name in sorted(own - rows.keys())]
    found += [f"{name} is nothing that a line has" for name in sorted(rows.keys() - known)]
    return found


class EventsPageTest(unittest.TestCase):
    def test_the_page_is_true(self):
        self.assertGreater(len(list(fields_of(HEADER))), 45)
        self.assertEqual(len(re.findall(r"^ +X\(", HEADER, re.MULTILINE)), len(list(fields_of(HEADER))))
        self.assertEqual(faults(PAGE), [])

    def test_a_name_that_is_left_out_is_seen(self):
        for _, _, name in fields_of(HEADER):
            lines = [line for line in PAGE.splitlines() if not (line.startswith("| `") and name in names_in(cells_of(line)[0]))]
            self.assertIn(f"{name} is not there", faults("\n".join(lines)))

    def test_other_faults_are_seen(self):
        for right, wrong in (("| `process.vpid` | long |", "| `process.vpid` | keyword |"),
                             ("| `muster.usage.peak_rss_bytes` | long | exited |", "| `muster.usage.peak_rss_bytes` | long | started |"),
                             ("| `muster.script` |", "| `muster.script`, `.invented` |"),
                             ("| `muster.loss.count` |", "| `muster.loss.number` |")):
            self.assertEqual(PAGE.count(right), 1, right)
            self.assertNotEqual(faults(PAGE.replace(right, wrong)), [], wrong)


if __name__ == "__main__":
    unittest.main()
