"""Scaled layers under ``torch.compile`` with its usual backend, which writes C++ for a CPU."""

import copy
import os
import shutil

import pytest
import torch
from torch import Tensor, nn

from isotrope.layers import ScalePool, SiConv2d
from isotrope.layers.scale_pool import Mode


class BothWays(nn.Module):
    """A pool of maps, and one that is given the convolution, as models have it.

    Torch 2.11 and 2.12 write C++ for a slice of maps that no compiler takes; 2.13 does not.
    """

    def __init__(self) -> None:
        super().__init__()
        self.convolution = SiConv2d(2, 3, 4, 3)
        mode: Mode = "pixel" if torch.__version__ < "2.13" else "slice"
        self.of_maps, self.of_images = ScalePool(mode), ScalePool("pixel")

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.convolution(images)
        return self.of_maps(maps), self.of_images(images, self.convolution)


def values_and_gradients(network: nn.Module, images: Tensor) -> list[Tensor]:
    inputs = [images.clone().requires_grad_(), *network.parameters()]
    found = network(inputs[0])
    total = sum(one.square().sum() for one in found)
    return [*found, *torch.autograd.grad(total, inputs)]


@pytest.mark.filterwarnings("ignore:`torch.jit.script_method`:DeprecationWarning")  # its own
@pytest.mark.timeout(1800)  # compiles for half a minute of processor time
@pytest.mark.skipif(
    shutil.which(os.environ.get("CXX", "g++")) is None, reason="needs a compiler for C++"
)
def test_what_is_compiled_to_c_has_the_same_values_and_gradients(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))  # else an earlier run's is taken
    torch.compiler.reset()
    torch.manual_seed(0)
    network, images = BothWays(), torch.rand(2, 2, 10, 11)
    compiled = torch.compile(copy.deepcopy(network), fullgraph=True)

    found = values_and_gradients(compiled, images)

    expected = values_and_gradients(network, images)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert list(tmp_path.rglob("*.so")), "nothing was compiled"
