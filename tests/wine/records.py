# SPDX-License-Identifier: Apache-2.0
"""The driver's device and its records, in Python: written from include/muster/nt_device.h and docs/record-format.md
(tests/fuzz/record_decoder.py), without anything of the product's own code. Decoding raises Malformed where a byte is
not as those say, or as a driver of this version does not write it."""

import collections
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "fuzz"))

import record_decoder  # noqa: E402
from record_decoder import TABLES  # noqa: E402

DEVICE_PATH = "\\\\.\\Muster"
CONTROL_HELLO = 0x8D55 << 16 | 1 << 14 | 0x800 << 2 | 0
CONTROL_STATUS = 0x8D55 << 16 | 1 << 14 | 0x801 << 2 | 0
CONTROL_READ = 0x8D55 << 16 | 3 << 14 | 0x802 << 2 | 2

PROTOCOL_VERSION = 1
RECORD_VERSION = 1
RECORD_HEADER_BYTES = 48
FEATURES = 7
OBSERVER, READER = 1, 2
WAIT_FOREVER = 0xFFFFFFFF

ACCEPTED, REFUSED_PROTOCOL, REFUSED_RECORDS, REFUSED_FEATURES, REFUSED_ROLE, REFUSED_READER_TAKEN = range(6)

START, EXIT, FORK, MESSAGE, GAP = 1, 2, 3, 4, 5
WTF8, SKELETON = 1, 2
IMAGE_OPENED_NAME = 4

CAUSES = ("ring_full", "class_shed", "queue_full", "allocation_failed", "irql_refused", "program_missed", "record_invalid",
          "record_too_large", "unexplained", "capture_damaged", "share_shed")

REPORTED = (START, EXIT, MESSAGE, GAP)
TEXT_NUMBERS = {name: number for number, name in TABLES.texts.items()}
ARGS_MAX_BYTES = 32768
PATH_MAX_BYTES = 4096


class Malformed(Exception):
    pass


def expect(condition, what):
    if not condition:
        raise Malformed(what)


# ---- control requests ------------------------------------------------------------------------------------


def hello(role, protocol=PROTOCOL_VERSION, record=RECORD_VERSION, header=RECORD_HEADER_BYTES, needed=0):
    return struct.pack("<IIIIQ", protocol, record, header, role, needed)


HelloReply = collections.namedtuple(
    "HelloReply", "protocol record_version record_header_bytes refusal features epoch started_ns read_header_bytes read_most_bytes version")


def decode_hello(data):
    expect(len(data) == 56, f"a HELLO reply of {len(data)} bytes")
    *fields, a, b, c, d = struct.unpack("<IIIIQQQII4H", data)
    return HelloReply(*fields, (a, b, c, d))


def read_request(acknowledge=0, timeout_ms=0, reserved=0):
    return struct.pack("<QII", acknowledge, timeout_ms, reserved)


Batch = collections.namedtuple("Batch", "epoch lease_id bytes_needed records")


def decode_batch(data):
    """A READ's whole answer."""
    expect(len(data) >= 32, f"a READ answer of {len(data)} bytes")
    epoch, lease, count, record_bytes, needed, reserved = struct.unpack_from("<QQIIII", data)
    expect(reserved == 0, "reserved is not 0")
    expect(len(data) == 32 + record_bytes, f"{len(data)} bytes, but the header says 32 + {record_bytes}")
    expect((count == 0) == (record_bytes == 0), f"{count} records in {record_bytes} bytes")
    expect((count == 0) == (lease == 0), f"{count} records under the lease {lease}")
    records = decode_records(data[32:])
    expect(len(records) == count, f"{len(records)} records, but the header says {count}")
    return Batch(epoch, lease, needed, records)


Status = collections.namedtuple(
    "Status", "epoch started_ns produced delivered filtered held degraded dropped last_sequence queue_records cache_records leased_records "
    "lease_id charged_bytes charged_peak_bytes budget_bytes refused_calls reader_present process_events denied_requests")


def decode_status(data):
    expect(len(data) == 272, f"a STATUS of {len(data)} bytes")
    fields = struct.unpack("<7Q16Q9Q2IQ", data)
    return Status(*fields[:7], fields[7:23], *fields[23:])


def check_status(status):
    """What holds at every moment at which nothing is raised."""
    problems = []
    if status.produced != status.delivered + status.filtered + status.held + sum(status.dropped):
        problems.append(f"the ledger does not balance: {status}")
    if status.produced != status.last_sequence:
        problems.append(f"{status.produced} produced, but the last number is {status.last_sequence}")
    if status.held > status.queue_records + status.cache_records:
        problems.append(f"{status.held} held, in {status.queue_records} + {status.cache_records} records")
    if not status.charged_bytes <= status.charged_peak_bytes <= status.budget_bytes:
        problems.append(f"{status.charged_bytes} of {status.budget_bytes} bytes, {status.charged_peak_bytes} at the most")
    if any(status.dropped[len(CAUSES):]):
        problems.append(f"causes that there are not: {status.dropped}")
    return problems


