"""A param-file with mistakes is named, and everything else goes on."""

import sys

import pytest
from made_up_param_file import NAME, changed, write

from isotrope import cli
from isotrope.errors import UserError
from isotrope.plan import index_file
from isotrope.plan.checking import check_folder
from isotrope.plan.index import LEFT_OUT
from isotrope.plan.needs import Needs
from isotrope.plan.targets import NOTHING_STARTED, Plan

OTHER = "ensemble/stir_emoji/other"
SAID = f"param-files/{OTHER}.yaml:13:3: training.epochs: input should be greater than 0 (got 0)"


ELSEWHERE = {"runs": NAME}  # asks for the run without mistakes


def write_other(folder, series="own"):
    """A run with two mistakes, of a series, and the index of what is there then."""
    text = changed(("standard", "ensemble")) + f"series: {series}\n"
    text = text.replace("epochs: 2", "epochs: 0").replace("patience: 10", "patience: 0")
    write(folder, text, f"{OTHER}.yaml")
    index_file.write(check_folder(), index_file.stamps())


@pytest.fixture
def project(param_files, monkeypatch):
    """A project of a run, and of one whose param-file has two mistakes since it was checked."""
    other = changed(("standard", "ensemble"))
    write(param_files)
    write(param_files, other, f"{OTHER}.yaml")
    check_folder()
    write_other(param_files)
    monkeypatch.setattr(index_file, "current", lambda *_, **__: index_file.read()[0])
    return param_files


@pytest.mark.parametrize(
    ("config", "asked"),
    [
        ({}, "own"),
        ({}, "demo"),
        ({}, "owl"),
        ({"series": "published"}, "published"),
        ({"studies": "scale"}, "own"),
        ({"runs": f"{NAME},{OTHER}"}, "published"),
        ({"runs": "*/stir_emoji/*"}, "own"),
    ],
)
def test_a_mistake_in_what_is_asked_for_ends_all_before_anything_is_planned(project, config, asked):
    write_other(project, asked)
    with pytest.raises(UserError) as error:
        Plan(config)
    assert SAID in error.value.sentences
    assert error.value.sentences[-1] == NOTHING_STARTED


@pytest.mark.parametrize(
    ("config", "asked"),
    [
        (ELSEWHERE, "own"),
        ({"series": "own"}, "published"),
        ({"studies": "scale", "series": "own"}, "demo"),
        ({"runs": "*/stir_emoji/*", "series": "own"}, "extra"),
    ],
)
def test_a_mistake_in_what_is_not_asked_for_is_named(project, config, asked):
    write_other(project, asked)
    assert Plan(config).notes() == [SAID, LEFT_OUT]


def test_all_other_runs_are_planned(project):
    plan = Plan(ELSEWHERE)
    assert plan.packs("run.json") == [f"out/runs/{NAME}/base/seeds-1-25/run.json"]
    assert plan.notes() == [SAID, LEFT_OUT]


@pytest.mark.parametrize("runs", [OTHER, "ensemble/*", f"param-files/{OTHER}.yaml"])
def test_a_run_that_is_asked_for_by_name_says_every_mistake(project, runs):
    with pytest.raises(UserError) as error:
        Plan({"runs": runs})
    assert error.value.sentences[0] == SAID
    assert len(error.value.sentences) == 3
    with pytest.raises(UserError, match="got 0"):
        Needs().run(OTHER)


def test_jobs_know_the_run_that_was_planned_before_its_param_file_had_a_mistake(project):
    assert Needs(head=False).run(OTHER).seeds == [1, 2, 3]
    assert OTHER in index_file.as_written().runs


def test_check_ends_with_status_2_and_status_shows_all_runs(project, monkeypatch, capsys):
    def said(status, *words):
        monkeypatch.setattr(sys, "argv", ["isotrope", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == status
        return capsys.readouterr()

    for options in ((), ("--write-index", "--quiet")):
        output = said(2, "check", *options)
        assert (output.out, len(output.err.splitlines())) == ("", 2)
        assert output.err.splitlines()[0] == SAID
        assert [*index_file.as_written().mistakes] == [f"param-files/{OTHER}.yaml"]
    output = said(0, "status")
    assert output.err.splitlines() == [SAID, LEFT_OUT]
    assert NAME in output.out
    assert OTHER in output.out, "as it was before"
