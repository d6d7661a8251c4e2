"""Sampling that follows shifts, and the way back."""

import math
from itertools import product

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from polyphase_layers import NAMES, Blur, drawn, made, margin, pooled
from torch import nn

from isotrope.layers import APS, LPD, LPU, APSUp
from isotrope.layers.downsampling import Decimation, phases
from isotrope.layers.wrapping import PaddedConv2d

SEEDS = st.integers(0, 2**31)
SHIFTS = st.integers(-9, 9)
SIZES = st.tuples(st.integers(1, 4), st.integers(1, 4))
FEW = settings(deadline=None, max_examples=12)


@pytest.mark.parametrize("kind", [*NAMES, "aps", "aps1", "aps_inf"])
@FEW
@given(seed=SEEDS, stride=st.integers(2, 4), size=SIZES, shift=st.tuples(SHIFTS, SHIFTS))
def test_what_is_pooled_does_not_change_with_a_shift(kind, seed, stride, size, shift):
    size = [stride * side for side in size]
    layer, maps = drawn(kind, seed, size, stride, antialias=Blur())

    small, selection = layer.down(maps)
    assume(margin(selection) > 1e-12)

    found, expected = pooled(layer(maps.roll(shift, (-2, -1)))), pooled(small)

    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", [*NAMES, "aps", "aps1"])
@FEW
@given(
    seed=SEEDS,
    stride=st.integers(2, 4),
    size=st.tuples(st.integers(2, 7), st.integers(2, 7)),
    shift=st.tuples(SHIFTS, SHIFTS),
)
def test_candidates_around_the_edge_make_any_size_exact(kind, seed, stride, size, shift):
    layer, maps = drawn(kind, seed, size, stride, indivisible="wrap")
    shifted = maps.roll(shift, (-2, -1))
    small, selection = layer.down(maps)
    assume(margin(selection) > 1e-12)

    moved, of_shifted = layer.down(shifted)

    torch.testing.assert_close(pooled(moved), pooled(small), rtol=0, atol=1e-10)
    up = LPU(stride=stride, antialias=Blur())
    found, expected = up(moved, of_shifted, size=size), up(small, selection, size=size)
    torch.testing.assert_close(found, expected.roll(shift, (-2, -1)), rtol=0, atol=1e-10)


