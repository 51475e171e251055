# SPDX-License-Identifier: Apache-2.0
"""Each target can fail: a bug that is planted in a copy of one file of the product, built under build/planted,
is seen by the inputs that are kept. None of it is built where the product is. Under MUSTER_DEEP=1 all of them, else
one a target."""

import os
import pathlib
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ASAN = ROOT / "build/asan"
PLANTED = ROOT / "build/planted"
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-w"]

# name: (targets, file, what stands there once, what is planted)
BUGS = {
    "size_not_bound": (["fuzz_validate", "fuzz_stream"], "core/record_validate.c", "size <= available_bytes && ", ""),
    "text_not_bound": (["fuzz_validate"], "core/record_validate.c", " || record->size_bytes - at < text.size_bytes)", ")"),
    "padding_not_looked_at": (["fuzz_validate"], "core/record_validate.c", "if (!is_zero(bytes + at, padding))", "if (padding > 8)"),
    "text_not_padded": (["fuzz_validate"], "core/record.c", "muster_clear(at + text->size_bytes, end - text->size_bytes);", ""),
    "lease_too_long": (["fuzz_stream"], "agent/nt_lease.c", "lease->record_bytes - lease->offset, &record", "lease->record_bytes, &record"),
    "lease_counts_one_less": (["fuzz_stream"], "agent/nt_lease.c", "*ret_lost = lease->record_count - lease->walked_count;", "*ret_lost = 0;"),
    "busy_record_passed": (["fuzz_stream"], "sensor_linux/ring.c", "if (length & RECORD_BUSY)", "if (length == RECORD_BUSY)"),
    "discarded_record_given": (["fuzz_stream"], "sensor_linux/ring.c", "if (length & RECORD_DISCARDED)", "if (length == RECORD_DISCARDED)"),
    "pid_without_its_bit": (["fuzz_sink_text"], "sinks/text_process.c", "is_known ? *place : 0; is_known && (", "*place; ("),
    "mark_not_escaped": (["fuzz_sink_text", "fuzz_sink_ndjson", "fuzz_sink_driver_messages"], "sinks/unicode.c", "code == 0x061c || ", ""),
    "control_not_escaped": (["fuzz_sink_text", "fuzz_sink_ndjson"], "sinks/unicode.c", "code <= 0x9f", "code <= 0x9a"),
    "quote_not_escaped": (["fuzz_sink_ndjson"], "sinks/json.c", " && byte != '\"' && ", " && "),
    "tail_not_in_raw": (["fuzz_sink_ndjson"], "sinks/ndjson_forms.c", "if (!is_exact || shown_bytes != text->size_bytes)", "if (!is_exact)"),
    "key_twice": (["fuzz_sink_ndjson"], "sinks/ndjson_shape.c", "while (member->successor != 0)", "while (member->successor > 250)"),
    "object_not_closed": (["fuzz_sink_ndjson"], "sinks/ndjson_shape.c", "close_objects(out, from + shared);", "close_objects(out, from + shared + 8 * (shared == 8));"),
    "minor_cut": (["fuzz_sink_ndjson"], "sinks/ndjson_forms.c", "MINOR_BITS = 20", "MINOR_BITS = 8"),
    "parent_without_its_bit": (["fuzz_sink_driver_messages"], "sinks/driver_messages.c",
                               "muster_record_has(record, MUSTER_FIELD_PARENT_PID) ? start->process.parent_pid : 0",
                               "start->process.parent_pid"),
    "list_not_emptied": (["fuzz_sink_driver_messages"], "sinks/driver_messages.c", "list->size_bytes = 0;", ""),
    "last_unit_not_looked_at": (["fuzz_utf16"], "core/text_utf16.c", "left_count < 2 || ", ""),
    "overlong_taken": (["fuzz_utf16"], "core/text_utf16.c", "code > CODE_LAST || wtf8_length(code) != length", "code > CODE_LAST"),
    "checkpoint_text_not_bound": (["fuzz_capture"], "capture/checkpoint.c", "header.size_bytes > left_bytes || !text_take", "!text_take"),
    "totals_not_compared": (["fuzz_capture"], "capture/chain.c", " && memcmp(&before, &chain->totals, sizeof(before)) == 0", ""),
    "range_backwards": (["fuzz_capture"], "capture/chain.c", " && hole->first_sequence <= hole->last_sequence", ""),
    "half_line_forgotten": (["fuzz_verify"], "agent/verify_lines.c", "if (end && lines->rest_bytes == 0 && !lines->too_long)", "if (end)"),
    "character_not_bound": (["fuzz_verify"], "agent/json_scan.c", " || (size_t)(scan->end - scan->at) < more)", ")"),
    "escape_taken": (["fuzz_verify"], "agent/json_scan.c", "byte == 'u' ? !unit_take(scan, &unit) : ", ""),
    "product_wraps": (["fuzz_units"], "agent/units.c", "return !__builtin_mul_overflow(number, units[i].factor, &number) && ",
                      "return (number *= units[i].factor, true) && "),
}


