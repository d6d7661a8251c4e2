"""What lies around each pixel, on a log-polar grid: scaling and turning become shifts.

Source: the author's code of "Deep Log-Polar Networks"; kinds of sampling and known departures are
listed in `isotrope.layers.log_polar_bank`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from isotrope.layers.constants import made_once
from isotrope.layers.log_polar_bank import Bank, Grid, Kind, bank
from isotrope.layers.log_polar_jobs import site_of
from isotrope.layers.log_polar_sampling import sampled, smoothed_images
from isotrope.layers.log_polar_stencils import Sith


class Border:
    """The value outside of the image: one number, or one for each channel."""

    def __init__(self, value: float | Sequence[float]) -> None:
        self.values = tuple(map(float, value if isinstance(value, Sequence) else (value,)))

    @property
    def is_zero(self) -> bool:
        """Whether all is zero out there."""
        return not any(self.values)

    def of(self, images: Tensor) -> Tensor:
        """The values, of shape ``(channels, 1, 1)`` or ``(1, 1, 1)``.

        Raises:
            ValueError: if the images have another number of channels.
        """
        if len(self.values) not in (1, images.shape[-3]):
            raise ValueError(
                f"border has {len(self.values)} values for images of {images.shape[-3]} channels"
            )
        return _constant(self.values, images.dtype, images.device)

    def taken_off(self, images: Tensor) -> Tensor:
        """The images less the border, zero outside, in single precision at least."""
        if images.dtype != torch.float64:
            images = images.float()
        return images if self.is_zero else images - self.of(images)


def refuse_other_images(images: Tensor, channels: int | None = None) -> None:
    """Refuse what is no batch of images in floating numbers, with so many channels if that is said.

    Raises:
        ValueError: that names the shape and the type.
    """
    wrong = images.ndim != 4 or channels not in (None, images.shape[1])
    if wrong or not images.is_floating_point():
        shape = f"(batch, {'channels' if channels is None else channels}, height, width)"
        raise ValueError(
            f"images must be {shape} of floating numbers, got {tuple(images.shape)} {images.dtype}"
        )


@made_once
def _constant(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=dtype, device=device)[:, None, None]


class LogPolarTransform(nn.Module):
    """Sample the surroundings of every pixel on a log-polar grid about it.

    Turning the image by ``360 / num_angles`` degrees about a pixel rolls that pixel's output by one
    along the angles, and scaling it by ``(tau_max / tau_min) ** (1 / (ntau - 1))`` moves it by one
    row. Quarter turns are exact up to rounding if ``num_angles`` is divisible by four, all others
    have the error of sampling.

    Shapes:
        input: ``(batch, channels, height, width)``
        output: ``(batch, channels, radii, angles, rows, columns)``; as many rows and columns as the
            image has without stride and trim

    Args:
        tau_min: smallest radius in pixels.
        tau_max: largest radius in pixels.
        ntau: number of radii, in geometric steps, both ends included.
        num_angles: number of angles, from -180 degrees on (towards smaller x), growing from x to y.
        kind: ``bilinear``, ``gaussian``, ``sith_v1`` or ``sith_v2``; see
            `isotrope.layers.log_polar_bank`.
        blur: of ``gaussian``: standard deviation in halves of the distance between two angles.
        smooth: of ``bilinear``: whether the image is smoothed with (1 2 1) / 4 first.
        sith: form of the filters of the last two kinds.
        include_center: whether the pixel itself is one more row, before the smallest radius.
        stride: step of the pixels that are centres; they lie symmetrically where that is possible.
        trim: pixels along each edge that are no centres.
        border: the value outside of the image, one or one for each channel; 0 as published.

    Raises:
        ValueError: if an argument is out of range, or no pixel is left.
    """

    def __init__(
        self,
        *,
        tau_min: float = 1.0,
        tau_max: float = 8.0,
        ntau: int = 8,
        num_angles: int = 12,
        kind: Kind = "bilinear",
        blur: float = 1.0,
        smooth: bool = False,
        sith: Sith | None = None,
        include_center: bool = False,
        stride: int = 1,
        trim: int = 0,
        border: float | Sequence[float] = 0.0,
    ) -> None:
        super().__init__()
        grid = Grid(tau_min, tau_max, ntau, num_angles, include_center)
        self.bank = bank(kind, grid, blur=blur, smooth=smooth, sith=sith)
        self.stride = stride
        self.trim = trim
        self.border = Border(border)

    def forward(self, images: Tensor) -> Tensor:
        """The samples."""
        refuse_other_images(images)
        site = site_of(self.bank, images.shape[-2], images.shape[-1], self.stride, self.trim)
        inside = self.border.taken_off(images)
        found = sampled(smoothed_images(inside, self.bank), self.bank, site)
        if not self.border.is_zero:
            around = self.border.of(inside)[..., None, None]
            found = found + around * _sums(self.bank, found.dtype, found.device)
        return found.to(images.dtype)

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        grid, kind = self.bank.grid, self.bank.kind
        return (
            f"{kind}, tau={grid.tau_min:g}-{grid.tau_max:g}, ntau={grid.ntau}, "
            f"num_angles={grid.num_angles}, stride={self.stride}"
        )


@made_once
def _sums(bank: Bank, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The sum of each point's weights: ``(radii, angles, 1, 1)``."""
    return torch.tensor(bank.sums, dtype=dtype, device=device)[..., None, None]
