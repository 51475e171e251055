# SPDX-License-Identifier: Apache-2.0
"""The protocols that nothing is lost in, searched exhaustively by spin at small sizes: every order of steps that there is. Then
each model with a bug planted in it, of which the search has to find every one (MUSTER_DEEP=1, as `make check-model` has it:
minutes; else one of each model).

What a model leaves out, and how far the sizes go, stands in docs/proofs.md."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SEARCH_S = 120
DEPTH = 1_000_000

# model -> what it is searched with
SIZES = {
    "wake": [],
    "account": [],
    "unload": ["-DCALLBACKS=1", "-DREADS=1"],
    "queue_cache": [],
}

# name -> (model, what stands there once, what is put in its place)
PLANTED = {
    "the reader sleeps without looking again": ("wake", """    :: quiet && producer_position != position ->
        wake_at = AWAKE;
        armed = false
    :: !quiet || producer_position == position
""", "    :: true\n"),
    "whoever owes the wake-up does not wake": ("wake", ":: owes_wake -> woken = true", ":: owes_wake -> skip"),
    "the wake-up is one record late": ("wake", "producer_position < wake_seen", "producer_position <= wake_seen"),
    "a program does not say that it is under way": ("account", "            slots[me].in_flight = bound;\n", ""),
    "a program's last number counts as behind the flip": ("account", "slots[slot].in_flight <= flipped_sequence", "slots[slot].in_flight < flipped_sequence"),
    "a loss is counted in the other generation": ("account", "its_generation = generation;", "its_generation = 1 - generation;"),
    "a record given back stays counted": ("account", "    account_read(-1);\n", ""),
    "settled before the ring was read": ("account", ":: drained && position >= drained_position ->", ":: drained ->"),
    "settled while programs are under way": ("account", "            drained = programs_are_done;", "            drained = true;"),
    "the gap begins at the last loss": ("account", "slots[i].first[flipped_generation] < gap_first ->", "slots[i].first[flipped_generation] > gap_first ->"),
    "unload does not wait for callbacks": ("unload", "    callbacks_running == 0;\n", ""),
    "CLEANUP leaves no mark": ("unload", "            cleaned_up = true;\n", ""),
    "unload does not wait for the thread": ("unload", "        work = true\n    }\n    thread_has_ended\n", "        work = true\n    }\n"),
    "a READ is taken without its cancel routine": ("unload", "mine = (pending_irp != NO_IRP && irps[pending_irp].cancel_routine);", "mine = (pending_irp != NO_IRP);"),
    "the event is set when the lock has been let go": ("unload", """    if
    :: accepted -> work = true
    :: else
    fi;
    d_step {
        TOUCH;
        lock_is_held = false
    }
""", """    d_step {
        TOUCH;
        lock_is_held = false
    }
    if
    :: accepted -> TOUCH; work = true
    :: else
    fi;
"""),
    "the callback is found before there is memory": ("unload", """    memory_is_there = true;
    run reader_thread();
    live_driver = true;
    if
    :: registered = true;
""", """    run reader_thread();
    live_driver = true;
    if
    :: registered = true;
        memory_is_there = true;
"""),
    "a loss that was told is told again": ("queue_cache", "            loss_count = 0;\n            loss_first = 0;\n            loss_last = 0\n", "            skip\n"),
    "skeletons are taken out twice": ("queue_cache", "        skeleton_records = 0;\n        skeleton_used = 0;\n        skeleton_block = false;\n", "        skeleton_block = false;\n"),
    "what is taken out is not counted": ("queue_cache", "    delivered = delivered + count;\n    batch_blocks", "    batch_blocks"),
    "a charge stays where there is no memory": ("queue_cache", """            SAY("r not_allocated");
            room_uncharge(reserved_gap);
""", """            SAY("r not_allocated");
"""),
}


def search(folder, model, text, definitions):
    """What pan says, whole: anything that cut the search short is an error here."""
    path = pathlib.Path(folder, f"{model}.pml")
    path.write_text(text, encoding="utf-8")
    subprocess.run(["spin", *definitions, "-a", path.name], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["gcc", "-w", "-O1", "-DSAFETY", "-DNOCLAIM", "-DCOLLAPSE", "-DVECTORSZ=4096", "-o", "pan", "pan.c"], cwd=folder, check=True)
    said = subprocess.run(["./pan", f"-m{DEPTH}", "-w24"], cwd=folder, check=False, capture_output=True, text=True, timeout=SEARCH_S).stdout
    for problem in ("max search depth too small", "Search not completed", "out of memory", "aborting"):
        if problem in said and "errors: 0" in said:
            raise AssertionError(f"{model} was not searched to its end: {problem}\n{said[-2000:]}")
    return said


def errors_in(said):
    return int(re.search(r"errors: (\d+)", said).group(1))


class ModelTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("spin"):
            raise unittest.SkipTest("spin is not installed")

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="muster-model-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def text(self, model):
        return (HERE / f"{model}.pml").read_text(encoding="utf-8")


def add_model(model):
    def test(self):
        said = search(self.folder, model, self.text(model), SIZES[model])
        self.assertEqual(errors_in(said), 0, said[-3000:])
        states = float(re.search(r"([\d.e+]+) states, stored", said).group(1))
        self.assertGreater(states, 1000, "next to nothing was searched")

    setattr(ModelTest, f"test_{model}", test)


def add_planted(number, name, model, there, instead):
    def test(self):
        text = self.text(model)
        self.assertEqual(text.count(there), 1, f"what is to be replaced stands {text.count(there)} times in {model}.pml")
        said = search(self.folder, model, text.replace(there, instead), SIZES[model])
        self.assertGreater(errors_in(said), 0, f"not found: {name}")

    test.__doc__ = name
    setattr(ModelTest, f"test_planted_{number:02}_{re.sub('[^a-z]+', '_', name.lower())}", test)


for _model in SIZES:
    add_model(_model)
_planted_models = set()
for _number, (_name, (_model, _there, _instead)) in enumerate(PLANTED.items(), 1):
    if os.environ.get("MUSTER_DEEP") == "1" or _model not in _planted_models:
        add_planted(_number, _name, _model, _there, _instead)
    _planted_models.add(_model)

if __name__ == "__main__":
    unittest.main()
