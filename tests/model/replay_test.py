# SPDX-License-Identifier: Apache-2.0
"""Random runs of queue_cache.pml, and core does the same: each line that the model prints of what is to be seen is a line that
queue_replay.c prints of the code, or the first that differs is shown. So the model is a reading of this code and of no other.
Then bugs in copies of core, each of which has to be seen by the same runs. A seed is the same run each time; under
MUSTER_DEEP=1 there are more of them.

    spin -T -n SEED -DREPLAY -DSEED=SEED $(queue_replay --sizes) queue_cache.pml | queue_replay"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CC = os.environ.get("CC", "gcc")
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror"]
SEEDS = 600 if os.environ.get("MUSTER_DEEP") == "1" else 24
SEEDS_OF_PLANTED = 24

# What the runs have to come across, or they show little.
STEPS = ["at_irql", "not_allocated", "allocated -> at_lock", "pushes number", "freed -> at_free", "[01] freed -> is_ok", "[01] freed -> is_refused", "r puts -> at_free",
         "r takes gap", "refused_gap", "r extract -> at_allocate", "u unlease", "r ack .* is_wrong_state", "is_no_room", "is_invalid",
         "r lease .* is_too_small", "r lease [1-9].* is_ok", "r ack .* at_free"]

# name -> (file of core, what stands there once, what is put in its place)
PLANTED = {
    "a loss that was told is told again": ("queue.c", "    loss_init(loss);\n    queue->record_count++;", "    queue->record_count++;"),
    "gaps stand before skeletons": ("queue.c", "    append_reserved(queue, &queue->skeleton_block);\n    tell_losses(queue);\n",
                                    "    tell_losses(queue);\n    append_reserved(queue, &queue->skeleton_block);\n"),
    "blocks of an empty queue begin large": ("queue.c", "    queue->last = NULL;\n    queue->next_block_bytes = BLOCK_FIRST_BYTES;\n", "    queue->last = NULL;\n"),
    "no room for a start is called shed": ("queue_push.c", "charged <= start_limit && needed_bytes <= start_limit - charged ?", "charged <= start_limit ?"),
    "a number is given before there is a block": ("queue_push.c", "    *ret_block_bytes = charge_block(queue, push);\n",
                                                  "    *ret_block_bytes = charge_block(queue, push);\n    queue->last_sequence += *ret_block_bytes != 0;\n"),
    "where memory fails, somebody else's block is not looked at": ("queue_push.c", "*block == NULL && !(fits && room_charged(&queue->room) <= limit_of(queue, push))", "*block == NULL"),
    "exits take what is set aside for starts": ("queue_push.c", "return type == MUSTER_EVENT_PROCESS_START && cause", "return type <= MUSTER_EVENT_PROCESS_EXIT && cause"),
    "a charge stays where there is no memory": ("block.c", "        room_uncharge(room, charged_bytes);\n", ""),
    "bytes are given back before they are free": ("block.c", "        muster_platform_free(first, bytes);\n        room_uncharge(room, bytes);\n",
                                                  "        room_uncharge(room, bytes);\n        muster_platform_free(first, bytes);\n"),
    "the range ends with the first loss": ("loss.c", "    if (sequence > loss->last_sequence)\n", "    if (loss->last_sequence == 0)\n"),
    "a lease given back stays open": ("cache.c", "        return MUSTER_REFUSED;\n    cache->leased = (struct extent){0};\n    cache->lease_id = 0;\n",
                                      "        return MUSTER_REFUSED;\n    cache->leased = (struct extent){0};\n"),
    "an open lease is not cut": ("cache.c", "max_bytes < cache->leased.record_bytes", "max_bytes < first_record_bytes(cache)"),
    "a block stays though all of it is acknowledged": ("cache.c", "    if (ends_block(&leased->end))\n        cache->begin", "    if (ends_block(&leased->end) && !leased->end.block->next)\n        cache->begin"),
    "what is left of a block is counted anew": ("cache.c", "        end->passed_count++;\n", ""),
}


def run_of_model(folder, sizes, seed):
    """The lines that spin prints. An assertion of the model that does not hold is an error here."""
    done = subprocess.run(["spin", "-T", f"-n{seed}", "-DREPLAY", f"-DSEED={seed}", *sizes, HERE / "queue_cache.pml"],
                          cwd=folder, check=False, capture_output=True, text=True, timeout=120)
    if done.returncode != 0 or "assertion violated" in done.stdout or "<valid end state>" not in done.stdout:
        raise AssertionError(f"seed {seed}: the model's run fails\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


class Code:
    """Core and the program that replays, compiled once; a planted file stands in for its twin."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.objects = {}
        for source in [*sorted((ROOT / "core").glob("*.c")), HERE / "queue_replay.c", HERE / "replay_threads.c"]:
            self.objects[source.name] = self.compiled(source, self.folder / f"{source.stem}.o")
        self.program = self.linked(self.objects, self.folder / "queue_replay")
        self.sizes = subprocess.run([self.program, "--sizes"], check=True, capture_output=True, text=True).stdout.split()

    def compiled(self, source, result, *more):
        subprocess.run([CC, *FLAGS, *more, "-I", ROOT, "-I", ROOT / "include", "-I", HERE, "-c", source, "-o", result], check=True)
        return result

    def linked(self, objects, result):
        subprocess.run([CC, *FLAGS, *objects.values(), "-o", result], check=True)
        return result

    def with_planted(self, name, text):
        source = self.folder / "planted" / name
        source.parent.mkdir(exist_ok=True)
        source.write_text(text, encoding="utf-8")
        return self.linked({**self.objects, name: self.compiled(source, source.with_suffix(".o"), "-w")}, source.with_suffix(""))


def replay(program, trace):
    """What it does not agree to, or an empty string."""
    done = subprocess.run([program], input=trace, check=False, capture_output=True, text=True, timeout=120)
    if done.returncode == 0 and int(re.fullmatch(r"steps (\d+)\n", done.stdout).group(1)) < 1000:
        return "next to nothing was replayed"
    return "" if done.returncode == 0 else f"exit status {done.returncode}: {done.stdout}{done.stderr}"


class ReplayTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("spin"):
            raise unittest.SkipTest("spin is not installed")
        cls.folder = tempfile.mkdtemp(prefix="muster-replay-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.code = Code(cls.folder)
        cls.traces = [run_of_model(cls.folder, cls.code.sizes, seed) for seed in range(1, SEEDS_OF_PLANTED + 1)]

    def test_the_code_does_what_the_model_does(self):
        for seed in range(1, SEEDS + 1):
            trace = self.traces[seed - 1] if seed <= len(self.traces) else run_of_model(self.folder, self.code.sizes, seed)
            self.assertEqual(replay(self.code.program, trace), "", f"seed {seed}")

    def test_the_runs_come_across_everything(self):
        for step in STEPS:
            count = sum(len(re.findall(step, trace)) for trace in self.traces)
            self.assertGreaterEqual(count, 3, f"the runs hardly have this: {step}")

    def test_planted_bugs_are_seen(self):
        for name, (file, there, instead) in PLANTED.items():
            with self.subTest(bug=name):
                text = (ROOT / "core" / file).read_text(encoding="utf-8")
                self.assertEqual(text.count(there), 1, f"core/{file} has {there!r} {text.count(there)} times: plant it anew")
                program = self.code.with_planted(file, text.replace(there, instead))
                self.assertTrue(any(replay(program, trace) for trace in self.traces), f"not seen: {name}")


if __name__ == "__main__":
    unittest.main()
