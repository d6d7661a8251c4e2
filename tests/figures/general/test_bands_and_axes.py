"""Lines of means: their bands, and the axis that holds them."""

from types import SimpleNamespace

import pandas
import pytest
from matplotlib.figure import Figure

from isotrope.figures.general._lines import bounds, draw_line
from isotrope.results.style import Style


def means(values: list[float], seeds: list[int]) -> pandas.DataFrame:
    columns = {"mean": values, "low": [v - 0.05 for v in values], "high": [1.2] * len(values)}
    return pandas.DataFrame({**columns, "n": seeds})


@pytest.mark.parametrize(
    ("ours", "published", "low"),
    [
        ([0.97, 0.62], [], 60.0),
        ([0.97, 0.619], [], 55.0),
        ([0.97], [0.43], 40.0),
        ([0.97, 0.41], [], 35.0),
        ([0.39], [], -3.0),
        ([0.97], [0.2], -3.0),
    ],
)
def test_the_axis_begins_below_all_values_at_a_round_number(ours, published, low):
    beside = pandas.DataFrame({"mean": published})
    found = bounds(SimpleNamespace(means=means(ours, [3] * len(ours)), beside=beside))
    assert found[0] == low
    assert found[0] < 100 * min(ours + published)
    assert found[1] > 100


@pytest.mark.parametrize(
    ("seeds", "bands"), [([3, 3], 1), ([2, 3], 0), ([3, 2], 0), ([2, 2], 0), ([9, 4], 1)]
)
def test_a_band_is_drawn_where_every_mean_is_of_enough_seeds(seeds, bands):
    axes = Figure().subplots()
    style = Style(colour="black", marker="o", dashes=())
    draw_line(axes, [1, 2], means([0.9, 0.5], seeds), style, crowded=False)
    assert len(axes.collections) == bands
    (line,) = axes.lines
    assert list(line.get_ydata()) == [90, 50]
    for band in axes.collections:
        heights = band.get_paths()[0].vertices[:, 1]
        assert (heights.min(), heights.max()) == (pytest.approx(45), 100)
