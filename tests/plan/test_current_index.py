"""When the index is made anew: where a file changed, or what is left out may be there now."""

from dataclasses import replace

import pytest
from made_up_index import OWN, made_up_index

from isotrope.errors import UserError
from isotrope.plan import index_file

STAMPS = {"param-files/a/b/c.yaml": [1, 2, 3]}


@pytest.fixture
def checks(tmp_path, monkeypatch):
    """The calls of `isotrope check`, which write the index with the stamps of now."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(index_file.PLANNED, raising=False)
    calls = []

    def check():
        calls.append("check")
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
