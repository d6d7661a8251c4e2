"""Figures with a row for each series: what is said in words is what the bar shows."""

import pandas
import pytest

from isotrope.figures.general._columns import Column, Group, draw_columns
from isotrope.results.statistics import summarise
from isotrope.results.style import styles


def group(*values):
    """Our values, and published ones of a mean of 60 and a spread of 2 over 4 seeds, or unknown."""
    rows = pandas.DataFrame({"name": "a", "metric": "m", "value": values, "status": "done"})
    theirs = {"name": "a", "metric": "m", "mean": [60.0, 61.0], "spread": 2.0, "n": [4, None]}
    return Group("", ["a"], summarise(rows, ["name", "metric"]), pandas.DataFrame(theirs))


def said_and_bar(*values):
    """The words of the panel, and half the length of each bar."""
    figure = draw_columns([group(*values)], [Column("m", "M", "%")], styles(["a"]), [])
    (axes,) = figure.axes
    bars = [line.get_xdata() for line in axes.lines if len(line.get_xdata()) == 2]
    return [text.get_text() for text in axes.texts], [(high - low) / 2 for low, high in bars]


def test_words_and_bars_are_the_same_interval():
    (said,), (half,) = said_and_bar(49.0, 50.0, 51.0)
    assert half == pytest.approx(4.3027 / 3**0.5, rel=1e-4)  # Student's t of three seeds
    assert said == f"50.0 ± {half:.1f}  [61.0]  [60.0 ± 3.2]"  # 3.1824 * 2 / 2


def test_two_seeds_have_no_interval_neither_in_words_nor_as_a_bar():
    (said,), bars = said_and_bar(49.0, 51.0)
    assert said.startswith("50.0  [")
    assert bars == []
