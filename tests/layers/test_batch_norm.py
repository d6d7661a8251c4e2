import copy

import pytest
import torch
from torch import nn
from torch.func import functional_call

from isotrope.layers.batch_norm import BatchNorm1d, BatchNorm2d


def maps():
    return torch.randn(6, 3, 5, 4, generator=torch.Generator().manual_seed(0)) + 2


def test_it_is_that_of_torch():
    ours, theirs = BatchNorm2d(3, momentum=0.3), nn.BatchNorm2d(3, momentum=0.3)
    assert torch.equal(ours(maps()), theirs(maps()))
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name


@pytest.mark.parametrize("training", [True, False])
def test_in_bfloat16_the_statistics_stay_exact(training):
    layer = BatchNorm2d(3)
    exact = copy.deepcopy(layer)
    seen = maps().bfloat16()
    lowered = {name: one.bfloat16() for name, one in layer.named_parameters()}

    found = functional_call(layer.train(training), lowered, (seen,))

    expected = exact.train(training)(seen.float())
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, expected.bfloat16())
    for name, value in exact.named_buffers():
        assert torch.equal(dict(layer.named_buffers())[name], value), name


def test_in_bfloat16_a_stack_gives_what_each_row_gives():
    layer, seen = BatchNorm2d(3), torch.stack([maps(), 2 * maps() - 1]).bfloat16()
    lowered = {name: one.bfloat16() for name, one in layer.named_parameters()}
    buffers = {name: torch.stack([one, one]) for name, one in layer.named_buffers()}

    def row(buffers, seen):
        return functional_call(layer, lowered | buffers, (seen,))

    found = torch.func.vmap(row)(buffers, seen)

    for i, one in enumerate(seen):
        own = {name: value.clone() for name, value in layer.named_buffers()}
        torch.testing.assert_close(found[i], row(own, one), rtol=1e-2, atol=1e-2)
        for name, value in own.items():
            torch.testing.assert_close(buffers[name][i], value, rtol=1e-5, atol=1e-6)


def test_in_bfloat16_a_stack_takes_maps_that_its_rows_share():
    layer, seen = BatchNorm2d(3), maps().bfloat16()
    buffers = {name: torch.stack([one, one + 1]) for name, one in layer.named_buffers()}

    def row(buffers):
        return functional_call(layer.eval(), buffers, (seen,))

    found = torch.func.vmap(row)(buffers)

    for i, one in enumerate(found):
        own = {name: value[i] for name, value in buffers.items()}
        torch.testing.assert_close(one, row(own), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("training", [True, False])
def test_gradients_in_bfloat16_are_those_of_exact_maps_rounded(training):
    layer = BatchNorm2d(3).train(training)
    gradients = []
    for exact in (True, False):
        seen = maps().bfloat16().requires_grad_()
        lowered = {name: one.detach().bfloat16() for name, one in layer.named_parameters()}
        if exact:
            lowered = {name: one.float() for name, one in lowered.items()}
        lowered = {name: one.requires_grad_() for name, one in lowered.items()}
        found = functional_call(copy.deepcopy(layer), lowered, (seen.float() if exact else seen,))
        gradients.append(torch.autograd.grad(found.float().pow(3).sum(), [seen, *lowered.values()]))

    for expected, found in zip(*gradients, strict=True):
        assert (found.float() - expected.float()).norm() < 1e-2 * expected.float().norm()


@pytest.mark.parametrize("training", [True, False])
def test_numbers_of_images_are_normalised_as_maps_of_a_pixel(training):
    numbers, maps_of = maps()[..., 0, 0], maps()[..., :1, :1]
    ours, theirs = BatchNorm1d(3, 0.3).train(training), BatchNorm2d(3, 0.3).train(training)
    torch.testing.assert_close(ours(numbers), theirs(maps_of)[..., 0, 0])
    lowered = {name: one.bfloat16() for name, one in ours.named_parameters()}
    found = functional_call(ours, lowered, (numbers.bfloat16(),))
    torch.testing.assert_close(found, ours(numbers).bfloat16(), rtol=0.02, atol=0.02)


def test_a_single_number_is_normalised_by_the_running_statistics_which_stay():
    layer = BatchNorm1d(3)
    layer(maps()[..., 0, 0])
    before = copy.deepcopy(layer.state_dict())
    single = maps()[:1, :, 0, 0]

    found = layer(single)

    assert torch.equal(found, layer.eval()(single))
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())
