# SPDX-License-Identifier: Apache-2.0
"""Run only in a guest, by check_vm.py, which then has to report one passed and one failed."""

import unittest


class PlantedTest(unittest.TestCase):
    def test_right(self):
        self.assertTrue(True)

    def test_wrong(self):
        self.fail("planted")
