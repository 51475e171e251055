# SPDX-License-Identifier: Apache-2.0
"""The scanner of kernel logs finds what is planted in one, and nothing in a good one."""

import unittest

import kernel_log

GOOD = """\
[    0.000000] Linux version 6.1.0-9-cloud-amd64 (builder) #1 SMP PREEMPT_DYNAMIC
[    0.000000] Command line: console=ttyS0 panic=-1
[    0.020000] rcu: Hierarchical RCU implementation.
[    0.021000] rcu: \tRCU event tracing is enabled.
[    0.022000] NMI watchdog: Perf NMI watchdog permanently disabled
[    0.030000] Spectre V2 : Mitigation: Retpolines
[    0.400000] Run /init as init process
[    2.500000] debug: nothing to see
[    9.000000] reboot: Power down
"""
BAD = (
    "------------[ cut here ]------------\nWARNING: CPU: 0 PID: 77 at kernel/bpf/verifier.c:12 do_check+0x1/0x2",
    "BUG: unable to handle page fault for address: ffffc90000000000",
    "BUG: kernel NULL pointer dereference, address: 0000000000000008",
    "Oops: 0002 [#1] PREEMPT SMP PTI",
    "watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [muster:99]",
    "rcu: INFO: rcu_preempt self-detected stall on CPU",
    "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
    "INFO: task muster:42 blocked for more than 120 seconds.",
    "verifier bug: something",
    "Kernel panic - not syncing: Attempted to kill init!",
    "general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1]",
    "muster[42]: segfault at 0 ip 0000000000000000 sp 00007ffd error 14",
    "Out of memory: Killed process 42 (muster)",
    "refcount_t: underflow; use-after-free.",
    "WARNING planted",
)


class KernelLogTest(unittest.TestCase):
    def test_good_log(self):
        self.assertEqual(kernel_log.scan(GOOD.encode()), [])

    def test_planted_lines_are_found(self):
        for text in BAD:
            with self.subTest(text=text):
                lines = [f"[    5.000000] {line}" for line in text.splitlines()]
                found = kernel_log.scan("\r\n".join(GOOD.splitlines() + lines).encode())
                self.assertIn(lines[-1], found)

    def test_what_follows_is_shown(self):
        trace = ["[    5.0] WARNING: CPU: 0 PID: 1 at x", "[    5.0]  dump_stack+0x1", "[    5.0]  muster+0x2"]
        self.assertEqual(kernel_log.scan((GOOD + "\n".join(trace)).encode()), trace)

    def test_a_log_that_is_none_is_found(self):
        self.assertTrue(kernel_log.scan(b""))
        self.assertTrue(kernel_log.scan(b"SeaBIOS\r\n"))

    def test_allowed_lines(self):
        allow = kernel_log.read_allow("# a comment\n\nknown thing \\d+$\n")
        self.assertEqual(len(allow), 1)
        log = ["WARNING: known thing 7", "WARNING: known thing 7 and more"]
        self.assertEqual(kernel_log.find_suspicious(log, allow), [1])

    def test_the_list_allows_no_planted_line(self):
        allow = kernel_log.read_allow(kernel_log.ALLOW_PATH.read_text(encoding="utf-8"))
        for text in BAD:
            self.assertFalse([known.pattern for known in allow if known.search(text)], text)


if __name__ == "__main__":
    unittest.main()
