"""Phases of maps: one that is taken, mixtures, and their gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from operations import Operations
from torch import nn
from torch.func import grad, vmap

from isotrope.layers.downsampling import AveragePool, Decimation, Selection, phases, taken
from isotrope.layers.phase_mixtures import phase_grid
from isotrope.layers.phases import placed

SORTING = ("sort", "scatter", "index_put", "index_add", "gather_backward", "accumulate")
SIDES = st.integers(1, 9)
STRIDES = st.integers(2, 4)
FEW = settings(deadline=None, max_examples=25)


def drawn(seed, height, width, stride, mixed):
    """Maps with a gradient, a selection for them, and small maps that weigh what is taken."""
    torch.manual_seed(seed)
    maps = torch.randn(3, 2, height, width, dtype=torch.float64, requires_grad=True)
    rows, columns = phase_grid(height, width, stride)
    logits = torch.randn(3, rows * columns, dtype=torch.float64, requires_grad=True)
    if mixed:
        selection = Selection(logits, logits.softmax(-1), None)
    else:
        selection = Selection(logits, None, logits.argmax(-1))
    small = (3, 2, -(-height // stride), -(-width // stride))
    return maps, selection, torch.randn(small, dtype=torch.float64, requires_grad=True)


def candidates(maps, stride):
    """By the definition, position by position."""
    height, width = maps.shape[-2:]
    rows, columns = phase_grid(height, width, stride)
    found = []
    for row in range(rows):
        for column in range(columns):
            down = [(row + stride * i) % height for i in range(-(-height // stride))]
            right = [(column + stride * j) % width for j in range(-(-width // stride))]
            found.append(maps[:, :, down][..., right])
    return torch.stack(found, dim=1)


def of_selection(selection):
    """What every candidate weighs."""
    if selection.weights is not None:
        return selection.weights
    ones = torch.nn.functional.one_hot(selection.index, selection.logits.shape[-1])
    return ones.to(selection.logits.dtype)


def test_phases_of_two_are_even_and_odd_rows_and_columns():
    maps = torch.arange(24.0).view(1, 1, 4, 6)

    found = phases(maps, 2)[0, :, 0]

    expected = (maps[0, 0, y::2, x::2] for y in (0, 1) for x in (0, 1))
    assert torch.equal(found, torch.stack(list(expected)))


@FEW
@given(st.integers(0, 2**31), SIDES, SIDES, STRIDES)
def test_candidates_are_those_of_the_definition(seed, height, width, stride):
    maps = drawn(seed, height, width, stride, mixed=False)[0]

    assert torch.equal(phases(maps, stride), candidates(maps, stride))


@FEW
@given(st.integers(0, 2**31), SIDES, SIDES, STRIDES, st.booleans())
def test_what_is_taken_and_its_gradients_are_those_of_a_sum(seed, height, width, stride, mixed):
    maps, selection, weight = drawn(seed, height, width, stride, mixed)

    found = taken(maps, selection, stride)

    weights = of_selection(selection)[:, :, None, None, None]
    expected = (weights * candidates(maps, stride)).sum(dim=1)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    leaves = [maps, selection.logits] if mixed else [maps]
    ours, theirs = (
        torch.autograd.grad((one * weight).sum(), leaves, retain_graph=True)
        for one in (found, expected)
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


@FEW
@given(st.integers(0, 2**31), SIDES, SIDES, STRIDES, st.booleans())
def test_placing_is_the_transpose_of_taking(seed, height, width, stride, mixed):
    maps, selection, small = drawn(seed, height, width, stride, mixed)

    full = placed(small, selection, (height, width), stride)

    product = (taken(maps, selection, stride) * small).sum()
    torch.testing.assert_close((full * maps).sum(), product, rtol=0, atol=1e-11)
    leaves = [small, selection.logits] if mixed else [small]
    ours, theirs = (
        torch.autograd.grad(one, leaves, retain_graph=True)
        for one in ((full * maps).sum(), product)
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11)


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("side", [4, 5])
def test_gradients_of_gradients_are_those_of_differences(side, mixed):
    maps, selection, small = drawn(0, side, 4, 2, mixed)

    def there_and_back(maps, small, logits):
        own = selection._replace(weights=logits.softmax(-1)) if mixed else selection
        return taken(maps, own, 2), placed(small, own, (side, 4), 2)

    logits = selection.logits.detach().requires_grad_(mixed)
    assert torch.autograd.gradcheck(there_and_back, (maps, small, logits))
    assert torch.autograd.gradgradcheck(there_and_back, (maps, small, logits))


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("side", [6, 5])
def test_a_stack_takes_and_places_what_its_rows_do(side, mixed):
    rows = [drawn(seed, side, 4, 2, mixed) for seed in range(3)]
    maps, small = (torch.stack([row[n] for row in rows]).detach() for n in (0, 2))
    given = torch.stack([row[1].logits for row in rows]).detach()

    def there_and_back(maps, small, logits):
        if mixed:
            selection = Selection(logits, logits.softmax(-1), None)
        else:
            selection = Selection(logits, None, logits.argmax(-1))
        product = taken(maps, selection, 2) * small
        return (product + placed(small, selection, (side, 4), 2).sum()).square().sum()

    run = grad(there_and_back, argnums=(0, 1, 2))
    found = vmap(run)(maps, small, given)
    expected = [run(*row) for row in zip(maps, small, given, strict=True)]
    for ours, theirs in zip(found, zip(*expected, strict=True), strict=True):
        torch.testing.assert_close(ours, torch.stack(theirs), rtol=0, atol=1e-11)


@pytest.mark.parametrize("side", [6, 5])
@pytest.mark.parametrize("mixed", [False, True])
def test_the_gradient_on_a_gpu_neither_sorts_nor_scatters(side, mixed):
    with torch.device("meta"):
        maps, selection, small = drawn(0, side, 8, 2, mixed)
    with Operations() as seen:
        product = (taken(maps, selection, 2) * small).sum()
        (product + placed(small, selection, (side, 8), 2).sum()).backward()

    assert seen.launches
    assert not [name for name in seen.launches if any(word in name for word in SORTING)]


@pytest.mark.parametrize("side", [6, 5])
def test_a_compiled_and_an_exported_choice_are_the_same(side):
    class Choice(nn.Module):
        def forward(self, maps):
            weighed = maps.mean(1).flatten(1)[:, : selection.logits.shape[-1]]
            chosen = Selection(weighed, None, weighed.argmax(-1))
            mixed = Selection(weighed, weighed.softmax(-1), None)
            small = taken(maps, chosen, 2)
            return placed(small, chosen, (side, 6), 2), taken(maps, mixed, 2)

    maps, selection, _ = drawn(0, side, 6, 2, mixed=False)
    maps = maps.detach()
    expected = Choice()(maps)

    compiled = torch.compile(Choice(), fullgraph=True, backend="aot_eager")(maps)
    batch = {"maps": {0: torch.export.Dim("batch")}}
    exported = torch.export.export(Choice(), (maps[:2],), dynamic_shapes=batch).module()(maps)

    torch.testing.assert_close(compiled, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(exported, expected, rtol=0, atol=1e-12)


def test_infinite_numbers_that_are_not_chosen_leave_no_trace():
    _, _, small = drawn(0, 4, 4, 2, mixed=False)
    index = torch.tensor([0, 1, 3])
    selection = Selection(torch.zeros(3, 4), None, index)
    full = placed(torch.full_like(small, torch.inf), selection, (4, 4), 2)

    assert (full[0, :, 1::2] == 0).all()
    assert taken(full, selection, 2).isinf().all()


@pytest.mark.parametrize("size", [(4, 6), (5, 7)])
def test_decimation_and_average_have_the_sizes_of_a_strided_convolution(size):
    maps = torch.randn(2, 3, *size)

    sliced, averaged = (layer(2)(maps) for layer in (Decimation, AveragePool))

    assert sliced.shape == averaged.shape == nn.Conv2d(3, 3, 1, stride=2)(maps).shape
    assert torch.equal(sliced, maps[..., ::2, ::2])
    torch.testing.assert_close(averaged[..., 0, 0], maps[..., :2, :2].mean(dim=(-2, -1)))


def test_decimation_filters_before_it_samples():
    halved = Decimation(2, antialias=nn.AvgPool2d(3, 1, 1))
    maps = torch.randn(1, 1, 4, 4)

    assert torch.equal(halved.down(maps)[0], halved.antialias(maps)[..., ::2, ::2])


def test_mistakes_are_named():
    maps, selection, small = drawn(0, 4, 6, 2, mixed=False)
    with pytest.raises(ValueError, match="at least 2, got 1"):
        Decimation(1)
    with pytest.raises(
        ValueError, match=r"4 x 5 pixels have 2 x 5 candidates at stride 2, .* of 4"
    ):
        taken(maps[..., :5], selection, 2)
    with pytest.raises(ValueError, match="neither"):
        taken(maps, Selection(selection.logits, None, None), 2)
    with pytest.raises(ValueError, match="neither"):
        placed(small, Selection(selection.logits, None, None), (4, 6), 2)
    with pytest.raises(ValueError, match="4 x 8 pixels at stride 2 were 2 x 4, got maps of 2 x 3"):
        placed(small, selection, (4, 8), 2)
