"""Normalisation of images as the first module of a network.

It lies inside the network, so that attacks, exports and evaluations, which all give images in
0..1, meet the network that was trained. Its numbers are saved with the weights.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

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


class Normalised(nn.Module):
    """A network behind a normalisation, with all that the network offers.

    What the network defines besides ``forward`` is found here too: ``features`` and ``loss`` take
    images before the normalisation, names of parameters and buffers are those that they have here,
    and ``get_submodule`` finds the parts of the network by their own names.

    Args:
        normalise: what images go through first.
        network: the network.
    """

    def __init__(self, normalise: nn.Module, network: nn.Module) -> None:
        super().__init__()
        self.normalise = normalise
        self.network = network

    def forward(self, images: Tensor, *noise: Any) -> Any:
        """What the network makes of the normalised images."""
        return self.network(self.normalise(images), *noise)

    def get_submodule(self, target: str) -> nn.Module:
        """A part of the network, or a module by its name here."""
        try:
            return super().get_submodule(target)
        except AttributeError:
            return self.network.get_submodule(target)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            found = getattr(super().__getattr__("network"), name)
        return partial(_OFFERED[name], self.normalise, found) if name in _OFFERED else found


def fit(network: nn.Module, of_training_images: Callable[[], tuple[Tensor, Tensor]]) -> None:
    """Give a network's normalisation the ``statistics`` of the training images, if it wants them.

    Raises:
        ValueError: if a channel has the same value everywhere.
    """
    first = network.normalise if isinstance(network, Normalised) else None
    if isinstance(first, ByValues) and first.of_dataset:
        first.take(*of_training_images())


def take_over(network: nn.Module, trained: nn.Module) -> None:
    """Give a network's normalisation the numbers that another network of its model has."""
    if isinstance(network, Normalised) and isinstance(trained, Normalised):
        network.normalise.load_state_dict(trained.normalise.state_dict())


def _behind(normalise: nn.Module, called: Callable[..., Any], images: Tensor, *rest: Any) -> Any:
    return called(normalise(images), *rest)


def _groups(_: nn.Module, called: Callable[..., Any]) -> dict[str, list[str]]:
    return {group: [f"network.{name}" for name in names] for group, names in called().items()}


def _buffers(_: nn.Module, called: Callable[..., Any], *rest: Any) -> dict[str, Any]:
    return {f"network.{name}": value for name, value in called(*rest).items()}


_OFFERED: dict[str, Callable[..., Any]] = {
    "features": _behind,
    "loss": _behind,
    "parameter_groups": _groups,
    "on_step": _buffers,
    "on_epoch": _buffers,
}


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
