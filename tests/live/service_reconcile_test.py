# SPDX-License-Identifier: Apache-2.0
"""What falls into a hole while no agent runs, or while one is killed again and again, is concluded by the next one."""

import signal
import time
import unittest

import service_check
from reconciled import Life, check_concluded, check_invented, is_concluded
from sensor import patient, run_storm, scaled, stat_of, until
from service import ServiceTest
from reconcile_test import SETTLE_NS, alive_now
from stream_check import action_of, check_lives, dig, losses_of, with_action

RUNS_ALONE = "one service a machine, and it knows who lives"

COUNT = 8
STORM_COUNT = scaled(1500, least=300)
SMALL_STORM_COUNT = 300


class ServiceReconcileTest(ServiceTest):
    def lives(self, count=COUNT):
        lives = [Life() for _ in range(count)]
        for life in lives:
            self.addCleanup(life.end)
        return lives

    def begin(self):
        service = self.service("--buffer", "64K")
        service.start_ready()
        known, staying = self.lives(), self.lives()
        self.wait_all(service, {life.entity for life in known + staying}, lambda event: action_of(event) == "process-started")
        return service, known, staying

    @staticmethod
    def wait_all(service, entities, fits):
        def told():
            lines = service.data().rpartition(b"\n")[0].splitlines()
            words = [entity.encode() for entity in entities]
            picked = b"".join(line + b"\n" for line in lines if any(word in line for word in words))
            events, _ = service_check.stream_check.parse_lines(picked)
            return entities <= {dig(event, "process.entity_id") for event in events if fits(event)}
        until(told, f"{len(entities)} processes", patient(15))

    def hole(self, known):
        run_storm(self.folder, count=STORM_COUNT, padding=2000)
        lost = self.lives()
        for life in known:
            life.end()
        return lost

    def assert_concluded(self, events, lost, known):
        problems = []
        for life in lost:
            problems += check_concluded(events, life.entity, "process-started", life.started_after_ns, life.started_before_ns)
        for life in known:
            problems += check_concluded(events, life.entity, "process-exited", life.ended_after_ns, life.ended_before_ns)
        self.assert_no_problems(problems)

    def test_hole_without_an_agent(self):
        service, known, staying = self.begin()
        service.kill()
        lost = self.hole(known)
        service.start()
        self.wait_all(service, {life.entity for life in lost + known}, is_concluded)
        lost[0].end()
        self.wait_all(service, {lost[0].entity}, lambda event: action_of(event) == "process-exited")
        scanned_ns, alive = time.time_ns() - SETTLE_NS, alive_now()
        service.stop()
        events = self.assert_whole(service)
        self.assertGreater(len(losses_of(events)), 0)
        self.assert_concluded(events, lost, known)
        once = service_check.distinct(events)  # what was read again by the second agent
        self.assert_no_problems(check_invented(once, alive) + check_lives(once, scanned_ns, alive))
        self.assertEqual([event for event in events if is_concluded(event) and dig(event, "process.entity_id") in {life.entity for life in staying}], [])

    def test_agent_that_dies_before_it_has_told_loses_nothing(self):
        """Killed at every stage of a comparison: what was concluded comes at least once, and what comes twice is recognised."""
        service, known, _ = self.begin()
        service.kill()
        lost = self.hole(known)
        for pause in (0.15, 0.3, 0.45, 0.6):
            service.start()
            time.sleep(patient(pause))
            service.kill()
        service.start()
        self.wait_all(service, {life.entity for life in lost + known}, is_concluded)
        service.stop()
        events = self.assert_whole(service)
        once = {(action_of(event), dig(event, "process.entity_id")): event for event in events if is_concluded(event)}
        self.assert_concluded(list(once.values()), lost, known)
        for event in with_action(events, "process-exited"):
            self.assertFalse(not is_concluded(event) and (action_of(event), dig(event, "process.entity_id")) in once, event)

    def stand_still(self, service):
        """Lives that began while the agent stood still and the ring was full; when this returns, a gap tells of that."""
        service.process.send_signal(signal.SIGSTOP)
        until(lambda: stat_of(service.process.pid)[0] == "T", "the agent to stand still")
        run_storm(self.folder, count=SMALL_STORM_COUNT, padding=2000)
        lives, told = self.lives(2), service.data().count(b'"events-lost"')
        service.process.send_signal(signal.SIGCONT)
        until(lambda: service.data().count(b'"events-lost"') > told, "the gap")
        return lives

    def test_what_is_due_is_kept(self):
        """The second gap waits for its look, since the first had one just now; then the agent dies, and the next one has no loss of its own."""
        service = self.service("--buffer", "64K").start_ready()
        lives = self.stand_still(service) + self.stand_still(service)
        time.sleep(0.05)
        service.kill()
        service.start()
        self.wait_all(service, {life.entity for life in lives}, is_concluded)
        service.stop()
        self.assert_whole(service)

    def test_nothing_was_lost_nothing_is_concluded(self):
        service, known, _ = self.begin()
        service.kill()
        lives = self.lives()
        for life in known:
            life.end()
        service.start()
        self.wait_all(service, {life.entity for life in lives}, lambda event: action_of(event) == "process-started")
        service.stop()
        events = self.assert_whole(service)
        if not losses_of(events):
            self.assertEqual([event for event in events if is_concluded(event) and action_of(event) != "process-running"], [])


if __name__ == "__main__":
    unittest.main()
