# SPDX-License-Identifier: Apache-2.0
"""The real binaries in Wine: they load, and their device answers as include/muster/nt_device.h says.

Wine ignores who may open a device and a failed open, never sends CLEANUP and has no IRQL: nothing of
that is shown here. Each handle's rights by HELLO are the driver's own, and are."""

import itertools
import subprocess
import time
import unittest

import driver_host
import pstest
import records
import wine_host
from driver_host import OBSERVER_HANDLE, READER_HANDLE, ROOM_BYTES
from records import OBSERVER, READER
from wine_host import (RUNNING, SHIPPED_DRIVER, STATUS_ACCESS_DENIED, STATUS_BUFFER_OVERFLOW, STATUS_BUFFER_TOO_SMALL, STATUS_CANCELLED,
                       STATUS_DEVICE_BUSY, STATUS_INVALID_DEVICE_REQUEST, STATUS_INVALID_DEVICE_STATE, STATUS_INVALID_PARAMETER, STATUS_SUCCESS,
                       STOPPED, TEST_DRIVER)

OTHER_HANDLE = 3
HEADER_BYTES = 32


class ControlTests:
    """What holds for the driver that ships and for the one that is linked for these tests. Both are only
    told of their own messages here."""

    def setUp(self):
        super().setUp()
        self.start_driver()
        self.addCleanup(self.probe.close, OTHER_HANDLE)

    def start_over(self):
        self.stop_driver()
        self.start_driver()

    # ---- HELLO

    def test_hello_says_who_is_there(self):
        self.open()
        begin = time.time_ns()
        reply = self.hello()
        self.assertEqual((reply.protocol, reply.record_version, reply.record_header_bytes, reply.refusal), (1, 1, 48, records.ACCEPTED))
        self.assertEqual((reply.features, reply.read_header_bytes), (records.FEATURES, HEADER_BYTES))
        self.assertGreaterEqual(reply.read_most_bytes, HEADER_BYTES + 256 * 1024)
        self.assertLess(abs(begin - reply.started_ns), 60e9)
        self.assertNotEqual(reply.epoch, 0)
        version = tuple(int(part) for part in (wine_host.ROOT / "VERSION").read_text().strip().split("."))
        self.assertEqual(reply.version[:3], version)

    def test_the_epoch_is_another_with_each_start(self):
        epochs = set()
        for _ in range(4):
            self.open()
            epochs.add(self.hello().epoch)
            self.start_over()
        self.assertEqual(len(epochs), 4)

    def test_hello_refuses_with_the_reason(self):
        self.open()
        cases = [({"protocol": 0}, records.REFUSED_PROTOCOL), ({"protocol": 2}, records.REFUSED_PROTOCOL),
                 ({"record": 2}, records.REFUSED_RECORDS), ({"header": 56}, records.REFUSED_RECORDS),
                 ({"needed": 1 << 63}, records.REFUSED_FEATURES), ({"needed": 15}, records.REFUSED_FEATURES),
                 ({"role": 0}, records.REFUSED_ROLE), ({"role": 3}, records.REFUSED_ROLE), ({"role": 2**32 - 1}, records.REFUSED_ROLE)]
        for options, refusal in cases:
            with self.subTest(**options):
                self.assertEqual(self.hello(**options).refusal, refusal)
                # And it is as if nothing had been said.
                self.assert_status(self.probe.control(READER_HANDLE, records.CONTROL_STATUS, b"", 272), STATUS_INVALID_DEVICE_STATE)
        self.assertEqual(self.hello(needed=records.FEATURES).refusal, records.ACCEPTED)

    def test_one_reader_at_a_time(self):
        self.open_reader()
        self.open(OTHER_HANDLE)
        self.assertEqual(self.hello(OTHER_HANDLE).refusal, records.REFUSED_READER_TAKEN)
        self.assertEqual(self.hello(OTHER_HANDLE, role=OBSERVER).refusal, records.ACCEPTED)
        self.assertEqual(self.status(OTHER_HANDLE).reader_present, 1)
        answer = self.probe.control(OTHER_HANDLE, records.CONTROL_READ, records.read_request(), ROOM_BYTES)
        self.assert_status(answer, STATUS_ACCESS_DENIED)
        self.assertEqual(answer["written"], 0)
        self.probe.close(READER_HANDLE)
        self.assertEqual(self.status(OTHER_HANDLE).reader_present, 0)
        self.assertEqual(self.hello(OTHER_HANDLE).refusal, records.ACCEPTED)
        self.assertEqual(self.status(OTHER_HANDLE).reader_present, 1)

    def test_nothing_before_hello(self):
        self.open()
        for code, data, room in ((records.CONTROL_STATUS, b"", 272), (records.CONTROL_READ, records.read_request(), ROOM_BYTES)):
            answer = self.probe.control(READER_HANDLE, code, data, room)
            self.assert_status(answer, STATUS_INVALID_DEVICE_STATE)
            self.assertEqual(answer["written"], 0)

    # ---- lengths and codes

    def assert_refused(self, code, data, room, wanted):
        answer = self.probe.control(READER_HANDLE, code, data, room)
        with self.subTest(code=hex(code), input=len(data), room=room):
            self.assert_status(answer, wanted)
            self.assertEqual((answer["information"], answer["written"]), (0, 0))

    def test_lengths_that_are_wrong(self):
        self.open_reader()
        requests = [(records.CONTROL_HELLO, records.hello(READER), 56), (records.CONTROL_STATUS, b"", 272),
                    (records.CONTROL_READ, records.read_request(), HEADER_BYTES)]
        for code, data, room in requests:
            longer = [] if code == records.CONTROL_HELLO else [*range(len(data) + 1, len(data) + 10), 4096]
            for size in [*range(len(data)), *longer]:
                self.assert_refused(code, (data + bytes(4096))[:size], room, STATUS_INVALID_PARAMETER)
            for short in [0, 1, room - 8, room - 1, *range(3, room, 13)]:
                self.assert_refused(code, data, short, STATUS_BUFFER_TOO_SMALL)
        self.assert_refused(records.CONTROL_READ, records.read_request(reserved=1), ROOM_BYTES, STATUS_INVALID_PARAMETER)

    def test_a_later_clients_hello_is_told_why(self):
        self.open()
        for size in (1, 8, 4072):
            answer = self.probe.control(READER_HANDLE, records.CONTROL_HELLO, records.hello(READER, protocol=2) + b"\xff" * size, 56)
            self.assert_status(answer, STATUS_SUCCESS)
            self.assertEqual(records.decode_hello(answer.output).refusal, records.REFUSED_PROTOCOL)

    def test_more_room_than_needed_stays_as_it_was(self):
        self.open_reader()
        for code, data, size in ((records.CONTROL_HELLO, records.hello(READER), 56), (records.CONTROL_STATUS, b"", 272)):
            for room in (size, size + 1, size + 7, size + 5000):
                answer = self.probe.control(READER_HANDLE, code, data, room)
                self.assert_status(answer, STATUS_SUCCESS)
                self.assertEqual(answer["information"], size)
                self.assertLessEqual(answer["written"], size)

    def test_codes_that_there_are_not(self):
        self.open_reader()
        ours = {records.CONTROL_HELLO, records.CONTROL_STATUS, records.CONTROL_READ}
        for function, method, access in itertools.product([0, 0x7FF, 0x800, 0x801, 0x802, 0x803, 0xFFF], range(4), range(4)):
            code = 0x8D55 << 16 | access << 14 | function << 2 | method
            if code not in ours:
                self.assert_refused(code, bytes(24), 512, STATUS_INVALID_DEVICE_REQUEST)
        for code in (0, 0xFFFFFFFF, records.CONTROL_HELLO ^ 1 << 16, records.CONTROL_HELLO ^ 1 << 31):
            self.assert_refused(code, bytes(24), 512, STATUS_INVALID_DEVICE_REQUEST)

    def test_refused_requests_are_counted(self):
        self.open_reader()
        before = self.status(READER_HANDLE).denied_requests
        self.probe.control(READER_HANDLE, records.CONTROL_HELLO, b"", 56)
        self.probe.control(READER_HANDLE, 0, b"", 0)
        self.assertEqual(self.status(READER_HANDLE).denied_requests, before + 2)

    # ---- READ

    def test_the_first_record_is_the_drivers_own(self):
        self.open_reader()
        batch = self.read()
        record, = batch.records
        self.assertEqual((record.sequence, record.type), (1, records.MESSAGE))
        self.assertIn(b"muster.sys", record.message)

    def test_read_waits_as_long_as_it_is_told(self):
        reply = self.open_reader()
        self.read_all()
        for ms in (0, 1, 100, 400):
            with self.subTest(ms=ms):
                begin = time.monotonic()
                batch = self.read(timeout_ms=ms)
                took_ms = (time.monotonic() - begin) * 1000
                self.assertEqual((batch.records, batch.lease_id, batch.epoch), ([], 0, reply.epoch))
                # Windows and Wine both look at deadlines in ticks of up to 16 ms.
                self.assertGreaterEqual(took_ms, ms - 17)
                self.assertLess(took_ms, ms + 2000)

    def test_read_can_be_cancelled(self):
        self.open_reader()
        self.read_all()
        for cancel, argument in ((self.probe.cancel_all, READER_HANDLE), (self.probe.cancel, 0)):
            self.assertTrue(self.probe.start(0, READER_HANDLE, records.CONTROL_READ, records.read_request(0, records.WAIT_FOREVER), ROOM_BYTES))
            self.assertIsNone(self.probe.wait(0, 200))
            self.assertEqual(cancel(argument), 0)
            answer = self.probe.wait(0, 5000)
            self.assert_status(answer, STATUS_CANCELLED)
            self.assertEqual((answer["information"], answer["written"]), (0, 0))
            self.assertEqual(self.read(timeout_ms=50).records, [])

    def test_only_one_read_waits(self):
        self.open_reader()
        self.read_all()
        self.assertTrue(self.probe.start(0, READER_HANDLE, records.CONTROL_READ, records.read_request(0, 1500), ROOM_BYTES))
        answer = self.probe.control(READER_HANDLE, records.CONTROL_READ, records.read_request(), ROOM_BYTES)
        self.assert_status(answer, STATUS_DEVICE_BUSY)
        self.assertEqual(answer["written"], 0)
        answer = self.probe.wait(0, 5000)
        self.assert_status(answer, STATUS_SUCCESS)
        self.assertEqual(self.batch_of(answer).records, [])

    def test_a_read_wakes_when_something_comes(self):
        """A refused HELLO is told in a message."""
        self.open_reader()
        self.read_all()
        self.assertTrue(self.probe.start(0, READER_HANDLE, records.CONTROL_READ, records.read_request(0, records.WAIT_FOREVER), ROOM_BYTES))
        self.assertIsNone(self.probe.wait(0, 100))
        self.open(OTHER_HANDLE)
        begin = time.monotonic()
        self.assertEqual(self.hello(OTHER_HANDLE).refusal, records.REFUSED_READER_TAKEN)
        answer = self.probe.wait(0, 5000)
        self.assert_status(answer, STATUS_SUCCESS)
        record, = self.batch_of(answer).records
        self.assertEqual(record.type, records.MESSAGE)
        self.assertLess(time.monotonic() - begin, 2)

    def test_closing_a_handle_gives_its_place_back(self):
        """What waited by it is Wine's to cancel, which it only does when the process ends."""
        self.open_reader()
        self.read_all()
        self.assertTrue(self.probe.start(0, READER_HANDLE, records.CONTROL_READ, records.read_request(0, records.WAIT_FOREVER), ROOM_BYTES))
        self.probe.close(READER_HANDLE)
        self.open_reader()
        self.assertEqual(self.read(timeout_ms=20).records, [])

    # ---- leases

    def test_records_are_served_again_until_they_are_acknowledged(self):
        self.open_reader()
        self.open_observer()
        first = self.read()
        self.assertEqual(self.status().leased_records, 1)
        for _ in range(3):
            again = self.read()
            self.assertEqual((again.lease_id, [record.data for record in again.records]),
                             (first.lease_id, [record.data for record in first.records]))
        status = self.status()
        self.assertEqual((status.delivered, status.held, status.lease_id), (0, 1, first.lease_id))
        self.assertEqual(self.read(first.lease_id).records, [])
        status = self.status()
        self.assertEqual((status.delivered, status.held, status.leased_records, status.lease_id), (1, 0, 0, 0))

    def test_an_acknowledgement_of_what_is_not_open_changes_nothing(self):
        self.open_reader()
        first = self.read()
        for wrong in (first.lease_id + 1, 2**64 - 1, 0x1234567890):
            answer = self.probe.control(READER_HANDLE, records.CONTROL_READ, records.read_request(wrong), ROOM_BYTES)
            self.assert_status(answer, STATUS_INVALID_DEVICE_STATE)
            self.assertEqual(answer["written"], 0)
        self.assertEqual(self.status(READER_HANDLE).held, 1)
        self.assertEqual(self.read().lease_id, first.lease_id)

    def test_a_buffer_for_no_record(self):
        self.open_reader()
        for room in (HEADER_BYTES, HEADER_BYTES + 47, HEADER_BYTES + 48):
            answer = self.probe.control(READER_HANDLE, records.CONTROL_READ, records.read_request(), room)
            self.assert_status(answer, STATUS_BUFFER_OVERFLOW)
            self.assertEqual(answer["information"], HEADER_BYTES)
            batch = self.batch_of(answer)
            self.assertEqual(batch.records, [])
            self.assertGreater(batch.bytes_needed, room)
        exact = self.read(room_bytes=batch.bytes_needed)
        self.assertEqual(HEADER_BYTES + exact.records[0].size_bytes, batch.bytes_needed)
        self.assertEqual([record.sequence for record in exact.records], [1])


