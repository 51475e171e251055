# SPDX-License-Identifier: Apache-2.0
"""`muster status`, and the ledger in the stream: what a running sensor tells of itself, also while its output is stuck."""

import collections
import json
import os
import pathlib
import re
import signal
import subprocess

from sensor import LiveTest, MUSTER, Sensor, patient, run_storm, scaled, until
from stall_test import PipedSensor
from stream_check import action_of, dig

RUNS_ALONE = "it compares figures with what was started"

NUMBERED = ("process-started", "process-exited", "process-forked", "message")
STORM = scaled(2000, least=200)
STUCK = scaled(2000, least=1000) # more than all the room there is
# Who asks is a process as well: its start would be held whenever it looks.
NOT_THE_ASKER = ("--exclude", "name=muster")
NOBODY = 65534
SAMPLE = re.compile(r"(?P<name>[a-z_]+)(?:\{(?P<labels>[^}]*)\})? (?P<value>[0-9.]+)")


def run_status(*options, env=None):
    return subprocess.run([MUSTER, "status", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=patient(20),
                          env=dict(os.environ, **(env or {})))


def figures_of(sensor):
    """What `muster status --json` says of that one; None where it does not say anything."""
    lines = [json.loads(line) for line in run_status("--json").stdout.splitlines()]
    return next((line for line in lines if line["pid"] == sensor.process.pid), None)


def figures_when(sensor, wanted, what):
    def look():
        figures = figures_of(sensor)
        return figures if figures and wanted(figures) else None

    return until(look, what, patient(20))


def balance_problems(name, ledger):
    elsewhere = ledger["delivered"] + ledger["filtered"] + ledger["held"] + sum(ledger["dropped"].values())
    return [] if ledger["produced"] == elsewhere else [f"{name} does not balance: {ledger}"]


def hop_problems(figures):
    """Each hop balances, and gives the next one what that was given."""
    hops = figures["hops"]
    problems = balance_problems("in all", figures["ledger"])
    for name in ("kernel", "queue", "sink"):
        problems += balance_problems(name, hops[name])
    if hops["kernel"]["delivered"] != hops["queue"]["produced"]:
        problems.append(f"the queue was given {hops['queue']['produced']}, the kernel side gave {hops['kernel']['delivered']}")
    if hops["queue"]["delivered"] != hops["sink"]["produced"]:
        problems.append(f"the sink was given {hops['sink']['produced']}, the queue gave {hops['queue']['delivered']}")
    return problems


def parse_prometheus(text):
    """{(name, labels): value}; what is no such text is an error."""
    samples, typed, last = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in typed and kind in ("counter", "gauge"), line
            assert (kind == "counter") == name.endswith("_total"), line
            typed[name] = kind
            last = name
        elif line.startswith("# HELP "):
            assert len(line.split(" ", 3)) == 4, line
        else:
            match = SAMPLE.fullmatch(line)
            assert match and match["name"] == last, line
            labels = tuple(sorted(re.findall(r'([a-z]+)="([^"\\]*)"', match["labels"] or "")))
            assert (last, labels) not in samples, line
            samples[last, labels] = float(match["value"])
    assert text.endswith("\n")
    return samples


def status_problems(events):
    """A ledger in the stream says how many numbered lines stand before it."""
    problems, delivered = [], 0
    by_type = collections.Counter()
    for event in events:
        action = action_of(event)
        if action in NUMBERED:
            delivered += 1
            by_type[action] += 1
        elif action == "sensor-status":
            ledger = dig(event, "muster.ledger")
            problems += balance_problems("a sensor-status", ledger)
            if ledger["delivered"] != delivered:
                problems.append(f"a sensor-status says {ledger['delivered']} delivered; {delivered} stand before it")
    return problems


class RunningSensor(LiveTest):
    def test_the_figures_end_where_the_stream_does(self):
        with Sensor(*NOT_THE_ASKER) as sensor:
            run_storm(self.folder, count=STORM)
            figures = figures_when(sensor, lambda figures: figures["ledger"]["delivered"] >= 2 * STORM and figures["ledger"]["held"] == 0,
                                   "all events of the storm in the figures")
            self.assert_no_problems(hop_problems(figures))
            self.assertEqual(figures["output"]["format"], "ndjson")
            self.assertEqual(figures["output"]["name"], sensor.output)
            self.assertEqual(figures["epoch"], dig(sensor.events[0], "agent.ephemeral_id"))
            self.assertEqual(figures["ring"]["size_bytes"], 8 << 20)
            self.assertGreater(figures["ring"]["peak_bytes"], 0)
            self.assertLessEqual(figures["ring"]["peak_bytes"], figures["ring"]["size_bytes"])
            self.assertLessEqual(figures["queue"]["peak_bytes"], figures["queue"]["size_bytes"])
            events = sensor.stop()
        ledger = dig(events[-1], "muster.ledger")
        self.assertGreaterEqual(ledger["produced"], figures["ledger"]["produced"])
        self.assertEqual(ledger["dropped"], {})

    def test_text_names_the_sensor(self):
        with Sensor() as sensor:
            figures_when(sensor, lambda figures: True, "figures")
            done = run_status()
            self.assertEqual(done.returncode, 0)
            text = done.stdout.decode()
            self.assertIn(f"sensor {sensor.process.pid}: ", text)
            self.assertIn(f"ndjson to {sensor.output}", text)
            sensor.stop()
        self.assertNotIn(f"sensor {sensor.process.pid}: ", run_status().stdout.decode())
        self.assertFalse(os.path.exists(f"/run/muster/{sensor.process.pid}.status"))

    def test_a_stopped_process_is_silent_and_a_killed_one_died(self):
        with Sensor() as sensor:
            figures_when(sensor, lambda figures: figures["state"] == "ok", "the sensor to be well")
            sensor.process.send_signal(signal.SIGSTOP)
            figures_when(sensor, lambda figures: figures["state"] == "silent", "the sensor to be called silent")
            sensor.process.kill()
            sensor.process.wait()
            self.assertEqual(figures_of(sensor)["state"], "died")
        with Sensor() as successor:
            self.assertIsNone(figures_of(sensor))
            successor.stop()

    def test_another_user_sees_nothing_of_it(self):
        with Sensor() as sensor:
            figures_when(sensor, lambda figures: True, "figures")
            done = subprocess.run([MUSTER, "status"], user=NOBODY, group=NOBODY, extra_groups=[], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, check=False, timeout=patient(20))
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            sensor.stop()

    def test_what_lies_in_the_folder_is_not_believed(self):
        folder = pathlib.Path("/run/muster")
        folder.mkdir(mode=0o700, exist_ok=True)
        for name, content in (("999999991.status", b""), ("999999992.status", os.urandom(1056)), ("x.status", b"x"), ("999999993.status", b"\0" * 1056)):
            (folder / name).write_bytes(content)
            self.addCleanup((folder / name).unlink, missing_ok=True)
        os.mkfifo(folder / "999999994.status")
        self.addCleanup((folder / "999999994.status").unlink, missing_ok=True)
        done = run_status("--json")
        self.assertNotIn(b"99999999", done.stdout)


class StuckOutput(LiveTest):
    def test_the_figures_go_on_while_the_output_is_stuck(self):
        with PipedSensor("--buffer", "1M", *NOT_THE_ASKER) as sensor:
            figures_when(sensor, lambda figures: True, "figures")
            sensor.hold()
            run_storm(self.folder, count=STUCK, padding=2000)
            figures = figures_when(sensor, lambda figures: figures["state"] == "behind", "the sensor to be called behind")
            self.assert_no_problems(hop_problems(figures))
            self.assertGreater(figures["oldest_unacknowledged_ns"], 4_000_000_000)
            self.assertGreaterEqual(figures["ledger"]["produced"], 2 * STUCK)
            self.assertGreater(figures["ledger"]["held"], 0)
            self.assertGreater(sum(figures["hops"]["kernel"]["dropped"].values()), 0)
            self.assertLess(figures["told_ns"], 2_000_000_000)
            sensor.release()
            after = figures_when(sensor, lambda figures: figures["state"] == "lossy" and figures["ledger"]["held"] == 0, "all to be delivered")
            self.assertEqual(after["ledger"]["dropped"], after["hops"]["kernel"]["dropped"])
            events = sensor.stop()
        self.assertEqual(dig(events[-1], "muster.ledger.dropped"), after["ledger"]["dropped"])


class LedgerInTheStream(LiveTest):
    def test_every_status_says_what_stands_before_it(self):
        with Sensor("--status-interval", "300ms") as sensor:
            run_storm(self.folder, count=STORM)
            until(lambda: sum(action_of(event) == "sensor-status" for event in sensor.read()) >= 4, "four of them", patient(20))
            events = sensor.stop()
        self.assert_no_problems(status_problems(events))
        self.assert_whole(sensor)
        place = next(i for i, event in enumerate(events) if action_of(event) == "sensor-status")
        start = next(i for i, event in enumerate(events) if action_of(event) == "process-started")
        self.assert_found_out(status_problems(events[:start] + events[start + 1:place + 1]) if start < place
                              else status_problems([events[start]] + events[place:place + 1]), "a line that is gone")

    def test_none_where_none_is_wanted(self):
        with Sensor("--status-interval", "0") as sensor:
            run_storm(self.folder, count=20)
            events = sensor.stop()
        self.assertNotIn("sensor-status", {action_of(event) for event in events})


class Prometheus(LiveTest):
    def test_the_file_is_replaced_and_says_what_status_says(self):
        path = pathlib.Path(self.folder) / "muster.prom"
        path.write_text("old\n")
        with Sensor(*NOT_THE_ASKER) as sensor:
            figures = figures_when(sensor, lambda figures: figures["ledger"]["held"] == 0, "figures")
            old = path.stat().st_ino
            done = run_status("--prometheus", str(path))
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
            samples = parse_prometheus(path.read_text())
            pid = ("pid", str(sensor.process.pid))
            self.assertNotEqual(path.stat().st_ino, old)
            self.assertEqual(path.stat().st_mode & 0o777, 0o644)
            self.assertEqual(os.listdir(self.folder), ["muster.prom"])
            self.assertGreaterEqual(samples["muster_events_produced_total", (pid, ("stage", "kernel"))], figures["ledger"]["produced"])
            self.assertEqual(samples["muster_room_size_bytes", (pid, ("place", "ring"))], 8 << 20)
            self.assertEqual(samples["muster_events_dropped_total", (("cause", "ring_full"), pid, ("stage", "kernel"))], 0)
            self.assertEqual(sum(value for (name, labels), value in samples.items() if name == "muster_sensor_state" and pid in labels), 1)
            self.assertEqual(parse_prometheus(run_status("--prometheus", "-").stdout.decode()).keys(), samples.keys())
            sensor.stop()
        self.assertEqual(run_status("--prometheus", str(path)).returncode, 0)
        self.assertNotIn(pid, [label for _, labels in parse_prometheus(path.read_text()) for label in labels])

    def test_a_file_that_cannot_be_written(self):
        done = run_status("--prometheus", f"{self.folder}/none/muster.prom")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No such file", done.stderr)
