"""The commands for results hand on what they were asked, and say what was written."""

from pathlib import Path
from types import SimpleNamespace

import pandas
import pytest
from typer.testing import CliRunner

from isotrope import paths
from isotrope.cli import app
from isotrope.errors import UserError
from isotrope.plan import figures, index_file
from isotrope.results import (
    collecting,
    compare,
    compare_tables,
    drawing,
    exporting,
    report,
    shortened,
    what_to_run,
)
from isotrope.status import troubles
from isotrope.tasks import by_hand


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def noted(monkeypatch):
    """Puts a function in the place of another that notes its arguments and returns something."""

    def put(module, name, returned=None):
        calls = []
        monkeypatch.setattr(
            module, name, lambda *words: calls.append(words) or returned, raising=False
        )
        return calls

    return put


def test_tables_are_collected_as_asked_and_arrays_need_the_name_of_theirs(noted):
    calls = noted(collecting, "collect_group", [Path("one.csv"), Path("two.csv")])
    assert run("collect", "scale").output == "wrote one.csv\nwrote two.csv\n"
    run("collect", "scale-demo", "--table", "accuracy", "--arrays")
    refused = run("collect", "scale", "--arrays")
    assert [call[:3] for call in calls] == [
        ("scale", None, False),
        ("scale-demo", "accuracy", True),
    ]
    assert isinstance(refused.exception, UserError)
    assert "--arrays: name the table too" in str(refused.exception)


def test_parts_of_an_export_that_need_torch_are_written_only_where_they_are_named(noted):
    module = SimpleNamespace()
    noted(exporting, "form_of", (module, "scale"))
    noted(by_hand, "device_name", "the cpu")
    noted(what_to_run, "check_tables")
    checked = noted(exporting, "check_parts")
    plain = noted(module, "export", [Path("numbers.csv")])
    parts = noted(module, "export_parts", [Path("errors.npz")])

    assert run("export", "ours", "--as", "published").output == "wrote numbers.csv\n"
    assert parts == []
    said = run("export", "ours", "--as", "published", "--with", "errors,curves", "--threads", 3)
    assert said.output == "wrote numbers.csv\nwrote errors.npz\n"
    assert [names for _, names in checked] == [[], ["errors", "curves"]]
    assert plain == [("scale", Path("ours"))] * 2
    assert parts == [("scale", Path("ours"), ["errors", "curves"], "the cpu", 3)]


def test_a_figure_is_drawn_with_the_published_numbers_of_its_study_or_those_named(
    noted, monkeypatch
):
    monkeypatch.setattr(figures, "StudyFigures", lambda study: SimpleNamespace(kind=lambda f: f))
    noted(what_to_run, "check_tables")
    calls = noted(drawing, "draw_figure", [Path("accuracy.svg")])
    for words in ([], ["--published", "other.csv"]):
        run("draw", "accuracy", "--group", "scale-demo", *words)
        path = paths.published("scale")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("study")
        said = run("draw", "accuracy", "--group", "scale-demo", *words)
        assert said.output == "wrote accuracy.svg\n"
        path.unlink()
    group = ("scale", "accuracy", paths.table_folder("scale-demo"))
    drawn = paths.figure_folder("scale-demo") / "accuracy"
    other, own = Path("other.csv"), paths.published("scale")
    assert calls == [(*group, one, drawn) for one in (None, own, other, other)]


@pytest.mark.parametrize("words", [[], ["folder", "--group", "scale"]])
def test_a_figure_needs_a_study_or_weights(words):
    done = run("draw", "accuracy", *words)
    assert isinstance(done.exception, UserError)
    assert "name the study whose tables are drawn" in str(done.exception)


def test_a_table_is_typeset_from_the_numbers_of_its_figure(noted):
    calls = noted(drawing, "typeset_figure", Path("accuracy.tex"))
    assert run("typeset", "accuracy", "--group", "scale-demo").output == "wrote accuracy.tex\n"
    stem = paths.figure_folder("scale-demo") / "accuracy"
    assert calls == [("scale", "accuracy", stem.with_suffix(".csv"), stem.with_suffix(".tex"))]


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("scale",), ("scale", ["published"])),
        (("scale-demo",), ("scale-demo", ["demo"])),
        (("scale", "--series", "own,extra"), ("scale", ["own", "extra"])),
    ],
)
def test_runs_are_compared_by_series_and_written_where_asked(noted, words, asked):
    calls = noted(compare, "compare", pandas.DataFrame({"cell": ["a"], "ours": [0.5]}))
    noted(compare_tables, "tables", [])
    noted(compare_tables, "summary", "1 of 1 agrees")
    noted(compare_tables, "markdown", "| a | 0.5 |\n")
    noted(shortened, "shortened", "")
    assert run("compare", *words).output == "1 of 1 agrees\n"
    assert list(Path().iterdir()) == []

    said = run("compare", *words, "--csv", "ours.csv", "--markdown", "ours.md")

    assert said.output == "1 of 1 agrees\nwrote ours.csv\nwrote ours.md\n"
    assert calls == [asked, asked]
    assert Path("ours.csv").read_text() == "cell,ours\na,0.5\n"
    assert Path("ours.md").read_text() == "| a | 0.5 |\n"


def test_the_report_is_written_of_what_is_there_where_a_param_file_has_a_mistake(
    noted, monkeypatch
):
    noted(troubles, "troubles", {"a/b/c": "failed"})
    calls = noted(report, "write_report", Path("out/report.html"))
    known = SimpleNamespace(runs={"a/b/c": "its entry"}, notes=["a note"])
    index = SimpleNamespace(with_earlier=lambda: known)
    monkeypatch.setattr(index_file, "current", lambda **_: index)
    assert run("report").output == "wrote out/report.html\n"

    def broken(**_):
        raise UserError("x.yaml:3:1: wrong")

    monkeypatch.setattr(index_file, "current", broken)
    run("report")
    assert calls == [
        ({"a/b/c": "its entry"}, {"a/b/c": "failed"}, ("a note",)),
        ({}, {}, ("x.yaml:3:1: wrong",)),
    ]
