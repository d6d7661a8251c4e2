"""Results in the folders and files that Deep Log-Polar Networks' runs wrote.

Each seed has a folder ``<job>/<data set>/<variant>/<variant>_<seed>/`` with

* ``evaluate_results.yaml``: a list of ``{acc, loss, transform}``, in the order of the original's
  sweep: sizes, angles, shifts, then all angles. Beside these keys stand ``n``, ``correct`` and
  ``wilson95``. The same, a JSON object a line, with run, point, seed and training digest, is
  ``evaluate_results.jsonl``;
* ``evaluate_scale_results.yaml``: its sizes alone;
* ``mnist_r_results.yaml``, ``rot_mnist_results.yaml``, ``evaluate_rotsvhn.yaml``: other data sets.

Further parts need weights or ``run.json``: ``train_config.yaml``, ``<Class>.pt``, checkpoints.

Source: the author's run folders. Differs from them: accuracies and losses are means over images,
where the original took means of batches' means; ``transform`` of another data set is its name;
a folder is named by the seed where the original had the number of a SLURM task.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas
import yaml
from scipy import stats

from isotrope import paths
from isotrope.errors import UserError
from isotrope.files.disk import write_whole
from isotrope.files.tables import RESULT_COLUMNS, RUN_COLUMNS, read_table
from isotrope.studies.log_polar.run_names import folder_of

if TYPE_CHECKING:
    from isotrope.devices import DeviceName

PARTS = {
    "config": "train_config.yaml, the run's settings and how it went",
    "weights": "<Class>.pt, the weights alone, as torch.save writes them",
    "checkpoints": "checkpoints/<Class>_epoch<N>.pt, of runs with `monitor: {weights: ['*']}`",
}
OTHER_DATA = {  # by the name of the evaluation's table
    "mnist_r": "mnist_r_results",
    "rot_mnist": "rot_mnist_results",
    "rot_svhn": "evaluate_rotsvhn",
}
SCALES = (3.0, 2.0, 1.0, 1.5, 0.8, 0.6, 0.5)
ANGLES = (5.0, 15.0, 30.0, 45.0, 60.0, 90.0)
SHIFTS = tuple(sign * pixels for pixels in (1, 2, 3, 4) for sign in (1, -1))
TURNS = tuple(15.0 * step for step in range(24))

Entry = dict[str, Any]
Place = tuple[str, str, int]  # run, point, seed


def export(group: str, folder: Path) -> list[Path]:
    """Write the results of every tested seed.

    Args:
        group: the study or its demo.
        folder: where the folders go; it is made if need be.

    Returns:
        The files.

    Raises:
        UserError: if the tables are absent or damaged, or hold no tested run.
    """
    written = []
    found = _Results(group)
    for place, run in found.runs.items():
        where = folder_of(run, folder)
        entries = found.sweep(place)
        if entries:
            written.append(_yaml(where / "evaluate_results.yaml", entries))
            written.append(_json_lines(where / "evaluate_results.jsonl", entries, run))
        if sizes := [entry for entry in entries if "scale" in entry["transform"]]:
            written.append(_yaml(where / "evaluate_scale_results.yaml", sizes))
        for table, stem in OTHER_DATA.items():
            if others := found.entries(table, place, partial(_named, table)):
                written.append(_yaml(where / f"{stem}.yaml", others))
    if not written:
        raise UserError(
            f"{paths.table_folder(group)}: no tested run is in the tables rotation, scaling, "
            "translation_published, mnist_r, rot_mnist or rot_svhn; run `snakemake tables`"
        )
    return written


def export_parts(
    group: str, folder: Path, parts: Collection[str], device: "DeviceName", threads: int
) -> Iterator[Path]:
    """Write some of ``PARTS`` too."""
    del device, threads
    from isotrope.studies.log_polar.run_folders import export_trained

    yield from export_trained(_Results(group).runs.values(), folder, parts)


class _Results:
    """The tables of a group.

    Attributes:
        runs: the row of every seed that did not diverge, by run, point and seed.
    """

    def __init__(self, group: str) -> None:
        self.folder = paths.table_folder(group)
        runs = read_table(self.folder / "runs.csv", RUN_COLUMNS)
        rows = runs[runs["status"].ne("diverged")].to_dict("records")
        self.runs: dict[Place, Entry] = {_place(row): _entry(row) for row in rows}
        self._tables: dict[str, dict[Place, list[Entry]]] = {}

    def sweep(self, place: Place) -> list[Entry]:
        """The entries of ``evaluate_results.yaml``, those of the original's sweep first."""
        sizes = self.entries("scaling", place, _resized)
        turns = self.entries("rotation", place, lambda row: {"angle": _number(row["angle"])})
        shifts = self.entries("translation_published", place, _shifted)
        ordered = [
            *_in_order(sizes, "scale", SCALES),
            *_in_order(turns, "angle", ANGLES),
            *_in_order(shifts, "t_x", SHIFTS),
            *_in_order(turns, "angle", TURNS),
        ]
        others = [one for one in (*sizes, *turns, *shifts) if one not in ordered]
        return [*ordered, *others]

    def entries(self, table: str, place: Place, transform: Callable[[Entry], Any]) -> list[Entry]:
        """The entries that a table gives; ``transform`` says what was done, None for nothing."""
        rows = self._rows(table).get(place, [])
        losses = {json.dumps(transform(row)): row["value"] for row in rows if _is(row, "loss")}
        found = []
        for row in rows:
            done = transform(row)
            if done is None or not _is(row, "accuracy"):
                continue
            count, right = int(row["n"]), round(row["value"] * row["n"])
            interval = stats.binomtest(right, count).proportion_ci(method="wilson")
            found.append(
                {
                    "acc": float(row["value"]),
                    "loss": losses.get(json.dumps(done)),
                    "transform": done,
                    "n": count,
                    "correct": right,
                    "wilson95": [float(interval.low), float(interval.high)],
                }
            )
        return found

    def _rows(self, table: str) -> dict[Place, list[Entry]]:
        """The rows of a table by seed; none where there is no such table."""
        if table not in self._tables:
            path, by_place = self.folder / f"{table}.csv", self._tables.setdefault(table, {})
            if path.is_file():
                for row in read_table(path, RESULT_COLUMNS).to_dict("records"):
                    by_place.setdefault(_place(row), []).append(_entry(row))
        return self._tables[table]


