"""Pooling over scales: one map for each channel out of the maps at all kernel sizes.

Source: Altstidl et al., "Just a Matter of Scale? Reevaluating Scale Equivariance in Convolutional
Neural Networks", 2022, https://arxiv.org/abs/2211.10288.
Differs from the published layer: given the convolution, it never holds the maps of all sizes.
"""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from isotrope.layers.scaled_convolution import SiConv2d
from isotrope.layers.scaled_pooling import (
    Score,
    chosen_maps,
    largest_over_scales,
    peak_places,
    pool_at_once,
    response_at,
    scale_scores,
)
from isotrope.layers.scales_at_once import suits

Mode = Literal["pixel", "slice", "energy"]
Statistic = Literal["signed_sum", "valid_mean", "valid_mean_square"]
_SCORES: dict[Statistic, Score] = {
    "signed_sum": "sum",
    "valid_mean": "mean",
    "valid_mean_square": "mean_square",
}


class ScalePool(nn.Module):
    """Choose among the scales of each channel.

    * ``pixel``: the largest value over the scales, at each pixel by itself.
    * ``slice``: the whole map of the scale that holds the channel's largest value.
    * ``energy``: the whole map of the scale with the largest sum. As published this sum is signed,
      not an energy, and counts the zeros that `SiConv2d` puts around its maps: where sums
      are negative the largest kernel wins, because its map is nearly all zeros. Other statistics
      look only at what lies inside the frames: the mean, or the mean square.

    Among equals the smallest scale is taken. Gradients pass through the chosen values only.

    Called with a convolution as well, the pool takes that one's input instead of its output. The
    values are the same up to rounding, at a fraction of the time and memory. Where kernels see
    zeros only, as on a black background, they are then equal at all scales, as published. In maps
    that were computed before, rounding may tell them apart; so it may, with gradients, those of
    single pixels, of which the value is the same.

    ``indices`` holds the scale that the last forward pass chose, counted from 0. It is None
    under `torch.func` transforms and `torch.compile`, whose tensors may not outlive the call. The
    part ``choice`` is handed the same indices and returns them: a hook sees them there always.

    Shapes:
        input: ``(batch, channels, scales, height, width)``
        output: ``(batch, channels, height, width)``
        indices: ``(batch, channels, height, width)`` for ``pixel``, else ``(batch, channels)``;
            int64

    Args:
        mode: ``pixel``, ``slice`` or ``energy``.
        statistic: what ``energy`` compares: ``signed_sum`` as published, ``valid_mean`` or
            ``valid_mean_square``.
        frames: width of the frame at each scale, in pixels, which ``energy`` leaves out for the
            other statistics; that of scale ``i`` is ``i`` unless said otherwise.

    Raises:
        ValueError: if the mode or the statistic is unknown, the input has not five dimensions, or
            not as many scales as there are frames.
    """

    indices: Tensor | None

    def __init__(
        self,
        mode: Mode = "pixel",
        *,
        statistic: Statistic = "signed_sum",
        frames: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        for what, name, known in (("mode", mode, Mode), ("statistic", statistic, Statistic)):
            if name not in get_args(known):
                choices = ", ".join(get_args(known))
                raise ValueError(f"unknown {what} '{name}'; choose from {choices}")
        self.mode = mode
        self.statistic = statistic
        self.frames = None if frames is None else tuple(frames)
        self.choice = nn.Identity()
        self.indices = None

    def forward(self, maps: Tensor, convolution: SiConv2d | None = None) -> Tensor:
        """One map for each channel, of ``maps`` or of what the convolution makes of them."""
        if convolution is not None:
            pooled, indices = self._of_convolution(maps, convolution)
        elif maps.ndim != 5:
            raise ValueError(
                "ScalePool needs maps of (batch, channels, scales, height, width), "
                f"got {maps.ndim} dimensions"
            )
        elif self.mode == "pixel":
            pooled, indices = maps.max(dim=2)
        else:
            indices = self._scores(maps.detach()).argmax(dim=2)
            pooled = maps.take_along_dim(indices[:, :, None, None, None], dim=2).squeeze(2)
        indices = self.choice(indices)
        self.indices = indices if _outlives_the_call(indices) else None
        return pooled

    def peak(self, images: Tensor, convolution: SiConv2d) -> Tensor:
        """The largest value of each channel of what ``forward`` returns.

        Its gradient reaches one window of each image. Where that is can be found without a
        gradient; then the windows alone take part. ``indices`` stay as they are.

        Shapes:
            images: ``(batch, in_channels, height, width)``
            output: ``(batch, channels)``
        """
        if suits(images):
            score = None if self.mode == "pixel" else self._score
            scale, place = peak_places(images, convolution, score)
            columns = images.shape[-1] - convolution.kernel_size + 1
            return response_at(images, convolution, scale, place // columns, place % columns)
        with torch.no_grad():
            pooled, scale = self._of_convolution(images.detach(), convolution)
            place = pooled.flatten(2).argmax(dim=-1)
            if self.mode == "pixel":
                scale = scale.flatten(2).gather(2, place[..., None])[..., 0]
        across = pooled.shape[-1]
        return response_at(images, convolution, scale, place // across, place % across)

    def _of_convolution(self, images: Tensor, convolution: SiConv2d) -> tuple[Tensor, Tensor]:
        """The pooled maps and the indices."""
        if suits(images):
            score = None if self.mode == "pixel" else self._score
            return pool_at_once(images, convolution, score)
        if self.mode == "pixel":
            return largest_over_scales(images, convolution)
        indices = scale_scores(images, convolution, self._score).argmax(dim=2)
        return chosen_maps(images, convolution, indices), indices

    @property
    def _score(self) -> Score:
        """What a scale is chosen by, where not each pixel chooses for itself."""
        return "largest" if self.mode == "slice" else _SCORES[self.statistic]

    def _scores(self, maps: Tensor) -> Tensor:
        """What a scale is chosen by, ``(batch, channels, scales)``."""
        if self.mode == "slice":
            return maps.flatten(-2).amax(dim=-1)
        if self.statistic == "signed_sum":
            excluded = maps.isneginf()
            return maps.masked_fill(excluded, 0).flatten(-2).sum(dim=-1)
        scales, height, width = maps.shape[2:]
        frames = self.frames or range(scales)
        if len(frames) != scales:
            raise ValueError(f"ScalePool knows {len(frames)} frames, got maps of {scales} scales")
        inside = [
            maps[:, :, i, frame : height - frame, frame : width - frame].flatten(-2)
            for i, frame in enumerate(frames)
        ]
        if self.statistic == "valid_mean_square":
            inside = [maps.square() for maps in inside]
        return torch.stack([maps.mean(dim=-1) for maps in inside], dim=-1)

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        return f"mode={self.mode!r}" + (
            f", statistic={self.statistic!r}" if self.mode == "energy" else ""
        )


def _outlives_the_call(tensor: Tensor) -> bool:
    """Whether a tensor is a plain one. A transform's wrapper is dead once the transform ends."""
    if torch.compiler.is_compiling():
        return False
    return not torch._C._functorch.is_functorch_wrapped_tensor(tensor)  # no public way as of 2.13
