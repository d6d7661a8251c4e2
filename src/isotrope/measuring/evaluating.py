"""All evaluations of a pack in one process; what is known already is not computed again.

The rows of a seed under an evaluation lie in a file of their own, named by the evaluation's digest;
``results.csv`` of the pack is put together from them. An evaluation that says ``ARRAYS = True``
gives arrays beside its rows; they lie in an npz file of the same name, whose checksum is in the
last line of the rows. A diverged seed is not evaluated.
"""

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from isotrope import devices, paths, registry
from isotrope.datasets import loading
from isotrope.datasets.images import Images
from isotrope.errors import UserError
from isotrope.files import disk
from isotrope.files.arrays import Array, write_arrays
from isotrope.measuring.networks import Networks, read_run
from isotrope.packs import lease
from isotrope.settings import Settings

RESULTS = "results.csv"
_FIRST, _LAST = ("evaluation", "run", "point", "seed"), ("metric", "value", "n")
_END = "# end of the table, sha256 "

Row = dict[str, str]


@dataclass(frozen=True)
class Evaluation:
    """One measure, as a param-file asks for it.

    Args:
        name: the evaluation's name.
        label: the name under which its results are listed (``as`` in a param-file).
        params: its settings.
        digest: stands for everything that its results depend on.
        dataset_name: the data set that it is given, the training's or another.
        dataset_params: that data set's settings.
    """

    name: str
    label: str
    params: Settings
    digest: str
    dataset_name: str
    dataset_params: Settings

    @property
    def arrays(self) -> bool:
        """Whether it gives arrays beside its rows."""
        return bool(registry.literal("evaluation", self.name, "ARRAYS", False))


@dataclass(frozen=True)
class EvaluationTask:
    """What a job evaluates.

    Args:
        run: the run's name, ``<model>/<dataset>/<variant>``.
        point: the point of its sweep, ``base`` without one.
        pack: the pack's name, ``<first seed>-<last seed>``.
        seeds: the seeds wanted of it.
        training_digest: the digest of the param-file's training as it is now.
        evaluations: the measures, in the order of the results.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: CPU threads of one operation.
        selected: whether the pack's files stand for the chosen point of a sweep; what is computed
            is kept with the point's own.
    """

    run: str
    point: str
    pack: str
    seeds: Sequence[int]
    training_digest: str
    evaluations: Sequence[Evaluation]
    device: devices.DeviceName = "auto"
    threads: int = 1
    selected: bool = False

    @property
    def folder(self) -> Path:
        """The folder of the pack's files."""
        place = paths.SELECTED if self.selected else self.point
        return paths.pack_folder(self.run, place, self.pack)

    def known(self, evaluation: Evaluation, seed: int) -> Path:
        """The file of one seed's rows under one evaluation."""
        return paths.finished_evaluation(
            self.run, self.point, evaluation.name, evaluation.digest, seed
        )


def evaluate_pack(task: EvaluationTask, log: Callable[[str], None]) -> None:
    """Compute what is missing, and write the pack's ``results.csv``.

    Waits while another process is at work on the pack, or evaluates one of its seeds.

    Raises:
        UserError: if the pack's files are absent, damaged or of another training, the device or
            the data are not there, or a file cannot be written.
    """
    title = f"the evaluation of {task.run}, {task.point}, seeds {task.pack}"
    known = (task.known(evaluation, seed) for evaluation in task.evaluations for seed in task.seeds)
    lease.hold(task.run, title, [task.folder, *known], partial(_evaluate_pack, task, log), log)


