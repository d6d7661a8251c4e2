"""The points of a run: every combination of its sweep's values, each checked as if written out."""

import itertools
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from isotrope.digests import training_digest
from isotrope.mistakes import MOST as MOST_SAID
from isotrope.mistakes import Complaint, Where, complaints_of, dotted
from isotrope.params import blocks
from isotrope.params.augmentation import KIND
from isotrope.params.blocks import Plugin
from isotrope.params.evaluations import Evaluation, evaluation_misfits
from isotrope.params.fitting import network_misfits, training_misfits
from isotrope.params.networks import misfits
from isotrope.params.plugin_names import named
from isotrope.params.seeds import listed, valid_seeds
from isotrope.params.start import Start
from isotrope.params.training import Training

MOST = 1_000  # points of a run
MOST_TESTED = 5_000  # evaluations of all points together
LONGEST_POINT = 100  # letters of a point's name: see param_folder.LONGEST_RUN
_MOST_KEYS = 20
_WORD = re.compile(r"[A-Za-z0-9_.+-]+")


@dataclass(frozen=True)
class Point:
    """One setting of a run's sweep, or the run itself (``base``)."""

    name: str
    dataset: Plugin
    model: Plugin
    training: Training
    start: Start | None = None

    @property
    def digest(self) -> str:
        """The training digest: what a trained seed of this point depends on."""
        return training_digest(
            (self.dataset.name, self.dataset.params),
            (self.model.name, self.model.params),
            self.training.digested(),
            self.start.content() if self.start else None,
        )

    @property
    def datasets(self) -> tuple[Plugin, ...]:
        """The data sets whose files its weights depend on, its own first."""
        return (self.dataset, *(self.start.datasets if self.start else ()))

    @property
    def tested_plugins(self) -> tuple[str, ...]:
        """Data set and model, on which what is measured of a trained network depends."""
        return (*named("data", self.dataset), *named("models", self.model))

    @property
    def plugins(self) -> tuple[str, ...]:
        """The plug-ins whose code its weights depend on, as in ``models/cnn``."""
        altered = (name for one in self.training.augmentation for name in named(KIND, one))
        behind = self.start.plugins if self.start else ()
        return tuple(dict.fromkeys([*self.tested_plugins, *altered, *behind]))

    @property
    def files(self) -> tuple[str, ...]:
        """The user's files that its weights depend on besides, below ``$ISOTROPE_DATA``."""
        return self.start.files if self.start else ()

    def settings(self) -> dict[str, Any]:
        """The blocks ``dataset``, ``model`` and ``training`` as plain values, defaults included."""
        return {
            "dataset": self.dataset.settings(),
            "model": self.model.settings(),
            "training": self.training.model_dump(mode="json"),
        }


class Parts(NamedTuple):
    """The blocks of a param-file that make a point, each None where it has a mistake."""

    dataset: Plugin | None
    model: Plugin | None
    training: Training | None

    def point(self, name: str) -> Point | None:
        """The point of that name, if no part is wrong."""
        if self.dataset and self.model and self.training:
            training = self.training.on_dataset(self.dataset.name)
            return Point(name, self.dataset, self.model, training)
        return None


def is_own(raw: dict[str, Any]) -> bool:
    """Whether a param-file is of the series ``own``, as those are that say nothing of it."""
    series: Any = raw.get("series", "own")
    return bool(series == "own")


def sweep_complaints(raw: dict[str, Any]) -> list[Complaint]:
    """What is wrong with ``sweep`` whatever the blocks are that it changes."""
    sweep = _lists(raw)
    if too_large := _too_large(sweep, raw.get("evaluations")):
        return [(("sweep",), too_large)]
    return [
        *_key_complaints(sweep),
        *_value_complaints(sweep),
        *_places_without_settings(raw, sweep),
    ]


def points_of(
    raw: dict[str, Any], base: Parts, evaluations: list[Evaluation]
) -> tuple[list[Point], list[Complaint]]:
    """Every combination of the sweep's values, or what is wrong with it.

    Keys and values that ``sweep_complaints`` refuses are passed over, so that the mistakes in all
    others are found too. In a block that is wrong without the sweep, only swept values are checked.
    """
    if _too_large(_lists(raw), raw.get("evaluations")):
        return [], []
    sweep = _sound(raw, _lists(raw))
    if not sweep:
        point = base.point("base")
        return [point] if point else [], []
    keys = sorted(sweep)
    last_parts = [key.rpartition(".")[2] for key in keys]
    short = [
        last if last_parts.count(last) == 1 else k for k, last in zip(keys, last_parts, strict=True)
    ]
    points = []
    complaints: list[Complaint] = []
    wrong_already = [block for block, checked in base._asdict().items() if checked is None]
    for combination in itertools.product(*(sweep[key] for key in keys)):
        changed = deepcopy(raw)
        for key, value in zip(keys, combination, strict=True):
            _assign(changed, key, value)
        parts, wrong = _swept(changed, evaluations)
        complaints += [
            (_swept_place(where, keys), what)
            for where, what in wrong
            if where[0] not in wrong_already or dotted(where) in keys
        ]
        if len(complaints) > MOST_SAID:
            break
        if point := parts.point(""):
            flat = flatten(point.settings())
            name = ",".join(f"{s}={flat[k]}" for s, k in zip(short, keys, strict=True))
            points.append(replace(point, name=name))
    return points, complaints + _name_complaints(points)


