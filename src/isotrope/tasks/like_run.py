"""A network that is no run here, measured as a run is: its data set, its evaluations.

Nothing of it is kept: what is asked for is computed, told and maybe written where the user says.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from isotrope import paths, registry
from isotrope.datasets import download, loading
from isotrope.datasets.building import build_dataset
from isotrope.datasets.images import to_unit
from isotrope.datasets.names import dataset_key
from isotrope.datasets.stream import Split
from isotrope.digests import dataset_digest
from isotrope.errors import UserError, did_you_mean
from isotrope.layers import normalising
from isotrope.measuring.called import Rows, rows_of
from isotrope.measuring.networks import Networks
from isotrope.params import modelling
from isotrope.params.blocks import Plugin, image_shape
from isotrope.params.evaluations import Evaluation
from isotrope.params.param_file import read_run
from isotrope.plan.index import Index
from isotrope.plan.nearest import nearest_runs
from isotrope.tasks import own_network
from isotrope.tasks.own_network import SEED, Asked
from isotrope.training.initial_weights import read_weights, take_over

_ORDER = ("own", "demo", "published", "extra")  # of series, where a word means several runs
_SHOWN = 2  # images by which a network is checked


def meant(known: Index, word: str) -> list[str]:
    """The runs that a word means, that which others are measured like first.

    A word is a run's name or param-file, a pattern of names, or the middle part of names. First
    come runs whose group has tables, then one's own, demos, published ones.

    Raises:
        UserError: if there are none.
    """
    name = word.removeprefix(f"{paths.PARAM_FILES}/").removesuffix(".yaml")
    if name in known.runs:
        return [name]
    found = [run for run in known.runs if fnmatchcase(run, name) or run.split("/")[1] == name]
    if not found:
        if wrong := known.mistakes_of(name):
            raise UserError(*wrong)
        words = {run.split("/")[1] for run in known.runs}
        hint = did_you_mean(name, words) if "/" not in name else nearest_runs(name, known.runs)
        raise UserError(f"--like {word}: no run, and no data set of runs, is called so{hint}")

    def rank(run: str) -> tuple[bool, bool, int, str]:
        entry = known.runs[run]
        tables = (paths.table_folder(entry.group) / "runs.csv").is_file()
        return bool(entry.broken), not tables, _ORDER.index(entry.series), run

    return sorted(found, key=rank)


def settings_of_data(known: Index, run: str, point: str) -> dict[str, Any]:
    """The settings of a point's data set, by their dotted keys."""
    its = known.runs[run].points[point].parameters
    return {key: value for key, value in its.items() if key.startswith("dataset.")}


def entry_of_data(dataset: Plugin) -> str:
    """What a data set is called in ``Index.datasets``."""
    return f"{dataset.name}/{dataset_key(dataset.params)}"


def words_of_data(settings: Mapping[str, Any]) -> str:
    """A data set for people to read, as in ``NAME key=value``, without settings left out."""
    rest = {key.partition(".")[2]: value for key, value in settings.items()}
    name = rest.pop("name")
    return " ".join([str(name), *(f"{k}={v}" for k, v in rest.items() if v is not None)])


@dataclass(frozen=True)
class Told:
    """Who is told what is done besides.

    Args:
        log: is told what is built.
        record: is told which files were made by hand that are those of rules.
    """

    log: Callable[[str], None]
    record: Callable[[Sequence[str], Sequence[Path]], None]


@dataclass(frozen=True)
class Like:
    """What a network is measured with.

    Args:
        run: the run whose data set, normalisation and classes it takes over.
        point: the first of its points.
        dataset: its training data set.
        normalise: its ``model.normalise``.
        evaluations: what it is evaluated with, and what other runs of its group and data set are.
    """

    run: str
    point: str
    dataset: Plugin
    normalise: Any
    evaluations: tuple[Evaluation, ...]

    @cached_property
    def asked(self) -> Asked:
        """What a network has to take and to answer."""
        shape, classes = image_shape(self.dataset)
        kind = registry.literal("data", self.dataset.name, "kind", "classification")
        return Asked(shape, classes, kind == "segmentation")


def like(known: Index, runs: Sequence[str]) -> Like:
    """What the first of some runs is measured with; the others add evaluations to it.

    Raises:
        UserError: if its param-file has mistakes, or waits for a plug-in.
    """
    first, *others = runs
    entry = known.runs[first]
    if entry.broken:
        raise UserError(*entry.broken)
    its = read_run(paths.PARAM_FILES / f"{first}.yaml")
    point = its.points[0]
    data = settings_of_data(known, first, point.name)
    found = {one.alias: one for one in its.evaluations}
    for name in others:
        other = known.runs[name]
        if other.broken or other.group != entry.group:
            continue
        if settings_of_data(known, name, next(iter(other.points))) == data:
            for one in read_run(paths.PARAM_FILES / f"{name}.yaml").evaluations:
                found.setdefault(one.alias, one)
    normalise = getattr(point.model.params, "normalise", "none")
    return Like(first, point.name, point.dataset, normalise, tuple(found.values()))


