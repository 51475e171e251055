# SPDX-License-Identifier: Apache-2.0
"""A decoder of captures, written from docs/capture-format.md, of which it reads the tables. It knows nothing of the C
code, and goes another way: it has all bytes at once, finds all frames first, and then sees what is missing.

    frames(data) -> [Frame or Junk]     everything that stands there, in order
    account(data) -> {name: Capture}    what of each capture is there, and what is lost
"""

import collections
import functools
import hashlib
import pathlib
import re
import struct

FORMAT = pathlib.Path(__file__).resolve().parents[2] / "docs/capture-format.md"
FORMS = {1: "B", 2: "H", 4: "I", 8: "Q"}
TYPES = ("start", "exit", "fork", "message")
CHECKPOINT, RECORDS = 1, 2
ENDS, LAST = 1, 2
SYNTHETIC = 4 # a flag of a record
HEADER_BYTES = 160
DIGEST_BYTES = 32
PAYLOAD_MOST = 278528
MARKER = b"\x8dMUSTER\x1a"


# ---- the tables of the page ------------------------------------------------------------------------------


def rows_below(heading, columns, text):
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL).group(1)
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in section.splitlines() if line.startswith("|")]
    begin = rows.index(columns)
    taken = []
    for row in rows[begin + 2:]:
        if len(row) != len(columns) or not row[0].isdigit():
            break
        taken.append(row)
    return taken


Field = collections.namedtuple("Field", "name offset width")
PAGE = FORMAT.read_text(encoding="utf-8")
COLUMNS = ["offset", "width", "name", "what"]
HEADER = [Field(name, int(offset), int(width)) for offset, width, name, _ in rows_below("The header of a frame", COLUMNS, PAGE)]
FIXED = [Field(name, int(offset), int(width)) for offset, width, name, _ in rows_below("Checkpoints", COLUMNS, PAGE)]
TEXTS = {int(number): name for number, name, _ in rows_below("Checkpoints", ["text", "name", "as in NDJSON"], PAGE)}
FIXED_BYTES = FIXED[-1].offset + FIXED[-1].width


def take(fields, data, offset=0):
    values = {}
    for field in fields:
        part = data[offset + field.offset:offset + field.offset + field.width]
        values[field.name] = int.from_bytes(part, "little") if field.width in FORMS else bytes(part)
    return values


# ---- frames ----------------------------------------------------------------------------------------------


def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC_TABLE = _crc_table()


@functools.lru_cache(maxsize=4096)
def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def signed(number):
    return number - (1 << 64) if number >> 63 else number


