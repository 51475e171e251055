# SPDX-License-Identifier: Apache-2.0
"""What pstest.sys raised is what READ returns: event by event, field by field, in the real driver."""

import copy
import unittest

import driver_host
import pstest
import records
from pstest import SYSTEM_CREATE_TIME, exit_of, sid, start, units_of

LONE_HIGH, LONE_LOW = 0xD800, 0xDFFF
SECOND = 10_000_000  # of FILETIME


def without_pair_mix():
    """All units that are no surrogate, and lone surrogates, never in an order that makes a pair."""
    return [unit for unit in range(0x10000) if not 0xD800 <= unit <= 0xDFFF] + list(range(0xDC00, 0xE000)) + list(range(0xD800, 0xDC00))


# name: what is not as for an everyday process
TEXTS = {
    "everyday": {},
    "empty command line": {"command": ""},
    "no command line": {"command": None},
    "no image": {"image": None},
    "empty image": {"image": ""},
    "neither": {"image": None, "command": None},
    "65,534 bytes": {"command": [ord("x")] * 32767},
    "65,534 bytes, three of WTF-8 for each unit": {"command": [0x20AC] * 32767},
    "65,534 bytes of lone surrogates": {"command": [LONE_HIGH] * 32767},
    "every unit but a pair, first half": {"command": without_pair_mix()[:32767]},
    "every unit but a pair, second half": {"command": without_pair_mix()[32767:65534]},
    "lone high at the end": {"command": [ord("a"), LONE_HIGH]},
    "lone low at the beginning": {"command": [LONE_LOW, ord("a")]},
    "swapped pair": {"command": [LONE_LOW, LONE_HIGH]},
    "pairs": {"command": units_of("a\U0001f600b\U0010ffff\U00010000")},
    "NULs inside": {"command": [ord("a"), 0, ord("b"), 0, 0]},
    "only a NUL": {"command": [0]},
    "controls": {"command": list(range(0x20)) + [0x7F, 0x85, 0x2028, 0x2029, 0x202E]},
    "one unit": {"command": "x"},
    "quotes": {"command": '"C:\\Program Files\\a b.exe" --x="\\"" \\\\?\\ \\??\\C:\\x'},
    "prefix inside the path": {"image": "\\??\\C:\\\\??\\x.exe"},
    "prefix twice": {"image": "\\??\\\\??\\C:\\x.exe"},
    "only the prefix": {"image": "\\??\\"},
    "half the prefix": {"image": "\\??"},
    "no prefix": {"image": "\\Device\\HarddiskVolume3\\Windows\\a.exe"},
    "path of 65,534 bytes": {"image": pstest.PREFIX + [ord("p")] * 32763},
    "both of 65,534 bytes, three of WTF-8 each": {"image": [0xFFFD] * 32767, "command": [0x20AC] * 32767},
    "lone surrogates in the path": {"image": pstest.PREFIX + [LONE_LOW, LONE_HIGH, ord("x"), LONE_HIGH]},
    "not the opened name": {"opened": False},
}
FACTS = {
    "no token": {"token": False},
    "no token, administrator": {"token": False, "admin": True},
    "administrator": {"admin": True, "integrity": 0x3000},
    "system": {"user": pstest.SYSTEM_SID, "integrity": 0x4000, "session": 0, "admin": True},
    "low": {"integrity": 0x1000, "session": 0x7FFFFFFF},
    "untrusted": {"integrity": 0},
    "protected": {"integrity": 0x5000},
    "largest numbers": {"logon": 2**64 - 1, "session": 2**32 - 1},
    "longest user": {"user": sid(5, *[2**32 - 1] * 15)},
    "user without parts": {"user": sid(1)},
    "large pid": {"pid": 0xFFFFFFFC},
    "no parent": {"parent": 0},
    "parent that is gone": {"parent": 77777},
    "parent that is younger": {"parent": 999, "created": SYSTEM_CREATE_TIME + SECOND},
    "parent of the same moment": {"parent": 999, "created": SYSTEM_CREATE_TIME + 2 * SECOND},
    "creator is not the parent": {"parent": 999, "creator": 4, "thread": 123456, "created": SYSTEM_CREATE_TIME + 3 * SECOND},
    "creator that is gone": {"creator": 77776, "thread": 0xFFFFFFF8},
    "creator of a pid that is another's by now": {"creator": 999, "created": SYSTEM_CREATE_TIME + SECOND},
}
STATUSES = (0, 1, -1, -1073741819, 0x7FFFFFFF, -2147483648, 259)


