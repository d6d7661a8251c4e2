"""Packs on disk, written by hand for every state."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path

from made_up_index import DEMO, made_up_index

from isotrope import paths
from isotrope.plan.index import Index
from isotrope.status.heartbeats import Pulse
from isotrope.status.reading import read_states

DIGEST, ANOTHER = "a" * 16, "9" * 16  # that of the made-up points, and one of other settings
STORES = ("accuracy-" + "b" * 16, "scale_generalization-" + "c" * 16)
BEAT = {
    "seed": 2,
    "epoch": 4,
    "epochs": 15,
    "validation_accuracy": 0.254,
    "host": "node7",
    "pid": 1,
    "slurm_job": None,
    "seconds_left": 130.0,
    "ended": False,
}


class MadeUpPack:
    """The files of one pack; of the demo's, with seeds 1 to 3, if nothing else is said."""

    def __init__(self, run=DEMO, place="base", name="1-25", point=None):
        self.run, self.place, self.name = run, place, name
        self.point = point or place
        self.folder = paths.pack_folder(run, place, name)
        self.heartbeat = paths.heartbeat(run, place, name)
        self.folder.mkdir(parents=True, exist_ok=True)

    def finish(self, *seeds, digest=DIGEST):
        for seed in seeds:
            stored = paths.finished_seed(self.run, self.point, seed, digest)
            stored.mkdir(parents=True)
            (stored / "seed.json").touch()

    def write(self, name, text="", age=0.0):
        path = self.folder / name
        path.write_text(text)
        os.utime(path, (time.time() - age,) * 2)

    def assemble(self, digest=DIGEST, settings=None, age=0.0, commit=None, **ends):
        """The outputs of a training; ``ends`` is like ``seed2="diverged"``, all others are done."""
        seeds = ends.pop("seeds", (1, 2, 3))
        said = [{"seed": seed, "status": ends.get(f"seed{seed}", "done")} for seed in seeds]
        for one in said:
            if one["status"] == "shipped":
                one |= {"status": "done", "origin": "shipped"}
        run = {"training_digest": digest, "settings": settings or {}, "git_commit": commit}
        self.write("weights.safetensors", age=age)
        self.write("history.csv", age=age)
        self.write("run.json", json.dumps({**run, "seeds": said}, indent=2), age=age)

    def evaluate(self, *seeds, stores=STORES):
        """What is computed, and the table of it."""
        for store in stores:
            folder = paths.point_folder(self.run, self.point) / ".evaluations" / store
            folder.mkdir(parents=True, exist_ok=True)
            for seed in seeds:
                (folder / f"{seed}.csv").touch()
        self.write("results.csv")

    def make(self, *lost, **ends):
        """All of it: trained, put together and evaluated, but for the seeds that are lost."""
        self.finish(1, 2, 3)
        self.assemble(age=10, **ends)
        self.evaluate(*({1, 2, 3} - set(lost)))

    def beat(self, age=0.0, **changes):
        self.heartbeat.write_text(json.dumps({**BEAT, "time": time.time() - age, **changes}))
        os.utime(self.heartbeat, (time.time() - age,) * 2)

    def save(self, seed, digest=DIGEST):
        """The state of an unfinished seed."""
        path = paths.resume_file(self.run, self.point, seed, digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    @property
    def found(self):
        """What a look at the run's only pack finds."""
        (one,) = looked_at(only(self.run))
        return one.found

    @property
    def state(self):
        """State, finished seeds and detail."""
        found = self.found
        return found.state, found.finished, found.detail


def only(name, **changes):
    """The made-up index with one run, some of its entry changed."""
    index = made_up_index()
    return Index({name: replace(index.runs[name], **changes)}, index.datasets)


def looked_at(index, pulse=None, outcomes=False):
    return read_states(index, list(index.runs), pulse or Pulse(Path()), outcomes)
