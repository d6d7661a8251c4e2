import pytest
import torch

from isotrope.layers import GlobalMaxPool
from isotrope.layers.global_max_pool import GlobalAveragePool


@pytest.mark.parametrize("rest", [(7,), (4, 5), (3, 4, 5)])
def test_each_channel_is_reduced_to_its_largest_value(rest):
    maps = torch.randn(2, 3, *rest, generator=torch.Generator().manual_seed(0))

    assert torch.equal(GlobalMaxPool()(maps), maps.flatten(2).amax(dim=2))


def test_the_gradient_of_a_tie_goes_to_one_position():
    maps = torch.ones(1, 2, 3, 3, requires_grad=True)

    GlobalMaxPool()(maps).sum().backward()

    assert sorted(maps.grad.flatten(2).sum(dim=2).flatten()) == [1, 1]
    assert maps.grad.count_nonzero() == 2


@pytest.mark.parametrize("rest", [(7,), (4, 5), (3, 4, 5)])
def test_each_channel_is_reduced_to_its_mean(rest):
    maps = torch.randn(2, 3, *rest, generator=torch.Generator().manual_seed(0))

    expected = maps.numpy().reshape(2, 3, -1).mean(axis=2)
    torch.testing.assert_close(GlobalAveragePool()(maps), torch.from_numpy(expected))
