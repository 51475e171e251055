# SPDX-License-Identifier: Apache-2.0
"""Captures that are not as they were written: every bit flipped, every cut, every frame removed, doubled, swapped with
every other, and brought in from another capture. Each time something is told; the frames that are whole are read; and
what is lost is counted: as a decoder that was written from docs/capture-format.md alone finds it."""

import random
import struct
import time
import unittest

import capture_decoder
from captures import CLOCK, FLUSH, PLAIN, SANITIZED, SEED, Clock, as_told, damages, judge, read_all, record, records_told, small_records, write


def pieces(data):
    """The frames' bytes."""
    return [data[frame.offset:frame.end] for frame in capture_decoder.frames(data)]


class DamageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.data = write((101, small_records(batches=(3, 1, 2))))
        cls.frames = capture_decoder.frames(cls.data)
        cls.pieces = pieces(cls.data)
        cls.other = write((202, small_records(seed=5, batches=(2, 3, 1))))

    def assert_read(self, inputs, told=True, program=PLAIN):
        """Each as the decoder has it, and with damage told, or without. Returns what was read."""
        read = read_all(inputs, program=program)
        for number, (data, parts) in enumerate(zip(inputs, read)):
            problems = judge(data, parts)
            if bool(damages(parts)) != told:
                problems.append("nothing is told" if told else "damage is told of what is as it was written")
            self.assertFalse(problems, f"input {number}: {parts}")
        return read

    def test_as_it_was_written(self):
        self.assertEqual(capture_decoder.chain_problems(self.data), [])
        self.assert_read([self.data, self.other, self.data + self.other], told=False)
        self.assertEqual(read_all([self.data]), read_all([self.data], mode="slow"))

    def flipped(self, bit):
        data = bytearray(self.data)
        data[bit // 8] ^= 1 << bit % 8
        return bytes(data)

    def assert_flips(self, hit, program=PLAIN, step=1):
        """A bit of one frame: it and nothing else is lost, and that is told with its place and what was in it."""
        others = [as_told(one) for frame in self.frames if frame is not hit for one in frame.records()]
        place = {"offset": hit.offset, "size": hit.end - hit.offset, "damage": "changed"}
        if hit is not self.frames[-1]:
            place.update(frames=[hit.number, hit.number], types=list(hit.own()), records=len(hit.records()))
        bits = range(8 * hit.offset, 8 * hit.end, step)
        for bit, parts in zip(bits, read_all([self.flipped(bit) for bit in bits], program=program)):
            told = [tuple(one) for part in parts if part["part"] == "records" for one in part["records"]]
            self.assertEqual(told, others, f"bit {bit}")
            damage = damages(parts)
            self.assertEqual({key: damage[0].get(key) for key in place}, place, f"bit {bit}")
            self.assertEqual([part["damage"] for part in damage[1:]], ["cut"] if "frames" not in damage[0] else [], f"bit {bit}")
            self.assertFalse(any(part["whole"] for part in parts if part["part"] == "end"))

    def test_every_bit(self):
        for frame in self.frames:
            self.assert_flips(frame)

    def test_bits_under_sanitizers_and_as_the_other_decoder_has_it(self):
        for frame in self.frames:
            self.assert_flips(frame, SANITIZED, 97)
        self.assert_read([self.flipped(bit) for bit in range(0, 8 * len(self.data), 17)])

    def test_every_cut(self):
        read = self.assert_read([self.data[:size] for size in range(1, len(self.data))])
        for size, parts in enumerate(read, 1):
            self.assertEqual(len([part for part in parts if part["part"] == "records"]),
                             len([frame for frame in self.frames if frame.end <= size and frame.type == capture_decoder.RECORDS]))
        self.assertEqual(read_all([b""]), [[]])

    def test_every_beginning_cut_off(self):
        inputs = [self.data[size:] for size in range(1, self.frames[-1].offset + 1)]
        self.assert_read(inputs)
        self.assert_read(inputs[::37], program=SANITIZED)

    def test_every_frame_removed_or_doubled(self):
        removed = [b"".join(self.pieces[:i] + self.pieces[i + 1:]) for i in range(len(self.pieces))]
        for number, parts in enumerate(self.assert_read(removed)):
            self.assertEqual(len(damages(parts)), 1)
            told = damages(parts)[0]
            self.assertEqual(told["damage"], "cut" if number == len(self.pieces) - 1 else "missing")
            self.assertEqual(told["frames"], [number, number])
        for at in range(len(self.pieces) + 1):
            inputs = [b"".join(self.pieces[:at] + [one] + self.pieces[at:]) for one in self.pieces]
            for number, parts in enumerate(self.assert_read(inputs)):
                kinds = {part["damage"] for part in damages(parts)}
                self.assertTrue(kinds <= {"doubled", "moved", "foreign"}, kinds)

    def test_every_pair_swapped(self):
        for a in range(len(self.pieces)):
            inputs = []
            for b in range(a + 1, len(self.pieces)):
                order = list(self.pieces)
                order[a], order[b] = order[b], order[a]
                inputs.append(b"".join(order))
            for parts in self.assert_read(inputs) if inputs else []:
                if a != 0:  # a frame of records in front of all checkpoints cannot be read
                    self.assertEqual(records_told(parts), records_told(read_all([self.data])[0]))

    def test_every_frame_of_another_capture(self):
        for one in pieces(self.other):
            for at in range(len(self.pieces) + 1):
                inside = b"".join(self.pieces[:at] + [one] + self.pieces[at:])
                instead = b"".join(self.pieces[:at] + [one] + self.pieces[at + 1:])
                for parts in self.assert_read([inside, instead]):
                    self.assertTrue([part for part in damages(parts) if part["damage"] == "foreign" or part["capture"] == 202])

    def test_captures_in_a_row(self):
        third = write((303, small_records(seed=9, batches=(1,))))
        self.assert_read([self.data + self.other + third], told=False)
        inputs = [self.data[:size] + self.other for size in range(1, len(self.data), 13)]
        inputs += [self.data + self.other[size:] for size in range(1, len(self.other) - 600, 13)]
        inputs += [self.data[:2000] + self.other[1400:2500] + third[700:]]
        self.assert_read(inputs)

    def test_bytes_put_in(self):
        source = random.Random(SEED)
        inputs = []
        for at in range(0, len(self.data) + 1, 11):
            junk = source.choice((b"\0", b"\x8d", b"\x8dMUSTER\x1a", self.data[at:at + 100], source.randbytes(source.randrange(1, 400))))
            inputs.append(self.data[:at] + junk + self.data[at:])
        self.assert_read(inputs)

    def test_bytes_taken_out_or_overwritten(self):
        source = random.Random(SEED + 1)
        inputs = []
        for at in range(0, len(self.data), 11):
            size = source.choice((1, 2, 7, 8, 160, 192, 500, 1000))
            inputs.append(self.data[:at] + self.data[at + size:])
            instead = source.choice((bytes(size), source.randbytes(size)))
            inputs.append(self.data[:at] + instead + self.data[at + size:])
        inputs = [data for data in inputs if data not in (self.data, b"")]
        self.assert_read(inputs)
        self.assert_read(inputs[::9], program=SANITIZED)


class ForgedTest(unittest.TestCase):
    """What a bit that flips cannot do and a person can: frames that are whole, and not those that were written."""

    @classmethod
    def setUpClass(cls):
        cls.data = write((101, small_records()))
        cls.pieces = pieces(cls.data)

    @staticmethod
    def sealed(frame, previous=None):
        """The frame with check and digest made right."""
        frame = bytearray(frame)
        if previous is not None:
            frame[120:152] = previous
        struct.pack_into("<I", frame, 156, capture_decoder.crc32c(bytes(frame[:156])))
        frame[-32:] = capture_decoder.hashlib.blake2b(frame[:-32], digest_size=32).digest()
        return bytes(frame)

    def forge(self, number):
        frame = bytearray(self.pieces[number])
        frame[160 + 39] ^= 1  # of the first record's `unavailable`: what no rule of records forbids
        return self.sealed(frame)

    def test_one_frame_rewritten_is_found_at_the_next(self):
        for number in range(2, 7):
            data = b"".join(self.pieces[:number] + [self.forge(number)] + self.pieces[number + 1:])
            parts, = read_all([data])
            told = [(part["damage"], part["frames"]) for part in damages(parts)]
            self.assertEqual(told, [("rewritten", [number + 1] * 2)])
            self.assertFalse(parts[-1]["whole"])

    def test_all_from_one_on_rewritten_has_another_digest(self):
        forged = self.pieces[:3] + [self.forge(3)]
        for piece in self.pieces[4:]:
            forged.append(self.sealed(piece, forged[-1][-32:]))
        (before, after) = read_all([self.data, b"".join(forged)])
        self.assertEqual(damages(after), [])
        self.assertNotEqual(before[-1]["digest"], after[-1]["digest"])
        self.assertEqual(before[-1]["digest"], self.pieces[-1][-32:].hex())

    def test_totals_that_do_not_add_up(self):
        frame = bytearray(self.pieces[4])
        frame[80] += 1
        parts, = read_all([b"".join(self.pieces[:4] + [self.sealed(frame)] + self.pieces[5:])])
        self.assertIn("rewritten", [part["damage"] for part in damages(parts)])

    def test_headers_that_do_not_fit_their_records(self):
        for offset in (48, 56, 64, 72):
            frame = bytearray(self.pieces[4])
            frame[offset] ^= 1
            parts, = read_all([b"".join(self.pieces[:4] + [self.sealed(frame)] + self.pieces[5:])])
            self.assertEqual([(part["damage"], part["frames"]) for part in damages(parts)], [("changed", [4, 4])])

    def test_later_versions_are_stepped_over(self):
        for offset, value in ((28, 9), (30, 2), (160 + 6, 2)):
            frame = bytearray(self.pieces[4])
            frame[offset] = value
            parts, = read_all([b"".join(self.pieces[:4] + [self.sealed(frame)] + self.pieces[5:])])
            self.assertEqual([(part["damage"], part["frames"]) for part in damages(parts)], [("later", [4, 4])])
            self.assertEqual(sum(damages(parts)[0]["types"]), capture_decoder.frames(self.data)[4].own().__len__() and
                             sum(capture_decoder.frames(self.data)[4].own()))

    def test_another_description(self):
        frame = bytearray(self.pieces[1])
        frame[160 + 8] ^= 1
        parts, = read_all([b"".join(self.pieces[:1] + [self.sealed(frame)] + self.pieces[2:])])
        self.assertEqual([part["damage"] for part in damages(parts)], ["rewritten", "rewritten"])


class HostileTest(unittest.TestCase):
    def test_a_frame_in_arguments_is_never_taken_for_one(self):
        """Whoever starts a process puts frames of a capture of his own into its arguments. Whatever is damaged around
        them, they are not read."""
        forged = write((666, small_records(seed=3)))
        items = small_records()
        at = len(items) - 4
        items[at:at] = [record("start", 11, 9000, texts={"args": forged + b"\0", "executable": b"\x8dMUSTER\x1a"}), FLUSH]
        data = write((101, items))
        masked = [frame for frame in capture_decoder.frames(data) if frame.mask]
        self.assertEqual(len(masked), 1)
        self.assertIn(forged, masked[0].payload)
        self.assertEqual(judge(data, read_all([data])[0]), [])
        self.assertEqual(damages(read_all([data])[0]), [])
        inputs = []
        for at in range(masked[0].offset, masked[0].end, 11):
            flipped = bytearray(data)
            flipped[at] ^= 0x40
            inputs += [bytes(flipped), data[:at], data[at:]]
        for one, parts in zip(inputs, read_all(inputs)):
            self.assertEqual(judge(one, parts), [])
            self.assertNotIn(666, [part["capture"] for part in parts])

    def test_masks_of_any_text(self):
        """Arguments of nothing but the marker, at every place in eight bytes."""
        items = [record("start", 1 + shift, 5, texts={"args": b"x" * shift + b"\x8dMUSTER\x1a" * 200}) for shift in range(9)]
        data = write((101, items))
        self.assertEqual(judge(data, read_all([data])[0]), [])
        self.assertEqual(data.count(capture_decoder.MARKER), len(capture_decoder.frames(data)))

    def test_time_in_proportion_to_length(self):
        """Headers one behind the other, each with the longest payload that may be."""
        piece = bytearray(pieces(write((101, small_records())))[2][:160])
        struct.pack_into("<I", piece, 24, capture_decoder.PAYLOAD_MOST)
        headers = []
        for number in range(3000):
            struct.pack_into("<Q", piece, 16, number)
            struct.pack_into("<I", piece, 156, capture_decoder.crc32c(bytes(piece[:156])))
            headers.append(bytes(piece))
        data = b"".join(headers) + bytes(capture_decoder.PAYLOAD_MOST)
        markers = b"\x8dMUSTER\x1a" * (1 << 18)
        almost = b"\x8dMUSTER" * (1 << 18)
        for one in (data, b"\1" + data, markers, almost, bytes(4 << 20), b"\x8d" * (4 << 20)):
            begin = time.monotonic()
            read_all([one])
            self.assertLess(time.monotonic() - begin, 5)

    def test_more_captures_than_are_known_at_once(self):
        all_pieces = [pieces(write((1000 + number, small_records(seed=number)))) for number in range(12)]
        mixed = b"".join(one[index] for index in range(len(all_pieces[0])) for one in all_pieces)
        parts, = read_all([mixed], program=SANITIZED)
        self.assertTrue(damages(parts))
        in_turn = b"".join(one[index] for index in range(len(all_pieces[0])) for one in all_pieces[:4])
        self.assertEqual(damages(read_all([in_turn])[0]), [])

    def test_random_damage(self):
        """Much of it at once: nothing is read that is not there, under the sanitizers."""
        source = random.Random(SEED)
        whole = write((101, small_records(batches=(5,) * 30)), (202, small_records(seed=2, batches=(1,) * 80)))
        real = {(frame.capture, as_told(one)) for frame in capture_decoder.frames(whole) for one in frame.records()}
        inputs = []
        for _ in range(150):
            order = pieces(whole)
            for _ in range(source.randrange(1, 12)):
                source.choice((self._drop, self._double, self._swap, self._flip, self._cut))(source, order)
            inputs.append(b"".join(order))
        for parts in read_all(inputs, program=SANITIZED):
            told = [(capture, one) for capture, records in records_told(parts).items() for one in records]
            self.assertLessEqual(set(told), real)
            self.assertEqual(len(told), len(set(told)), "a record is read twice")
            self.assertTrue(damages(parts) or len(told) == len(real))

    @staticmethod
    def _drop(source, order):
        del order[source.randrange(len(order)):][:source.randrange(1, 4)]
        if len(order) > 1:
            del order[source.randrange(len(order))]

    @staticmethod
    def _double(source, order):
        order.insert(source.randrange(len(order) + 1), source.choice(order))

    @staticmethod
    def _swap(source, order):
        a, b = source.randrange(len(order)), source.randrange(len(order))
        order[a], order[b] = order[b], order[a]

    @staticmethod
    def _flip(source, order):
        at = source.randrange(len(order))
        data = bytearray(order[at])
        data[source.randrange(len(data))] ^= 1 << source.randrange(8)
        order[at] = bytes(data)

    @staticmethod
    def _cut(source, order):
        at = source.randrange(len(order))
        order[at] = order[at][:source.randrange(1, len(order[at]) + 1)]


class FarTest(unittest.TestCase):
    """More frames than a hole waits for."""

    @classmethod
    def setUpClass(cls):
        cls.data = write((101, small_records(batches=(2,) * 300)))
        cls.pieces = pieces(cls.data)

    def test_checkpoints_on_the_way(self):
        checkpoints = [frame.number for frame in capture_decoder.frames(self.data) if frame.type == capture_decoder.CHECKPOINT]
        self.assertEqual(checkpoints, [0, 1, 64, 128, 192, 256, len(self.pieces) - 2, len(self.pieces) - 1])

    def test_a_frame_that_comes_much_too_late(self):
        order = list(self.pieces)
        order.insert(250, order.pop(20))
        parts, = read_all([b"".join(order)])
        self.assertEqual([(part["damage"], part["frames"]) for part in damages(parts)],
                         [("missing", [20, 20]), ("doubled", [20, 20])])
        self.assertEqual(sum(damages(parts)[0]["types"]), 2)

    def test_a_frame_that_comes_late(self):
        order = list(self.pieces)
        order.insert(70, order.pop(20))
        parts, = read_all([b"".join(order)])
        self.assertEqual([(part["damage"], part["frames"]) for part in damages(parts)], [("moved", [20, 20])])
        self.assertEqual(records_told(parts), records_told(read_all([self.data])[0]))

    def test_long_pieces_missing(self):
        for begin, end in ((0, 40), (0, 64), (1, 200), (30, 31), (30, 290), (100, len(self.pieces) - 1)):
            data = b"".join(self.pieces[:begin] + self.pieces[end:])
            self.assertEqual(judge(data, read_all([data])[0]), [], (begin, end))

    def test_every_second_frame_missing(self):
        data = b"".join(piece for number, piece in enumerate(self.pieces) if number % 2 == 0 or number < 2)
        parts, = read_all([data])
        self.assertEqual(judge(data, parts), [])

    def test_times_around_what_is_lost(self):
        frames = capture_decoder.frames(self.data)
        cut = b"".join(self.pieces[:50] + self.pieces[55:])
        told, = damages(read_all([cut])[0])
        self.assertEqual(told["times"], [frames[49].end_ns + CLOCK, frames[55].start_ns + CLOCK])
        flipped = bytearray(self.data)
        flipped[frames[50].offset + 200] ^= 1
        told, = damages(read_all([bytes(flipped)])[0])
        self.assertEqual(told["times"], [frames[50].start_ns + CLOCK, frames[50].end_ns + CLOCK])
        self.assertEqual(told["range"], [frames[50].first_sequence, frames[50].last_sequence])

    def test_the_clock_is_set(self):
        items = small_records(batches=(2, 2, 2))
        items.insert(8, Clock(CLOCK + 10**9))
        parts, = read_all([write((101, items))])
        clocks = [part["clock"] for part in parts if part["part"] == "records"]
        self.assertEqual(sorted(set(clocks)), [CLOCK, CLOCK + 10**9])
        self.assertEqual(damages(parts), [])


if __name__ == "__main__":
    unittest.main()
