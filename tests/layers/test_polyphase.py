"""Sampling that follows shifts: what it keeps, and what it puts back."""

import math
from itertools import product
from typing import get_args

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from operations import Operations
from torch import nn
from torch.func import functional_call, vmap
from torch.nn import functional as F

from isotrope.layers import APS, LPD, LPU, APSUp, forms
from isotrope.layers.downsampling import Decimation, Selection, phases, taken
from isotrope.layers.phase_logits import Logits
from isotrope.layers.wrapping import PaddedConv2d

NAMES = get_args(Logits)
SEEDS = st.integers(0, 2**31)
SHIFTS = st.integers(-9, 9)
SIZES = st.tuples(st.integers(1, 4), st.integers(1, 4))
FEW = settings(deadline=None, max_examples=12)


class Blur(nn.Module):
    """A small filter of stride 1 whose border goes around."""

    def forward(self, maps):
        return (2 * maps + maps.roll(1, -1) + maps.roll(-1, -2)) / 4


def made(kind, stride, **settings):
    if kind in NAMES:
        return LPD(4, stride=stride, logits=kind, **settings)
    return APS(stride=stride, norm={"aps": 2, "aps1": 1, "aps_inf": math.inf}[kind], **settings)


def drawn(kind, seed, size, stride, **settings):
    torch.manual_seed(seed)
    layer = made(kind, stride, **settings).double().eval()
    return layer, torch.randn(2, 4, *size, dtype=torch.float64)


def margin(selection):
    """By how much the chosen phase is ahead: what is less than rounding is a tie."""
    best = selection.logits.topk(2, dim=-1).values
    return (best[:, 0] - best[:, 1]).min()


def pooled(maps):
    """What a network answers after one more convolution and the mean over all positions."""
    torch.manual_seed(0)
    layer = PaddedConv2d(maps.shape[1], 8, 3).to(maps)
    return layer(maps).relu().mean(dim=(-2, -1))


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


@pytest.mark.parametrize("mode", ["gumbel", "straight_through", "convex"])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_every_parameter_in_training(name, mode):
    torch.manual_seed(0)
    layer = LPD(4, logits=name, train_mode=mode).double()
    maps = torch.randn(4, 4, 6, 8, dtype=torch.float64, requires_grad=True)

    F.cross_entropy(pooled(layer(maps)), torch.arange(4)).backward()

    # what a constant adds to all logits alike changes no choice
    alike = {"conv2.bias", "beta.conv2.bias", "conv.bias", "node2.bias"}
    for key, parameter in layer.component_selection.named_parameters():
        assert parameter.grad is not None
        assert key in alike or parameter.grad.abs().max() > 0, key
    assert maps.grad.abs().max() > 0


def test_modes_are_softmaxes_of_logits_and_noise():
    layer, maps = drawn("convolutions", 0, (6, 6), 2)
    layer.train().gumbel_tau.fill_(0.3)
    noise = -torch.empty(2, 4, dtype=torch.float64).exponential_().log()
    logits = layer.component_selection(maps)
    expected = {
        "gumbel": ((logits + noise) / 0.3).softmax(-1),
        "convex": (logits / 0.3).softmax(-1),
        "straight_through": F.one_hot((logits + noise).argmax(-1), 4).double(),
    }
    tau = layer.gumbel_tau.item()
    assert tau == pytest.approx(0.3)
    for mode, weights in expected.items():
        layer.train_mode = mode
        small, selection = layer.down(maps, noise=noise)
        torch.testing.assert_close(selection.weights, weights, rtol=0, atol=1e-7)
        mixed = torch.einsum("bk,bkchw->bchw", weights, phases(maps, 2))
        torch.testing.assert_close(small, mixed, rtol=0, atol=1e-6)
        assert selection.index is None
        assert torch.equal(selection.logits, logits)
    layer.train_mode = "hard"
    assert torch.equal(layer.down(maps)[1].index, logits.argmax(-1))
    layer.eval().test_mode = "gumbel"
    torch.testing.assert_close(layer.down(maps, noise=noise)[1].weights, expected["gumbel"])


