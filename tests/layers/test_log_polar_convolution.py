import math

import plain_log_polar as plain
import pytest
import torch
from operations import Operations
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

from isotrope.layers import LogPolarTransform, LPConv, forms
from isotrope.layers.log_polar_stencils import Sith

GRID = {"ntau": 6, "num_angles": 8, "tau_min": 1.0, "tau_max": 6.0}
POOLINGS = [
    {},
    {"tau_pooling": 2},
    {"tau_pooling": 3, "theta_pooling": 3},
    {"theta_pooling": 2},
    {"topk": 8},
    {"topk": 3},
    {"topk": 3, "align": "joint"},
    {"topk": 8, "align": "joint", "tau_pooling": 2},
    {"topk": 1, "tau_pooling": 2},
]
KINDS = [
    {},
    {"kind": "gaussian", "border": -0.4},
    {"kind": "sith_v1", "sith": Sith(k=12), "border": [0.3, -0.2]},
    {"stride": 2, "spatial_trim": 1, "border": 0.3, "include_center": True},
    {"smooth": True},
]


def made(*arguments, seed=0, **settings):
    torch.manual_seed(seed)
    return LPConv(*arguments, **{**GRID, **settings}).double()


def images(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def naive(layer, seen, **pooling):
    around = torch.tensor(layer.border.values, dtype=seen.dtype)[:, None, None]
    samples = plain.stencil_samples(seen, layer.bank, around)
    trim, step = layer.spatial_trim, layer.stride
    first = [trim + (side - 2 * trim - 1) % step // 2 for side in seen.shape[-2:]]
    ends = [side - trim for side in seen.shape[-2:]]
    rows, columns = (slice(a, b, step) for a, b in zip(first, ends, strict=True))
    return plain.kept_responses(
        plain.responses(samples[..., rows, columns], layer.weight), **pooling
    )


def assert_same_numbers_and_gradients(layer, seen, found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)
    weight = images(*found.shape, seed=7)
    inputs = [seen, *layer.parameters()]
    of_found = torch.autograd.grad((found * weight).sum(), inputs)
    of_expected = torch.autograd.grad((expected * weight).sum(), inputs)
    for one, other in zip(of_found, of_expected, strict=True):
        # 1e-6 is asked for; float64 leaves much less
        torch.testing.assert_close(one, other, rtol=0, atol=1e-9 * other.abs().max().item())


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("pooling", POOLINGS)
def test_values_and_gradients_are_those_of_the_naive_form(pooling):
    layer, seen = made(2, 3, (3, 2), **pooling), images(2, 2, 5, 6).requires_grad_()

    found = layer(seen)

    assert found.shape[1] == layer.features
    assert_same_numbers_and_gradients(layer, seen, found, naive(layer, seen, **pooling))


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("kind", KINDS)
def test_so_they_are_with_any_bank_border_stride_and_trim(kind):
    layer, seen = made(2, 2, 3, **kind), images(1, 2, 7, 6).requires_grad_()

    assert_same_numbers_and_gradients(layer, seen, layer(seen), naive(layer, seen))


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("windows", [{}, {"tau_pooling": 2, "theta_pooling": 3}])
def test_means_are_those_of_all_responses(windows):
    layer, seen = made(2, 3, 3, pooling="avg", **windows), images(2, 2, 5, 6).requires_grad_()

    found = layer(seen)

    around = LogPolarTransform(**GRID)(seen)
    every = plain.responses(around, layer.weight)
    high, wide = windows.get("tau_pooling", 4), windows.get("theta_pooling", 8)
    every = torch.cat((every, every[:, :, :, : -8 % wide]), dim=3)
    expected = every.unfold(2, high, high).unfold(3, wide, wide).mean(dim=(-2, -1))
    expected = expected.permute(0, 1, 4, 5, 2, 3) if every.shape[2] != 4 else expected
    expected = expected.flatten(1, 3)
    assert_same_numbers_and_gradients(layer, seen, found, expected)


@pytest.mark.usefixtures("either_form")
def test_of_equal_responses_the_first_wins():
    layer = made(1, 2, 3)
    flat = torch.ones(1, 1, 15, 15, dtype=torch.float64)

    values, rows, angles = layer.winners(flat)

    inside = (..., 7, 7)
    rounding = 1e-12
    weight = layer.weight.sum(dim=(1, 2, 3))
    torch.testing.assert_close(values[inside].flatten(), weight, rtol=0, atol=rounding)
    exact = torch.zeros(1, 1, 15, 15, dtype=torch.float64)
    _, rows, angles = layer.winners(exact)
    assert not rows.any()
    assert not angles.any()


@pytest.mark.usefixtures("either_form")
def test_at_a_tie_the_whole_gradient_goes_to_the_first():
    layer, seen = made(1, 1, 1, tau_max=2.0, ntau=2), torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    seen.requires_grad_()

    layer(seen)[0, 0, 2, 2].backward()

    expected = torch.zeros_like(seen)
    expected[0, 0, 2, 1] = layer.weight.item()  # radius 1, angle -180 degrees
    torch.testing.assert_close(seen.grad, expected)


@pytest.mark.usefixtures("either_form")
def test_gradients_are_those_of_small_differences():
    layer, seen = made(1, 2, (2, 3), topk=2, border=0.3), images(1, 1, 4, 3).requires_grad_()

    def run(seen, *parameters):
        names = [name for name, _ in layer.named_parameters()]
        return functional_call(layer, dict(zip(names, parameters, strict=True)), seen)

    assert torch.autograd.gradcheck(run, (seen, *layer.parameters()))


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("settings", [{}, {"topk": 3}, {"kind": "gaussian", "pooling": "avg"}])
@pytest.mark.parametrize("own_images", [False, True])
def test_a_stack_of_layers_is_computed_as_each_alone(settings, own_images):
    layers = [made(2, 2, 3, seed=seed, border=0.1, **settings) for seed in range(3)]
    rows, buffers = stack_module_state(layers)
    seen = images(3, 2, 2, 5, 6) if own_images else images(2, 2, 5, 6)
    run = vmap(
        lambda row, some: functional_call(layers[0], row, some),
        in_dims=(0, 0 if own_images else None),
    )

    found = run({**rows, **buffers}, seen)

    every = seen if own_images else [seen] * 3
    expected = torch.stack([layer(one) for layer, one in zip(layers, every, strict=True)])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    weight = images(*found.shape, seed=3)
    together = torch.autograd.grad((found * weight).sum(), list(rows.values()))
    (expected * weight).sum().backward()
    for name, gradient in zip(rows, together, strict=True):
        alone = torch.stack([dict(layer.named_parameters())[name].grad for layer in layers])
        torch.testing.assert_close(gradient, alone, rtol=0, atol=1e-11)


@pytest.mark.usefixtures("either_form")
def test_gradients_of_each_row_can_be_taken_inside_a_stack():
    layers = [made(1, 2, 3, seed=seed) for seed in range(2)]
    rows, _ = stack_module_state(layers)
    rows = {name: one.detach() for name, one in rows.items()}
    seen = images(1, 1, 5, 5)

    def loss(row):
        return functional_call(layers[0], row, seen).square().sum()

    found = vmap(torch.func.grad(loss))(rows)

    for index, layer in enumerate(layers):
        layer(seen).square().sum().backward()
        for name, parameter in layer.named_parameters():
            torch.testing.assert_close(found[name][index], parameter.grad, rtol=0, atol=1e-11)


def test_kernels_begin_as_those_of_a_plain_convolution():
    layer = made(3, 4, 5)
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 4, 5, bias=False)

    torch.testing.assert_close(layer.weight_v, convolution.weight.double())
    torch.testing.assert_close(layer.weight, layer.weight_v)
    assert set(layer.state_dict()) == {"weight_g", "weight_v"}
    other = made(3, 4, 5, seed=1)
    other.load_state_dict(layer.state_dict())
    torch.testing.assert_close(other.weight, layer.weight)


@pytest.mark.parametrize("kind", ["bilinear", "gaussian", "sith_v2"])
@pytest.mark.parametrize("pooling", [{}, {"topk": 3}, {"topk": 8, "align": "joint"}])
def test_a_quarter_turn_of_the_image_turns_the_output(kind, pooling):
    layer, seen = made(2, 2, 3, kind=kind, border=-0.4, **pooling), images(1, 2, 9, 9)

    turned = layer(torch.rot90(seen, 1, (-2, -1)))

    torch.testing.assert_close(turned, torch.rot90(layer(seen), 1, (-2, -1)), rtol=0, atol=1e-10)


def test_relative_codes_do_not_change_with_a_quarter_turn():
    layer, seen = made(2, 4, 3, relative_encoding=True), images(1, 2, 9, 9)

    found = layer(seen)

    assert found.shape[1] == layer.features == 16
    torch.testing.assert_close(found[:, :4], made(2, 4, 3)(seen))
    turned = layer(torch.rot90(seen, 1, (-2, -1)))
    torch.testing.assert_close(turned, torch.rot90(found, 1, (-2, -1)), rtol=0, atol=1e-10)


def test_winners_say_which_response_remains():
    layer, seen = made(1, 2, 3, kind="gaussian"), images(1, 1, 6, 6)

    values, rows, angles = layer.winners(seen)

    every = plain.responses(LogPolarTransform(**GRID, kind="gaussian")(seen), layer.weight)
    places = (rows * 8 + angles)[:, :, 0]
    found = every.flatten(2, 3).gather(2, places)
    torch.testing.assert_close(found, values[:, :, 0], rtol=0, atol=1e-12)
    torch.testing.assert_close(found[:, :, 0], every.amax(dim=(2, 3)), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kernel_size": 7}, "kernels of 7 x 7 do not fit 6 radii and 8 angles"),
        ({"topk": 9}, "need topk from 1 to 8 angles, got 9"),
        ({"topk": 2, "theta_pooling": 2}, "topk takes neither theta_pooling nor"),
        ({"tau_pooling": 5}, "windows of 5 x 8 do not fit responses of 4 rows and 8 angles"),
        ({"relative_encoding": True, "topk": 2}, "relative_encoding needs the maximum over all"),
        ({"align": "rows"}, "need align 'row' or 'joint'"),
        ({"stride": 0}, "need in_channels, out_channels and stride of at least 1"),
        ({"spatial_trim": -1}, "spatial_trim >= 0, got 1, 1, 1 and -1"),
        ({"num_angles": 8192, "tau_max": 8192.0}, "4 x 8192 responses at a pixel are too many"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        made(1, 1, **{"kernel_size": 3, **settings})


def test_a_layer_without_channels_is_refused():
    with pytest.raises(ValueError, match="need in_channels, out_channels"):
        made(1, 0, 3)


@pytest.mark.parametrize("shape", [(1, 3, 6, 6), (2, 6, 6)])
def test_images_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"must be \(batch, 2, height, width\) of"):
        made(2, 1, 3)(images(*shape))


@pytest.mark.parametrize("layer", [made(1, 1, 3), LogPolarTransform(**GRID)])
def test_images_of_whole_numbers_are_refused_and_not_cut_to_whole_responses(layer):
    with pytest.raises(ValueError, match=r"of floating numbers, got .* torch\.uint8"):
        layer(torch.zeros(1, 1, 6, 6, dtype=torch.uint8))


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("settings", [{}, {"kind": "gaussian"}, {"pooling": "avg"}])
def test_of_no_images_there_are_no_responses_and_no_gradients(settings):
    layer, seen = made(2, 3, 3, **settings), images(0, 2, 6, 6).requires_grad_()
    found = layer(seen)
    assert found.shape == (0, 3, 6, 6)
    of_seen, of_weight = torch.autograd.grad(found.sum(), [seen, layer.weight_v])
    assert of_seen.shape == seen.shape
    assert not of_weight.any()


@pytest.mark.usefixtures("either_form")
def test_gradients_of_gradients_are_refused():
    layer, seen = made(2, 3, 3), images(1, 2, 6, 6).requires_grad_()
    (slope,) = torch.autograd.grad(layer(seen).square().sum(), seen, create_graph=True)
    with pytest.raises(RuntimeError, match="no gradients of their gradients"):
        slope.square().sum().backward()


def test_half_precision_is_computed_in_single():
    layer = made(1, 2, 3).float()
    seen = images(1, 1, 6, 6).float()

    found = layer(seen.bfloat16())

    assert found.dtype == torch.bfloat16
    # one rounding of input and output, each 2**-9
    torch.testing.assert_close(found.float(), layer(seen), rtol=0, atol=4 * math.pow(2, -9))


@pytest.mark.parametrize("settings", [{}, {"topk": 3, "kind": "gaussian"}])
def test_the_form_for_a_gpu_gives_the_same_in_little_memory(settings):
    layers = [made(3, 2, 3, seed=seed, border=0.1, **settings) for seed in range(2)]
    rows, _ = stack_module_state(layers)
    seen = images(2, 3, 3, 6, 5).requires_grad_()

    def gradients(inputs):
        found = vmap(lambda row, some: functional_call(layers[0], row, some))(rows, seen)
        weight = images(*found.shape, seed=5)
        return found, torch.autograd.grad((found * weight).sum(), inputs)

    inputs = [seen, *rows.values()]
    expected = gradients(inputs)
    for numbers in (1, 2**13, 2**28):  # a row of an image at a time, an image, all of them
        with forms.like_a_gpu(), forms.memory(numbers):
            torch.testing.assert_close(gradients(inputs), expected, rtol=0, atol=1e-11)


def test_the_form_for_a_gpu_neither_sorts_nor_scatters_nor_meets_the_host():
    layers = [LPConv(4, 8, 3, **GRID, topk=8).to("meta") for _ in range(3)]
    rows, _ = stack_module_state(layers)
    seen = torch.empty(3, 2, 4, 12, 12, device="meta", requires_grad=True)

    def step():
        found = vmap(lambda row, some: functional_call(layers[0], row, some))(rows, seen)
        found.sum().backward()

    with forms.like_a_gpu():
        step()
        with Operations() as counted:
            step()

    assert counted.launches.total() <= 120
    assert not counted.meets_the_host
    sorting = ("sort", "scatter", "index_put", "index_add", "gather_backward", "index_backward")
    assert not [name for name in counted.launches if any(word in name for word in sorting)]


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("kind", ["bilinear", "gaussian"])
def test_single_precision_agrees_with_double_to_a_hundred_thousandth(kind):
    torch.manual_seed(0)
    layer = LPConv(8, 8, 5, ntau=12, tau_max=8.0, kind=kind).double()
    seen = images(2, 8, 14, 14).requires_grad_()
    expected = layer(seen)
    weight = images(*expected.shape, seed=2)
    of_expected = torch.autograd.grad((expected * weight).sum(), [seen, layer.weight_v])

    layer, seen = layer.float(), seen.detach().float().requires_grad_()
    found = layer(seen)

    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-5)
    of_found = torch.autograd.grad((found * weight.float()).sum(), [seen, layer.weight_v])
    for one, other in zip(of_found, of_expected, strict=True):
        # relative to the largest; a near tie may fall to another winner
        assert (one.double() - other).abs().max() < 1e-5 * other.abs().max()