class ShippedDriverTest(ControlTests, driver_host.DriverTest):
    """build/muster.sys as it ships: Wine takes its callback and never calls it."""

    NEEDS = (wine_host.PROBE, SHIPPED_DRIVER)
    DRIVER = SHIPPED_DRIVER


class TestDriverTest(ControlTests, driver_host.DriverTest):
    """The same objects, linked against pstest.sys."""

    def test_it_imports_what_the_shipped_one_does(self):
        """Only from another image, where pstest.def says so."""
        shipped, linked = imports_of(SHIPPED_DRIVER), imports_of(TEST_DRIVER)
        self.assertEqual({name for names in shipped.values() for name in names}, {name for names in linked.values() for name in names})
        self.assertEqual(set(shipped), {"ntoskrnl.exe"})
        self.assertEqual(set(linked), {"ntoskrnl.exe", "pstest.sys"})
        lines = (wine_host.ROOT / "tests/wine/pstest/pstest.def").read_text().splitlines()
        exported = {line.split()[0] for line in lines if " = " in line and not line.startswith(";")}
        self.assertEqual(linked["pstest.sys"], exported)

    def test_whole_records_alone(self):
        """Whatever the room: no record is cut, none is left out, in order."""
        self.open_pstest()
        self.open_reader()
        self.read_all()
        for event in (events := [pstest.start(1000 + 4 * i, command="c" * (i * i)) for i in range(60)]):
            self.raise_event(event)
        found, lease, room = [], 0, HEADER_BYTES
        while len(found) < len(events):
            answer = self.probe.control(READER_HANDLE, records.CONTROL_READ, records.read_request(lease), room)
            batch = self.batch_of(answer)
            self.assertLessEqual(answer["information"], room)
            if answer.status == STATUS_BUFFER_OVERFLOW:
                room, lease = batch.bytes_needed, 0
                continue
            self.assert_status(answer, STATUS_SUCCESS)
            found += batch.records
            lease, room = batch.lease_id, room + 100
        for event, record in zip(events, found):
            self.assertEqual(event.problems(record, self.running), [])