def test_a_straight_choice_has_the_gradient_of_the_mixture():
    layer, maps = drawn("convolutions", 0, (6, 6), 2)
    layer.train()
    noise = torch.randn(2, 4, dtype=torch.float64)
    gradients = []
    for mode in ("straight_through", "gumbel"):
        layer.train_mode = mode
        weights = layer.down(maps, noise=noise)[1].weights
        total = (weights * torch.arange(8.0).view(2, 4)).sum()
        gradients.append(torch.autograd.grad(total, list(layer.parameters())))

    torch.testing.assert_close(*gradients)


def test_noise_that_is_not_given_is_drawn_by_torch():
    layer, maps = drawn("convolutions", 0, (6, 6), 2)
    layer.train()
    torch.manual_seed(3)
    found = layer.down(maps)[1].weights
    torch.manual_seed(3)
    noise = -torch.empty(2, 4, dtype=torch.float64).exponential_().log()

    assert torch.equal(found, layer.down(maps, noise=noise)[1].weights)
    assert not torch.equal(found, layer.down(maps)[1].weights)


def test_no_temperature_is_too_low():
    layer, maps = drawn("convolutions", 0, (6, 6), 2)
    layer.float().train().gumbel_tau.zero_()
    maps = maps.float().requires_grad_()

    small, selection = layer.down(maps)
    small.sum().backward()

    assert selection.weights.sum(-1).eq(1).all()
    assert maps.grad.isfinite().all()
    assert all(one.grad.isfinite().all() for one in layer.parameters())


def test_alike_phases_go_to_the_first():
    for layer in (LPD(3).eval(), APS()):
        small, selection = layer.down(torch.zeros(2, 3, 4, 4))
        assert selection.index.tolist() == [0, 0]
        assert torch.equal(small, torch.zeros(2, 3, 2, 2))


def test_the_shortcut_takes_the_selection_of_the_main_branch():
    layer, maps = drawn("convolutions", 0, (6, 6), 2)
    for training in (False, True):
        _, selection = layer.train(training).down(maps)
        wide = torch.randn(2, 7, 6, 6, dtype=torch.float64)
        for shortcut in (LPD(7), APS()):
            found, given = shortcut.down(wide, selection)
            assert given is selection
            assert torch.equal(found, taken(wide, selection, 2))


def test_unfiltered_maps_may_choose_what_is_filtered():
    torch.manual_seed(0)
    maps = torch.randn(32, 4, 6, 6)
    for layer in (LPD(4).eval(), APS()):
        plain = layer.down(maps)[1]
        layer.antialias, layer.select_from = Blur(), "unfiltered"
        small, selection = layer.down(maps)
        assert torch.equal(selection.index, plain.index)
        assert torch.equal(small, taken(Blur()(maps), plain, 2))
        layer.select_from = "filtered"
        filtered = layer.down(maps)[1]
        assert torch.equal(filtered.index, type(layer).down(layer, maps)[1].index)
        assert not torch.equal(filtered.index, plain.index)


@pytest.mark.parametrize(
    ("norm", "size"), [(1, (6, 4)), (2, (5, 4)), (3, (5, 4)), (math.inf, (6, 4))]
)
def test_the_norm_is_that_of_each_candidate(size, norm):
    torch.manual_seed(0)
    maps = torch.randn(3, 2, *size, dtype=torch.float64, requires_grad=True)
    layer = APS(norm=norm, indivisible="error" if norm == math.inf else "wrap")

    small, selection = layer.down(maps)

    expected = torch.linalg.vector_norm(phases(maps, 2), norm, dim=(2, 3, 4))
    torch.testing.assert_close(selection.logits, expected, rtol=0, atol=1e-12)
    assert torch.equal(selection.index, expected.argmax(-1))
    assert not selection.logits.requires_grad
    assert small.requires_grad


def test_up_holds_the_maps_at_their_phase_and_zeros_elsewhere():
    maps = torch.arange(1.0, 5).view(1, 1, 2, 2)
    chosen = Selection(torch.zeros(1, 4), None, torch.tensor([2]))

    found = APSUp()(maps, chosen)[0, 0]

    assert found.tolist() == [[0, 0, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0]]
    mixed = Selection(torch.zeros(1, 4), torch.tensor([[0.1, 0.2, 0.3, 0.4]]), None)
    expected = F.pixel_shuffle(maps.repeat_interleave(4, 1) * mixed.weights.view(1, 4, 1, 1), 2)
    assert torch.equal(LPU()(maps, mixed), expected)


