"""Param-files: from YAML to checked runs, or to every mistake with its file, line and column.

A param-file is ``param-files/<model>/<dataset>/<variant>.yaml``; that path without its ending is
the run's name. ``read_run`` checks one file, ``read_all`` every file below a folder.
"""

import itertools
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isotrope import blocks, paths
from isotrope.blocks import Evaluation, Plugin
from isotrope.digests import training_digest
from isotrope.envelope import Envelope, Training
from isotrope.errors import UserError
from isotrope.mistakes import Complaint, Where, complaints_of, dotted
from isotrope.yaml_marks import Marked, parse

_PART = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
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


@dataclass(frozen=True)
class Run:
    """A param-file whose every word was checked."""

    name: str
    envelope: Envelope
    points: tuple[Point, ...]
    evaluations: tuple[Evaluation, ...]

    @property
    def label(self) -> str:
        """The run's name in legends."""
        return self.envelope.label or self.points[0].model.name

    def point(self, name: str) -> Point:
        """The point of that name.

        Raises:
            UserError: if the run has none.
        """
        for point in self.points:
            if point.name == name:
                return point
        known = ", ".join(point.name for point in self.points)
        raise UserError(f"{self.name}: no point is called '{name}'; choose from {known}")


def read_run(path: Path, root: Path = paths.PARAM_FILES) -> Run:
    """Read and check one param-file.

    Raises:
        UserError: with every mistake of the file, one sentence each.
    """
    run, sentences = _read(path, root)
    if run is None:
        raise UserError(*sentences)
    return run


def read_all(root: Path = paths.PARAM_FILES) -> list[Run]:
    """Read and check every param-file below ``root``, in the order of their names.

    Raises:
        UserError: with every mistake of every file, one sentence each.
    """
    files, sentences = find(root)
    runs = []
    for path in files:
        run, wrong = _read(path, root)
        sentences += wrong
        if run is not None:
            runs.append(run)
    sentences += _ambiguous_tables(runs)
    if sentences:
        raise UserError(*sentences)
    return runs


def _ambiguous_tables(runs: list[Run]) -> Iterator[str]:
    """A sentence for each run that gives a table of its group another meaning."""
    meanings: dict[tuple[str, str], tuple[str, Plugin]] = {}
    for run in runs:
        group = "demo" if run.envelope.series == "demo" else run.envelope.study
        for one in run.evaluations:
            meaning = Plugin(one.name, one.params)
            first, known = meanings.setdefault((group, one.alias), (run.name, meaning))
            if known != meaning:
                yield (
                    f"{paths.PARAM_FILES}/{run.name}.yaml: the table '{one.alias}' of {group} is "
                    f"another evaluation in {first}, or has other settings there; tell them apart "
                    "with 'as'"
                )


def find(root: Path = paths.PARAM_FILES) -> tuple[list[Path], list[str]]:
    """The param-files below ``root``, and a sentence for each that has a wrong place or name."""
    if not root.is_dir():
        return [], [f"{root}: no such folder; run in the project's root"]
    candidates = sorted(p for p in root.rglob("*") if p.suffix.lower() in (".yaml", ".yml"))
    files: list[Path] = []
    wrong: list[str] = []
    seen: dict[str, Path] = {}
    for path in candidates:
        if any(part.startswith(".") for part in path.relative_to(root).parts):
            continue  # an editor's hidden copy
        first = seen.setdefault(str(path.with_suffix("")).lower(), path)
        if first != path:
            wrong.append(
                f"{path}: its name differs from {first} in case or ending only; rename one"
            )
        elif path.suffix != ".yaml":
            wrong.append(f"{path}: the name of a param-file ends in .yaml; rename it")
        else:
            files.append(path)
    return files, wrong


def _place_mistake(path: Path, root: Path) -> str | None:
    shape = f"{root}/<model>/<dataset>/<variant>.yaml"
    try:
        parts = path.resolve().relative_to(root.resolve()).with_suffix("").parts
    except ValueError:
        return f"{path}: a param-file lies at {shape}"
    if len(parts) != 3 or path.suffix != ".yaml":
        return f"{path}: a param-file lies at {shape}; move it"
    for part in parts:
        if not _PART.match(part):
            return f"{path}: '{part}' in its path; use letters, digits, '_', '-' and '.' only"
    return None


