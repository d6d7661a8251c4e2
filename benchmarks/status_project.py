"""A made-up project for status.py: packs in every state, in turn."""

import json
import os
import time

from isotrope import paths
from isotrope.plan import index_file
from isotrope.plan.index import DatasetEntry, EvaluationEntry, Index, PointEntry, RunEntry

TRAINED, ANOTHER = "a" * 16, "b" * 16
STORES = {"accuracy": "c" * 16, "scale_generalization": "d" * 16}
BEAT = {"seed": 1, "epoch": 3, "epochs": 200, "host": "node7", "pid": 1, "seconds_left": 60.0}
BEAT |= {"validation_accuracy": 0.5, "slurm_job": "12", "ended": False}
ENDED = "training\nValueError: the 3 kernels do not fit\n"
# of twenty packs: how many are in which state
MIX = {
    "done": 9,
    "diverged": 1,
    "untouched": 4,
    "trained": 1,
    "running": 1,
    "interrupted": 1,
    "failed": 1,
    "stale": 1,
    "begun": 1,
}


def made_up(runs, packs, seeds):
    """An index of runs that have so many packs of so many seeds."""
    evaluations = {t: EvaluationEntry(t, digest, "stir/emoji") for t, digest in STORES.items()}
    point = PointEntry(TRAINED, "stir/emoji", evaluations, {"training.epochs": 200})
    run = RunEntry(
        study="scale",
        series="own",
        label="made up",
        source="embedded",
        model="standard",
        dataset="stir",
        seeds=list(range(1, packs * seeds + 1)),
        gpu=1,
        cpus=1,
        minutes=60,
        megabytes=4000,
        seeds_per_job=seeds,
        points={"base": point},
    )
    data = DatasetEntry("stir", "emoji", {"task": "emoji", "source": "embedded"}, "e" * 16, [])
    names = [f"standard/stir_emoji/run_{number:05}" for number in range(runs)]
    return Index(dict.fromkeys(names, run), {"stir/emoji": data})


def write_project(index):
    """The files of a project in the working directory, index and param-files included."""
    kinds = [kind for kind, count in MIX.items() for _ in range(count)]
    place = 0
    for name, run in index.runs.items():
        param_file = paths.PARAM_FILES / f"{name}.yaml"
        param_file.parent.mkdir(parents=True, exist_ok=True)
        param_file.touch()
        folder = paths.point_folder(name, "base")
        folder.mkdir(parents=True)
        for end in ("done", "diverged"):  # seeds share files: links are quicker made than files
            (folder / f"{end}.json").write_text(json.dumps({"status": end}))
        for part in (".seeds", *(f".evaluations/{t}-{digest}" for t, digest in STORES.items())):
            (folder / part).mkdir(parents=True)
        for pack, seeds in run.packs("base").items():
            write_pack(name, pack, seeds, kinds[place * 7 % len(kinds)])
            place += 1
    index_file.write(index, index_file.stamps())


def write_pack(name, pack, seeds, kind):
    if kind == "untouched":
        return
    folder, point = paths.pack_folder(name, "base", pack), paths.point_folder(name, "base")
    folder.mkdir()
    digest = ANOTHER if kind == "stale" else TRAINED
    end = "diverged" if kind == "diverged" else "done"
    template = point / f"{end}.json"
    whole = kind in ("done", "diverged", "trained", "stale")
    for seed in seeds if whole else seeds[: len(seeds) // 2]:
        stored = point / f".seeds/{seed}-{digest}"
        stored.mkdir()
        os.link(template, stored / "seed.json")
        if kind == "done":
            for table, one in STORES.items():
                os.link(template, point / f".evaluations/{table}-{one}/{seed}.csv")
    if whole:
        for file in ("weights.safetensors", "history.csv"):
            (folder / file).touch()
        ends = [{"seed": seed, "status": end} for seed in seeds]
        said = {"training_digest": digest, "settings": {"training": {"epochs": 100}}}
        (folder / "run.json").write_text(json.dumps({**said, "seeds": ends}))
    if kind in ("done", "diverged", "stale"):
        (folder / "results.csv").touch()
    if kind in ("running", "interrupted"):
        ahead = -9999 if kind == "interrupted" else 9999  # alive for as long as this takes
        beat = {**BEAT, "time": time.time() + ahead}
        beat_file = folder / ".heartbeat.json"
        beat_file.write_text(json.dumps(beat))
        os.utime(beat_file, (beat["time"],) * 2)
    if kind in ("failed", "done"):
        (folder / "train.log").write_text(ENDED if kind == "failed" else "seed 1: done\n")
