"""The published numbers of the scale study, against what the paper's results are known to be."""

from pathlib import Path

import pandas
import pytest

from isotrope.files.tables import PUBLISHED_COLUMNS, read_table

PATH = Path(__file__).parents[2] / "workflow" / "published" / "scale.csv"
SPREAD = (
    *("minimum", "lower_whisker", "lower_quartile", "median"),
    *("upper_quartile", "upper_whisker", "maximum"),
)
ACCURACIES = ("accuracy", *SPREAD, "collapsed", "accuracy_not_collapsed", "median_not_collapsed")
FIRST_AND_LAST = {"small2large": (17, 32), "mid2rest": (33, 48), "large2small": (49, 64)}


@pytest.fixture(scope="module")
def scale() -> pandas.DataFrame:
    return read_table(PATH, PUBLISHED_COLUMNS)


@pytest.mark.parametrize(
    ("dataset", "model", "scenario", "mean", "spread", "n"),  # percent
    [
        ("emoji", "standard", "small2large", 17.72, 2.86, 50),
        ("emoji", "standard", "mid2rest", 39.11, 3.67, 50),
        ("emoji", "ensemble", "mid2rest", 66.50, 4.85, 50),
        ("emoji", "pixel_pool", "all2all", 67.34, 44.97, 50),
        ("emoji", "energy_pool", "large2small", 5.12, 1.26, 50),
        ("mnist", "spatial_transform", "small2large", 35.39, 29.37, 25),
        ("mnist", "slice_pool", "mid2rest", 89.74, 1.37, 25),
        ("trafficsign", "hermite", "mid2rest", 82.47, 0.95, 25),
        ("aerial", "xu", "small2large", 66.55, 2.69, 25),
        ("aerial", "conv3d", "all2all", 87.03, 1.24, 25),
    ],
)
def test_accuracies_are_those_of_the_published_tables(
    scale: pandas.DataFrame,
    dataset: str,
    model: str,
    scenario: str,
    mean: float,
    spread: float,
    n: int,
) -> None:
    row = cell(scale, "accuracy", dataset, model, scenario).loc["accuracy"]
    assert 100 * row["value"] == pytest.approx(mean, abs=0.0051)
    assert 100 * row["spread"] == pytest.approx(spread, abs=0.0051)
    assert row["n"] == n


def test_every_model_data_set_scenario_and_scale_stands_once(scale: pandas.DataFrame) -> None:
    assert not scale.duplicated(["table", "model", "dataset", "setting", "metric"]).any()
    sizes = scale.groupby(["table", "metric"]).size()
    cells = 11 * 4 * 4
    assert dict(sizes) == {
        **{("accuracy", metric): cells for metric in ACCURACIES},
        ("scale_generalization", "accuracy"): cells * 48,
        ("training", "epochs"): 1,
        ("training", "learning_rate"): cells,
        ("training", "seconds_per_epoch_last"): 11 * 4,
        ("training", "seconds_per_epoch_mean"): 11 * 4,
    }
    accuracies = scale[scale["metric"].eq("accuracy")]
    assert accuracies["value"].between(0, 1).all()
    assert accuracies["spread"].between(0, 0.5).all()
    assert PATH.stat().st_size < 2_000_000


def test_accuracy_is_the_mean_over_the_scales_that_were_not_trained_on(
    scale: pandas.DataFrame,
) -> None:
    at = scale[scale["table"].eq("scale_generalization")]
    at = at.join(at["setting"].str.extract(r"scenario=(?P<scenario>\w+),scale=(?P<scale>\d+)"))
    limits = at["scenario"].map(lambda one: FIRST_AND_LAST.get(one, (0, 0)))
    trained = [a <= int(s) <= b for (a, b), s in zip(limits, at["scale"], strict=True)]
    at = at[~pandas.Series(trained, at.index)]
    means = at.groupby(["model", "dataset", "scenario"])["value"].mean()

    overall = scale[scale["table"].eq("accuracy") & scale["metric"].eq("accuracy")]
    overall = overall.assign(scenario=overall["setting"].str.removeprefix("scenario="))
    overall = overall.set_index(["model", "dataset", "scenario"])["value"]
    # the authors tested twice, and an image in 16 000 fell otherwise the second time
    assert (means - overall).abs().max() < 1e-5