def _name_complaints(points: list[Point]) -> list[Complaint]:
    """Points whose folders cannot be, or cannot be told apart."""
    names = [point.name for point in points]
    if len(longest := max(names, key=len, default="")) > LONGEST_POINT:
        what = f": {len(longest)} letters in the name of a point; {LONGEST_POINT} at most"
        return [(("sweep",), f"{what}, take shorter words or fewer keys")]
    folders = Counter(name.lower() for name in names)
    if twice := next((name for name in names if folders[name.lower()] > 1), None):
        return [(("sweep",), f": two points would have the folder '{twice}'; leave one out")]
    return []


def _too_large(sweep: dict[str, list[Any]], evaluations: Any) -> str:
    """Why a sweep has more points than can be planned, if so."""
    points = math.prod(len(values) for values in sweep.values() if values)
    if points > MOST:
        return f": {points} points; a run has {MOST} at most, write several runs"
    tested = len(evaluations) if isinstance(evaluations, list) else 0
    if len(sweep) and points * tested > MOST_TESTED:
        what = f": {points} points, each under {tested} evaluations, are {points * tested} results"
        return f"{what}; a run has {MOST_TESTED} at most, write several runs"
    if len(sweep) > _MOST_KEYS:
        return f": {len(sweep)} keys; a sweep has {_MOST_KEYS} at most"
    return ""


def _swept(raw: dict[str, Any], evaluations: list[Evaluation]) -> tuple[Parts, list[Complaint]]:
    """The parts of one combination of values, and what is wrong with them."""
    training, wrong = complaints_of(Training, raw.get("training"), ("training",))
    dataset, also = blocks.check_plugin("data", raw.get("dataset"), ("dataset",))
    model, too = blocks.check_plugin("models", raw.get("model"), ("model",))
    found = misfits(dataset, model, is_own(raw)) + training_misfits(dataset, training)
    found += network_misfits(dataset, model, training)
    found += evaluation_misfits(dataset, model, evaluations)
    return Parts(dataset, model, training), wrong + also + too + found


def _swept_place(where: Where, keys: list[str]) -> Where:
    """The sweep's key that set the value at ``where``, or else ``sweep`` as a whole."""
    name = dotted(where)
    return ("sweep", name) if name in keys else ("sweep",)


def place_in_sweep(raw: dict[str, Any], where: Where) -> Where:
    """The sweep's key that sets the value at ``where``, or else the place itself."""
    name = dotted(where)
    return ("sweep", name) if name in _lists(raw) else where


def _lists(raw: dict[str, Any]) -> dict[str, list[Any]]:
    """The keys of a sweep that have a list of values; the envelope names the others."""
    sweep = raw.get("sweep")
    items = sweep.items() if isinstance(sweep, dict) else ()
    return {
        key: values for key, values in items if isinstance(key, str) and isinstance(values, list)
    }


def _sound(raw: dict[str, Any], sweep: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The keys and values of a sweep that can be tried."""
    wrong = {where for where, _ in sweep_complaints(raw)}
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
            if isinstance(value, dict | list | None) or not _WORD.fullmatch(str(value)):
                what = f": {value!r} cannot name a folder; use a number or a word"
                yield ("sweep", key, i), what


def _places_without_settings(
    raw: dict[str, Any], sweep: dict[str, list[Any]]
) -> Iterator[Complaint]:
    for key in sweep:
        if part := _assign(deepcopy(raw), key, None):
            yield ("sweep", key), f": '{part}' holds no settings"


def select_complaints(raw: dict[str, Any]) -> Iterator[Complaint]:
    """Where ``select`` does not go together with the sweep and the seeds of its run."""
    select = raw.get("select")
    if select is None:
        return
    if not raw.get("sweep"):
        yield ("select",), ": there is no sweep to select from; add `sweep`, or leave this out"
    chosen = valid_seeds(select.get("seeds")) if isinstance(select, dict) else None
    seeds = valid_seeds(raw.get("seeds"))
    if chosen and seeds and (strange := sorted(set(chosen) - set(seeds))):
        stand = "stands" if len(strange) == 1 else "stand"
        what = f": {listed(strange)} {stand} not among the run's seeds; choose from `seeds`"
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


def parameters(settings: dict[str, Any]) -> dict[str, Any]:
    """Every scalar setting by its dotted key; lists as JSON."""
    return {k: json.dumps(v) if isinstance(v, list) else v for k, v in flatten(settings).items()}
