# SPDX-License-Identifier: Apache-2.0
"""What `muster verify` should say of NDJSON: written from docs/completeness.md and the manual page, number by number, for
small streams. It shares nothing with the product.

judge(data) is 0, 3 or 4."""

import collections
import json

COMPLETE, LOST, UNACCOUNTED = 0, 3, 4
NUMBERED = {"process-started", "process-exited", "process-forked", "message"}
LEDGERS = {"sensor-started", "sensor-status", "sensor-stopped"}
UNNUMBERED_CAUSES = {"program_missed", "irql_refused"}


class Bad(ValueError):
    """A line that muster did not write so."""


def _once(pairs):
    if len({key for key, _ in pairs}) != len(pairs):
        raise Bad("a key twice")
    return dict(pairs)


def parse(line):
    """None for a line of somebody else's."""
    if not line.strip():
        return None
    try:
        value = json.loads(line.decode("utf-8"), object_pairs_hook=_once)
    except ValueError as error:
        raise Bad(str(error)) from error
    if not isinstance(value, dict):
        raise Bad("no object")
    event = value.get("event")
    if not isinstance(event, dict) or event.get("module") != "muster":
        return None
    number = event.get("sequence")
    action = event.get("action")
    concluded = value.get("muster", {}).get("synthetic") is True  # nobody saw it, and it has no number
    if "sequence" in event or (action in NUMBERED and not concluded):
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise Bad("no number")
    if action in LEDGERS and value["muster"]["ledger"]["epoch"] != value["agent"]["ephemeral_id"]:
        raise Bad("another epoch's ledger")
    if action == "events-lost":
        loss = value["muster"]["loss"]
        if loss["count"] < 1 or sum(loss["causes"].values()) != loss["count"]:
            raise Bad("a loss that does not add up")
        if "first_sequence" in loss and not 1 <= loss["first_sequence"] <= loss["last_sequence"] - loss["count"] + 1:
            raise Bad("a range that is too small")
    return value


class Epoch:
    def __init__(self):
        self.problems = []
        self.lines = {}  # number: line
        self.gaps = {}  # line: loss
        self.told = collections.Counter()
        self.first = None
        self.ledger = None  # the last
        self.kind = None
        self.open = False  # something stands behind it
        self.base = None  # delivered when the run began
        self.run = set()  # numbers in it
        self.before = None
        self.dropped_before = {}

    def take(self, line, value):
        action = value["event"]["action"]
        first, self.first = self.first is None, self.first or action
        if "sequence" in value["event"]:
            number = value["event"]["sequence"]
            self.open = True
            self.run.add(number)
            if self.lines.setdefault(number, line) != line:
                self.problems.append(f"{number} is two events")
        elif action == "events-lost":
            self.open = True
            if line not in self.gaps:
                self.gaps[line] = value["muster"]["loss"]
                self.told.update(value["muster"]["loss"]["causes"])
        elif action in LEDGERS:
            self.take_ledger(action, value["muster"]["ledger"], first)

    def take_ledger(self, action, ledger, first):
        dropped = collections.Counter(ledger["dropped"])
        if ledger["produced"] != ledger["delivered"] + ledger["filtered"] + ledger["held"] + sum(dropped.values()):
            self.problems.append("does not balance")
        if self.ledger:
            keys = ("produced", "filtered") + (("delivered",) if action != "sensor-started" else ())
            if any(ledger[key] < self.ledger[key] for key in keys):
                self.problems.append("goes back")
            if any(count > dropped[cause] for cause, count in self.ledger["dropped"].items()):
                self.problems.append("dropped goes back")
        if any(count > dropped[cause] for cause, count in self.told.items()):
            self.problems.append("gaps tell of more than the ledger has")
        if action == "sensor-started":
            if first:
                self.before, self.dropped_before = ledger["delivered"], dropped
            self.base, self.run = ledger["delivered"], set()
        elif self.base is None:
            self.base = max(0, ledger["delivered"] - len(self.run))
            if self.before is None:
                self.before, self.dropped_before = self.base, dropped - self.told
        elif self.base + len(self.run) != ledger["delivered"]:
            self.problems.append("delivered is not what stands there")
            self.base = ledger["delivered"] - len(self.run)
        self.ledger, self.kind, self.open = ledger, action, False

    def judge(self):
        if self.problems or self.kind != "sensor-stopped" or self.open:
            return UNACCOUNTED
        if self.before is None:
            self.before = max(0, self.ledger["delivered"] - len(self.lines))
        if self.first != "sensor-started" and (self.before or sum(self.dropped_before.values())):
            return UNACCOUNTED
        return self.judge_numbers()

    def judge_numbers(self):
        dropped = collections.Counter(self.ledger["dropped"])
        untold = dropped - self.told
        new = untold - collections.Counter(self.dropped_before)
        if new and not self.ledger["held"]:
            return UNACCOUNTED
        numbers = self.ledger["produced"] - sum(dropped[cause] for cause in UNNUMBERED_CAUSES)
        ranges = sorted((loss["first_sequence"], loss["last_sequence"], loss["count"], loss.get("stage") == "capture")
                        for loss in self.gaps.values() if "first_sequence" in loss)
        if max([*self.lines, *(last for _, last, *_ in ranges), 0]) > numbers:
            return UNACCOUNTED
        last_placed = 0
        for first, last, _, moved in ranges:
            if not moved:
                if first <= last_placed:
                    return UNACCOUNTED
                last_placed = max(last_placed, last)
        left = set(range(1, numbers + 1)) - set(self.lines)
        for _, last, count, _ in sorted(ranges, key=lambda one: one[1]):  # whoever ends first chooses first, the lowest
            first = next(one for one in ranges if one[1] == last and one[2] == count)[0]
            own = [number for number in sorted(left) if first <= number <= last][:count]
            if len(own) < count:
                return UNACCOUNTED
            left -= set(own)
        unplaced = sum(count for loss in self.gaps.values() if "first_sequence" not in loss
                       for cause, count in loss["causes"].items() if cause not in UNNUMBERED_CAUSES)
        explained = self.before + self.ledger["filtered"] + self.ledger["held"] + unplaced + sum(
            count for cause, count in untold.items() if cause not in UNNUMBERED_CAUSES)
        if len(left) != explained:
            return UNACCOUNTED
        return LOST if self.gaps or new else COMPLETE


def judge(data):
    *lines, rest = data.split(b"\n")
    epochs = collections.OrderedDict()
    bad = False
    for index, line in enumerate(lines + [rest]):
        try:
            value = parse(line)
            if value is not None:
                epochs.setdefault(value["agent"]["ephemeral_id"], Epoch()).take(line, value)
        except (Bad, KeyError, TypeError):
            bad = bad or index < len(lines)  # half a line at the end is what a writer leaves that was killed
    if not epochs:
        return 1
    return UNACCOUNTED if bad else max(epoch.judge() for epoch in epochs.values())