def copy_of(record):
    other = copy.copy(record)
    other.fields, other.texts = dict(record.fields), dict(record.texts)
    return other


class EventsTest(driver_host.DriverTest):
    def setUp(self):
        super().setUp()
        self.start_driver()
        self.open_pstest()
        self.open_reader()
        self.open_observer()
        self.assertEqual([record.type for record in self.read_all()], [records.MESSAGE])

    def record_of(self, event):
        self.raise_event(event)
        found = self.read_all()
        self.assertEqual(len(found), 1, found)
        return found[0]

    def check(self, event):
        record = self.record_of(event)
        self.assertEqual(event.problems(record, self.running), [])
        return record

    def tearDown(self):
        self.assert_no_references_left()
        status = self.status()
        self.assertEqual((status.held, sum(status.dropped), status.degraded), (0, 0, 0), status)

    def check_lives(self, cases):
        """Each starts, is seen, ends, and is seen."""
        older = start(999, created=SYSTEM_CREATE_TIME + 2 * SECOND)
        self.check(older)
        self.running[999] = older.created
        for number, (name, options) in enumerate(cases.items()):
            with self.subTest(name):
                options = {"created": SYSTEM_CREATE_TIME + 5 * SECOND, **options}
                event = start(options.pop("pid", 1000 + 4 * number), **options)
                self.check(event)
                self.check(exit_of(event, STATUSES[number % len(STATUSES)]))
        self.check(exit_of(older))

    def test_texts(self):
        self.check_lives(TEXTS)

    def test_facts(self):
        self.check_lives(FACTS)

    def test_exit_of_a_process_that_began_before_the_driver(self):
        self.check(exit_of(start(4444, created=SYSTEM_CREATE_TIME + 7 * SECOND), -5))

    def test_a_pid_that_is_used_again(self):
        for second in (3, 4):
            event = start(5000, created=SYSTEM_CREATE_TIME + second * SECOND)
            self.check(event)
            self.check(exit_of(event, second))

    def test_many_in_one_read(self):
        events = [start(6000 + 4 * i, command=f"event {i} " + "y" * (37 * i)) for i in range(200)]
        for event in events:
            self.raise_event(event)
        found = self.read_all()
        self.assertEqual(len(found), len(events))
        for event, record in zip(events, found):
            self.assertEqual(event.problems(record, self.running), [])
        numbers = [record.sequence for record in found]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(events))))
        times = [record.time_ns for record in found]
        self.assertEqual(times, sorted(times))

    def test_the_oracle_finds_what_is_wrong(self):
        """Each field of a true record is changed, and has to be found out."""
        event = start(7000, parent=4, command="true")
        record = self.check(event)
        for name in [*record.fields, *record.texts]:
            damaged = copy_of(record)
            if name in damaged.fields:
                damaged.fields[name] += 1
            else:
                text = damaged.texts[name] + b"?"
                damaged.texts[name] = records.Text(text, len(text), len(text))
            self.assertNotEqual(event.problems(damaged, self.running), [], name)
            del (damaged.fields if name in damaged.fields else damaged.texts)[name]
            self.assertNotEqual(event.problems(damaged, self.running), [], name)
        for name in ("flags", "unavailable"):
            damaged = copy_of(record)
            setattr(damaged, name, 6)
            self.assertNotEqual(event.problems(damaged, self.running), [], name)

    def test_the_decoder_finds_what_is_wrong(self):
        """Every byte of a record's header and sizes is flipped: refused, or seen as another record."""
        event = start(7004, command="true")
        record = self.check(event)
        for offset in [*range(0, 8), *range(24, 48), *range(record.fixed_bytes, record.fixed_bytes + 16)]:
            damaged = bytearray(record.data)
            damaged[offset] ^= 0x10
            try:
                found, = records.decode_records(bytes(damaged))
            except (records.Malformed, ValueError):
                continue
            self.assertNotEqual(event.problems(found, self.running), [], offset)


