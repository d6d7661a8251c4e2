"""Files of others that are damaged or of another layout: what is said, and where they end."""

import io
import zipfile

import numpy as np
import pytest

from isotrope.data import _amat, _stir_aerial, _stir_photos, _stir_reader
from isotrope.errors import UserError

WIDTH = _amat.SIDE**2


def amat(tmp_path, monkeypatch, rows, more=""):
    path = tmp_path / "digits.amat"
    path.write_text("".join(" ".join(map(str, row)) + "\n" for row in rows) + more)
    monkeypatch.setattr(_amat, "local_file", lambda name: path)
    monkeypatch.setattr(_amat, "_CHUNK", 2)
    return path


def row(grey=0.5, label=3, width=WIDTH):
    return [*[grey] * width, label]


def test_rows_are_read_chunk_by_chunk_with_columns_first(tmp_path, monkeypatch):
    first = np.arange(WIDTH) / WIDTH
    amat(tmp_path, monkeypatch, [[*first, 1], row(1), row(0, 9)], "\n \n")
    found = _amat.read("digits.amat", 3)
    assert found.labels.tolist() == [1, 3, 9]
    expected = np.rint(255 * first).reshape(_amat.SIDE, _amat.SIDE).T
    assert (found.images[0] == expected).all()
    assert (found.images[1].min(), found.images[2].max()) == (255, 0)
    assert len(found.sha256) == 64


@pytest.mark.parametrize(
    ("rows", "more", "said"),
    [
        ([row()] * 2, "", "ends after 2 of 3 rows; get it again"),
        ([row()] * 3, "1 2\n", "more than 3 rows; get the file again"),
        ([row(), row(1.5), row()], "", "rows 1 to 2 are others; get"),
        ([row(), row(), row(-0.5)], "", "rows 3 to 3 are others; get"),
        ([row(), row(label=10), row()], "", "rows 1 to 2 are others; get"),
        ([row(), row(), row(label=0.5)], "", "rows 3 to 3 are others; get"),
        ([row(width=5)] * 3, "", "rows 1 to 2 are others; get"),
        ([["x"]] * 3, "", "not rows of 784 numbers in 0..1 and a class 0..9: "),
    ],
)
def test_a_file_of_other_rows_is_named_with_the_first_of_them(
    tmp_path, monkeypatch, rows, more, said
):
    path = amat(tmp_path, monkeypatch, rows, more)
    with pytest.raises(UserError) as refused:
        _amat.read("digits.amat", 3)
    (sentence,) = refused.value.sentences
    assert sentence.startswith(f"{path}: ")
    assert said in sentence


def test_a_member_that_claims_more_than_it_holds_is_never_made_room_for(tmp_path, monkeypatch):
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"12345")
    with zipfile.ZipFile(path) as archive:
        assert _stir_reader._content(archive, "a.npy") == b"12345"
        monkeypatch.setattr(_stir_reader, "_LARGEST_MEMBER", 5)
        assert _stir_reader._content(archive, "a.npy") == b"12345"
        monkeypatch.setattr(_stir_reader, "_LARGEST_MEMBER", 4)
        with pytest.raises(ValueError, match=r"a\.npy claims 5 bytes"):
            _stir_reader._content(archive, "a.npy")


def stored(values, **changes):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, values, **changes)
    return bytearray(stream.getvalue())


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_is_read_in_any_order_of_its_axes(order):
    values = np.asarray(np.arange(6).reshape(2, 3), order=order)
    for version in ((1, 0), (2, 0)):
        assert (_stir_reader._array(stored(values, version=version)) == values).all()
    with pytest.raises(ValueError, match="it holds Python objects"):
        _stir_reader._array(stored(np.array([None])))
    other = stored(values)
    other[6] = 9
    with pytest.raises(ValueError, match=r"arrays of version \(9, 0\) are not known"):
        _stir_reader._array(other)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file; unpack the annotations there again"),
        ("{", "no JSON ("),
        ("[" * 100_000, "no JSON ("),
        ("[1]", "should hold an object, not list"),
    ],
)
def test_annotations_that_are_no_object_are_named(tmp_path, content, said):
    path = tmp_path / "some.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError) as refused:
        _stir_photos.read_json(path)
    assert refused.value.sentences[0].startswith(f"{path}: {said}")
    path.write_text('{"a": 1}')
    assert _stir_photos.read_json(path) == {"a": 1}


def test_labels_lie_in_one_of_the_known_folders_of_each_part(tmp_path):
    first, *others = _stir_aerial.FOLDERS
    with pytest.raises(UserError, match=r"no labels in .* or .*; unpack those with oriented boxes"):
        list(_stir_aerial._label_files(tmp_path))
    for folder in _stir_aerial.FOLDERS:
        for name in ("b", "a"):
            path = tmp_path / folder / _stir_aerial.LABEL_FOLDERS[-1] / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    found = [path.relative_to(tmp_path).as_posix() for path in _stir_aerial._label_files(tmp_path)]
    last = _stir_aerial.LABEL_FOLDERS[-1]
    assert found == [f"{one}/{last}/{name}.txt" for one in (first, *others) for name in "ab"]
