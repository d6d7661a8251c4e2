"""Links, pipes, folders and files of any size among param-files."""

import os
import socket
from pathlib import Path

import pytest
from made_up_param_file import GOOD, NAME, sentences, write

from isotrope.commands import arguments
from isotrope.errors import UserError
from isotrope.params.param_file import read_all, read_run
from isotrope.params.param_folder import LARGEST, LONGEST_RUN, find, name_of, read_text
from isotrope.plan import checking, index_file

FILE = Path("param-files", f"{NAME}.yaml")


@pytest.fixture
def place(param_files):
    """Where a param-file of the project may lie, in its folder."""
    (param_files / NAME).parent.mkdir(parents=True)
    return param_files / f"{NAME}.yaml"


@pytest.mark.parametrize("where", ["outside", "inside"])
def test_a_link_to_a_file_is_a_param_file_of_its_own_name(where, place, param_files):
    if where == "outside":
        real = write(param_files.parent / "elsewhere", GOOD, "of_mine.txt")
    else:
        real = write(param_files, GOOD, "standard/stir_emoji/other.yaml")
    place.symlink_to(real)

    assert NAME in [run.name for run in read_all()]
    assert NAME in checking.check_folder().runs
    assert read_run(FILE).name == read_run(place).name == NAME
    assert NAME in arguments.runs("standard/")
    stamped = index_file.stamps()[FILE.as_posix()]
    assert stamped[1] == len(GOOD)
    real.write_text(f"{GOOD}# longer\n")
    assert index_file.stamps()[FILE.as_posix()] != stamped


def test_the_name_is_that_of_the_place_however_it_is_written(place, param_files, monkeypatch):
    (param_files.parent / "beside").symlink_to(param_files.parent)
    for path in (FILE, place, Path("param-files/../param-files", f"{NAME}.yaml")):
        assert name_of(path) == NAME
    assert name_of(param_files.parent / "beside" / FILE) == NAME
    monkeypatch.chdir(place.parent)
    assert name_of(Path("mine.yaml"), param_files) == NAME
    with pytest.raises(UserError, match="a param-file lies at"):
        name_of(param_files.parent / "mine.yaml", param_files)


def bound_socket(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.symlink_to(path.name), "cannot be read: Too many levels of symbolic"),
        (lambda path: path.symlink_to("nowhere"), "cannot be read: No such file or directory"),
        (lambda path: path.symlink_to("/dev/zero"), "a device, not a file; move it away"),
        (lambda path: path.symlink_to("/"), "a link to a folder; make it a folder, and link"),
        (os.mkfifo, "a named pipe, not a file; move it away"),
        (bound_socket, "a socket, not a file; move it away"),
        (Path.mkdir, "a folder, not a file; move it away"),
        (lambda path: path.write_bytes(b"#" * (LARGEST + 1)), "over 100000 bytes; a param-file"),
        (lambda path: path.write_text(GOOD, encoding="utf-16"), "not UTF-8 text"),
        (lambda path: path.write_bytes(GOOD.encode() + b"\xff"), "not UTF-8 text"),
    ],
)
@pytest.mark.timeout(20)
def test_what_is_no_readable_file_is_named_at_once(make, said, place, param_files, monkeypatch):
    monkeypatch.chdir(place.parent)  # the path of a socket is short
    make(Path(place.name))
    monkeypatch.chdir(param_files.parent)

    (found,) = sentences(param_files)

    assert found.startswith(f"{FILE}: {said}")
    assert FILE.as_posix() in index_file.stamps()
    with pytest.raises(UserError, match="param-files/"):
        read_run(FILE)


def test_a_link_to_a_folder_is_named_and_not_followed(place, param_files):
    write(param_files)
    write(param_files.parent / "elsewhere", GOOD, "stir_emoji/other.yaml")
    (param_files / "ensemble").symlink_to(param_files.parent / "elsewhere")
    (param_files / "standard" / "round").symlink_to(param_files)

    found = sentences(param_files)

    assert [one.split(":")[0] for one in found] == [
        "param-files/ensemble",
        "param-files/standard/round",
    ]
    assert all("a link to a folder; make it a folder, and link" in one for one in found)
    with pytest.raises(UserError, match="param-files/ensemble: a link to a folder"):
        read_run(Path("param-files/ensemble/stir_emoji/other.yaml"))


def test_a_folder_of_all_param_files_may_be_a_link(param_files):
    elsewhere = param_files.parent / "elsewhere"
    write(elsewhere)
    param_files.symlink_to(elsewhere)
    assert [run.name for run in read_all()] == [NAME]
    assert find() == {FILE: ""}


def test_what_is_hidden_is_passed_over_and_other_endings_are_stamped_as_they_are_named(place):
    for name in (".mine.yaml", ".kept/mine.yaml", "mine.YAML", "README.md"):
        write(place.parent, GOOD, name)
    assert list(find()) == [FILE.with_suffix(".YAML")]
    assert FILE.with_suffix(".YAML").as_posix() in index_file.stamps()


def test_a_run_has_a_name_that_folders_can_have(param_files):
    long = "standard/stir_emoji/" + "x" * (LONGEST_RUN - len("standard/stir_emoji/"))
    write(param_files, GOOD, f"{long}.yaml")
    assert [run.name for run in read_all()] == [long]
    write(param_files, GOOD, f"{long}x.yaml")
    (found,) = sentences(param_files)
    assert "91 letters; a run's name has 90 at most, shorten it" in found


def test_names_that_no_terminal_can_show_are_shown_as_escapes(place, param_files):
    Path(os.fsdecode(os.fsencode(place.parent) + b"/\xff.yaml")).write_text(GOOD)
    write(place.parent, GOOD, "a\nb.yaml")
    first, second = sentences(param_files)
    assert r"a\nb.yaml: 'a\nb' in its path" in first
    assert r"\udcff.yaml: '\udcff' in its path" in second
    (first + second).encode()


def test_a_file_of_the_largest_size_is_read(place):
    place.write_bytes(b"#" * LARGEST)
    assert len(read_text(place)) == LARGEST


@pytest.mark.parametrize("check", [read_all, checking.check_folder])
def test_a_folder_that_is_not_there_is_named(tmp_path, check):
    with pytest.raises(UserError, match=r"none: no such folder; run in the project's root"):
        check(tmp_path / "none")