# ---- records -----------------------------------------------------------------------------------------------


class Text(bytes):
    """What is kept of a text; head_bytes and full_bytes beside it."""

    def __new__(cls, data, head_bytes, full_bytes):
        text = super().__new__(cls, data)
        text.head_bytes = head_bytes
        text.full_bytes = full_bytes
        return text

    @property
    def is_whole(self):
        return self.full_bytes == len(self)


class Record(record_decoder.Record):
    """A valid record that is as this driver writes it: nothing left out of its fixed part, no field of a later
    version, and zeros where no field is."""

    def __init__(self, data):
        try:
            super().__init__(data)
        except record_decoder.Refused as refusal:
            raise Malformed(str(refusal)) from None
        expect(self.type in REPORTED, f"a driver does not report type {self.type}")
        expect(self.size_bytes == len(data), f"{len(data) - self.size_bytes} bytes behind the record")
        expect(self.fixed_bytes == TABLES.types[self.type].now, f"a fixed part of {self.fixed_bytes} bytes")
        expect((self.sequence != 0) == (self.type != GAP), f"type {self.type} with the number {self.sequence}")
        expect(self.valid & ~self._known_bits() == 0, f"bits of no field: {self.valid:#x}")
        self.fields = {scalar.name: self.scalars[scalar.bit] for scalar in TABLES.scalars_of[self.kind] if scalar.bit in self.scalars}
        self.texts = {TABLES.texts[text.field]: Text(text.bytes, text.head_bytes, text.full_bytes) for text in self.texts}
        self._expect_zeros()

    @staticmethod
    def _known_bits():
        return sum(1 << bit for bit in [*TABLES.texts, *(scalar.bit for scalar in TABLES.scalars)])

    def _expect_zeros(self):
        for scalar in TABLES.scalars_of[self.kind] if self.type != GAP else ():
            value = self.data[scalar.offset:scalar.offset + scalar.width]
            expect(scalar.name in self.fields or not any(value), f"{scalar.name} is {value.hex()} but not valid")

    def __getattr__(self, name):
        """A field by its name; None where it is not valid."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self.fields.get(name, self.texts.get(name))

    def is_unavailable(self, name):
        bits = dict(TEXT_NUMBERS, **{scalar.name: scalar.bit for scalar in TABLES.scalars_of[self.kind]})
        return bool(self.unavailable >> bits[name] & 1)

    def gap(self):
        """(first, last, count, {cause: count}, {type: count})"""
        first, last, count, causes, types = (self.members[name] for name in ("first_sequence", "last_sequence", "count", "causes", "types"))
        expect(sum(types) == count, f"a gap of {count}: {types}")
        return (first, last, count, {CAUSES[i]: n for i, n in enumerate(causes) if n}, {i + 1: n for i, n in enumerate(types) if n})

    def __repr__(self):
        return f"<{self.type} #{self.sequence} {self.fields} {self.texts}>"


def decode_records(data):
    records, offset = [], 0
    while offset < len(data):
        expect(offset + 48 <= len(data), "half a record header")
        size, = struct.unpack_from("<I", data, offset)
        expect(size >= 48 and size % 8 == 0 and offset + size <= len(data), f"a record of {size} bytes at {offset} of {len(data)}")
        records.append(Record(data[offset:offset + size]))
        offset += size
    return records


# ---- text and time -------------------------------------------------------------------------------------------


def wtf8(units):
    """UTF-16 units (a list of numbers) as WTF-8: a pair is one character, a lone surrogate stands as it is."""
    data = b"".join(struct.pack("<H", unit) for unit in units)
    return data.decode("utf-16-le", "surrogatepass").encode("utf-8", "surrogatepass")


def unix_ns(filetime):
    """100 ns since 1601 as ns since 1970."""
    return (filetime - 116444736000000000) * 100


def check_sequences(records):
    """Numbers 1.. without holes but for what gaps say; for a stream from its beginning."""
    problems = []
    numbers = [record.sequence for record in records if record.type != GAP]
    doubled = [number for number, count in collections.Counter(numbers).items() if count > 1]
    problems += [f"number {number} came more than once" for number in doubled]
    missing = sorted(set(range(1, max(numbers, default=0) + 1)) - set(numbers))
    gaps = sorted(record.gap()[:3] for record in records if record.type == GAP)
    for first, last, count in gaps:
        inside = [number for number in missing if first <= number <= last]
        # A gap may reach behind the last number that came.
        beyond = max(0, last - max(numbers, default=0))
        if not len(inside) <= count <= len(inside) + beyond:
            problems.append(f"gap {first}..{last} says {count}, {len(inside)} are missing in it")
        missing = [number for number in missing if not first <= number <= last]
    if missing:
        problems.append(f"{len(missing)} numbers are missing and in no gap: {missing[:5]}")
    return problems