def _evaluate_pack(task: EvaluationTask, log: Callable[[str], None]) -> None:
    """What ``evaluate_pack`` says, while no other process is at work on the same."""
    run = read_run(task.folder)
    if run["training_digest"] != task.training_digest:
        raise UserError(
            f"{task.folder} was trained with settings of digest {run['training_digest']}, the "
            f"param-file of {task.run} now has {task.training_digest}; run `snakemake runs` to "
            "retrain, or restore the param-file"
        )
    status = {int(one["seed"]): one["status"] for one in run["seeds"]}
    if absent := [seed for seed in task.seeds if seed not in status]:
        raise UserError(
            f"{task.folder} holds no seed {', '.join(map(str, absent))}; "
            "run `snakemake runs` to train it"
        )
    seeds = [seed for seed in task.seeds if status[seed] != "diverged"]
    for seed in sorted(set(task.seeds) - set(seeds)):
        log(f"seed {seed} has diverged and is not evaluated")
    known = {
        (evaluation.label, seed): _read(task.known(evaluation, seed), evaluation.arrays, log)
        for evaluation in task.evaluations
        for seed in seeds
    }
    missing = {
        evaluation.label: [seed for seed in seeds if known[evaluation.label, seed] is None]
        for evaluation in task.evaluations
    }
    if any(missing.values()):
        known |= _compute(task, missing, log)
    rows = [
        {"evaluation": label, "run": task.run, "point": task.point, **row}
        for (label, _), found in known.items()
        for row in found or ()
    ]
    settings = dict.fromkeys(key for row in rows for key in row if key not in (*_FIRST, *_LAST))
    disk.write_whole(task.folder / RESULTS, _table((*_FIRST, *settings, *_LAST), rows))
    written = [task.folder / RESULTS, *(task.known(e, s) for e in task.evaluations for s in seeds)]
    for path in written:  # what killed jobs left behind
        disk.remove_parts(path)
        disk.remove_parts(_arrays_of(path))


def _compute(
    task: EvaluationTask, missing: Mapping[str, Sequence[int]], log: Callable[[str], None]
) -> dict[tuple[str, int], list[Row]]:
    """Evaluate the missing seeds, all those of an evaluation together, and keep their rows."""
    device = devices.choose(task.device)
    found: dict[tuple[str, int], list[Row]] = {}

    @cache
    def networks(*seeds: int) -> Networks:
        return Networks.open(task.folder, device, seeds)

    loaded: dict[tuple[str, str, str], Images] = {}
    with devices.arithmetic(device, task.threads):
        for evaluation in task.evaluations:
            if not (seeds := missing[evaluation.label]):
                continue
            plugin = registry.load("evaluation", evaluation.name)
            source = (
                evaluation.dataset_name,
                evaluation.dataset_params.model_dump_json(),
                plugin.SPLIT,
            )
            if source not in loaded:
                loaded[source] = loading.load_split(
                    evaluation.dataset_name, evaluation.dataset_params, plugin.SPLIT
                )
            given = plugin.evaluate(networks(*seeds), loaded[source], evaluation.params)
            rows, arrays = given if evaluation.arrays else (given, {})
            for seed in seeds:
                texts = [_texts(row) for row in rows if row["seed"] == seed]
                its = arrays[seed] if evaluation.arrays else None
                _write(task.known(evaluation, seed), texts, its)
                found[evaluation.label, seed] = texts
            log(
                f"{evaluation.label}: {len(seeds)} seeds on {len(loaded[source].labels)} images "
                f"of {evaluation.dataset_name}, {plugin.SPLIT}"
            )
    return found


def _texts(row: Mapping[str, Any]) -> Row:
    """A row as cells; floats keep every bit."""
    return {key: repr(float(value)) if key == "value" else str(value) for key, value in row.items()}


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _write(path: Path, rows: Sequence[Row], arrays: Mapping[str, Array] | None) -> None:
    """Write the rows of a seed; the last line tells a whole file from a truncated one."""
    if arrays is not None:
        write_arrays(_arrays_of(path), sorted(arrays.items()))
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = _table(columns, rows)
    disk.write_whole(path, text + _end(path, text, arrays is not None))


def _arrays_of(path: Path) -> Path:
    """The file of a seed's arrays, beside that of its rows."""
    return path.with_suffix(".npz")


def _end(path: Path, text: str, arrays: bool) -> str:
    """The last line of a file of rows."""
    known = f", of the arrays {_sha256(_arrays_of(path).read_bytes())}" if arrays else ""
    return f"{_END}{_sha256(text.encode())}{known}\n"


def _read(path: Path, arrays: bool, log: Callable[[str], None]) -> list[Row] | None:
    """The rows of a seed; none if they are not known, or their file or the arrays' is not whole."""
    try:
        content = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        content = ""
    text, mark, _ = content.rpartition(_END)
    try:
        whole = bool(mark) and content == text + _end(path, text, arrays)
    except FileNotFoundError:
        path, whole = _arrays_of(path), False
    if not whole:
        log(f"{path} is truncated or altered and is computed again")
        return None
    return list(csv.DictReader(io.StringIO(text)))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
