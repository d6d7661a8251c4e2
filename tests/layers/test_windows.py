import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from operations import Operations
from torch.func import vmap
from torch.nn import functional as F

from isotrope.layers import forms
from isotrope.layers.windows import windows_at

SORTING = ("sort", "scatter", "index_put", "index_add", "gather_backward", "accumulate")


def drawn(seed, *stack):
    """Maps of 5 x 6 pixels, corners of four windows of 2 x 3 pixels, and what weighs them."""
    torch.manual_seed(seed)
    maps = torch.randn(*stack, 3, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    top, left = torch.randint(4, (*stack, 3, 4)), torch.randint(4, (*stack, 3, 4))
    return maps, top, left, torch.randn(*stack, 3, 2, 4, 6, dtype=torch.float64)


@pytest.mark.usefixtures("either_form")
@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31))
def test_windows_and_gradients_are_those_of_slices(seed):
    maps, top, left, weight = drawn(seed)
    slices = [
        torch.stack([one[:, y : y + 2, x : x + 3].flatten(1) for y, x in corners], dim=1)
        for one, corners in zip(maps, torch.stack((top, left), -1).tolist(), strict=True)
    ]

    found, expected = windows_at(maps, top, left, (2, 3)), torch.stack(slices)

    assert torch.equal(found, expected)
    ours, theirs = (
        torch.autograd.grad((windows * weight).sum(), maps) for windows in (found, expected)
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("either_form")
@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31))
def test_windows_of_one_of_several_maps_reach_into_the_zeros_around_them(seed):
    torch.manual_seed(seed)
    maps = torch.randn(3, 2, 4, 5, 6, dtype=torch.float64, requires_grad=True)
    index, top, left = (torch.randint(end, (3, 7)) for end in (4, 8, 6))
    padded = F.pad(maps, (0, 2, 3, 1))
    slices = [
        torch.stack([one[:, i, y : y + 2, x : x + 3].flatten(1) for i, y, x in corners], dim=1)
        for one, corners in zip(padded, torch.stack((index, top, left), -1).tolist(), strict=True)
    ]

    found, expected = windows_at(maps, top, left, (2, 3), (0, 2, 3, 1), index), torch.stack(slices)

    assert torch.equal(found, expected)
    weight = torch.randn_like(expected)
    ours, theirs = (
        torch.autograd.grad((windows * weight).sum(), maps) for windows in (found, expected)
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("either_form")
def test_a_stack_has_the_windows_and_gradients_of_its_rows():
    maps, top, left, weight = drawn(0, 3)

    found = vmap(lambda *one: windows_at(*one, (2, 3)))(maps, top, left)

    (ours,) = torch.autograd.grad((found * weight).sum(), maps)
    rows = [windows_at(*one, (2, 3)) for one in zip(maps, top, left, strict=True)]
    (theirs,) = torch.autograd.grad((torch.stack(rows) * weight).sum(), maps)
    assert torch.equal(found, torch.stack(rows))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_the_gradient_on_a_gpu_neither_sorts_nor_scatters():
    with torch.device("meta"):
        maps, top, left, weight = drawn(0)

    with forms.like_a_gpu(), Operations() as counted:
        (windows_at(maps, top, left, (2, 3)) * weight).sum().backward()

    assert counted.launches["bmm"] == 2
    assert not [name for name in counted.launches if any(word in name for word in SORTING)]
