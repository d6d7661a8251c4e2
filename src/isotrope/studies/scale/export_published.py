"""The results of STIR runs in the form that Altstidl et al. published theirs in.

``clean.csv`` has a row per trained network, as MLflow exports runs: accuracies in percent, those of
training and validation of the last epoch, but ``best_acc``. ``generalization_<data>.csv`` has the
accuracy at each scale, ``s17`` to ``s64``, as fractions and without a run's number; its rows are
in the order of those of ``clean.csv``, newest (highest) seed first in each cell. So the published
plotting scripts, or any other written for these files, can be given ours. Needs no torch.

Source: https://github.com/taltstidl/scale-equivariant-cnn and "Just a Matter of Scale?", 2022,
https://arxiv.org/abs/2211.10288.
Differs from the published files: a run's number is made of what it is, so that the same run always
has the same one; two columns more, ``tags.isotrope.run`` and ``tags.isotrope.point``, say which run
it is here. ``metrics.test_loss`` is not measured here and stays empty; so do, where only tables are
at hand, the columns that stand in no table: losses, last accuracies, times and commit. Diverged
seeds are left out, as they have no test accuracy.
"""

import csv
import hashlib
import io
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas

from isotrope import paths
from isotrope.errors import UserError
from isotrope.files.disk import write_whole
from isotrope.files.tables import RESULT_COLUMNS, RUN_COLUMNS, read_table
from isotrope.packs import summary
from isotrope.packs.summary import RUN

if TYPE_CHECKING:
    from isotrope.devices import DeviceName

EVALUATIONS = {"small2large": 1, "mid2rest": 2, "large2small": 3, "all2all": 4}
DATA = ("emoji", "mnist", "trafficsign", "aerial")
SCALES = range(17, 65)  # pixels
KEY = ["run", "point", "seed"]
Row = dict[str, Any]

_CELL = ["params.data", "params.model", "params.evaluation"]
CLEAN_COLUMNS = (
    *("run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time"),
    *("metrics.train_loss", "metrics.test_acc", "metrics.train_time", "metrics.val_acc"),
    *("metrics.test_loss", "metrics.train_acc", "metrics.avg_time", "metrics.val_loss"),
    *("metrics.best_acc", "params.interpolation", "params.model", "params.kernel_size"),
    *("params.lr", "params.evaluation", "params.data", "params.seed"),
    *("tags.mlflow.source.name", "tags.mlflow.user", "tags.mlflow.source.git.commit"),
    *("tags.mlflow.source.type", "tags.isotrope.run", "tags.isotrope.point"),
)


PARTS = {  # what needs weights and data
    "errors": "eval/<run_id>/errors.npz, the equivariance errors",
    "indices": "eval/<run_id>/indices.npz, the kernels that the best runs choose; gigabytes",
}


def export(group: str, folder: Path) -> list[Path]:
    """Write ``clean.csv`` and the files of generalization.

    Args:
        group: the study or its demo; of the study, the runs of series ``published`` are taken.
        folder: where the files go; it is made if need be.

    Returns:
        The files.

    Raises:
        UserError: if the tables are absent or damaged, hold no such run, or two runs would be the
            same in the published form.
    """
    rows = exported_runs(group)
    written = [_write(folder / "clean.csv", rows[list(CLEAN_COLUMNS)], index=False)]
    path = paths.table_folder(group) / "scale_generalization.csv"
    if path.is_file():
        measured = read_table(path, {**RESULT_COLUMNS, "scale": "number"})
        measured = measured[measured["metric"].eq("accuracy")]
        by_scale = measured.pivot(index=KEY, columns="scale", values="value").reindex(
            columns=list(SCALES)
        )
        by_scale.columns = [f"s{scale}" for scale in SCALES]
        found = rows.merge(by_scale.reset_index(), on=KEY)
        named = {"params.model": "model", "params.data": "data", "params.evaluation": "eval"}
        for data, its in found.rename(columns=named).groupby("data", sort=False):
            table = its[["model", "data", "eval", *by_scale.columns]].reset_index(drop=True)
            written.append(_write(folder / f"generalization_{data}.csv", table, index=True))
    return written


def _write(path: Path, table: pandas.DataFrame, index: bool) -> Path:
    write_whole(path, table.to_csv(index=index, lineterminator="\n"))
    return path


