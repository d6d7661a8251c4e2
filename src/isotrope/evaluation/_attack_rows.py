"""The rows of an attacked network: what is said of each attack at each eps."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from isotrope.attacks.by_name import most_shown
from isotrope.attacks.strength import BLACK_BOX, Name
from isotrope.evaluation._attacked import Plan, Results, marks
from isotrope.evaluation._intervals import wilson

Row = dict[str, Any]
MAJORITY = 0.5  # an image is right if it is recognised in more than this part of draws


class Found:
    """What was found of one network, image by image.

    Args:
        plan: what was done.
        results: of all images.

    Attributes:
        right: whether an image was right before any attack, bool ``(images,)``.
    """

    def __init__(self, plan: Plan, results: Results) -> None:
        self.plan, self._results = plan, results
        self.clean = results["clean"]
        self.right = self.clean > MAJORITY

    def kept(self, name: str, what: str, place: int = 0) -> Tensor:
        """One of `isotrope.evaluation._attacked.Results`, at an eps by its place."""
        return self._results[f"{name}.{what}"][place]

    def shares(self, name: str, place: int) -> Tensor:
        """In which part of draws images are recognised after an attack, ``(images,)``.

        Images that were never recognised are not attacked and have 0. For ``minimal_norm`` it is
        what an image has whose smallest change is within the eps, else what it had before.
        """
        if name == "all":
            return self._results["worst"][place]
        if name != "minimal_norm":
            return self._results[f"{name}.share"][place].nan_to_num(0.0)
        within = self.kept(name, "distortion") <= self.plan.every_eps[place]
        return self.kept(name, "share").where(within, self.clean)

    def stands(self, name: str, place: int) -> Tensor:
        """Which images that were right are right after an attack, bool ``(right images,)``."""
        return self.shares(name, place)[self.right] > MAJORITY

    def stand_all(self, names: Sequence[str], place: int) -> Tensor:
        """Which images that were right are so after each of some attacks."""
        return torch.stack([self.stands(name, place) for name in names]).all(dim=0)

    def steps(self, name: Name) -> int:
        """Steps of an attack; 0 where no image was attacked."""
        return int(self._results.get(f"{name}.steps", torch.tensor(0)))

    def trace(self, name: Name, place: int) -> Tensor:
        """What was fooled at each mark, bool ``(marks, right images)``."""
        return self._results[f"{name}.trace"][place][:, self.right]


def attack_rows(found: Found) -> Iterator[Row]:
    """The rows by attack and eps, without seed."""
    plan = found.plan
    norm = {"norm": plan.settings.norm}
    none = {"attack": "none", **norm, "eps": 0.0}
    yield from _accuracies(none, found.clean)
    yield row_of(none, "incorrect", float((~found.right).sum()), len(found.clean))
    for place, eps in enumerate(plan.bounds):
        for name in plan.names:
            at = {"attack": name, **norm, "eps": eps}
            yield from _accuracies(at, found.shares(name, place))
            yield from _success(at, found, name, place)
            yield from _distortion(at, found, name, place)
            if name != "minimal_norm":
                yield from _costs(at, found, name, place)
                yield from _by_step(at, found, name, place)
        if len(plan.names) > 1:
            at_worst = {"attack": "all", **norm, "eps": eps}
            yield from _accuracies(at_worst, found.shares("all", place))
            yield from _success(at_worst, found, "all", place)
    if plan.minimal:
        at = {"attack": "minimal_norm", **norm}
        yield row_of(at, "smallest_change", *_smallest_change(found))
        yield from _costs(at, found, "minimal_norm", 0)


def row_of(settings: Mapping[str, Any], metric: str, value: float, n: int) -> Row:
    """A row, without seed; of no images the value is nan."""
    return {**settings, "metric": metric, "value": value if n else float("nan"), "n": n}


def middle(values: Tensor) -> float:
    """The median; nan of nothing."""
    return values.quantile(0.5).item() if len(values) else float("nan")


def rows_with_interval(settings: Mapping[str, Any], metric: str, values: Tensor) -> Iterator[Row]:
    """The mean of numbers in 0..1 of images, and what bounds it."""
    count = len(values)
    mean = values.double().mean().item()
    low, high = wilson(mean, count)
    for suffix, value in (("", mean), ("_low", low), ("_high", high)):
        yield row_of(settings, f"{metric}{suffix}", value, count)


def _accuracies(settings: Mapping[str, Any], shares: Tensor) -> Iterator[Row]:
    yield from rows_with_interval(settings, "robust_accuracy", shares > MAJORITY)
    yield from rows_with_interval(settings, "expected_accuracy", shares)


def _success(settings: Mapping[str, Any], found: Found, name: str, place: int) -> Iterator[Row]:
    yield from rows_with_interval(settings, "success", ~found.stands(name, place))


def _distortion(settings: Mapping[str, Any], found: Found, name: Name, place: int) -> Iterator[Row]:
    """How far images are changed that were right and are not any more."""
    row = 0 if name == "minimal_norm" else place
    lengths = found.kept(name, "distortion", row)[found.right][~found.stands(name, place)]
    for metric, value in (("mean", lengths.mean()), ("median", middle(lengths))):
        yield row_of(settings, f"distortion_{metric}", float(value), len(lengths))


def _costs(settings: Mapping[str, Any], found: Found, name: Name, place: int) -> Iterator[Row]:
    """What an attack has asked, by image that was attacked."""
    queries = found.kept(name, "queries", place)
    queries = queries[~queries.isnan()]
    count = len(queries)
    yield row_of(settings, "queries_mean", queries.mean().item(), count)
    yield row_of(settings, "queries_median", middle(queries), count)
    passes = found.kept(name, "passes", place) / max(1, count)
    yield row_of(settings, "forwards", passes[0].item(), count)
    yield row_of(settings, "backwards", passes[1].item(), count)
    if name not in BLACK_BOX:
        zeros = found.kept(name, "zeros", place)
        zeros = zeros[~zeros.isnan()]
        yield row_of(settings, "zero_gradients", zeros.mean().item(), len(zeros))


def _by_step(settings: Mapping[str, Any], found: Found, name: Name, place: int) -> Iterator[Row]:
    """Successes that the attack saw, by its steps, and by the images that it showed."""
    count = int(found.right.sum())
    if name == "transfer" or not found.steps(name):  # it saw another network
        return
    for mark, fooled in zip(marks(found.steps(name)), found.trace(name, place), strict=True):
        yield row_of(
            {**settings, "iteration": mark}, "success", fooled.double().mean().item(), count
        )
    if name == "square" or name == "spsa":  # they are told by their questions
        queries = found.kept(name, "queries", place)[found.right]
        seen = found.kept(name, "seen", place)[found.right] > 0
        most = most_shown(name, found.plan.settings.strength, found.plan.stochastic)
        for mark in marks(most):
            part = ((queries <= mark) & seen).double().mean().item()
            yield row_of({**settings, "queries": mark}, "success", part, count)


def _smallest_change(found: Found) -> tuple[float, int]:
    """The median over all images that were right, if half of them were fooled."""
    fooled = found.kept("minimal_norm", "share")[found.right] <= MAJORITY
    lengths = found.kept("minimal_norm", "distortion")[found.right]
    lengths = lengths.where(fooled, torch.inf)
    if not len(lengths) or 2 * int(fooled.sum()) <= len(lengths):
        return float("nan"), 0
    return lengths.median().item(), len(lengths)