def _read(path: Path, root: Path) -> tuple[Run | None, list[str]]:
    misplaced = _place_mistake(path, root)
    if misplaced:
        return None, [misplaced]
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        return None, [f"{path}: cannot be read: {error.strerror}"]
    except UnicodeDecodeError:
        return None, [f"{path}: not UTF-8 text"]
    marked = parse(text)
    where = f"{path}"
    sentences = [f"{where}:{m.line}:{m.column}: {m.what}" for m in marked.mistakes]
    if not isinstance(marked.value, dict):
        return None, sentences
    name = "/".join(path.resolve().relative_to(root.resolve()).with_suffix("").parts)
    run, complaints = _check(name, marked.value)
    sentences += _located(where, marked, complaints)
    return (None, sentences) if sentences else (run, [])


def _located(file: str, marked: Marked, complaints: list[Complaint]) -> list[str]:
    found = []
    for where, what in dict.fromkeys(complaints):
        line, column = marked.mark(where)
        found.append((line, column, f"{file}:{line}:{column}: {dotted(where)}{what}"))
    return [sentence for _, _, sentence in sorted(found)]


def _check(name: str, raw: dict[str, Any]) -> tuple[Run | None, list[Complaint]]:
    """The run that ``raw`` describes, or what is wrong with it."""
    envelope, complaints = complaints_of(Envelope, raw)
    dataset, wrong = blocks.check_plugin("data", raw.get("dataset"), ("dataset",))
    complaints += wrong
    model, wrong = blocks.check_plugin("models", raw.get("model"), ("model",))
    complaints += wrong
    if model and model.name != name.partition("/")[0]:
        what = (
            f"'{model.name}', but the file lies in the folder '{name.partition('/')[0]}'; move it"
        )
        complaints.append((("model", "name"), f": {what}"))
    evaluations, wrong = blocks.check_evaluations(raw.get("evaluations"))
    complaints += wrong
    if not (envelope and dataset and model):
        return None, complaints
    base = Point("base", dataset, model, envelope.training)
    complaints += _fit_complaints(base, evaluations)
    points, wrong = _points(raw, envelope, base, evaluations)
    complaints += wrong
    return Run(name, envelope, tuple(points), tuple(evaluations)), complaints


def _fit_complaints(point: Point, evaluations: list[Evaluation]) -> list[Complaint]:
    """Where the data set, the model and the evaluations of a point do not go together."""
    complaints = blocks.model_misfit(point.model, point.dataset)
    for evaluation in evaluations:
        complaints += blocks.evaluation_misfit(evaluation, point.model, point.dataset)
    return complaints


def _points(
    raw: dict[str, Any], envelope: Envelope, base: Point, evaluations: list[Evaluation]
) -> tuple[list[Point], list[Complaint]]:
    """Every combination of the sweep's values, each checked as if it were written out."""
    if not envelope.sweep:
        return [base], []
    complaints = list(_sweep_complaints(envelope.sweep))
    if complaints:
        return [], complaints
    keys = sorted(envelope.sweep)
    last_parts = [key.rpartition(".")[2] for key in keys]
    short = [
        last if last_parts.count(last) == 1 else k for k, last in zip(keys, last_parts, strict=True)
    ]
    points = []
    for combination in itertools.product(*(envelope.sweep[key] for key in keys)):
        changed = deepcopy(raw)
        unknown: list[Complaint] = [
            (("sweep", key), f": '{part}' holds no settings")
            for key, value in zip(keys, combination, strict=True)
            if (part := _assign(changed, key, value))
        ]
        if unknown:
            return [], unknown
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
        complaints += _fit_complaints(point, evaluations)
    return point, [(_swept_place(where, keys), what) for where, what in complaints]


def _swept_place(where: Where, keys: list[str]) -> Where:
    """The sweep's key that set the value at ``where``, or else ``sweep`` as a whole."""
    name = ".".join(str(part) for part in where)
    return ("sweep", name) if name in keys else ("sweep",)


def _sweep_complaints(sweep: dict[str, list[Any]]) -> Iterator[Complaint]:
    for key, values in sweep.items():
        where: Where = ("sweep", key)
        top, dot, _ = key.partition(".")
        if not dot or top not in ("dataset", "model", "training") or key.endswith(".name"):
            yield where, ": sweep a setting below dataset, model or training, no name"
        if not values or len({str(value) for value in values}) != len(values):
            yield where, ": needs at least one value, and each once only"
        for i, value in enumerate(values):
            if isinstance(value, dict | list | None) or not _WORD.match(str(value)):
                yield (*where, i), f": {value!r} cannot name a folder; use a number or a word"


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