def planted_object(name, path, what, instead):
    text = (ROOT / path).read_text(encoding="utf-8")
    if text.count(what) != 1:
        raise AssertionError(f"{name}: {path} has {what!r} {text.count(what)} times: plant it anew")
    folder = PLANTED / name
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / pathlib.Path(path).name
    source.write_text(text.replace(what, instead), encoding="utf-8")
    result = source.with_suffix(".o")
    subprocess.run([os.environ.get("CLANG", "clang"), *FLAGS, "-I", ROOT, "-I", ROOT / "include", "-iquote", (ROOT / path).parent,
                    "-c", source, "-o", result], check=True, timeout=120)
    return result


def planted_replay(name, target, planted):
    """The planted file comes first, so that of the archive its twin is not taken."""
    program = PLANTED / name / target
    subprocess.run([os.environ.get("CLANG", "clang"), *FLAGS, ASAN / f"tests/fuzz/{target}.o", ASAN / f"tests/fuzz/{target}_replay.o",
                    planted, ASAN / "libfuzzed.a", "-ljansson", "-o", program], check=True, timeout=120)
    return subprocess.run([program], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)


TARGETS = sorted({path.stem for path in (ROOT / "tests/fuzz").glob("fuzz_*.c")} - {"fuzz_input", "fuzz_sink"})


def chosen():
    """(bug, target) for all that are to be tried."""
    pairs = [(name, target) for name, (targets, *_) in BUGS.items() for target in targets]
    if os.environ.get("MUSTER_DEEP") == "1":
        return pairs
    return [next(pair for pair in pairs if pair[1] == target) for target in TARGETS]


class PlantedBugsTest(unittest.TestCase):
    def test_they_are_seen(self):
        for name, target in chosen():
            with self.subTest(bug=name, target=target):
                done = planted_replay(name, target, planted_object(name, *BUGS[name][1:]))
                self.assertNotEqual(done.returncode, 0, f"{target} does not see {name}")
                self.assertRegex(done.stderr.decode(errors="replace"), "broken: |ERROR: AddressSanitizer|runtime error: ")

    def test_each_can_be_planted(self):
        for name, (_, path, what, _) in BUGS.items():
            self.assertEqual((ROOT / path).read_text(encoding="utf-8").count(what), 1, f"{name}: {path} has changed; plant it anew")

    def test_every_target_has_one(self):
        self.assertEqual(sorted({target for targets, *_ in BUGS.values() for target in targets}), TARGETS)

    def test_without_a_bug_nothing_is_seen(self):
        planted = planted_object("none", "core/status.c", "muster_status_text", "muster_status_text")
        self.assertEqual(planted_replay("none", "fuzz_validate", planted).returncode, 0)


if __name__ == "__main__":
    unittest.main()
