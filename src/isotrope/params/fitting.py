"""Whether a training fits its data set: its splits, and what its labels are."""

from collections.abc import Iterator
from typing import Any

from isotrope import registry
from isotrope.mistakes import Complaint
from isotrope.params.blocks import Plugin
from isotrope.params.training import Training

_SCORES = {"classification": "validation_accuracy", "segmentation": "validation_mean_iou"}


def training_misfits(dataset: Plugin | None, training: Training | None) -> list[Complaint]:
    """What a training asks of its data set that this does not have; None is one that is wrong."""
    if dataset is None or training is None:
        return []
    found = [*_without_validation(dataset, training), *_other_labels(dataset, training)]
    split = training.monitor.split if training.monitor else None
    if split is not None and split not in _splits(dataset):
        what = f": {dataset.name} has no split {split}"
        found.append((("training", "monitor", "split"), what))
    return found


def select_misfits(dataset: Plugin | None, raw: dict[str, Any]) -> list[Complaint]:
    """Why no point of a sweep can be chosen by validation images, if there are none."""
    if dataset is None or not raw.get("select") or "valid" in _splits(dataset):
        return []
    return [(("select",), f": {dataset.name} has no validation images to select by; leave it out")]


def _splits(dataset: Plugin) -> tuple[str, ...]:
    splits: tuple[str, ...] = registry.literal("data", dataset.name, "SPLITS")
    return splits


def _without_validation(dataset: Plugin, training: Training) -> Iterator[Complaint]:
    if "valid" in _splits(dataset):
        return
    what = f": {dataset.name} has no validation images; leave it out"
    if training.early_stopping is not None:
        yield ("training", "early_stopping"), what
    if training.keep == "best":
        yield ("training", "keep"), f": {dataset.name} has no validation images; write `keep: last`"
    schedule = training.optimizer.schedule
    if schedule is not None and schedule.name == "plateau":
        yield ("training", "optimizer", "schedule"), what


def _other_labels(dataset: Plugin, training: Training) -> Iterator[Complaint]:
    kind = registry.literal("data", dataset.name, "kind", "classification")
    labels = "masks" if kind == "segmentation" else "a class for each image"
    objective, stopping = training.objective, training.early_stopping
    if objective is not None and (objective.name == "segmentation") != (kind == "segmentation"):
        what = f": {objective.name} does not fit the labels of {dataset.name}, which are {labels}"
        yield ("training", "objective"), what
    if stopping is not None and stopping.by not in (_SCORES[kind], "validation_loss"):
        what = f": {dataset.name} has labels that are {labels}; write {_SCORES[kind]}"
        yield ("training", "early_stopping", "by"), what
