# SPDX-License-Identifier: Apache-2.0
"""The oracle of an NDJSON stream: what docs promise of it, checked with nothing of the product's own.

Every check takes parsed events and returns a list of problems in words, empty where there are none,
so that a test can also assert that a damaged stream is found out.
"""

import bisect
import collections
import datetime
import hashlib
import heapq
import json
import re

NUMBERED = {"process-started": "start", "process-exited": "exit", "process-forked": "fork", "message": "message"}
UNNUMBERED = {"process-running", "events-lost", "sensor-status", "sensor-started", "sensor-stopped"}
CAUSES = {"ring_full", "class_shed", "queue_full", "allocation_failed", "irql_refused", "program_missed",
          "record_invalid", "record_too_large", "unexplained", "capture_damaged", "share_shed"}
STAGES = {"kernel_ring", "driver_queue", "agent_queue", "capture"}
LEDGER_KEYS = {"epoch", "produced", "delivered", "filtered", "held", "degraded", "dropped"}
TIMESTAMP = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z$")
# Controls, DEL, C1, line and paragraph separators, and everything that changes the direction of text.
FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
ORDER_SLACK_NS = 1_000_000_000  # sequence numbers and times are taken one after the other, on any CPU

Problems = list


# ---- lines ----------------------------------------------------------------------------------------


def _refuse_constant(text):
    raise ValueError(f"{text} is not JSON")


def _refuse_doubled_keys(pairs):
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError(f"a key stands twice: {[key for key, _ in pairs]}")
    return value


_decoder = json.JSONDecoder(object_pairs_hook=_refuse_doubled_keys, parse_constant=_refuse_constant)


def parse_line(line: bytes):
    """One line without its end. Raises ValueError."""
    text = line.decode("utf-8")
    found = FORBIDDEN.search(text)
    if found:
        raise ValueError(f"a raw U+{ord(found.group()):04X}")
    value = _decoder.decode(text)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def parse_lines(data: bytes):
    """Returns (values, problems)."""
    values, problems = [], []
    *lines, rest = data.split(b"\n")
    if rest:
        problems.append(f"the last line has no end: {rest[:80]!r}")
    for number, line in enumerate(lines, 1):
        try:
            values.append(parse_line(line))
        except ValueError as error:
            problems.append(f"line {number}: {error}: {line[:200]!r}")
    return values, problems


# ---- access -----------------------------------------------------------------------------------------


def dig(value, path):
    """dig(event, "process.parent.pid"); None where any part is absent."""
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    return value


def action_of(event):
    return dig(event, "event.action")


def with_action(events, action):
    return [event for event in events if action_of(event) == action]


def is_numbered(event):
    return action_of(event) in NUMBERED and not dig(event, "muster.synthetic")


def seen(events):
    """Without what was concluded after a loss: docs/events.md."""
    return [event for event in events if not dig(event, "muster.synthetic")]


def time_ns(event, path="@timestamp"):
    """A date as nanoseconds since 1970, or None where it is absent or malformed."""
    match = TIMESTAMP.match(str(dig(event, path)))
    if not match:
        return None
    second = datetime.datetime.fromisoformat(match.group(1)).replace(tzinfo=datetime.timezone.utc)
    return int(second.timestamp()) * 1_000_000_000 + int(match.group(2))


# ---- identity: written from the text of include/muster/identity.h, not from its code ------------------


def boot_id():
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return bytes.fromhex(file.read().strip().replace("-", ""))


def entity_id(pid, start_ticks):
    data = boot_id() + pid.to_bytes(4, "little") + start_ticks.to_bytes(8, "little")
    return hashlib.blake2s(data, digest_size=16).hexdigest()


# ---- the frame ----------------------------------------------------------------------------------------


def check_frame(events) -> Problems:
    """The first and the last line, one epoch, known actions, whole times."""
    if not events:
        return ["the stream is empty"]
    problems = []
    actions = collections.Counter(action_of(event) for event in events)
    if action_of(events[0]) != "sensor-started":
        problems.append(f"the first line is {action_of(events[0])}, not sensor-started")
    if action_of(events[-1]) != "sensor-stopped":
        problems.append(f"the last line is {action_of(events[-1])}, not sensor-stopped")
    for action in ("sensor-started", "sensor-stopped"):
        if actions[action] != 1:
            problems.append(f"{actions[action]} lines are {action}")
    problems += [f"unknown action {action!r}" for action in actions if action not in NUMBERED and action not in UNNUMBERED]
    problems += _check_epochs(events)
    problems += [f"@timestamp {event.get('@timestamp')!r}" for event in events if time_ns(event) is None]
    return problems


