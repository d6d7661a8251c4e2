"""How runs get their names in legends, and which panels they are in."""

import math

import pandas
import pytest

from isotrope.errors import UserError
from isotrope.results.cells import Cells, cells_of
from isotrope.results.series import Tables, joined, lost_seeds, origin, seeds

SCALE = cells_of("scale")


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
            [("a/e/mid2rest", "k=5,w=1", "A"), ("a/e/mid2rest", "k=5,w=2", "A")],
            ["A (k=5, w=1)", "A (k=5, w=2)"],
        ),
        (
            [("a/e/mid2rest", "base", "A"), ("b/e/mid2rest", "base", "A")],
            ["A (a/e/mid2rest, base)", "A (b/e/mid2rest, base)"],
        ),
    ],
)
def test_name_says_more_than_the_label_only_where_the_label_is_not_enough(
    rows: list[tuple[str, str, str]], names: list[str]
) -> None:
    assert list(SCALE.with_series_names(runs(*rows))["name"]) == names


def test_models_of_one_label_are_told_apart_by_their_names_in_every_panel() -> None:
    table = runs(
        ("a/e/mid2rest", "base", "learned"),
        ("b/e/mid2rest", "base", "learned"),
        ("b/e/all2all", "base", "learned"),
        ("b/e/all2all_fixed", "base", "fixed"),
    ).assign(model=["a", "b", "b", "b"])
    named = list(SCALE.with_series_names(table)["name"])
    assert named == ["learned (a)", "learned (b)", "learned (b)", "fixed"]


def test_panels_go_from_small_to_all() -> None:
    table = SCALE.with_series_names(
        runs(("a/e/all2all", "base", "A"), ("a/e/small2large", "base", "A"))
    )
    assert SCALE.panels(table) == [("stir/emoji", "small2large"), ("stir/emoji", "all2all")]


def test_data_set_without_tasks_and_scenarios_is_a_panel() -> None:
    table = runs(("a/e/x", "base", "A")).drop(columns=["dataset.task", "dataset.scenario"])
    assert SCALE.panels(SCALE.with_series_names(table)) == [("stir", "")]


def test_seeds_are_counted_in_words() -> None:
    assert [seeds([1]), seeds([3, 3]), seeds([5, 3])] == ["1 seed", "3 seeds", "3-5 seeds"]


def test_study_that_says_nothing_has_a_panel_for_each_data_set_and_names_in_order() -> None:
    table = runs(("b/e/x", "base", "B"), ("a/e/y", "base", "A")).assign(model=["m", "m"])
    table["dataset"] = ["voc", "cifar10"]
    cells = cells_of("of_my_own")
    named = cells.with_series_names(table)
    assert cells == Cells()
    assert cells.panels(named) == [("cifar10",), ("voc",)]
    assert cells.names(named) == ["A", "B"]


def test_guessing_is_one_of_the_classes_that_the_table_or_the_study_says() -> None:
    table = runs(("b/e/mid2rest", "base", "B")).assign(classes=[4])
    assert Cells().guessing(Cells().with_series_names(table), ("stir",)) == 25
    assert (
        Cells().guessing(Cells().with_series_names(table.drop(columns="classes")), ("stir",))
        is None
    )
    assert SCALE.guessing(SCALE.with_series_names(table), ("stir/emoji", "mid2rest")) == 100 / 36


def test_a_data_set_is_called_as_in_panels() -> None:
    settings = {"task": "emoji", "source": "embedded"}
    assert SCALE.place_of("stir", settings) == "stir/emoji"
    assert SCALE.place_of("digits8", {}) == "digits8"
    assert Cells().place_of("stir", settings) == "stir"


def test_numbers_in_panels_are_in_the_order_of_their_size_and_said_in_words() -> None:
    cells = Cells(settings={"images": "dataset.images"}, words={"images": "{} images"})
    table = runs(*((f"a/e/{i}", "base", "A") for i in range(4)))
    table["dataset.images"] = [10000, 2000, math.nan, 300]
    found = cells.panels(cells.with_series_names(table))
    titles = ["stir", "stir, 300 images", "stir, 2000 images", "stir, 10000 images"]
    assert [cells.title(panel) for panel in found] == titles


def test_a_stand_in_is_a_data_set_of_its_own() -> None:
    cells = Cells(stand_ins=("digits8",))
    table = runs(("a/e/x", "base", "A"), ("b/e/x", "base", "B")).assign(dataset="mnist")
    table["source"] = ["digits8", "local"]
    assert list(cells.with_series_names(table)["place"]) == ["mnist (digits8)", "mnist"]
    assert cells.place_of("mnist", {"source": "digits8"}) == "mnist (digits8)"
    assert cells.place_of("mnist", {"source": "local"}) == "mnist"


