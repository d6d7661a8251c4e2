"""Param-files: from YAML to checked runs, or to every mistake with its file, line and column.

A param-file is ``param-files/<model>/<dataset>/<variant>.yaml``; that path without its ending is
the run's name. ``read_run`` checks one file, ``read_all`` every file below a folder.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isotrope import blocks, paths
from isotrope.blocks import Evaluation, Plugin
from isotrope.envelope import Envelope
from isotrope.errors import UserError
from isotrope.mistakes import Complaint, complaints_of, dotted
from isotrope.points import Point, fit_complaints, points_of, sweep_complaints
from isotrope.yaml_marks import Marked, parse

_SHAPE = "<model>/<dataset>/<variant>.yaml"
_PART = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")


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

    @property
    def seeds_to_train(self) -> int:
        """How many trainings it takes, all points together."""
        seeds, select = len(self.envelope.seeds), self.envelope.select
        if select is None:
            return len(self.points) * seeds
        return (len(self.points) - 1) * len(select.seeds) + seeds

    def point(self, name: str) -> Point:
        """The point of that name.

        Raises:
            UserError: if the run has none.
        """
        for point in self.points:
            if point.name == name:
                return point
        known = [point.name for point in self.points]
        known += [paths.SELECTED] if self.envelope.select else []
        raise UserError(f"{self.name}: no point is called '{name}'; choose from {', '.join(known)}")


def read_run(path: Path, root: Path = paths.PARAM_FILES) -> Run:
    """Read and check one param-file.

    Raises:
        UserError: with every mistake of the file, one sentence each.
    """
    run, sentences = _read(path, root)
    if run is None:
        raise UserError(*sentences)
    return run


def read_each(files: list[Path]) -> list[Run]:
    """Read and check the param-files that are named.

    Raises:
        UserError: with every mistake of every file, one sentence each.
    """
    runs: list[Run] = []
    sentences: list[str] = []
    for path in files:
        try:
            runs.append(read_run(path))
        except UserError as error:
            sentences += error.sentences
    if sentences:
        raise UserError(*sentences)
    return runs


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


def name_of(path: Path, root: Path = paths.PARAM_FILES) -> str:
    """The name of the run whose param-file lies at ``path``.

    Raises:
        UserError: if it does not lie below ``root``.
    """
    try:
        return path.resolve().relative_to(root.resolve()).with_suffix("").as_posix()
    except ValueError as error:
        raise UserError(f"{path}: a param-file lies at {root}/{_SHAPE}") from error


def _place_mistake(path: Path, root: Path) -> str | None:
    shape = f"{root}/{_SHAPE}"
    try:
        parts = name_of(path, root).split("/")
    except UserError as error:
        return error.sentences[0]
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
    run, complaints = _check(name_of(path, root), marked.value)
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
    if envelope:
        complaints += sweep_complaints(raw, envelope)
    if not (envelope and dataset and model):
        return None, complaints
    base = Point("base", dataset, model, envelope.training)
    complaints += fit_complaints(base, evaluations)
    points, wrong = points_of(raw, envelope, base, evaluations)
    complaints += wrong
    return Run(name, envelope, tuple(points), tuple(evaluations)), complaints
