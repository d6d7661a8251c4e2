import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional as F

from isotrope.layers import AdaptiveBlur
from isotrope.layers.downsampling import Decimation
from isotrope.layers.local_filters import locally_filtered


def drawn(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def blur(*arguments, **named):
    """An adaptive blur whose batch norm has seen something."""
    torch.manual_seed(0)
    found = AdaptiveBlur(*arguments, **named).double()
    norm = found.norm
    for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        torch.nn.init.uniform_(tensor, 0.5, 1.5)
    return found.eval()


def plain(blur, maps):
    """Equation by equation, pixel by pixel."""
    k, norm = blur.size, blur.norm
    mode = "constant" if blur.padding_mode == "zeros" else blur.padding_mode
    around = F.pad(maps, (k // 2,) * 4, mode=mode)
    logits = F.conv2d(around, blur.convolution.weight)
    if norm.training:
        mean, variance = logits.mean((0, 2, 3)), logits.var((0, 2, 3), correction=0)
    else:
        mean, variance = norm.running_mean, norm.running_var
    scale = norm.weight / (variance + norm.eps).sqrt()
    logits = (logits - mean[:, None, None]) * scale[:, None, None] + norm.bias[:, None, None]
    found = torch.empty_like(maps)
    batch, channels, height, width = maps.shape
    for n in range(batch):
        for i in range(height):
            for j in range(width):
                weights = logits[n, :, i, j].exp()
                for c in range(channels):
                    group = c * blur.groups // channels
                    own = weights[k * k * group : k * k * (group + 1)]
                    total = weights.sum() if blur.softmax == "joint" else own.sum()
                    window = around[n, c, i : i + k, j : j + k]
                    found[n, c, i, j] = blur.gain * (own.view(k, k) * window).sum() / total
    return found


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("size", "groups", "mode", "softmax"),
    [
        (3, 2, "circular", "joint"),
        (3, 1, "zeros", "joint"),
        (5, 4, "reflect", "joint"),
        (1, 2, "replicate", "joint"),
        (3, 4, "circular", "group"),
    ],
)
def test_it_is_the_papers_equations(size, groups, mode, softmax, training):
    layer = blur(4, size, groups, padding_mode=mode, softmax=softmax, gain=4).train(training)
    maps = drawn(1, 2, 4, 5, 6)

    expected = plain(layer, maps)

    torch.testing.assert_close(layer(maps), expected, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("either_form")
@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**31),
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    shift=st.tuples(st.integers(-7, 7), st.integers(-7, 7)),
    size=st.sampled_from([1, 3, 5]),
    training=st.booleans(),
)
def test_rolling_the_maps_rolls_the_filtered_ones(seed, shape, shift, size, training):
    maps, layer = drawn(seed, 3, 4, *shape), blur(4, size, 2).train(training)

    found = layer(maps.roll(shift, (-2, -1)))

    expected = layer(maps).roll(shift, (-2, -1))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("stride", [2, 3])
def test_what_is_kept_is_a_slice_of_the_filtered_maps(stride, training):
    maps, layer = drawn(0, 2, 4, 7, 6).requires_grad_(), blur(4, 3, 2).train(training)
    expected = copy.deepcopy(layer)(maps)[..., ::stride, ::stride]

    found = layer(maps, stride)

    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    weight = drawn(1, *found.shape)
    (ours,), (theirs,) = (torch.autograd.grad((x * weight).sum(), maps) for x in (found, expected))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11)
    kept = Decimation(stride, layer)(maps)
    torch.testing.assert_close(kept, expected, rtol=0, atol=1e-12)


