"""A small example of every model: the least of some image shapes that it accepts."""

from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from isotrope import registry

SHAPES = [(1, 20, 20), (1, 32, 32), (1, 64, 64), (3, 64, 64), (3, 224, 224)]
CLASSES = 3


def drawn(name: str, *shape: int) -> Tensor:
    """Numbers in 0..1 that depend on a name only: the same on every platform and version."""
    bits = np.random.Philox(key=int.from_bytes(name.encode()[:8], "big")).random_raw(
        int(np.prod(shape))
    )
    return torch.from_numpy((bits >> np.uint64(11)) * 2.0**-53).reshape(shape)


@dataclass(frozen=True)
class Example:
    """One model at a small image shape."""

    name: str
    plugin: ModuleType
    image_shape: tuple[int, int, int]

    def build(self, seed: int = 0) -> nn.Module:
        """The network as training would begin with it."""
        torch.manual_seed(seed)
        return self.plugin.build(self.plugin.Params(), self.image_shape, CLASSES)

    def build_drawn(self, key: str = "weights") -> nn.Module:
        """The network in float64 with weights that no initialisation chose."""
        network = self.build().double()
        with torch.no_grad():
            for i, (_, weight) in enumerate(sorted(network.named_parameters())):
                reach = (weight.numel() / len(weight)) ** -0.5 if weight.ndim > 1 else 0.1
                weight.copy_((2 * drawn(f"{i}{key}", *weight.shape) - 1) * reach)
        return network

    def images(self, count: int = 4) -> Tensor:
        """Images in float64."""
        return drawn("images", count, *self.image_shape)

    def labels(self, count: int = 4) -> Tensor:
        """A label for each image."""
        return torch.arange(count) % CLASSES


@pytest.fixture(params=registry.names("models"), scope="session")
def example(request: pytest.FixtureRequest) -> Example:
    """Every model in turn."""
    plugin = registry.load("models", request.param)
    for shape in SHAPES:
        try:
            with torch.device("meta"):
                plugin.build(plugin.Params(), shape, CLASSES)
        except ValueError:
            continue
        return Example(request.param, plugin, shape)
    pytest.fail(f"{request.param} accepts none of the image shapes {SHAPES}")
