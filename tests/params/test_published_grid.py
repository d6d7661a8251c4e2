"""The published grid of the scale study: a param-file for every cell, set as published."""

from itertools import product
from pathlib import Path

import pytest

from isotrope import paths, registry
from isotrope.params.yaml_marks import parse

ROOT = Path(__file__).parents[2] / paths.PARAM_FILES
MODELS = (
    *("standard", "spatial_transform", "ensemble", "xu", "kanazawa", "hermite", "disco"),
    *("pixel_pool", "slice_pool", "energy_pool", "conv3d"),
)
TASKS = ("emoji", "mnist", "trafficsign", "aerial")
SCENARIOS = ("small2large", "mid2rest", "large2small", "all2all")
CELLS = list(product(MODELS, TASKS, SCENARIOS))
TRAINING = {
    "epochs": 200,
    "batch_size": 16,
    "optimizer": {"name": "adam", "learning_rate": 1e-3},
    "early_stopping": {"patience": 10, "by": "validation_accuracy"},
    "precision": "float32",
}
SWEEP = {"training.optimizer.learning_rate": [1e-2, 1e-3]}
SELECT = {"by": "validation_accuracy", "statistic": "median", "seeds": "1-5", "ties": "last"}
LONG = ("slice_pool", "conv3d")  # their shifted images take hours, so they have jobs of their own
SHIFTED = [  # beyond the paper
    {"name": "shift_accuracy", "each_shift": False},
    {"name": "shift_consistency", "protocols": ["each"]},
]


@pytest.fixture(scope="module")
def grid():
    """What every file of the grid says, by model, task and scenario."""
    return {
        (model, task, scenario): parse(
            (ROOT / model / f"stir_{task}" / f"{scenario}.yaml").read_text(encoding="utf-8")
        ).value
        for model, task, scenario in CELLS
    }


def test_every_cell_says_its_model_data_and_seeds(grid):
    for (model, task, scenario), said in grid.items():
        source = "embedded" if task == "emoji" else "download"
        expected = {"name": "stir", "task": task, "source": source, "scenario": scenario}
        assert said["dataset"] == expected
        assert said["model"]["name"] == model
        assert said["seeds"] == ("1-50" if task == "emoji" else "1-25")
        assert (said["study"], said["series"]) == ("scale", "published")


def test_every_cell_is_trained_and_chosen_as_published(grid):
    for said in grid.values():
        assert said["training"] == TRAINING
        assert said["sweep"] == SWEEP
        assert said["select"] == SELECT
        assert set(said["model"]) <= {"name", "kernel_size", "interpolation"}
        assert said["model"].get("interpolation", "bicubic") == "bicubic"
        assert said["model"]["kernel_size"] == 7


def test_a_model_has_one_label_and_no_two_share_it(grid):
    labels = {(model, said["label"]) for (model, _, _), said in grid.items()}
    assert len(labels) == len({label for _, label in labels}) == len(MODELS)


def test_every_cell_has_the_evaluations_that_its_model_has_parts_for(grid):
    for (model, task, scenario), said in grid.items():
        parts = registry.literal("models", model, "PARTS")
        expected = ["accuracy", "scale_generalization"]
        if {"stage1", "stage2"} <= parts and model != "conv3d" and task != "aerial":
            expected.append("scale_equivariance")  # the aerial boxes are not square
        if {"pool1", "pool2"} <= parts:
            expected.append("index_correlation")
        if (task, scenario) == ("emoji", "mid2rest"):
            more = {"resources": {"runtime": "4h"}} if model in LONG else {}
            expected += [one | more for one in SHIFTED]
        assert said["evaluations"] == expected


def test_what_comes_beyond_the_published_grid_is_made_only_when_asked_for():
    published = {f"{model}/stir_{task}/{scenario}" for model, task, scenario in CELLS}
    others = {
        path.relative_to(ROOT).with_suffix("").as_posix(): parse(path.read_text("utf-8")).value
        for path in ROOT.rglob("*.yaml")
    }
    series = {
        said["series"]
        for name, said in others.items()
        if name not in published and said["study"] == "scale"
    }
    assert series == {"demo", "extra"}
