"""The column ``code``: in every table, in no figure's way, and told on the page of summaries."""

import csv
import json
from dataclasses import replace

import pandas
import pytest
from made_up_index import point
from test_collecting import MINE, ONE, TWO, Project, manifest, seal

from isotrope import paths
from isotrope.files.tables import RESULT_COLUMNS, RUN_COLUMNS, read_table, write_table
from isotrope.packs import code_records
from isotrope.packs.code_records import Code
from isotrope.plan import index_file
from isotrope.plan.index import EvaluationEntry
from isotrope.results import collecting, summary
from isotrope.results.collecting import collect_group
from isotrope.results.drawing import code_in_runs, read_tables
from isotrope.results.finished import finished_packs
from isotrope.results.series import measured, origin

THEN, NOW = "1" * 16, "2" * 16
FOLDER = paths.table_folder("scale-demo")


class MadeUpCode:
    """Every result would now be made with the same code."""

    def of(self, plugins):
        return Code(NOW, {"m.py": "b"})

    def files_of(self, digest):
        return {"m.py": "b"}


@pytest.fixture
def project(tmp_path, monkeypatch):
    from made_up_index import made_up_index

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("isotrope.plan.code_state.ResultCode", MadeUpCode)
    project = Project(made_up_index().datasets)
    monkeypatch.setattr(index_file, "current", lambda **_: project.index())
    manifest(files=[])
    for name in (ONE, TWO, MINE):
        project.finish(name)
    return project


def train(project, name, *codes):
    """Record the code of the seeds 1, 2, 3 of a run."""
    path = project.pack(name) / "run.json"
    seeds = json.loads(path.read_text())["seeds"]
    told = [{**seed, "code": [code]} for seed, code in zip(seeds, codes, strict=True)]
    seal(path, seeds=told)


def evaluate(project, name, **codes):
    """Record the code of the rows of a run's evaluations, one for all seeds."""
    digests = {"accuracy": "b" * 16, "by_scale": "c" * 16}
    told = {
        table: (digests[table], dict.fromkeys((1, 2, 3), code)) for table, code in codes.items()
    }
    code_records.write_codes_of_results(project.pack(name) / "results.csv", told)


