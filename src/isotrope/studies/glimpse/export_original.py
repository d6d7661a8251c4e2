"""Results in the files that RAM-LPM's programs wrote.

Each tested seed has a folder ``<run>/<point>/seed_<n>/`` with

* ``run.log``, with the line ``[*] Test Acc: <right>/<images> (<accuracy>% - <error>%)``;
* ``summary.npy``, where it was tested with ``glimpses``: float64 ``(draws, glimpses)``, accuracies
  in percent after each glimpse, a row for each number of draws, from the least to the largest;
* ``summary.json`` beside it, which says how many draws and glimpses these are.

The part ``scalars`` needs the seeds: ``metrics.json`` with losses and accuracies (percent) of each
epoch by name, as its trainings logged them.

Source: the code published with Kiritani and Ono 2020, https://arxiv.org/abs/2002.05388. Differs
from it: the original reshaped the numbers of its four counts to two rows; ``metrics.json`` has no
times of day.
"""

import csv
import io
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas

from isotrope import paths
from isotrope.errors import UserError
from isotrope.files.disk import write_whole
from isotrope.files.tables import RESULT_COLUMNS, RUN_COLUMNS, read_table
from isotrope.results.series import KEY

if TYPE_CHECKING:
    from isotrope.devices import DeviceName

PARTS = {"scalars": "metrics.json, losses and accuracies of every epoch"}
SCALARS = {  # a column of a history, and what the original called it
    "train_loss": "train.loss",
    "train_accuracy": "train.acc",
    "validation_loss": "valid.loss",
    "validation_accuracy": "valid.acc",
}


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
    for row in _rows(group, "accuracy").to_dict("records"):
        count, right = int(row["n"]), round(row["value"] * row["n"])
        share = 100 * right / count
        path = _folder(row, folder) / "run.log"
        write_whole(path, f"[*] Test Acc: {right}/{count} ({share:.2f}% - {100 - share:.2f}%)\n")
        written.append(path)
    for _, its in _rows(group, "glimpses").groupby(KEY, sort=False):
        where = _folder(its.iloc[0].to_dict(), folder)
        table = 100 * its.pivot_table(index="draws", columns="glimpses", values="value")
        content = io.BytesIO()
        np.save(content, table.to_numpy(dtype=np.float64), allow_pickle=False)
        said = {"draws": [int(one) for one in table.index]}
        said["glimpses"] = [int(one) for one in table.columns]
        write_whole(where / "summary.npy", content.getvalue())
        write_whole(where / "summary.json", json.dumps(said) + "\n")
        written += [where / "summary.npy", where / "summary.json"]
    if not written:
        raise UserError(
            f"{paths.table_folder(group)}: no tested run is in the tables accuracy or glimpses; "
            "run `snakemake tables`"
        )
    return written


def export_parts(
    group: str, folder: Path, parts: Collection[str], device: "DeviceName", threads: int
) -> Iterator[Path]:
    """Write some of ``PARTS`` too.

    Raises:
        UserError: if a seed is not at hand.
    """
    del device, threads
    if "scalars" not in parts:
        return
    from isotrope.packs import store  # only here: it needs torch

    for run in _runs(group).to_dict("records"):
        name, digest, seed = str(run["run"]), str(run["training_digest"]), int(run["seed"])
        found = paths.finished_seed(name, str(run["point"]), seed, digest)
        if not found.is_dir():
            raise UserError(f"{name}: seed {seed} is not at hand; run `snakemake runs` to train it")
        path = _folder(run, folder) / "metrics.json"
        history = store.load(found, seed, digest).history
        write_whole(path, json.dumps(_scalars(history), indent=2) + "\n")
        yield path


def _scalars(history: str) -> dict[str, Any]:
    """The numbers of a history by name, each with its epochs."""
    rows = list(csv.DictReader(io.StringIO(history)))
    found = {}
    for column, name in SCALARS.items():
        if rows and column in rows[0]:
            factor = 100 if name.endswith(".acc") else 1
            values = [factor * float(row[column]) for row in rows]
            found[name] = {"steps": [int(row["epoch"]) for row in rows], "values": values}
    return found


def _runs(group: str) -> pandas.DataFrame:
    """The rows of the seeds that did not diverge."""
    runs = read_table(paths.table_folder(group) / "runs.csv", RUN_COLUMNS)
    return runs[runs["status"].ne("diverged")]


def _rows(group: str, table: str) -> pandas.DataFrame:
    """The accuracies in a table, of seeds that did not diverge; none without such a table."""
    path = paths.table_folder(group) / f"{table}.csv"
    if not path.is_file():
        return pandas.DataFrame(columns=[*RESULT_COLUMNS])
    rows = read_table(path, RESULT_COLUMNS)
    rows = rows[rows["metric"].eq("accuracy")]
    return rows.merge(_runs(group)[KEY], on=KEY)


def _folder(row: dict[Any, Any], folder: Path) -> Path:
    return folder / str(row["run"]) / str(row["point"]) / f"seed_{int(row['seed'])}"
