"""How many operations of a training step reach a GPU, and that none waits for the host."""

import math
from contextlib import nullcontext

import operations
import pytest
import torch
from operations import Operations, of_step
from torch.func import functional_call, stack_module_state, vmap

from isotrope import build_model, registry
from isotrope.layers import forms

PEAKS = ["disco", "ensemble", "hermite", "kanazawa", "standard", "xu", "xu_fixed"]
OTHERS = ["conv3d", "energy_pool", "pixel_pool", "slice_pool", "spatial_transform"]
MOST = dict.fromkeys([*PEAKS, *OTHERS], 200)
MOST["lp_resnet"] = 1500  # 20 layers
MOST["shift_resnet"] = 1200  # 18 layers, circular borders
MOST["deeplabv3plus"] = 1700  # these, six more and five up-samplings
MOST["ram_lpm"] = 12_500  # 20 glimpses, each through 11 convolutions and two memories
MOST["resnet50"] = 1200  # 50 layers
MOST["scattering_linear"] = 1350  # 25 of them transform their images in pieces
MOST["scattering_cnn"] = 2000  # 17 layers of 512 channels, whose stacks go in pieces
MOST["wide_cnn"] = 1900  # the same at full resolution
MOST_OF_OTHERS = 1000  # until a new model states its own
IN_PIECES = ["deep_lp", "lp_resnet", "single_lp"]  # each fills the memory that a step is given
SORTS = ("sort", "scatter", "index_put", "index_add", "gather_backward")


@pytest.mark.parametrize("rows", [1, 2, 25])
@pytest.mark.parametrize("model", registry.names("models"))
def test_a_step_takes_few_launches_and_never_meets_the_host(model, rows):
    with forms.memory(2**60) if model in IN_PIECES else nullcontext():
        counted = of_step(model, rows)

    assert counted.launches.total() <= MOST.get(model, MOST_OF_OTHERS)
    assert not counted.meets_the_host


@pytest.mark.parametrize("model", PEAKS)
def test_no_gradient_of_a_network_sorts_or_scatters(model):
    networks = [build_model(model, (1, 64, 64), 36).to("meta") for _ in range(2)]
    images = torch.empty(16, 1, 64, 64, device="meta")
    rows, buffers = stack_module_state(networks)

    with forms.like_a_gpu(), Operations() as counted:
        vmap(lambda *row: functional_call(networks[0], row, images))(rows, buffers).sum().backward()

    assert "bmm" in counted.launches
    assert not [name for name in counted.launches if any(word in name for word in SORTS)]


def test_costs_are_the_products_and_the_bytes_that_operations_read_and_write():
    left, right = torch.empty(3, 4, device="meta"), torch.empty(4, 5, device="meta")
    found = torch.empty(3, 5, device="meta")

    with Operations() as counted:
        torch.mm(left, right, out=found)
        torch.bmm(left.T.expand(7, 4, 3), left.view(1, 3, 4).expand(7, 3, 4))
        found.mul_(2)

    assert counted.flops == {"mm": 2 * 3 * 4 * 5, "bmm": 7 * 2 * 4 * 3 * 4}
    assert counted.moved["mm"] == 4 * (3 * 4 + 4 * 5 + 3 * 5)
    assert counted.moved["bmm"] == 4 * (12 + 12 + 7 * 16)
    assert counted.moved["mul_"] == 4 * 2 * 15
    assert math.isclose(operations.milliseconds(45e12, 3e12), 2000)


def test_costs_are_said_for_each_seed(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["", "standard", "--rows", "1", "2", "--costs", "--names", "1"])

    operations.main()

    said = capsys.readouterr().out.splitlines()
    one, two = (float(line.split()[0]) for line in said if line.endswith("ms: all"))
    assert 0 < two < 2 * one
    assert len(said) == 2 + 2 * (1 + 1 + 2)