def cell(
    scale: pandas.DataFrame, table: str, dataset: str, model: str, scenario: str
) -> pandas.DataFrame:
    """The rows of one cell, by metric."""
    chosen = (
        scale["table"].eq(table)
        & scale["dataset"].eq(f"stir/{dataset}")
        & scale["model"].eq(model)
        & scale["setting"].eq(f"scenario={scenario}")
    )
    return scale[chosen].set_index("metric")


@pytest.mark.parametrize(
    ("dataset", "model", "scenario", "collapsed", "n", "mean", "spread"),  # percent
    [
        ("emoji", "pixel_pool", "all2all", 16, 50, 97.72, 5.70),
        ("emoji", "spatial_transform", "mid2rest", 2, 50, 47.48, 11.83),
        ("emoji", "energy_pool", "small2large", 6, 50, 3.03, 0.69),
        ("mnist", "spatial_transform", "small2large", 14, 25, 67.70, 4.41),
        ("trafficsign", "spatial_transform", "small2large", 1, 25, 52.20, 3.39),
        ("aerial", "energy_pool", "small2large", 0, 25, 47.26, 6.72),
    ],
)
def test_collapsed_runs_are_counted_and_set_apart(
    scale: pandas.DataFrame,
    dataset: str,
    model: str,
    scenario: str,
    collapsed: int,
    n: int,
    mean: float,
    spread: float,
) -> None:
    found = cell(scale, "accuracy", dataset, model, scenario)
    assert (found.at["collapsed", "value"], found.at["collapsed", "n"]) == (collapsed, n)
    rest = found.loc["accuracy_not_collapsed"]
    assert 100 * rest["value"] == pytest.approx(mean, abs=0.0051)
    assert 100 * rest["spread"] == pytest.approx(spread, abs=0.0051)
    assert rest["n"] == n - collapsed == found.at["median_not_collapsed", "n"]


def test_spreads_are_in_order_and_lie_within_their_box_lengths(scale: pandas.DataFrame) -> None:
    rows = scale[scale["table"].eq("accuracy") & scale["metric"].isin(SPREAD)]
    wide = rows.pivot(index=["model", "dataset", "setting"], columns="metric", values="value")
    assert (wide[list(SPREAD)].diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
    reach = 1.5 * (wide["upper_quartile"] - wide["lower_quartile"]) + 1e-6
    assert (wide["lower_quartile"] - wide["lower_whisker"] <= reach).all()
    assert (wide["upper_whisker"] - wide["upper_quartile"] <= reach).all()
    best = wide.xs("scenario=mid2rest", level="setting")["maximum"]
    # the networks that figure 7 and supplementary figure 4 show
    assert best["slice_pool", "stir/emoji"] == pytest.approx(0.7396, abs=5e-5)
    assert best["pixel_pool", "stir/emoji"] == pytest.approx(0.8377, abs=5e-5)


@pytest.mark.parametrize(
    ("dataset", "model", "last"),  # seconds
    [
        ("emoji", "standard", 0.11),
        ("mnist", "ensemble", 4.45),
        ("trafficsign", "pixel_pool", 80.99),
        ("aerial", "conv3d", 25.20),
    ],
)
def test_times_are_those_of_the_published_table(
    scale: pandas.DataFrame, dataset: str, model: str, last: float
) -> None:
    found = cell(scale, "training", dataset, model, "mid2rest")["value"]
    assert found["seconds_per_epoch_last"] == pytest.approx(last, abs=0.0051)
    assert 1 < found["seconds_per_epoch_mean"] / found["seconds_per_epoch_last"] < 1.7


def test_the_larger_learning_rate_was_chosen_in_18_cells(scale: pandas.DataFrame) -> None:
    rates = scale[scale["metric"].eq("learning_rate")]["value"]
    assert set(rates) == {0.01, 0.001}
    assert (rates == 0.01).sum() == 18
