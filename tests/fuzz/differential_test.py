# SPDX-License-Identifier: Apache-2.0
"""Two readings of the written format agree: the C code, and a decoder that was written from docs/record-format.md
alone. On verdict and every field; on random records, damaged ones, and the inputs that fuzzing has kept.

MUSTER_SEED=N takes another seed (0: a random one), MUSTER_RECORDS=N another number of records."""

import json
import os
import pathlib
import random
import struct
import subprocess
import unittest

from record_decoder import FIRST_TEXT, MOST_BYTES, Refused, TABLES, decode
import record_generator

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROBE = ROOT / "build/plain/tests/fuzz/record_probe"
PROBE_SANITIZED = ROOT / "build/asan/tests/fuzz/record_probe"
SEED = int(os.environ.get("MUSTER_SEED", "20260820")) or random.SystemRandom().getrandbits(32)
COUNT = int(os.environ.get("MUSTER_RECORDS", "40000"))


def probe(inputs, program=PROBE):
    data = b"".join(struct.pack("<I", len(one)) + one for one in inputs)
    done = subprocess.run([program], input=data, capture_output=True, timeout=120, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{program} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout.decode("ascii").splitlines()


def members_in_order(record):
    numbers = []
    for member in sorted(TABLES.members_of[record.kind], key=lambda member: member.offset):
        value = record.members.get(member.name, ())
        numbers += value if isinstance(value, tuple) else (value,)
    return numbers


def as_told(data):
    """What the probe should say of these bytes."""
    try:
        record = decode(data)
    except Refused as refusal:
        return refusal.verdict
    return json.dumps({
        "header": [record.size_bytes, record.type, record.version, record.flags, record.sequence, record.time_ns, record.valid,
                   record.unavailable, record.fixed_bytes, record.text_count],
        "scalars": {str(bit): record.scalars[bit] for bit in sorted(record.scalars)},
        "members": members_in_order(record),
        "texts": [[text.field, text.head_bytes, text.full_bytes, text.bytes.hex()] for text in record.texts],
    }, separators=(",", ":"))


def disagreements(inputs, program=PROBE):
    told = probe(inputs, program)
    if len(told) != len(inputs):
        raise AssertionError(f"{len(told)} answers for {len(inputs)} inputs")
    return [f"{data.hex()}\n  C:      {c}\n  Python: {python}"
            for data, c, python in zip(inputs, told, map(as_told, inputs)) if c != python]


def verdicts(inputs):
    counts = {}
    for line in probe(inputs):
        verdict = line if line in ("invalid", "unsupported") else "valid"
        counts[verdict] = counts.get(verdict, 0) + 1
    return counts


class DifferentialTest(unittest.TestCase):
    def agree(self, inputs, program=PROBE):
        found = disagreements(inputs, program)
        self.assertFalse(found, f"seed {SEED}: {len(found)} disagreements, the first:\n{found[0] if found else ''}")

    def test_the_page_has_what_the_headers_have(self):
        told = subprocess.run([PROBE, "--tables"], capture_output=True, text=True, timeout=20, check=True).stdout
        lines = [f"type {kind.number} {kind.now}" for kind in TABLES.types.values()]
        lines += [f"scalar {kind.number} {scalar.bit} {scalar.offset} {scalar.width}"
                  for kind in TABLES.types.values() for scalar in TABLES.scalars_of[kind.name]]
        lines += [f"limits {max(s.bit for s in TABLES.scalars) + 1} {FIRST_TEXT} {max(TABLES.texts) + 1} {MOST_BYTES}"]
        self.assertEqual(sorted(lines), sorted(told.splitlines()), "docs/record-format.md wants the same fields as include/muster/wire.h")

    def test_valid_records(self):
        source = random.Random(SEED)
        inputs = [record_generator.valid_record(source) for _ in range(COUNT // 4)]
        self.assertEqual(verdicts(inputs), {"valid": len(inputs)})
        self.agree(inputs)

    def test_damaged_records(self):
        source = random.Random(SEED + 1)
        inputs = [record_generator.damaged_record(source) for _ in range(COUNT - COUNT // 4)]
        counts = verdicts(inputs)
        print(f"# seed {SEED}: {counts}")
        # Damage that never leaves a record valid, or always does, would show little.
        self.assertTrue(all(counts.get(verdict, 0) > len(inputs) // 50 for verdict in ("valid", "invalid", "unsupported")), counts)
        self.agree(inputs)

    def test_every_cut_and_every_bit_of_one_record_of_each_type(self):
        for kind in TABLES.types.values():
            data = record_generator.valid_record(random.Random(SEED + kind.number), kind)[:1024]
            inputs = [data[:end] for end in range(len(data) + 1)]
            inputs += [(int.from_bytes(data, "little") ^ 1 << bit).to_bytes(len(data), "little") for bit in range(8 * len(data))]
            self.agree(inputs)

    def test_kept_inputs(self):
        """The targets' inputs are records one behind the other: from each, every place where one may begin."""
        inputs = []
        for path in sorted((ROOT / "tests/fuzz/corpus").glob("fuzz_[vs]*/*")):
            data = path.read_bytes()[:2048]
            inputs += [data[at:] for at in range(0, max(1, len(data) - 40), 48)]
        self.assertGreater(len(inputs), 100)
        self.agree(inputs)

    def test_under_sanitizers(self):
        source = random.Random(SEED + 2)
        self.agree([record_generator.damaged_record(source) for _ in range(COUNT // 20)], PROBE_SANITIZED)

    def test_a_decoder_that_is_wrong_is_seen(self):
        """The comparison can fail: for each scalar whose place were another."""
        source = random.Random(SEED + 3)
        inputs = [record_generator.valid_record(source) for _ in range(300)]
        told = probe(inputs)
        for scalar in TABLES.scalars:
            data = next((i for i, line in enumerate(told)
                         if f'"{scalar.bit}":' in line and decode(inputs[i]).kind in scalar.types), None)
            self.assertIsNotNone(data, f"no record has {scalar.name}")
            changed = bytearray(inputs[data])
            changed[scalar.offset] ^= 1
            self.assertNotEqual(as_told(bytes(changed)), told[data], scalar.name)


if __name__ == "__main__":
    unittest.main()
