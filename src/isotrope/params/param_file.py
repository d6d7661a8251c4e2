"""Param-files: from YAML to checked runs, or to every mistake with its file, line and column.

A param-file is ``param-files/<model>/<dataset>/<variant>.yaml``; that path without its ending is
the run's name. ``read_run`` checks one file, ``read_folder`` every file below a folder.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_args

from isotrope import paths, registry
from isotrope.errors import UserError, did_you_mean, in_one_line
from isotrope.mistakes import Complaint, Where, complaints_of, dotted
from isotrope.params import blocks
from isotrope.params.blocks import Plugin
from isotrope.params.envelope import Envelope
from isotrope.params.evaluations import (
    Evaluation,
    check_evaluations,
    evaluation_misfits,
    find_others,
)
from isotrope.params.fitting import network_misfits, select_misfits, training_misfits
from isotrope.params.networks import misfits
from isotrope.params.param_folder import find, name_of, place_mistake, read_text
from isotrope.params.points import (
    Parts,
    Point,
    is_own,
    place_in_sweep,
    points_of,
    select_complaints,
    sweep_complaints,
)
from isotrope.params.references import OtherRun, UnknownRunError
from isotrope.params.seed_sets import differing_images
from isotrope.params.start import CircleError, find_start
from isotrope.params.training import Training
from isotrope.params.yaml_marks import Marked, parse

T = TypeVar("T")

_LONGEST_CHAIN = 10  # runs of which each begins with the next
_LONGEST = 400, 1_800  # letters of a sentence, and of all sentences about one file


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
        known = [point.name for point in self.points]
        known += [paths.SELECTED] if self.envelope.select else []
        raise UserError(f"{self.name}: no point is called '{name}'; choose from {', '.join(known)}")


@dataclass(frozen=True)
class WaitingRun:
    """A param-file that cannot be checked yet: a plug-in that it names cannot be imported.

    ``reasons`` say which, one sentence each; what is known without it is ``envelope``.
    """

    name: str
    envelope: Envelope
    model: str
    dataset: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class ParamFiles:
    """All param-files below a folder, in the order of their names."""

    runs: list[Run]
    waiting: list[WaitingRun]


@dataclass(frozen=True)
class Tables:
    """The tables that a run has rows in: for each what is measured there, as plain values.

    Evaluations that are wrong are left out, and all of a run that does not say its ``group``.
    """

    path: str
    run: str
    group: str
    evaluations: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class CheckedFile:
    """What a param-file holds: the run, or why there is none.

    Args:
        path: the file.
        name: the run's name; the path of a file in a wrong place.
        run: the run, if nothing is wrong and it waits for nothing.
        sentences: what is wrong.
        waiting: what is known of a run that waits for a plug-in.
        group: whose tables it has rows in; empty if it does not say.
        evaluations: those without a mistake, whatever else is wrong.
        claims: the study and the series that it names, each empty if it does not say.
        content: all its values, if it is YAML without a mistake.
    """

    path: Path
    name: str
    run: Run | None
    sentences: list[str]
    waiting: WaitingRun | None = None
    group: str = ""
    evaluations: tuple[Evaluation, ...] = ()
    claims: tuple[str, str] = ("", "")
    content: Any = None

    @property
    def tables(self) -> Tables:
        """The tables that it has rows in."""
        tested = self.evaluations if self.group else ()
        found = {one.alias: Plugin(one.name, one.params).settings() for one in tested}
        return Tables(str(self.path), self.name, self.group, found)

    def waiting_for(self, reasons: Sequence[str]) -> "CheckedFile":
        """The same, of a run that turns out to wait for a plug-in only when its index is made."""
        if self.run is None:
            return self
        point = self.run.points[0]
        names = point.model.name, point.dataset.name
        waiting = WaitingRun(self.name, self.run.envelope, *names, tuple(reasons))
        return replace(self, run=None, waiting=waiting)


def read_run(path: Path, root: Path = paths.PARAM_FILES) -> Run:
    """Read and check one param-file.

    Raises:
        UserError: with every mistake of the file, one sentence each.
    """
    checked = check_file(path, root)
    if checked.run is None:
        raise UserError(*checked.sentences, *_reasons(checked.waiting))
    return checked.run


def _reasons(waiting: WaitingRun | None) -> Iterator[str]:
    """Why a run that was asked for by name cannot be had."""
    if waiting is not None:
        for reason in waiting.reasons:
            yield f"{waiting.name} waits for a broken plug-in to be mended: {reason}"


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

    Those that wait for a plug-in are left out.

    Raises:
        UserError: with every mistake of every file, one sentence each.
    """
    return read_folder(root).runs


