# SPDX-License-Identifier: Apache-2.0
"""A loaded driver for a test, a reader at its device, and events raised at it."""

import pstest
import records
import wine_host
from wine_host import PROBE, PSTEST, RUNNING, STATUS_SUCCESS, STOPPED, TEST_DRIVER, WineTest, until

SERVICE = "Muster"
PSTEST_HANDLE, OBSERVER_HANDLE, READER_HANDLE = 0, 1, 2
ROOM_BYTES = 300_000
NAME = {value: name for name, value in vars(wine_host).items() if name.startswith("STATUS_")}


class DriverTest(WineTest):
    """The host has the test driver as a service; it is stopped after each test."""

    NEEDS = (PROBE, PSTEST, TEST_DRIVER)
    DRIVER = TEST_DRIVER

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host.put_driver(PSTEST)
        cls.driver_path = cls.host.put_driver(cls.DRIVER, "muster.sys")
        cls.probe = cls.host.probe()
        error = cls.probe.service("create", SERVICE, cls.driver_path)
        if error:
            raise AssertionError(f"CreateServiceW: {error}")

    def setUp(self):
        self.addCleanup(self.stop_driver)
        self.running = {pstest.SYSTEM_PID: pstest.SYSTEM_CREATE_TIME}

    def start_driver(self):
        self.assertEqual(self.probe.service("start", SERVICE), 0)

    def stop_driver(self):
        for handle in (PSTEST_HANDLE, OBSERVER_HANDLE, READER_HANDLE):
            self.probe.close(handle)
        if self.probe.service("state", SERVICE) == RUNNING:
            self.assertEqual(self.probe.service("stop", SERVICE), 0)
        self.assertEqual(self.probe.service("state", SERVICE), STOPPED)

    # ---- the device

    def open(self, handle=READER_HANDLE, probe=None):
        self.assertEqual((probe or self.probe).open(handle, records.DEVICE_PATH), 0)

    def hello(self, handle=READER_HANDLE, probe=None, **options):
        options.setdefault("role", records.READER)
        answer = (probe or self.probe).control(handle, records.CONTROL_HELLO, records.hello(**options), 56)
        self.assert_status(answer, STATUS_SUCCESS)
        self.assertEqual(answer["written"], 56)
        return records.decode_hello(answer.output)

    def open_reader(self, handle=READER_HANDLE, probe=None):
        self.open(handle, probe)
        reply = self.hello(handle, probe)
        self.assertEqual(reply.refusal, records.ACCEPTED)
        return reply

    def open_observer(self):
        self.open(OBSERVER_HANDLE)
        self.assertEqual(self.hello(OBSERVER_HANDLE, role=records.OBSERVER).refusal, records.ACCEPTED)

    def status(self, handle=OBSERVER_HANDLE, probe=None):
        answer = (probe or self.probe).control(handle, records.CONTROL_STATUS, b"", 272)
        self.assert_status(answer, STATUS_SUCCESS)
        status = records.decode_status(answer.output)
        self.assertEqual(records.check_status(status), [])
        return status

    def read(self, acknowledge=0, timeout_ms=0, room_bytes=ROOM_BYTES, handle=READER_HANDLE, probe=None):
        request = records.read_request(acknowledge, timeout_ms)
        answer = (probe or self.probe).control(handle, records.CONTROL_READ, request, room_bytes)
        self.assert_status(answer, STATUS_SUCCESS)
        return self.batch_of(answer)

    def batch_of(self, answer):
        self.assertLessEqual(answer["written"], answer["information"], "bytes were written behind the answer's length")
        return records.decode_batch(answer.output)

    def read_all(self, handle=READER_HANDLE, probe=None):
        """Every record that there is, acknowledged."""
        found, lease = [], 0
        while True:
            batch = self.read(lease, handle=handle, probe=probe)
            if not batch.records:
                return found
            found += batch.records
            lease = batch.lease_id

    def assert_status(self, answer, wanted):
        self.assertEqual(NAME.get(answer.status, hex(answer.status)), NAME.get(wanted, hex(wanted)))

    # ---- events

    def open_pstest(self):
        self.assertEqual(self.probe.open(PSTEST_HANDLE, pstest.DEVICE_PATH), 0)

    def raise_event(self, event):
        answer = self.probe.control(PSTEST_HANDLE, pstest.CONTROL_RAISE, event.pack(), 0)
        self.assert_status(answer, STATUS_SUCCESS)

    def raise_events(self, count, first_pid=1000, **options):
        """Starts, each with its number in its command line."""
        events = [pstest.start(first_pid + 4 * i, command=f"event {i}", **options) for i in range(count)]
        for event in events:
            self.raise_event(event)
        return events

    def raise_storm(self, storm):
        """Returns when its threads run."""
        self.assert_status(self.probe.control(PSTEST_HANDLE, pstest.CONTROL_STORM, storm.pack(), 0), STATUS_SUCCESS)

    def end_of_storm(self, seconds=60):
        return until(lambda: (status := self.pstest_status()).storm_threads == 0 and status, "the end of the storm", seconds)

    def pstest_status(self):
        answer = self.probe.control(PSTEST_HANDLE, pstest.CONTROL_STATUS, b"", 80)
        self.assert_status(answer, STATUS_SUCCESS)
        return pstest.decode_status(answer.output)

    def assert_no_references_left(self):
        status = self.pstest_status()
        self.assertEqual((status.references, status.token_references, status.violations, status.denied), (0, 0, 0, 0), status)
