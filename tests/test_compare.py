"""Measured beside published accuracies, from made-up tables."""

import csv
import math
import sys

import pytest

from isotrope import cli, paths
from isotrope.compare import compare, in_means, in_medians, markdown, summary
from isotrope.errors import UserError
from isotrope.table_files import PUBLISHED_COLUMNS, RUN_COLUMNS

PUBLISHED = {  # model: mean, sd, n, median, collapsed
    "standard": (0.40, 0.04, 50, 0.41, 0),
    "ensemble": (0.66, 0.05, 50, 0.67, 0),
    "pixel_pool": (0.67, 0.45, 50, 0.99, 16),
    "xu": (0.40, 0.04, 50, 0.41, 0),
}


def write(path, columns, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three seeds of three models, one of them collapsed, and a run of the user's own."""
    monkeypatch.chdir(tmp_path)
    rows = []
    for model, (mean, sd, n, median, collapsed) in PUBLISHED.items():
        cell = {"study": "scale", "table": "accuracy", "model": model, "dataset": "stir/emoji"}
        cell |= {"setting": "scenario=mid2rest", "n": n, "source": "the paper"}
        rows.append({**cell, "metric": "accuracy", "value": mean, "spread": sd})
        rows.append({**cell, "metric": "median", "value": median})
        rows.append({**cell, "metric": "collapsed", "value": collapsed})
    write(paths.PUBLISHED / "scale.csv", list(PUBLISHED_COLUMNS), rows)
    tables({"standard": (0.38, 0.40, 0.42), "ensemble": (0.90,), "pixel_pool": (0.98, 0.99, 0.03)})
    return tmp_path


def tables(values, series="published"):
    runs, accuracies = [], []
    for model, found in values.items():
        for seed, value in enumerate(found, 1):
            key = {"run": f"{model}/stir_emoji/mid2rest", "point": "base", "seed": seed}
            status = "collapsed" if value < 0.05 else "done"
            more = {"series": series, "label": model, "model": model, "dataset": "stir"}
            task = {"dataset.task": "emoji", "dataset.scenario": "mid2rest"}
            runs.append({**key, **more, **task, "status": status})
            accuracies.append({**key, "metric": "accuracy", "value": value, "n": 1152})
    columns = [*RUN_COLUMNS, "dataset.scenario", "dataset.task"]
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
    tables({"xu": (mean - 0.01, mean, mean + 0.01)})

    (cell,) = compare("scale").to_dict("records")

    assert cell["standard_error"] == pytest.approx(error)
    assert cell["verdict"] == verdict


def test_of_one_seed_the_published_spread_stands_for_its_own(folder):
    cell = compare("scale").set_index("model").loc["ensemble"]

    assert math.isnan(cell["sd"])
    assert cell["standard_error"] == pytest.approx(0.05 * math.sqrt(1 + 1 / 50))
    assert cell["verdict"] == "outside"


def test_cells_with_collapsed_seeds_are_compared_by_medians_and_rates(folder):
    cells = compare("scale")

    assert summary(cells) == (
        "3 cells: 1 inside ±3 SE, 1 outside ±3 SE; 1 with collapsed seeds, compared by medians"
    )
    assert [row[0] for row in in_means(cells)] == [
        "standard/stir_emoji/mid2rest",
        "ensemble/stir_emoji/mid2rest",
    ]
    (row,) = in_medians(cells)
    assert row[1:] == ("98.0", "99.0", "-1.0", "1 of 3", "16 of 50")


def test_markdown_holds_both_tables(folder):
    text = markdown(compare("scale")).replace("/stir_emoji/mid2rest", "")
    assert "| standard | 40.0 ± 2.0, 3 | 40.0 ± 4.0, 50 |" in text
    assert "| ensemble | 90.0, 1 | 66.0 ± 5.0, 50 | +24.0 | 5.0 | outside |" in text
    assert "| pixel_pool | 98.0 | 99.0 | -1.0 | 1 of 3 | 16 of 50 |" in text


def test_the_command_prints_and_writes_what_it_found(folder, monkeypatch, capsys):
    words = ["compare", "scale", "--csv", "c.csv", "--markdown", "c.md"]
    monkeypatch.setattr(sys, "argv", ["isotrope", *words])

    with pytest.raises(SystemExit) as ended:
        cli.main()

    output = capsys.readouterr().out
    assert ended.value.code == 0
    assert "standard/stir_emoji/mid2rest" in output
    assert "3 cells: 1 inside" in output
    (folder / "c.md").read_text(encoding="utf-8").index("| --- |")
    with (folder / "c.csv").open(encoding="utf-8", newline="") as file:
        assert [row["verdict"] for row in csv.DictReader(file)] == [
            "inside",
            "outside",
            "collapsed",
        ]


def test_other_series_are_compared_when_named_only(folder):
    tables({"standard": (0.4, 0.4)}, series="own")

    with pytest.raises(UserError, match="no run of series published there has a published accur"):
        compare("scale")
    assert len(compare("scale", ["own", "published"])) == 1


def test_what_is_not_there_is_said(folder):
    (paths.table_folder("scale") / "accuracy.csv").unlink()
    with pytest.raises(UserError, match=r"accuracy\.csv is not there; run `snakemake tables`"):
        compare("scale")
    with pytest.raises(UserError, match=r"scal\.csv is not there: no numbers.*mean 'scale'"):
        compare("scal")
