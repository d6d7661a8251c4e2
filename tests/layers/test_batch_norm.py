import copy

import pytest
import torch
from torch import nn
from torch.func import functional_call

from isotrope.layers.batch_norm import BatchNorm2d


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
