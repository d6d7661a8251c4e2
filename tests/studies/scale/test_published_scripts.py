"""What the authors' plotting scripts select from their files, they select from ours, too."""

from pathlib import Path

import numpy as np
import pandas
import pytest
from made_up_exports import SCALES, right, tables

from isotrope.studies.scale.cells import MODELS, SCENARIOS
from isotrope.studies.scale.export_published import export
from isotrope.studies.scale.published_rows import DATA, EVALUATIONS

SEEDS = (1, 3)
CELLS = [
    (task, model, scenario, 0.001, SEEDS)
    for task in DATA
    for model in MODELS
    for scenario in SCENARIOS
]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The files of a study whose eleven models ran on all data in all scenarios."""
    folder = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        tables(cells=CELLS)
        export("scale", Path("ours"))
    return folder / "ours"


@pytest.fixture(scope="module")
def clean(exported):
    return pandas.read_csv(exported / "clean.csv")


def seeds_of(model, task):
    """Accuracies at each scale of the seeds as the files have them, the highest first."""
    return np.array([[right(task, model, seed, s) for s in SCALES] for seed in SEEDS[::-1]])


def cells():
    """What a figure asks for: data, model and the number of the scenario."""
    return [(task, model, EVALUATIONS[scenario]) for task, model, scenario, *_ in CELLS]


def test_the_figures_of_accuracy_find_every_model_by_interpolation_and_kernel_size(clean):
    assert len(cells()) == 4 * 11 * 4
    for task, model, evaluation in cells():
        rows = clean[
            (clean["params.model"] == model)
            & (clean["params.data"] == task)
            & (clean["params.interpolation"] == "bicubic")
            & (clean["params.kernel_size"] == 7)
            & (clean["params.evaluation"] == evaluation)
        ]
        assert rows["metrics.test_acc"].notna().tolist() == [True, True], (task, model)
        assert rows["params.seed"].tolist() == [3, 1]


def test_the_figures_by_scale_find_every_model_in_the_files_of_all_data(exported):
    files = [pandas.read_csv(exported / f"generalization_{task}.csv") for task in DATA]
    found = pandas.concat(files)
    for task, model, evaluation in cells():
        rows = found[
            (found["data"] == task) & (found["model"] == model) & (found["eval"] == evaluation)
        ]
        means = [np.mean(rows[f"s{scale}"]) for scale in range(17, 65)]
        np.testing.assert_allclose(means, seeds_of(model, task).mean(axis=0), rtol=1e-12)


def test_the_table_of_times_has_every_model_and_data_set(clean):
    found = clean[clean["params.evaluation"] == 2]
    table = pandas.pivot_table(
        found,
        values="metrics.train_time",
        index="params.model",
        columns="params.data",
        aggfunc="mean",
        sort=False,
    )[["emoji", "mnist", "trafficsign", "aerial"]]
    assert sorted(table.index) == sorted(MODELS)
    assert (table == 1.5).all(axis=None)


@pytest.mark.parametrize("model", ["pixel_pool", "slice_pool"])
def test_the_figures_of_kernel_sizes_find_the_best_run(clean, model):
    rows = clean[
        (clean["params.data"] == "emoji")
        & (clean["params.model"] == model)
        & (clean["params.evaluation"] == 2)
    ]
    best = rows.loc[rows["metrics.test_acc"].idxmax()]
    assert best["metrics.test_acc"] == rows["metrics.test_acc"].max()
    assert len(best["run_id"]) == 32


def test_the_rule_of_the_learning_rate_finds_five_seeds_at_the_end_of_each_cell(clean):
    for task, model, evaluation in cells():
        rows = clean[
            (clean["params.model"] == model)
            & (clean["params.data"] == task)
            & (clean["params.evaluation"] == evaluation)
            & (clean["params.lr"] == 1e-3)
            & (clean["status"] == "FINISHED")
        ]
        assert np.median(rows.tail(5)["metrics.best_acc"].to_numpy()) == 52
