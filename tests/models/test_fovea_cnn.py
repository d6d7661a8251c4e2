"""One log-polar glimpse at the centre."""

import pytest
import torch

from isotrope import build_model

SMALL = {
    "configuration": "digits",
    "radii": 6,
    "angles": 8,
    "what_channels": [4, 6],
    "what_kernels": [[3, 3], [3, 3]],
    "what_poolings": [[2, 1], [3, 8]],
}


def drawn(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("settings", [{}, {"norm": "layer", "head_hidden": 5, "linear_rows": 6}])
@torch.no_grad()
def test_quarter_turns_about_the_centre_change_no_answer(settings):
    torch.manual_seed(0)
    network = build_model("fovea_cnn", (1, 17, 17), 4, **SMALL | settings).double().eval()
    images = drawn(2, 1, 17, 17)
    answers = network(images)
    for turns in (1, 2, 3):
        turned = network(images.rot90(turns, dims=(-2, -1)))
        torch.testing.assert_close(turned, answers, rtol=0, atol=1e-12)
    assert (network(images.transpose(-2, -1)) - answers).abs().max() > 1e-6


@torch.no_grad()
def test_it_sees_with_the_fovea_and_the_stream_of_ram_lpm():
    torch.manual_seed(0)
    control = build_model("fovea_cnn", (1, 96, 96), 10).eval()
    network = build_model("ram_lpm", (1, 96, 96), 10).eval()
    control.maps.load_state_dict(network.cnn_what.state_dict())
    seen = []
    network.cnn_what.register_forward_hook(lambda _, given, found: seen.append(found))
    control.maps.register_forward_hook(lambda _, given, found: seen.append(found))
    images = drawn(1, 1, 96, 96).float()
    network.look(images, glimpses=1)
    control(images)
    assert torch.equal(seen[0], seen[1])
    counted = sum(weight.numel() for weight in control.parameters())
    assert counted == 176_544 + 3 * 64 * 10 + 10
