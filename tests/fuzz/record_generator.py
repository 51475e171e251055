# SPDX-License-Identifier: Apache-2.0
"""Random records for tests: valid ones of every type, and damaged ones. Made from the tables of
docs/record-format.md; the same seed gives the same records.

    tests/fuzz/record_generator.py COUNT SEED FOLDER    writes valid ones as files, to begin fuzzing with
"""

import pathlib
import random
import struct
import sys

from record_decoder import FIRST_TEXT, FORMS, HEADER_BYTES, LAST_TEXT, TABLES, TEXT_HEADER_BYTES

ALL_64 = (1 << 64) - 1
HEADER_PLACES = ((0, 4), (4, 2), (6, 1), (7, 1), (24, 8), (32, 8), (40, 2), (42, 2), (44, 4))
PIECES = (b"/usr/bin/env", b"a", b"", b"\0", b"\n", b"\x1b[31m", b"\xe2\x80\xae", b"\xff", b"\xed\xa0\x80", b"'\"\\$", b"C:\\x", b"\xc3\xa9",
          b"S-1-5-18", b" ")


def extreme(source, width):
    most = (1 << 8 * width) - 1
    return source.choice((0, 1, 2, 7, 8, most, most - 1, most >> 1, (most >> 1) + 1, source.getrandbits(8 * width),
                          1 << source.randrange(8 * width), source.randrange(300) & most))


def random_text(source):
    data = b"".join(source.choice(PIECES) for _ in range(source.choice((0, 1, 2, 3, 9))))
    if source.random() < 0.02:
        data = bytes(source.getrandbits(8) for _ in range(source.randrange(3000)))
    head = full = len(data)
    if source.random() < 0.2:
        full = min(len(data) + source.choice((1, 7, 70000, 1 << 31)), (1 << 32) - 1)
        head = source.randint(0, len(data))
    return data, head, full


def random_texts(source):
    known = max(TABLES.texts)
    candidates = range(FIRST_TEXT, known + 1) if source.random() < 0.9 else range(FIRST_TEXT, LAST_TEXT + 1)
    return [(field, *random_text(source)) for field in candidates if source.random() < source.choice((0.05, 0.4))]


def encode_texts(texts):
    parts = []
    for field, data, head, full in texts:
        parts.append(struct.pack("<HHIII", field, 0, len(data), head, full) + data + bytes(-len(data) % 8))
    return b"".join(parts)


def fill_gap(source, part, has_range):
    count = source.choice((1, 2, 12, extreme(source, 8) >> 2 or 1))
    causes, types = [0] * 16, [0] * 8
    left = count
    for place in source.sample(range(16), 3):
        causes[place] = source.randint(0, left)
        left -= causes[place]
    causes[0] += left
    left = count if source.random() < 0.7 else source.randint(0, count)
    for place in source.sample(range(8), 2):
        types[place] = source.randint(0, left)
        left -= types[place]
    first = source.randint(1, 1 << source.choice((4, 62)))
    last = first + count - 1 + source.choice((0, 1, 1000))
    if not has_range and source.random() < 0.5:
        first, last = extreme(source, 8), extreme(source, 8)
    start = extreme(source, 8)
    struct.pack_into("<QQQQQII", part, 48, first, last, count, start, source.randint(start, ALL_64), extreme(source, 4), 0)
    struct.pack_into("<16Q8Q", part, 96, *causes, *types)


def fixed_part(source, kind):
    length = kind.now
    chance = source.random()
    if chance < 0.2:
        length = source.randrange(kind.least, kind.now + 1, 8)
    elif chance < 0.3:
        length = kind.now + 8 * source.randint(1, 20)
    part = bytearray(length)
    if source.random() < 0.3 or kind.least > HEADER_BYTES:
        part[HEADER_BYTES:] = source.randbytes(length - HEADER_BYTES)
    valid = 0
    for scalar in TABLES.scalars_of[kind.name]:
        if scalar.offset + scalar.width > length or source.random() < 0.3:
            continue
        value = source.choice(sorted(scalar.values)) if scalar.values else extreme(source, scalar.width)
        struct.pack_into("<" + FORMS[scalar.width], part, scalar.offset, value)
        valid |= 1 << scalar.bit
        if scalar.name == "window_end_ns":
            start, end = sorted((extreme(source, 8), value))
            struct.pack_into("<QQ", part, scalar.offset - 8, start, end)
    if source.random() < 0.1:
        valid |= source.getrandbits(64) & ~TABLES.known_scalars & (1 << FIRST_TEXT) - 1
    for member in TABLES.members_of[kind.name]:
        if member.name == "reserved" and member.offset + member.width <= length:
            part[member.offset:member.offset + member.width] = bytes(member.width)
    if kind.name == "gap":
        fill_gap(source, part, bool(valid))
    return part, valid


