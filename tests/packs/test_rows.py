"""Rows of evaluations, before they are kept."""

import pytest

from isotrope.errors import UserError
from isotrope.packs.rows import cells_of

ROW = {"seed": 1, "size": 3, "metric": "hits", "value": 0.1, "n": 20}


def test_a_row_keeps_every_bit_of_its_value():
    cells = cells_of({**ROW, "value": 1 / 3})
    assert cells == {"seed": "1", "size": "3", "metric": "hits", "value": repr(1 / 3), "n": "20"}


@pytest.mark.parametrize("key", ["metric", "value", "n"])
def test_a_row_that_lacks_what_all_have_is_refused(key):
    row = {name: value for name, value in ROW.items() if name != key}
    with pytest.raises(UserError, match=rf"needs metric, value, n; one lacks {key} \(it has seed"):
        cells_of(row)
