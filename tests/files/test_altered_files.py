"""Altered arrays and tables are named, whatever was done to them; none is read in part."""

import io
import struct
import zipfile

import numpy as np
import pytest
from altered_files import flip

from isotrope.errors import UserError
from isotrope.files.arrays import read_arrays, write_arrays
from isotrope.files.tables import RESULT_COLUMNS, RUN_COLUMNS, read_table, write_table

ARRAYS = {f"run/base/{name}": np.arange(6.0) + i for i, name in enumerate("abcd")}


@pytest.fixture
def npz(tmp_path):
    path = tmp_path / "some.npz"
    write_arrays(path, ARRAYS.items())
    return path


def read(path):
    """The arrays of a file; None if it is refused in one sentence."""
    try:
        return read_arrays(path, "make it again")
    except UserError as error:
        (sentence,) = error.sentences
        assert sentence.startswith(f"{path} is ")
        assert sentence.endswith("; make it again")
        assert "\n" not in sentence
        return None


def test_no_bit_that_is_turned_round_loses_or_changes_an_array(npz):
    sound = npz.read_bytes()
    refused = 0
    for number in range(600):
        npz.write_bytes(sound)
        what = flip(npz, number)
        found = read(npz)
        refused += found is None
        if found is not None:  # a date, or another word that nobody reads
            assert found.keys() == ARRAYS.keys(), what
            assert all(np.array_equal(found[name], ARRAYS[name]) for name in ARRAYS), what
    assert refused > 400


@pytest.mark.parametrize("lost", range(4))
def test_an_array_that_is_lost_from_the_list_is_missed(npz, lost):
    content = npz.read_bytes()
    with zipfile.ZipFile(npz) as archive:
        names, start = archive.namelist(), archive.start_dir
    entries = content[start:].split(b"PK\x01\x02")[1:]
    entries[-1], end = entries[-1].split(b"PK\x05\x06")
    kept = [b"PK\x01\x02" + one for i, one in enumerate(entries) if i != lost]
    size = sum(map(len, kept))
    end = end[:4] + struct.pack("<HHLL", len(kept), len(kept), size, start) + end[16:]
    npz.write_bytes(content[:start] + b"".join(kept) + b"PK\x05\x06" + end)
    with zipfile.ZipFile(npz) as archive:
        assert len(archive.namelist()) == len(names) - 1, "the zip itself is sound"
    assert read(npz) is None


def test_an_array_that_is_there_twice_is_refused(npz):
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(npz, "a") as archive:
        archive.writestr("run/base/a.npy", archive.read("run/base/b.npy"))
    with pytest.raises(UserError, match=r"run/base/a\.npy is in it twice"):
        read_arrays(npz, "")


HEADERS = (
    "no literal (",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (6,), ",
    "{'descr': 3, 'fortran_order': False, 'shape': (6,), }",
    "{'descr': '<f8', 'fortran_order': 3, 'shape': 'x', }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (6,), }",
    "((((((((" * 500,
    "{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999,), }",
    "\u00e9",
)


def with_header(header):
    text = header.encode("latin-1") + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(48)


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_that_is_none_is_a_sentence(tmp_path, header):
    path = tmp_path / "some.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", with_header(header))
    assert read(path) is None


def test_what_numpy_writes_is_read(tmp_path):
    np.savez(tmp_path / "some.npz", a=np.arange(3), b=np.ones((2, 2)))
    assert list(read(tmp_path / "some.npz")) == ["a", "b"]
    stream = io.BytesIO()
    stream.seekable = lambda: False
    with zipfile.ZipFile(stream, "w") as archive:  # sizes follow what they are of
        archive.writestr("a.npy", with_header(HEADERS[2].replace("3", "'<f8'")))
        archive.writestr("b.npy", with_header(HEADERS[2].replace("3", "'<f8'")))
    (tmp_path / "other.npz").write_bytes(stream.getvalue())
    assert list(read(tmp_path / "other.npz")) == ["a", "b"]


def test_a_folder_in_the_place_of_a_file_is_a_sentence(tmp_path):
    for name in ("some.npz", "some.csv"):
        (tmp_path / "tables" / name).mkdir(parents=True)
    assert read(tmp_path / "tables" / "some.npz") is None
    with pytest.raises(UserError, match=r"some\.csv cannot be read \("):
        read_table(tmp_path / "tables" / "some.csv", RESULT_COLUMNS)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is not there"):
        read_table(tmp_path / "file" / "runs.csv", RUN_COLUMNS)


ROW = {"run": "a/b/c", "point": "base", "seed": 1, "metric": "accuracy", "value": 0.5, "n": 36}


def table(**changed):
    return f"{','.join(ROW)}\n{','.join(map(str, ({**ROW, **changed}).values()))}\n"


def test_a_collected_table_that_was_altered_is_refused(tmp_path):
    path = tmp_path / "tables" / "accuracy.csv"
    write_table(path, table())
    assert read_table(path, RESULT_COLUMNS)["value"].tolist() == [0.5]
    path.write_text(table(value=0.97))
    with pytest.raises(UserError, match=r"was altered since it was collected; delete it and run"):
        read_table(path, RESULT_COLUMNS)

    write_table(path, table(value=0.25))
    assert read_table(path, RESULT_COLUMNS)["value"].tolist() == [0.25], "collected anew"
    (sums,) = (tmp_path / ".sums" / "tables").iterdir()
    sums.write_text("[" * 100_000)
    with pytest.raises(UserError, match="was altered since it was collected"):
        read_table(path, RESULT_COLUMNS)
    sums.unlink()
    assert read_table(path, RESULT_COLUMNS)["value"].tolist() == [0.25], "of another machine"


@pytest.mark.parametrize("cell", ["", "nan", "inf", "1e400", "-1", "0.5", "True", "x", "9" * 30])
def test_a_count_that_is_none_is_refused(tmp_path, cell):
    path = tmp_path / "tables" / "accuracy.csv"
    path.parent.mkdir()
    path.write_text(table(n=cell))
    with pytest.raises(UserError, match=r"column n holds more than (whole )?numbers"):
        read_table(path, RESULT_COLUMNS)


def test_counts_are_whole_numbers_however_they_are_written(tmp_path):
    path = tmp_path / "tables" / "accuracy.csv"
    path.parent.mkdir()
    path.write_text(table(n="36.0"))
    assert read_table(path, RESULT_COLUMNS)["n"].tolist() == [36]
