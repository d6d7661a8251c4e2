"""The last convolution of ``ptn`` and the mean of its maps, in one product."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MeanConvolution(nn.Conv2d):
    """The mean of what a convolution gives on a cylinder, without computing its map.

    The mean over angles that meet does not depend on the columns of a kernel, and that over radii
    with zeros beyond them is the mean of the rows that each row of the kernel sees.

    Shapes:
        input: ``(batch, channels * 3)``, as `MeansUnderRows` gives them
        output: ``(batch, classes)``
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__(channels, classes, kernel_size=3)

    def forward(self, means: Tensor) -> Tensor:
        """The mean responses."""
        return F.linear(means, self.weight.sum(dim=-1).flatten(1), self.bias)


class MeansUnderRows(nn.Module):
    """The mean of a map that each row of a kernel of three sees, with zeros beyond the radii.

    Shapes:
        input: ``(batch, channels, radii, angles)``
        output: ``(batch, channels * 3)``
    """

    def forward(self, maps: Tensor) -> Tensor:
        """The means."""
        rows = maps.mean(dim=-1)
        whole = rows.sum(dim=-1)
        sums = torch.stack((whole - rows[..., -1], whole, whole - rows[..., 0]), dim=-1)
        return (sums / rows.shape[-1]).flatten(1)
