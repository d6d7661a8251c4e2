"""The files that a pack promises, put together from its finished seeds.

``weights.safetensors`` holds every parameter and buffer with a leading axis of seeds, and in its
metadata the list of seeds, the training digest and the model's name. ``history.csv`` holds the
epochs of all seeds. ``run.json`` says what was trained, with what and how it went, and holds a
checksum of its own content.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn

from isotrope import devices, registry
from isotrope.errors import UserError
from isotrope.files import disk, json_files, regular
from isotrope.packs import code_records, store, summary
from isotrope.packs.summary import HISTORY, RUN, WEIGHTS
from isotrope.params import modelling
from isotrope.params.meta_device import is_built
from isotrope.processes import provenance
from isotrope.training.task import TrainingTask

_CIRCUMSTANCES = ("versions", "git_commit", "device", "threads", "seconds", "peak_memory_mb")


def shape_of(task: TrainingTask) -> tuple[tuple[int, int, int], int]:
    """Image shape (channels, height, width) and number of classes of the task's data set."""
    plugin = registry.load("data", task.dataset_name)
    channels, height, width = plugin.image_shape(task.dataset_params)
    return (channels, height, width), int(plugin.classes(task.dataset_params))


def assemble(task: TrainingTask, device: torch.device, began: float) -> None:
    """Write the pack's files from the stored seeds, ``run.json`` last; none that is there already.

    A file that holds what would be written keeps its bytes and its time, or all that is made of it
    would be made again. Seeds that the files hold besides those of the task stay in them.
    """
    seeds = _with_seeds_there(
        task, {one: store.load(task.stored(one), one, task.training_digest) for one in task.seeds}
    )
    stacked = {
        name: torch.stack([seed.weights[name] for seed in seeds]) for name in seeds[0].weights
    }
    said = {
        "seeds": [seed.summary["seed"] for seed in seeds],
        "training_digest": task.training_digest,
        "model": task.model_name,
    }
    weights = store.weights_bytes(stacked, said)
    history = store.joined_history(seed.history for seed in seeds)
    shape, classes = shape_of(task)
    peaks = [float(seed.summary["peak_memory_mb"]) for seed in seeds]
    run = {
        "run": task.run,
        "point": task.point,
        "pack": task.pack,
        "training_digest": task.training_digest,
        "code": code_records.codes_of_all(seed.summary for seed in seeds),
        "model": {"name": task.model_name, "params": task.model_params.model_dump(mode="json")},
        "dataset": {
            "name": task.dataset_name,
            "params": task.dataset_params.model_dump(mode="json"),
        },
        "image_shape": list(shape),
        "classes": classes,
        "parameters": _parameters(task, shape, classes),
        "settings": task.settings,
        "versions": provenance.versions(),
        "git_commit": provenance.git_commit(),
        "device": devices.describe(device),
        "threads": task.threads,
        "seconds": round(time.monotonic() - began, 3),
        "peak_memory_mb": max([*peaks, devices.memory_peak_mb(device)]),
        "files": {
            WEIGHTS: disk.checksum(weights),
            HISTORY: disk.checksum(history.encode()),
        },
        "seeds": [seed.summary for seed in seeds],
    }
    contents = {WEIGHTS: weights, HISTORY: history.encode()}
    lacking = {name for name, one in contents.items() if not _holds(task.folder / name, one)}
    for name in lacking:
        disk.write_whole(task.folder / name, contents[name])
    content = json_files.sealed(run)
    known = summary.glance(task.folder)
    if lacking or known is None or _lasting(known.content) != _lasting(content):
        disk.write_whole(task.folder / RUN, store.json_text(content))


def _with_seeds_there(
    task: TrainingTask, asked: Mapping[int, store.FinishedSeed]
) -> list[store.FinishedSeed]:
    """The seeds of a task with those that the pack's files hold besides, if these are stored."""
    known = summary.glance(task.folder)
    if known is None or known.training_digest != task.training_digest:
        return list(asked.values())
    besides = {}
    for seed in known.seeds.keys() - asked.keys():
        with suppress(UserError):  # what is no longer sound goes
            besides[seed] = store.load(task.stored(seed), seed, task.training_digest)
    if not besides:
        return list(asked.values())
    there = [seed for seed in known.seeds if seed in asked or seed in besides]
    return [{**asked, **besides}[seed] for seed in dict.fromkeys([*there, *asked])]


def _holds(path: Path, content: bytes) -> bool:
    """Whether a file is there and holds this."""
    try:
        return regular.read_bytes(path) == content
    except OSError:
        return False


def _lasting(content: Mapping[str, Any]) -> dict[str, Any]:
    """What ``run.json`` says of the seeds, and not of the process that put them together."""
    left_out = (*_CIRCUMSTANCES, json_files.CHECKSUM)
    return {key: value for key, value in content.items() if key not in left_out}


def _parameters(task: TrainingTask, shape: tuple[int, int, int], classes: int) -> int:
    """How many numbers a seed learns."""
    networks: list[nn.Module] = []

    def build() -> None:
        networks.append(modelling.build(task.model_name, task.model_params, shape, classes))

    if not is_built(build):
        build()
    return sum(parameter.numel() for parameter in networks[-1].parameters())
