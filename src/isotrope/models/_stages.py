"""Stages of convolutions, batch norm and ReLU, as ``cnn``, ``polar_cnn`` and ``ptn`` have them."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from torch import nn

from isotrope.layers.batch_norm import BatchNorm2d
from isotrope.layers.global_average_pool import GlobalAveragePool
from isotrope.layers.global_max_pool import GlobalMaxPool
from isotrope.settings import List

Pooling = Literal["max", "average"]
Around = Callable[[], nn.Module]  # what pads maps before a convolution without padding


def _three(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Width = Annotated[int, Field(ge=1)]
Stages = Annotated[tuple[List[Width], List[Width], List[Width]], BeforeValidator(_three)]
STAGES = "channels of each convolution, a list for each of the three stages"


def block(
    channels: int,
    width: int,
    kernel_size: int,
    *,
    stride: int = 1,
    batch_norm: bool = True,
    around: Around | None = None,
) -> list[nn.Module]:
    """Convolution, batch norm and ReLU; the convolution has a bias where there is no batch norm.

    Args:
        channels: of the input.
        width: channels of the output.
        kernel_size: in pixels.
        stride: in pixels.
        batch_norm: whether there is one.
        around: pads the maps; left out, zeros do, so that a stride of 1 keeps the size.
    """
    padding = (kernel_size // 2 if kernel_size % 2 else "same") if around is None else 0
    convolution = nn.Conv2d(
        channels, width, kernel_size, stride=stride, padding=padding, bias=not batch_norm
    )
    found: list[nn.Module] = [] if around is None else [around()]
    found += [convolution, BatchNorm2d(width)] if batch_norm else [convolution]
    return [*found, nn.ReLU()]


def stages(
    channels: int,
    widths: Sequence[Sequence[int]],
    kernel_size: int,
    pooling: Pooling,
    *,
    batch_norm: bool = True,
    around: Around | None = None,
) -> list[nn.Sequential]:
    """Blocks by stages, each stage after the first behind a pooling that halves both sides.

    Args:
        channels: of the input.
        widths: channels of each block, by stages.
        kernel_size: as in `block`.
        pooling: between the stages.
        batch_norm: as in `block`.
        around: as in `block`.
    """
    found: list[nn.Sequential] = []
    for stage in widths:
        modules: list[nn.Module] = []
        if found:
            modules.append(nn.MaxPool2d(2) if pooling == "max" else nn.AvgPool2d(2))
        for width in stage:
            modules += block(channels, width, kernel_size, batch_norm=batch_norm, around=around)
            channels = width
        found.append(nn.Sequential(*modules))
    return found


def global_pool(pooling: Pooling) -> nn.Module:
    """Pooling over all but the channels."""
    return GlobalMaxPool() if pooling == "max" else GlobalAveragePool()
