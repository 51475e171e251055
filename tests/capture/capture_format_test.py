# SPDX-License-Identifier: Apache-2.0
"""What the capture sink writes is what docs/capture-format.md says, and what the reader reads is what was written: with
records of every kind and size. MUSTER_SEED=N takes another seed (0: a random one)."""

import hashlib
import random
import struct
import unittest

import capture_decoder
from captures import (CLOCK, FLUSH, KINDS, SANITIZED, SEED, Clock, as_told, damages, read_all, record, record_decoder, record_generator,
                      records_told, small_records, write)


LONGEST_TEXT = 262144 - KINDS["start"].now - 16


def given(items):
    return [item for item in items if isinstance(item, bytes)]


class FormatTest(unittest.TestCase):
    def assert_written(self, items, ends=False):
        data = write((101, items))
        problems = capture_decoder.chain_problems(data)
        self.assertEqual(problems, [] if ends else ["no end"])
        frames = capture_decoder.frames(data)
        self.assertEqual([one for frame in frames for one in frame.records()], given(items))
        self.assert_headers(frames)
        parts, = read_all([data], program=SANITIZED)
        self.assertEqual(records_told(parts), {101: sorted(as_told(one) for one in given(items))})
        self.assertEqual([part["damage"] for part in damages(parts)], [] if ends else ["cut"])
        return frames

    def assert_headers(self, frames):
        count = 0
        for frame in frames:
            own = [record_decoder.decode(one) for one in frame.records()]
            count += len(own)
            numbers = [one.sequence for one in own if one.type <= 4 and one.sequence and not one.flags & capture_decoder.SYNTHETIC]
            times = [one.time_ns for one in own if one.time_ns]
            self.assertEqual((frame.first_sequence, frame.last_sequence), (min(numbers, default=0), max(numbers, default=0)))
            self.assertEqual((frame.start_ns, frame.end_ns), (min(times, default=0), max(times, default=0)))
            self.assertEqual((frame.record_total, frame.capture, frame.version, frame.reserved), (count, 101, 1, 0))
            if frame.type == capture_decoder.RECORDS:
                self.assertLess(len(frame.payload) - len(frame.records()[-1]), 16384, "closed as soon as it is full")

    def test_a_stream(self):
        frames = self.assert_written(small_records(), ends=True)
        self.assertEqual([frame.flags for frame in frames], [0] * (len(frames) - 2) + [1, 3])
        self.assertEqual([frame.type for frame in frames[:2] + frames[-2:]], [capture_decoder.CHECKPOINT] * 4)

    def test_random_records(self):
        source = random.Random(SEED)
        for _ in range(20):
            items = [Clock(CLOCK)]
            for _ in range(source.choice((1, 10, 400))):
                items.append(record_generator.valid_record(source))
                if source.random() < source.choice((0.01, 0.5)):
                    items.append(FLUSH)
            self.assert_written([item for item in items if item is FLUSH or isinstance(item, Clock) or item[4] != 9])

    def test_records_of_every_size_up_to_the_longest(self):
        items = [record("start", 1 + size, 7, texts={"args": b"a" * size}) for size in (0, 1, 16128, 16136, 16200, 65000, 131072, LONGEST_TEXT)]
        self.assert_written(items)

    def test_full_frames(self):
        """Of 16384 bytes exactly, and of the most that there can be."""
        small = record("exit", 1, 1)
        items = [small] * (16384 // len(small)) + [FLUSH]
        fill = 16384 - len(small) * (16384 // len(small))
        last = record("start", 2, 1, texts={"args": b"x" * LONGEST_TEXT})
        self.assertGreater(fill, 0)
        frames = self.assert_written(items[:-1] + [last] + items)
        longest = max(len(frame.payload) for frame in frames)
        self.assertLessEqual(longest, capture_decoder.PAYLOAD_MOST)
        self.assertGreater(longest, 262144)

    def test_what_the_stream_is(self):
        parts, = read_all([write((101, small_records()))])
        self.assertEqual(parts[0]["epoch"], 0x0123456789ABCDEF)
        self.assertEqual(parts[0]["texts"], ["ebpf", "linux", "6.1.0", "web1", "", "0.1.0"])
        self.assertEqual((parts[0]["tick"], parts[0]["boot"]), (10000000, bytes(range(16)).hex()))
        first = capture_decoder.frames(write((101, small_records())))[0].checkpoint()
        self.assertEqual(first["texts"], {"provider": "ebpf", "os_type": "linux", "os_kernel": "6.1.0", "host_name": "web1", "version": "0.1.0"})
        self.assertEqual((first["epoch"], first["tick_ns"], first["boot_id"]), (0x0123456789ABCDEF, 10000000, bytes(range(16))))

    def test_the_account_of_checkpoints(self):
        gap = record("gap", time_ns=5, sequence_range=9, first_sequence=3, last_sequence=9, count=5, start_ns=1, end_ns=2, stage=1,
                     causes=[4, 1], types=[5])
        items = [record("exit", 2, 4), gap, FLUSH, gap, record("exit", 12, 4), record("sensor_stopped", time_ns=9)]
        frames = capture_decoder.frames(write((101, items)))
        first, last = frames[0].checkpoint(), frames[-1].checkpoint()
        self.assertEqual((first["first_sequence"], first["last_sequence"], sum(first["lost"])), (0, 0, 0))
        self.assertEqual((last["first_sequence"], last["last_sequence"], last["lost"][:3]), (2, 12, (8, 2, 0)))
        parts, = read_all([write((101, items))])
        self.assertEqual([part["lost"][:2] for part in parts if part["part"] == "checkpoint"], [[0, 0], [0, 0], [8, 2], [8, 2]])

    def test_the_page_is_what_is_read(self):
        """Its tables have no holes."""
        ends = [(field.offset, field.offset + field.width) for field in capture_decoder.HEADER]
        self.assertEqual([begin for begin, _ in ends[1:]] + [160], [end for _, end in ends])
        self.assertEqual(capture_decoder.FIXED_BYTES, 184)


class RecordKindsTest(unittest.TestCase):
    def test_unknown_types_are_stepped_over_and_counted(self):
        """A record of a later version's type: only a file can have it, so it is put there by hand."""
        data = write((101, [record("exit", 1, 4), record("message", 2, 5), record("exit", 3, 6), FLUSH]))
        frame = capture_decoder.frames(data)[2]
        changed = bytearray(data[frame.offset:frame.end])
        at = 160 + KINDS["exit"].now
        struct.pack_into("<H", changed, at + 4, 77)
        struct.pack_into("<Q", changed, 104, 0)  # message_total
        struct.pack_into("<I", changed, 156, capture_decoder.crc32c(bytes(changed[:156])))
        changed[-32:] = hashlib.blake2b(changed[:-32], digest_size=32).digest()
        parts, = read_all([data[:frame.offset] + bytes(changed)])
        self.assertEqual([one[1] for one in records_told(parts)[101]], [1, 3])
        self.assertEqual([part["damage"] for part in damages(parts)], ["cut"])


if __name__ == "__main__":
    unittest.main()
