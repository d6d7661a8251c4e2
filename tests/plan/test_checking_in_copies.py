"""Where many param-files changed, copies of the process check them, and all else is the same."""

import os
import signal
import sys

import pytest
from made_up_param_file import changed, write

from isotrope import paths
from isotrope.params import param_file
from isotrope.plan import checking
from isotrope.plan.checked_before import read_memory
from isotrope.plan.checking import check_folder
from isotrope.processes import shared_out

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="copies are made on Linux")
MODELS = "standard", "ensemble", "broken"
RUNS = sorted(f"{model}/stir_emoji/run_{i}" for model in MODELS for i in range(7))
WRONG, WAITING = "standard/stir_emoji/run_3", "broken/stir_emoji/run_0"


@pytest.fixture
def many(param_files, monkeypatch):
    """Runs of three models: one with a mistake, and those of a plug-in that cannot be read."""
    write(param_files.parent / "plugins", "def (", "models/broken.py")
    for name in RUNS:
        model, *_, number = name.replace("_", "/").split("/")
        rate = f"1e-{int(number) + 1}"
        write(param_files, changed(("standard", model), ("1e-3", rate)), f"{name}.yaml")
    write(param_files, changed(("epochs: 2", "epochs: 0")), f"{WRONG}.yaml")
    processors(monkeypatch, 2)
    return param_files


def processors(monkeypatch, count):
    monkeypatch.setattr(os, "sched_getaffinity", lambda of: set(range(count)))


@pytest.fixture
def checked_here(monkeypatch):
    """The runs whose files were checked in this process."""
    names, check = [], param_file.check_file

    def spy(path, *words, **options):
        names.append(path.relative_to(paths.PARAM_FILES).with_suffix("").as_posix())
        return check(path, *words, **options)

    monkeypatch.setattr(param_file, "check_file", spy)
    return names


def test_the_index_and_what_is_remembered_are_those_of_one_process(many, checked_here, monkeypatch):
    found, remembered = check_folder(), read_memory()
    assert checked_here == [WAITING], "the first file here, all others in copies"
    assert [*found.mistakes] == [f"param-files/{WRONG}.yaml"]
    assert found.runs[WAITING].broken
    assert [*found.runs] == [name for name in RUNS if name != WRONG]

    paths.CHECKED.unlink()
    processors(monkeypatch, 1)
    assert check_folder() == found
    assert checked_here[1:] == RUNS
    alone = read_memory()
    assert remembered.trials
    assert remembered.sources.keys() == alone.sources.keys()
    assert vars(remembered) == vars(alone)


def test_what_copies_found_is_not_asked_again(many, checked_here):
    check_folder()
    checked_here.clear()
    found = check_folder()
    assert {*checked_here} == {WRONG, *(name for name in RUNS if name.startswith("broken"))}
    assert len(found.runs) == len(RUNS) - 1


def test_what_a_killed_copy_leaves_is_checked_here(many, checked_here, monkeypatch):
    maker, check = os.getpid(), param_file.check_file

    def end_in_a_copy(path, *words, **options):
        if os.getpid() != maker and path.stem == "run_5":
            os.kill(os.getpid(), signal.SIGKILL)
        return check(path, *words, **options)

    monkeypatch.setattr(param_file, "check_file", end_in_a_copy)
    found = check_folder()
    assert [*found.runs] == [name for name in RUNS if name != WRONG]
    assert {name for name in RUNS if name.endswith("run_5")} <= {*checked_here}
    assert WAITING in checked_here


def test_it_is_said_how_far_the_copies_are(many, monkeypatch):
    progress, said, share_out = checking.Progress(), [], shared_out.share_out

    def heard_too(shares, answer, rest, heard):
        def hear(path, answer):
            heard(path, answer)
            said.append(progress.words())

        said.append(progress.words())
        return share_out(shares, answer, rest, hear)

    monkeypatch.setattr(shared_out, "share_out", heard_too)
    assert progress.words() == "checking param-files: 0 of 0 so far"
    check_folder(progress=progress)
    assert said == [f"checking param-files: {i} of 21 so far" for i in range(1, 22)]
