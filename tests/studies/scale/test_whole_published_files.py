"""The files in the published form, byte by byte, from tables and packs of four seeds."""

import pandas
import pytest

from isotrope import paths
from isotrope.files.tables import RUN_COLUMNS
from isotrope.studies.scale import published_rows
from isotrope.studies.scale.export_published import export

MODELS = {  # run: model, task, scenario, interpolation, kernel size, learning rate
    "standard/stir_traffic/one": ("standard", "trafficsign", "small2large", "", None, 0.01),
    "standard/stir_mnist/one": ("standard", "mnist", "all2all", "", 7, 0.001),
    "pixel_pool/stir_emoji/one": ("pixel_pool", "emoji", "mid2rest", "bilinear", 5, 0.01),
}
SEEDS = {name: (1, 2) if "mnist" in name else (3,) for name in MODELS}
HISTORY = """\
seed,epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,train_seconds
1,1,9,0.9,9,0.9,1
1,2,0.5,0.25,0.75,0.125,1
2,1,1.5,0.5,2.5,0.375,1
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs, accuracy, losses, scales = [], [], [], []
    for name, (model, task, scenario, resized, kernel, rate) in MODELS.items():
        for seed in SEEDS[name]:
            key = {"run": name, "point": "base", "seed": seed}
            more = {"series": "published", "model": model, "dataset": "stir", "status": "done"}
            more |= {
                "dataset.task": task,
                "dataset.scenario": scenario,
                "model.kernel_size": kernel,
            }
            more |= {"model.interpolation": resized, "training.optimizer.learning_rate": rate}
            more |= {"best_validation_accuracy": 0.5 + seed / 8, "training_digest": "d" * 16}
            more |= {"seconds_per_epoch_last": seed + 0.5, "seconds_per_epoch_mean": seed + 0.25}
            runs.append({**key, **more})
            rows = [{**key, "metric": "accuracy", "value": 0.5 + seed / 16, "n": 9}]
            accuracy += [*rows, {**key, "metric": "other", "value": 0.0, "n": 9}]
            losses.append({**key, "metric": "loss", "value": seed / 4, "n": 9})
            losses.append({**key, "metric": "confidence", "value": 8.0, "n": 9})
            for scale, value in ((64, 0.25), (17, 0.75)):
                at = {**key, "scale": scale, "n": 9}
                scales.append({**at, "metric": "accuracy", "value": value - seed / 16})
                scales.append({**at, "metric": "loss", "value": 7.0})
    where = paths.table_folder("scale")
    where.mkdir(parents=True)
    losses = [row for row in losses if "traffic" not in row["run"]]
    tables = {"accuracy": accuracy, "predictions": losses, "scale_generalization": scales}
    pandas.DataFrame(runs, columns=[*{**dict.fromkeys(RUN_COLUMNS), **runs[0]}]).to_csv(
        where / "runs.csv", index=False
    )
    for name, rows in tables.items():
        pandas.DataFrame(rows).to_csv(where / f"{name}.csv", index=False)
    (tmp_path / "history.csv").write_text(HISTORY)
    times = {"started": "2026-01-02T03:04:05", "finished": "2026-01-02T04:05:06"}
    said = {1: {**times, "git_commit": "abc"}, 2: times}
    monkeypatch.setattr(
        published_rows,
        "packs_trained_so",
        lambda run, digest: [(tmp_path, said)] if "mnist" in run else [],
    )
    return tmp_path / "theirs"


def text(rows):
    return [line.split(",") for line in rows.splitlines()]


def test_every_cell_of_the_published_table(folder):
    written = export("scale", folder)
    names = ["clean", *(f"generalization_{task}" for task in ("emoji", "mnist", "trafficsign"))]
    assert written == [folder / f"{name}.csv" for name in names]
    head, *rows = text((folder / "clean.csv").read_text())
    found = [dict(zip(head, row, strict=True)) for row in rows]
    shown = {
        "metrics.train_loss": "loss",
        "metrics.train_acc": "train",
        "metrics.val_loss": "val_loss",
        "metrics.val_acc": "val",
        "start_time": "start",
        "end_time": "end",
        "tags.mlflow.source.git.commit": "commit",
    }
    for one in found:
        assert len(one.pop("run_id")) == 32
        assert (one.pop("experiment_id"), one.pop("status")) == ("0", "FINISHED")
        assert one.pop("tags.mlflow.source.name") == "isotrope"
        assert one.pop("tags.mlflow.source.type") == "LOCAL"
        assert one.pop("tags.isotrope.point") == "base"
        assert one.pop("artifact_uri") == one.pop("tags.mlflow.user") == ""
    beyond = [{short: one.pop(name) for name, short in shown.items()} for one in found]
    nothing = dict.fromkeys(shown.values(), "")
    start, end = "2026-01-02 03:04:05", "2026-01-02 04:05:06"
    assert beyond == [
        nothing,
        {
            "loss": "1.5",
            "train": "50.0",
            "val_loss": "2.5",
            "val": "37.5",
            "start": start,
            "end": end,
            "commit": "",
        },
        {
            "loss": "0.5",
            "train": "25.0",
            "val_loss": "0.75",
            "val": "12.5",
            "start": start,
            "end": end,
            "commit": "abc",
        },
        nothing,
    ]
    keys = ("model", "data", "evaluation", "interpolation", "kernel_size", "lr", "seed")
    assert [[one.pop(f"params.{key}") for key in keys] for one in found] == [
        ["pixel_pool", "emoji", "2", "bilinear", "5", "0.01", "3"],
        ["standard", "mnist", "4", "bicubic", "7", "0.001", "2"],
        ["standard", "mnist", "4", "bicubic", "7", "0.001", "1"],
        ["standard", "trafficsign", "1", "bicubic", "", "0.01", "3"],
    ]
    numbers = ("test_acc", "test_loss", "best_acc", "train_time", "avg_time")
    assert [[one.pop(f"metrics.{name}") for name in numbers] for one in found] == [
        ["68.75", "0.75", "87.5", "3.5", "3.25"],
        ["62.5", "0.5", "75.0", "2.5", "2.25"],
        ["56.25", "0.25", "62.5", "1.5", "1.25"],
        ["68.75", "", "87.5", "3.5", "3.25"],
    ]
    runs = [one.pop("tags.isotrope.run") for one in found]
    assert runs == [
        "pixel_pool/stir_emoji/one",
        *["standard/stir_mnist/one"] * 2,
        "standard/stir_traffic/one",
    ]
    assert found == [{}] * 4


def test_every_cell_of_a_table_of_scales(folder):
    export("scale", folder)
    head, *rows = text((folder / "generalization_mnist.csv").read_text())
    scales = [f"s{scale}" for scale in range(17, 65)]
    assert head == ["", "model", "data", "eval", *scales]
    between = [""] * 46
    assert rows == [
        ["0", "standard", "mnist", "4", "0.625", *between, "0.125"],
        ["1", "standard", "mnist", "4", "0.6875", *between, "0.1875"],
    ]


def test_without_further_tables_there_is_one_file_without_losses(folder):
    for name in ("predictions", "scale_generalization"):
        (paths.table_folder("scale") / f"{name}.csv").unlink()
    assert export("scale", folder) == [folder / "clean.csv"]
    assert pandas.read_csv(folder / "clean.csv")["metrics.test_loss"].isna().all()
    assert published_rows._last_epochs(folder / "absent.csv") == {}
