"""Which downsamplings make a network exactly invariant to circular shifts, and which do not."""

import itertools

import pytest
import torch
from torch import nn

from isotrope.layers import (
    TIPS,
    AdaptiveBlur,
    BinomialBlur,
    BlurPool,
    IdealDownsample,
    PaddedConv2d,
)
from isotrope.layers.downsampling import AveragePool, Decimation, phases
from isotrope.layers.polyphase import APS, LPD, LPU, APSUp

CHANNELS = 4
FILTERS = {
    "none": lambda **_: None,
    "lpf2": lambda **border: BinomialBlur(2, **border),
    "lpf3": lambda **border: BinomialBlur(3, **border),
    "lpf5": lambda **border: BinomialBlur(5, **border),
    "ddac3": lambda **border: AdaptiveBlur(CHANNELS, 3, 2, **border),
}
EXACT = {
    "aps": lambda **more: APS(**more),
    "aps, first norm": lambda **more: APS(norm=1, **more),
    "lps": lambda **more: LPD(CHANNELS, 16, **more),
    "lps, attention": lambda **more: LPD(CHANNELS, 16, logits="attention", **more),
    "lps, graph": lambda **more: LPD(CHANNELS, 16, logits="graph", **more),
    "lps, of unfiltered maps": lambda **more: LPD(CHANNELS, 16, select_from="unfiltered", **more),
}


class Network(nn.Module):
    """Convolutions and two downsamplings, and the mean over what is left."""

    def __init__(self, downsamplings, border="circular"):
        super().__init__()
        first, second = downsamplings
        inside, layers = 2, []
        for downsampling in (first, second, nn.Identity()):
            layers += [
                PaddedConv2d(inside, CHANNELS, 3, padding_mode=border),
                nn.LeakyReLU(0.2),
                nn.GroupNorm(1, CHANNELS),
                downsampling,
            ]
            inside = CHANNELS
        self.layers = nn.Sequential(*layers)

    def forward(self, images):
        return self.layers(images).relu().mean((2, 3))


def network(make, border="circular", seed=0):
    """Evaluated in float64, with norms that have seen something."""
    torch.manual_seed(seed)
    found = Network([make(), make()], border).double().eval()
    for module in found.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                nn.init.uniform_(tensor, 0.5, 1.5)
    return found


def images(seed, *size):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(5, 2, *size, generator=generator, dtype=torch.float64)


def margins(network, batch):
    """By how much each image's choices were made at least."""
    least = torch.full((len(batch),), torch.inf, dtype=torch.float64)
    with torch.no_grad():
        for layer in network.layers:
            if isinstance(layer, APS | LPD):
                batch, selection = layer.down(batch)
                best, second = selection.logits.topk(2).values.unbind(-1)
                least = torch.minimum(least, (best - second).double())
            else:
                batch = layer(batch)
    return least


def gap(network, batch, shifts, margin=1e-13):
    """The largest change of an output, by any of the shifts, in units of the largest output.

    Images with a choice between equals are left out; of a batch some must be others.
    """
    if margin:
        batch = batch[margins(network, batch) > margin]
        assert len(batch) >= 2
    moved = [batch.roll(shift, (-2, -1)) for shift in shifts]
    with torch.no_grad():
        expected, *found = network(torch.cat([batch, *moved])).split(len(batch))
    return max((one - expected).abs().max() for one in found) / expected.abs().max()


@pytest.mark.parametrize("antialias", FILTERS)
@pytest.mark.parametrize("method", EXACT)
@pytest.mark.parametrize("stride", [2, 3, 4])
def test_polyphase_sampling_is_invariant_behind_every_filter(method, antialias, stride):
    model = network(lambda: EXACT[method](stride=stride, antialias=FILTERS[antialias]()), seed=5)
    shifts = torch.randint(-20, 20, (5, 2), generator=torch.Generator().manual_seed(stride))

    side = 64 // stride**2 * stride**2
    for size in ((side, side), (2 * stride**2, side)):
        assert gap(model, images(stride, *size), [(1, 0), *shifts.tolist()]) < 1e-10


@pytest.mark.parametrize("antialias", FILTERS)
@pytest.mark.parametrize("method", ["aps", "lps"])
@pytest.mark.parametrize("size", [(15, 16), (13, 21)])
def test_it_is_invariant_at_odd_sizes_that_go_around_the_edge(method, antialias, size):
    model = network(lambda: EXACT[method](antialias=FILTERS[antialias](), indivisible="wrap"))

    assert gap(model, images(0, *size), [(1, 0), (0, 1), (3, -5)]) < 1e-10


@pytest.mark.parametrize("antialias", FILTERS)
@pytest.mark.parametrize("method", ["aps", "lps"])
def test_it_is_invariant_in_float32(method, antialias):
    model = network(lambda: EXACT[method](antialias=FILTERS[antialias]())).float()
    shifts = itertools.product(range(4), range(4))

    assert gap(model, images(1, 16, 12).float(), shifts, margin=1e-6) < 1e-5


