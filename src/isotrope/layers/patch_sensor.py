"""Square patches of several sizes about a fixation, all with as many pixels: a coarse fovea."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.layers.constants import made_once
from isotrope.layers.looking import in_pixels
from isotrope.layers.sampling_around import sampled_around


class PatchSensor(nn.Module):
    """Patches about a fixation of each image, the larger ones averaged down to the smallest.

    Source: the glimpse sensor of Mnih, Heess, Graves and Kavukcuoglu, "Recurrent Models of Visual
    Attention", NeurIPS 2014, https://arxiv.org/abs/1406.6247. Differs from programs that cut
    patches at whole pixels: the image is sampled bilinearly, so that answers follow the fixation
    without jumps, and with a gradient. Outside the image are zeros.

    Shapes:
        images: ``(batch, channels, height, width)``
        fixations: ``(batch, 2)``: x and y, -1 and 1 at the centres of the outermost pixels
        output: ``(batch, channels * scales, patch, patch)``, the scales of a channel side by side,
            the smallest first

    Args:
        patch: side of each patch as it is returned, and of the smallest in the image, in pixels.
        scales: how many patches.
        growth: how many times larger each is than the one before.

    Raises:
        ValueError: if a number is below 1.
    """

    def __init__(self, patch: int, scales: int = 1, growth: int = 2) -> None:
        super().__init__()
        if min(patch, scales, growth) < 1:
            raise ValueError(f"patches need numbers of 1 or more, got {patch}, {scales}, {growth}")
        self.patch, self.scales, self.growth = patch, scales, growth

    @property
    def half_sides(self) -> list[float]:
        """Of the patches in the image, in pixels."""
        return [self.patch * self.growth**scale / 2 for scale in range(self.scales)]

    def forward(self, images: Tensor, fixations: Tensor) -> Tensor:
        """The patches."""
        centres = in_pixels(fixations, *images.shape[-2:])
        found = []
        for scale in range(self.scales):
            factor = self.growth**scale
            offsets = _offsets(self.patch * factor, centres.dtype, images.device)
            seen = sampled_around(images, centres, offsets)
            found.append(F.avg_pool2d(seen, factor) if factor > 1 else seen)
        return found[0] if len(found) == 1 else torch.stack(found, dim=2).flatten(1, 2)

    def extra_repr(self) -> str:
        """The numbers."""
        return f"patch={self.patch}, scales={self.scales}, growth={self.growth}"


@made_once
def _offsets(side: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Pixels of a patch about its centre, ``(side, side, 2)``."""
    line = torch.arange(side, dtype=dtype, device=device) - (side - 1) / 2
    return torch.stack((line.expand(side, -1), line[:, None].expand(-1, side)), dim=-1)
