"""Tables: what the runs of a group have measured, collected from the folders of their packs.

``runs.csv`` has a row per run, point and seed; ``<evaluation>.csv`` has the rows of one evaluation
and joins it by these three. Accuracies are fractions, sizes and places pixels, memory MB and
times seconds. Numbers are written so that reading them gives back the same floats, and rows are
sorted, so that the same results always make the same bytes.

``best_validation_score`` is what a seed reached on the validation images in the epoch whose weights
are kept, and ``validation_score`` the name of what that is: ``accuracy``, or ``mean_iou`` where the
labels are masks, of which ``best_validation_accuracy`` is empty.

``code`` says of each row whether the code that made it is the same now, has changed, has changed
and was kept all the same, or was not recorded; of rows of an evaluation the weights count, too.

A seed that nothing vouches for stands in ``runs.csv`` with the status ``left out`` and no numbers.
A diverged seed stands in ``runs.csv`` only. A collapsed seed (it never left chance level) stands in
every table; its status tells it apart.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

from isotrope.errors import UserError, did_you_mean
from isotrope.files import regular
from isotrope.files.tables import (
    CODE,
    LEFT_OUT,
    MORE_COLUMNS,
    RESULT_COLUMNS,
    RUN_COLUMNS,
    SCORE_COLUMNS,
    STATUS,
    write_table,
)
from isotrope.packs import summary

Scalar = str | int | float | bool | None
Row = dict[str, str]

KEY = ("run", "point", "seed")
_SEED_KEYS = (
    "status",
    "epochs",
    "best_epoch",
    "best_validation_accuracy",
    "seconds_per_epoch_last",
    "seconds_per_epoch_mean",
    "peak_memory_mb",
    "device",
)
_AGAIN = "delete it and run `snakemake tables`, finished seeds are not trained or tested again"


@dataclass(frozen=True)
class LeftOut:
    """What is left out of tables, since nothing vouches for it.

    Args:
        run: the run's name.
        point: the point of its sweep.
        pack: the folder of the pack.
        seed: the seed; None if it is all that the pack has in a table.
        table: the table that it is left out of; empty if of every one.
        reason: why, and what mends it.
    """

    run: str
    point: str
    pack: Path
    seed: int | None
    table: str
    reason: str

    def __str__(self) -> str:
        what = "it" if self.seed is None else f"seed {self.seed}"
        where = f"the table {self.table}" if self.table else "all tables"
        return f"{self.run}, {self.point}: {what} is left out of {where}: {self.reason}"


@dataclass(frozen=True)
class CollectedPack:
    """One pack whose results belong into the tables, and what its param-file says about it.

    Args:
        run: the run's name, ``<model>/<dataset>/<variant>``.
        study: the study that the run belongs to.
        series: ``published``, ``demo`` or ``own``.
        label: the run's name in legends.
        source: where the raw material of its data set comes from, empty if that is not a choice.
        model: the model's name.
        dataset: the data set's name.
        point: the point of the run's sweep, ``base`` without one.
        parameters: every scalar parameter at this point by its dotted key.
        pack: the folder that holds the pack's ``run.json`` and ``results.csv``.
        seeds: the seeds of the pack that the param-file asks for; others in it are left out.
        training_digest: the digest of the param-file's training as it is now.
        evaluations: the names under which the run is evaluated.
        arrays: for those of them that have arrays, the folder with those of each seed.
        recordings: for each seed whose network recorded something, the file.
        files: for those of them whose rows are not in ``results.csv`` of the pack, the file.
        of_run: those of them whose rows belong to the point as a whole, not to its seeds.
        without: for each of them the seeds whose rows nothing vouches for.
        left_out: all that nothing vouches for, with the reasons; it is in no table.
        lost: those seeds that are left out of every table.
        codes: for each seed whether its weights were made with the code as it is.
        codes_of_rows: the same of the rows of each of them, by seed as a word; empty of the point.
        older: whether its ``run.json`` has no checksum, so that only its seeds are vouched for.
    """

    run: str
    study: str
    series: str
    label: str
    source: str
    model: str
    dataset: str
    point: str
    parameters: Mapping[str, Scalar]
    pack: Path
    seeds: tuple[int, ...]
    training_digest: str
    evaluations: tuple[str, ...]
    arrays: Mapping[str, Path] = field(default_factory=dict)
    recordings: Mapping[int, Path] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    of_run: frozenset[str] = frozenset()
    without: Mapping[str, frozenset[int]] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    lost: tuple[int, ...] = ()
    codes: Mapping[int, str] = field(default_factory=dict)
    codes_of_rows: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    older: bool = False

    def file_of(self, evaluation: str) -> Path:
        """The file that holds the rows of an evaluation."""
        return self.files.get(evaluation, self.pack / summary.RESULTS)


def collect(
    group: str, runs: Sequence[CollectedPack], folder: Path, only: str | None = None
) -> list[Path]:
    """Write ``runs.csv`` and one table per evaluation into ``folder``.

    Args:
        group: a study, or its demo.
        runs: the packs of the group; of one without seeds there is what it has lost.
        folder: where the tables go; it is made if need be.
        only: the one table to write, ``runs`` or an evaluation; all of them if left out.

    Returns:
        The tables that were written, ``runs.csv`` first.

    Raises:
        UserError: if there is no run, no run has the table asked for, or a file of a pack is
            absent, damaged, incomplete or of another training than the param-file's. All packs are
            looked at; then nothing is written.
        ValueError: if a seed of a point is given twice.
    """
    if not runs:
        raise UserError(f"no run belongs to {group}: write a param-file, or ask for another group")
    names = {name for run in runs for name in run.evaluations}
    if only not in {None, "runs", *names}:
        raise UserError(f"no run of {group} has '{only}'{did_you_mean(str(only), names)}")
    wanted = names if only is None else names & {only}
    trained: list[Row] = []
    results: dict[str, list[Row]] = {name: [] for name in wanted}
    mistakes: list[str] = []
    read: set[Path] = set()  # files with rows of whole points
    for run in runs:
        trained.extend(lost_rows(run))
        if not run.seeds:
            continue
        try:
            rows = seed_rows(run)
            for name, measured in pack_rows(run, rows, wanted).items():
                results[name].extend(measured)
            for name in sorted(run.of_run & wanted):
                if (path := run.file_of(name)) not in read:
                    results[name].extend(rows_of(run, path, {name})[name])
                    read.add(path)
            trained.extend(rows)
        except UserError as error:
            mistakes.extend(error.sentences)
    if mistakes:
        raise UserError(*mistakes)
    if len({tuple(row[key] for key in KEY) for row in trained}) < len(trained):
        raise ValueError("a seed of a point is given in two packs")

    written = []
    if only in (None, "runs"):
        parameters = sorted({key for run in runs for key in run.parameters})
        written.append(
            _write(folder / "runs.csv", [*RUN_COLUMNS, *MORE_COLUMNS, *parameters], trained)
        )
    for name, rows in sorted(results.items()):
        settings = sorted({key for row in rows for key in row} - {*RESULT_COLUMNS, CODE})
        columns = [*KEY, *settings, "metric", "value", "n", CODE]
        written.append(_write(folder / f"{name}.csv", columns, rows))
    return written


def _write(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> Path:
    """Write rows sorted by every column but the measured ones, numbers by their size."""
    keys = [column for column in columns if column not in ("value", "n", CODE)]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: [_size(row.get(key, "")) for key in keys]))
    write_table(path, text.getvalue())
    return path


def _size(text: str) -> tuple[bool, float, str]:
    """A key that sorts numbers by their size, and before words."""
    try:
        return False, float(text), text
    except ValueError:
        return True, 0.0, text


def text_of(value: Scalar) -> str:
    """A value as a cell; floats keep every bit, nothing known is an empty cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def lost_rows(run: CollectedPack) -> list[Row]:
    """The rows in ``runs.csv`` of the seeds of a pack that nothing vouches for."""
    by_pack = {key: text_of(getattr(run, key)) for key in RUN_COLUMNS if hasattr(run, key)}
    parameters = {key: text_of(value) for key, value in run.parameters.items()}
    return [{**by_pack, **parameters, "seed": str(n), STATUS: LEFT_OUT} for n in run.lost]


