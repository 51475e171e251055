# SPDX-License-Identifier: Apache-2.0
"""Captures for tests: made by the C code from records of our own, and what the C code reads in bytes."""

import json
import os
import pathlib
import random
import struct
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/fuzz"))

import record_decoder  # noqa: E402, F401
import record_generator  # noqa: E402
from record_decoder import TABLES  # noqa: E402

import capture_decoder  # noqa: E402

PLAIN = ROOT / "build/plain/tests/capture/capture_probe"
SANITIZED = ROOT / "build/asan/tests/capture/capture_probe"
SEED = int(os.environ.get("MUSTER_SEED", "20260820")) or random.SystemRandom().getrandbits(32)
KINDS = {kind.name: kind for kind in TABLES.types.values()}
CLOCK = 1787220000000000000
FLUSH = None  # among records: the end of a batch


class Clock(int):
    """Among records: from here on this is the clock's offset."""


def run_probe(mode, data, program=PLAIN):
    done = subprocess.run([program, mode], input=data, capture_output=True, timeout=300, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{program} {mode} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-3000:]}")
    return done.stdout


# ---- writing ---------------------------------------------------------------------------------------------


def record(name, sequence=0, time_ns=0, texts=(), **members):
    """One with a fixed part that has nothing but zeros and these members."""
    kind = KINDS[name]
    part = bytearray(kind.now)
    for member in TABLES.members_of[name]:
        if member.name in members:
            value = members[member.name]
            values = value if isinstance(value, (tuple, list)) else (value,)
            struct.pack_into(f"<{member.count}{record_generator.FORMS[member.width]}", part, member.offset,
                             *values, *[0] * (member.count - len(values)))
    valid = 0
    for scalar in TABLES.scalars_of[name]:
        if scalar.name in members:
            struct.pack_into("<" + record_generator.FORMS[scalar.width], part, scalar.offset, members[scalar.name])
            valid |= 1 << scalar.bit
    numbers = {text: number for number, text in TABLES.texts.items()}
    texts = sorted((numbers[text], value, len(value), len(value)) for text, value in dict(texts).items())
    data = record_generator.encode_texts(texts)
    for number, *_ in texts:
        valid |= 1 << number
    struct.pack_into("<IHBBQQQQHHI", part, 0, len(part) + len(data), kind.number, 1, 0, sequence, time_ns, valid, 0, len(part), len(texts), 0)
    return bytes(part) + data


def write(*captures, form="write", windows=False):
    """Each (name, [records, FLUSH, Clock]). form: what a sink of that name makes of them."""
    commands = []
    for name, items in captures:
        commands.append(struct.pack("<IIQ", 4 if windows else 3, 8, name))
        for item in items:
            if item is FLUSH:
                commands.append(struct.pack("<II", 1, 0))
            elif isinstance(item, Clock):
                commands.append(struct.pack("<IIQ", 2, 8, item))
            else:
                commands.append(struct.pack("<II", 0, len(item)) + item)
    return run_probe(form, b"".join(commands))


def ledger(epoch, produced, **more):
    return dict({"epoch": epoch, "produced": produced, "delivered": produced}, **more)


def small_records(seed=0, batches=(3, 1, 4, 2)):
    """A short stream: started, batches of events, stopped."""
    source = random.Random(seed)
    items = [Clock(CLOCK), record("sensor_started", time_ns=1000, **ledger(7, 0)), record("running", time_ns=1001, pid=1), FLUSH]
    number, time_ns, counts = 0, 2000, [0] * 4
    for size in batches:
        for _ in range(size):
            number += 1
            time_ns += source.randrange(1, 1000)
            kind = source.randrange(4)
            counts[kind] += 1
            items.append(record(("start", "exit", "fork", "message")[kind], number, time_ns))
        items.append(FLUSH)
    items += [record("sensor_stopped", time_ns=time_ns + 5, **ledger(7, number, types=counts)), FLUSH]
    return items


# ---- reading ---------------------------------------------------------------------------------------------


def read_all(inputs, mode="read", program=PLAIN):
    """What the C code reads in each: a list of parts."""
    lines = run_probe(mode, b"".join(struct.pack("<I", len(one)) + one for one in inputs), program).decode("ascii").splitlines()
    if len(lines) != len(inputs):
        raise AssertionError(f"{len(lines)} answers for {len(inputs)} inputs")
    return [json.loads(line) for line in lines]


def fnv(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


_told = {}


def as_told(data):
    """A record as the probe tells it."""
    if data not in _told:
        size, kind = struct.unpack_from("<IH", data)
        sequence, = struct.unpack_from("<Q", data, 8)
        _told[data] = (kind, sequence, size, fnv(data))
    return _told[data]


def records_told(parts):
    """{capture: records}, in no order."""
    found = {}
    for part in parts:
        if part["part"] == "records":
            found.setdefault(part["capture"], []).extend(tuple(one) for one in part["records"])
    return {capture: sorted(records) for capture, records in found.items()}


def damages(parts):
    return [part for part in parts if part["part"] == "damage"]


def judge(data, parts):
    """What is not as the other decoder has it."""
    problems = []
    account = capture_decoder.account(data)
    there = {name: sorted(as_told(one) for frame in capture.read.values() for one in frame.records())
             for name, capture in account.items()}
    there = {name: records for name, records in there.items() if records}
    if records_told(parts) != there:
        problems.append(f"records: {records_told(parts)}, not {there}")
    for name, capture in account.items():
        own = [part for part in parts if part["capture"] == name]
        lost = [sum(numbers) for numbers in zip([0] * 4, *(part["types"] for part in damages(own) if "types" in part))]
        if lost != capture.lost:
            problems.append(f"{name}: lost {lost}, not {capture.lost}")
        ends = [part for part in own if part["part"] == "end"]
        if len(ends) != 1 or ends[0]["whole"] != (not damages(own)):
            problems.append(f"{name}: ends {ends}")
        cut = [part for part in damages(own) if part["damage"] == "cut"]
        if len(cut) != (not capture.has_last):
            problems.append(f"{name}: cut {cut}, but the end is there: {capture.has_last}")
        if cut and ("types" in cut[0]) != capture.has_end:
            problems.append(f"{name}: {cut}")
        if not own or own[0]["part"] != "begin":
            problems.append(f"{name}: does not begin with its beginning")
    return problems
