"""Arrays on disk: whole or not at all, the same bytes for the same arrays, damage is named."""

import zipfile

import numpy as np
import pytest

from isotrope.errors import UserError
from isotrope.files.arrays import read_arrays, write_arrays

ARRAYS = {
    "a/b=0.1/sizes": np.arange(12, dtype=np.uint8).reshape(3, 4),
    "a/b=0.1/seed": np.array(7),
    "words": np.array(["one", "three"]),
}


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new" / "some.npz"
    write_arrays(path, ARRAYS.items())
    found = read_arrays(path, "")
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    with np.load(path) as stored:
        assert stored.files == list(ARRAYS), "numpy alone reads it"
    assert [one.name for one in path.parent.iterdir()] == ["some.npz"]


def test_the_same_arrays_make_the_same_bytes(tmp_path, monkeypatch):
    write_arrays(tmp_path / "one.npz", ARRAYS.items())
    monkeypatch.setattr("time.time", lambda: 2e9)
    write_arrays(tmp_path / "other.npz", ARRAYS.items())
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "other.npz").read_bytes()


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "some.npz"
    write_arrays(path, ARRAYS.items())
    before = path.read_bytes()

    def failing():
        yield "first", np.zeros(3)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_arrays(path, failing())
    with pytest.raises(ValueError, match="x is given twice"):
        write_arrays(path, [("x", np.zeros(1)), ("x", np.ones(1))])
    with pytest.raises(ValueError, match="allow_pickle"):
        write_arrays(path, [("x", np.array([None]))])
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["some.npz"]


@pytest.mark.parametrize("kept", [0, 1, 40, 200, -1, -30])
def test_a_truncated_file_is_named_with_the_way_out(tmp_path, kept):
    path = tmp_path / "some.npz"
    write_arrays(path, ARRAYS.items())
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"some\.npz is truncated or altered .*; do this"):
        read_arrays(path, "do this")


def test_an_altered_byte_never_gives_other_numbers(tmp_path):
    path = tmp_path / "some.npz"
    write_arrays(path, ARRAYS.items())
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        first, second = archive.infolist()[:2]
    noticed = 0
    for place in range(first.header_offset, second.header_offset):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        try:
            found = read_arrays(path, "")
        except UserError:
            noticed += 1
        else:  # a byte that means nothing, such as a time
            np.testing.assert_array_equal(found["a/b=0.1/sizes"], ARRAYS["a/b=0.1/sizes"])
    assert noticed >= first.compress_size - 1, "the last byte may have bits to spare"


def test_pickles_are_refused(tmp_path):
    path = tmp_path / "some.npz"
    np.savez(path, x=np.array([{}], dtype=object))
    with pytest.raises(UserError, match="truncated or altered"):
        read_arrays(path, "")


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.npz is not there; do this"):
        read_arrays(tmp_path / "none.npz", "do this")


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="could not be written"):
        write_arrays(tmp_path / "file" / "some.npz", ARRAYS.items())