def exported_runs(group: str) -> pandas.DataFrame:
    """The runs that are exported, in the published order.

    They have the columns of ``clean.csv`` and beside them run, point, seed and training_digest.

    Raises:
        UserError: as ``export``.
    """
    folder = paths.table_folder(group)
    runs = read_table(folder / "runs.csv", RUN_COLUMNS)
    accuracies = read_table(folder / "accuracy.csv", RESULT_COLUMNS)
    series = "published" if group == paths.study_of(group) else "demo"
    chosen = runs[runs["series"].eq(series) & runs["dataset"].eq("stir")]
    tested = accuracies[accuracies["metric"].eq("accuracy")][[*KEY, "value"]]
    found = chosen.merge(tested, on=KEY)  # a diverged seed is not tested
    if found.empty:
        raise UserError(
            f"{folder}: no tested run of series {series} on the data set stir is in the tables; "
            "only such runs have a published form"
        )
    trained = dict.fromkeys(zip(found["run"], found["training_digest"], strict=True))
    known = {(run, digest): _beyond_tables(run, digest) for run, digest in trained}
    rows = pandas.DataFrame([_row(run, known) for run in found.to_dict("records")])
    names = ["params.model", "params.data", "params.evaluation", "params.lr", "params.seed"]
    if (twice := rows.duplicated(names, keep=False)).any():
        same = ", ".join(sorted(set(rows[twice]["run"])))
        raise UserError(
            f"{folder}/runs.csv: {same} are the same run in the published form; give all but one "
            "of them another series"
        )
    rows["params.data"] = pandas.Categorical(rows["params.data"], DATA)
    rows = rows.sort_values([*_CELL, "seed"], ascending=[True, True, True, False])
    rows["params.data"] = rows["params.data"].astype(str)
    rows["params.kernel_size"] = rows["params.kernel_size"].astype("Int64")  # 7, and no 7.0
    return rows.reset_index(drop=True)


def _row(run: Mapping[Any, Any], known: Mapping[Any, Mapping[int, Row]]) -> Row:
    """A run's row of ``clean.csv``, and what it is called here; ``known`` is in no table."""
    name, point, seed, digest = (run[key] for key in (*KEY, "training_digest"))
    identity = f"{name} {point} {seed} {digest}"
    run_id = hashlib.sha256(identity.encode()).hexdigest()[:32]
    values = {
        "run_id": run_id,
        "experiment_id": 0,
        "status": "FINISHED",
        "metrics.test_acc": 100 * run["value"],
        "metrics.train_time": run["seconds_per_epoch_last"],
        "metrics.avg_time": run["seconds_per_epoch_mean"],
        "metrics.best_acc": 100 * run["best_validation_accuracy"],
        "params.interpolation": run.get("model.interpolation"),
        "params.model": run["model"],
        "params.kernel_size": run.get("model.kernel_size"),
        "params.lr": run["training.optimizer.learning_rate"],
        "params.evaluation": EVALUATIONS[run["dataset.scenario"]],
        "params.data": run["dataset.task"],
        "params.seed": seed,
        "tags.mlflow.source.name": "isotrope",
        "tags.mlflow.source.type": "LOCAL",
        "tags.isotrope.run": name,
        "tags.isotrope.point": point,
        **known[name, digest].get(int(seed), {}),
    }
    here = {"run": name, "point": point, "seed": seed, "training_digest": digest}
    return {**dict.fromkeys(CLEAN_COLUMNS), **values, **here}


def pack_of(run: str, digest: str, seed: int) -> Path | None:
    """The folder of a pack that holds the seed as the table has it; None if there is none."""
    return next((pack for pack, said in _packs(run, digest) if seed in said), None)


def _packs(run: str, digest: str) -> list[tuple[Path, Mapping[int, Mapping[str, Any]]]]:
    """The packs of a run that were trained so, each with what its ``run.json`` says of seeds."""
    found = []
    for path in sorted((paths.OUT / "runs" / run).glob(f"*/seeds-*/{RUN}")):
        known = summary.read(path.parent)
        if known.training_digest == digest:
            found.append((path.parent, known.seeds))
    return found


def _beyond_tables(run: str, digest: str) -> dict[int, Row]:
    """What stands in no table, of each seed whose pack is at hand."""
    found: dict[int, Row] = {}
    for pack, seeds in _packs(run, digest):
        last = _last_epochs(pack / "history.csv")
        for seed, said in seeds.items():
            found[seed] = {
                "start_time": said["started"].replace("T", " "),
                "end_time": said["finished"].replace("T", " "),
                "tags.mlflow.source.git.commit": said.get("git_commit"),
                **last.get(seed, {}),
            }
    return found


def _last_epochs(path: Path) -> dict[int, Row]:
    """Losses and accuracies (percent) of each seed's last epoch."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    rows = csv.DictReader(io.StringIO(text))
    return {
        int(row["seed"]): {
            "metrics.train_loss": float(row["train_loss"]),
            "metrics.train_acc": 100 * float(row["train_accuracy"]),
            "metrics.val_loss": float(row["validation_loss"]),
            "metrics.val_acc": 100 * float(row["validation_accuracy"]),
        }
        for row in rows
    }


def export_parts(
    group: str, folder: Path, parts: Collection[str], device: "DeviceName", threads: int
) -> Iterator[Path]:
    """Write some of ``PARTS`` too; this needs torch."""
    from isotrope.studies.scale.published_arrays import export_arrays

    yield from export_arrays(group, folder, parts, device, threads)
