"""Measured beside published accuracies, from made-up tables."""

import csv
import math
import sys
from types import SimpleNamespace

import pytest

from isotrope import cli, paths
from isotrope.errors import UserError
from isotrope.files.tables import PUBLISHED_COLUMNS, RUN_COLUMNS
from isotrope.plan import index_file
from isotrope.results.compare import compare
from isotrope.results.compare_tables import in_losses, in_means, markdown, summary, tables

PUBLISHED = {  # model: mean, sd, n, median, collapsed; mean and sd of the others
    "standard": (0.40, 0.04, 50, 0.41, 0, 0.40, 0.04),
    "ensemble": (0.66, 0.05, 50, 0.67, 0, 0.66, 0.05),
    "pixel_pool": (0.67, 0.45, 50, 0.99, 16, 0.98, 0.06),
    "xu": (0.40, 0.04, 50, 0.41, 0, 0.40, 0.04),
}


def write(path, columns, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three seeds each of two models, one of them collapsed, and one seed of a third."""
    monkeypatch.chdir(tmp_path)
    rows = []
    for model, (mean, sd, n, median, collapsed, learned, learned_sd) in PUBLISHED.items():
        cell = {"study": "scale", "table": "accuracy", "model": model, "dataset": "stir/emoji"}
        cell |= {"setting": "scenario=mid2rest", "n": n, "source": "the paper"}
        rows.append({**cell, "metric": "accuracy", "value": mean, "spread": sd})
        rows.append({**cell, "metric": "median", "value": median})
        rows.append({**cell, "metric": "collapsed", "value": collapsed})
        rest = {"value": learned, "spread": learned_sd, "n": n - collapsed}
        rows.append({**cell, "metric": "accuracy_not_collapsed", **rest})
    limit = {"study": "scale", "table": "training", "model": "any", "dataset": "any"}
    rows.append({**limit, "metric": "epochs", "value": 200, "source": "the script"})
    write(paths.PUBLISHED / "scale.csv", list(PUBLISHED_COLUMNS), rows)
    measure({"standard": (0.38, 0.40, 0.42), "ensemble": (0.90,), "pixel_pool": (0.98, 0.99, 0.03)})
    return tmp_path


def measure(values, series="published", epochs=200):
    """Tables of these accuracies, one for each seed: below 0.05 it collapsed; None: it diverged."""
    runs, accuracies = [], []
    for model, found in values.items():
        for seed, value in enumerate(found, 1):
            key = {"run": f"{model}/stir_emoji/mid2rest", "point": "base", "seed": seed}
            status = "diverged" if value is None else "collapsed" if value < 0.05 else "done"
            more = {"series": series, "label": model, "model": model, "dataset": "stir"}
            task = {"dataset.task": "emoji", "dataset.scenario": "mid2rest"}
            task["training.epochs"] = epochs
            runs.append({**key, **more, **task, "status": status})
            if value is not None:
                accuracies.append({**key, "metric": "accuracy", "value": value, "n": 1152})
    columns = [*RUN_COLUMNS, "dataset.scenario", "dataset.task", "training.epochs"]
    write(paths.table_folder("scale") / "runs.csv", columns, runs)
    columns = ["run", "point", "seed", "metric", "value", "n"]
    write(paths.table_folder("scale") / "accuracy.csv", columns, accuracies)


def test_a_cell_is_judged_by_three_combined_standard_errors(folder):
    cells = compare("scale").set_index("model")

    assert list(cells.index) == ["standard", "ensemble", "pixel_pool"]  # as published
    plain = cells.loc["standard"]
    assert (plain["n"], plain["published_n"]) == (3, 50)
    assert plain["mean"] == pytest.approx(0.40)
    assert plain["sd"] == pytest.approx(0.02)
    assert plain["difference"] == pytest.approx(0.0)
    assert plain["standard_error"] == pytest.approx(math.sqrt(0.02**2 / 3 + 0.04**2 / 50))
    assert plain["verdict"] == "inside"


@pytest.mark.parametrize(("errors", "verdict"), [(2.9, "inside"), (3.1, "outside")])
def test_the_band_ends_at_three_standard_errors(folder, errors, verdict):
    error = math.sqrt(0.01**2 / 3 + 0.04**2 / 50)
    mean = 0.40 - errors * error
    measure({"xu": (mean - 0.01, mean, mean + 0.01)})

    (cell,) = compare("scale").to_dict("records")

    assert cell["standard_error"] == pytest.approx(error)
    assert cell["verdict"] == verdict


def test_of_one_seed_the_published_spread_stands_for_its_own(folder):
    cell = compare("scale").set_index("model").loc["ensemble"]

    assert math.isnan(cell["sd"])
    assert cell["standard_error"] == pytest.approx(0.05 * math.sqrt(1 + 1 / 50))
    assert cell["verdict"] == "outside"


def test_means_are_those_of_the_seeds_that_learned(folder):
    measure({"pixel_pool": (0.97, 0.99, 0.03)})

    (cell,) = compare("scale").to_dict("records")

    assert (cell["seeds"], cell["n"], cell["collapsed"], cell["learned"]) == (3, 3, 1, 2)
    assert cell["median"] == pytest.approx(0.97)
    assert cell["mean"] == pytest.approx(0.663, abs=1e-3)
    assert cell["learned_mean"] == pytest.approx(0.98)
    assert cell["difference"] == pytest.approx(0.0)
    assert cell["standard_error"] == pytest.approx(math.sqrt(0.0002 / 2 + 0.06**2 / 34))
    assert cell["verdict"] == "inside"


def hypergeometric(lost, seeds, collapsed, published):
    """The probability that of all lost seeds just so many are ours."""
    ours = math.comb(seeds, lost) * math.comb(published, collapsed)
    return ours / math.comb(seeds + published, lost + collapsed)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ((0.40, 0.40, 0.40, 0.03, 0.03), "inside"),  # p = 0.0067
        ((0.40, 0.40, 0.03, 0.03, 0.03), "outside"),  # p = 0.0004
        ((0.40, 0.40, 0.03, None, None), "outside"),
    ],
)
def test_more_lost_seeds_than_chance_allows_are_outside(folder, values, verdict):
    measure({"standard": values})

    (cell,) = compare("scale").to_dict("records")

    lost = sum(value is None or value < 0.05 for value in values)
    assert cell["p_lost"] == pytest.approx(hypergeometric(lost, 5, 0, 50))
    assert cell["difference"] == pytest.approx(0.0)
    assert cell["verdict"] == verdict


def test_fewer_lost_seeds_than_published_count_as_well(folder):
    measure({"pixel_pool": [0.98] * 50})

    (cell,) = compare("scale").to_dict("records")

    assert cell["p_lost"] == pytest.approx(2 * hypergeometric(0, 50, 16, 50))
    assert cell["verdict"] == "outside"


@pytest.mark.parametrize(
    ("values", "verdict"), [((None,), "undecided"), ((0.03,), "undecided"), ([None] * 5, "outside")]
)
def test_a_cell_whose_seeds_were_all_lost_is_shown(folder, values, verdict):
    measure({"standard": (0.38, 0.42), "ensemble": values})

    cells = compare("scale")

    assert list(cells["model"]) == ["standard", "ensemble"]
    assert list(cells["verdict"]) == ["inside", verdict]
    assert in_means(cells)[1][1:] == ("none", "66.0 ± 5.0, 50", "", "", verdict)
    kind = "diverged" if values[0] is None else "collapsed"
    (row,) = in_losses(cells)
    median = "" if values[0] is None else "3.0"
    assert (row[1], row[4]) == (f"{len(values)} {kind} of {len(values)}", median)


def test_cells_are_shown_where_every_seed_of_the_study_diverged(folder):
    measure({"standard": (None, None)})

    (cell,) = compare("scale").to_dict("records")

    assert (cell["seeds"], cell["diverged"], cell["n"]) == (2, 2, 0)


def test_a_cell_that_was_trained_but_not_tested_is_undecided(folder):
    path = paths.table_folder("scale") / "accuracy.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith("ensemble")]
    path.write_text("".join(kept), encoding="utf-8")

    cell = compare("scale").set_index("model").loc["ensemble"]

    assert (cell["seeds"], cell["n"], cell["verdict"]) == (1, 0, "undecided")


def test_medians_and_lost_seeds_have_a_table_of_their_own(folder):
    measure({"standard": (0.40, 0.40), "pixel_pool": (0.98, 0.99, 0.03, None)})
    cells = compare("scale")

    assert summary(cells) == "2 cells: 2 inside; 1 with lost seeds, here or published"
    assert [row[0] for row in in_means(cells)] == [
        "standard/stir_emoji/mid2rest",
        "pixel_pool/stir_emoji/mid2rest",
    ]
    (row,) = in_losses(cells)
    assert row[1:] == ("1 collapsed, 1 diverged of 4", "16 of 50", "0.59", "98.0", "99.0")


def test_markdown_and_terminal_hold_both_tables(folder, capsys):
    cells = compare("scale")

    text = markdown(cells).replace("/stir_emoji/mid2rest", "")
    assert "| standard | 40.0 ± 2.0, 3 | 40.0 ± 4.0, 50 | +0.0 | 1.3 | inside |" in text
    assert "| ensemble | 90.0, 1 | 66.0 ± 5.0, 50 | +24.0 | 5.0 | outside |" in text
    assert "| pixel_pool | 98.5 ± 0.7, 2 | 98.0 ± 6.0, 34 | +0.5 | 1.1 | inside |" in text
    assert "| pixel_pool | 1 collapsed of 3 | 16 of 50 | 1 | 98.0 | 99.0 |" in text
    assert [shown.row_count for shown in tables(cells)] == [3, 1]
    assert "Accuracy in percent" in text
    text = markdown(cells.assign(metric="error"))  # no share, though it lies from 0 to 1
    assert "in percent" not in text
    assert "| 0.4 ± " in text


def test_the_command_prints_and_writes_what_it_found(folder, monkeypatch, capsys):
    words = ["compare", "scale", "--csv", "c.csv", "--markdown", "c.md"]
    monkeypatch.setattr(sys, "argv", ["isotrope", *words])

    with pytest.raises(SystemExit) as ended:
        cli.main()

    output = capsys.readouterr().out
    assert ended.value.code == 0
    assert "standard/stir_emoji/mid2rest" in output
    assert "mean ± sd, seeds" in output, "folded, although no terminal is narrow"
    assert "lost seeds" in output
    assert "3 cells: 2 inside, 1 outside" in output
    assert "shortened" not in output
    (folder / "c.md").read_text(encoding="utf-8").index("| --- |")
    with (folder / "c.csv").open(encoding="utf-8", newline="") as file:
        assert [row["verdict"] for row in csv.DictReader(file)] == [
            "inside",
            "outside",
            "inside",
        ]


def test_other_series_are_compared_when_named_only(folder):
    measure({"standard": (0.4, 0.4)}, series="own")

    with pytest.raises(
        UserError,
        match="published there, only of own; `isotrope compare scale --series own` compares",
    ):
        compare("scale")
    assert len(compare("scale", ["own", "published"])) == 1


def test_a_demo_is_compared_with_what_its_study_has_of_published_numbers(
    folder, monkeypatch, capsys
):
    measure({"standard": (0.30, 0.40)}, series="demo", epochs=15)
    paths.table_folder("scale").rename(paths.table_folder("scale-demo"))

    monkeypatch.setattr(sys, "argv", ["isotrope", "compare", "scale-demo"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "standard/stir_emoji/mid2rest" in shown
    assert "35.0 ± 7.1, 2" in shown
    assert "40.0 ± 4.0, 50" in shown
    assert shown.endswith(
        "shortened training, not expected to reach published numbers: 15 of up to 200 epochs in "
        "standard/stir_emoji/mid2rest\n"
    )


def test_runs_of_which_nothing_is_published_are_counted(folder):
    measure({"unpublished": (0.4,), "unheard_of": (0.5,)})
    with pytest.raises(UserError, match=r"what the 2 runs .* by model, data set, scenario"):
        compare("scale")


def test_what_is_not_there_is_said(folder):
    (paths.table_folder("scale") / "accuracy.csv").unlink()
    with pytest.raises(UserError, match=r"accuracy\.csv is not there; run `snakemake tables`"):
        compare("scale")
    with pytest.raises(UserError, match=r"scal\.csv is not there: no numbers.*mean 'scale'"):
        compare("scal")


def test_a_study_without_published_numbers_is_told_how_it_gets_some(folder, monkeypatch):
    run_of = SimpleNamespace(study="planned")
    index = SimpleNamespace(runs={"cnn/mnist/mine": run_of})
    monkeypatch.setattr(index_file, "current", lambda **_: index)
    (paths.table_folder("scale")).rename(paths.table_folder("trained"))
    (folder / "plugins/studies/drawn").mkdir(parents=True)
    (folder / "plugins/studies/drawn/cells.py").touch()
    for study in ("trained", "drawn", "planned"):
        with pytest.raises(UserError) as error:
            compare(study)
        said = str(error.value)
        assert said.startswith(f"the study {study} has no published numbers to compare with: ")
        assert f"workflow/published/{study}.csv ('Published numbers' in docs/studies.md" in said
        assert "scale" not in said


def test_a_published_value_without_spread_is_taken_as_it_is_and_one_seed_is_then_too_few(folder):
    path = paths.PUBLISHED / "scale.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    write(path, list(PUBLISHED_COLUMNS), [{**row, "spread": "", "n": ""} for row in rows])
    measure({"standard": (0.39, 0.40, 0.42), "ensemble": (0.70,)})

    cells = compare("scale").set_index("model")

    assert cells.loc["standard", "verdict"] == "inside"
    assert cells.loc["standard", "standard_error"] == pytest.approx(
        0.01527525 / math.sqrt(3), rel=1e-4
    )
    assert cells.loc["ensemble", "verdict"] == "undecided"
