import pytest
import torch
from torch.nn import functional as F

from isotrope.layers.cylindrical_padding import CylindricalPadding


def maps():
    return torch.randn(2, 3, 5, 6, generator=torch.Generator().manual_seed(0)).double()


@pytest.mark.parametrize("rows", ["replicate", "zeros", "valid"])
@pytest.mark.parametrize("k", [1, 3, 4])
def test_columns_go_on_at_the_other_end_and_rows_as_is_asked_for(rows, k):
    before, after = (k - 1) // 2, k // 2

    found = CylindricalPadding(k, rows)(maps())

    expected = F.pad(maps(), (before, after, 0, 0), mode="circular")
    if rows != "valid":
        mode = "replicate" if rows == "replicate" else "constant"
        expected = F.pad(expected, (0, 0, before, after), mode=mode)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("rows", ["replicate", "zeros", "valid"])
def test_a_convolution_behind_it_rolls_with_the_map(rows):
    padding, kernel = CylindricalPadding(3, rows), maps()[:, :, :3, :3]

    found = F.conv2d(padding(maps().roll(2, dims=-1)), kernel)

    expected = F.conv2d(padding(maps()), kernel).roll(2, dims=-1)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_gradients_are_right():
    padding = CylindricalPadding(5)
    assert torch.autograd.gradcheck(padding, (maps().requires_grad_(),))


def test_what_cannot_be_padded_is_refused():
    with pytest.raises(ValueError, match="2 angles are too few to repeat 3 of them"):
        CylindricalPadding(7)(torch.zeros(1, 1, 4, 2))
    with pytest.raises(ValueError, match="one of replicate, zeros, valid, got 'same'"):
        CylindricalPadding(3, "same")
