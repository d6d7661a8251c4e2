"""Networks on the meta device: built without drawing values, asked without computing."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from isotrope.params import meta_device

IMAGES = (3, 8, 8)


class Counted(TorchDispatchMode):
    """Records the operations that reach a device."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


class Drawn(nn.Module):
    """Initial values of every way to draw them, by position and by name."""

    def __init__(self):
        super().__init__()
        self.convolution, self.linear = nn.Conv2d(3, 4, 3), nn.Linear(4, 5)
        self.weight = nn.Parameter(torch.empty(4, 4))
        for draw in (nn.init.normal_, nn.init.xavier_uniform_, nn.init.kaiming_normal_):
            draw(self.weight)
            draw(tensor=self.weight)
        self.weight.data.uniform_(-1, 1)


def block(channels=4, **settings):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(channels, **settings), nn.ReLU())


def test_no_initial_value_is_drawn():
    with Counted() as counted:
        network = meta_device.built(Drawn)
    assert all(one.is_meta for one in network.parameters())
    assert not [name for name in counted.names if name in ("uniform_", "normal_")]


def test_what_leaves_the_shape_as_it_is_is_not_computed_on_the_meta_device():
    network = meta_device.built(block)
    with Counted() as counted:
        answer = meta_device.answer(network, IMAGES, "meta")
    assert answer.shape == (2, 4, 6, 6)
    assert "conv2d" in counted.names
    assert not [name for name in counted.names if "batch_norm" in name or "relu" in name]


def test_on_the_cpu_all_is_computed():
    torch.manual_seed(0)
    network = block()
    network[0].bias.data.fill_(-1.0)
    answer = meta_device.answer(network, IMAGES, "cpu")
    assert torch.equal(answer, torch.zeros(2, 4, 6, 6))


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_a_normalisation_of_other_channels_fails(device):
    network = meta_device.built(lambda: block(5)) if device == "meta" else block(5)
    with pytest.raises(RuntimeError):
        meta_device.answer(network, IMAGES, device)


@pytest.mark.parametrize("other", ["mean", "variance", "weight", "bias"])
def test_each_part_of_a_normalisation_must_have_its_channels(other):
    parts = {name: torch.empty(4, device="meta") for name in ("mean", "variance", "weight", "bias")}
    maps = torch.empty(2, 4, 6, 6, device="meta")
    with meta_device.shapes_alone():
        assert F.batch_norm(maps, *parts.values()) is maps
        parts[other] = torch.empty(3, device="meta")
        with pytest.raises(RuntimeError):
            F.batch_norm(maps, *parts.values())


def test_a_normalisation_by_the_batch_itself_is_asked():
    network = meta_device.built(lambda: block(track_running_stats=False))
    with Counted() as counted:
        meta_device.answer(network, IMAGES, "meta")
    assert [name for name in counted.names if "batch_norm" in name]
