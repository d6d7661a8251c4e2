from collections.abc import Callable
from pathlib import Path

import pandas
import pytest
from made_up_tables import SCALES, accuracy, tables_for

from isotrope.figures.scale import accuracy_summary
from isotrope.results.drawing import draw_figure

MakeTables = Callable[..., Path]
NAME = "accuracy_summary"


def drawn(folder: Path, published_csv: Path | None) -> tuple[str, pandas.DataFrame]:
    svg, _, data = draw_figure(
        "scale", "accuracy_summary", folder, published_csv, folder / "figure"
    )
    columns = ["scenario", "form", "origin", "name"]
    return svg.read_text(), pandas.read_csv(data).set_index(columns).sort_index()


def of(model: str, seed: int) -> float:
    return sum(accuracy(model, seed, scale) for scale in SCALES) / len(SCALES)


def test_published_form_has_means_and_medians_of_all_seeds_and_the_corrected_form_medians(
    make_tables: MakeTables, published_csv: Path
) -> None:
    _, data = drawn(make_tables(scenarios=["mid2rest", "all2all"]), published_csv)
    one, two, collapsed = (of("ensemble", seed) for seed in (1, 2, 3))
    expected = {
        ("mid2rest", "published"): ("mean", (one + two + collapsed) / 3, 3),
        ("all2all", "published"): ("median", one, 3),
        ("mid2rest", "corrected"): ("median", (one + two) / 2, 2),
        ("all2all", "corrected"): ("median", (one + two) / 2, 2),
    }
    assert collapsed < one < two
    for (scenario, form), (statistic, value, n) in expected.items():
        row = data.loc[(scenario, form, "measured", "ensemble")]
        assert (row["statistic"], row["n"], row["collapsed"]) == (statistic, n, 1)
        assert row["value"] == pytest.approx(value)
    assert data.loc[("mid2rest", "corrected", "measured", "standard"), "diverged"] == 1


def test_published_values_are_of_the_same_statistic(
    make_tables: MakeTables, published_csv: Path
) -> None:
    folder = make_tables(models=["pixel_pool"], scenarios=["mid2rest", "all2all"])
    svg, data = drawn(folder, published_csv)
    assert data.loc[("mid2rest", "published", "published", "pixel_pool"), "value"] == pytest.approx(
        0.7661, abs=5e-5
    )
    # a third of these runs collapsed: the mean would be 0.673
    for form in ("published", "corrected"):
        row = data.loc[("all2all", form, "published", "pixel_pool")]
        assert row["value"] > 0.98
        assert row["collapsed"] == 16
    assert "16 of 50" in svg


def test_three_best_of_a_data_set_are_marked(make_tables: MakeTables) -> None:
    models = ["standard", "xu", "kanazawa", "hermite", "disco"]
    table = {model: 0.1 * (1 + i) for i, model in enumerate(models)}
    folder = make_tables(models=models, accuracy_of=lambda key, scale: table[key[0]], status={})
    _, data = drawn(folder, None)
    best = data.loc[("mid2rest", "corrected", "measured")]["best"]
    assert set(best[best].index) == {"kanazawa", "hermite", "disco"}


@pytest.mark.parametrize(("lowest", "begin"), [(0.1, 7), (0.38, 35), (0.5, 36)])
def test_panels_begin_at_36_percent_or_below_the_lowest_accuracy(
    make_tables: MakeTables, lowest: float, begin: float
) -> None:
    folder = make_tables(status={}, accuracy_of=lambda key, _: lowest + (key[0] == "ensemble") / 2)
    figure, _ = accuracy_summary.draw(tables_for(NAME, folder))
    assert figure.axes[0].get_xlim() == (pytest.approx(begin), 104)


def test_models_that_the_paper_leaves_out_are_left_out_unless_alone(
    make_tables: MakeTables,
) -> None:
    _, data = drawn(make_tables(models=["standard", "energy_pool"]), None)
    assert set(data.index.get_level_values("name")) == {"standard"}
    _, data = drawn(make_tables(models=["energy_pool"]), None)
    assert set(data.index.get_level_values("name")) == {"energy_pool"}


def test_other_scenarios_are_shown_where_the_published_ones_are_absent(
    make_tables: MakeTables,
) -> None:
    svg, data = drawn(make_tables(scenarios=["small2large"]), None)
    assert set(data.index.get_level_values("scenario")) == {"small2large"}
    assert "small2large. Corrected: median without collapsed" in svg
