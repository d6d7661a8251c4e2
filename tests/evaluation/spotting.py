"""A network with a moving fovea whose hope is its policy, and the images for it."""

from typing import Any

import torch
from torch import Tensor, nn

from isotrope.datasets.images import Images
from isotrope.layers.looking import Looked
from isotrope.measuring.networks import Networks

SIDE, LEVELS = 9, (80, 120, 160, 200, 240)


def spots(count: int, seed: int = 0) -> Images:
    """Black images with one bright pixel off the centre; the class is how bright it is."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % len(LEVELS)
    place = torch.randint(0, SIDE * SIDE - 1, (count,), generator=generator)
    place += (place >= SIDE * SIDE // 2).long()
    images = torch.zeros(count, SIDE * SIDE, dtype=torch.uint8)
    images[torch.arange(count), place] = torch.tensor(LEVELS, dtype=torch.uint8)[labels]
    return Images(images.view(count, 1, SIDE, SIDE), labels)


class Spotter(nn.Module):
    """Begins at the centre, then looks at the brightest pixel, and adds up what it was sure of.

    It knows the class of the pixel that it looks at, if that is bright, and adds ``strength`` to
    its logit with each glimpse; until then it guesses the last class.
    """

    outline = "squares"

    def __init__(self, glimpses: int = 3, strength: float = 1.0) -> None:
        super().__init__()
        self.glimpses, self.strength, self.detach_fixations = glimpses, strength, False

    def _path(self, images: Tensor, noise: Tensor | None, glimpses: int) -> Tensor:
        place = images[:, 0].flatten(1).argmax(dim=1)
        there = torch.stack((place % SIDE, place // SIDE), dim=-1) / (SIDE - 1) * 2 - 1
        path = there[:, None].repeat(1, glimpses, 1)
        path[:, 0] = 0
        if noise is not None:
            path = torch.where(noise[:, :glimpses, None] < 0.5, path, torch.zeros_like(path))
        return path

    def look(
        self,
        images: Tensor,
        noise: Tensor | None = None,
        glimpses: int | None = None,
        fixations: Tensor | None = None,
    ) -> Looked:
        if fixations is None:
            fixations = self._path(images, noise, glimpses or self.glimpses)
        x, y = ((fixations + 1) * (SIDE - 1) / 2).round().long().unbind(dim=-1)
        seen = images[torch.arange(len(images))[:, None], 0, y, x]
        levels = torch.tensor(LEVELS) / 255
        sure = ((seen[..., None] - levels).abs() < 0.01).float() * self.strength
        guess = torch.tensor([0.0] * (len(LEVELS) - 1) + [0.1])
        return Looked(sure.cumsum(dim=1) + guess, fixations, fixations, seen)

    def rings(self, height: int, width: int) -> Tensor:
        del height, width
        return torch.tensor([0.5])

    def forward(self, images: Tensor, noise: Tensor | None = None) -> Tensor:
        return self.look(images, noise).logits[:, -1]


class Drowsy(Spotter):
    """The same, but each glimpse goes to the centre with a probability of a half."""

    def draw(self, generator: torch.Generator, count: int) -> Tensor:
        return torch.rand(count, self.glimpses, generator=generator)


def networks_of(kind: type[Spotter] = Spotter, **settings: Any) -> Networks:
    networks = {seed: kind(**settings) for seed in (1, 4)}
    return Networks(networks, torch.device("cpu"), draws=10)
