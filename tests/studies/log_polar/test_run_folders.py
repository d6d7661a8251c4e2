"""Results in the files of the log-polar author's run folders, from tables that are made up."""

import json
from pathlib import Path

import pandas
import pytest
import torch
import yaml

from isotrope import build_model, paths
from isotrope.datasets.building import build_dataset
from isotrope.digests import dataset_digest
from isotrope.errors import UserError
from isotrope.files.tables import RUN_COLUMNS
from isotrope.packs import summary
from isotrope.params.param_file import read_run
from isotrope.studies.log_polar import run_folders
from isotrope.studies.log_polar.export_run_folders import export, export_parts
from isotrope.studies.log_polar.run_names import folder_of
from isotrope.tasks.by_hand import training_tasks
from isotrope.training.pack import train_pack
from isotrope.training.progress import Report

RUN = "deep_lp/mnist/standard"
KEY = {"run": RUN, "point": "base", "seed": 3}
COUNT = 200
HERE = "Deep_LP_train/mnist/standard/standard_3"


def row(metric, value, **settings):
    return {**KEY, **settings, "metric": metric, "value": value, "n": COUNT}


@pytest.fixture
def tables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = paths.table_folder("log_polar")
    folder.mkdir(parents=True)
    runs = [
        {**dict.fromkeys(RUN_COLUMNS, ""), **KEY, "seed": seed, "status": status}
        | {"model": "deep_lp", "dataset": "mnist", "training_digest": "d" * 16}
        for seed, status in ((3, "done"), (4, "diverged"))
    ]
    scaling = [
        row(metric, value, canvas=canvas, scale=scale)
        for scale, accuracy in ((0.5, 0.8), (1.0, 0.95), (1.25, 0.9))
        for canvas, shift in (("kept", -0.1), ("resized", 0))
        for metric, value in (("accuracy", accuracy + shift), ("loss", 1 - accuracy))
    ]
    scaling.append(row("worst", 0.7, canvas="kept", scale=None))
    turns = [
        row("accuracy", (150 + k) / COUNT, angle=angle)
        for k, angle in enumerate((0.0, 5.0, 15.0, 30.0))
    ]
    shifts = [row("accuracy", 0.5, shift=-4.0, size=20.0), row("mean", 0.5, shift=None, size=None)]
    shifts.append(row("accuracy", 0.25, shift=7.0, size=42.0))
    for name, rows in {
        "runs": runs,
        "scaling": scaling,
        "rotation": turns,
        "translation_published": shifts,
        "mnist_r": [row("accuracy", 0.75)],
        "rot_mnist": [row("accuracy", 0.5)],
    }.items():
        pandas.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False)
    return folder


def read(path):
    return yaml.safe_load(path.read_text())


def test_the_sweep_is_in_the_order_of_the_original(tables, tmp_path):
    export("log_polar", tmp_path / "theirs")

    found = read(tmp_path / "theirs" / HERE / "evaluate_results.yaml")
    assert [entry["transform"] for entry in found] == [
        {"scale": 1},
        {"scale": 0.5},
        {"angle": 5},
        {"angle": 15},
        {"angle": 30},
        {"t_x": -4, "t_y": -4, "out_size": [28, 28]},
        {"angle": 0},
        {"angle": 15},
        {"angle": 30},
        {"scale": 1.25},
        {"t_x": 7, "t_y": 7, "out_size": [28, 28]},
    ]


def test_an_entry_has_accuracy_loss_counts_and_an_interval_about_the_accuracy(tables, tmp_path):
    export("log_polar", tmp_path / "theirs")

    first, second, third = read(tmp_path / "theirs" / HERE / "evaluate_results.yaml")[:3]
    assert list(first)[:3] == ["acc", "loss", "transform"]
    assert (first["acc"], first["n"], first["correct"]) == (0.95, COUNT, 190)
    assert first["loss"] == pytest.approx(0.05)
    assert second["loss"] == pytest.approx(0.2)
    assert third["loss"] is None  # the table has none
    # Wilson's interval of 190 of 200 in closed form
    share, z = 0.95, 1.959963984540054
    middle, half = (
        share + z**2 / (2 * COUNT),
        z * (share * (1 - share) / COUNT + (z / (2 * COUNT)) ** 2) ** 0.5,
    )
    expected = [(middle + sign * half) / (1 + z**2 / COUNT) for sign in (-1, 1)]
    assert first["wilson95"] == pytest.approx(expected)


def test_other_data_and_sizes_have_files_of_their_own(tables, tmp_path):
    written = export("log_polar", tmp_path / "theirs")

    folder = tmp_path / "theirs" / HERE
    assert [(one["acc"], one["transform"]) for one in read(folder / "mnist_r_results.yaml")] == [
        (0.75, "mnist_r")
    ]
    assert [one["transform"] for one in read(folder / "rot_mnist_results.yaml")] == ["rot_mnist"]
    sizes = read(folder / "evaluate_scale_results.yaml")
    assert [one["transform"]["scale"] for one in sizes] == [1, 0.5, 1.25]
    assert sorted(path.name for path in written) == sorted(path.name for path in folder.iterdir())


