"""The points of a run: every combination of its sweep's values, each checked as if written out."""

import itertools
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from isotrope import blocks
from isotrope.blocks import Evaluation, Plugin
from isotrope.digests import training_digest
from isotrope.envelope import Envelope, Training
from isotrope.mistakes import Complaint, Where, complaints_of

_WORD = re.compile(r"^[A-Za-z0-9_.+-]+$")


@dataclass(frozen=True)
class Point:
    """One setting of a run's sweep, or the run itself (``base``)."""

    name: str
    dataset: Plugin
    model: Plugin
    training: Training

    @property
    def digest(self) -> str:
        """The training digest: what a trained seed of this point depends on."""
        return training_digest(
            (self.dataset.name, self.dataset.params),
            (self.model.name, self.model.params),
            self.training,
        )

    def settings(self) -> dict[str, Any]:
        """The blocks ``dataset``, ``model`` and ``training`` as plain values, defaults included."""
        return {
            "dataset": self.dataset.settings(),
            "model": self.model.settings(),
            "training": self.training.model_dump(mode="json"),
        }


def fit_complaints(point: Point, evaluations: list[Evaluation]) -> list[Complaint]:
    """Where the data set, the model and the evaluations of a point do not go together."""
    complaints = blocks.model_misfit(point.model, point.dataset)
    for evaluation in evaluations:
        complaints += blocks.evaluation_misfit(evaluation, point.model, point.dataset)
    return complaints


def sweep_complaints(raw: dict[str, Any], envelope: Envelope) -> list[Complaint]:
    """What is wrong with ``sweep`` and ``select`` whatever the blocks are that they change."""
    return [
        *_key_complaints(envelope.sweep),
        *_value_complaints(envelope.sweep),
        *_places_without_settings(raw, envelope.sweep),
        *_select_complaints(envelope),
    ]


def points_of(
    raw: dict[str, Any], envelope: Envelope, base: Point, evaluations: list[Evaluation]
) -> tuple[list[Point], list[Complaint]]:
    """Every combination of the sweep's values, or what is wrong with it.

    Keys and values that ``sweep_complaints`` refuses are passed over, so that the mistakes in all
    others are found too.
    """
    sweep = _sound(raw, envelope.sweep)
    if not sweep:
        return [base], []
    keys = sorted(sweep)
    last_parts = [key.rpartition(".")[2] for key in keys]
    short = [
        last if last_parts.count(last) == 1 else k for k, last in zip(keys, last_parts, strict=True)
    ]
    points = []
    complaints: list[Complaint] = []
    for combination in itertools.product(*(sweep[key] for key in keys)):
        changed = deepcopy(raw)
        for key, value in zip(keys, combination, strict=True):
            _assign(changed, key, value)
        point, wrong = _swept_point(changed, keys, evaluations)
        complaints += wrong
        if point is not None:
            flat = flatten(point.settings())
            name = ",".join(f"{s}={flat[k]}" for s, k in zip(short, keys, strict=True))
            points.append(Point(name, point.dataset, point.model, point.training))
    return points, complaints


def _swept_point(
    raw: dict[str, Any], keys: list[str], evaluations: list[Evaluation]
) -> tuple[Point | None, list[Complaint]]:
    training, wrong = complaints_of(Training, raw["training"], ("training",))
    dataset, also = blocks.check_plugin("data", raw["dataset"], ("dataset",))
    model, too = blocks.check_plugin("models", raw["model"], ("model",))
    complaints = wrong + also + too
    point = None
    if training and dataset and model:
        point = Point("base", dataset, model, training)
        complaints += fit_complaints(point, evaluations)
    return point, [(_swept_place(where, keys), what) for where, what in complaints]


def _swept_place(where: Where, keys: list[str]) -> Where:
    """The sweep's key that set the value at ``where``, or else ``sweep`` as a whole."""
    name = ".".join(str(part) for part in where)
    return ("sweep", name) if name in keys else ("sweep",)


def _sound(raw: dict[str, Any], sweep: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The keys and values of a sweep that can be tried."""
    wrong = {where for where, _ in _value_complaints(sweep)}
    wrong |= {where for where, _ in _key_complaints(sweep)}
    wrong |= {where for where, _ in _places_without_settings(raw, sweep)}
    kept = {
        key: [value for i, value in enumerate(values) if ("sweep", key, i) not in wrong]
        for key, values in sweep.items()
        if ("sweep", key) not in wrong
    }
    return {key: values for key, values in kept.items() if values}


def _key_complaints(sweep: dict[str, list[Any]]) -> Iterator[Complaint]:
    for key, values in sweep.items():
        where: Where = ("sweep", key)
        top, dot, _ = key.partition(".")
        if not dot or top not in ("dataset", "model", "training") or key.endswith(".name"):
            yield where, ": sweep a setting below dataset, model or training, no name"
        if not values or any(value in values[:i] for i, value in enumerate(values)):
            yield where, ": needs at least one value, and each once only"


def _value_complaints(sweep: dict[str, list[Any]]) -> Iterator[Complaint]:
    for key, values in sweep.items():
        for i, value in enumerate(values):
            if isinstance(value, dict | list | None) or not _WORD.match(str(value)):
                what = f": {value!r} cannot name a folder; use a number or a word"
                yield ("sweep", key, i), what


def _places_without_settings(
    raw: dict[str, Any], sweep: dict[str, list[Any]]
) -> Iterator[Complaint]:
    for key in sweep:
        if part := _assign(deepcopy(raw), key, None):
            yield ("sweep", key), f": '{part}' holds no settings"


def _select_complaints(envelope: Envelope) -> Iterator[Complaint]:
    select = envelope.select
    if select is None:
        return
    if not envelope.sweep:
        yield ("select",), ": there is no sweep to select from; add `sweep`, or leave this out"
    if strange := sorted(set(select.seeds) - set(envelope.seeds)):
        listed = ", ".join(str(seed) for seed in strange)
        what = f": {listed} stands not among the run's seeds; choose from `seeds`"
        yield ("select", "seeds"), what


def _assign(raw: dict[str, Any], key: str, value: Any) -> str | None:
    """Set a dotted key; the part of it that is no block, if one is in the way."""
    *blocks_above, last = key.split(".")
    for part in blocks_above:
        if raw.get(part) is None:
            raw[part] = {}
        if not isinstance(raw[part], dict):
            return part
        raw = raw[part]
    raw[last] = value
    return None


def flatten(settings: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Nested settings as one level of dotted keys, in their order."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{above}{key}.")
        else:
            flat[f"{above}{key}"] = value
    return flat
