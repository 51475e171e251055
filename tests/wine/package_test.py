# SPDX-License-Identifier: Apache-2.0
"""The packages for Windows: what is in them, that the same files make the same bytes, that the signature is
one, and that their scripts install and remove. Nothing of it was seen by Windows."""

import configparser
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import unittest
import zipfile

import wine_host
from wine_host import BUILD, MUSTER_EXE, PROBE, PSTEST, ROOT, SHIPPED_DRIVER, SYSTEM32, WINE, WineTest

VERSION = (ROOT / "VERSION").read_text().strip()
PACKAGE = BUILD / f"muster-{VERSION}-windows-x64.zip"
TEST_PACKAGE = BUILD / f"muster-{VERSION}-windows-x64-test-signed.zip"
SIGNED = BUILD / "signed" / "muster.sys"
CERTIFICATE = BUILD / "signed" / "muster-test.pem"
PACKAGING = ROOT / "packaging" / "windows"
FOLDER = f"muster-{VERSION}/"
MEMBERS = ["LICENSE.txt", "first-hour-on-windows.md", "install.cmd", "muster.exe", "muster.inf", "muster.sys", "remove.cmd"]


def run(*command, expect=0):
    done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    if (done.returncode == 0) != (expect == 0):
        raise AssertionError(f"{command}: {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def members_of(path):
    with zipfile.ZipFile(path) as package:
        return {entry.filename.removeprefix(FOLDER): package.read(entry) for entry in package.infolist()}


class PackageTest(unittest.TestCase):
    def setUp(self):
        for path in (PACKAGE, TEST_PACKAGE):
            if not path.exists():
                raise unittest.SkipTest(f"{path} is not built: run make wine-programs")

    def test_what_is_in_it(self):
        members = members_of(PACKAGE)
        self.assertEqual(sorted(members), sorted(MEMBERS))
        self.assertEqual(members["muster.sys"], SHIPPED_DRIVER.read_bytes())
        self.assertEqual(members["muster.exe"], MUSTER_EXE.read_bytes())
        self.assertEqual(members["LICENSE.txt"].replace(b"\r\n", b"\n"), (ROOT / "LICENSE").read_bytes())
        signed = members_of(TEST_PACKAGE)
        self.assertEqual(sorted(signed), sorted([*MEMBERS, "muster-test.cer"]))
        self.assertEqual(signed["muster.sys"], SIGNED.read_bytes())

    def test_no_key_is_in_it(self):
        for path in (PACKAGE, TEST_PACKAGE):
            for name, data in members_of(path).items():
                self.assertNotIn(b"PRIVATE KEY", data, name)
        tracked = run("git", "-C", ROOT, "ls-files").split()
        self.assertFalse([name for name in tracked if re.search(r"\.(key|pem|cer|pfx|p12)$", name)])
        self.assertEqual(os.stat(SIGNED.with_name("muster-test.key")).st_mode & 0o077, 0)

    def test_texts_have_the_line_ends_of_windows(self):
        for name, data in members_of(PACKAGE).items():
            if name.endswith((".cmd", ".inf", ".md", ".txt")):
                self.assertEqual(data.count(b"\n"), data.count(b"\r\n"), name)
                data.decode("utf-8" if name.endswith((".md", ".txt")) else "ascii")

    def test_the_same_files_make_the_same_bytes(self):
        """And another file makes others."""
        again = BUILD / "again.zip"
        other = BUILD / "other.cmd"
        self.addCleanup(again.unlink, missing_ok=True)
        self.addCleanup(other.unlink, missing_ok=True)
        other.write_text("rem other\n")
        digests = []
        for install in (PACKAGING / "install.cmd", PACKAGING / "install.cmd", other):
            run(PACKAGING / "make-package", again, VERSION, f"muster.sys={SHIPPED_DRIVER}", f"install.cmd={install}",
                f"muster.inf={PACKAGING / 'muster.inf.in'}")
            digests.append(hashlib.sha256(again.read_bytes()).hexdigest())
        self.assertEqual(digests[0], digests[1])
        self.assertNotEqual(digests[0], digests[2])
        with zipfile.ZipFile(PACKAGE) as package:
            self.assertEqual({entry.date_time for entry in package.infolist()}, {(1980, 1, 1, 0, 0, 0)})

    # ---- the signature

    def test_the_signature_is_one(self):
        output = run("osslsigncode", "verify", "-CAfile", CERTIFICATE, "-in", SIGNED)
        self.assertIn("Signature verification: ok", output)
        self.assertRegex(output, r"(?i)SHA256")
        run(ROOT / "tools/check-nt-binary", "--signed", SIGNED)
        run(ROOT / "tools/check-nt-binary", SIGNED, expect=1)
        run(ROOT / "tools/check-nt-binary", "--signed", SHIPPED_DRIVER, expect=1)

    def test_a_changed_driver_is_found_out(self):
        data = bytearray(SIGNED.read_bytes())
        changed = BUILD / "changed.sys"
        self.addCleanup(changed.unlink, missing_ok=True)
        data[0x1000] ^= 1
        changed.write_bytes(data)
        run("osslsigncode", "verify", "-CAfile", CERTIFICATE, "-in", changed, expect=1)

    def test_only_the_signature_is_new(self):
        """What is loaded is what was checked: without checksum, and the table and place of the signature."""
        unsigned, signed = (bytearray(path.read_bytes()) for path in (SHIPPED_DRIVER, SIGNED))
        self.assertGreater(len(signed), len(unsigned))
        optional = int.from_bytes(unsigned[0x3C:0x40], "little") + 24
        for data in (unsigned, signed):
            data[optional + 64:optional + 68] = bytes(4)
            data[optional + 144:optional + 152] = bytes(8)
        self.assertEqual(signed[:len(unsigned)], unsigned)

    # ---- the INF

    def inf(self):
        parser = configparser.ConfigParser(delimiters=("=",), comment_prefixes=(";",), inline_comment_prefixes=(";",), allow_no_value=True,
                                           interpolation=None)
        parser.optionxform = str
        text = members_of(PACKAGE)["muster.inf"].decode("ascii")
        self.assertNotIn("@", text)
        parser.read_string(text)
        return parser

    def test_the_inf_is_a_primitive_drivers(self):
        inf = self.inf()
        version = inf["Version"]
        self.assertEqual(version["Signature"], '"$WINDOWS NT$"')
        for directive in ("Class", "ClassGuid", "Provider", "CatalogFile", "DriverVer", "PnpLockdown"):
            self.assertTrue(version[directive], directive)
        self.assertRegex(version["DriverVer"], rf"^\d\d/\d\d/\d{{4}},{re.escape(VERSION)}\.0$")
        # What Microsoft's page on primitive drivers forbids.
        self.assertNotIn("Manufacturer", inf)
        self.assertFalse([name for name in inf.sections() if re.match(r"(?i)default(un)?install", name) and ".NTamd64" not in name])
        self.assertFalse([name for name in inf.sections() if name.lower().startswith("defaultuninstall")])
        self.assertEqual(dict(inf["DestinationDirs"]), {"Muster.Files": "13"})

    def test_the_inf_installs_what_the_program_knows(self):
        inf = self.inf()
        self.assertEqual(inf["DefaultInstall.NTamd64.Services"]["AddService"].split(","), ["Muster", " ", " Muster.Service"])
        service = inf["Muster.Service"]
        self.assertEqual((service["ServiceType"], service["StartType"], service["ErrorControl"]), ("1", "3", "1"))
        self.assertEqual(service["ServiceBinary"], "%13%\\muster.sys")
        self.assertEqual(list(inf["Muster.Files"]), ["muster.sys"])
        self.assertEqual(list(inf["SourceDisksFiles"]), ["muster.sys"])
        used = set(re.findall(r"%([A-Za-z]+)%", members_of(PACKAGE)["muster.inf"].decode()))
        self.assertEqual(used, set(inf["Strings"]))


class ScriptTest(WineTest):
    """install.cmd and remove.cmd of the test-signed package, by Wine's cmd.exe, from a folder with a space."""

    NEEDS = (PROBE, PSTEST, MUSTER_EXE, TEST_PACKAGE)

    def setUp(self):
        self.folder = self.host.folder / "un packed"
        with zipfile.ZipFile(TEST_PACKAGE) as package:
            package.extractall(self.folder)
        self.addCleanup(shutil.rmtree, self.folder)

    def script(self, name):
        done = subprocess.run([WINE, "cmd", "/c", self.host.windows_path(self.folder / FOLDER / name)], env=wine_host.environment(self.host.prefix),
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False, start_new_session=True)
        return done.returncode, done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")

    def place(self):
        return self.host.prefix / SYSTEM32 / "drivers" / "muster.sys"

    def test_install_and_remove(self):
        status, output = self.script("install.cmd")
        self.assertEqual(status, 0, output)
        self.assertIn("callback", output)
        self.assertEqual(self.place().read_bytes(), SIGNED.read_bytes())
        self.assertEqual(self.host.run("watch", "--no-baseline", "--duration", "200ms")[0], 0)
        status, output = self.script("remove.cmd")
        self.assertEqual(status, 0, output)
        self.assertFalse(self.place().exists())
        self.assertIn("not installed", self.host.run("driver", "status")[1])

    def test_a_failure_is_the_scripts(self):
        pathlib.Path(self.folder / FOLDER / "muster.sys").write_text("no driver\n")
        status, output = self.script("install.cmd")
        self.assertNotEqual(status, 0)
        self.assertIn("cannot install", output)


if __name__ == "__main__":
    unittest.main()