def seed_rows(run: CollectedPack) -> list[Row]:
    """The rows of a pack in ``runs.csv``: one for each seed that is asked for."""
    known = summary.read(run.pack)
    of_network = known.content if known.is_sealed else {}  # nothing else vouches for it
    known.check_training(run.training_digest, run.run)
    known.check_seeds(run.seeds)
    by_pack = {
        **{key: getattr(run, key) for key in RUN_COLUMNS if hasattr(run, key)},
        **{key: of_network.get(key) for key in MORE_COLUMNS},
    }
    rows = []
    for number in run.seeds:
        seed = known.seeds[number]
        if absent := [key for key in _SEED_KEYS if key not in seed]:
            raise UserError(
                f"{known.path} is truncated or altered (seed {number} has no "
                f"{', '.join(absent)}); {_AGAIN}"
            )
        by_seed = {key: seed[key] for key in _SEED_KEYS}
        score = summary.best_score(seed) or (None, None)
        by_seed |= dict(zip(SCORE_COLUMNS, score, strict=True))
        origin = seed.get("origin", "trained")
        of_seed = {"origin": origin, "seed": number, CODE: run.codes.get(number, "")}
        cells = {**by_pack, **by_seed, **of_seed, **run.parameters}
        rows.append({key: text_of(value) for key, value in cells.items()})
    return rows


