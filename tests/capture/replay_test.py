# SPDX-License-Identifier: Apache-2.0
"""muster replay: what was captured comes out as if it had been written then, in every format; what is damaged is told
and counted, so that the output still accounts for every number (tests/live/stream_check.py); and whatever can go wrong
with files."""

import json
import os
import pathlib
import pty
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/live"))

import stream_check  # noqa: E402

import capture_decoder  # noqa: E402
from captures import CLOCK, FLUSH, SEED, Clock, ledger, record, record_generator, small_records, write  # noqa: E402

MUSTER = os.environ.get("MUSTER", str(ROOT / "build/muster"))
DONE, FAILED, USAGE, LOSS = 0, 1, 2, 3
ENVIRONMENT = dict(os.environ, TZ="UTC")


def run(*arguments, data=b"", **options):
    return subprocess.run([MUSTER, *map(str, arguments)], input=data, capture_output=True, timeout=120, check=False,
                          env=ENVIRONMENT, **options)


def pieces(data):
    return [data[frame.offset:frame.end] for frame in capture_decoder.frames(data)]


def process(kind, number, time_ns, pid, **members):
    return record(kind, number, time_ns, pid=pid, start_ns=time_ns - 500, parent_pid=1, user=pid % 3,
                  texts=members.pop("texts", {"thread_name": b"p%d" % pid}), **members)


