"""Our runs as the rows of the published ``clean.csv``. Needs no torch."""

import csv
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas

from isotrope import paths
from isotrope.errors import UserError
from isotrope.files import regular
from isotrope.files.tables import RESULT_COLUMNS, RUN_COLUMNS, read_table
from isotrope.packs.finding import packs_trained_so
from isotrope.packs.summary import HISTORY

EVALUATIONS = {"small2large": 1, "mid2rest": 2, "large2small": 3, "all2all": 4}
DATA = ("emoji", "mnist", "trafficsign", "aerial")
KEY = ["run", "point", "seed"]
INTERPOLATION = "bicubic"  # in every row of the published file, whatever the model
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
    found = found.merge(_losses(folder), on=KEY, how="left")
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


def _losses(folder: Path) -> pandas.DataFrame:
    """The losses on the test images, of the seeds whose runs ask for ``predictions``."""
    path = folder / "predictions.csv"
    if not path.is_file():
        return pandas.DataFrame(columns=[*KEY, "test_loss"]).astype({"seed": int})
    rows = read_table(path, RESULT_COLUMNS)
    return rows[rows["metric"].eq("loss")][[*KEY, "value"]].rename(columns={"value": "test_loss"})


def _row(run: Mapping[Any, Any], known: Mapping[Any, Mapping[int, Row]]) -> Row:
    """A run's row of ``clean.csv``, and what it is called here; ``known`` is in no table."""
    name, point, seed, digest = (run[key] for key in (*KEY, "training_digest"))
    identity = f"{name} {point} {seed} {digest}"
    run_id = hashlib.sha256(identity.encode()).hexdigest()[:32]
    resized = run.get("model.interpolation")  # not a number where the model has no such setting
    values = {
        "run_id": run_id,
        "experiment_id": 0,
        "status": "FINISHED",
        "metrics.test_acc": 100 * run["value"],
        "metrics.test_loss": run["test_loss"],
        "metrics.train_time": run["seconds_per_epoch_last"],
        "metrics.avg_time": run["seconds_per_epoch_mean"],
        "metrics.best_acc": 100 * run["best_validation_accuracy"],
        "params.interpolation": resized if isinstance(resized, str) else INTERPOLATION,
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


def _beyond_tables(run: str, digest: str) -> dict[int, Row]:
    """What stands in no table, of each seed whose pack is at hand."""
    found: dict[int, Row] = {}
    for pack, seeds in packs_trained_so(run, digest):
        last = _last_epochs(pack / HISTORY)
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
        text = regular.read_text(path)
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
