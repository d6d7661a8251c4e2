"""What a job says is kept in a file, whoever started it, and no trouble with that ends the job."""

import sys

import pytest
from altered_files import pipe_at

from isotrope.errors import UserError
from isotrope.packs.lease import LeaseLostError
from isotrope.packs.log_file import logged


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pack/train.log"


def test_lines_are_kept_and_said(path):
    said = []
    with logged(path, said.append) as log:
        log("one")
        assert path.read_text() == "one\n", "at once: status reads it meanwhile"
        log("two")
    assert said == ["one", "two"]
    with logged(path, said.append) as log:
        pass
    assert path.read_text() == ""


def test_a_pipe_in_its_place_keeps_nobody_waiting(path):
    said = []
    with pipe_at(path) as waited:
        with logged(path, said.append) as log:
            log("one")
        assert not waited.is_set()
    assert said == ["one"]


def test_an_earlier_log_is_kept_if_wanted(path):
    for line in ("one", "two"):
        with logged(path, lambda _: None, append=True) as log:
            log(line)
    assert path.read_text() == "one\ntwo\n"


def test_sentences_and_tracebacks_that_end_the_work_are_kept_and_not_said_here(path):
    said = []
    with pytest.raises(UserError), logged(path, said.append):
        raise UserError("first", "second")
    assert path.read_text() == "first\nsecond\n"
    with pytest.raises(ZeroDivisionError), logged(path, said.append):
        1 / 0  # noqa: B018
    assert path.read_text().startswith("Traceback (most recent call last):\n")
    assert path.read_text().endswith("ZeroDivisionError: division by zero\n")
    assert said == []


def test_a_lost_lease_is_no_failure(path):
    with pytest.raises(LeaseLostError), logged(path, lambda _: None):
        raise LeaseLostError
    assert path.read_text() == ""


def test_a_file_that_cannot_be_written_ends_no_work(tmp_path):
    (tmp_path / "file").touch()
    said = []
    with logged(tmp_path / "file/train.log", said.append) as log:
        log("one")
    assert said == ["one"]


def test_a_file_that_holds_the_output_already_is_not_written_twice(path, monkeypatch):
    path.parent.mkdir()
    with path.open("w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        with logged(path, print) as log:
            log("one")
    assert path.read_text() == "one\n"
