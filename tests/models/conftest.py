"""A small example of every model: the least of some image shapes that it accepts."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from isotrope import registry
from isotrope.datasets.draws import noise_of_images
from isotrope.settings import Settings
from isotrope.training.objective import Objective

SHAPES = [(1, 20, 20), (1, 32, 32), (1, 64, 64), (3, 64, 64), (3, 224, 224)]
CLASSES = 3
OBJECTIVES = {kind: Objective(None, kind) for kind in ("classification", "segmentation")}


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

    @property
    def kind(self) -> str:
        """What the answers are for: classes of images, or of pixels."""
        kind: str = getattr(self.plugin, "kind", "classification")
        return kind

    @property
    def objective(self) -> Objective:
        """What is minimised; a loss of a network's own goes before it."""
        return OBJECTIVES[self.kind]

    @property
    def answer_shape(self) -> tuple[int, ...]:
        """Of the answer to one image."""
        return (CLASSES, *self.image_shape[1:]) if self.kind == "segmentation" else (CLASSES,)

    def params(self) -> Settings:
        """The settings with which the model is tested."""
        params: Settings = self.plugin.Params(**getattr(self.plugin, "EXAMPLE", {}))
        return params

    def build(self, seed: int = 0) -> nn.Module:
        """The network as training would begin with it."""
        torch.manual_seed(seed)
        return self.plugin.build(self.params(), self.image_shape, CLASSES)

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
        """A label for each image, or for each of its pixels."""
        if self.kind == "classification":
            return torch.arange(count) % CLASSES
        pixels = drawn("labels", count, *self.image_shape[1:])
        return (pixels * CLASSES).long()

    def noises(self, network: nn.Module, first: int = 0, count: int = 4) -> tuple[Any, ...]:
        """What a network draws for some images, if it draws anything, as arguments."""
        if not hasattr(network, "draw"):
            return ()
        device = torch.device("cpu")
        return (noise_of_images(network, 1, range(first, first + count), 0, device),)

    def answer(self, network: nn.Module, images: Tensor, first: int = 0) -> Tensor:
        """What a network answers to images, the first of them with this number."""
        answer: Tensor = network(images, *self.noises(network, first, len(images)))
        return answer

    def loss(self, network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        """The loss by which training goes: the network's own, if it has one."""
        noises = self.noises(network, count=len(images))
        return self.objective.measure(network, images, labels, noises).loss


@pytest.fixture(params=registry.names("models"), scope="session")
def example(request: pytest.FixtureRequest) -> Example:
    """Every model in turn."""
    plugin = registry.load("models", request.param)
    for shape in SHAPES:
        example = Example(request.param, plugin, shape)
        try:
            with torch.device("meta"):
                example.build()
        except ValueError:
            continue
        return example
    pytest.fail(f"{request.param} accepts none of the image shapes {SHAPES}")
