"""Pooling over scales: one map for each channel out of the maps at all kernel sizes.

Source: Altstidl et al., "Just a Matter of Scale? Reevaluating Scale Equivariance in Convolutional
Neural Networks", 2022, https://arxiv.org/abs/2211.10288.
"""

from typing import Literal, get_args

import torch
from torch import Tensor, nn

Mode = Literal["pixel", "slice", "energy"]


class ScalePool(nn.Module):
    """Choose among the scales of each channel.

    * ``pixel``: the largest value over the scales, at each pixel by itself.
    * ``slice``: the whole map of the scale that holds the channel's largest value.
    * ``energy``: the whole map of the scale with the largest sum. As published this sum is signed,
      not an energy, and counts the zeros that `SiConv2d` puts around its maps: where sums
      are negative the largest kernel wins, because its map is nearly all zeros.

    Among equals the smallest scale is taken. Gradients pass through the chosen values only.

    ``indices`` holds the scale that the last forward pass chose, counted from 0. It is None
    under `torch.func` transforms and `torch.compile`, whose tensors may not outlive the call.

    Shapes:
        input: ``(batch, channels, scales, height, width)``
        output: ``(batch, channels, height, width)``
        indices: ``(batch, channels, height, width)`` for ``pixel``, else ``(batch, channels)``;
            int64

    Args:
        mode: ``pixel``, ``slice`` or ``energy``.

    Raises:
        ValueError: if the mode is unknown, or the input has not five dimensions.
    """

    indices: Tensor | None

    def __init__(self, mode: Mode) -> None:
        super().__init__()
        if mode not in get_args(Mode):
            raise ValueError(f"unknown mode '{mode}'; choose from {', '.join(get_args(Mode))}")
        self.mode = mode
        self.indices = None

    def forward(self, maps: Tensor) -> Tensor:
        """One map for each channel."""
        if maps.ndim != 5:
            raise ValueError(
                "ScalePool needs maps of (batch, channels, scales, height, width), "
                f"got {maps.ndim} dimensions"
            )
        if self.mode == "pixel":
            pooled, indices = maps.max(dim=2)
        else:
            scores = maps.detach().flatten(-2)
            score = scores.amax(dim=-1) if self.mode == "slice" else scores.sum(dim=-1)
            indices = score.argmax(dim=2)
            pooled = maps.take_along_dim(indices[:, :, None, None, None], dim=2).squeeze(2)
        self.indices = indices if _outlives_the_call(indices) else None
        return pooled

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        return f"mode={self.mode!r}"


def _outlives_the_call(tensor: Tensor) -> bool:
    """Whether a tensor is a plain one. A transform's wrapper is dead once the transform ends."""
    if torch.compiler.is_compiling():
        return False
    return not torch._C._functorch.is_functorch_wrapped_tensor(tensor)  # no public way as of 2.13
