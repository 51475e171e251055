# SPDX-License-Identifier: Apache-2.0
"""muster verify: whatever is done to a line of a small stream, the verdict is that of an oracle that counts number by
number (verify_oracle.py); whatever bit flips in a capture is found; and the words, places and exit codes."""

import collections
import json
import os
import pathlib
import resource
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/live"))

import capture_decoder  # noqa: E402
import verify_oracle  # noqa: E402
from captures import CLOCK, FLUSH, SANITIZED, Clock, record, run_probe, write  # noqa: E402

MUSTER = os.environ.get("MUSTER", str(ROOT / "build/muster"))
DEEP = os.environ.get("MUSTER_DEEP") == "1"
COMPLETE, FAILED, USAGE, LOST, UNACCOUNTED = 0, 1, 2, 3, 4
EPOCH = 0x0123456789ABCDEF
STARTED, STATUS, STOPPED = "sensor_started", "status", "sensor_stopped"
RING_FULL, MISSED, INVALID = 0, 5, 6


def run(*arguments, data=b""):
    return subprocess.run([MUSTER, "verify", *map(str, arguments)], input=data, capture_output=True, timeout=120, check=False)


def verdict(data, *options):
    """(exit code, the JSON object)."""
    done = run("--json", *options, "-", data=data)
    return done.returncode, json.loads(done.stdout)


def verdicts(inputs, **options):
    """Exit codes alone, by the same code in one process, with the sanitizers watching."""
    data = b"".join(struct.pack("<I", len(one)) + one for one in inputs)
    return [int(line) for line in run_probe("verify", data, **options).split()]


def found(told, what):
    return [finding for finding in told["findings"] if finding["what"] == what]


# ---- streams -----------------------------------------------------------------------------------------------


def event(number, kind=None):
    return record(kind or ("start", "exit")[number % 2], number, 2000 + 1000 * number, pid=100 + number, texts={"thread_name": b"p%d" % number})


def concluded(kind, time_ns):
    """An event that nobody saw happening: it has no number."""
    data = bytearray(record(kind, 0, time_ns, pid=77))
    data[7] |= 4
    return bytes(data)


def ledger(kind, time, produced, delivered, filtered=0, held=0, dropped=()):
    return record(kind, time_ns=1000 * time, epoch=EPOCH, produced=produced, delivered=delivered, filtered=filtered, held=held, dropped=list(dropped))


def gap(time, count, causes, first=0, last=0, **more):
    members = {"sequence_range": last, "first_sequence": first, "last_sequence": last} if first else {}
    return record("gap", time_ns=1000 * time, count=count, start_ns=1000 * time - 900, end_ns=1000 * time - 100, stage=more.pop("stage", 1),
                  causes=causes, types=[count], **members)


def plain():
    """Nothing is lost; a number stands before its turn."""
    order = [1, 2, 4, 3, 5, 6, 7, 8]
    items = [ledger(STARTED, 1, 0, 0), record("running", time_ns=1500, pid=1)] + [event(number) for number in order[:5]]
    return items + [ledger(STATUS, 9, 7, 5, held=2)] + [event(number) for number in order[5:]] + [ledger(STOPPED, 20, 8, 8)]


def lossy():
    """Losses with numbers between them, and of runs that were never numbered."""
    here = [2, 3, 5, 8, 9, 10]
    return [ledger(STARTED, 1, 0, 0), *map(event, here[:4]), gap(12, 4, [4], 1, 7), gap(13, 2, [0] * MISSED + [2]),
            ledger(STATUS, 14, 12, 4, held=2, dropped=[4, 0, 0, 0, 0, 2]), *map(event, here[4:]), gap(18, 1, [1], 11, 11),
            ledger(STOPPED, 20, 13, 6, dropped=[5, 0, 0, 0, 0, 2])]


def filtered():
    """Three are left out, and one of the gaps has some of them in its range."""
    here = [2, 4, 8, 9]
    return [ledger(STARTED, 1, 0, 0), *map(event, here[:2]), gap(9, 2, [2], 3, 7), ledger(STATUS, 14, 9, 2, filtered=3, held=2, dropped=[2]),
            *map(event, here[2:]), ledger(STOPPED, 20, 9, 4, filtered=3, dropped=[2])]


