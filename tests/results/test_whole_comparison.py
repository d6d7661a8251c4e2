"""A comparison of two metrics, word by word: in Markdown and on a terminal."""

import math

import pandas
import pytest
from rich.console import Console

from isotrope.results.compare import CELL, NUMBERS, _same_word
from isotrope.results.compare_tables import markdown, summary, tables

NAN = math.nan
NONE = dict.fromkeys(NUMBERS, NAN)
OF_ONE = {"seeds": 3, "diverged": 0, "collapsed": 0, "n": 3, "learned": 3, "published_n": 5}
OF_ONE |= {"published_collapsed": 0, "published_learned": 5, "p_lost": 1.0, "verdict": "inside"}


def cell(metric, run, value, theirs, table="accuracy", point="base", **more):
    mean = {"mean": value, "median": value, "learned_mean": value}
    beside = {"published_mean": theirs, "published_learned_mean": theirs}
    beside |= {"difference": value - theirs, "standard_error": 0.0125}
    where = {"table": table, "metric": metric, "model": "cnn", "dataset": "digits"}
    return {**NONE, **OF_ONE, **where, "run": run, "point": point, **mean, **beside, **more}


def cells():
    spread = {"learned_sd": 0.0151, "published_learned_sd": 0.25}
    lost = {"seeds": 6, "diverged": 2, "collapsed": 1, "learned": 3, "p_lost": 0.0123}
    theirs = {"published_collapsed": 4, "published_n": 9, "published_median": 0.125}
    rows = [
        cell("loss_of_all", "a/b/c", 12.0, 10.0, "long", verdict="outside", angle="15"),
        cell("accuracy", "a/b/c", 0.5, 0.75, point="x=1", angle="15", **spread),
        cell("accuracy", "a/b/c", 0.5, 0.75, point="x=1", angle="90", **lost, **theirs),
        cell(
            "accuracy", "a/b/c", 0.5, 0.75, point="x=2", angle="15", learned=0, verdict="undecided"
        ),
        cell("accuracy", "d/e/f", 0.25, 0.25, angle="15", learned_sd=0.0),
    ]
    return pandas.DataFrame(rows, columns=[*CELL, "angle", "samples", *NUMBERS])


MARKDOWN = """\
Means of the seeds that learned. 5 cells: 3 inside, 1 outside, 1 undecided; 1 with lost seeds, \
here or published.

Loss of all (long):

| run | mean ± sd, seeds | published | difference | SE | verdict |
| --- | --- | --- | --- | --- | --- |
| a/b/c | 12.0, 3 | 10.0, 5 | +2.0 | 0.0 | outside |

Accuracy in percent:

| run | mean ± sd, seeds | published | difference | SE | verdict |
| --- | --- | --- | --- | --- | --- |
| a/b/c, x=1, angle=15 | 50.0 ± 1.5, 3 | 75.0 ± 25.0, 5 | -25.0 | 1.2 | inside |
| a/b/c, x=1, angle=90 | 50.0, 3 | 75.0, 5 | -25.0 | 1.2 | inside |
| a/b/c, x=2, angle=15 | none | 75.0, 5 | -25.0 | 1.2 | undecided |
| d/e/f | 25.0 ± 0.0, 3 | 25.0, 5 | +0.0 | 1.2 | inside |

| run | lost seeds | published | p | median of all | published |
| --- | --- | --- | --- | --- | --- |
| a/b/c, x=1, angle=90 | 1 collapsed, 2 diverged of 6 | 4 of 9 | 0.012 | 50.0 | 12.5 |
"""


def shown(found):
    """What a wide terminal shows, without the blanks at the ends of lines."""
    console = Console(width=160, record=True, color_system=None)
    with console.capture() as capture:
        for one in tables(found):
            console.print(one)
    return [" ".join(line.split()) for line in capture.get().splitlines()]


def test_every_cell_has_its_line_under_the_title_of_its_metric():
    assert markdown(cells()) == MARKDOWN
    lines = shown(cells())
    rows = [line.strip("| ").replace(" | ", " ") for line in MARKDOWN.splitlines()[2:] if line]
    rows = [row.rstrip(":") for row in rows if "---" not in row]
    assert lines == rows, "the same without lines"


def test_one_metric_has_no_title_on_a_terminal_and_few_seeds_no_table_of_losses():
    found = cells().iloc[4:]
    assert shown(found) == [
        "run mean ± sd, seeds published difference SE verdict",
        "d/e/f 25.0 ± 0.0, 3 25.0, 5 +0.0 1.2 inside",
    ]
    assert summary(found) == "1 cell: 1 inside"


@pytest.mark.parametrize(
    ("word", "same", "others"),
    [
        ("15", [15, 15.0, "15", "15.0"], [16, "zero", None]),
        ("zero", ["zero"], ["circular", 0, 0.0, "nan"]),
        ("1e1", [10], [1]),
    ],
)
def test_a_setting_is_the_same_word_or_number(word, same, others):
    is_same = _same_word(word)
    assert all(is_same(one) for one in same)
    assert not any(is_same(one) for one in others)