def test_numbers_and_truths_are_the_same_words_whatever_stands_beside_them() -> None:
    cells = Cells(settings={"images": "dataset.images"}, variants={"wide": "model.wide"})
    table = runs(("a/e/x", "base", "A"), ("b/e/x", "base", "B"))
    table["dataset.images"], table["model.wide"] = [2000.0, math.nan], [True, math.nan]
    named = cells.with_series_names(table)
    assert list(named["images"]) == ["2000", ""]
    assert list(named["variant.wide"]) == ["true", ""]


def test_seeds_that_were_not_trained_here_are_said_to_be() -> None:
    rows = pandas.DataFrame({"run": "a/e/x", "point": "base", "seed": range(1, 7)})
    rows = rows.assign(place="e", source="", **{"training.epochs": 3})
    rows["origin"] = ["trained", "shipped", "imported", "imported", "trained", "trained"]

    said = origin(rows, pandas.DataFrame(), None)  # type: ignore[arg-type]

    assert said[1] == "Measured: 6 seeds, at most 3 epochs."
    assert said[2:] == [
        "1 of 6 seeds came trained with the project.",
        "2 of 6 seeds were imported.",
    ]


def test_rows_of_a_seed_that_the_table_of_runs_does_not_hold_are_refused() -> None:
    known = runs(("a/e/mid2rest", "base", "A")).assign(seed=1, status="done", source="")
    rows = known[["run", "point", "seed"]].assign(metric="accuracy", value=0.5, n=9)
    for key, value in {"run": "b/e/mid2rest", "point": "k=5", "seed": 2}.items():
        more = pandas.concat([rows, rows.assign(**{key: value})], ignore_index=True)
        tables = Tables({"runs": known, "first": more}, SCALE)
        run, point, seed = more.iloc[1][["run", "point", "seed"]]
        said = f"^first.csv has results of {run}, {point}, seed {seed}, which runs.csv beside it"
        with pytest.raises(UserError, match=said):
            joined(tables, "first")


def test_seeds_without_results_are_counted_with_those_that_nothing_vouches_for() -> None:
    known = runs(*[(f"{name}/e/mid2rest", "base", name) for name in "aabbbc"])
    known = known.assign(model=known["label"], seed=[1, 2, 1, 2, 3, 1], status="done", source="")
    known.loc[4, "status"] = "diverged"
    rows = known[["run", "point", "seed"]].assign(metric="accuracy", value=0.5, n=9)
    whole, not_evaluated = rows[rows["run"] != "c/e/mid2rest"], rows.iloc[[0, 1]]

    def said(first: pandas.DataFrame, second: pandas.DataFrame = rows, **left_out: int) -> str:
        counts = {(f"{name}/e/mid2rest", "base"): count for name, count in left_out.items()}
        tables = Tables({"runs": known, "first": first, "second": second}, SCALE, left_out=counts)
        return " ".join(lost_seeds(joined(tables, "first"), tables)[1:])

    assert said(whole) == "", "what has no seed there is not drawn"
    assert (
        said(whole.drop(index=[1])) == "Seeds without results (left out of the means): a (1 of 2)."
    )
    assert said(whole, whole.drop(index=[2])).endswith("(left out of the means): b (1 of 2).")
    assert said(whole, not_evaluated) == "", "a run without a table has no results to lose"
    assert said(whole.drop(index=[1]), a=2, c=1).endswith("means): a (3 of 4).")


@pytest.mark.parametrize(
    ("best", "images"),
    [
        ((0.02, 0.03), "validation"),
        ((math.nan, math.nan), "training"),
        ((0.02, math.nan), "validation or training"),
    ],
)
def test_collapsed_seeds_are_said_to_be_so_on_the_images_that_were_looked_at(
    best: tuple[float, float], images: str
) -> None:
    known = runs(*[("a/e/mid2rest", "base", "a")] * 3).assign(
        model="a", seed=[1, 2, 3], source="", status=["done", "collapsed", "collapsed"]
    )
    known["best_validation_accuracy"] = [math.nan if math.isnan(best[0]) else 0.9, *best]
    rows = known[["run", "point", "seed"]].assign(metric="accuracy", value=0.5, n=9)
    tables = Tables({"runs": known, "accuracy": rows}, SCALE)

    (said,) = lost_seeds(joined(tables, "accuracy"), tables)

    fate = f"stayed at chance level on their {images} images, in the means"
    assert said == f"Collapsed seeds ({fate}): a on emoji, mid2rest (2 of 3)."


def test_the_most_epochs_of_several_runs_are_said_from_the_fewest_to_the_most() -> None:
    rows = pandas.DataFrame({"run": ["a/e/x", "a/e/y"], "point": "base", "seed": 1})
    rows = rows.assign(place="e", source="", origin="trained", **{"training.epochs": [30, 5]})

    said = origin(rows, pandas.DataFrame(), None)  # type: ignore[arg-type]

    assert said[1] == "Measured: 1 seed, 5 to 30 epochs at most, depending on the run."