@pytest.mark.parametrize("antialias", FILTERS)
@pytest.mark.parametrize("stride", [2, 3])
@pytest.mark.parametrize("method", ["aps", "lps"])
@pytest.mark.parametrize("border", ["circular", "zeros"])
def test_down_and_up_again_shifts_as_the_maps_do_if_filters_go_around(
    method, antialias, stride, border
):
    if antialias == "none" and border == "zeros":
        return  # there is no filter that could have one
    torch.manual_seed(0)
    build, up = FILTERS[antialias], LPU if method == "lps" else APSUp
    gain = {} if antialias == "none" else {"gain": stride**2}
    down = EXACT[method](stride=stride, antialias=build()).double().eval()
    rise = up(stride=stride, antialias=build(padding_mode=border, **gain)).double().eval()
    maps = torch.randn(2, CHANNELS, 4 * stride, 2 * stride, dtype=torch.float64)

    def around(maps):
        small, selection = down.down(maps)
        return rise(small, selection)

    found = [around(maps.roll(shift, (-2, -1))) for shift in ((1, 0), (0, 1), (-3, 5))]

    expected = [around(maps).roll(shift, (-2, -1)) for shift in ((1, 0), (0, 1), (-3, 5))]
    most = max((one - other).abs().max() for one, other in zip(found, expected, strict=True))
    assert most < 1e-10 if border == "circular" else most > 1e-3


NOT_EXACT = {
    "strided": (lambda: Decimation(2), "circular"),
    "average pooling": (lambda: AveragePool(2), "circular"),
    "blur pooling, 3": (lambda: BlurPool(3), "circular"),
    "blur pooling, 7": (lambda: BlurPool(7), "circular"),
    "adaptive blur": (lambda: Decimation(2, FILTERS["ddac3"]()), "circular"),
    "tips": (lambda: TIPS(CHANNELS), "circular"),
    "ideal, behind relu": (lambda: IdealDownsample(2), "circular"),
    "aps, convolutions with zeros around": (lambda: APS(), "zeros"),
    "lps, convolutions with zeros around": (lambda: LPD(CHANNELS), "zeros"),
    "lps, mixtures, whose phases roll differently": (
        lambda: LPD(CHANNELS, test_mode="convex"),
        "circular",
    ),
    "lps, linear scores behind a blur, which are equal": (
        lambda: LPD(CHANNELS, logits="perceptron", antialias=BinomialBlur(3)),
        "circular",
    ),
    "aps, mean of positive maps behind a blur, which are equal": (
        lambda: nn.Sequential(nn.Softplus(), APS(norm=1, antialias=BinomialBlur(2))),
        "circular",
    ),
    "aps, filter with zeros around": (
        lambda: APS(antialias=BinomialBlur(3, padding_mode="zeros")),
        "circular",
    ),
    "lps, reflecting adaptive filter": (
        lambda: LPD(CHANNELS, antialias=FILTERS["ddac3"](padding_mode="reflect")),
        "circular",
    ),
}


@pytest.mark.parametrize("name", NOT_EXACT)
def test_what_is_not_exact_shows_it(name):
    make, border = NOT_EXACT[name]
    shifts = itertools.product(range(4), range(4))

    assert gap(network(make, border), images(0, 16, 16), shifts, margin=0) > 1e-5


def test_the_mean_of_a_mixture_is_kept_though_the_mixture_is_not():
    torch.manual_seed(0)
    layer = LPD(CHANNELS, test_mode="convex").double().eval()
    maps = torch.randn(2, CHANNELS, 8, 12, dtype=torch.float64)

    found, expected = layer(maps.roll((1, 3), (-2, -1))), layer(maps)

    torch.testing.assert_close(found.mean((2, 3)), expected.mean((2, 3)), rtol=0, atol=1e-12)
    rolls = itertools.product(range(4), range(6))
    assert min((found - expected.roll(one, (-2, -1))).abs().max() for one in rolls) > 0.1


@pytest.mark.parametrize("size", range(2, 8))
def test_behind_a_blur_the_means_of_all_phases_at_stride_2_are_equal(size):
    maps = BinomialBlur(size)(torch.randn(1, 1, 8, 12, dtype=torch.float64))

    means = phases(maps, 2).mean((2, 3, 4))

    torch.testing.assert_close(means, means.mean().expand(1, 4), rtol=0, atol=1e-14)


@pytest.mark.parametrize("method", ["aps", "lps"])
def test_odd_sizes_made_longer_with_zeros_are_not_exact(method):
    model = network(lambda: EXACT[method](indivisible="zeros"))

    assert gap(model, images(0, 9, 11), [(1, 0), (0, 1), (3, -5)]) > 1e-5
