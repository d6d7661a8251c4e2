import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from isotrope.layers.rescaling import Rescaling

sizes = st.integers(1, 40)


def redrawn(row, target):
    """A row resized by torch, then padded, or cut by a negative padding."""
    resized = F.interpolate(row[None, None, None], (1, target), mode="bilinear", align_corners=True)
    before = (len(row) - target) // 2
    return F.pad(resized[0, 0, 0], (before, len(row) - target - before))


@given(seed=st.integers(0, 2**31), cells=sizes, target=sizes)
def test_the_matrix_resizes_as_torch_does_and_keeps_the_canvas(seed, cells, target):
    torch.manual_seed(seed)
    row = torch.randn(cells, dtype=torch.float64)

    found = Rescaling(cells, target).matrix(row) @ row

    torch.testing.assert_close(found, redrawn(row, target), rtol=0, atol=1e-12)


@given(cells=sizes, target=sizes)
def test_what_is_drawn_sums_to_one_and_the_frame_to_nothing(cells, target):
    rescaling = Rescaling(cells, target)
    expected = torch.zeros(cells, dtype=torch.float64)
    expected[rescaling.drawn] = 1

    sums = rescaling.matrix(expected).sum(dim=1)

    torch.testing.assert_close(sums, expected, rtol=0, atol=1e-12)


@given(cells=sizes, target=sizes)
def test_cells_that_are_not_used_are_those_without_a_share(cells, target):
    rescaling = Rescaling(cells, target)

    shares = rescaling.matrix(torch.zeros(1)).sum(dim=0)

    outside = torch.ones(cells, dtype=torch.bool)
    outside[rescaling.used] = False
    assert shares[outside].count_nonzero() == 0
    assert shares[rescaling.used][[0, -1]].count_nonzero() == 2


@pytest.mark.parametrize("size", [(0, 3), (3, 0)])
def test_empty_canvases_are_refused_with_their_sizes(size):
    with pytest.raises(ValueError, match=r"of {} cells cannot be redrawn with {}".format(*size)):
        Rescaling(*size)
