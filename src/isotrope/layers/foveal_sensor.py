"""Log-polar glimpses: dense about a fixation, sparse far from it."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.layers.constants import made_once
from isotrope.layers.looking import in_pixels
from isotrope.layers.sampling_around import sampled_around


class Fovea(NamedTuple):
    """Where a fovea samples about its fixation.

    Args:
        radii: rows of a glimpse.
        angles: columns of a glimpse.
        r_min: the smallest radius, in halves of the image's shorter side.
        r_max: the largest, in the same.
        log_radii: whether radii grow by a factor; else by a difference.
        linear_rows: rows within the smallest radius, whose areas grow by a difference; they need
            radii that grow by a factor.
        samples: how many radii and angles each number of a glimpse is the mean of.
    """

    radii: int
    angles: int
    r_min: float
    r_max: float
    log_radii: bool = True
    linear_rows: int = 0
    samples: tuple[int, int] = (1, 1)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a glimpse."""
        return self.radii + self.linear_rows, self.angles

    def sampled_radii(self) -> list[float]:
        """All radii that are sampled, in halves of the shorter side."""
        count, inner = self.radii * self.samples[0], self.linear_rows * self.samples[0]
        within = [self.r_min * math.sqrt(row / inner) for row in range(inner)]
        ends = (self.r_min, self.r_max)
        if self.log_radii:
            ends = (math.log(self.r_min), math.log(self.r_max))
        step = (ends[1] - ends[0]) / max(1, count - 1)
        radii = [ends[0] + row * step for row in range(count)]
        return within + ([math.exp(radius) for radius in radii] if self.log_radii else radii)


class FovealSensor(nn.Module):
    """A log-polar glimpse of each image at its fixation.

    Columns are angles from the x axis clockwise, as seen on the screen; rows are radii from the
    smallest on. Turning the image about the fixation by ``2 pi / angles`` rolls a glimpse by one
    column. Outside the image are zeros.

    Source: the retina of RAM-LPM (Kiritani and Ono, 2020, https://arxiv.org/abs/2002.05388) and
    the code published with it, under the version of torch that it was written for: -1 and 1 are
    the centres of outermost pixels. Differs from that code: on oblong images rings are circles,
    where they were ellipses.

    Shapes:
        images: ``(batch, channels, height, width)``
        fixations: ``(batch, 2)``: x and y, -1 and 1 at the centres of the outermost pixels
        output: ``(batch, channels, radii, angles)``, the linear rows first

    Args:
        fovea: where it samples.

    Raises:
        ValueError: if numbers or radii make no fovea.
    """

    def __init__(self, fovea: Fovea) -> None:
        super().__init__()
        if min(fovea.radii, fovea.angles, *fovea.samples) < 1 or fovea.linear_rows < 0:
            raise ValueError(f"a fovea needs a radius and an angle or more, got {fovea}")
        if not 0 < fovea.r_min < fovea.r_max:
            raise ValueError(
                f"need 0 < r_min < r_max, got r_min={fovea.r_min} and r_max={fovea.r_max}"
            )
        if fovea.linear_rows and not fovea.log_radii:
            raise ValueError("linear rows are within radii that grow by a factor; these do not")
        self.fovea = fovea

    def forward(self, images: Tensor, fixations: Tensor) -> Tensor:
        """The glimpses."""
        height, width = images.shape[-2:]
        centres = in_pixels(fixations, height, width)
        half = (min(height, width) - 1) / 2
        offsets = _offsets(self.fovea, half, centres.dtype, images.device)
        seen = sampled_around(images, centres, offsets)
        samples = self.fovea.samples
        return F.avg_pool2d(seen, samples) if samples != (1, 1) else seen

    def rings(self, height: int, width: int) -> Tensor:
        """The radius of each row at an image, in pixels: the mean of those sampled for it."""
        half = (min(height, width) - 1) / 2
        radii = torch.tensor(self.fovea.sampled_radii())
        return half * radii.view(-1, self.fovea.samples[0]).mean(dim=1)

    def extra_repr(self) -> str:
        """Where it samples."""
        return ", ".join(f"{name}={value}" for name, value in self.fovea._asdict().items())


@made_once
def _offsets(fovea: Fovea, half: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Where samples lie about the fixation, in pixels: ``(rows, columns, 2)``, x and y."""
    radius = torch.tensor(fovea.sampled_radii(), dtype=torch.float64, device="cpu") * half
    count = fovea.angles * fovea.samples[1]
    angle = torch.arange(count, dtype=torch.float64, device="cpu") * (2 * math.pi / count)
    directions = torch.stack((angle.cos(), angle.sin()), dim=-1)
    return (radius[:, None, None] * directions).to(device, dtype)