def killed():
    """An agent was killed behind number 6, of which three were not let go of; the next one delivers them again."""
    again = gap(7, 1, [1], 4, 4)
    return [ledger(STARTED, 1, 0, 0), *map(event, [1, 2, 3, 5]), again, event(6), ledger(STARTED, 10, 8, 3, held=4, dropped=[1]),
            event(5), again, *map(event, [6, 7, 8]), ledger(STOPPED, 20, 8, 7, dropped=[1]),
            ledger(STARTED, 30, 10, 7, held=2, dropped=[1]), *map(event, [9, 10]), ledger(STOPPED, 40, 11, 9, held=1, dropped=[1])]


def windows():
    """The driver had 5 read by others and lost one; the reader lost one whose number nobody knows; two are held."""
    return [ledger(STARTED, 1, 8, 5, held=2, dropped=[1]), *map(event, [7, 8, 10]), gap(9, 1, [0] * INVALID + [1]),
            ledger(STATUS, 14, 10, 8, dropped=[1] + [0] * 5 + [1]), *map(event, [11, 12]),
            ledger(STOPPED, 20, 14, 10, held=2, dropped=[1] + [0] * 5 + [1])]


STREAMS = {"plain": (plain, COMPLETE), "lossy": (lossy, LOST), "filtered": (filtered, LOST), "killed": (killed, LOST), "windows": (windows, LOST)}


def ndjson(items):
    return write((101, [Clock(CLOCK), *items]), form="ndjson")