def read_folder(root: Path = paths.PARAM_FILES) -> ParamFiles:
    """Read and check every param-file below ``root``, those that wait for a plug-in too.

    Raises:
        UserError: with every mistake of every file, one sentence each.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; run in the project's root")
    found = [check_file(path, root, misnamed) for path, misnamed in find(root).items()]
    sentences = [sentence for one in found for sentence in one.sentences]
    sentences += [sentence for _, sentence in ambiguous_tables([one.tables for one in found])]
    sentences += registry.doubled()
    if sentences:
        raise UserError(*sentences)
    return ParamFiles(
        [one.run for one in found if one.run is not None],
        [one.waiting for one in found if one.waiting is not None],
    )


def ambiguous_tables(
    found: Sequence[Tables], doubtful: Sequence[Tables] = ()
) -> Iterator[tuple[str, str]]:
    """The path of each file that gives a table of its group another meaning than most, and why.

    Args:
        found: the tables of runs.
        doubtful: those of files with mistakes, which decide nothing where others do.
    """
    meanings: dict[tuple[str, str], list[tuple[dict[str, Any], list[str]]]] = {}
    for run in found:
        for table, meaning in run.evaluations.items():
            known = meanings.setdefault((run.group, table), [])
            same = next((runs for one, runs in known if one == meaning), None)
            if same is None:
                known.append((meaning, [run.run]))
            else:
                same.append(run.run)
    usual = {key: max(known, key=lambda one: len(one[1])) for key, known in meanings.items()}
    for run in (*found, *doubtful):
        for table, meaning in run.evaluations.items():
            most, runs = usual.setdefault((run.group, table), (meaning, [run.run]))
            if most != meaning:
                yield (
                    run.path,
                    f"{run.path}: the table '{table}' of {run.group} is another evaluation in "
                    f"{runs[0]}, or has other settings there; tell them apart with 'as'",
                )


def check_file(
    path: Path,
    root: Path,
    misnamed: str = "",
    others: bool = True,
    chain: tuple[str, ...] | None = None,
    content: Any = None,
) -> CheckedFile:
    """What a file holds; one in a wrong place is read, too, for the mistakes inside.

    Args:
        path: the file.
        root: the folder of all param-files.
        misnamed: what is wrong with its name, if that is known.
        others: whether the runs that its evaluations name are looked at, too.
        chain: the runs of which each begins with the next, this one last.
        content: its values, where they are known; it is read then only if something is wrong.
    """
    registry.record_file(path)
    misplaced = misnamed or place_mistake(path, root)
    name = str(path) if misplaced else name_of(path, root)
    sentences = [misplaced] if misplaced else []
    try:
        marked = parse(read_text(path)) if content is None else Marked(content, {}, ())
    except UserError as error:
        return CheckedFile(path, name, None, _bounded(path, sentences or [*error.sentences]))
    sentences += [f"{path}:{m.line}:{m.column}: {m.what}" for m in marked.mistakes]
    if not isinstance(marked.value, dict):
        return CheckedFile(path, name, None, _bounded(path, sentences))
    checking = _Checking(name, marked.value, root, others, chain or (name,))
    run = checking.run()
    complaints = checking.complaints
    complaints += [] if misplaced else _model_elsewhere(name, marked.value.get("model"))
    if complaints and content is not None:
        marked = parse(read_text(path))  # for the places of all values
    sentences += located(str(path), marked, complaints)
    group = _group(marked.value)
    return CheckedFile(
        path,
        name,
        run=None if sentences else run,
        sentences=_bounded(path, sentences),
        waiting=None if sentences else checking.waiting(),
        group=group,
        evaluations=tuple(checking.evaluations),
        claims=_claims(marked.value),
        content=None if marked.mistakes else marked.value,
    )


def _bounded(path: Path, sentences: list[str]) -> list[str]:
    """The first sentences about a file, as many as one reads, and that there are more."""
    found: list[str] = []
    for sentence in sentences:
        found.append(in_one_line(sentence, _LONGEST[0]))
        if sum(map(len, found)) > _LONGEST[1]:
            return [*found[:-1], f"{path}: more mistakes; mend these first"]
    return found


def _group(raw: dict[str, Any]) -> str:
    """Whose tables a run belongs to, as ``RunEntry.group`` says; empty if it does not say."""
    study = raw.get("study")
    return paths.group_of(study, str(raw.get("series"))) if isinstance(study, str) else ""


def _claims(raw: dict[str, Any]) -> tuple[str, str]:
    """The study and the series that a file names; empty what it does not say, or misspells."""
    study, known = raw.get("study"), Envelope.model_fields["series"]
    series = raw.get("series", known.default)
    return (
        study if isinstance(study, str) else "",
        series if series in get_args(known.annotation) else "",
    )


def located(file: str, marked: Marked, complaints: list[Complaint]) -> list[str]:
    """Complaints as sentences with their file, line and column, in the order of the file.

    Of a value that could not be read, the parser has said why.
    """
    found = []
    for where, what in dict.fromkeys(complaints):
        if any(where[:depth] in marked.unread for depth in range(1, len(where) + 1)):
            continue
        line, column = marked.mark(where)
        found.append((line, column, f"{file}:{line}:{column}: {dotted(where)}{what}"))
    return [sentence for _, _, sentence in sorted(found)]


class _Checking:
    """The check of one param-file: every part by itself, so that no mistake hides another.

    What cannot be checked because a plug-in is broken is left out, and the run waits.

    Args:
        name: the run's name.
        raw: what the file holds.
        root: where other param-files lie.
        others: whether to look at those that its evaluations name.
        chain: the runs of which each begins with the next, this one last.
    """

    def __init__(
        self, name: str, raw: dict[str, Any], root: Path, others: bool, chain: tuple[str, ...]
    ) -> None:
        self.name, self.raw, self.root = name, raw, root
        self.others, self.chain = others, chain
        self.complaints: list[Complaint] = []
        self.evaluations: list[Evaluation] = []
        self.envelope: Envelope | None = None
        self._broken: list[str] = []
        self._read: dict[str, OtherRun | UnknownRunError] = {}

    def run(self) -> Run | None:
        """The run that ``raw`` describes, if nothing is wrong with it and nothing broken."""
        raw = self.raw
        self.envelope = self._part(lambda: complaints_of(Envelope, raw), None)
        if self._broken:  # an augmentation; the rest says what waits for it
            self.envelope, _ = complaints_of(Envelope, _without_augmentation(raw))
        # the envelope says what is wrong with it
        training = self._part(lambda: (complaints_of(Training, raw.get("training"))[0], []), None)
        dataset = self._plugin("data", "dataset")
        model = self._plugin("models", "model")
        self.evaluations = self._part(lambda: check_evaluations(raw.get("evaluations")), [])
        if self.others and self.envelope is not None:
            self._find_others(self.envelope.seeds)
        found = self.evaluations
        self._part(lambda: (None, misfits(dataset, model, is_own(raw))), None)
        self._part(lambda: (None, training_misfits(dataset, training)), None)
        self._part(lambda: (None, network_misfits(dataset, model, training)), None)
        self._part(lambda: (None, select_misfits(dataset, raw)), None)
        self._part(lambda: (None, evaluation_misfits(dataset, model, found)), None)
        self.complaints += [*sweep_complaints(raw), *select_complaints(raw)]
        base = Parts(dataset, model, training)
        nothing: list[Point] = []
        points = self._part(lambda: points_of(raw, base, found), nothing)
        if self.envelope is not None:
            seeds, drawn = self.envelope.seeds, points
            points = self._part(lambda: self._find_starts(drawn, seeds), nothing)
            datasets = [point.dataset for point in points]
            self._part(lambda: (None, differing_images(datasets, found, seeds)), None)
            if too_many := self.envelope.too_many_packs(len(points)):
                self.complaints.append((("seeds",), too_many))
        if self.envelope is None or not points or self._broken:
            return None
        return Run(self.name, self.envelope, tuple(points), tuple(found))

    def waiting(self) -> WaitingRun | None:
        """What is known of the run if it waits for a plug-in."""
        if self.envelope is None or not self._broken:
            return None
        model, dataset = (str(self.raw[block].get("name")) for block in ("model", "dataset"))
        reasons = tuple(dict.fromkeys(self._broken))
        return WaitingRun(self.name, self.envelope, model, dataset, reasons)

    def _find_others(self, seeds: list[int]) -> None:
        """Look at the runs that the evaluations name."""
        entries = self.evaluations

        def read(name: str) -> OtherRun:
            return self._once(f"beside {name}", name, (name,))

        self.evaluations = self._part(lambda: find_others(entries, seeds, read), entries)

    def _find_starts(
        self, points: list[Point], seeds: list[int]
    ) -> tuple[list[Point], list[Complaint]]:
        """The points with what their trainings begin with.

        Raises:
            CircleError: inside the chain of another run.
        """
        found: list[Point] = []
        complaints: list[Complaint] = []
        place: Where = ("training", "start_from")
        for point in points:
            named, start = point.training.start_from, None
            if named is not None:
                try:
                    start, wrong = find_start(named, seeds, place, self._behind)
                except CircleError as error:
                    if len(self.chain) > 1:
                        raise
                    wrong = [((*place, "run"), f": {error}")]
                complaints += ((place_in_sweep(self.raw, where), what) for where, what in wrong)
            found.append(replace(point, start=start))
        return found, complaints

    def _behind(self, name: str) -> OtherRun:
        """The run of that name, with which this one begins."""
        chain = (*self.chain, name)
        if name in self.chain:
            raise CircleError(f"no run may begin with itself, as here: {', '.join(chain)}")
        if len(chain) > _LONGEST_CHAIN:
            raise CircleError(
                f"more than {_LONGEST_CHAIN} runs, each of which begins with the next"
            )
        return self._once(f"behind {name}", name, chain)

    def _once(self, role: str, name: str, chain: tuple[str, ...]) -> OtherRun:
        """Another run, read once for all points and evaluations that name it."""
        if role not in self._read:
            try:
                self._read[role] = _other_run(name, self.root, chain)
            except UnknownRunError as error:
                self._read[role] = error
        found = self._read[role]
        if isinstance(found, UnknownRunError):
            raise found
        return found

    def _plugin(self, kind: str, block: str) -> Plugin | None:
        return self._part(lambda: blocks.check_plugin(kind, self.raw.get(block), (block,)), None)

    def _part(self, check: Callable[[], tuple[T, list[Complaint]]], broken: T) -> T:
        """What a check finds; ``broken`` if it needs a plug-in that is broken."""
        try:
            found, wrong = check()
        except registry.BrokenPluginError as error:
            self._broken += error.sentences
            return broken
        except Exception as error:
            if (fault := registry.fault_of(error)) is None:
                raise
            self._broken += fault.sentences
            return broken
        self.complaints += wrong
        return found


def _other_run(name: str, root: Path, chain: tuple[str, ...]) -> OtherRun:
    """A run that another one names; ``chain`` ends with its name.

    Raises:
        UnknownRunError: if there is no such param-file, or it has mistakes.
        BrokenPluginError: if it waits for a plug-in.
    """
    path = root / f"{name}.yaml"
    if place_mistake(path, root) or not path.is_file():
        known = [name_of(one, root) for one in find(root)]
        raise UnknownRunError(f"no param-file is called '{name}'{did_you_mean(name, known)}")
    checked = check_file(path, root, others=False, chain=chain)
    if checked.waiting is not None:
        raise registry.BrokenPluginError(*checked.waiting.reasons)
    if checked.run is None:
        raise UnknownRunError(f"{path} has mistakes of its own")
    envelope, points = checked.run.envelope, checked.run.points
    seeds = envelope.seeds if envelope.select is None else envelope.select.seeds
    return OtherRun({point.name: point for point in points}, seeds)


def _without_augmentation(raw: dict[str, Any]) -> dict[str, Any]:
    training = {key: value for key, value in raw["training"].items() if key != "augmentation"}
    return {**raw, "training": training}


def _model_elsewhere(name: str, block: Any) -> Iterator[Complaint]:
    """Whether a run of one model lies in the folder of another."""
    folder = name.partition("/")[0]
    model = block.get("name") if isinstance(block, dict) else None
    if model in registry.names("models") and model != folder:
        what = f": '{model}', but the file lies in the folder '{folder}'; move it"
        yield ("model", "name"), what
