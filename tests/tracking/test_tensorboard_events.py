"""Seeds as event files: read back as TensorBoard reads them, and never twice."""

import csv
import math
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tracked_runs import DIVERGING, NAME, SCALES, SECOND, tracked

from isotrope import paths
from isotrope.errors import UserError
from isotrope.tracking.seeds import BY_EPOCH, TrackedSeed, Value

FOLDER = paths.TRACKING / "tensorboard"


def events(seed):
    found = EventAccumulator(paths.events(NAME, "base", seed).as_posix())
    return found.Reload()


def curve(seed, tag):
    return [(one.step, one.value) for one in events(seed).Scalars(tag)]


def content():
    return {path: path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}


def test_epochs_and_results_are_read_back(trained):
    trained.evaluate("scale_generalization")
    assert tracked("tensorboard") == "2 new"

    with (trained.pack / "history.csv").open(newline="") as file:
        epochs = [row for row in csv.DictReader(file) if row["seed"] == "2"]
    with (trained.pack / "results.csv").open(newline="") as file:
        results = [row for row in csv.DictReader(file) if row["seed"] == "2"]
    single = pytest.approx  # event files hold single precision
    for column in ("train_loss", "validation_accuracy"):
        steps, values = zip(*curve(2, f"training/{column}"), strict=True)
        assert steps == (1, 2)
        assert values == single([float(row[column]) for row in epochs], rel=1e-6)
    assert curve(2, "accuracy/accuracy") == [(0, single(float(results[0]["value"]), rel=1e-6))]
    steps, values = zip(*curve(2, "scale_generalization/accuracy by scale"), strict=True)
    assert steps == SCALES
    assert values == single([float(row["value"]) for row in results[1:]], rel=1e-6)
    assert curve(2, "trained/epochs") == [(0, 2.0)]


def test_epochs_end_between_start_and_finish_in_the_order_of_time(trained):
    tracked("tensorboard")
    times = [one.wall_time for one in events(1).Scalars("training/train_loss")]
    assert times == sorted(times)
    assert events(1).FirstEventTimestamp() <= times[0]
    assert times[-1] == events(1).Scalars("trained/epochs")[0].wall_time


def test_the_settings_are_hyperparameters_and_the_seeds_of_a_point_one_trial(trained):
    tracked("tensorboard")
    trials = [
        HParamsPluginData.FromString(
            events(seed).summary_metadata["_hparams_/session_start_info"].plugin_data.content
        ).session_start_info
        for seed in (1, 2)
    ]
    assert {trial.group_name for trial in trials} == {f"{NAME}, base"}
    settings = trials[0].hparams
    assert settings["training.epochs"].number_value == 4
    assert settings["model.bias"].bool_value is True
    assert settings["model"].string_value == "toy"
    assert "seed" not in settings


def test_the_same_seed_again_touches_nothing(trained):
    tracked("tensorboard")
    before = content()
    assert tracked("tensorboard") == "2 as before"
    assert content() == before


def test_every_process_writes_the_same_bytes(tmp_path):
    settings = {f"model.setting_{i}": i for i in range(40)}
    values = {BY_EPOCH: [Value("train_loss", 0.5, 1, 1e9)]}
    seed = TrackedSeed(
        *(NAME, "base", 1, "d" * 16, "scale", "done", 1e9, 1e9),
        *(settings, {}, values, {}, Path("weights.safetensors")),
    )
    program = (
        "import pickle, sys; from isotrope.tracking import tensorboard_events\n"
        "with tensorboard_events.opened() as writer:\n"
        "    print(writer.put(pickle.load(sys.stdin.buffer))[0])"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", program],
            input=pickle.dumps(seed),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert said == [b"new\n", b"as before\n"]


def test_a_changed_seed_replaces_its_folder(trained):
    tracked("tensorboard")
    paths.events(NAME, "base", 1).joinpath("events.out.tfevents.1.partial").touch()
    assert tracked("tensorboard") == "1 brought up to date, 1 as before"
    trained.train(SECOND)

    assert tracked("tensorboard") == "2 brought up to date"

    assert len(content()) == 2
    assert "accuracy/accuracy" not in events(1).Tags()["scalars"]
    assert [path.name for path in FOLDER.parent.glob(".*")] == [".lock"]


def test_a_diverged_seed_keeps_its_infinite_losses(trained):
    trained.train(SECOND, model_params=DIVERGING)
    tracked("tensorboard")
    ((step, value),) = curve(2, "training/train_loss")
    assert step == 1
    assert not math.isfinite(value)


def test_a_folder_that_cannot_be_written_is_named(trained):
    FOLDER.parent.mkdir()
    FOLDER.write_text("a file in its place")
    with pytest.raises(UserError, match=r"tensorboard/toy/toy/plain/base/seed-1 could not be writ"):
        tracked("tensorboard")