def lossy_records():
    """Starts and exits, the first and the last number lost in the kernel, a hole with delivered numbers in it, runs that
    were never numbered, a status on the way, and a clock that is set."""
    items = [Clock(CLOCK), record("sensor_started", time_ns=1000, **ledger(7, 0)), record("running", time_ns=1001, pid=1), FLUSH]
    gone = {1, 10, 12, 13, 40}
    for number in range(2, 40):
        if number not in gone:
            kind = ("start", "exit")[number % 2]
            items.append(process(kind, number, 2000 + 100 * number, 100 + number // 2))
        if number % 3 == 0:
            items.append(FLUSH)
        if number == 15:
            items.append(record("gap", time_ns=4000, sequence_range=13, first_sequence=10, last_sequence=13, count=3, start_ns=3000,
                                end_ns=3300, stage=1, causes=[2, 1], types=[2, 1]))
            items.append(FLUSH)
        if number == 20:
            items.append(record("gap", time_ns=4100, count=2, start_ns=3000, end_ns=3300, stage=1, causes=[0] * 5 + [2], types=[2]))
            items += [record("status", time_ns=4200, **ledger(7, 22, delivered=0, dropped=[2, 1, 0, 0, 0, 2])), FLUSH]
        if number == 30:
            items += [FLUSH, Clock(CLOCK + 10**12)]
    items.append(record("gap", time_ns=9000, sequence_range=1, first_sequence=1, last_sequence=1, count=1, start_ns=2000, end_ns=2000,
                        stage=1, causes=[1], types=[1]))
    items.append(record("gap", time_ns=9000, sequence_range=40, first_sequence=40, last_sequence=40, count=1, start_ns=8000, end_ns=8000,
                        stage=1, causes=[1], types=[1]))
    items += [record("sensor_stopped", time_ns=9999, **ledger(7, 42, delivered=35, types=[17, 18], dropped=[4, 1, 0, 0, 0, 2])), FLUSH]
    return items


class ReplayTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not os.path.exists(MUSTER):
            raise unittest.SkipTest(f"{MUSTER} is not built: run make")

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="muster-replay-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def file(self, data, name="a.capture"):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def replay(self, data, *options, expect=DONE):
        done = run("replay", *options, "-", data=data)
        self.assertEqual(done.returncode, expect, done.stderr)
        if expect == DONE:
            self.assertEqual(done.stderr, b"")
        return done.stdout

    def events(self, data, *options, expect=DONE):
        events, problems = stream_check.parse_lines(self.replay(data, "--format", "ndjson", *options, expect=expect))
        self.assertEqual(problems, [])
        return events


class FaithfulTest(ReplayTest):
    """The same bytes as the sink would have written when it was captured."""

    def assert_same(self, items, **options):
        data = write((101, items), **options)
        for form in ("ndjson", "text"):
            self.assertEqual(self.replay(data, "--format", form), write((101, items), form=form, **options), form)
        again = self.replay(data, "--format", "capture")
        self.assertEqual(self.replay(again, "--format", "ndjson"), write((101, items), form="ndjson", **options))
        return data

    def test_a_stream(self):
        self.assert_same(small_records())

    def test_with_losses_and_a_clock_that_is_set(self):
        data = self.assert_same(self.with_status(lossy_records()))
        events = self.events(data)
        self.assertEqual(stream_check.check_stream(events), [])
        times = {event["@timestamp"][:16] for event in events}
        self.assertEqual(len(times), 2)

    @staticmethod
    def with_status(items):
        """The ledger that watch writes there: its pump has added what it had delivered, and what it held."""
        index = next(i for i, item in enumerate(items) if isinstance(item, bytes) and item[4] == 6)
        written = sum(1 for item in items[:index] if isinstance(item, bytes) and item[4] <= 4)
        starts = sum(1 for item in items[:index] if isinstance(item, bytes) and item[4] == 1)
        items[index] = record("status", time_ns=4200, **ledger(7, 22, delivered=written, held=22 - 5 - written, dropped=[2, 1, 0, 0, 0, 2],
                                                               types=[starts, written - starts]))
        return items

    def test_of_windows(self):
        """Texts as WTF-8, paths with backslashes, entity ids by other ticks."""
        items = [record("sensor_started", time_ns=CLOCK, **ledger(7, 40, delivered=40))]
        texts = {"executable": b"C:\\Windows\\a.exe", "command_line": b"a \xed\xa0\x80\"x", "user_sid": b"S-1-5-18"}
        for number in range(41, 60):
            wtf8 = bytearray(process("start", number, CLOCK + number, 4 * number, texts=texts, integrity=0x3000, creator_pid=4))
            wtf8[7] = 1
            items += [bytes(wtf8), FLUSH]
        items.append(record("sensor_stopped", time_ns=CLOCK + 99, **ledger(7, 61, delivered=59, held=2, types=[19])))
        data = self.assert_same(items, windows=True)
        line = json.loads(self.replay(data, "--format", "ndjson").splitlines()[1])
        self.assertEqual(line["process"]["name"], "a.exe")
        self.assertEqual(line["host"]["os"], {"type": "windows", "kernel": "10.0.19045"})
        self.assertEqual(line["muster"]["windows"]["integrity_level"], "high")

    def test_records_of_every_kind(self):
        source = random.Random(SEED)
        items = [Clock(CLOCK)]
        while len(items) < 600:
            one = record_generator.valid_record(source)
            if one[4] < 6 or one[4] == 7:
                items.append(one)
        data = write((101, items))
        self.assertEqual(self.replay(data, "--format", "ndjson", expect=LOSS), write((101, items), form="ndjson"))

    def test_driver_messages(self):
        items = [record("message", 1, 5, texts={"message": b"hello"}), record("start", 2, 6, texts={"executable": b"/bin/a"}), FLUSH]
        told = [json.loads(line) for line in self.replay(write((101, items)), "--format", "driver-messages", expect=LOSS).splitlines()]
        self.assertEqual([message for line in told for message in line["messages"]], ["hello"])
        self.assertEqual([one["image_name"] for line in told for one in line["process_creations"]], ["/bin/a"])

    def test_of_muster_trace(self):
        path = self.folder / "t.capture"
        command = ["sh", "-c", "ls / >/dev/null; true; sh -c 'exit 3'; kill -9 $$"]
        self.assertEqual(run("trace", "-f", "capture", "-o", path, "--", *command).returncode, 128 + 9)
        self.assertEqual(capture_decoder.chain_problems(path.read_bytes()), [])
        done = run("replay", "-f", "ndjson", path)
        self.assertEqual((done.returncode, done.stderr), (DONE, b""))
        events, problems = stream_check.parse_lines(done.stdout)
        self.assertEqual(problems + stream_check.check_stream(events), [])
        self.assertEqual(sum(stream_check.action_of(event) == "process-started" for event in events), 3)
        self.assertEqual(stream_check.time_ns(events[0]) // 10**10, int(path.stat().st_mtime) // 10)
        text = run("replay", path).stdout.decode()
        self.assertIn("killed by SIGKILL", text)

    def test_names_are_only_looked_up_on_their_own_machine(self):
        here = self.folder / "t.capture"
        run("trace", "-f", "capture", "-o", here, "--", "true")
        name = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        self.assertIn(f" {name} ", run("replay", here).stdout.decode())
        elsewhere = write((101, [Clock(CLOCK), process("start", 1, 5000, 3, texts={"executable": b"/bin/a"})]))
        self.assertNotIn(" root ", self.replay(elsewhere, expect=LOSS).decode())


class DamageTest(ReplayTest):
    """What is lost is in the stream: every number is delivered, or in a gap, and the ledgers say so."""

    def assert_accounted(self, data, lost):
        events = self.events(data, expect=LOSS)
        self.assertEqual(stream_check.check_stream(events), [])
        final = stream_check.with_action(events, "sensor-stopped")[0]["muster"]["ledger"]
        self.assertEqual(final["dropped"].get("capture_damaged", 0), lost)
        return events

    def frames_that_may_go(self, frames):
        """All but those with sensor-started and sensor-stopped, without which check_stream has nothing to say."""
        return [frame for frame in frames if not any(one[4] in (8, 9) for one in frame.records())]

    def test_every_frame_flipped_or_removed(self):
        data = write((101, lossy_records()))
        frames, parts = capture_decoder.frames(data), pieces(data)
        for frame in self.frames_that_may_go(frames[:-1]):
            flipped = bytearray(data)
            flipped[frame.end - 40] ^= 4
            self.assert_accounted(bytes(flipped), sum(frame.own()))
            self.assert_accounted(b"".join(parts[:frame.number] + parts[frame.number + 1:]), sum(frame.own()))

    def test_several_frames(self):
        source = random.Random(SEED)
        data = write((101, lossy_records()))
        frames, parts = capture_decoder.frames(data), pieces(data)
        for _ in range(25):
            # Behind the last frame that is damaged there has to be a checkpoint that is not.
            gone = sorted(source.sample(self.frames_that_may_go(frames[:-2]), source.randrange(2, 8)), key=lambda frame: frame.number)
            if {0, 1} <= {frame.number for frame in gone}:
                continue
            damaged = list(parts)
            for frame in gone:
                damaged[frame.number] = source.choice((b"", damaged[frame.number][:-1], damaged[frame.number][7:]))
            self.assert_accounted(b"".join(damaged), sum(sum(frame.own()) for frame in gone))

    def test_frames_out_of_place_lose_nothing(self):
        data = write((101, lossy_records()))
        parts = pieces(data)
        parts[5], parts[9] = parts[9], parts[5]
        self.assert_accounted(b"".join(parts), 0)

    def test_the_gap_stands_in_its_place(self):
        data = bytearray(write((101, small_records(batches=(1,) * 20))))
        frame = capture_decoder.frames(data)[10]
        data[frame.offset + 200] ^= 1
        actions = [(stream_check.action_of(event), stream_check.dig(event, "event.sequence")) for event in self.assert_accounted(bytes(data), 1)]
        at = [action for action, _ in actions].index("events-lost")
        self.assertEqual((actions[at - 1][1], actions[at + 1][1]), (frame.first_sequence - 1, frame.last_sequence + 1))

    def test_what_is_told(self):
        data = bytearray(write((101, small_records(batches=(1,) * 20))))
        frame = capture_decoder.frames(data)[10]
        data[frame.offset + 200] ^= 1
        done = run("replay", self.file(bytes(data[:capture_decoder.frames(data)[-1].offset])))
        self.assertEqual(done.returncode, LOSS)
        lines = done.stderr.decode().splitlines()
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[0], rf"^muster: .*a\.capture: bytes {frame.offset} to {frame.end - 1} \(frame 10\) are not as they were written; "
                                   rf"1 event is lost \(\w+ 1; number {frame.first_sequence}\), between 2026-.*Z and 2026-.*Z$")
        self.assertRegex(lines[1], r"it ends at byte \d+ without its end; no event came behind that$")

    def test_thousands_of_places_are_told_in_a_few_lines(self):
        parts = pieces(write((101, small_records(batches=(1,) * 300))))
        done = run("replay", "-", data=b"junk".join(parts))
        self.assertEqual(done.returncode, LOSS)
        lines = done.stderr.decode().splitlines()
        self.assertEqual(len(lines), 21)
        self.assertRegex(lines[-1], r"standard input: damaged at \d+ more places$")

    def test_a_capture_without_its_beginning_has_its_numbers(self):
        parts = pieces(write((101, small_records(batches=(1,) * 100))))
        events = self.events(b"".join(parts[30:]), expect=LOSS)
        self.assertEqual([stream_check.action_of(events[-1]), stream_check.action_of(events[0])], ["sensor-stopped", "events-lost"])
        final = events[-1]["muster"]["ledger"]
        self.assertEqual(final["produced"], final["delivered"] + final["dropped"]["capture_damaged"])
        self.assertEqual(stream_check.check_numbers(events), [])


class ManyTest(ReplayTest):
    """Several captures."""

    def test_in_one_file_and_in_several(self):
        one, two = write((101, small_records())), write((202, small_records(seed=4)))
        expected = self.replay(one, "-f", "ndjson") + self.replay(two, "-f", "ndjson")
        self.assertEqual(self.replay(one + two, "-f", "ndjson"), expected)
        done = run("replay", "-f", "ndjson", self.file(one), self.file(two, "b"))
        self.assertEqual((done.returncode, done.stdout), (DONE, expected))
        done = run("replay", "-f", "ndjson", self.file(one), "-", data=two)
        self.assertEqual((done.returncode, done.stdout), (DONE, expected))

    def test_a_cut_one_in_front_of_a_whole_one(self):
        one, two = write((101, small_records())), write((202, small_records(seed=4)))
        events = self.events(one[:-1000] + two, expect=LOSS)
        self.assertEqual([stream_check.action_of(event) for event in events].count("sensor-started"), 2)
        second = events[[stream_check.action_of(event) for event in events].index("sensor-started", 1):]
        self.assertEqual(stream_check.check_stream(second), [])

    def test_one_inside_the_other(self):
        one, two = pieces(write((101, small_records()))), pieces(write((202, small_records(seed=4))))
        for at in range(2, len(one)):
            inside = b"".join(one[:at] + two + one[at:])
            events = self.events(inside)
            self.assertEqual(sum(stream_check.is_numbered(event) for event in events), 20)
            ledgers = [event["muster"]["ledger"] for event in stream_check.with_action(events, "sensor-stopped")]
            self.assertEqual([one["delivered"] for one in ledgers], [10, 10])

    def test_into_a_capture(self):
        one, two = write((101, small_records())), write((202, small_records(seed=4)))
        again = self.replay(one + two, "-f", "capture")
        self.assertEqual(capture_decoder.chain_problems(again), [])
        names = {frame.capture for frame in capture_decoder.frames(again)}
        self.assertEqual(len(names), 2)
        self.assertFalse(names & {101, 202}, "a copy has a name of its own")


class FilterTest(ReplayTest):
    def assert_filtered(self, *options, wanted):
        events = self.events(write((101, lossy_records())), *options)
        self.assertEqual(stream_check.check_stream(events), [])
        numbers = [event["event"]["sequence"] for event in events if stream_check.is_numbered(event)]
        self.assertEqual(numbers, wanted)
        final = events[-1]["muster"]["ledger"]
        self.assertEqual(final["delivered"], len(wanted))
        self.assertEqual(final["delivered"] + final["filtered"], 35)

    def test_by_process(self):
        self.assert_filtered("--pid", "105", "--pid", "108", wanted=[11, 16, 17])
        self.assert_filtered("--name", "p11*", wanted=list(range(20, 40)))
        self.assert_filtered("--user", "0", "--exclude", "pid=102", wanted=[n for n in range(2, 40) if (100 + n // 2) % 3 == 0 and n // 2 != 2
                                                                           and n not in (10, 12, 13)])

    def test_with_damage(self):
        data = write((101, lossy_records()))
        frame = capture_decoder.frames(data)[8]
        damaged = bytearray(data)
        damaged[frame.offset + 200] ^= 1
        events = self.events(bytes(damaged), "--name", "p11*", expect=LOSS)
        self.assertEqual(stream_check.check_stream(events), [])

    def test_names_of_windows_in_any_case(self):
        start = bytearray(process("start", 1, CLOCK, 4, texts={"executable": b"C:\\Windows\\NotePad.EXE"}))
        start[7] = 1
        events = self.events(write((101, [bytes(start)]), windows=True), "--name", "notepad.exe", expect=LOSS)
        self.assertEqual(len(events), 1)
        events = self.events(write((101, [bytes(start)]), windows=True), "--exclude", "name=NOTE*", expect=LOSS)
        self.assertEqual(events, [])


class FileTest(ReplayTest):
    def assert_fails(self, done, *words, code=FAILED):
        self.assertEqual(done.returncode, code, done.stderr)
        said = done.stderr.decode()
        self.assertRegex(said, r"\Amuster: ")
        for word in words:
            self.assertIn(word, said)

    def test_files_that_cannot_be_read(self):
        self.assert_fails(run("replay", self.folder / "missing"), "missing", "No such file")
        self.assert_fails(run("replay", self.folder), "Is a directory")
        self.assert_fails(run("replay", "-", data=b'{"event":{}}\n'), "standard input", "no capture")
        self.assert_fails(run("replay", "-", data=b""), "no capture")

    def test_one_of_several_is_missing(self):
        good = self.file(write((101, small_records())))
        done = run("replay", "-f", "ndjson", self.folder / "missing", good)
        self.assert_fails(done, "No such file")
        self.assertEqual(done.stdout, self.replay(good.read_bytes(), "-f", "ndjson"))

    def test_output_that_is_an_input(self):
        good = self.file(write((101, small_records())))
        before = good.read_bytes()
        link = self.folder / "link"
        os.link(good, link)
        for output in (good, link):
            self.assert_fails(run("replay", "-f", "capture", "-o", output, good), "to be read and to be written")
        self.assertEqual(good.read_bytes(), before)

    def test_a_full_disk(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([MUSTER, "replay", "-"], input=write((101, small_records())), stdout=full, stderr=subprocess.PIPE,
                                  timeout=60, check=False)
        self.assert_fails(done, "standard output", "No space left")

    def test_a_reader_that_goes_away(self):
        path = self.file(write((101, small_records(batches=(50,) * 2000))))
        process = subprocess.Popen([MUSTER, "replay", "-f", "ndjson", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertTrue(process.stdout.read(1))
        process.stdout.close()
        self.assertEqual((process.wait(timeout=60), process.stderr.read()), (DONE, b""))
        process.stderr.close()

    def test_a_new_output_is_private(self):
        output = self.folder / "out"
        done = run("replay", "-f", "ndjson", "-o", output, "-", data=write((101, small_records())), umask=0)
        self.assertEqual((done.returncode, done.stdout), (DONE, b""))
        self.assertEqual(output.stat().st_mode & 0o777, 0o600)

    def test_no_capture_to_a_terminal(self):
        path = self.file(write((101, small_records())))
        for verb in (["replay", "-f", "capture", path], ["trace", "-f", "capture", "-o", "-", "--", "true"]):
            controller, terminal = pty.openpty()
            done = subprocess.run([MUSTER, *map(str, verb)], stdin=subprocess.DEVNULL, stdout=terminal, stderr=subprocess.PIPE,
                                  timeout=60, check=False)
            os.close(terminal)
            os.set_blocking(controller, False)
            try:
                shown = os.read(controller, 10)
            except OSError:
                shown = b""
            os.close(controller)
            self.assertEqual(shown, b"")
            self.assertIn(done.returncode, (FAILED, 125))
            self.assertRegex(done.stderr.decode(), r"^muster: a capture is not for a person")

    def test_as_it_comes_through_a_pipe(self):
        """A capture that is still being written is shown as far as it goes."""
        data = write((101, small_records(batches=(1,) * 40)))
        process = subprocess.Popen([MUSTER, "replay", "-f", "ndjson", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        half = capture_decoder.frames(data)[20].end
        process.stdin.write(data[:half])
        process.stdin.flush()
        lines = [process.stdout.readline() for _ in range(19)]
        self.assertEqual(json.loads(lines[-1])["event"]["sequence"], 17 if len(lines) == 19 else 0)
        process.stdin.write(data[half:])
        process.stdin.close()
        self.assertEqual(len(process.stdout.read().splitlines()), 40 - 17 + 2 - 1)
        self.assertEqual(process.wait(timeout=60), DONE)
        process.stdout.close()
        process.stderr.close()


if __name__ == "__main__":
    unittest.main()