def column(table, name):
    """The column of a table of the demo: for each seed of a run the words in it."""
    with (FOLDER / f"{table}.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["run"] == name]
    assert list(rows[0])[-1] == "code" or table == "runs"
    return {int(row["seed"]): row["code"] for row in rows}


def test_each_row_says_whether_its_weights_and_itself_were_made_with_this_code(project):
    train(project, ONE, THEN, NOW, "")
    evaluate(project, ONE, accuracy=NOW, by_scale=THEN)
    train(project, TWO, NOW, NOW, NOW)
    evaluate(project, TWO, accuracy=NOW)
    collect_group("scale-demo")
    assert column("runs", ONE) == {1: "changed", 2: "same", 3: "not recorded"}
    assert column("accuracy", ONE) == {1: "changed", 2: "same", 3: "not recorded"}
    assert column("by_scale", ONE) == dict.fromkeys((1, 2, 3), "changed")
    assert column("accuracy", TWO) == dict.fromkeys((1, 2, 3), "same")
    assert column("by_scale", TWO) == dict.fromkeys((1, 2, 3), "not recorded")


def test_what_is_kept_is_called_so(project):
    train(project, ONE, THEN, NOW, NOW)
    evaluate(project, ONE, accuracy=NOW, by_scale=NOW)
    code_records.keep(ONE, [code_records.Kept("why", "today", {NOW: [THEN]})])
    collect_group("scale-demo")
    assert column("runs", ONE) == {1: "kept", 2: "same", 3: "same"}
    assert column("accuracy", ONE) == {1: "kept", 2: "same", 3: "same"}


def test_whoever_reads_a_table_is_not_given_the_column_unasked(project):
    train(project, ONE, THEN, NOW, "")
    collect_group("scale-demo")
    assert "code" not in read_table(FOLDER / "runs.csv", RUN_COLUMNS)
    assert "code" not in read_table(FOLDER / "accuracy.csv", RESULT_COLUMNS)
    assert set(read_table(FOLDER / "runs.csv", RUN_COLUMNS, with_code=True)["code"]) == {
        "changed",
        "same",
        "not recorded",
    }


def test_a_table_of_before_has_an_empty_column_when_asked(project):
    collect_group("scale-demo")
    table = pandas.read_csv(FOLDER / "accuracy.csv").drop(columns="code")
    write_table(FOLDER / "accuracy.csv", table.to_csv(index=False))
    found = read_table(FOLDER / "accuracy.csv", RESULT_COLUMNS, with_code=True)
    assert set(found["code"]) == {""}


def test_figures_say_how_many_of_their_seeds_have_other_code(project):
    train(project, ONE, THEN, NOW, NOW)
    evaluate(project, ONE, accuracy=NOW, by_scale=NOW)
    train(project, TWO, NOW, NOW, NOW)
    evaluate(project, TWO, accuracy=THEN, by_scale=NOW)
    collect_group("scale-demo")
    tables = read_tables("scale", "accuracy", FOLDER, None)
    assert "code" not in tables["accuracy"]
    rows = measured(tables, "accuracy", "accuracy")
    said = origin(rows, tables.published, tables)
    assert "Made with other code (code has changed since): 4 of 6 seeds." in said
    evaluate(project, TWO, accuracy=NOW, by_scale=NOW)
    train(project, ONE, NOW, NOW, NOW)
    collect_group("scale-demo")
    tables = read_tables("scale", "accuracy", FOLDER, None)
    rows = measured(tables, "accuracy", "accuracy")
    assert not any("code" in one for one in origin(rows, tables.published, tables))


def test_the_code_of_rows_of_whole_points_is_in_no_runs_way():
    runs = pandas.DataFrame({"run": ["r"], "point": ["p"], "seed": [1], "code": ["same"]})
    spread = pandas.DataFrame({"run": ["r"], "point": ["p"], "seed": [None], "code": ["changed"]})
    found = code_in_runs({"runs": runs, "spread": spread})
    assert found["runs"]["code"].tolist() == ["same"]
    assert "code" not in found["spread"]


def test_the_page_of_summaries_names_both_ways_on(project):
    train(project, ONE, THEN, NOW, NOW)
    evaluate(project, ONE, accuracy=NOW, by_scale=NOW)
    train(project, TWO, NOW, NOW, NOW)
    evaluate(project, TWO, accuracy=NOW, by_scale=NOW)
    collect_group("scale-demo")
    page = summary.write_summary(FOLDER).read_text()
    assert "Code behind the results of 2 runs and points: 1 changed" in page
    assert "isotrope keep RUN" in page
    train(project, ONE, NOW, NOW, NOW)
    collect_group("scale-demo")
    assert "Code behind" not in summary.write_summary(FOLDER).read_text()


def test_rows_of_a_whole_point_have_the_worst_of_its_seeds(project):
    entry = project.runs[ONE]
    spread = EvaluationEntry("spread", "d" * 16, "stir/emoji", of_run=True)
    base = point(evaluations={**entry.points["base"].evaluations, "spread": spread})
    train(project, ONE, THEN, NOW, NOW)
    results = paths.results_of_run(ONE, "base", "spread")
    code_records.write_codes_of_results(results, {"spread": ("d" * 16, {None: NOW})})
    (pack,) = finished_packs(project.index(), ONE, entry, "base", None)
    pack = replace(
        pack, evaluations=("spread",), of_run=frozenset({"spread"}), files={"spread": results}
    )
    index = index_file.Index({ONE: replace(entry, points={"base": base})}, project.datasets)
    (told,) = collecting.with_codes([pack], collecting.CodeStates(index))
    assert told.codes_of_rows == {"spread": {"": "changed"}}