def pack_rows(run: CollectedPack, trained: Sequence[Row], wanted: Set[str]) -> dict[str, list[Row]]:
    """The rows of a pack by evaluation, each without its empty cells."""
    evaluated = {row["seed"] for row in trained if row["status"] != "diverged"}
    files: dict[Path, set[str]] = {}
    for name in run.evaluations:
        if name in wanted and name not in run.of_run:
            files.setdefault(run.file_of(name), set()).add(name)
    found = {
        name: rows
        for path, ours in files.items()
        for name, rows in rows_of(run, path, ours).items()
    }
    kept: dict[str, list[Row]] = {}
    for name in (name for name in run.evaluations if name in found):
        vouched = evaluated - {str(seed) for seed in run.without.get(name, ())}
        kept[name] = [row for row in found[name] if row["seed"] in vouched]
        _check_complete(run.file_of(name), name, kept[name], vouched)
    return kept


def rows_of(run: CollectedPack, path: Path, names: Set[str]) -> dict[str, list[Row]]:
    """The rows of some evaluations in a file, each without its empty cells."""
    found: dict[str, list[Row]] = {name: [] for name in names}
    for line, row in _read_rows(path):
        if (row["run"], row["point"]) != (run.run, run.point):
            raise UserError(
                f"{path}:{line}: holds results of {row['run']}, {row['point']}, not of {run.run}, "
                f"{run.point}; {_AGAIN}"
            )
        name = row.pop("evaluation")
        if name in found:
            code = run.codes_of_rows.get(name, {}).get(row["seed"], "")
            found[name].append({k: cell for k, cell in {**row, CODE: code}.items() if cell})
    return found


def _read_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """The rows of a job's results with their line numbers; numbers in their shortest form."""
    try:
        text = regular.read_text(path)
    except FileNotFoundError as error:
        raise UserError(f"{path} is not there; run `snakemake tables` to evaluate") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is damaged ({error}); {_AGAIN}") from error
    lines = csv.reader(io.StringIO(text), strict=True)
    try:
        header = next(lines, [])
        if absent := [key for key in ("evaluation", *RESULT_COLUMNS) if key not in header]:
            raise UserError(f"{path} has no column {', '.join(absent)}; {_AGAIN}")
        for cells in lines:
            row = dict(zip(header, cells, strict=True))
            row["seed"] = str(int(row["seed"])) if row["seed"] else ""  # of a whole point
            row["n"] = str(int(row["n"]))
            row["value"] = repr(float(row["value"]))
            yield lines.line_num, row
    except (csv.Error, ValueError) as error:
        raise UserError(
            f"{path}:{lines.line_num}: truncated or damaged ({error}); {_AGAIN}"
        ) from error
    if not text.endswith("\n"):
        raise UserError(f"{path} is truncated; {_AGAIN}")


def _check_complete(path: Path, name: str, rows: Sequence[Row], evaluated: set[str]) -> None:
    """Every seed of a pack has the same rows under an evaluation, each of them once."""
    places: dict[str, list[tuple[tuple[str, str], ...]]] = {seed: [] for seed in evaluated}
    for row in rows:
        cells = (item for item in row.items() if item[0] not in ("seed", "value", "n", CODE))
        places[row["seed"]].append(tuple(sorted(cells)))
    whole = {place for found in places.values() for place in found}
    for seed, found in sorted(places.items(), key=lambda item: int(item[0])):
        if len(found) != len(whole) or set(found) != whole or not found:
            raise UserError(
                f"{path}: seed {seed} has {len(found)} rows of {name}, "
                f"not {len(whole) or 'any'}; {_AGAIN}"
            )
