"""How many operations of a training step reach a GPU, and that none waits for the host."""

import pytest
import torch
from operations import Operations, of_step
from torch.func import functional_call, stack_module_state, vmap

from isotrope import build_model
from isotrope.layers import forms

PEAKS = ["disco", "ensemble", "hermite", "kanazawa", "standard", "xu", "xu_fixed"]
MODELS = ["conv3d", "energy_pool", "pixel_pool", "slice_pool", "spatial_transform", *PEAKS]
MOST = 200
SORTS = ("sort", "scatter", "index_put", "index_add", "gather_backward")


@pytest.mark.parametrize("rows", [1, 2, 25])
@pytest.mark.parametrize("model", MODELS)
def test_a_step_takes_few_launches_and_never_meets_the_host(model, rows):
    counted = of_step(model, rows)

    assert counted.launches.total() <= MOST
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
