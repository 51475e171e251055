# SPDX-License-Identifier: Apache-2.0
"""The oracle of what a service has written over all its runs, into one file: what docs/completeness.md says of an epoch that
several agents have read. It shares nothing with the product.

A run begins with sensor-started; one that was killed has no end. Every check returns problems in words."""

import collections
import json

import stream_check
from stream_check import action_of, dig, is_numbered, with_action


def split_epochs(events):
    """{epoch: [run, ...]}, each a list of events."""
    epochs = collections.OrderedDict()
    for event in events:
        runs = epochs.setdefault(dig(event, "agent.ephemeral_id"), [])
        if action_of(event) == "sensor-started" or not runs:
            runs.append([])
        runs[-1].append(event)
    return epochs


def number_of(event):
    return dig(event, "event.sequence")


def distinct(events):
    """Each line once, by what it says: a gap that is told again is the same gap."""
    return list({json.dumps(event, sort_keys=True): event for event in events}.values())


def check_doubles(runs):
    """What a run delivers again is what the one before wrote last: it comes first, in the same order, and is the same."""
    problems = []
    order = []  # numbers, as they first came
    lines = {}
    for index, run in enumerate(runs):
        again = []
        fresh = 0
        for event in filter(is_numbered, run):
            number = number_of(event)
            if number not in lines:
                lines[number] = event
                order.append(number)
                fresh += 1
                continue
            if fresh:
                problems.append(f"run {index}: number {number} comes again behind {fresh} new ones")
            if lines[number] != event:
                problems.append(f"run {index}: number {number} is another when it comes again: {lines[number]} {event}")
            again.append(number)
        before = order[:len(order) - fresh]
        if again and again != before[len(before) - len(again):]:
            problems.append(f"run {index}: what comes again is not what was written last")
        if again and (index == 0 or action_of(runs[index - 1][-1]) == "sensor-stopped"):
            problems.append(f"run {index}: {len(again)} come again, though nobody was killed")
    return problems


def doubled(runs):
    counts = collections.Counter(number_of(event) for run in runs for event in run if is_numbered(event))
    return [number for number, count in counts.items() if count > 1]


def ledgers_of(events):
    return [dig(event, "muster.ledger") for event in events if dig(event, "muster.ledger")]


def check_ledgers(events):
    problems = []
    before = {}
    for ledger in ledgers_of(events):
        if ledger["produced"] != ledger["delivered"] + ledger["filtered"] + ledger["held"] + sum(ledger["dropped"].values()):
            problems.append(f"a ledger does not balance: {ledger}")
        for key in ("produced", "filtered"):
            if ledger[key] < before.get(key, 0):
                problems.append(f"{key} goes back from {before[key]} to {ledger[key]}")
        before = ledger
    return problems


def check_epoch(runs):
    """Every number of the epoch is a line, or in exactly one gap; the last ledger says what stands in the file."""
    events = [event for run in runs for event in run]
    if not with_action(runs[-1], "sensor-stopped"):
        return ["the epoch has no end"]
    once = list({number_of(event): event for event in events if is_numbered(event)}.values())
    gaps = distinct(with_action(events, "events-lost"))
    stopped = with_action(runs[-1], "sensor-stopped")
    problems = stream_check.check_numbers(once + gaps + stopped)
    problems += stream_check.check_losses(gaps)
    problems += check_ledgers(events) + check_doubles(runs)
    final = ledgers_of(stopped)[-1]
    told = collections.Counter()
    for gap in gaps:
        told.update(dig(gap, "muster.loss.causes"))
    if dict(told) != {cause: count for cause, count in final["dropped"].items() if count}:
        problems.append(f"the ledger says dropped {final['dropped']}, the gaps say {dict(told)}")
    if final["delivered"] != len(once) or final["held"] != 0:
        problems.append(f"{len(once)} numbers are in the file, the ledger says {final}")
    return problems


def check_service(events):
    return [f"epoch {epoch}: {problem}" for epoch, runs in split_epochs(events).items() for problem in check_epoch(runs)]
