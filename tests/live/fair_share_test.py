# SPDX-License-Identifier: Apache-2.0
"""A storm or a fork bomb of one session does not hide what others do: while muster stands still and the ring is full of it,
each process of another session and parent is seen all the same, whole or as a skeleton. And without shares it is not."""

import os
import signal
import subprocess
import unittest

import stream_check
from sensor import LiveTest, MUSTER, PROBE_S, ROOT, Sensor, TINY, patient, probe, read_truth, scaled, stat_of, token, until
from skeletons import recognise
from status_test import figures_when, run_status
from stream_check import dig, with_action

RUNS_ALONE = "its storms fill the machine"

RING = "512K"
PADDING = 2000  # makes whole starts large, so that a flood need not be long
WITHOUT_SHARES = str(ROOT / "build" / "no-shares" / "muster")
STORM = scaled(700, least=600)
GENERATIONS = 500
OTHERS = 8
BOMB = """if [ "$1" -gt 0 ]; then
    sh "$0" $(($1 - 1)) "$2"
fi
:
"""


def run_apart(*command):
    """In a session of its own, and by a parent of its own."""
    subprocess.run(["setsid", "--wait", "sh", "-c", '"$@"; :', "sh", *command], check=True, stdout=subprocess.DEVNULL, timeout=PROBE_S)


class FairShareTest(LiveTest):
    def storm(self):
        """Returns the arguments of each of its processes."""
        truth, run = os.path.join(self.folder, "truth"), token("storm").replace(".", "-")
        run_apart(probe("storm"), "--image", TINY, "--count", str(STORM), "--run", run, "--truth", truth, "--padding", str(PADDING))
        return [[TINY, line["token"], "raw", "x" * PADDING] for line in read_truth(truth)]

    def bomb(self):
        """Each process has a parent that nobody has seen before."""
        script, word = os.path.join(self.folder, "bomb"), token("bomb") + "x" * PADDING
        with open(script, "w", encoding="ascii") as file:
            file.write(BOMB)
        run_apart("sh", script, str(GENERATIONS), word)
        return [["sh", script, str(left), word] for left in range(GENERATIONS + 1)]

    def while_it_stands_still(self, flood, *options, binary=MUSTER):
        """(events, arguments of the flood, arguments of the others)"""
        with Sensor("--buffer", RING, "--no-baseline", *options, binary=binary) as sensor:
            sensor.process.send_signal(signal.SIGSTOP)
            until(lambda: stat_of(sensor.process.pid)[0] == "T", "muster to stand still")
            flooding = flood()
            others = [[TINY, token("other")] for _ in range(OTHERS)]
            for arguments in others:
                run_apart(*arguments)
            sensor.process.send_signal(signal.SIGCONT)
            events = sensor.stop()
        self.assert_whole(sensor)
        recognise(events, flooding + others)
        return events, flooding, others

    def seen(self, events, arguments):
        starts = [dig(event, "process.args") for event in with_action(events, "process-started")]
        return sum(one in starts for one in arguments)

    def judge(self, events, flooding, others):
        losses = stream_check.losses_of(events)
        lost = sum(loss["types"].get("start", 0) for loss in losses)
        self.assertEqual(self.seen(events, others), OTHERS)
        self.assertGreaterEqual(lost, len(flooding) - self.seen(events, flooding))
        self.assertGreater(sum(loss["causes"].get("share_shed", 0) for loss in losses), 100)
        self.assertGreater(self.seen(events, flooding), 20, "the flood has its share, too")
        self.assertGreater(dig(events[-1], "muster.ledger.degraded"), 20)

    def test_a_storm_leaves_room_for_others(self):
        self.judge(*self.while_it_stands_still(self.storm))

    def test_a_fork_bomb_leaves_room_for_others(self):
        self.judge(*self.while_it_stands_still(self.bomb))

    def test_and_with_forks(self):
        self.judge(*self.while_it_stands_still(self.bomb, "--forks"))

    def test_planted_sensor_without_shares_is_found_out(self):
        for flood in (self.storm, self.bomb):
            with self.subTest(flood=flood.__name__):
                events, _, others = self.while_it_stands_still(flood, binary=WITHOUT_SHARES)
                self.assertLess(self.seen(events, others), OTHERS // 2)

    def test_status_tells_whose_events_were_shed(self):
        with Sensor("--buffer", RING, "--no-baseline") as sensor:
            sensor.process.send_signal(signal.SIGSTOP)
            until(lambda: stat_of(sensor.process.pid)[0] == "T", "muster to stand still")
            flooding = self.storm()
            sensor.process.send_signal(signal.SIGCONT)
            shed = figures_when(sensor, lambda figures: figures["shed"]["names"] and figures["ledger"]["held"] == 0, "what was shed")["shed"]
            text = run_status().stdout.decode()
            events = sensor.stop()
        recognise(events, flooding)
        missing = len(flooding) - self.seen(events, flooding)
        storm = {dig(event, "process.parent.pid") for event in with_action(events, "process-started") if dig(event, "process.args") in flooding}
        lost = sum(loss["types"].get("start", 0) for loss in stream_check.losses_of(events))
        name = next(row for row in shed["names"] if row["name"] == "tiny")
        parents = [row for row in shed["parents"] if row["pid"] in storm]
        self.assertTrue(missing <= name["start"] <= lost, (missing, name, lost))
        self.assertEqual(len(parents), len(storm))
        self.assertEqual(sum(row["start"] for row in parents), missing)
        self.assertEqual({row["name"] for row in parents}, {"storm"})
        self.assertIn(f"of parent {parents[0]['pid']} (storm): ", text)
        self.assertIn(f"of tiny: {name['start']} start, ", text)

    def test_no_share_is_asked_for_while_there_is_room(self):
        """The same storm, and a reader that reads."""
        with Sensor("--no-baseline") as sensor:
            self.storm()
            events = sensor.stop()
        self.assert_whole(sensor)
        self.assert_no_loss(events)
        self.assertEqual(dig(events[-1], "muster.ledger.degraded"), 0)


if __name__ == "__main__":
    unittest.main()