@pytest.mark.parametrize("size", [(5, 7), (9, 5)])
@pytest.mark.parametrize("shift", [(1, 0), (0, 1), (2, 3), (-1, -4)])
def test_a_shift_along_indivisible_sides_rolls_nothing(size, shift):
    layer, maps = drawn("convolutions", 0, size, 2, indivisible="wrap")
    small, selection = layer.down(maps)

    found, of_shifted = layer.down(maps.roll(shift, (-2, -1)))

    torch.testing.assert_close(found, small, rtol=0, atol=1e-12)
    grid = selection.logits.unflatten(1, size)
    torch.testing.assert_close(
        of_shifted.logits.unflatten(1, size), grid.roll(shift, (1, 2)), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stride", [2, 3])
def test_shifts_of_all_parities_permute_phases_and_logits(stride, name):
    layer, maps = drawn(name, 0, (2 * stride, 3 * stride), stride)
    before = phases(maps, stride).unflatten(1, (stride, stride))
    logits = layer.down(maps)[1].logits.unflatten(1, (stride, stride))
    for shift in product(range(stride), repeat=2):
        shifted = maps.roll(shift, (-2, -1))
        after = phases(shifted, stride).unflatten(1, (stride, stride))
        found = layer.down(shifted)[1].logits.unflatten(1, (stride, stride))
        for phase in product(range(stride), repeat=2):
            places = [p + s for p, s in zip(phase, shift, strict=True)]
            row, column = (place % stride for place in places)
            roll = [place // stride for place in places]
            assert torch.equal(after[:, row, column], before[:, *phase].roll(roll, (-2, -1)))
            torch.testing.assert_close(found[:, row, column], logits[:, *phase], rtol=0, atol=1e-12)


def test_a_shift_by_one_in_both_directions_reverses_four_logits():
    layer, maps = drawn("convolutions", 0, (6, 8), 2)
    logits = layer.down(maps)[1].logits
    for shift in ((1, 1), (-1, -1)):
        found = layer.down(maps.roll(shift, (-2, -1)))[1].logits
        torch.testing.assert_close(found, logits.flip(1), rtol=0, atol=1e-12)


class Nested(nn.Module):
    """Down so many times, and up again by what was selected, with convolutions between."""

    def __init__(self, depth, stride, kind):
        super().__init__()
        self.before, self.after = (
            nn.ModuleList(PaddedConv2d(4, 4, 3) for _ in range(depth)) for _ in range(2)
        )
        self.down = nn.ModuleList(made(kind, stride, antialias=Blur()) for _ in range(depth))
        up = LPU if kind in NAMES else APSUp
        self.up = nn.ModuleList(up(stride=stride, antialias=Blur()) for _ in range(depth))
        self.margin = math.inf

    def forward(self, maps):
        selections = []
        for convolve, down in zip(self.before, self.down, strict=True):
            maps, selection = down.down(convolve(maps).relu())
            selections.append(selection)
            self.margin = min(self.margin, margin(selection))
        for convolve, up in zip(self.after, self.up, strict=True):
            maps = up(convolve(maps), selections.pop())
        return maps


@pytest.mark.parametrize("kind", ["convolutions", "attention", "aps"])
@settings(deadline=None, max_examples=4)
@given(
    seed=SEEDS,
    depth_and_stride=st.sampled_from([(1, 2), (2, 3), (2, 4), (5, 2)]),
    shift=st.tuples(st.integers(-40, 40), st.integers(-40, 40)),
)
def test_up_after_down_shifts_as_the_maps_do(kind, seed, depth_and_stride, shift):
    depth, stride = depth_and_stride
    torch.manual_seed(seed)
    network = Nested(depth, stride, kind).double().eval()
    maps = torch.randn(2, 4, stride**depth, 2 * stride**depth, dtype=torch.float64)

    expected = network(maps).roll(shift, (-2, -1))
    assume(network.margin > 1e-12)

    found = network(maps.roll(shift, (-2, -1)))

    assert expected.std() > 1e-4
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", ["convolutions", "skip", "aps"])
def test_float32_follows_shifts_within_its_rounding(kind):
    torch.manual_seed(0)
    network = Nested(2, 2, kind).eval()
    maps = torch.randn(4, 4, 12, 16)
    expected = network(maps)
    assert network.margin > 1e-6  # or rounding might choose
    for shift in product((-3, 0, 1, 6), (-1, 2, 5)):
        found = network(maps.roll(shift, (-2, -1)))
        torch.testing.assert_close(found, expected.roll(shift, (-2, -1)), rtol=0, atol=1e-5)


def largest_change(layer, maps):
    shifts = [(1, 0), (0, 1), (1, 1), (2, 3), (-3, 5)]
    before = pooled(layer(maps))
    return max((pooled(layer(maps.roll(shift, (-2, -1)))) - before).abs().max() for shift in shifts)


@pytest.mark.parametrize(
    ("layer", "size"),
    [
        (Decimation(2), (8, 8)),
        (LPD(4, padding_mode="zeros"), (8, 8)),
        (LPD(4, padding_mode="reflect"), (8, 8)),
        (LPD(4, indivisible="zeros"), (7, 7)),
        (APS(indivisible="zeros"), (7, 7)),
        (LPD(4, stride=3, indivisible="zeros"), (8, 7)),
    ],
)
def test_what_is_not_exact_changes_with_a_shift(layer, size):
    torch.manual_seed(0)
    maps = torch.randn(16, 4, *size, dtype=torch.float64)

    assert largest_change(layer.double().eval(), maps) > 1e-3


def test_the_norm_of_a_phase_is_that_of_all_its_numbers():
    maps = torch.randn(2, 3, 6, 9, generator=torch.Generator().manual_seed(3)).double()
    for norm in (1, 2, 3):
        _, selection = APS(stride=3, norm=norm).down(maps)
        flat = phases(maps, 3).flatten(2)
        expected = torch.linalg.vector_norm(flat, norm, dim=2)
        torch.testing.assert_close(selection.logits, expected)


def test_filtered_or_unfiltered_maps_choose_and_the_filtered_are_kept():
    class Swaps(nn.Module):
        """Exchanges the phases of even and odd columns."""

        def forward(self, maps):
            return maps.roll(1, -1)

    maps = torch.zeros(1, 1, 4, 4)
    maps[..., ::2, ::2] = 1.0  # of the first phase; filtered, of the second
    for select_from, phase, kept in (("filtered", 1, 1.0), ("unfiltered", 0, 0.0)):
        layer = APS(antialias=Swaps(), select_from=select_from)
        small, selection = layer.down(maps)
        assert selection.index.tolist() == [phase]
        assert small.unique().tolist() == [kept]


@pytest.mark.parametrize("size", [(5, 4), (4, 5), (5, 7), (6, 8)])
def test_published_zeros_lie_to_the_right_and_below(size):
    maps = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(3)) + 0.1
    padded = torch.zeros(2, 3, *(side + side % 2 for side in size))
    padded[..., : size[0], : size[1]] = maps
    assert torch.equal(APS(indivisible="zeros")(maps), APS()(padded))
