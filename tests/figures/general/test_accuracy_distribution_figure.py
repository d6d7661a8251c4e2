from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pandas
import pytest
from made_up_tables import tables_for, write_study

from isotrope.figures.general import accuracy, accuracy_distribution
from isotrope.results.drawing import draw_figure

MakeTables = Callable[..., Path]
NAME = "accuracy_distribution"


def test_boxes_are_the_quartiles_of_the_seeds_beside_the_published_ones(
    make_tables: MakeTables, published_csv: Path
) -> None:
    values = {seed: seed / 100 for seed in range(1, 10)}
    folder = make_tables(
        models=["xu"], seeds=list(values), accuracy_of=lambda key, scale: values[key[3]]
    )
    _, _, path = draw_figure(
        "scale", "accuracy_distribution", folder, published_csv, folder / "figure"
    )
    data = pandas.read_csv(path).set_index("origin")
    ours = data.loc["measured"]
    assert [ours[f"{which}_quartile"] for which in ("lower", "upper")] == pytest.approx(
        [0.03, 0.07]
    )
    assert ours["median"] == pytest.approx(0.05)
    assert (ours["lower_whisker"], ours["upper_whisker"]) == pytest.approx((0.01, 0.09))
    assert ours["n"] == 9
    assert data.loc["published", "median"] == pytest.approx(0.4036, abs=5e-3)
    assert data.loc["published", "n"] == 50


def test_every_seed_is_a_point_at_its_accuracy_and_always_at_the_same_height(
    make_tables: MakeTables, published: pandas.DataFrame
) -> None:
    folder = make_tables(models=["xu"], seeds=range(1, 8))
    figures = [accuracy_distribution.draw(tables_for(NAME, folder, published))[0] for _ in range(2)]
    drawn = [
        next(line for line in figure.axes[0].lines if len(line.get_xdata()) == 7)
        for figure in figures
    ]
    expected = 100 * tables_for(NAME, folder)["accuracy"]["value"]
    assert list(drawn[0].get_xdata()) == pytest.approx(list(expected))
    assert list(drawn[0].get_ydata()) == list(drawn[1].get_ydata())
    assert len(set(drawn[0].get_ydata())) == 7


def test_few_seeds_have_no_box_and_larger_points(
    make_tables: MakeTables, published: pandas.DataFrame
) -> None:
    box = ["quartiles and median over seeds"]
    for seeds, status, count in ((4, {}, 0), (5, {}, 1), (4, {("own", 2): "collapsed"}, 0)):
        folder = make_tables(models=["own"], seeds=range(1, seeds + 1), status=status)
        figure, _ = accuracy_distribution.draw(tables_for(NAME, folder, published))
        axes = figure.axes[0]
        assert len(axes.patches) == count
        sizes = {
            line.get_marker(): line.get_markersize() for line in axes.lines if len(line.get_xdata())
        }
        seed, collapsed = accuracy_distribution.SEED, accuracy_distribution.COLLAPSED
        assert sizes[seed["marker"]] == (seed["markersize"] if count else 3)
        assert sizes.get(collapsed["marker"], 0) == (collapsed["markersize"] if status else 0)
        words = [text.get_text() for text in figure.legends[0].get_texts()]
        others = ["collapsed seed"] if status else []
        assert words == [*box[:count], "one seed", *others, "chance level"]


@pytest.mark.parametrize("module", [accuracy, accuracy_distribution])
def test_whole_study_fits_a_page(
    tmp_path: Path, published: pandas.DataFrame, module: ModuleType
) -> None:
    folder = write_study(tmp_path / "tables", published, seeds=2)
    figure, data = module.draw(tables_for(NAME, folder, published))
    assert len(figure.axes) == 16
    assert figure.get_figheight() < 11, "inches, of a journal's page"
    cells = data[data["origin"].eq("published")]
    assert len(cells) == 11 * 4 * 4 - 2, "two cells have no run, so nothing beside them"
