"""Normalisation of images as the first module of a network.

It lies inside the network, so that attacks, exports and evaluations, which all give images in
0..1, meet the network that was trained. Its numbers are saved with the weights.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from isotrope.layers.preceded import Preceded

_EPSILON = 1e-8  # of a variance; that of two neighbouring grey values is 4e-6


class ByValues(nn.Module):
    """Subtract a mean and divide by a standard deviation, one of each for every channel.

    Shapes:
        input and output: ``(batch, channels, height, width)``

    Args:
        channels: of the images.
        mean: one number for each channel; left out, it is 0 until ``take`` is given that
            of the training images.
        std: the same, above 0; left out, it is 1 until then.

    Raises:
        ValueError: if there are not as many numbers as channels.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, channels: int, mean: Sequence[float] | None = None, std: Sequence[float] | None = None
    ) -> None:
        super().__init__()
        self.of_dataset = mean is None
        self.register_buffer("mean", _column(channels, "mean", mean, 0.0))
        self.register_buffer("std", _column(channels, "std", std, 1.0))

    def forward(self, images: Tensor) -> Tensor:
        """Images with the mean taken away, divided by the standard deviation."""
        mean, std = self.mean.to(images.dtype), self.std.to(images.dtype)
        return (images - mean) / std

    def of_black(self, images: Tensor) -> Tensor:
        """What black pixels become, ``(1, channels)``."""
        mean, std = self.mean.to(images.dtype), self.std.to(images.dtype)
        return (-mean / std).flatten()[None]

    def take(self, mean: Tensor, std: Tensor) -> None:
        """Take the numbers of the training images, ``(channels,)`` each.

        Raises:
            ValueError: if a channel has the same value everywhere.
        """
        if not bool((std > 0).all()):
            raise ValueError("a channel of the training images has one value only, and no std")
        self.mean.copy_(mean[:, None, None])
        self.std.copy_(std[:, None, None])


class ByImage(nn.Module):
    """Give each channel of each image the mean 0 and the variance 1; a plain one becomes 0.

    Shapes:
        input and output: ``(batch, channels, height, width)``
    """

    def forward(self, images: Tensor) -> Tensor:
        """Each channel of each image with the mean 0 and the variance 1."""
        variance, mean = torch.var_mean(images, dim=(-2, -1), correction=0, keepdim=True)
        return (images - mean) * torch.rsqrt(variance + _EPSILON)

    def of_black(self, images: Tensor) -> Tensor:
        """What black pixels of each image become, ``(batch, channels)``."""
        variance, mean = torch.var_mean(images, dim=(-2, -1), correction=0)
        return -mean * torch.rsqrt(variance + _EPSILON)


class Normalised(Preceded):
    """A network behind a normalisation, with all that the network offers.

    A network with a true ``takes_background`` is told by the keyword ``background`` what black
    pixels have become, ``(batch, channels)`` or ``(1, channels)``.

    Args:
        normalise: what images go through first.
        network: the network.
    """

    def __init__(self, normalise: nn.Module, network: nn.Module) -> None:
        super().__init__("normalise", normalise, network)

    def told(self, images: Tensor) -> dict[str, Tensor]:
        """What black pixels have become, if the network asks for it."""
        if not getattr(self.network, "takes_background", False):
            return {}
        normalise: Any = self.first
        return {"background": normalise.of_black(images)}


def fit(network: nn.Module, of_training_images: Callable[[], tuple[Tensor, Tensor]]) -> None:
    """Give a network's normalisation the ``statistics`` of the training images, if it wants them.

    Raises:
        ValueError: if a channel has the same value everywhere.
    """
    first = network.first if isinstance(network, Normalised) else None
    if isinstance(first, ByValues) and first.of_dataset:
        first.take(*of_training_images())


def take_over(network: nn.Module, trained: nn.Module) -> None:
    """Give a network's normalisation the numbers that another network of its model has."""
    if isinstance(network, Normalised) and isinstance(trained, Normalised):
        network.first.load_state_dict(trained.first.state_dict())


def statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel of images in 0..1, float64 on the CPU.

    They are those of exact sums, and so the same on every device and in any order.

    Args:
        images: ``(n, channels, height, width)`` uint8 in 0..255.
    """
    count = images.numel() // images.shape[1]
    values = torch.arange(256, dtype=torch.int64)
    means, deviations = [], []
    for channel in range(images.shape[1]):
        counts = torch.bincount(images[:, channel].flatten(), minlength=256).cpu()
        total, squares = int((counts * values).sum()), int((counts * values**2).sum())
        means.append(total / count / 255)
        deviations.append((count * squares - total**2) ** 0.5 / count / 255)
    return torch.tensor(means, dtype=torch.float64), torch.tensor(deviations, dtype=torch.float64)


def _column(channels: int, name: str, given: Sequence[float] | None, otherwise: float) -> Tensor:
    values = [otherwise] * channels if given is None else list(given)
    if len(values) != channels:
        raise ValueError(
            f"normalise.{name} has {len(values)} numbers, and the images {channels} channels"
        )
    return torch.tensor(values)[:, None, None]