def valid_record(source, kind=None):
    kind = kind or source.choice(list(TABLES.types.values()))
    part, valid = fixed_part(source, kind)
    texts = random_texts(source)
    data = encode_texts(texts)
    for field, *_ in texts:
        valid |= 1 << field
    unavailable = source.getrandbits(64) & ~valid if source.random() < 0.5 else 0
    struct.pack_into("<IHBBQQQQHHI", part, 0, len(part) + len(data), kind.number, 1, source.choice((0, 1, 2, 4, source.getrandbits(8))),
                     extreme(source, 8), extreme(source, 8), valid, unavailable, len(part), len(texts), 0)
    return bytes(part) + data


# ---- damage --------------------------------------------------------------------------------------------------


def flip_bits(source, data):
    for _ in range(source.choice((1, 1, 1, 2, 5))):
        data[source.randrange(len(data))] ^= 1 << source.randrange(8)


def cut(source, data):
    del data[source.randrange(len(data)):]


def lengthen(source, data):
    data += bytes(source.choice((1, 7, 8, 16))) if source.random() < 0.5 else source.randbytes(source.randint(1, 64))


def splice(source, data):
    other = valid_record(source)
    at = source.randrange(0, len(data) + 1, source.choice((1, 8)))
    data[at:] = other[min(at, source.randrange(len(other) + 1)):]


def header_extreme(source, data):
    offset, width = source.choice(HEADER_PLACES)
    struct.pack_into("<" + FORMS[width], data, offset, extreme(source, width))


def member_extreme(source, data):
    """In the fixed part, where a number may stand."""
    width = source.choice((1, 2, 4, 8))
    end = min(len(data), struct.unpack_from("<H", data, 40)[0])
    if end - HEADER_BYTES >= 8:
        struct.pack_into("<" + FORMS[width], data, source.randrange(HEADER_BYTES, end - 7, width), extreme(source, width))


def text_extreme(source, data):
    begin = struct.unpack_from("<H", data, 40)[0]
    if begin + TEXT_HEADER_BYTES <= len(data):
        offset, width = source.choice(((0, 2), (2, 2), (4, 4), (8, 4), (12, 4)))
        struct.pack_into("<" + FORMS[width], data, begin + offset, extreme(source, width))


def other_size(source, data):
    """The size told, and not the bytes."""
    struct.pack_into("<I", data, 0, max(0, len(data) + source.choice((-16, -8, -4, 4, 8, 16))))


def other_type(source, data):
    struct.pack_into("<H", data, 4, source.randint(0, len(TABLES.types) + 2))


def other_bit(source, data):
    offset = source.choice((24, 32))
    valid, = struct.unpack_from("<Q", data, offset)
    struct.pack_into("<Q", data, offset, valid ^ 1 << source.randrange(64))


def swap_words(source, data):
    a, b = (8 * source.randrange(len(data) // 8) for _ in range(2))
    data[a:a + 8], data[b:b + 8] = data[b:b + 8], data[a:a + 8]


DAMAGES = (flip_bits, cut, lengthen, splice, header_extreme, member_extreme, text_extreme, other_size, other_type, other_bit, swap_words)


def damaged_record(source):
    data = bytearray(valid_record(source))
    for _ in range(source.choice((1, 1, 1, 2, 3))):
        if len(data) >= HEADER_BYTES:
            source.choice(DAMAGES)(source, data)
    return bytes(data)


def main():
    count, seed, folder = int(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3])
    source = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    kinds = list(TABLES.types.values())
    for number in range(count):
        (folder / f"{number:04}").write_bytes(valid_record(source, kinds[number % len(kinds)]))


if __name__ == "__main__":
    main()