def unmasked(payload, mask):
    if mask == 0:
        return bytes(payload)
    pattern = mask.to_bytes(8, "little") * (len(payload) // 8)
    return (int.from_bytes(payload, "little") ^ int.from_bytes(pattern, "little")).to_bytes(len(payload), "little")


class Frame:
    """A sound header, and what stands behind it up to `end`."""

    def __init__(self, data, offset, header, end):
        self.offset, self.end = offset, end
        self.__dict__.update(header)
        self.clock_offset_ns = signed(self.clock_offset_ns)
        self.totals = tuple(header[f"{name}_total"] for name in TYPES)
        size = HEADER_BYTES + self.payload_bytes + DIGEST_BYTES
        self.whole = end - offset == size
        if self.whole:
            body, self.digest = data[offset:end - DIGEST_BYTES], bytes(data[end - DIGEST_BYTES:end])
            self.whole = hashlib.blake2b(body, digest_size=DIGEST_BYTES).digest() == self.digest
        if self.whole:
            self.payload = unmasked(body[HEADER_BYTES:], self.mask)

    def records(self):
        """Their bytes, in order."""
        found, at = [], 0
        while self.type == RECORDS and at < len(self.payload):
            size, = struct.unpack_from("<I", self.payload, at)
            found.append(self.payload[at:at + size])
            at += size
        return found

    def own(self):
        """Numbered records by type: what was concluded is not."""
        counts = [0, 0, 0, 0]
        for record in self.records():
            kind, _, flags = struct.unpack_from("<HBB", record, 4)
            if 1 <= kind <= 4 and not flags & SYNTHETIC:
                counts[kind - 1] += 1
        return tuple(counts)

    def checkpoint(self):
        fixed = take(FIXED, self.payload)
        at, texts = fixed["fixed_bytes"], {}
        while at < len(self.payload):
            name, size = struct.unpack_from("<II", self.payload, at)
            texts[TEXTS.get(name, name)] = self.payload[at + 8:at + 8 + size].decode("utf-8")
            at += 8 + (size + 7) // 8 * 8
        fixed["texts"] = texts
        fixed["lost"] = struct.unpack("<16Q", fixed["lost"])
        return fixed


Junk = collections.namedtuple("Junk", "offset end")


def sound_header(data, offset):
    if data[offset:offset + 8] != MARKER or len(data) - offset < HEADER_BYTES:
        return None
    header = take(HEADER, data, offset)
    if header["payload_bytes"] % 8 or header["payload_bytes"] > PAYLOAD_MOST or header["number"] == (1 << 64) - 1:
        return None
    return header if crc32c(bytes(data[offset:offset + HEADER_BYTES - 4])) == header["check"] else None


def frames(data):
    begins, at = [], data.find(MARKER)
    while at >= 0:
        header = sound_header(data, at)
        if header:
            begins.append((at, header))
        at = data.find(MARKER, at + 1)
    found, at = [], 0
    for index, (begin, header) in enumerate(begins):
        if begin > at:
            found.append(Junk(at, begin))
        behind = begins[index + 1][0] if index + 1 < len(begins) else len(data)
        at = min(behind, begin + HEADER_BYTES + header["payload_bytes"] + DIGEST_BYTES)
        found.append(Frame(data, begin, header, at))
    if at < len(data):
        found.append(Junk(at, len(data)))
    return found


# ---- what is there, and what is not ------------------------------------------------------------------------


class Capture:
    """`read`: {number: whole frame}, the first of each number. `lost`: numbered records by type, of which it is known
    that they are missing. `has_end`: whether it is known that nothing came behind."""

    def __init__(self):
        self.read, self.sound = {}, {}
        self.lost = [0, 0, 0, 0]
        self.has_end = self.has_last = False
        self.missing = []

    def add(self, frame):
        (self.read if frame.whole else self.sound).setdefault(frame.number, frame)

    def settle(self):
        """From each frame of which the totals are known to the next one that is whole."""
        before, expected = (0, 0, 0, 0), 0
        for number in sorted(self.read):
            frame = self.read[number]
            self.missing += range(expected, number)
            reached = tuple(total - own for total, own in zip(frame.totals, frame.own()))
            self.lost = [lost + now - then for lost, now, then in zip(self.lost, reached, before)]
            before, expected = frame.totals, number + 1
        behind = [frame for number, frame in self.sound.items() if number >= expected]
        if behind:
            last = max(behind, key=lambda frame: frame.number)
            self.missing += range(expected, last.number + 1)
            self.lost = [lost + now - then for lost, now, then in zip(self.lost, last.totals, before)]
        known = [*self.read.values(), *self.sound.values()]
        self.has_end = any(frame.flags & ENDS for frame in known)
        self.has_last = any(frame.flags & LAST for frame in known)


def account(data):
    """Frames in front of the first checkpoint of their capture do not count: what their records mean is not known then."""
    captures = collections.defaultdict(Capture)
    for found in frames(data):
        if isinstance(found, Frame) and (found.capture in captures or (found.whole and found.type == CHECKPOINT)):
            captures[found.capture].add(found)
    for capture in captures.values():
        capture.settle()
    return dict(captures)


def chain_problems(data):
    """Of a capture, or several one behind the other, that nobody has damaged."""
    problems, before = [], None
    for found in frames(data):
        if not isinstance(found, Frame) or not found.whole:
            problems.append(f"{found.offset}: no whole frame")
            continue
        if found.number == 0:
            if before is not None and not before.flags & LAST:
                problems.append(f"{found.offset}: a capture begins before the end of the last one")
            before = None
        expected = (0, bytes(DIGEST_BYTES), (0, 0, 0, 0)) if before is None else (before.number + 1, before.digest, before.totals)
        reached = tuple(total - own for total, own in zip(found.totals, found.own()))
        if (found.number, found.previous, reached) != expected or (before and before.capture != found.capture):
            problems.append(f"{found.offset}: frame {found.number} does not follow")
        before = found
    if before is None or not before.flags & LAST:
        problems.append("no end")
    return problems