def _check_epochs(events):
    problems = []
    names = {dig(event, "agent.ephemeral_id") for event in events}
    if len(names) != 1 or None in names:
        problems.append(f"agent.ephemeral_id is not one: {sorted(map(str, names))}")
    ledgers = {json.dumps(dig(event, "muster.ledger.epoch")) for event in events if dig(event, "muster.ledger")}
    if len(ledgers) != 1 or "null" in ledgers:
        problems.append(f"muster.ledger.epoch is not one: {sorted(ledgers)}")
    return problems


# ---- numbers, gaps and the ledger -----------------------------------------------------------------------


def numbers_of(events):
    return [dig(event, "event.sequence") for event in events if is_numbered(event)]


def ranges_of(events):
    """(first, last, count) of each gap that has numbers."""
    losses = [dig(event, "muster.loss") for event in with_action(events, "events-lost")]
    return [(loss["first_sequence"], loss["last_sequence"], loss["count"]) for loss in losses if loss and "first_sequence" in loss]


def check_numbers(events) -> Problems:
    """Each number of 1..produced is either delivered, once, or inside exactly one gap; and each gap
    counts exactly the numbers that are missing inside it. With a filter: as many more are missing as the ledger
    says were filtered, and they may lie anywhere."""
    problems = [f"{action_of(event)} without a number" for event in events
                if is_numbered(event) and not isinstance(dig(event, "event.sequence"), int)]
    problems += [f"{action_of(event)} has a number" for event in events
                 if not is_numbered(event) and dig(event, "event.sequence") is not None]
    if problems:
        return problems
    counts = collections.Counter(numbers_of(events))
    problems += [f"number {number} was delivered {count} times" for number, count in counts.items() if count > 1]
    last = numbered_total(events)
    if last is None:
        return problems + ["there is no final ledger to say how many numbers there are"]
    problems += [f"number {number} is outside 1..{last}" for number in counts if not 1 <= number <= last]
    filtered = filtered_total(events)
    if any(loss.get("stage") == "capture" for loss in losses_of(events)):
        return problems + _check_placed(set(counts), last, sorted(ranges_of(events)), filtered)
    if filtered:
        return problems + _check_filtered(set(counts), last, sorted(ranges_of(events)), filtered)
    return problems + _check_coverage(set(counts), last, sorted(ranges_of(events)))


def numbered_total(events):
    """How many numbers were given: what was produced without what was never numbered."""
    ledgers = [dig(event, "muster.ledger") for event in with_action(events, "sensor-stopped")]
    if not ledgers or not ledgers[-1] or not isinstance(ledgers[-1].get("produced"), int):
        return None
    unnumbered = sum(loss.get("count", 0) for loss in losses_of(events) if "first_sequence" not in loss)
    return ledgers[-1]["produced"] - unnumbered


def filtered_total(events):
    ledgers = [dig(event, "muster.ledger.filtered") for event in with_action(events, "sensor-stopped")]
    return ledgers[-1] or 0 if ledgers else 0


def _check_filtered(delivered, last, ranges, filtered):
    problems = []
    missing = [number for number in range(1, last + 1) if number not in delivered]
    lost = sum(count for _, _, count in ranges)
    if len(missing) != lost + filtered:
        problems.append(f"{len(missing)} numbers are missing, but {lost} are in gaps and {filtered} were filtered")
    previous_last = 0
    for first, end, count in ranges:
        if not previous_last < first <= end <= last:
            problems.append(f"gap {first}..{end} overlaps one that ends at {previous_last}, or is outside 1..{last}")
        previous_last = max(previous_last, end)
        inside = bisect.bisect_right(missing, end) - bisect.bisect_left(missing, first)
        if inside < count:
            problems.append(f"gap {first}..{end} says {count}, but only {inside} numbers are missing in it")
    return problems


def _check_placed(delivered, last, ranges, filtered):
    """What a damaged capture has lost stands in ranges that may lie over others, since nobody knows which numbers stood
    there. So: each missing number can be given to one gap that has it in its range, each gap gets as many as it says, and
    as many are left as were filtered."""
    missing = [number for number in range(1, last + 1) if number not in delivered]
    waiting, open_gaps, left, problems = list(reversed(ranges)), [], 0, []
    for number in missing:
        while waiting and waiting[-1][0] <= number:
            first, end, count = waiting.pop()
            heapq.heappush(open_gaps, [end, first, count])
        while open_gaps and (open_gaps[0][0] < number or open_gaps[0][2] == 0):
            end, first, count = heapq.heappop(open_gaps)
            if count:
                problems.append(f"gap {first}..{end}: {count} of its numbers are not missing")
        if open_gaps:
            open_gaps[0][2] -= 1
        else:
            left += 1
    problems += [f"gap {first}..{end}: {count} of its numbers are not missing" for end, first, count in open_gaps if count]
    problems += [f"gap {first}..{end}: none of its numbers is missing" for first, end, _ in waiting]
    if left != filtered:
        problems.append(f"{left} numbers are missing and in no gap, {filtered} were filtered")
    return problems