def _entry(row: Mapping[Any, Any]) -> Entry:
    return {str(name): value for name, value in row.items()}


def _place(row: Mapping[Any, Any]) -> Place:
    return str(row["run"]), str(row["point"]), int(row["seed"])


def _named(table: str, row: Entry) -> str:
    """The transform of other data is their name."""
    del row
    return table


def _is(row: Entry, metric: str) -> bool:
    return bool(row["metric"] == metric)


def _number(value: float) -> float | int:
    """A whole number without a fraction, as the original wrote it."""
    return int(value) if float(value).is_integer() else float(value)


def _resized(row: Entry) -> Entry | None:
    """The transform of a size whose canvas grew with it, as the original's did."""
    if row["canvas"] != "resized" or pandas.isna(row["scale"]):
        return None
    return {"scale": _number(row["scale"])}


def _shifted(row: Entry) -> Entry | None:
    if pandas.isna(row["shift"]):
        return None
    shift = _number(row["shift"])
    side = int(row["size"]) - 2 * int(shift)
    return {"t_x": shift, "t_y": shift, "out_size": [side, side]}


def _in_order(entries: list[Entry], key: str, values: tuple[float, ...]) -> list[Entry]:
    """The entries whose transform has these values, in their order."""
    by_value = {entry["transform"][key]: entry for entry in entries}
    return [by_value[value] for value in values if value in by_value]


def _yaml(path: Path, entries: list[Entry]) -> Path:
    write_whole(path, yaml.safe_dump(entries, sort_keys=False))
    return path


def _json_lines(path: Path, entries: list[Entry], run: Mapping[str, Any]) -> Path:
    said = {name: run[name] for name in ("run", "point", "seed", "training_digest")}
    write_whole(path, "".join(f"{json.dumps({**entry, **said})}\n" for entry in entries))
    return path
