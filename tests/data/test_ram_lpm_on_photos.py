"""RAM-LPM as configured for ImageNet, on a made folder of photos, ended and taken up again."""

import os
import signal
from pathlib import Path

import pytest
import torch
from made_up_imagenet import write_imagenet
from safetensors.torch import load_file
from toy_runs import start, toy_task, train_logged, wait_for

from isotrope.data import imagenet
from isotrope.datasets.building import build_dataset
from isotrope.params.modelling import settings_of
from isotrope.params.training import Training

LOG = Path("train.log")
SMALL = {  # of the published configuration but narrower, and two glimpses
    "configuration": "imagenet",
    "glimpses": 2,
    "what_channels": [4] * 11,
    "where_channels": [4, 4, 2],
    "what_hidden": 8,
    "where_hidden": 6,
    "monte_carlo": 2,
    "normalise": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
}
GROUPS = {"where": {"learning_rate": 1e-4}, "baseline": {"learning_rate": 1e-2}}


def task_of(run):
    adam = {"name": "adam", "learning_rate": 1e-3, "groups": GROUPS}
    settings = {"epochs": 5, "batch_size": 5, "optimizer": adam, "keep": "last"}
    return toy_task(
        run=f"ram_lpm/imagenet/{run}",
        pack="1",
        seeds=[1],
        model_name="ram_lpm",
        model_params=settings_of("ram_lpm")(**SMALL),
        dataset_name="imagenet",
        dataset_params=params(),
        training=Training.model_validate(settings).on_dataset("imagenet"),
        save_every=0.0,
    )


def in_a_process(task):
    """Train to the end; threads that were used here would be lost in forks."""
    process = start(train_logged, task, LOG)
    process.join(120)
    assert process.exitcode == 0


def params():
    return imagenet.Params(source="local", fit="pad", size=48, view="basic", valid_from="test")


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A project folder with an index of three classes of photos."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path / "mine"))
    write_imagenet(tmp_path / "mine", monkeypatch)
    build_dataset("imagenet", params(), "d")
    return tmp_path


@pytest.mark.usefixtures("photos")
def test_a_training_that_is_ended_goes_on_to_the_same_weights():
    whole = task_of("whole")
    in_a_process(whole)
    expected = load_file(whole.folder / "weights.safetensors")

    ended = task_of("ended")
    process = start(train_logged, ended, LOG)
    wait_for(lambda: ended.unfinished(1).exists(), 60)
    os.kill(process.pid, signal.SIGTERM)
    process.join(60)
    assert process.exitcode == 143
    in_a_process(ended)

    found = load_file(ended.folder / "weights.safetensors")
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)
    history = (ended.folder / "history.csv").read_text(encoding="utf-8").splitlines()
    assert {"nll", "baseline_mse", "reinforce"} <= {
        name.partition("/")[0].removeprefix("train_") for name in history[0].split(",")
    }
    assert len(history) == 1 + 5