def _check_coverage(delivered, last, ranges):
    problems = []
    missing = [number for number in range(1, last + 1) if number not in delivered]
    previous_last = 0
    position = 0
    for first, end, count in ranges:
        if not 1 <= first <= end <= last:
            problems.append(f"gap {first}..{end} is outside 1..{last}")
        if first <= previous_last:
            problems.append(f"gap {first}..{end} overlaps one that ends at {previous_last}")
        previous_last = max(previous_last, end)
        while position < len(missing) and missing[position] < first:
            problems.append(f"number {missing[position]} is missing and in no gap")
            position += 1
        inside = 0
        while position < len(missing) and missing[position] <= end:
            inside += 1
            position += 1
        if inside != count:
            problems.append(f"gap {first}..{end} says {count}, but {inside} numbers are missing in it")
    uncovered = missing[position:]
    if uncovered:
        problems.append(f"{len(uncovered)} numbers are missing and in no gap, the first is {uncovered[0]}")
    return problems


def losses_of(events):
    return [dig(event, "muster.loss") or {} for event in with_action(events, "events-lost")]


def check_losses(events) -> Problems:
    """Each gap is whole in itself: known words, and causes and types add up."""
    problems = []
    for event in with_action(events, "events-lost"):
        loss = dig(event, "muster.loss") or {}
        for key, known in (("causes", CAUSES), ("types", set(NUMBERED.values()))):
            parts = loss.get(key, {})
            known_in_part = key == "types" and loss.get("stage") == "capture"  # a gap record that was lost told its types
            if sum(parts.values()) != loss.get("count") and not (known_in_part and sum(parts.values()) < loss.get("count")):
                problems.append(f"{key} of a gap do not add up: {loss}")
            if not set(parts) <= known or not all(count > 0 for count in parts.values()):
                problems.append(f"{key} of a gap: {parts}")
        if loss.get("stage") not in STAGES:
            problems.append(f"stage of a gap: {loss.get('stage')!r}")
        if ("first_sequence" in loss) != ("last_sequence" in loss):
            problems.append(f"half a range: {loss}")
        begin, end = time_ns(event, "event.start"), time_ns(event, "event.end")
        if begin is None or end is None or begin > end:
            problems.append(f"a gap from {dig(event, 'event.start')} to {dig(event, 'event.end')}")
    return problems


def check_ledger(events) -> Problems:
    """Every ledger balances, counters never go back, and the last one says what stands in the stream."""
    problems = []
    before = {}
    for event in events:
        ledger = dig(event, "muster.ledger")
        if ledger is None:
            continue
        if set(ledger) != LEDGER_KEYS:
            problems.append(f"a ledger has {sorted(ledger)}")
            continue
        dropped = sum(ledger["dropped"].values())
        if ledger["produced"] != ledger["delivered"] + ledger["filtered"] + dropped + ledger["held"]:
            problems.append(f"{action_of(event)}: the ledger does not balance: {ledger}")
        for key in ("produced", "delivered", "filtered"):
            if ledger[key] < before.get(key, 0):
                problems.append(f"{key} goes back from {before[key]} to {ledger[key]}")
        before = ledger
    return problems + _check_last_ledger(events, before)


def _check_last_ledger(events, ledger):
    if not ledger:
        return ["there is no ledger"]
    problems = []
    numbered = sum(1 for event in events if is_numbered(event))
    if ledger["delivered"] != numbered:
        problems.append(f"the ledger says {ledger['delivered']} delivered, but {numbered} lines are")
    skeletons = sum(1 for event in events if is_numbered(event) and dig(event, "muster.skeleton"))
    if ledger["degraded"] != skeletons:
        problems.append(f"the ledger says {ledger['degraded']} degraded, but {skeletons} lines are")
    if ledger["held"] != 0:
        problems.append(f"{ledger['held']} held at the end")
    told = collections.Counter()
    for loss in losses_of(events):
        told.update(loss.get("causes", {}))
    dropped = {cause: count for cause, count in ledger["dropped"].items() if count}
    if dropped != dict(told):
        problems.append(f"the ledger says dropped {dropped}, the gaps say {dict(told)}")
    return problems


