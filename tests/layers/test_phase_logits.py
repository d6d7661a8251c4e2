"""Networks that compare phases, against candidate by candidate."""

from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_phase_logits import plain_logits
from torch.func import functional_call, vmap

from isotrope.layers.phase_logits import Logits, phase_logits

NAMES = get_args(Logits)
COUNTS = {  # weights and biases with 6 channels and 6 hidden ones
    "convolutions": 2 * (9 * 36 + 6),
    "skip": 2 * (9 * 36 + 6),
    "attention": 3 * 2 * (9 * 36 + 6),
    "attention_bn": 3 * (9 * 36 + 2 * 6 + 9 * 36 + 6),
    "graph": 9 * 36 + 6 + (72 + 6) + 2 * (36 + 6) + 7,
    "perceptron": 7,
}


def drawn(name, seed, size, stride, mode="circular"):
    torch.manual_seed(seed)
    layer = phase_logits(name, 4, 4, stride, mode).double()
    maps = torch.randn(2, 4, *size, dtype=torch.float64, requires_grad=True)
    return layer, maps


def gradients(found, layer, maps):
    weight = torch.linspace(-1, 1, found.numel(), dtype=found.dtype).view_as(found)
    return torch.autograd.grad((found * weight).sum(), [maps, *layer.parameters()])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("either_form")
@settings(deadline=None, max_examples=6)
@given(
    seed=st.integers(0, 2**31),
    stride=st.integers(2, 4),
    rows=st.integers(1, 3),
    columns=st.integers(1, 3),
)
def test_logits_and_gradients_are_those_of_each_phase(name, seed, stride, rows, columns):
    layer, maps = drawn(name, seed, (stride * rows, stride * columns), stride)

    found, expected = layer(maps), plain_logits(name, layer, maps, stride, "circular")

    assert found.shape == (2, stride**2)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    ours, theirs = (gradients(one, layer, maps) for one in (found, expected))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("either_form")
@settings(deadline=None, max_examples=4)
@given(
    seed=st.integers(0, 2**31),
    stride=st.integers(2, 4),
    height=st.integers(1, 7),
    width=st.integers(1, 7),
)
def test_logits_and_gradients_of_any_size_are_those_of_each_candidate(
    name, seed, stride, height, width
):
    layer, maps = drawn(name, seed, (height, width), stride)

    found, expected = layer(maps), plain_logits(name, layer, maps, stride, "circular")

    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    ours, theirs = (gradients(one, layer, maps) for one in (found, expected))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


@pytest.mark.parametrize("size", [(6, 8), (7, 5)])
@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate"])
@pytest.mark.parametrize("name", NAMES)
def test_other_borders_are_those_of_each_candidate(name, mode, size):
    layer, maps = drawn(name, 0, size, 2, mode)

    found, expected = layer(maps), plain_logits(name, layer, maps, 2, mode)

    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    ours, theirs = (gradients(one, layer, maps) for one in (found, expected))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


def test_gradients_of_gradients_are_those_of_differences():
    layer, maps = drawn("convolutions", 0, (4, 4), 2)
    keys, weights = zip(*layer.named_parameters(), strict=True)

    def run(maps, *weights):
        return functional_call(layer, dict(zip(keys, weights, strict=True)), (maps,))

    assert torch.autograd.gradgradcheck(run, (maps, *weights))


@pytest.mark.parametrize("size", [(6, 8), (7, 6)])
def test_batch_normalisation_has_seen_all_phases(size):
    layer, maps = drawn("attention_bn", 0, size, 2)
    for _ in range(300):  # until the running statistics are those of the batch
        layer(maps)
    layer.eval()

    found, expected = layer(maps), plain_logits("attention_bn", layer, maps, 2, "circular")

    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    layer.train()
    torch.testing.assert_close(found, layer(maps), rtol=0, atol=2e-2)  # biased or not


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_those_of_the_whole_convolutions(name):
    layer = phase_logits(name, 6, 6, 2, "circular")

    assert sum(one.numel() for one in layer.parameters()) == COUNTS[name]


def test_the_default_draws_its_convolutions_in_order():
    torch.manual_seed(0)
    layer = phase_logits("convolutions", 3, 5, 2, "circular")
    torch.manual_seed(0)
    plain = torch.nn.Conv2d(3, 5, 3), torch.nn.Conv2d(5, 5, 3)

    ours, theirs = layer.parameters(), (one for both in plain for one in both.parameters())
    for found, expected in zip(ours, theirs, strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("size", [(6, 4), (5, 4)])
@pytest.mark.parametrize("name", [name for name in NAMES if name != "attention_bn"])
@pytest.mark.usefixtures("either_form")
def test_a_stack_has_the_logits_of_its_rows(name, size):
    rows = [drawn(name, seed, size, 2) for seed in range(3)]
    maps = torch.stack([row[1] for row in rows])
    weights = [dict(row[0].named_parameters()) for row in rows]
    stacked = {key: torch.stack([one[key] for one in weights]) for key in weights[0]}

    found = vmap(lambda given, maps: functional_call(rows[0][0], given, (maps,)))(stacked, maps)

    expected = torch.stack([layer(maps) for layer, maps in rows])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_of_few_bits_are_compared_in_float32(name):
    layer, maps = drawn(name, 0, (6, 6), 2)
    exact = layer(maps)
    narrow = layer.float()
    with torch.autocast("cpu", torch.bfloat16):
        found = narrow(maps.float())

    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=0.1)
    of_weights = phase_logits(name, 4, 4, 2, "circular").bfloat16()
    for module in of_weights.modules():  # whose running statistics stay exact in training
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean, module.running_var = torch.zeros(4), torch.ones(4)
    assert of_weights(maps.bfloat16()).dtype == torch.float32


def test_mistakes_are_named():
    with pytest.raises(ValueError, match=r"logits must be one of convolutions, .*, got 'graphs'"):
        phase_logits("graphs", 4, 4, 2, "circular")
    with pytest.raises(ValueError, match="got 4 channels and 5 hidden ones"):
        phase_logits("skip", 4, 5, 2, "circular")
    with pytest.raises(ValueError, match="padding mode"):
        phase_logits("convolutions", 4, 4, 2, "symmetric")