def test_lines_of_json_say_the_same_and_which_seed_it_is(tables, tmp_path):
    export("log_polar", tmp_path / "theirs")

    folder = tmp_path / "theirs" / HERE
    lines = [
        json.loads(line) for line in (folder / "evaluate_results.jsonl").read_text().splitlines()
    ]
    assert [{k: one[k] for k in ("run", "seed")} for one in lines] == [{"run": RUN, "seed": 3}] * 11
    assert [one["acc"] for one in lines] == [
        one["acc"] for one in read(folder / "evaluate_results.yaml")
    ]


def test_a_seed_that_diverged_has_no_folder(tables, tmp_path):
    export("log_polar", tmp_path / "theirs")
    assert [path.name for path in (tmp_path / "theirs" / HERE).parent.iterdir()] == ["standard_3"]


def test_a_point_of_a_sweep_has_a_folder_of_its_own(tmp_path):
    run = {"run": "cnn/mnist/mine", "point": "learning_rate=0.1", "seed": 2, "model": "cnn"}
    assert folder_of(run, tmp_path) == (
        tmp_path / "cnn_train/mnist/mine_learning_rate=0.1/mine_learning_rate=0.1_2"
    )


def test_tables_without_a_tested_run_are_told(tables, tmp_path):
    for name in ("scaling", "rotation", "translation_published", "mnist_r", "rot_mnist"):
        (tables / f"{name}.csv").unlink()
    with pytest.raises(UserError, match="no tested run is in the tables rotation, scaling"):
        export("log_polar", tmp_path / "theirs")


def test_settings_alone_are_written_of_every_seed_without_its_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(run_folders, "_config", lambda run, where: {"seed": run["seed"]})
    runs = [{**KEY, "seed": seed, "model": "deep_lp", "dataset": "mnist"} for seed in (3, 4, 5)]
    found = list(run_folders.export_trained(runs, tmp_path, ["config"]))
    assert [read(path)["seed"] for path in found] == [3, 4, 5]


@pytest.mark.parametrize("part", ["config", "weights", "checkpoints"])
def test_parts_of_a_seed_that_is_not_at_hand_are_refused(tables, tmp_path, part):
    with pytest.raises(UserError, match=f"{RUN}: seed 3 is not at hand; run `snakemake runs`"):
        list(export_parts("log_polar", tmp_path / "theirs", [part], "cpu", 1))


TRAINED = """\
study: log_polar
seeds: 3
dataset: {name: mnist, source: digits8, train_images: 8, test_images: 2}
model: {name: deep_lp, channels: [4], kernel_sizes: [3], widths: [], ntau: 4, num_angles: 4,
  tau_max: 4, topk: 0, batch_norm: true, dropout: 0}
training:
  epochs: 2
  batch_size: 4
  optimizer: {name: adam, learning_rate: 0.01, weight_decay: 0.25}
  keep: last
  monitor: {weights: ['*']}
evaluations: [accuracy]
"""


def test_a_trained_seed_has_its_settings_weights_and_weights_of_each_epoch(tables, tmp_path):
    path = paths.PARAM_FILES / f"{RUN}.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(TRAINED)
    point = read_run(path).points[0]
    dataset, model = point.dataset, point.model
    build_dataset("mnist", dataset.params, dataset_digest("mnist", dataset.params))
    (task,) = training_tasks(path, "base", None, None, "cpu", 1)
    train_pack(task, Report(lambda _: None))
    runs = pandas.read_csv(tables / "runs.csv").assign(training_digest=task.training_digest)
    runs["parameters"] = 321
    runs.to_csv(tables / "runs.csv", index=False)

    parts = ["config", "weights", "checkpoints"]
    list(export_parts("log_polar", tmp_path / "theirs", parts, "cpu", 1))

    folder = tmp_path / "theirs" / HERE
    config = read(folder / "train_config.yaml")
    assert config["model"]["classname"] == "DeepLP"
    assert config["model"]["num_params"] == 321
    arguments = {"lr": 0.01, "weight_decay": 0.25}
    assert config["optimizer"] == {"type": "adam", "params": arguments}
    assert (config["num_epochs"], config["batch_size"]) == (2, 4)
    for split, is_training in (("train", True), ("val", False)):
        data = config[f"{split}_data_dir"]
        assert (data["type"], data["kwargs"]["train"]) == ("mnist", is_training)
        assert data["kwargs"]["train_images"] == 8
    assert Path(config["out_dir"], config["param"]) == folder
    (said,) = summary.read(task.folder).content["seeds"]
    done = config["execution"]
    assert (done["local_start"], done["local_stop"]) == (said["started"], said["finished"])
    assert done["epochs_completed"] == 2
    last = pandas.read_csv(task.folder / "history.csv").iloc[-1]
    assert {*done["stats"].values()} <= {*last}
    assert len(done["stats"]) > 1
    assert not (folder / "checkpoints" / "DeepLP_epoch0.pt").exists(), "before training"
    kept = [
        torch.load(folder / name, weights_only=True)
        for name in ("DeepLP.pt", "checkpoints/DeepLP_epoch2.pt", "checkpoints/DeepLP_epoch1.pt")
    ]
    torch.testing.assert_close(kept[0], kept[1], rtol=0, atol=0)
    build_model("deep_lp", (1, 28, 28), 10, **model.params.model_dump()).load_state_dict(kept[2])
