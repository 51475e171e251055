# SPDX-License-Identifier: Apache-2.0
"""Started and stopped over and over: quiet, with a handle open, with a READ that waits, under a storm."""

import unittest

import driver_host
import pstest
import records
import wine_host
from driver_host import READER_HANDLE, ROOM_BYTES, SERVICE
from wine_host import SHIPPED_DRIVER, STOPPED

WAITING = 10


class StartStopTests:
    def test_over_and_over(self):
        answer = self.probe.ask("cycle", SERVICE, self.CYCLES, seconds=120)
        self.assertEqual((answer["error"], answer["done"]), (0, self.CYCLES))
        self.assertEqual(self.probe.service("state", SERVICE), STOPPED)
        self.assert_still_good()

    def test_with_a_handle_and_a_read_that_waits(self):
        """Wine stops a driver whose device is open; Windows waits for the last handle instead."""
        for _ in range(WAITING):
            self.start_driver()
            self.open_reader()
            self.read_all()
            self.assertTrue(self.probe.start(0, READER_HANDLE, records.CONTROL_READ, records.read_request(0, records.WAIT_FOREVER), ROOM_BYTES))
            self.assertEqual(self.probe.service("stop", SERVICE), 0)
            self.assertIsNotNone(self.probe.wait(0, 5000), "the READ never ended")
            self.probe.close(READER_HANDLE)
        self.assert_still_good()

    def assert_still_good(self):
        self.start_driver()
        self.open_reader()
        record, = self.read_all()
        self.assertEqual(record.sequence, 1)
        self.assertTrue(self.host.drivers_alive())


class ShippedStartStopTest(StartStopTests, driver_host.DriverTest):
    NEEDS = (wine_host.PROBE, SHIPPED_DRIVER)
    DRIVER = SHIPPED_DRIVER
    CYCLES = 100


class TestStartStopTest(StartStopTests, driver_host.DriverTest):
    CYCLES = 20

    def test_with_traffic(self):
        """Each time from 1 on, in an epoch of its own; what came before the stop is whole."""
        epochs = set()
        for cycle in range(WAITING):
            self.start_driver()
            self.open_pstest()
            epochs.add(self.open_reader().epoch)
            self.raise_storm(pstest.Storm(threads=3, count=2000, first_pid=100_000, command_bytes=100 + 50 * cycle))
            found, lease = [], 0
            while len(found) < 200:
                batch = self.read(lease, 1000, 60_000)
                found += batch.records
                lease = batch.lease_id
            self.assertEqual(records.check_sequences(found), [])
            self.stop_driver()
        self.assertEqual(len(epochs), WAITING)
        self.assert_still_good()


if __name__ == "__main__":
    unittest.main()