def changed(line, **members):
    """The line with members of its event, ledger or loss replaced."""
    value = json.loads(line)
    for path, member in members.items():
        inner = value
        *keys, last = path.split("__")
        for key in keys:
            inner = inner[key]
        inner[last] = member(inner[last]) if callable(member) else member
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def planted(data):
    """(what, bytes) of every stream that has one thing done to it."""
    lines = data.splitlines(keepends=True)
    for index, line in enumerate(lines):
        before, behind = b"".join(lines[:index]), b"".join(lines[index + 1:])
        action = json.loads(line)["event"]["action"]
        what = f"line {index + 1}, {action}"
        yield f"{what}: removed", before + behind
        yield f"{what}: doubled", before + line + line + behind
        yield f"{what}: again at the end", data + line
        yield f"{what}: half of it", before + line[:len(line) // 2] + b"\n" + behind
        yield f"{what}: a key twice", before + line.replace(b'"module":', b'"module":"muster","module":') + behind
        yield f"{what}: no UTF-8", before + line.replace(b'"module"', b'"\xff":1,"module"') + behind
        yield f"{what}: garbage before it", before + b"muster: hello\n" + line + behind
        yield f"{what}: somebody else's before it", before + b'{"a":[1,{"event":{"sequence":3}}]}\n' + line + behind
        yield f"{what}: the stream ends here", before
        yield f"{what}: the stream ends in it", before + line[:len(line) // 2]
        yield f"{what}: the stream begins here", line + behind
        if index + 1 < len(lines):
            yield f"{what}: swapped", before + lines[index + 1] + line + b"".join(lines[index + 2:])
        if b'"sequence":' in line:
            for add in (1, -1, 100):
                yield f"{what}: number {add:+}", before + changed(line, event__sequence=lambda n, add=add: n + add) + behind
            yield f"{what}: another pid", before + changed(line, process__pid=4711) + behind
            yield f"{what}: again, with another pid", before + line + changed(line, process__pid=4711) + behind
        for key in ("produced", "delivered", "filtered", "held") if "ledger" in json.loads(line).get("muster", {}) else ():
            for add in (1, -1):
                yield f"{what}: {key} {add:+}", before + changed(line, **{f"muster__ledger__{key}": lambda n, add=add: n + add}) + behind
        for key in ("count", "first_sequence", "last_sequence") if action == "events-lost" else ():
            if key in json.loads(line)["muster"]["loss"]:
                yield f"{what}: {key} + 1", before + changed(line, **{f"muster__loss__{key}": lambda n: n + 1}) + behind


def contradictions():
    """(what, bytes) of streams that are whole but for one thing that they say twice, and not the same."""
    first, last = [ledger(STARTED, 1, 0, 0), event(1), event(2)], [event(3), ledger(STOPPED, 20, 3, 3)]
    for what, status in {
            "fine": ledger(STATUS, 5, 2, 2), "held": ledger(STATUS, 5, 3, 2, held=1), "filtered goes back": ledger(STATUS, 5, 3, 2, filtered=1),
            "produced goes back": ledger(STATUS, 5, 4, 2, held=2), "dropped goes back": ledger(STATUS, 5, 3, 2, dropped=[1]),
            "not balanced": ledger(STATUS, 5, 3, 2), "delivered too many": ledger(STATUS, 5, 3, 3), "delivered too few": ledger(STATUS, 5, 2, 1, held=1)}.items():
        yield what, ndjson([*first, status, *last])
    for what, status, told in (("told first", ledger(STATUS, 5, 3, 2, held=1), gap(4, 1, [1], 3, 3)), ("told of too much", ledger(STATUS, 5, 3, 2, dropped=[1]),
                                                                                                       gap(4, 2, [2], 3, 4))):
        yield what, ndjson([*first, told, status, event(4), ledger(STOPPED, 20, 4, 3, dropped=[1])])
    for what, gaps in {"side by side": [(1, 2, 2), (3, 5, 2)], "end to end": [(1, 3, 2), (3, 5, 2)], "one in the other": [(1, 5, 3), (3, 4, 1)]}.items():
        yield what, ndjson([first[0], event(4), *(gap(5 + index, count, [count], low, high) for index, (low, high, count) in enumerate(gaps)),
                            ledger(STOPPED, 20, 5, 1, dropped=[4])])
    damaged = [gap(5, 2, [0] * 9 + [2], 1, 5, stage=4), gap(6, 2, [0] * 9 + [2], 2, 3, stage=4)]
    yield "a damaged capture's, one over the other", ndjson([first[0], event(5), *damaged, ledger(STOPPED, 20, 5, 1, dropped=[0] * 9 + [4])])
    whole = ndjson([*first, *last])
    lines = whole.splitlines(keepends=True)
    yield "no newline at the end", whole[:-1]
    yield "another epoch's ledger", whole.replace(b'"ledger":{"epoch":"0123', b'"ledger":{"epoch":"1123')
    yield "a range that is too small", b"".join(lines[:2]) + changed(ndjson([gap(4, 2, [2], 2, 3)]), muster__loss__last_sequence=2) + b"".join(lines[2:])
    yield "a number above the last", b"".join(lines[:-1]) + ndjson([event(4)]) + changed(lines[-1], muster__ledger__delivered=4, muster__ledger__held=-1)
    yield "nothing but the frame", ndjson([first[0], ledger(STOPPED, 20, 0, 0)])
    yield "nothing but the stop", ndjson([ledger(STOPPED, 20, 0, 0)])
    yield "concluded events", ndjson([*first, concluded("exit", 2500), concluded("start", 2600), *last])
    yield "all filtered", ndjson([first[0], ledger(STOPPED, 20, 7, 0, filtered=7)])
    yield "begins behind its start", b"".join(lines[1:])
    yield "begins behind one that was delivered", b"".join(lines[2:])


class VerifyTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        if not os.path.exists(MUSTER):
            raise unittest.SkipTest(f"{MUSTER} is not built: run make")


class OracleTest(VerifyTest):
    def compare(self, data):
        cases = list(planted(data))
        codes = verdicts([bytes_ for _, bytes_ in cases], program=SANITIZED)
        wrong = [f"{what}: {code}, not {verify_oracle.judge(bytes_)}" for (what, bytes_), code in zip(cases, codes)
                 if code != verify_oracle.judge(bytes_)]
        self.assertEqual(wrong, [])
        return collections.Counter(codes)

    def test_each_stream(self):
        for name, (make, expected) in STREAMS.items():
            with self.subTest(stream=name):
                data = ndjson(make())
                code, told = verdict(data)
                self.assertEqual(code, expected, told)
                self.assertEqual(verify_oracle.judge(data), expected)
                self.assertEqual(found(told, "bad-line"), [])

    def test_whatever_is_done_to_a_line(self):
        for name, (make, _) in STREAMS.items():
            with self.subTest(stream=name):
                codes = self.compare(ndjson(make()))
                self.assertGreater(codes[UNACCOUNTED], 20)

    def test_contradictions(self):
        cases = list(contradictions())
        codes = verdicts([bytes_ for _, bytes_ in cases], program=SANITIZED)
        self.assertEqual({what: code for (what, _), code in zip(cases, codes)}, {what: verify_oracle.judge(bytes_) for what, bytes_ in cases})
        self.assertEqual({what for (what, _), code in zip(cases, codes) if code != UNACCOUNTED},
                         {"fine", "held", "concluded events", "side by side", "a damaged capture's, one over the other", "no newline at the end", "nothing but the frame",
                          "nothing but the stop", "all filtered", "begins behind its start"})

    def test_of_muster_trace(self):
        with tempfile.TemporaryDirectory(prefix="muster-verify-") as folder:
            path = pathlib.Path(folder) / "t"
            subprocess.run([MUSTER, "trace", "-f", "ndjson", "-o", path, "--", "sh", "-c", "true; ls / >/dev/null; exit 0"], timeout=60, check=True,
                           stdout=subprocess.DEVNULL)
            data = path.read_bytes()
            self.assertEqual(run("-q", path).returncode, COMPLETE)
        self.compare(data)


class PlaceTest(VerifyTest):
    """Where, between which times, and why."""

    def test_a_missing_number(self):
        lines = ndjson(plain()).splitlines(keepends=True)
        code, told = verdict(b"".join(line for line in lines if b'"sequence":6,' not in line))
        self.assertEqual(code, UNACCOUNTED)
        missing, = found(told, "missing")
        self.assertEqual((missing["first_sequence"], missing["last_sequence"], missing["count"]), (6, 6, 1))
        times = {json.loads(line)["event"].get("sequence"): json.loads(line)["@timestamp"][:23] + "Z" for line in lines}
        self.assertEqual((missing["from"], missing["to"]), (times[5], times[7]))
        self.assertEqual(told["epochs"][0]["missing"], 1)

    def test_where_a_filter_left_others_out(self):
        """Which one it was cannot be known; between which ledgers, can."""
        lines = ndjson(filtered()).splitlines(keepends=True)
        code, told = verdict(b"".join(line for line in lines if b'"sequence":8,' not in line))
        self.assertEqual(code, UNACCOUNTED)
        off, = found(told, "ledger-delivered")
        ledgers = [json.loads(line)["@timestamp"][:23] + "Z" for line in lines if b'"ledger"' in line]
        self.assertEqual((off["count"], off["from"], off["to"]), (1, ledgers[1], ledgers[2]))
        self.assertEqual(found(told, "missing")[0]["count"], 1)
        self.assertNotIn("first_sequence", found(told, "missing")[0])

    def test_losses_are_listed(self):
        code, told = verdict(ndjson(lossy()))
        self.assertEqual(code, LOST)
        self.assertEqual([(one.get("first_sequence"), one.get("last_sequence"), one["count"]) for one in found(told, "lost")],
                         [(None, None, 2), (1, 7, 4), (11, 11, 1)])
        self.assertEqual((told["epochs"][0]["lost"], told["epochs"][0]["events"]), (7, 6))

    def test_lines_have_their_numbers(self):
        lines = ndjson(plain()).splitlines(keepends=True)
        _, told = verdict(b"".join(lines[:4]) + b"x\n" + b"".join(lines[4:]))
        self.assertEqual([(one["line"], one["severity"]) for one in found(told, "bad-line")], [(5, "unaccounted")])

    def test_overlapping_gaps_and_such_as_tell_too_much(self):
        items = [ledger(STARTED, 1, 0, 0), event(3), gap(8, 2, [2], 1, 2), gap(9, 2, [2], 2, 4), ledger(STOPPED, 20, 5, 1, dropped=[4])]
        _, told = verdict(ndjson(items))
        self.assertTrue(found(told, "gap-overlap") and found(told, "gap-count"))
        self.assertTrue(found(told, "missing"))

    def test_two_epochs_are_judged_each_on_its_own(self):
        one = ndjson(plain())
        other = ndjson(lossy()).replace(b"0123456789abcdef", b"fedcba9876543210")
        code, told = verdict(one + other)
        self.assertEqual((code, len(told["epochs"])), (LOST, 2))
        mixed = b"".join(line for pair in zip(one.splitlines(keepends=True), other.splitlines(keepends=True)) for line in pair)
        rest = b"".join(one.splitlines(keepends=True)[len(other.splitlines()):] + other.splitlines(keepends=True)[len(one.splitlines()):])
        self.assertEqual(verdict(mixed + rest)[0], LOST)
        self.assertIn(b"2 epochs", run("-", data=one + other).stdout.splitlines()[0])

    def test_several_files_are_one_stream(self):
        lines = ndjson(killed()).splitlines(keepends=True)
        with tempfile.TemporaryDirectory(prefix="muster-verify-") as folder:
            paths = [pathlib.Path(folder) / name for name in "abc"]
            for path, part in zip(paths, (lines[:5], lines[5:11], lines[11:])):
                path.write_bytes(b"".join(part))
            self.assertEqual(run("-q", *paths).returncode, LOST)
            self.assertEqual(run("-q", paths[0], paths[2]).returncode, UNACCOUNTED)
            self.assertEqual(run("-q", *paths[1:]).returncode, UNACCOUNTED)
            paths[0].write_bytes(b"".join(lines[:5]) + lines[5][:30])  # what the agent had begun when it was killed
            self.assertEqual(run("-q", *paths).returncode, LOST)

    def test_a_stream_that_is_given_twice(self):
        data = ndjson(plain())
        code, told = verdict(data + data)
        self.assertEqual((found(told, "doubled")[0]["count"], found(told, "double-differs")), (8, []))
        self.assertEqual(code, UNACCOUNTED)  # an agent that was told of 8 delivered does not begin anew
        self.assertTrue(found(told, "ledger-back"))


class WordsTest(VerifyTest):
    def lines(self, data, *options, code):
        done = run(*options, "-", data=data)
        self.assertEqual((done.returncode, done.stderr), (code, b""))
        return done.stdout.decode().splitlines()

    def test_complete(self):
        self.assertEqual(self.lines(ndjson(plain()), code=COMPLETE), [
            "complete: 8 events, epoch 0123456789abcdef, from 2026-08-20T10:00:00.000Z to 2026-08-20T10:00:00.000Z",
            "  standard input: ndjson, 12 lines"])

    def test_incomplete(self):
        first, *rest = self.lines(ndjson(lossy()), code=LOST)
        self.assertRegex(first, r"^incomplete: 6 events, 7 more are lost and accounted for, epoch ")
        self.assertRegex("\n".join(rest), r"4 lost \(ring_full\), of numbers 1 to 7, between 2026-\S+ and 2026-\S+")
        cut = self.lines(ndjson(plain()[:-1]), code=UNACCOUNTED)
        self.assertRegex("\n".join(cut), r"ends at number 8, 2026-\S+, without the sensor's stop: nothing is known of what came after")

    def test_so_many_details_and_no_more(self):
        items = [ledger(STARTED, 1, 0, 0)] + [event(number) for number in range(2, 202, 2)] + [ledger(STOPPED, 900, 200, 100, held=0, dropped=[100])]
        lines = self.lines(ndjson(items), code=UNACCOUNTED)
        self.assertEqual(len(lines), 22)
        self.assertEqual(lines[-1], "  and 82 more (--verbose shows them)")
        self.assertEqual(len(self.lines(ndjson(items), "--verbose", code=UNACCOUNTED)), 1 + 1 + 100 + 1)
        _, told = verdict(ndjson(items))
        self.assertEqual((len(told["findings"]), told["findings_omitted"]), (20, 81))

    def test_quiet(self):
        self.assertEqual(self.lines(ndjson(lossy()), "-q", code=LOST), [])

    def test_what_cannot_be_read(self):
        for arguments, data, code in ((["/nonexistent/x"], b"", FAILED), (["/"], b"", FAILED), (["-"], b"", FAILED), (["-"], b"hello\n", FAILED),
                                      ([], b"", USAGE), (["--json", "-q", "-"], b"", USAGE)):
            done = run(*arguments, data=data)
            self.assertEqual(done.returncode, code, arguments)
            self.assertRegex(done.stderr.decode(), r"^muster: ")

    def test_one_of_several_cannot_be_read(self):
        done = run("-", "/nonexistent/x", data=ndjson(plain()))
        self.assertEqual(done.returncode, FAILED)
        self.assertRegex(done.stdout.decode(), r"^incomplete: 8 events, not all could be read, ")

    def test_names_of_files_do_not_drive_the_terminal(self):
        with tempfile.TemporaryDirectory(prefix="muster-verify-") as folder:
            path = os.path.join(os.fsencode(folder), b"a\x1b[2J\xff\"")
            pathlib.Path(os.fsdecode(path)).write_bytes(ndjson(plain()) + b"x\n")
            for option in ("--verbose", "--json"):
                done = subprocess.run([MUSTER, "verify", option, path], capture_output=True, timeout=60, check=False)
                self.assertNotIn(b"\x1b", done.stdout)
            self.assertTrue(json.loads(done.stdout)["files"][0]["name"].endswith("/a\x1b[2J\ufffd\""))


class LimitTest(VerifyTest):
    """Whatever it is given, it takes so much memory and no more."""

    def bounded(self, data, *options):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (256 << 20, 256 << 20))
        return subprocess.run([MUSTER, "verify", *options, "-"], input=data, capture_output=True, timeout=60, check=False, preexec_fn=limit)

    def test_a_line_that_is_too_long(self):
        lines = ndjson(plain()).splitlines(keepends=True)
        done = self.bounded(b"".join(lines[:3]) + b'{"a":"' + b"x" * (20 << 20) + b'"}\n' + b"".join(lines[3:]), "--json")
        self.assertEqual(done.returncode, UNACCOUNTED)
        bad, = found(json.loads(done.stdout), "bad-line")
        self.assertEqual((bad["line"], bad["text"]), (4, "a line that is not as muster wrote it: it is too long"))

    def test_a_long_line_is_read(self):
        lines = ndjson(plain()).splitlines(keepends=True)
        lines[3] = changed(lines[3], process__pid="x" * (5 << 20))
        self.assertEqual(self.bounded(b"".join(lines), "-q").returncode, COMPLETE)

    def test_too_many_epochs(self):
        line = ndjson(plain()).splitlines(keepends=True)[0]
        done = self.bounded(b"".join(line.replace(b"0123456789abcdef", b"%016x" % number) for number in range(4200)), "--json")
        self.assertEqual(done.returncode, UNACCOUNTED)
        told = json.loads(done.stdout)
        self.assertEqual((len(found(told, "limit")), len(told["epochs"])), (1, 4096))

    def test_the_ends_of_numbers(self):
        line = ndjson(plain()).splitlines(keepends=True)[2]
        for number in (2**64 - 1, 2**64, 0, -1):
            done = run("-q", "-", data=ndjson(plain()) + changed(line, event__sequence=number))
            self.assertEqual(done.returncode, UNACCOUNTED)


class CaptureTest(VerifyTest):
    def capture(self, items):
        """Each few records a frame."""
        return write((101, [Clock(CLOCK)] + [one for item in items for one in (item, FLUSH)]))

    def test_captures_are_judged_as_ndjson_is(self):
        for name, (make, expected) in STREAMS.items():
            with self.subTest(stream=name):
                code, told = verdict(self.capture(make()))
                self.assertEqual((code, told["files"][0]["format"]), (expected, "capture"), told)
                self.assertEqual(code, verify_oracle.judge(ndjson(make())))

    def test_numbers_that_are_not_there(self):
        """What was not written is missing, however whole the capture is."""
        for index, item in enumerate(lossy()):
            kind = item[4]
            without = lossy()[:index] + lossy()[index + 1:]
            code, told = verdict(self.capture(without))
            self.assertEqual(len(found(told, "damage")), kind == 9)  # no end without the stop
            self.assertEqual(code, verify_oracle.judge(ndjson(without)), (index, kind, told))

    def test_every_flipped_bit_is_found(self):
        """What is lost by it is counted, unless the stop is, or nothing stands behind it that could say. Under MUSTER_DEEP=1 each
        bit, else one a byte."""
        data = self.capture(plain())
        frames = capture_decoder.frames(data)
        stop = next(frame for frame in frames if any(one[4] == 9 for one in frame.records()))
        unknown = {*range(stop.offset, stop.end), *range(frames[-1].offset, frames[-1].offset + 160)}
        places = [(at, bit) for at in range(len(data)) for bit in (range(8) if DEEP else [at % 8])]
        inputs = (data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1:] for at, bit in places)
        wrong = [place for place, code in zip(places, verdicts(inputs)) if code != (UNACCOUNTED if place[0] in unknown else LOST)]
        self.assertEqual(wrong, [])

    def test_the_program_says_the_same(self):
        data = self.capture(lossy())
        cases = [data[:at] + bytes([data[at] ^ 4]) + data[at + 1:] for at in range(0, len(data), 251)] + [data, data[:-1], data[:3000], b"", b"{}"]
        self.assertEqual([run("-q", "-", data=case).returncode for case in cases], verdicts(cases, program=SANITIZED))

    def test_frames_that_are_gone_or_changed_places(self):
        data = self.capture(plain())
        frames = capture_decoder.frames(data)
        pieces = [data[frame.offset:frame.end] for frame in frames]
        for index, frame in enumerate(frames):
            ends = any(one[4] == 9 for one in frame.records())
            code = run("-q", "-", data=b"".join(pieces[:index] + pieces[index + 1:])).returncode
            self.assertEqual(code, UNACCOUNTED if ends else LOST, f"without frame {index}")
            code = run("-q", "-", data=b"".join(pieces[:index + 1] + pieces[index:])).returncode
            self.assertEqual(code, LOST, f"frame {index} twice")
            code = run("-q", "-", data=b"".join(pieces[:index])).returncode
            closed = index >= len(pieces) - 1
            self.assertEqual(code, LOST if closed else FAILED if index == 0 else UNACCOUNTED, f"ends before frame {index}")

    def test_a_frame_of_somebody_else(self):
        data = self.capture(plain())
        other = write((102, [Clock(CLOCK), event(5), FLUSH]))
        frame = capture_decoder.frames(other)[2]
        cut = capture_decoder.frames(data)[5].offset
        code, told = verdict(data[:cut] + other[frame.offset:frame.end] + data[cut:])
        self.assertEqual(code, UNACCOUNTED)
        self.assertTrue(found(told, "damage"))

    def test_what_damage_lost_is_told(self):
        data = bytearray(self.capture(lossy()))
        frame = next(frame for frame in capture_decoder.frames(bytes(data)) if sum(frame.own()))
        data[frame.offset + 200] ^= 1
        code, told = verdict(bytes(data))
        damage, = found(told, "damage")
        self.assertEqual((code, damage["count"], damage["offset"]), (LOST, 1, frame.offset))
        self.assertEqual(told["epochs"][0]["lost"], 8)
        self.assertRegex(run("-", data=bytes(data)).stdout.decode(), r"are not as they were written; 1 event is lost")


if __name__ == "__main__":
    unittest.main()