def test_weights_sum_to_one_over_all_groups_as_published_and_over_each_in_the_paper():
    maps = drawn(0, 2, 6, 5, 5)

    published, paper = (blur(6, 3, 3, softmax=one).weights(maps) for one in ("joint", "group"))

    ones = torch.ones(2, 5, 5, dtype=torch.float64)
    torch.testing.assert_close(published.sum((1, 2)), ones, rtol=0, atol=1e-12)
    torch.testing.assert_close(
        paper.sum(2), ones[:, None].expand(-1, 3, -1, -1), rtol=0, atol=1e-12
    )
    assert (published > 0).all()
    constant = torch.full((1, 6, 5, 5), 0.7, dtype=torch.float64)
    kept = blur(6, 3, 3, softmax="group")(constant)
    torch.testing.assert_close(kept, constant, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_of_every_order_are_right(stride):
    bordered = drawn(0, 2, 2, 5, 6).requires_grad_()
    sides = (1, 2) if stride == 2 else (3, 4)
    weights = drawn(1, 2, 1, 9, *sides).requires_grad_()

    def filtered(bordered, weights):
        return locally_filtered(bordered, weights, 3, stride)

    assert torch.autograd.gradcheck(filtered, (bordered, weights))
    assert torch.autograd.gradgradcheck(filtered, (bordered, weights))


def test_every_parameter_has_a_gradient():
    layer = blur(4, 3, 2).train()
    layer(drawn(0, 2, 4, 6, 6)).square().sum().backward()
    assert all(one.grad.abs().sum() > 0 for one in layer.parameters())
    # taps by channels by taps and, for batch norm, two for each tap
    assert sum(one.numel() for one in layer.parameters()) == 9 * 2 * 9 * 4 + 2 * 9 * 2


@pytest.mark.usefixtures("either_form")
def test_a_stack_computes_as_its_rows_do():
    torch.manual_seed(0)
    layers = [AdaptiveBlur(4, 3, 2).double() for _ in range(3)]
    maps = drawn(1, 3, 2, 4, 6, 6)
    rows, buffers = stack_module_state([copy.deepcopy(one) for one in layers])

    own = vmap(lambda *row: functional_call(layers[0], row[:2], row[2]))(rows, buffers, maps)
    same = vmap(lambda *row: functional_call(layers[0], row, maps[0]))(rows, buffers)

    found, expected = (own, same), ([], [])
    for layer, row in zip(layers, maps, strict=True):
        expected[0].append(layer(row))
        expected[1].append(layer(maps[0]))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, torch.stack(other), rtol=0, atol=1e-12)


@pytest.mark.parametrize("mode", ["circular", "reflect"])
def test_it_is_compiled_and_exported_as_one_graph(mode):
    maps, layer = drawn(0, 2, 4, 6, 7).requires_grad_(), blur(4, 3, 2, padding_mode=mode)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")

    found, expected = compiled(maps), layer(maps)

    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    ours, theirs = (torch.autograd.grad(one.sin().sum(), maps)[0] for one in (found, expected))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    exported = torch.export.export(layer, (maps.detach(),)).module()
    torch.testing.assert_close(exported(maps.detach()), expected, rtol=0, atol=1e-12)


def test_halved_numbers_are_summed_in_float32():
    layer, maps = blur(8, 5, 2, softmax="group"), drawn(0, 2, 8, 6, 6).bfloat16()
    expected = layer(maps.double())
    layer = layer.bfloat16()
    layer.norm.float()

    found = layer(maps)

    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.double(), expected, rtol=0.05, atol=0.05)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = layer.float()(maps.float())
    assert torch.isfinite(mixed).all()


def test_what_is_no_adaptive_blur_is_refused():
    with pytest.raises(ValueError, match="is odd, got 2"):
        AdaptiveBlur(8, 2)
    with pytest.raises(ValueError, match="21 channels do not divide into 8 groups"):
        AdaptiveBlur(21)
    with pytest.raises(ValueError, match="joint or group, got 'all'"):
        AdaptiveBlur(8, softmax="all")
    with pytest.raises(ValueError, match="gain must be above 0, got -1"):
        AdaptiveBlur(8, gain=-1)
    with pytest.raises(ValueError, match="got 'constant'"):
        AdaptiveBlur(8, padding_mode="constant")