class StormTest(driver_host.DriverTest):
    def setUp(self):
        super().setUp()
        self.start_driver()
        self.open_pstest()
        self.open_reader()
        self.open_observer()

    def pump_until(self, wanted):
        answers, _ = self.probe.pump(driver_host.READER_HANDLE, records.CONTROL_READ, driver_host.ROOM_BYTES, 2000, wanted, seconds=60)
        return [record for answer in answers for record in self.batch_of(answer).records]

    def check_storm(self, storm, found):
        """Every event came once, whole and with its own texts, or is in a gap."""
        self.assertEqual(records.check_sequences(found), [])
        events = storm.events()
        starts, exits = ([record for record in found if record.type == kind] for kind in (records.START, records.EXIT))
        for kind in (starts, exits):
            pids = [record.pid for record in kind]
            self.assertEqual(len(pids), len(set(pids)))
            self.assertLessEqual(set(pids), set(events))
        for record in starts:
            if not record.flags & records.SKELETON:
                self.assertEqual((record.executable, record.command_line), events[record.pid])
        return starts, exits

    def check_ledger(self, storm, found):
        status = self.status()
        delivered = [record for record in found if record.type != records.GAP]
        lost = sum(record.gap()[2] for record in found if record.type == records.GAP)
        raised = 2 * storm.threads * storm.count
        messages = sum(1 for record in found if record.type == records.MESSAGE)
        self.assertEqual(status.produced, raised + messages)
        self.assertEqual(status.delivered, len(delivered))
        self.assertEqual((status.held, status.filtered), (0, 0))
        self.assertEqual(sum(status.dropped), lost)
        self.assertEqual(status.degraded, sum(1 for record in found if record.flags & records.SKELETON))
        for cause, count in enumerate(status.dropped[:len(records.CAUSES)]):
            told = sum(record.gap()[3].get(records.CAUSES[cause], 0) for record in found if record.type == records.GAP)
            self.assertEqual(count, told, records.CAUSES[cause])

    def test_four_threads_while_a_reader_reads(self):
        storm = pstest.Storm(threads=4, count=1000, first_pid=100_000, command_bytes=200)
        self.raise_storm(storm)
        found = self.pump_until(2 * 4 * 1000 + 1)
        ended = self.end_of_storm()
        found += self.read_all()
        starts, exits = self.check_storm(storm, found)
        self.assertEqual((ended.raised, ended.unheard), (8000, 0))
        self.assertEqual((len(starts), len(exits)), (4000, 4000))
        self.assertFalse([record for record in found if record.type == records.GAP or record.flags & records.SKELETON])
        self.check_ledger(storm, found)
        self.assert_no_references_left()

    def test_more_than_there_is_room_for(self):
        """Nobody reads: the queue fills up, and every number is still accounted for."""
        storm = pstest.Storm(threads=4, count=1000, first_pid=500_000, command_bytes=8000)
        self.raise_storm(storm)
        self.end_of_storm()
        status = self.status()
        self.assertGreater(sum(status.dropped), 0, "the storm was too small for this test")
        found = self.read_all()
        starts, _ = self.check_storm(storm, found)
        self.assertGreater(len(starts), 500)
        self.check_ledger(storm, found)
        self.assertTrue([record for record in found if record.type == records.GAP])
        after = self.record_after()
        self.assertEqual(after.sequence, status.last_sequence + 1)
        self.assert_no_references_left()

    def record_after(self):
        """There is room again."""
        event = start(400, command="afterwards")
        self.raise_event(event)
        record, = self.read_all()
        self.assertEqual(event.problems(record, self.running), [])
        return record

    def test_stopped_in_the_middle(self):
        """Neither the driver nor Wine's host of drivers dies of a storm that goes on while it stops."""
        for _ in range(3):
            storm = pstest.Storm(threads=4, count=3000, first_pid=100_000, command_bytes=300)
            self.raise_storm(storm)
            self.pump_until(500)
            self.stop_driver()
            self.start_driver()
            self.open_pstest()
            self.open_reader()
            self.open_observer()
        self.raise_events(3)
        self.assertEqual([record.type for record in self.read_all()], [records.MESSAGE] + 3 * [records.START])


if __name__ == "__main__":
    unittest.main()
