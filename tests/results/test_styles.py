"""Colours and markers: each belongs to a series, whatever else is drawn beside it."""

import pandas
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from isotrope.results.cells import Cells
from isotrope.results.series import Tables
from isotrope.results.style import add_foot, styles, styles_of

ORDERED = Cells(order={"model": ("plain", "pyramid", "pool")})


def tables(series, cells):
    """The tables of some series, each a model with a label."""
    rows = [(f"{model}/stir/{i}", "base", 1, model, label) for i, (model, label) in series]
    runs = pandas.DataFrame(rows, columns=["run", "point", "seed", "model", "label"])
    return Tables({"runs": runs.assign(dataset="stir")}, cells)


def of(series, cells=ORDERED):
    return styles_of(tables(list(enumerate(series)), cells))


def test_a_model_keeps_its_style_whatever_else_is_drawn():
    alone = of([("pool", "Pooling")])
    among = of([("plain", "Plain"), ("mine", "Mine"), ("pool", "Pooling"), ("pyramid", "Pyramid")])
    backwards = of([("pyramid", "Pyramid"), ("pool", "Pooling"), ("plain", "Plain")])

    assert alone["Pooling"] == among["Pooling"] == backwards["Pooling"] == styles("abc")["c"]
    assert list(among) == ["Plain", "Mine", "Pooling", "Pyramid"]
    assert {name: among[name] for name in backwards} == backwards


def test_the_shortest_label_of_a_model_has_its_style_and_the_others_have_other_ones():
    found = of([("pool", "Pooling, no frame"), ("pool", "Pooling"), ("plain", "Plain")])

    assert found["Pooling"] == styles("abc")["c"]
    assert len({its.colour for its in found.values()}) == 3


def test_a_label_that_the_study_gives_a_colour_has_it_before_its_model():
    cells = Cells(order={"model": ("plain",)}, coloured=("fixed", "learned"))

    assert of([("plain", "learned")], cells)["learned"] == styles("ab")["b"]
    assert of([("plain", "free")], cells)["free"] == styles("abc")["c"]


def test_names_that_nobody_knows_differ_and_do_not_depend_on_the_order_of_runs():
    names = [f"own {i}" for i in range(30)]
    found = of([(f"model{i}", name) for i, name in enumerate(names)])
    again = of([(f"model{i}", name) for i, name in reversed(list(enumerate(names)))])

    assert found == again
    assert len({its.colour for name, its in list(found.items())}) == 12
    assert len(set(found.values())) == 30


def test_series_of_one_colour_differ_in_marker_and_in_line():
    found = list(styles([str(i) for i in range(36)]).values())
    assert len({its.colour for its in found}) == 12
    assert len({(its.colour, its.marker) for its in found}) == 36
    assert len({(its.colour, its.dashes) for its in found}) == 36


def test_twelve_series_have_twelve_colours():
    found = of([(f"model{i}", f"own {i}") for i in range(12)])
    assert len({its.colour for its in found.values()}) == 12


@pytest.mark.parametrize("word", ["own", "mine", "net", "deep", "wide", "x", "y", "z"])
def test_the_last_free_colour_is_found_wherever_it_is(word):
    found = of([(f"model{i}", f"{word} {i}") for i in range(12)])
    assert len({its.colour for its in found.values()}) == 12
    assert len({(its.colour, its.marker, its.dashes) for its in found.values()}) == 12
    assert {(its.marker, its.dashes) for its in found.values()} == {
        (its.marker, its.dashes) for its in styles([str(i) for i in range(12)]).values()
    }, "each is the first of its colour"


def test_sentences_and_legend_below_a_figure_take_its_whole_width():
    figure = Figure((4, 1))
    FigureCanvasAgg(figure)
    handles = [Line2D([], [], label=name) for name in "aceo"]
    add_foot(figure, handles, ["of words that are short"] * 12)
    (note,), (legend,) = figure.texts, figure.legends
    assert 0.75 * 4 < note.get_window_extent().width / figure.dpi <= 4 - 0.12
    assert rows_of(figure, legend) == 1
    assert figure.get_size_inches()[1] > 1 + note.get_window_extent().height / figure.dpi

    narrow = Figure((4, 1))
    FigureCanvasAgg(narrow)
    add_foot(narrow, [Line2D([], [], label=f"the series {name} " * 2) for name in "aceo"], ["x"])
    (legend,) = narrow.legends
    assert rows_of(narrow, legend) > 1
    assert legend.get_window_extent().width <= 4 * narrow.dpi


def rows_of(figure, legend):
    """In how many rows the labels of a legend stand."""
    figure.draw_without_rendering()
    return len({round(one.get_window_extent().y1) for one in legend.get_texts()})
