# SPDX-License-Identifier: Apache-2.0
"""Whoever reads may die at any moment: the next one gets what was not acknowledged, under the same
numbers, and nothing is lost.

Only not here while the driver's thread completes its READ: Wine 8 then frees the IRP, and cancels it
afterwards, which ends the process that hosts drivers. So no test kills a reader that has a READ under way
while events come."""

import unittest

import driver_host
import pstest
import records
from driver_host import READER_HANDLE, ROOM_BYTES
from wine_host import STATUS_INVALID_DEVICE_STATE, until


class ReaderKilledTest(driver_host.DriverTest):
    def setUp(self):
        super().setUp()
        self.start_driver()
        self.open_pstest()
        self.open_observer()

    def new_reader(self):
        """A process of its own that reads."""
        probe = self.host.probe()
        probe.open(READER_HANDLE, records.DEVICE_PATH)
        until(lambda: self.hello(probe=probe).refusal == records.ACCEPTED, "the reader's place")
        return probe

    def kill(self, probe):
        probe.kill()
        until(lambda: not self.status().reader_present, "the place is given back")

    def check_nothing_lost(self, events, found):
        """found: of all readers, without what was served again."""
        self.assertEqual(records.check_sequences(found), [])
        starts = {record.pid: record for record in found if record.type == records.START}
        self.assertEqual(len(starts), len(events))
        for event in events:
            self.assertEqual(event.problems(starts[event.pid], self.running), [])
        status = self.status()
        self.assertEqual((status.held, sum(status.dropped), status.delivered), (0, 0, status.produced), status)

    def test_with_an_open_lease(self):
        events = self.raise_events(20)
        first = self.new_reader()
        taken = self.read(probe=first)
        self.assertEqual(len(taken.records), 21)
        self.kill(first)
        self.assertEqual(self.status().held, 21)
        more = self.raise_events(10, first_pid=5000)
        second = self.new_reader()
        found = self.read_all(probe=second)
        self.assertEqual([record.data for record in found[:21]], [record.data for record in taken.records])
        self.assertEqual([record.sequence for record in found], list(range(1, 32)))
        self.check_nothing_lost(events + more, found)

    def test_the_next_one_may_have_less_room(self):
        """The lease goes with its reader: what it held is divided anew, and its id acknowledges nothing any more."""
        events = self.raise_events(20)
        first = self.new_reader()
        taken = self.read(probe=first)
        self.kill(first)
        self.assertEqual(self.status().leased_records, 0)
        second = self.new_reader()
        answer = second.control(READER_HANDLE, records.CONTROL_READ, records.read_request(taken.lease_id), ROOM_BYTES)
        self.assert_status(answer, STATUS_INVALID_DEVICE_STATE)
        found, lease = [], 0
        while len(found) < 21:
            batch = self.read(lease, room_bytes=32 + taken.records[1].size_bytes, probe=second)
            self.assertEqual(len(batch.records), 1)
            found += batch.records
            lease = batch.lease_id
        self.read(lease, probe=second)
        self.check_nothing_lost(events, found)

    def test_with_a_read_that_waits(self):
        first = self.new_reader()
        self.read_all(probe=first)
        self.assertTrue(first.start(0, READER_HANDLE, records.CONTROL_READ, records.read_request(0, records.WAIT_FOREVER), ROOM_BYTES))
        self.assertIsNone(first.wait(0, 100))
        self.kill(first)
        events = self.raise_events(5)
        second = self.new_reader()
        found = self.read_all(probe=second)
        self.assertEqual([record.sequence for record in found], list(range(2, 7)))
        for event, record in zip(events, found):
            self.assertEqual(event.problems(record, self.running), [])

    def test_with_a_read_that_waits_and_an_open_lease(self):
        """The acknowledgement counts from the moment at which the READ that has it was taken."""
        events = self.raise_events(3)
        first = self.new_reader()
        taken = self.read(probe=first)
        request = records.read_request(taken.lease_id, records.WAIT_FOREVER)
        self.assertTrue(first.start(0, READER_HANDLE, records.CONTROL_READ, request, ROOM_BYTES))
        until(lambda: self.status().delivered == 4, "the acknowledgement")
        self.kill(first)
        events += self.raise_events(2, first_pid=7000)
        found = self.read_all(probe=self.new_reader())
        self.assertEqual([record.sequence for record in found], [5, 6])
        self.check_nothing_lost(events, taken.records + found)

    def test_twenty_readers_killed_while_events_come(self):
        """Of each, what it did not acknowledge comes again; a number comes at most twice, and as it was."""
        storm = pstest.Storm(threads=2, count=2500, first_pid=100_000, command_bytes=600)
        self.raise_storm(storm)
        seen = {}
        for _ in range(20):
            probe = self.new_reader()
            lease = 0
            for _ in range(3):
                batch = self.read(lease, 100, 40_000, probe=probe)
                lease = batch.lease_id
                for record in batch.records:
                    self.assertEqual(seen.setdefault(record.sequence, record.data), record.data)
            self.kill(probe)
        self.end_of_storm()
        for record in self.read_all(probe=self.new_reader()):
            self.assertEqual(seen.setdefault(record.sequence, record.data), record.data)
        status = self.status()
        self.assertEqual((status.produced, status.delivered, status.held), (10_001, 10_001, 0), status)
        found = [records.Record(data) for data in seen.values()]
        self.assertEqual(records.check_sequences(found), [])
        events = storm.events()
        self.assertEqual({record.pid: (record.executable, record.command_line) for record in found if record.type == records.START}, events)
        self.assertEqual({record.pid for record in found if record.type == records.EXIT}, set(events))
        self.assert_no_references_left()

    def test_a_killed_observer_disturbs_nobody(self):
        reader = self.new_reader()
        taken = self.read(probe=reader)
        observer = self.host.probe()
        self.open(READER_HANDLE, observer)
        self.hello(READER_HANDLE, observer, role=records.OBSERVER)
        observer.kill()
        self.raise_events(1)
        again = self.read(probe=reader)
        self.assertEqual((again.lease_id, [record.data for record in again.records]), (taken.lease_id, [record.data for record in taken.records]))
        self.assertEqual(self.status().reader_present, 1)
        reader.quit()


if __name__ == "__main__":
    unittest.main()
