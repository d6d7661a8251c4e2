import pytest

from isotrope.datasets.local_data import absent_files, local_file, local_root, sizes
from isotrope.errors import UserError


@pytest.mark.parametrize("value", [None, ""])
def test_an_unset_variable_names_the_file_that_is_looked_for(monkeypatch, value):
    monkeypatch.delenv("ISOTROPE_DATA", raising=False)
    if value is not None:
        monkeypatch.setenv("ISOTROPE_DATA", value)
    assert local_root() is None
    with pytest.raises(
        UserError, match=r"\$ISOTROPE_DATA is not set, and stir/a\.npz is looked for"
    ):
        local_file("stir/a.npz")
    assert absent_files(["stir/a.npz"]) == ["stir/a.npz"]


def test_a_file_is_found_under_the_variable_with_the_home_folder_spelt_out(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.npz").touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ISOTROPE_DATA", "~/mine")
    assert local_file("a.npz") == tmp_path / "mine" / "a.npz"
    assert absent_files(["a.npz", "b.npz"]) == ["b.npz"]


def test_the_home_folder_of_nobody_is_a_name_as_any_other(monkeypatch):
    monkeypatch.setenv("ISOTROPE_DATA", "~nobody-of-that-name")
    assert absent_files(["a.npz"]) == ["a.npz"]
    with pytest.raises(UserError, match=r"~nobody-of-that-name/a\.npz: no such file"):
        local_file("a.npz")


def test_a_folder_in_place_of_the_file_is_no_file(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path))
    (tmp_path / "a.npz").mkdir()
    with pytest.raises(
        UserError, match=rf"{tmp_path}/a\.npz: no such file; .*which is {tmp_path};"
    ):
        local_file("a.npz")


def test_of_files_that_may_stand_for_each_other_the_first_that_is_there_is_watched(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path))
    (tmp_path / "b.tar").write_bytes(bytes(7))
    either = "lists/a.txt or b.tar"
    assert sizes(either) == f"{tmp_path}/b.tar:7"
    assert absent_files([either]) == []
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "a.txt").write_bytes(bytes(3))
    assert sizes(either) == f"{tmp_path}/lists/a.txt:3"
    assert local_file(either) == tmp_path / "lists" / "a.txt"


def test_of_many_files_number_and_bytes_are_watched(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOTROPE_DATA", str(tmp_path))
    for name in "ab":
        (tmp_path / f"{name}.txt").write_bytes(bytes(3))
    assert sizes("*.txt") == "*.txt:2 files:6"
    (tmp_path / "b.txt").write_bytes(bytes(9))
    assert sizes("*.txt") == "*.txt:2 files:12"
