# SPDX-License-Identifier: Apache-2.0
"""A third opinion on the lines, for a sample of what every_bytes_test and every_units_test go through: Python's json, base64 and
codecs. What is not valid has to be shown exactly as Python's decoder shows it: one U+FFFD for each maximal subpart.
"""

import base64
import itertools
import json
import pathlib
import re
import struct
import subprocess
import unicodedata
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build/plain/tests/text/text_lines"
# Where UTF-8's table of well-formed sequences has its edges, and what a terminal, a shell or JSON would obey.
EDGE_BYTES = bytes([0x00, 0x0a, 0x1b, 0x22, 0x41, 0x5c, 0x7f, 0x80, 0x85, 0x8e, 0x8f, 0x90, 0x9c, 0x9f, 0xa0, 0xa6, 0xa8, 0xae, 0xbf,
                    0xc0, 0xc1, 0xc2, 0xd8, 0xdf, 0xe0, 0xe1, 0xe2, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff])
EDGE_UNITS = (0, 9, 0x1b, 0x22, 0x5c, 0x61, 0x7f, 0x85, 0x61c, 0x7ff, 0x800, 0x200e, 0x2028, 0x202e, 0x2066, 0xd7ff, 0xd800, 0xd83d,
              0xdbff, 0xdc00, 0xde00, 0xdfff, 0xe000, 0xfffd, 0xfffe, 0xffff)
SURROGATE = re.compile("[\ud800-\udfff]")


def byte_texts():
    for length in range(3):
        yield from (bytes(text) for text in itertools.product(range(256), repeat=length))
    yield from (bytes(text) for text in itertools.product(EDGE_BYTES, repeat=3))
    yield from (bytes(text) for text in itertools.product(EDGE_BYTES[::3] + b"\xf0\x9f\x98\x80", repeat=4))


def wtf8_of(units):
    """Joins pairs, and keeps what is alone: what the driver makes of these units."""
    text = struct.pack(f"<{len(units)}H", *units).decode("utf-16-le", "surrogatepass")
    return text.encode("utf-8", "surrogatepass")


def unit_texts():
    yield from (wtf8_of([unit]) for unit in range(0x10000))
    for length in (2, 3):
        yield from (wtf8_of(units) for units in itertools.product(EDGE_UNITS, repeat=length))


def is_harmful(character):
    """Cc, the separators of lines and paragraphs, and what sets the direction of text."""
    return unicodedata.category(character) in ("Cc", "Zl", "Zp") or \
        character in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def unescaped(shown):
    """The bytes that the text format's backslashes stand for."""
    def one(match):
        escape = match.group(1)
        if escape[0] == "x":
            return bytes([int(escape[1:], 16)])
        if escape[0] == "u":
            return chr(int(escape[1:], 16)).encode("utf-8", "surrogatepass")
        return {"n": b"\n", "r": b"\r", "t": b"\t", "\\": b"\\"}[escape]
    parts = re.split(r"(\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|[nrt\\]))", shown)
    return b"".join(one(re.fullmatch(r"\\(.*)", part)) if at % 2 else part.encode() for at, part in enumerate(parts))


class LinesTest(unittest.TestCase):
    def lines(self, output_format, kind, texts):
        """[(text, its line)]"""
        given = b"".join(struct.pack("<I", len(text)) + text for text in texts)
        result = subprocess.run([PROGRAM, output_format, kind], input=given, stdout=subprocess.PIPE, check=True, timeout=120)
        lines = result.stdout.decode("utf-8").split("\n")
        self.assertEqual(lines.pop(), "")
        if output_format == "text":
            self.assertRegex(lines.pop(0), "^TIME +EVENT")
        self.assertEqual(len(lines), len(texts))
        seen = set("".join(lines))
        self.assertEqual([hex(ord(character)) for character in sorted(seen) if is_harmful(character)], [])
        return zip(texts, lines)

    def check(self, kind, texts, shown_of):
        for text, line in self.lines("ndjson", kind, texts):
            shown, is_exact = shown_of(text)
            event = json.loads(line)
            self.assertEqual(event["message"], shown, text)
            raw = event.get("muster", {}).get("raw", {}).get("message_b64")
            self.assertEqual(raw is None, is_exact, text)
            if raw is not None:
                self.assertEqual(base64.b64decode(raw, validate=True), text)
        for text, line in self.lines("driver-messages", kind, texts):
            self.assertEqual(json.loads(line), {"messages": [shown_of(text)[0]], "process_creations": []})
        for text, line in self.lines("text", kind, texts):
            self.assertEqual(unescaped(line[21:]), text)

    def test_bytes(self):
        def shown_of(text):
            shown = text.decode("utf-8", "replace")
            return shown, shown.encode() == text
        texts = list(byte_texts())
        self.assertGreater(len(texts), 100000)
        self.check("raw", texts, shown_of)

    def test_units(self):
        def shown_of(text):
            decoded = text.decode("utf-8", "surrogatepass")
            return SURROGATE.sub("\ufffd", decoded), not SURROGATE.search(decoded)
        self.check("wtf8", list(unit_texts()), shown_of)

    def test_this_test_can_fail(self):
        for broken in (b"a\x1bb", "a\u202eb".encode(), "a\u0085b".encode()):
            self.assertTrue(any(is_harmful(character) for character in broken.decode()))
        self.assertEqual(unescaped(r"\x1b\u202e\\n\n"), b"\x1b\xe2\x80\xae\\n\n")
        with self.assertRaises(AssertionError):
            self.check("raw", [b"\xed\xa0\x80"], lambda text: ("\ufffd", False))


if __name__ == "__main__":
    unittest.main()