# ---- lives --------------------------------------------------------------------------------------------


def check_lives(events, ended_before_ns, alive=frozenset()) -> Problems:
    """Nobody ends twice or before the start, one identity has one pid, and who started before
    `ended_before_ns` and is not in `alive` (entity ids at that time) has an exit. Only for a stream
    without gaps."""
    problems = []
    exits = collections.Counter(dig(event, "process.entity_id") for event in with_action(events, "process-exited"))
    problems += [f"{entity} ended {count} times" for entity, count in exits.items() if count > 1]
    begun = {}
    pids = {}
    for event in events:
        entity = dig(event, "process.entity_id")
        if entity is None:
            continue
        pid = dig(event, "process.pid")
        if pids.setdefault(entity, pid) != pid:
            problems.append(f"{entity} is pid {pid} and {pids[entity]}")
        if action_of(event) in ("process-started", "process-forked"):
            begun.setdefault(entity, event)
    for entity, event in begun.items():
        if time_ns(event) < ended_before_ns and entity not in alive and not exits[entity]:
            problems.append(f"no exit of {entity} {dig(event, 'process.pid')} {dig(event, 'process.args')}")
    return problems


def check_parents(events) -> Problems:
    """Where the parent is in the stream too, its identity and its pid agree; nobody is its own parent."""
    pids = {dig(event, "process.entity_id"): dig(event, "process.pid") for event in events if "process" in event}
    problems = []
    for event in events:
        parent = dig(event, "process.parent") or {}
        entity = parent.get("entity_id")
        if entity is not None and entity in pids and pids[entity] != parent.get("pid"):
            problems.append(f"parent {parent} is pid {pids[entity]}")
        if entity is not None and entity == dig(event, "process.entity_id"):
            problems.append(f"{entity} is its own parent")
    return problems


def check_order(events) -> Problems:
    """In the order of their numbers, times do not go back by more than some slack."""
    problems = []
    numbered = [event for event in events if is_numbered(event) and isinstance(dig(event, "event.sequence"), int)]
    latest = 0
    for event in sorted(numbered, key=lambda event: event["event"]["sequence"]):
        now = time_ns(event) or 0
        if now < latest - ORDER_SLACK_NS:
            problems.append(f"number {event['event']['sequence']} is {latest - now} ns before an earlier one")
        latest = max(latest, now)
    return problems


def check_stream(events) -> Problems:
    """Everything that holds for every stream that ended in good order, with gaps or without."""
    problems = []
    for check in (check_frame, check_numbers, check_losses, check_ledger, check_parents, check_order):
        problems += check(events)
    return problems


# ---- the storm ------------------------------------------------------------------------------------------


def token_of(event):
    args = dig(event, "process.args")
    return args[1] if isinstance(args, list) and len(args) > 1 else None


def check_storm(events, truth, image) -> Problems:
    """Each token of the truth was started exactly once, as it was run, and its process ended once."""
    problems = []
    run = truth[0]["token"].split(".")[0] + "."
    started = collections.defaultdict(list)
    for event in with_action(events, "process-started"):
        if (token_of(event) or "").startswith(run):
            started[token_of(event)].append(event)
    exited = collections.defaultdict(list)
    for event in with_action(events, "process-exited"):
        exited[dig(event, "process.entity_id")].append(event)
    known = {line["token"] for line in truth}
    problems += [f"nobody ran {token}" for token in started if token not in known]
    for line in truth:
        problems += _check_token(line, started[line["token"]], exited, image)
    return problems


def _check_token(line, starts, exited, image):
    token = line["token"]
    if len(starts) != 1:
        return [f"{token} was started {len(starts)} times"]
    start = starts[0]
    seen = {"pid": dig(start, "process.pid"), "executable": dig(start, "process.executable"),
            "args": dig(start, "process.args"), "args_count": dig(start, "process.args_count")}
    true = {"pid": line["pid"], "executable": image, "args": [image, token], "args_count": 2}
    problems = [] if seen == true else [f"{token}: {seen} is not {true}"]
    exits = exited[dig(start, "process.entity_id")]
    if len(exits) != 1:
        return problems + [f"{token}: {len(exits)} exits"]
    code = dig(exits[0], "process.exit_code")
    if code != line["exit_code"] or dig(exits[0], "process.pid") != line["pid"]:
        problems.append(f"{token}: exit {dig(exits[0], 'process.pid')} {code} is not {line['pid']} {line['exit_code']}")
    return problems
