from collections.abc import Callable
from pathlib import Path

import pandas
import pytest
from made_up_tables import ALL, SCALES, accuracy, tables_for

from isotrope.figures.scale import scale_generalization
from isotrope.results.drawing import draw_figure

MakeTables = Callable[..., Path]
NAME = "scale_generalization"


def drawn(folder: Path, published_csv: Path | None) -> pandas.DataFrame:
    _, _, data = draw_figure(
        "scale", "scale_generalization", folder, published_csv, folder / "figure"
    )
    return pandas.read_csv(data)


def test_means_and_intervals_are_those_of_the_seeds(
    make_tables: MakeTables, published_csv: Path
) -> None:
    data = drawn(make_tables(models=["xu"]), published_csv)
    data = data[data["origin"].eq("measured")]
    assert list(data["scale"]) == list(SCALES)
    assert list(data["n"]) == [3] * 48
    seeds = pandas.DataFrame({s: [accuracy("xu", s, k) for k in SCALES] for s in (1, 2, 3)})
    half = 4.302652729911275 * seeds.std(axis=1) / 3**0.5
    for column, expected in (
        ("mean", seeds.mean(axis=1)),
        ("low", seeds.mean(axis=1) - half),
        ("high", seeds.mean(axis=1) + half),
    ):
        assert list(data[column]) == pytest.approx(list(expected), abs=1e-11)  # of t's quantile


def test_diverged_seeds_are_in_no_mean_and_collapsed_ones_are(
    make_tables: MakeTables, published_csv: Path
) -> None:
    data = drawn(make_tables(), published_csv)
    data = data[data["origin"].eq("measured") & data["scale"].eq(40)].set_index("name")
    plain, pyramid = data.loc["standard"], data.loc["ensemble"]
    assert (plain["n"], plain["diverged"], plain["collapsed"]) == (2, 1, 0)
    assert plain["mean"] == pytest.approx(0.9 + (0.01 + 0.03) / 2)
    assert (pyramid["n"], pyramid["diverged"], pyramid["collapsed"]) == (3, 0, 1)
    assert pyramid["mean"] == pytest.approx((0.91 + 0.92 + 1 / 36) / 3)


def test_published_means_stand_beside_the_same_model_only(
    make_tables: MakeTables, published_csv: Path
) -> None:
    data = drawn(make_tables(models=["standard", "own"], scenarios=["mid2rest"]), published_csv)
    data = data[data["origin"].eq("published")]
    assert set(data["name"]) == {"standard"}
    assert list(data["scale"]) == list(SCALES)
    # a size that the networks were trained on
    assert data.set_index("scale").loc[40, "mean"] > 0.99


def test_every_line_of_twelve_has_its_own_colour_and_marker(
    make_tables: MakeTables, published: pandas.DataFrame
) -> None:
    folder = make_tables(models=[f"model_{i}" for i in range(12)])
    figure, _ = scale_generalization.draw(tables_for(NAME, folder, published))
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 48]
    assert len(lines) == 12
    assert len({line.get_color() for line in lines}) == 12
    assert len({line.get_marker() for line in lines}) == 12


@pytest.mark.parametrize(("networks", "panels", "height"), [(7, 2, 2.6), (7, 3, 1.9), (6, 2, 1.9)])
def test_few_panels_with_many_lines_are_higher(
    make_tables: MakeTables,
    monkeypatch: pytest.MonkeyPatch,
    networks: int,
    panels: int,
    height: float,
) -> None:
    models = [f"model_{i}" for i in range(networks)]
    folder = make_tables(models, scenarios=ALL[:panels], seeds=[1], traced=(), sweeps=False)
    given = []
    real = scale_generalization.panels
    monkeypatch.setattr(
        scale_generalization, "panels", lambda *a, **kw: given.append(a[1]) or real(*a, **kw)
    )
    scale_generalization.draw(tables_for(NAME, folder))
    assert given == [height]


def test_legend_gives_each_series_its_number_of_seeds(
    make_tables: MakeTables, published: pandas.DataFrame
) -> None:
    folder = make_tables(scenarios=["small2large", "all2all"], labels={"standard": "Plain CNN"})
    figure, _ = scale_generalization.draw(tables_for(NAME, folder, published))
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == [
        "Plain CNN (2 seeds)",
        "ensemble (3 seeds)",
        "published mean",
        "sizes trained on",
        "chance level",
    ]
    assert [axes.get_title("left") for axes in figure.axes] == [
        "emoji, small2large",
        "emoji, all2all",
    ]
