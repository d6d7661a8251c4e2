"""Convolutions over log-polar glimpses, as RAM-LPM and ``fovea_cnn`` have them."""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import BeforeValidator, Field
from torch import nn

from isotrope.layers.batch_norm import BatchNorm1d, BatchNorm2d
from isotrope.layers.pole_padding import PolePadding
from isotrope.settings import List

MOMENTUM = 0.01  # of all batch norms, as published

Norm = Literal["batch", "layer"]
Pair = tuple[int, int]
_Number = Annotated[int, Field(ge=1)]
Pairs = List[
    Annotated[
        tuple[_Number, _Number],
        BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
    ]
]


class Stack(NamedTuple):
    """Layers of a stack, an entry for each.

    Args:
        channels: of the outputs.
        kernels: height and width, in radii and angles.
        poolings: maxima over so many radii and angles.
    """

    channels: Sequence[int]
    kernels: Sequence[Pair]
    poolings: Sequence[Pair]

    def size(self, height: int, width: int, name: str) -> tuple[int, int]:
        """Radii and angles that remain of a glimpse.

        Raises:
            ValueError: if the entries are not as many, nothing remains, or a kernel reaches
                through the pole of a map whose angles have no opposite ones.
        """
        counts = [len(one) for one in self]
        if len(set(counts)) > 1:
            raise ValueError(
                f"{name} has {counts[0]} channels, {counts[1]} kernels and {counts[2]} poolings; "
                "each layer needs one of each"
            )
        for kernel, (rows, columns) in zip(self.kernels, self.poolings, strict=True):
            if kernel[0] > 1 and width % 2:
                raise ValueError(
                    f"{name} meets a map of {width} angles, which have no opposite ones; their "
                    "number must be even before each kernel of several radii"
                )
            height, width = height // rows, width // columns
        if min(height, width) < 1:
            raise ValueError(f"the poolings of {name} leave nothing of the glimpse")
        return height, width


def polar_stack(channels: int, stack: Stack, norm: Norm, legacy_pole_pad: bool) -> nn.Sequential:
    """Layers of pole padding, convolution, pooling, rectifier and norm.

    Args:
        channels: of a glimpse.
        stack: the layers.
        norm: ``batch``; or ``layer``, which treats each glimpse of each image by itself.
        legacy_pole_pad: see `PolePadding`.
    """
    modules: list[nn.Module] = []
    for width, kernel, pooling in zip(*stack, strict=True):
        modules += [PolePadding(kernel, legacy_pole_pad), nn.Conv2d(channels, width, kernel)]
        if pooling != (1, 1):
            modules.append(nn.MaxPool2d(pooling))
        modules += [nn.ReLU(), norm_of_maps(norm, width)]
        channels = width
    return nn.Sequential(*modules)


def norm_of_maps(norm: Norm, channels: int) -> nn.Module:
    """A norm of maps, ``(batch, channels, height, width)``."""
    return BatchNorm2d(channels, MOMENTUM) if norm == "batch" else nn.GroupNorm(1, channels)


def norm_of_numbers(norm: Norm, numbers: int) -> nn.Module:
    """A norm of numbers, ``(batch, numbers)``."""
    return BatchNorm1d(numbers, MOMENTUM) if norm == "batch" else nn.LayerNorm(numbers)