def test_up_may_draw_anew_in_training():
    layer, maps = drawn("convolutions", 0, (6, 6), 2)
    small, selection = layer.train().down(maps)
    up = LPU(fresh_sample=True)
    up.gumbel_tau.fill_(0.2)
    noise = torch.randn(2, 4, dtype=torch.float64)
    weights = ((selection.logits + noise) / up.gumbel_tau.double()).softmax(-1)

    found = up(small, selection, noise)

    expected = LPU()(small, selection._replace(weights=weights))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    assert torch.equal(up.eval()(small, selection, noise), LPU()(small, selection))


@pytest.mark.parametrize("layer", [LPD(4), LPD(4, logits="attention"), APS()])
@pytest.mark.usefixtures("either_form")
def test_choices_are_exact_where_maps_have_few_bits(layer):
    maps = torch.randn(2, 4, 6, 6)
    for training in (True, False):
        layer.train(training)
        with torch.autocast("cpu", torch.bfloat16):
            small, selection = layer.down(maps.bfloat16().requires_grad_())
        small.sum().backward()
        assert small.dtype == torch.bfloat16
        assert selection.logits.dtype == torch.float32
        assert selection.weights is None or selection.weights.dtype == torch.float32
    small, selection = layer.double().down(maps.double())
    assert small.dtype == selection.logits.dtype == torch.float64
    layer.float()


@pytest.mark.parametrize("mode", ["gumbel", "straight_through", "hard"])
@pytest.mark.parametrize("size", [(6, 8), (5, 8), (6, 80)])
@pytest.mark.usefixtures("either_form")
def test_under_autocast_what_is_sampled_keeps_its_type_and_is_trained(size, mode):
    generator = torch.Generator().manual_seed(5)
    maps = torch.rand(2, 4, *size, generator=generator).requires_grad_()
    layer, up = LPD(4, 3, train_mode=mode, indivisible="wrap").train(), LPU()
    noise = torch.rand(2, len(phases(maps, 2)[0]), generator=generator)

    with torch.autocast("cpu", torch.bfloat16):
        coarse, selection = layer.down(maps, noise=noise)
        found = up(coarse, selection, size=size)
        found.square().sum().backward()

    assert coarse.dtype == found.dtype == maps.grad.dtype == torch.float32
    wanted = taken(maps.detach(), selection._replace(weights=detached(selection.weights)), 2)
    torch.testing.assert_close(coarse, wanted)
    assert maps.grad.isfinite().all()


def detached(tensor):
    return None if tensor is None else tensor.detach()


