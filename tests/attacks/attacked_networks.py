"""Networks that the tests attack."""

import torch
from torch import nn
from torch.nn import functional as F


class Linear(nn.Module):
    """Logits ``pixels @ rows.T + bias``."""

    def __init__(self, rows, bias=0.0):
        super().__init__()
        self.rows, self.bias = nn.Parameter(rows), bias

    def forward(self, images):
        return images.flatten(1) @ self.rows.T + self.bias


def between_two(seed, side=4, dtype=torch.float64):
    """A linear network with two classes, and its slope: class 1 against class 0."""
    generator = torch.Generator().manual_seed(seed)
    slope = torch.randn(side * side, generator=generator, dtype=dtype)
    return Linear(torch.stack((torch.zeros_like(slope), slope))), slope


class Small(nn.Module):
    """A convolution, a hidden layer, ten classes; weights drawn from a seed."""

    def __init__(self, seed=0, channels=1, side=8):
        super().__init__()
        torch.manual_seed(seed)
        self.first = nn.Conv2d(channels, 6, 3, padding=1)
        self.second = nn.Linear(6 * side * side // 4, 10)

    def forward(self, images):
        hidden = F.avg_pool2d(self.first(images).relu(), 2)
        return 3 * self.second(hidden.flatten(1))


class Masked(nn.Module):
    """A network behind a rounding to two grey values, whose gradient is 0 everywhere."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, images):
        return self.inner((images * 2).round() / 2)


class RandomDefence(nn.Module):
    """A network that adds noise of its own to the images."""

    def __init__(self, inner, shape, strength):
        super().__init__()
        self.inner, self.shape, self.strength = inner, shape, strength

    def draw(self, generator, count):
        return torch.randn(count, *self.shape, generator=generator)

    def forward(self, images, noise):
        return self.inner(images + self.strength * noise.to(images.dtype))


class Policy(nn.Module):
    """A network whose only hope is where it looks: a lit pixel at the fixation means class 1.

    The fixation is the weighted mean of the image along x; the image is read there by a smooth
    window, so that moving the fixation changes the answer.
    """

    def __init__(self):
        super().__init__()
        self.detach_fixations = False

    def forward(self, images):
        row = images.mean(dim=(1, 2))
        places = torch.linspace(-1, 1, row.shape[1], dtype=images.dtype)
        fixation = (4 * (row * places).sum(dim=1) / row.sum(dim=1)).tanh()
        if self.detach_fixations:
            fixation = fixation.detach()
        window = (-8 * (places - fixation[:, None]).square()).exp()
        seen = (window * places).sum(dim=1) / window.sum(dim=1)
        return torch.stack((-seen, seen), dim=1)


def some_images(count, seed=0, channels=1, side=8, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, channels, side, side, generator=generator, dtype=dtype)


def own_labels(network, images):
    """What a network that draws nothing says itself."""
    with torch.no_grad():
        return network(images).argmax(dim=1)
