"""Rows of evaluations, before they are kept, and whose they are when they are read."""

import hashlib

import numpy as np
import pytest

from isotrope.errors import UserError
from isotrope.packs import rows
from isotrope.packs.rows import cells_of

ROW = {"seed": 1, "size": 3, "metric": "hits", "value": 0.1, "n": 20}


def test_a_row_keeps_every_bit_of_its_value():
    cells = cells_of({**ROW, "value": 1 / 3}, "accuracy")
    assert cells == {"seed": "1", "size": "3", "metric": "hits", "value": repr(1 / 3), "n": "20"}


@pytest.mark.parametrize("key", ["metric", "value", "n"])
def test_a_row_that_lacks_what_all_have_is_refused(key):
    row = {name: value for name, value in ROW.items() if name != key}
    said = (
        r"evaluation/accuracy\.py: a row of the evaluation accuracy needs metric, value, n; "
        rf"one lacks {key} \(it has seed"
    )
    with pytest.raises(UserError, match=said):
        cells_of(row, "accuracy")


OURS, THEIRS = "accuracy-0123456789abcdef", "accuracy-fedcba9876543210"


@pytest.mark.parametrize("arrays", [None, {"maps": np.arange(3)}])
@pytest.mark.parametrize("code", ["", "abc123"])
def test_rows_are_read_where_they_were_written_alone(tmp_path, arrays, code):
    path, other = tmp_path / OURS / "1.csv", tmp_path / THEIRS / "1.csv"
    rows.write(path, [cells_of(ROW, "accuracy")], arrays, code)
    said = []
    assert rows.read(path, arrays is not None, said.append) == rows.checked(path, "")
    assert rows.code_of(path) == code
    assert said == []

    path.parent.rename(other.parent)
    assert rows.read(other, arrays is not None, said.append) is None
    assert said == [f"{other} is truncated or altered and is computed again"]
    with pytest.raises(UserError, match=rf"1\.csv is altered \(it holds rows of {OURS}\)"):
        rows.checked(other, "")
    text = other.read_text()
    for one in (text.replace(OURS, THEIRS), text.replace(f", in {OURS}", "")):
        other.write_text(one)
        assert rows.read(other, arrays is not None, said.append) is None
        with pytest.raises(UserError, match="is truncated or altered"):
            rows.checked(other, "")


def test_rows_of_older_versions_do_not_say_where_they_were_written(tmp_path):
    text = "seed,metric,value,n\n1,hits,0.5,20\n"
    end = f"# end of the table, sha256 {hashlib.sha256(text.encode()).hexdigest()}\n"
    (tmp_path / "1.csv").write_text(text + end)
    assert rows.read(tmp_path / "1.csv", False, print) == rows.checked(tmp_path / "1.csv", "")
