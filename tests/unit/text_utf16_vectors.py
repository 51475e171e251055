#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints what text_utf16_test.c compares with: Python's own codecs say what WTF-8 of UTF-16 is.

With `surrogatepass` the UTF-16 codec joins pairs and keeps lone surrogates, and the UTF-8 codec
writes those as three bytes.
"""

VECTORS = [
    [], [0], [0x41], [0x7F, 0x80], [0x7FF, 0x800], [0xD7FF, 0xE000], [0xFFFD, 0xFFFE, 0xFFFF], [0xD800], [0xDFFF],
    [0xD800, 0xDC00], [0xDBFF, 0xDFFF], [0xD83D, 0xDE00], [0xDC00, 0xD800], [0xD800, 0xD800, 0xDC00],
    [0xD800, 0xDC00, 0xDC00], [0xD83D, 0x41, 0xDE00], [0xDBFF, 0xD800, 0x20AC]]


def wtf8(units):
    raw = b"".join(unit.to_bytes(2, "little") for unit in units)
    return raw.decode("utf-16-le", "surrogatepass").encode("utf-8", "surrogatepass")


def fnv(value, data):
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def draws():
    state = 1
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield state >> 33


def unit(value):
    """Half of them surrogates, a quarter ASCII, a quarter anything."""
    kind, rest = value % 8, value // 8
    return 0xD800 + rest % 0x800 if kind < 4 else rest % 0x80 if kind < 6 else rest % 0x10000


def main():
    for vector in VECTORS:
        expected = wtf8(vector)
        units = ", ".join(f"{unit:#x}" for unit in vector) or "0"
        text = "".join(f"\\x{byte:02x}" for byte in expected)
        print(f'    {{{{{units}}}, {len(vector)}, "{text}", {len(expected)}}},')
    digest = 0xCBF29CE484222325
    for single in range(0x10000):
        digest = fnv(digest, wtf8([single]))
    random = draws()
    for _ in range(10000):
        digest = fnv(digest, wtf8([unit(next(random)) for _ in range(next(random) % 16)]))
    print(f"digest {digest:#x}")


main()
