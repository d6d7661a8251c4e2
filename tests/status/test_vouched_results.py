"""Results that are not what was trained and computed: ``isotrope status`` says so."""

import json
import os
from pathlib import Path
from typing import NamedTuple

import pytest
from test_altered_results import (  # noqa: F401 (fixtures)
    NAME,
    first_row,
    made,
    older,
    project,
    with_value,
)
from typer.testing import CliRunner

from isotrope import paths
from isotrope.cli import app
from isotrope.plan import index_file
from isotrope.status import vouching as module
from isotrope.status.heartbeats import Pulse
from isotrope.status.reading import read_states
from isotrope.status.vouching import Vouching


def pulse():
    return Pulse(paths.OUT / "runs")


@pytest.fixture
def look(made, project, vouching):  # noqa: F811
    """Looks at the run, with one memory."""
    _, _, index = made

    def look():
        (found,) = read_states(index, [NAME], pulse(), vouching=vouching)
        return found.found.state, found.found.detail

    return look


def test_sound_results_are_compared_once(look, project, monkeypatch):  # noqa: F811
    assert look() == ("done", "")
    monkeypatch.setattr(module, "doubt", lambda pack: pytest.fail("compared again"))
    assert look() == ("done", "")
    assert list(json.loads(paths.VOUCHED.read_text())["sound"]) == [project.task.folder.as_posix()]


def test_altered_rows_are_said_until_they_are_mended(look, project):  # noqa: F811
    assert look() == ("done", "")
    sound = project.results.read_text()
    line = first_row(sound)
    project.edit(project.results, line, with_value(line, "0.97"))
    for _ in range(2):
        state, detail = look()
        assert state == "stale"
        assert detail.startswith(
            f"seed 1 of accuracy: {project.results} was altered: its rows are not those"
        )
        assert "\n" not in detail
    project.results.write_text(sound)
    assert look() == ("done", "")


def test_altered_results_are_remembered_as_sound_no_more(look, project):  # noqa: F811
    look()
    line = first_row(project.results.read_text())
    project.edit(project.results, line, with_value(line, "0.97"))
    assert look()[0] == "stale"
    assert json.loads(paths.VOUCHED.read_text())["sound"] == {}


def test_an_evaluation_that_is_gone_is_said(look, project):  # noqa: F811
    lines = project.results.read_text().splitlines(keepends=True)
    project.results.write_text("".join(line for line in lines if not line.startswith("accuracy,")))
    state, detail = look()
    assert state == "stale"
    assert detail.startswith(f"accuracy: {project.results} does not hold it")


def test_an_altered_summary_is_said(look, project):  # noqa: F811
    content = json.loads(project.run_json.read_text())
    content["seeds"][0]["peak_memory_mb"] = 1.0
    project.run_json.write_text(json.dumps(content))
    state, detail = look()
    assert state == "stale"
    assert "run.json is truncated or altered" in detail


def test_an_older_pack_is_vouched_for_by_its_seeds(look, project):  # noqa: F811
    older(project)
    assert look() == ("done", "")
    content = json.loads(project.run_json.read_text())
    content["seeds"][1]["peak_memory_mb"] = 1.0
    project.run_json.write_text(json.dumps(content))
    state, detail = look()
    assert state == "stale"
    assert detail.startswith(f"seed 2: {project.run_json} and ")


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "{}", '{"x": 3}'])
def test_a_damaged_memory_only_costs_time(look, text):
    assert look() == ("done", "")
    paths.VOUCHED.write_text(text)
    assert Vouching()._sound == {}
    assert look() == ("done", "")


def test_a_memory_that_was_altered_vouches_for_nothing(look, project):  # noqa: F811
    assert look() == ("done", "")
    before = paths.VOUCHED.read_text()
    was = project.results.stat()
    line = first_row(project.results.read_text())
    project.edit(project.results, line, with_value(line, "0.97"))
    now = project.results.stat()
    numbers = ((str(was.st_mtime_ns), str(now.st_mtime_ns)), (f"{was.st_size}]", f"{now.st_size}]"))
    for old, new in numbers:
        before = before.replace(old, new)
    paths.VOUCHED.write_text(before)
    (found,) = Vouching()._sound or [""]
    assert found == ""
    assert look()[0] == "stale"


def test_a_look_compares_no_longer_than_it_may(made, project, vouching):  # noqa: F811
    _, _, index = made
    line = first_row(project.results.read_text())
    project.edit(project.results, line, with_value(line, "0.97"))
    for longest, state in ((-1.0, "done"), (60.0, "stale")):
        (found,) = read_states(index, [NAME], pulse(), vouching=Vouching(longest))
        assert found.found.state == state


def test_the_command_says_it(look, project, made, monkeypatch):  # noqa: F811
    _, _, index = made
    monkeypatch.setattr(index_file, "current", lambda *_, **__: index)
    line = first_row(project.results.read_text())
    project.edit(project.results, line, with_value(line, "0.97"))
    said = CliRunner().invoke(app, ["status"], env={**os.environ, "COLUMNS": "500"})
    assert said.exit_code == 0
    assert "was altered" in said.stdout


class Looked(NamedTuple):
    """A pack as far as a memory looks at it: where it lies, and what its files are now."""

    folder: Path
    stamp: str


def test_behind_packs_that_need_no_look_the_others_are_compared(tmp_path, monkeypatch, vouching):
    monkeypatch.chdir(tmp_path)
    asked = []
    monkeypatch.setattr(module, "_stamp", lambda pack: pack.stamp)
    monkeypatch.setattr(
        module, "doubt", lambda pack: asked.append(pack) or ("bad" if pack.stamp == "bad" else "")
    )
    one, two, three = (Looked(Path(name), "1") for name in "abc")
    memory = vouching
    assert memory.doubts([one, two]) == {}
    bad = two._replace(stamp="bad")
    memory._longest = -1.0  # no time for those that were never looked at
    asked.clear()
    assert memory.doubts([one, three, bad]) == {bad: "bad"}
    assert asked == [bad]
    memory._longest = 60.0
    assert memory.doubts([one, three, bad]) == {bad: "bad"}
    assert asked == [bad, three, bad]
