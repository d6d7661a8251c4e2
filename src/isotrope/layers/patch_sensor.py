"""Square patches of several sizes about a fixation, all with as many pixels: a coarse fovea."""

from collections.abc import Sequence

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
        return self.patches(self.levels(images), fixations)

    def levels(self, images: Tensor) -> list[Tensor]:
        """The images, and their means over squares, for all glimpses at them.

        The mean of samples a pixel apart is a sample of means: that of a square of n x n pixels
        lies (n - 1) / 2 pixels beyond the first of these, and there are n - 1 more of them along
        each side.
        """
        found = []
        for scale in range(self.scales):
            side = self.growth**scale
            padded = F.pad(images, (side - 1,) * 4) if side > 1 else images
            found.append(F.avg_pool2d(padded, side, stride=1) if side > 1 else images)
        return found

    def patches(self, levels: Sequence[Tensor], fixations: Tensor) -> Tensor:
        """The patches of images whose `levels` are known."""
        centres = in_pixels(fixations, *levels[0].shape[-2:])
        found = []
        for scale, level in enumerate(levels):
            factor = self.growth**scale
            offsets = _offsets(self.patch, factor, centres.dtype, level.device)
            found.append(sampled_around(level, centres + (factor - 1) / 2, offsets))
        return found[0] if len(found) == 1 else torch.stack(found, dim=2).flatten(1, 2)

    def extra_repr(self) -> str:
        """The numbers."""
        return f"patch={self.patch}, scales={self.scales}, growth={self.growth}"


@made_once
def _offsets(side: int, factor: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Where a patch is sampled about its centre, ``(side, side, 2)``, in pixels."""
    line = factor * (torch.arange(side, dtype=dtype, device=device) - (side - 1) / 2)
    return torch.stack((line.expand(side, -1), line[:, None].expand(-1, side)), dim=-1)