class RefusedRegistrationTest(driver_host.DriverTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.probe.ask, "refuse", 0)

    def test_what_was_acquired_is_given_back(self):
        """Registering is the last step, so all others are undone; and then it starts."""
        for status in (STATUS_ACCESS_DENIED, STATUS_INVALID_PARAMETER):
            self.assertEqual(self.probe.ask("refuse", status)["error"], 0)
            self.assertNotEqual(self.probe.service("start", driver_host.SERVICE), 0)
            self.assertEqual(self.probe.service("state", driver_host.SERVICE), STOPPED)
            self.assertNotEqual(self.probe.open(READER_HANDLE, records.DEVICE_PATH), 0, "the device is there")
        self.probe.ask("refuse", 0)
        self.start_driver()
        self.assertEqual(self.probe.service("state", driver_host.SERVICE), RUNNING)
        self.open_reader()
        self.assertEqual(self.read().records[0].sequence, 1)


def imports_of(path):
    """{dll: names} by objdump."""
    output = subprocess.run(["x86_64-w64-mingw32-objdump", "-p", path], capture_output=True, text=True, check=True, timeout=60).stdout
    found, names = {}, None
    for line in output.splitlines():
        words = line.split()
        if line.startswith("\tDLL Name: "):
            names = found.setdefault(words[2].lower(), set())
        elif names is not None and len(words) == 3 and words[1].isdigit():
            names.add(words[2])
        elif not words:
            names = None
    return found


if __name__ == "__main__":
    unittest.main()
