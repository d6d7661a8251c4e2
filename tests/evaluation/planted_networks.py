"""Networks that attacks break, and networks that only seem to stand."""

import torch
from torch import nn

from isotrope.datasets.images import Images

CLASSES, SIDE = 10, 8


class Plain(nn.Module):
    """A linear network on pixels; its gradients tell the truth."""

    def __init__(self, seed=0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        weight = torch.randn(CLASSES, SIDE**2, generator=generator)
        self.weight = nn.Parameter(weight / SIDE)

    def forward(self, images):
        return 5 * (images - 0.5).flatten(1) @ self.weight.T


class Rounded(Plain):
    """It sees eight grey values alone: no gradient comes back, and it is no more robust for it."""

    def forward(self, images):
        return super().forward((images * 8).round() / 8)


class Sure(Plain):
    """So sure of itself that the cross-entropy has no gradient in float32."""

    def forward(self, images):
        return 1000 * super().forward(images)


class Chance(Plain):
    """A random part of the pixels is seen, and it says so."""

    def draw(self, generator, count):
        return torch.rand(count, SIDE**2, generator=generator) < 0.5

    def forward(self, images, noise):
        seen = images.flatten(1) * noise + 0.5 * ~noise
        return super().forward(seen)


class Hidden(Plain):
    """A random part of the pixels is seen, and nobody is told."""

    def forward(self, images):
        noise = torch.rand(len(images), SIDE**2) < 0.5
        return super().forward(images.flatten(1) * noise + 0.5 * ~noise)


class Unmoved(Plain):
    """No image changes its answers: it recognises nothing but is never fooled."""

    def forward(self, images):
        return super().forward(images) * 0 + self.weight[:, 0]


def images_of(network, count=60, wrong=5, seed=1):
    """Images with the answers of a plain network as labels, but for the first few."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 1, SIDE, SIDE), generator=generator, dtype=torch.uint8)
    labels = network(images / 255).argmax(dim=1).detach()
    labels[:wrong] = (labels[:wrong] + 1) % CLASSES
    return Images(images, labels)
