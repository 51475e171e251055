# SPDX-License-Identifier: Apache-2.0
"""A decoder of records, written from docs/record-format.md, of which it reads the tables. It knows nothing of
the C code.

    decode(data) -> Record            the record that begins at the first byte
                    raises Invalid or Unsupported
"""

import collections
import pathlib
import re
import struct

FORMAT = pathlib.Path(__file__).resolve().parents[2] / "docs/record-format.md"

FORMS = {1: "B", 2: "H", 4: "I", 8: "Q"}
HEADER_BYTES = 48
TEXT_HEADER_BYTES = 16
MOST_BYTES = 262144
VERSION = 1
FIRST_TEXT, LAST_TEXT = 48, 63
ALL_BITS = (1 << 64) - 1


class Refused(Exception):
    verdict = ""


class Invalid(Refused):
    verdict = "invalid"


class Unsupported(Refused):
    verdict = "unsupported"


def require(condition, what):
    if not condition:
        raise Invalid(what)


# ---- the tables of the page ------------------------------------------------------------------------------

Type = collections.namedtuple("Type", "number name now least")
Scalar = collections.namedtuple("Scalar", "bit name types offset width values")
Member = collections.namedtuple("Member", "name types offset width count")


def table_below(heading, columns, text):
    """The rows of the one table with these columns below that heading."""
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL).group(1)
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in section.splitlines() if line.startswith("|")]
    begin = rows.index(columns)
    taken = []
    for row in rows[begin + 2:]:
        if len(row) != len(columns) or not (row[0].isdigit() or columns[0] == "name"):
            break
        taken.append(row)
    return taken


def names_of(cell):
    return frozenset(name.strip() for name in cell.split(","))


class Tables:
    def __init__(self, text):
        self.types = {int(number): Type(int(number), name, int(now), int(least))
                      for number, name, now, least in table_below("Types", ["type", "name", "now", "at least"], text)}
        self.scalars = [Scalar(int(bit), name, names_of(types), int(offset), int(width),
                               {int(value) for value in values.split(",")} if values else None)
                        for bit, name, types, offset, width, values in table_below(
                            "Scalar fields", ["bit", "name", "types", "offset", "width", "values"], text)]
        self.members = [Member(name, names_of(types), *map(int, numbers)) for name, types, *numbers in table_below(
            "Members without a bit", ["name", "types", "offset", "width", "count"], text)]
        self.texts = {int(field): name for field, name in table_below("Texts", ["field", "name"], text)}
        self.known_scalars = (2 << max(scalar.bit for scalar in self.scalars)) - 1
        self.scalars_of = {kind.name: [s for s in self.scalars if kind.name in s.types] for kind in self.types.values()}
        self.members_of = {kind.name: [m for m in self.members if kind.name in m.types] for kind in self.types.values()}


TABLES = Tables(FORMAT.read_text(encoding="utf-8"))

# ---- records ---------------------------------------------------------------------------------------------

Text = collections.namedtuple("Text", "field head_bytes full_bytes bytes")


class Record:
    """What a valid record has: the header's numbers as attributes; scalars by bit; members by name; texts in order."""

    def __init__(self, data):
        require(len(data) >= HEADER_BYTES, "less than a header")
        (self.size_bytes, self.type, self.version, self.flags, self.sequence, self.time_ns, self.valid, self.unavailable,
         self.fixed_bytes, self.text_count, reserved) = struct.unpack_from("<IHBBQQQQHHI", data)
        require(HEADER_BYTES <= self.size_bytes <= min(len(data), MOST_BYTES) and self.size_bytes % 8 == 0, "size_bytes")
        require(HEADER_BYTES <= self.fixed_bytes <= self.size_bytes and self.fixed_bytes % 8 == 0, "fixed_bytes")
        require(reserved == 0 and self.version != 0 and self.type != 0, "reserved, version or type")
        require(not self.valid & self.unavailable, "a field both valid and unavailable")
        if self.version > VERSION:
            raise Unsupported(f"version {self.version}")
        self.data = bytes(data[:self.size_bytes])
        self.texts = self._texts()
        if self.type not in TABLES.types:
            raise Unsupported(f"type {self.type}")
        self.kind = TABLES.types[self.type].name
        require(self.fixed_bytes >= TABLES.types[self.type].least, "a fixed part that is too short")
        self.scalars = self._scalars()
        self.members = self._members()
        if self.kind == "gap":
            self._check_gap()
        for scalar in TABLES.scalars_of[self.kind]:
            if scalar.name == "window_end_ns" and scalar.bit in self.scalars:
                require(self.members["window_start_ns"] <= self.scalars[scalar.bit], "the window")

    def _texts(self):
        texts, offset, last, bits = [], self.fixed_bytes, FIRST_TEXT - 1, 0
        for _ in range(self.text_count):
            begin = offset + TEXT_HEADER_BYTES
            require(begin <= self.size_bytes, "a text that begins behind the end")
            field, reserved, size, head, full = struct.unpack_from("<HHIII", self.data, offset)
            require(last < field <= LAST_TEXT and reserved == 0, f"text {field}")
            require(size == head == full or (head <= size < full), f"text {field}: its sizes")
            end = begin + size
            offset = (end + 7) // 8 * 8
            require(offset <= self.size_bytes, f"text {field} ends behind the record")
            require(not any(self.data[end:offset]), f"text {field}: its zeros")
            texts.append(Text(field, head, full, self.data[begin:end]))
            bits |= 1 << field
            last = field
        require(offset == self.size_bytes, "bytes behind the last text")
        require(self.valid >> FIRST_TEXT == bits >> FIRST_TEXT, "texts and their bits")
        return texts

    def _scalars(self):
        there = {}
        readable = ~TABLES.known_scalars & ALL_BITS
        for scalar in TABLES.scalars_of[self.kind]:
            if scalar.offset + scalar.width > self.fixed_bytes:
                continue
            readable |= 1 << scalar.bit
            if self.valid >> scalar.bit & 1:
                there[scalar.bit], = struct.unpack_from("<" + FORMS[scalar.width], self.data, scalar.offset)
                require(scalar.values is None or there[scalar.bit] in scalar.values, f"{scalar.name}: its value")
        require(not self.valid & ~readable, "a scalar that cannot be there")
        return there

    def _members(self):
        members = {}
        for member in TABLES.members_of[self.kind]:
            if member.offset + member.width * member.count > self.fixed_bytes:
                continue
            values = struct.unpack_from(f"<{member.count}{FORMS[member.width]}", self.data, member.offset)
            if member.name == "reserved":
                require(not any(values), "a reserved member")
            else:
                members[member.name] = values if member.count > 1 else values[0]
        return members

    def _check_gap(self):
        gap = self.members
        require(gap["count"] != 0 and gap["start_ns"] <= gap["end_ns"], "a gap of nothing, or that ends before it begins")
        by_cause, by_type = sum(gap["causes"]), sum(gap["types"])
        require(by_cause == gap["count"] and by_type <= gap["count"], "causes and types")
        if any(scalar.name == "sequence_range" and scalar.bit in self.scalars for scalar in TABLES.scalars):
            first, last = gap["first_sequence"], gap["last_sequence"]
            require(0 < first <= last and gap["count"] <= last - first + 1, "the range")


def decode(data):
    return Record(data)
