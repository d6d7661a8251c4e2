"""Whether a training fits its data set (its splits, and what its labels are) and its model."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from isotrope import registry
from isotrope.errors import did_you_mean
from isotrope.mistakes import Complaint
from isotrope.params import modelling
from isotrope.params.blocks import Plugin, image_shape
from isotrope.params.meta_networks import network_without_values
from isotrope.params.optimizer import BASE
from isotrope.params.training import Training
from isotrope.params.trials import tried
from isotrope.params.wrapping import answers_of
from isotrope.settings import Settings

_TEST_IMAGES = "the validation images of {} are its test images, which must choose nothing"
_LABELS = {"classification": "a class for each image", "segmentation": "masks"}
_SCORES = {"classification": "validation_accuracy", "segmentation": "validation_mean_iou"}


def training_misfits(dataset: Plugin | None, training: Training | None) -> list[Complaint]:
    """What a training asks of its data set that this does not have; None is one that is wrong."""
    if dataset is None or training is None:
        return []
    found = [
        *_choosing_misfits(dataset, training),
        *_other_labels(dataset, training),
    ]
    split = training.monitor.split if training.monitor else None
    if split is not None and split not in _splits(dataset):
        what = f": {dataset.name} has no split {split}"
        found.append((("training", "monitor", "split"), what))
    return found


def select_misfits(dataset: Plugin | None, raw: dict[str, Any]) -> list[Complaint]:
    """Why no point of a sweep can be chosen by validation images, if there are none."""
    if dataset is None or not raw.get("select"):
        return []
    if "valid" not in _splits(dataset):
        what = f": {dataset.name} has no validation images to select by; leave it out"
        return [(("select",), what)]
    if _valid_is_test(dataset):
        return [(("select",), f": {_TEST_IMAGES.format(dataset.name)}; leave it out")]
    return []


def why_nothing_is_chosen(dataset: Plugin, split: str) -> str | None:
    """Why nothing may be chosen by the images of a split; None if it may."""
    if split not in _splits(dataset):
        return f"{dataset.name} has no split '{split}' to choose by"
    if split == "valid" and _valid_is_test(dataset):
        return _TEST_IMAGES.format(dataset.name)
    return None


def _splits(dataset: Plugin) -> tuple[str, ...]:
    return registry.splits(dataset.name, dataset.params)


def _valid_is_test(dataset: Plugin) -> bool:
    """Whether a data set says that its validation images are its test images."""
    module = registry.load("data", dataset.name)
    return hasattr(module, "valid_is_test") and bool(module.valid_is_test(dataset.params))


def _choosing_misfits(dataset: Plugin, training: Training) -> Iterator[Complaint]:
    """What a training chooses by validation images that are not there, or are the test images."""
    absent = "valid" not in _splits(dataset)
    if not absent and not _valid_is_test(dataset):
        return
    why = "{} has no validation images" if absent else _TEST_IMAGES
    what = f": {why.format(dataset.name)}"
    if training.early_stopping is not None:
        yield ("training", "early_stopping"), f"{what}; leave it out"
    if training.keep == "best" or (training.keep is None and not absent):
        yield ("training", "keep"), f"{what}; write `keep: last`"
    schedule = training.optimizer.schedule
    if schedule is not None and schedule.name == "plateau":
        yield ("training", "optimizer", "schedule"), f"{what}; leave it out"


def _other_labels(dataset: Plugin, training: Training) -> Iterator[Complaint]:
    kind = registry.literal("data", dataset.name, "kind", "classification")
    labels = _LABELS[kind]
    objective, stopping = training.objective, training.early_stopping
    if objective is not None and (objective.name == "segmentation") != (kind == "segmentation"):
        what = f": {objective.name} does not fit the labels of {dataset.name}, which are {labels}"
        yield ("training", "objective"), what
    if stopping is not None and stopping.by not in (_SCORES[kind], "validation_loss"):
        what = f": {dataset.name} has labels that are {labels}; write {_SCORES[kind]}"
        yield ("training", "early_stopping", "by"), what


def _other_answers(dataset: Plugin, model: Plugin) -> list[Complaint]:
    """That a network answers for each pixel and the labels are of whole images, or the reverse."""
    kind = registry.literal("data", dataset.name, "kind", "classification")
    answers = answers_of(model)
    if answers == kind:
        return []
    what = f": {model.name} is for {answers}, and the labels of {dataset.name} are {_LABELS[kind]}"
    return [(("model",), what)]


def _no_statistics(dataset: Plugin, model: Plugin) -> list[Complaint]:
    """That a network is to be normalised by all training images, where these are a stream."""
    wanted = getattr(model.params, "normalise", "none") == "dataset"
    if not wanted or not hasattr(registry.load("data", dataset.name), "read"):
        return []
    what = f": the images of {dataset.name} are read as they are needed, so that the mean of all "
    return [(("model", "normalise"), what + "is not known; write {mean: [...], std: [...]}")]


def network_misfits(
    dataset: Plugin | None, model: Plugin | None, training: Training | None
) -> list[Complaint]:
    """What a training asks of its network that this does not have; None is one that is wrong.

    The network is built only for a training that asks for something.
    """
    if dataset is None or model is None or training is None:
        return []
    if wrong := [*_other_answers(dataset, model), *_no_statistics(dataset, model)]:
        return wrong
    groups, objective = training.optimizer.groups, training.objective
    if not groups and objective is None:
        return []
    offered = _offered(model.name, model.params, *image_shape(dataset))
    if offered is None:
        return []  # it cannot be built: another complaint says why
    own, has_loss = offered  # the names of its groups, and whether it has a loss
    known = [*own, BASE]
    found: list[Complaint] = []
    for name in groups:
        if name not in known:
            what = f": {model.name} has no such group of parameters{did_you_mean(name, known)}"
            found.append((("training", "optimizer", "groups", name), what))
    if objective is not None and has_loss:
        what = f": {model.name} has a loss of its own; leave the objective out"
        found.append((("training", "objective"), what))
    return found


@tried
def _offered(
    name: str, params: Settings, shape: tuple[int, int, int], classes: int
) -> tuple[list[str], bool] | None:
    """What a network says of its training; None of one that cannot be built."""

    network = network_without_values(name, params, shape, classes)
    if network is None:
        import torch  # only here: planning imports this module without it

        with suppress(Exception), torch.random.fork_rng(devices=[]):
            network = modelling.build(name, params, shape, classes)
    if network is None:
        return None
    names = network.parameter_groups() if hasattr(network, "parameter_groups") else ()
    return list(names), hasattr(network, "loss")