class Measured:
    """A user's network under the evaluations of a run.

    Args:
        words: the function that makes it.
        weights: a file of weights for it; without one it stays as the function made it.
        its: what it is measured with.
        device: where.
        told: is told what is built.

    Raises:
        UserError: if the network cannot be made, does not take the weights or the images, or a
            data set lacks what it is built from.
    """

    def __init__(
        self, words: str, weights: Any, its: Like, device: torch.device, told: Told
    ) -> None:
        self.its, self.device = its, device
        network = own_network.build(words, its.asked)
        if weights is not None:
            take_over(network, read_weights(weights), str(weights))
        self.network = network.to(device)
        self._loaded: dict[tuple[str, str], Split] = {}
        self._told = told
        _build(its.dataset, told)
        example = next(iter(self._split(its.dataset, _a_split(its)).batches(_SHOWN)))
        images = to_unit(example.images.to(device))
        own_network.check(self._behind_normalisation(), words, images, its.asked)

    def _misfit(self, one: Evaluation) -> str | None:
        """Why a network without any history cannot be given to an evaluation; None if it can."""
        if one.of_run:
            return "it takes all seeds of a run together"
        if one.against is not None:
            return f"it measures against the seeds of another run, {one.against.run}"
        parts = {name for name, _ in self.network.named_modules()}
        if missing := sorted(registry.literal("evaluation", one.name, "NEEDS") - parts):
            return f"it needs {', '.join(missing)}, which the network does not have"
        called: set[str] = registry.literal("evaluation", one.name, "CALLS", set())
        if lacking := sorted(name for name in called if not hasattr(self.network, name)):
            return f"it calls {', '.join(lacking)}, which the network does not have"
        return None

    def rows(self, one: Evaluation) -> Rows:
        """The rows of the network under an evaluation, whose data set is built if need be.

        Raises:
            UserError: with the reason, if the evaluation cannot be computed for it.
        """
        if (reason := self._misfit(one)) is not None:
            raise UserError(reason)
        tested = one.dataset or self.its.dataset
        _build(tested, self._told)
        given = [self._split(tested, one.split)]
        if one.chooses_on is not None:
            given.append(self._split(self.its.dataset, one.chooses_on))
        needed: set[str] = registry.literal("evaluation", one.name, "NEEDS")
        networks = Networks(
            {SEED: self._behind_normalisation()}, self.device, part_names=sorted(needed)
        )
        try:
            found, _ = rows_of(one, networks, given)
        except (UserError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # it may be the network's, which is anything
            said = f"{type(error).__name__}: {error}".partition("\n")[0]
            raise UserError(f"it fails for this network ({said})") from error
        return found

    def _behind_normalisation(self) -> nn.Module:
        """The network as evaluations are given it: of images in 0..1."""
        its = self.its
        found = modelling.normalised(self.network, its.normalise, its.asked.image_shape[0])
        normalising.fit(found, self._statistics)
        return found.to(self.device).eval()

    def _statistics(self) -> tuple[torch.Tensor, torch.Tensor]:
        images: Any = self._split(self.its.dataset, "train")
        return normalising.statistics(images.images)

    def _split(self, dataset: Plugin, split: str) -> Split:
        key = repr(dataset), split
        if key not in self._loaded:
            self._loaded[key] = loading.load_split(dataset.name, dataset.params, split)
        return self._loaded[key]


def _a_split(its: Like) -> str:
    """A split of the training data set whose images are as large as those of training."""
    known = registry.splits(its.dataset.name, its.dataset.params)
    return "train" if "train" in known else known[0]


def _build(dataset: Plugin, told: Told) -> None:
    """Build a data set that is not there yet; files of its sources are fetched before.

    Raises:
        UserError: if a file of the user's is absent, or cannot be fetched.
    """
    key = dataset_key(dataset.params)
    if paths.manifest(dataset.name, key).is_file():
        return
    module = registry.load("data", dataset.name)
    fetched = getattr(module, "downloads", None)
    places = [
        paths.download(dataset.name, file) for file in (fetched(dataset.params) if fetched else ())
    ]
    for place in places:
        download.download(place.parent.name, place.name)
    digest = dataset_digest(dataset.name, dataset.params)
    built = build_dataset(dataset.name, dataset.params, digest)
    told.log(f"built {built}")
    told.record(("download", "build_dataset"), (*places, built, paths.preview(dataset.name, key)))


def evaluations_named(its: Like, table: str | None) -> Iterator[Evaluation]:
    """The evaluations asked for.

    Args:
        its: what there is.
        table: the one that is asked for, by the name of its table; all if left out.

    Raises:
        UserError: if there is none of that name.
    """
    known = {one.alias: one for one in its.evaluations}
    if table is not None and table not in known:
        raise UserError(f"{its.run} has no evaluation '{table}'{did_you_mean(table, known)}")
    yield from (one for alias, one in known.items() if table in (None, alias))
