# SPDX-License-Identifier: Apache-2.0
"""Filters of `muster.exe watch`: the driver keeps everything, and what is not wanted is left out and
counted on the way to the output; an exit goes with its start."""

import unittest

import pstest
import watch_test
from pstest import exit_of, start
from watch_test import action_of, dig, stream_check

NOTEPAD = "\\??\\C:\\Windows\\NotePad.EXE"
OTHER = "\\??\\C:\\Tools\\other.exe"
SYSTEM, USER = pstest.SYSTEM_SID, pstest.USER_SID
LAST = start(4000, image="\\??\\C:\\last.exe")  # lets a test see that all before it was read


def events_of_the_test():
    starts = [start(1000, image=NOTEPAD, user=SYSTEM), start(1004, image=NOTEPAD, user=USER, parent=2000),
              start(1008, image=OTHER, user=SYSTEM), start(1012, image=OTHER, user=USER, parent=2000)]
    return starts + [exit_of(event) for event in starts]


CASES = {
    ("--name", "notepad.exe", "--name", "last.exe"): (1000, 1004),
    ("--name", "note*", "--name", "*LAST.exe"): (1000, 1004),
    ("--exclude", "name=NOTEPAD.exe"): (1008, 1012),
    ("--exclude", "user=S-1-5-18"): (1004, 1012),
    ("--exclude", f"user={pstest.sid_text(USER)}", "--name", "notepad.exe"): (1000,),
    ("--user", "S-1-5-18"): (1000, 1008),
    ("--pid", "1008", "--pid", "4000"): (1008,),
    ("--exclude", "pid=1008"): (1000, 1004, 1012),
    ("--parent", "2000"): (1004, 1012),
    ("--user", pstest.sid_text(USER), "--exclude", "parent=2000"): (),
}


class FilterTest(watch_test.WatchTestCase):
    def test_what_passes_and_what_is_counted(self):
        for options, wanted in CASES.items():
            with self.subTest(options=options):
                self.check(options, wanted)

    def check(self, options, wanted):
        before = self.driver_status()["ledger"]["delivered"]
        watch = watch_test.Watch(self, *options)
        watch.until('"sensor-started"')
        self.tell(*events_of_the_test(), LAST, exit_of(LAST))
        watch_test.until(lambda: self.driver_status()["ledger"]["delivered"] >= before + 10, "all to be read and acknowledged", 20)
        watch.stop()
        events = watch.events()
        seen = [(action_of(event), dig(event, "process.pid")) for event in events if stream_check.is_numbered(event)]
        for pid in (1000, 1004, 1008, 1012):
            expected = [("process-started", pid), ("process-exited", pid)] if pid in wanted else []
            self.assertEqual([event for event in seen if event[1] == pid], expected)
        ledger = dig(events[-1], "muster.ledger")
        first = dig(events[0], "muster.ledger.delivered")
        messages = sum(action_of(event) == "message" for event in events)  # pass, and the driver has one
        self.assertEqual(ledger["delivered"] - first + ledger["filtered"], 10 + messages)
        self.assertEqual(ledger["delivered"] - first, len(seen))
        self.assertEqual(ledger["produced"], ledger["delivered"] + ledger["filtered"] + ledger["held"])


if __name__ == "__main__":
    unittest.main()
