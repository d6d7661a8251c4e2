from collections.abc import Callable
from pathlib import Path

import pandas
import pytest
from made_up_tables import ALL, accuracy, tables_for

from isotrope.figures.scale import scale_generalization_summary
from isotrope.results.drawing import draw_figure

MakeTables = Callable[..., Path]
NAME = "scale_generalization_summary"


def drawn(folder: Path, published_csv: Path | None) -> tuple[str, pandas.DataFrame]:
    svg, _, data = draw_figure("scale", NAME, folder, published_csv, folder / "figure")
    return svg.read_text(), pandas.read_csv(data)


def test_mnist_is_shown_in_the_three_scenarios_above_the_published_lines(
    make_tables: MakeTables, published_csv: Path
) -> None:
    folder = make_tables(
        models=["standard", "xu", "energy_pool"], scenarios=ALL, tasks=["emoji", "mnist"]
    )
    svg, data = drawn(folder, published_csv)
    assert set(data["place"]) == {"stir/mnist"}
    assert set(data["scenario"]) == {"small2large", "mid2rest", "large2small"}
    assert set(data["name"]) == {"standard", "xu"}
    for what in ("measured", "published"):
        assert f"mnist, mid2rest, {what}" in svg
    chosen = data[data["name"].eq("xu") & data["scenario"].eq("mid2rest") & data["scale"].eq(17)]
    means = chosen.set_index("origin")["mean"]
    assert means["measured"] == pytest.approx(sum(accuracy("xu", s, 17) for s in (1, 2, 3)) / 3)
    assert means["published"] == pytest.approx(0.4, abs=0.1)


def test_a_panel_that_lacks_a_network_has_the_others(
    make_tables: MakeTables, published: pandas.DataFrame
) -> None:
    folder = make_tables(
        scenarios=ALL[:2], status={}, left_out=[("standard", "emoji", "small2large")]
    )
    figure, _ = scale_generalization_summary.draw(tables_for(NAME, folder))
    lines = {
        axes.get_title("left"): sum(len(line.get_xdata()) == 48 for line in axes.lines)
        for axes in figure.axes
    }
    assert lines == {"emoji, small2large, measured": 1, "emoji, mid2rest, measured": 2}


def test_emoji_alone_are_shown_in_the_scenarios_that_are_there(
    make_tables: MakeTables, published_csv: Path
) -> None:
    svg, data = drawn(make_tables(), published_csv)
    assert set(data["place"]) == {"stir/emoji"}
    assert "emoji, mid2rest, measured" in svg
    assert "small2large" not in svg


def test_all_sizes_are_shown_only_where_no_other_scenario_is_there(
    make_tables: MakeTables,
) -> None:
    svg, _ = drawn(make_tables(scenarios=["all2all"]), None)
    assert "emoji, all2all, measured" in svg
