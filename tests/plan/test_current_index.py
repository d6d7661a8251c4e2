"""When the index is made anew: where a file changed, or what is left out may be there now."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from made_up_index import DEMO, OWN, made_up_index

from isotrope.errors import UserError
from isotrope.plan import index_file
from isotrope.plan.asking import ask
from isotrope.plan.needs import Needs

STAMPS = {"param-files/a/b/c.yaml": [1, 2, 3]}


@pytest.fixture
def checks(tmp_path, monkeypatch):
    """The calls of `isotrope check`, which write the index with the stamps of now."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(index_file.PLANNED, raising=False)
    calls = []

    def check(names):
        calls.append(names)
        index_file.write(made_up_index(), STAMPS)
        return 0, []

    monkeypatch.setattr(index_file, "_checked", check)
    return calls


def test_an_index_of_the_same_files_is_taken_and_one_of_others_made_anew(checks):
    for stamps, count in ((STAMPS, 1), (STAMPS, 1), ({}, 2), (STAMPS, 2)):
        assert set(index_file.current(stamps).runs) == set(made_up_index().runs)
        assert len(checks) == count


def test_an_index_that_waits_for_a_plugin_is_made_anew(checks):
    index = made_up_index()
    index.runs[OWN] = replace(index.runs[OWN], broken=["no package of that name"])
    index_file.write(index, STAMPS)
    assert not index_file.current(STAMPS).runs[OWN].broken
    assert len(checks) == 1


def test_a_job_takes_the_index_that_it_was_planned_with(checks, monkeypatch):
    index_file.write(made_up_index(), {})
    monkeypatch.setenv(index_file.PLANNED, "1")
    assert OWN in index_file.current(STAMPS).runs
    assert checks == []


def test_how_far_the_other_process_is_is_said_here_at_once(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    program = tmp_path / "python"
    program.write_text(
        "#!/bin/sh\necho 'checking param-files: 3 of 9 so far' >&2\necho 'a.yaml: x' >&2\nexit 2\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(index_file.sys, "executable", str(program))
    with pytest.raises(UserError) as error:
        index_file.current(STAMPS)
    assert error.value.sentences == ("a.yaml: x",)
    assert capsys.readouterr().err == "checking param-files: 3 of 9 so far\n"


def untried(monkeypatch, *names):
    """An index that is current, of which some runs are untried; the runs that each check builds."""
    built = []

    def check(asked):
        built.append(asked)
        index_file.write(made_up_index(), STAMPS)
        return 0, []

    monkeypatch.setattr(index_file, "_checked", check)
    index_file.write(replace(made_up_index(), untried=list(names)), STAMPS)
    return built


def test_runs_that_nobody_tried_are_no_matter_until_they_are_asked_for(checks, monkeypatch):
    built = untried(monkeypatch, OWN)
    assert index_file.current(STAMPS, asks=lambda index: [DEMO]).untried == [OWN]
    assert built == []
    assert index_file.current(STAMPS, asks=lambda index: [OWN]).untried == []
    assert built == [{OWN}]

    built = untried(monkeypatch, OWN)
    assert index_file.current(STAMPS).untried == []
    assert built == [None], "who names none asks for all"

    def unknown(index):
        raise UserError("no such run")

    built = untried(monkeypatch, OWN)
    assert index_file.current(STAMPS, asks=unknown).untried == []
    assert built == [None]


def test_a_run_asked_for_by_a_file_alone_is_tried_before_it_is_planned(checks, monkeypatch):
    built = untried(monkeypatch, OWN)
    monkeypatch.setattr(index_file, "stamps", lambda: STAMPS)
    plan = ask({"runs": DEMO}, True)
    assert built == []
    plan.memory(SimpleNamespace(run=DEMO, point="base"), attempt=1)
    assert built == []
    plan.memory(SimpleNamespace(run=OWN, point="base"), attempt=1)
    plan.cpus(SimpleNamespace(run=OWN, point="base"))
    assert built == [None]


def test_a_dry_run_and_who_looks_leave_open_what_a_start_tries(checks, monkeypatch, capsys):
    built = untried(monkeypatch, DEMO, OWN)
    monkeypatch.setattr(index_file, "stamps", lambda: STAMPS)
    plan = ask({"runs": OWN}, True, dry=True)
    assert capsys.readouterr().err.splitlines()[0] == (
        "the code of 1 run changed since its network was tried: `snakemake` tries it before it "
        "starts anything, `isotrope check` now"
    )
    plan.memory(SimpleNamespace(run=OWN, point="base"), attempt=1)
    ask({}, True, dry=True)
    assert "the code of 2 runs changed since their networks were tried" in capsys.readouterr().err
    assert index_file.current(STAMPS, asks=index_file.only_look).untried == [DEMO, OWN]
    assert built == []

    monkeypatch.setattr(index_file, "stamps", dict)
    ask({"runs": OWN}, True, dry=True)
    assert built == [set()], "files have changed: networks that only code changed stay open"

    built = untried(monkeypatch, DEMO, OWN)
    monkeypatch.setattr(index_file, "stamps", lambda: STAMPS)
    ask({"runs": OWN}, True)
    assert built == [{OWN}]
    assert "tried" not in capsys.readouterr().err


def test_it_is_said_of_the_runs_that_are_asked_for_alone(checks):
    index = replace(made_up_index(), untried=[OWN])
    assert index.untried_notes([DEMO]) == []
    assert index.untried_notes([]) == []
    assert len(index.untried_notes([DEMO, OWN])) == 1


def test_of_several_such_runs_each_that_cannot_be_built_is_refused(checks, monkeypatch):
    untried(monkeypatch, DEMO, OWN)

    def check(_):
        index = made_up_index()
        index.runs[OWN] = replace(index.runs[OWN], broken=["its network has no part 'pool9'"])
        index_file.write(index, STAMPS)
        return 0, []

    monkeypatch.setattr(index_file, "_checked", check)
    needs = Needs()
    needs.index = replace(made_up_index(), untried=[DEMO, OWN])
    monkeypatch.setattr(index_file, "stamps", lambda: STAMPS)
    needs.see_built(DEMO)
    assert needs.index.untried == [OWN], "one that can be built is not tried again"
    with pytest.raises(UserError, match="pool9"):
        needs.see_built(OWN)


@pytest.mark.parametrize("terminal", [True, False])
def test_the_other_process_says_how_far_it_is_where_this_one_has_a_terminal(
    terminal, tmp_path, monkeypatch
):
    program = tmp_path / "python"
    program.write_text('#!/bin/sh\necho "$@" >&2\n')
    program.chmod(0o755)
    monkeypatch.setattr(index_file.sys, "executable", str(program))
    monkeypatch.setattr(index_file.sys.stderr, "isatty", lambda: terminal, raising=False)
    _, (words,) = index_file._checked(None)
    assert words.endswith(" --quiet --relayed" if terminal else " --quiet")
