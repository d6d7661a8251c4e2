"""Sentences of the report on what was run, what was not and what was lost, word by word."""

from types import SimpleNamespace

import pytest

from isotrope import paths
from isotrope.files.tables import RUN_COLUMNS
from isotrope.results import verdict

PLAIN = {"series": "own", "status": "done", "origin": "trained", "epochs": 8, "point": "base"}


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes a table of runs and gives its folder."""
    monkeypatch.chdir(tmp_path)
    folder = paths.table_folder("scale")
    folder.mkdir(parents=True)

    def write(*rows):
        lines = [",".join(RUN_COLUMNS)]
        for seed, row in enumerate(rows, 1):
            cells = {"run": "a/b/c", "seed": seed, **PLAIN, **row}
            lines.append(",".join(f'"{cells.get(name, "")}"' for name in RUN_COLUMNS))
        (folder / "runs.csv").write_text("\n".join(lines) + "\n")
        return folder

    return write


def test_what_was_run_is_counted_with_epochs_and_where_seeds_come_from(written):
    assert verdict.ran(written({})) == ["1 run (own), 1 seed, 8 epochs each."]
    assert verdict.ran(written({"epochs": ""}, {"epochs": "", "run": "d/e/f"})) == [
        "2 runs (own), 2 seeds."
    ]
    rows = [
        {"series": "published", "epochs": 200},
        {"run": "d/e/f", "epochs": 9, "origin": "shipped"},
        {"run": "d/e/f", "epochs": 30, "origin": "shipped"},
        {"run": "d/e/f", "origin": "imported"},
    ]
    assert verdict.ran(written(*rows)) == [
        "2 runs (published, own), 4 seeds, 8-200 epochs each.",
        "2 of the 4 seeds came trained with the project.",
        "1 of the 4 seeds imported.",
    ]


def test_runs_that_stand_in_no_table_are_named_by_series(written, tmp_path):
    runs = {f"r/{i}": SimpleNamespace(series="published") for i in range(10)}
    runs |= {"mine": SimpleNamespace(series="own"), "a/b/c": SimpleNamespace(series="published")}
    first = ", ".join(f"r/{i}" for i in range(8))
    assert verdict.not_run(runs, written({})) == [
        f"Not run of series published: 10 of 11: {first} and 2 more.",
        "Not run of series own: 1 of 1: mine.",
    ]
    (nothing,) = verdict.not_run({"mine": runs["mine"]}, tmp_path / "nowhere")
    assert nothing == "Not run of series own: 1 of 1: mine."
    assert verdict._listed([*"abcdefgh"]) == "a, b, c, d, e, f, g, h"


def test_lost_seeds_are_counted_by_run_and_point(written, monkeypatch):
    monkeypatch.setattr(verdict, "stayed", lambda runs: f"stayed, of {len(runs)}")
    monkeypatch.setattr(verdict, "said_of_code", lambda folder: [f"code of {folder.name}"])
    monkeypatch.setattr(verdict, "read_left_out", lambda folder: ["a seed", "another"])
    lost = {"status": "diverged"}
    rows = [lost, {**lost, "point": "x=1"}, lost, {"status": "collapsed", "run": "d/e/f"}, {}]
    assert verdict.failures(written(*rows)) == [
        "3 seeds diverged (in no mean): a/b/c (2), a/b/c, x=1 (1).",
        "1 seed collapsed (stayed, of 5, and in all means): d/e/f (1).",
        "code of scale",
        "Left out: a seed.",
        "Left out: another.",
    ]
    assert verdict.failures(written({}))[0] == "code of scale"


@pytest.mark.parametrize(
    ("mean", "spread", "count", "factor", "said"),
    [
        (0.5, "nan", "nan", 100.0, "50.0"),
        (0.5, "nan", 7, 100.0, "50.0, 7 seeds"),
        (0.5, 0.1, 1, 100.0, "50.0, 1 seed"),
        (0.5, 0.1, 5, 100.0, "50.0 [37.6, 62.4], 5 seeds"),
        (12.0, 1.0, 5, None, "12 [10.76, 13.24], 5 seeds"),
        (0.99, 0.1, 5, 100.0, "99.0 [86.6, 100.0], 5 seeds"),
    ],
)
def test_a_published_mean_has_the_interval_of_its_seeds_where_they_are_known(
    mean, spread, count, factor, said
):
    at = {"mean": mean, "spread": spread, "n": count}
    assert verdict._published(at, factor, False) == said
