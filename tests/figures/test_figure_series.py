"""How runs get their names in legends."""

import pandas
import pytest

from isotrope.figures._series import named, places, seeds


def runs(*rows: tuple[str, str, str]) -> pandas.DataFrame:
    """Run, point and label; the scenario is the beginning of the variant's name."""
    return pandas.DataFrame(
        {
            "run": [run for run, _, _ in rows],
            "point": [point for _, point, _ in rows],
            "label": [label for _, _, label in rows],
            "dataset": "stir",
            "dataset.task": "emoji",
            "dataset.scenario": [run.rpartition("/")[2].partition("_")[0] for run, _, _ in rows],
        }
    )


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ([("a/e/mid2rest", "base", "A"), ("a/e/all2all", "base", "A")], ["A", "A"]),
        ([("a/e/mid2rest", "base", "A"), ("a/e/mid2rest_wide", "base", "A")], ["A", "A (wide)"]),
        ([("a/e/mid2rest", "k=5", "A"), ("a/e/mid2rest", "k=7", "A")], ["A (k=5)", "A (k=7)"]),
        (
            [("a/e/mid2rest", "base", "A"), ("b/e/mid2rest", "base", "A")],
            ["A (a/e/mid2rest, base)", "A (b/e/mid2rest, base)"],
        ),
    ],
)
def test_name_says_more_than_the_label_only_where_the_label_is_not_enough(
    rows: list[tuple[str, str, str]], names: list[str]
) -> None:
    assert list(named(runs(*rows))["name"]) == names


def test_places_go_from_small_to_all() -> None:
    table = named(runs(("a/e/all2all", "base", "A"), ("a/e/small2large", "base", "A")))
    assert places(table) == [("stir/emoji", "small2large"), ("stir/emoji", "all2all")]


def test_data_set_without_tasks_and_scenarios_is_a_place() -> None:
    table = runs(("a/e/x", "base", "A")).drop(columns=["dataset.task", "dataset.scenario"])
    assert places(named(table)) == [("stir", "")]


def test_seeds_are_counted_in_words() -> None:
    assert [seeds([1]), seeds([3, 3]), seeds([5, 3])] == ["1 seed", "3 seeds", "3-5 seeds"]