@pytest.mark.parametrize("size", [(6, 8), (5, 8), (6, 80)])
@pytest.mark.usefixtures("either_form")
def test_channels_may_lie_last_in_memory(size):
    torch.manual_seed(0)
    layer, up = LPD(4, indivisible="wrap").double(), LPU()
    maps = torch.randn(2, 4, *size, dtype=torch.float64)
    noise = torch.randn(2, 4 if size[0] == 6 else 10, dtype=torch.float64)
    found = []
    for layout in (torch.contiguous_format, torch.channels_last):
        given = maps.to(memory_format=layout).requires_grad_()
        small, selection = layer.down(given, noise=noise)
        full = up(small.relu(), selection, size=size)
        leaves = [given, *layer.parameters()]
        found.append([full, *torch.autograd.grad(full.square().sum(), leaves)])

    torch.testing.assert_close(*found, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", ["convolutions", "attention", "graph", "perceptron", "aps"])
@pytest.mark.parametrize("size", [(6, 8), (5, 8)])
def test_a_gpu_neither_waits_for_the_host_nor_sorts(kind, size):
    with torch.device("meta"):
        layer = made(kind, 2, indivisible="wrap").train()
        maps = torch.randn(2, 4, *size, requires_grad=True)
        noise = torch.randn(2, 4 if size[0] == 6 else 10)
    with forms.like_a_gpu():
        layer(maps)  # which makes constants once
    with forms.like_a_gpu(), Operations() as counted:
        small, selection = layer.down(maps, noise=noise)
        LPU()(small, selection, size=size).square().sum().backward()

    assert counted.launches
    assert not counted.meets_the_host
    words = ("sort", "scatter", "index_put", "index_add")
    assert not [name for name in counted.launches if any(word in name for word in words)]


class DownAndUp(nn.Module):
    """What is up-sampled after a hard choice, and the choice."""

    def __init__(self, kind, **settings):
        super().__init__()
        self.down = made(kind, 2, antialias=Blur(), **settings)
        self.up = LPU(antialias=Blur())

    def forward(self, maps):
        small, selection = self.down.down(maps)
        return self.up(small, selection, size=maps.shape[-2:]), selection.index


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("convolutions", (6, 8)),
        ("convolutions", (5, 6)),
        ("graph", (6, 8)),
        ("aps", (5, 6)),
    ],
)
def test_a_hard_choice_compiles_exports_and_maps_over_a_stack(kind, size):
    torch.manual_seed(0)
    network = DownAndUp(kind, indivisible="wrap").eval()
    maps = torch.randn(3, 4, *size)
    expected = network(maps)

    torch.compiler.reset()
    compiled = torch.compile(network, fullgraph=True, backend="aot_eager")(maps)
    batch = {"maps": {0: torch.export.Dim("batch")}}
    exported = torch.export.export(network, (maps[:2],), dynamic_shapes=batch).module()
    stacked = vmap(network)(maps[:, None])

    for found in (compiled, exported(maps), [one[:, 0] for one in stacked]):
        torch.testing.assert_close(found[0], expected[0], rtol=0, atol=1e-5)
        assert torch.equal(found[1], expected[1])


@pytest.mark.parametrize("mode", ["gumbel", "straight_through", "hard"])
@pytest.mark.parametrize("size", [(6, 8), (5, 8)])
@pytest.mark.usefixtures("either_form")
def test_a_stack_trains_as_its_rows_do(size, mode):
    torch.manual_seed(0)
    layer = LPD(4, train_mode=mode, indivisible="wrap").double()
    up = LPU()
    rows = [
        {
            key: torch.randn_like(one) if key != "gumbel_tau" else one / (n + 1)
            for key, one in layer.state_dict().items()
        }
        for n in range(3)
    ]
    maps = torch.randn(3, 2, 4, *size, dtype=torch.float64)
    noise = torch.randn(3, 2, 4 if size[0] == 6 else 10, dtype=torch.float64)

    class Trained(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, maps, noise):
            small, selection = self.layer.down(maps, noise=noise)
            return up(small.relu(), selection, size=size).square().sum()

    def loss(weights, maps, noise):
        given = {f"layer.{key}": one for key, one in weights.items()}
        return functional_call(Trained(), given, (maps, noise))

    run = torch.func.grad_and_value(loss, argnums=(0, 1))
    found = vmap(run)({key: torch.stack([r[key] for r in rows]) for key in rows[0]}, maps, noise)

    for n, row in enumerate(rows):
        expected = run(row, maps[n], noise[n])
        ours = torch.utils._pytree.tree_map(lambda one, n=n: one[n], found)
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-9)


def test_mistakes_are_named():
    maps = torch.zeros(1, 4, 6, 7)
    for layer in (LPD(4), APS()):
        with pytest.raises(ValueError, match=r"stride of 2 does not .* 6 x 7 .*'wrap'.*'zeros'"):
            layer(maps)
    with pytest.raises(ValueError, match=r"train_mode must be one of gumbel, .*, got 'soft'"):
        LPD(4, train_mode="soft")
    with pytest.raises(ValueError, match="test_mode must be one of hard"):
        LPD(4, test_mode="straight_through")
    with pytest.raises(ValueError, match="indivisible must be one of error, wrap, zeros"):
        APS(indivisible="pad")
    with pytest.raises(ValueError, match="select_from must be one of"):
        APS(select_from="both")
    with pytest.raises(ValueError, match=r"at least 1, got 0\.5"):
        APS(norm=0.5)
    with pytest.raises(ValueError, match="candidates share pixels"):
        APS(norm=math.inf, indivisible="wrap")
    with pytest.raises(ValueError, match="at least 2, got 1"):
        LPU(stride=1)
