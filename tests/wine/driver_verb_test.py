# SPDX-License-Identifier: Apache-2.0
"""`muster driver`: install, start, stop, remove and status, in every state that it can be found in, and
what it says where it cannot."""

import json
import shutil
import struct
import unittest

import pstest
import records
import wine_host
from wine_host import MUSTER_EXE, PROBE, PSTEST, SHIPPED_DRIVER, STATUS_ACCESS_DENIED, SYSTEM32, TEST_DRIVER, WineTest

DONE, FAILED, USAGE = 0, 1, 2
FIXED_SIGNATURE = struct.pack("<I", 0xFEEF04BD)
VERSION = (wine_host.ROOT / "VERSION").read_text().strip()


class DriverVerbTest(WineTest):
    NEEDS = (PROBE, PSTEST, TEST_DRIVER, SHIPPED_DRIVER, MUSTER_EXE)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host.put_driver(PSTEST)
        cls.probe = cls.host.probe()

    def setUp(self):
        self.addCleanup(self.driver, "remove")

    def driver(self, *arguments):
        return self.host.run("driver", *arguments)

    def install(self, path=TEST_DRIVER):
        return self.driver("install", self.host.windows_path(path))

    def must(self, done, expect=DONE):
        """(stdout, stderr) of a run that ends with `expect`; what fails says why, what does not says nothing there."""
        status, output, error = done
        self.assertEqual(status, expect, error)
        self.assertEqual(bool(error), expect != DONE, error)
        for line in error.splitlines():
            self.assertTrue(line.startswith(("muster: ", "Try ")), line)
        return output, error

    def fails_with(self, done, *words):
        _, error = self.must(done, FAILED)
        for word in words:
            self.assertIn(word, error)

    def status(self):
        output, _ = self.must(self.driver("status", "--json"))
        return json.loads(output)

    def place(self):
        return self.host.prefix / SYSTEM32 / "drivers" / "muster.sys"

    def changed_driver(self, name, old, new):
        """The shipped driver with other bytes."""
        data = SHIPPED_DRIVER.read_bytes()
        self.assertIn(old, data)
        path = self.host.folder / name
        path.write_bytes(data.replace(old, new))
        return path

    # ---- in good order

    def test_a_life(self):
        self.assertEqual((self.status()["installed"], self.place().exists()), (False, False))
        self.must(self.install())
        self.assertEqual(self.place().read_bytes(), TEST_DRIVER.read_bytes())
        status = self.status()
        self.assertEqual((status["installed"], status["state"]), (True, "stopped"))
        self.must(self.driver("start"))
        status = self.status()
        self.assertEqual((status["state"], status["process_events"], status["reader_present"], status["balances"]), ("running", True, False, True))
        self.assertEqual(status["version"], VERSION + ".0")
        self.must(self.driver("stop"))
        self.assertEqual(self.status()["state"], "stopped")
        self.assertTrue(self.place().exists())
        self.must(self.driver("remove"))
        self.assertEqual((self.status()["installed"], self.place().exists()), (False, False))

    def test_each_step_twice(self):
        """What is as it should be already is no failure, and is said."""
        for step in (self.install, lambda: self.driver("start"), lambda: self.driver("stop"), lambda: self.driver("remove")):
            first, _ = self.must(step())
            second, _ = self.must(step())
            self.assertNotEqual(first.splitlines()[0], second.splitlines()[0])

    def test_remove_stops_it_first(self):
        self.must(self.install())
        self.must(self.driver("start"))
        self.must(self.driver("remove"))
        self.assertFalse(self.status()["installed"])
        self.assertNotEqual(self.probe.open(5, records.DEVICE_PATH), 0)

    def test_status_is_the_drivers_own_account(self):
        self.must(self.install())
        self.must(self.driver("start"))
        self.assertEqual(self.probe.open(0, pstest.DEVICE_PATH), 0)
        self.addCleanup(self.probe.close, 0)
        for i in range(7):
            self.probe.control(0, pstest.CONTROL_RAISE, pstest.start(1000 + 4 * i).pack())
        ledger = self.status()["ledger"]
        self.assertEqual((ledger["produced"], ledger["delivered"], ledger["held"], ledger["dropped"]), (8, 0, 8, {}))
        text, _ = self.must(self.driver("status"))
        self.assertRegex(text, r"8 produced = 0 delivered \+ 0 filtered \+ 0 dropped \+ 8 held")

    def test_the_shipped_driver_starts_too(self):
        self.must(self.install(SHIPPED_DRIVER))
        self.must(self.driver("start"))
        self.assertEqual(self.status()["state"], "running")

    def test_beside_the_program(self):
        """Without a path: the muster.sys next to muster.exe."""
        folder = self.host.folder / "beside"
        folder.mkdir()
        shutil.copy(MUSTER_EXE, folder / "muster.exe")
        self.fails_with(self.host.run("driver", "install", program=folder / "muster.exe"), "muster.sys")
        shutil.copy(SHIPPED_DRIVER, folder / "muster.sys")
        self.must(self.host.run("driver", "install", program=folder / "muster.exe"))
        self.assertEqual(self.place().read_bytes(), SHIPPED_DRIVER.read_bytes())

    # ---- where it cannot

    def test_nothing_is_installed(self):
        self.fails_with(self.driver("start"), "install")
        self.fails_with(self.host.run("watch", "--duration", "1s"), "driver")
        text, _ = self.must(self.driver("status"))
        self.assertIn("not installed", text)

    def test_installed_and_not_started(self):
        self.must(self.install())
        self.fails_with(self.host.run("watch", "--duration", "1s"), "driver start")
        status, output, _ = self.host.run("doctor")
        self.assertEqual(status, FAILED)
        self.assertRegex(output, r"(?m)^FAIL  driver runs")

    def test_files_that_are_no_driver_of_ours(self):
        text = self.host.folder / "text.sys"
        text.write_text("no driver\n")
        empty = self.host.folder / "empty.sys"
        empty.write_bytes(b"")
        cut = self.host.folder / "cut.sys"
        cut.write_bytes(SHIPPED_DRIVER.read_bytes()[:700])
        product = "Muster".encode("utf-16-le")
        other = self.changed_driver("other.sys", product, "Custer".encode("utf-16-le"))
        for path in (text, empty, cut, other, PSTEST, PROBE, MUSTER_EXE, self.host.folder, self.host.folder / "missing.sys"):
            with self.subTest(path=path.name):
                self.fails_with(self.install(path), "cannot install")
                self.assertFalse(self.place().exists())
                self.assertFalse(self.status()["installed"])

    def test_another_version(self):
        """Takes the place of one that stands still, and not of one that runs."""
        old = FIXED_SIGNATURE + struct.pack("<III", 0x10000, 1, 0)
        other = self.changed_driver("later.sys", old, FIXED_SIGNATURE + struct.pack("<III", 0x10000, 7, 0))
        self.must(self.install(SHIPPED_DRIVER))
        self.must(self.driver("start"))
        self.fails_with(self.install(other), "cannot install", "driver stop")
        self.assertEqual(self.place().read_bytes(), SHIPPED_DRIVER.read_bytes())
        self.assertEqual(self.status()["state"], "running")
        self.must(self.driver("stop"))
        output, _ = self.must(self.install(other))
        self.assertIn("0.7.0", output)
        self.assertEqual(self.place().read_bytes(), other.read_bytes())

    def test_a_failed_install_leaves_the_installed_one_alone(self):
        self.must(self.install())
        text = self.host.folder / "text.sys"
        text.write_text("no driver\n")
        self.fails_with(self.install(text))
        self.assertEqual(self.place().read_bytes(), TEST_DRIVER.read_bytes())
        self.must(self.driver("start"))

    def test_a_service_of_that_name_that_is_not_ours(self):
        self.assertEqual(self.probe.service("create", "Muster", "C:\\windows\\system32\\drivers\\somebody.sys"), 0)
        try:
            self.fails_with(self.install(), "Muster")
            self.assertNotEqual(self.driver("start")[0], DONE)
            self.fails_with(self.driver("remove"))
            self.assertEqual(self.probe.service("state", "Muster"), wine_host.STOPPED, "it took somebody else's service away")
        finally:
            self.assertEqual(self.probe.service("delete", "Muster"), 0)

    def test_the_driver_refuses_to_start(self):
        self.must(self.install())
        self.probe.ask("refuse", STATUS_ACCESS_DENIED)
        try:
            self.fails_with(self.driver("start"), "start")
            self.assertEqual(self.status()["state"], "stopped")
        finally:
            self.probe.ask("refuse", 0)
        self.must(self.driver("start"))

    def test_usage(self):
        for arguments in ([], ["bogus"], ["install", "a", "b"], ["start", "x"], ["stop", "x"], ["remove", "x"], ["status", "--xml"], ["status", "x"],
                          ["--json"], ["install", "--force"]):
            with self.subTest(arguments=arguments):
                output, error = self.must(self.driver(*arguments), USAGE)
                self.assertEqual(output, "")
                self.assertIn("Try `muster driver --help`", error)


if __name__ == "__main__":
    unittest.main()
