"""LPConv: a convolution over scales and turns of what lies around each pixel, and its maximum.

Source: the author's code of "Deep Log-Polar Networks". Departures besides those of the sampling
(`isotrope.layers.log_polar_bank`): the kernel reads on circularly at either side and not at the end
only, which is the same up to the angles' names; with a stride, centres lie symmetrically; of equal
responses the first wins (`isotrope.layers.log_polar_pooling`); ``align="joint"`` is ours, and what
`relative_encoding` appends follows the published idea, not its code.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isotrope.layers.log_polar_averages import averages
from isotrope.layers.log_polar_bank import Grid, Kind, bank
from isotrope.layers.log_polar_jobs import Job, Site, site_of
from isotrope.layers.log_polar_pooling import Align, Pooling
from isotrope.layers.log_polar_products import peaks
from isotrope.layers.log_polar_relative import relative_codes
from isotrope.layers.log_polar_stencils import Sith
from isotrope.layers.log_polar_transform import Border, refuse_other_images


class LPConv(nn.Module):
    """Convolve the log-polar surroundings of every pixel and keep the largest responses.

    Samples are those of `LogPolarTransform`. The kernel runs over radii where it fits and around
    the circle of angles; it is weight-normed, without a bias. Then the largest response of all
    (the default), of windows, or the ``topk`` largest of the circle remain. What a scaled or turned
    image moves along radii and angles is thereby left out. Neither samples nor responses are held
    all at once: `isotrope.layers.log_polar_products`.

    Quarter turns of the image turn the output, exactly up to rounding, if ``num_angles`` is
    divisible by four (windows of angles aside, which roll). All other turns and scalings have the
    error of sampling: of responses to a smooth image on the published grid, 1.2 % at 45 degrees
    (``gaussian``: 1.0 %), 0.5 % at 5 degrees, and 1.0 to 4.0 % (1.3 to 5.6 %) at scales from 1.09
    to 2.9. Fine detail errs more: 7.7 % (3.6 %) at 45 degrees where spots are 1.2 to 2 pixels wide.

    Parameters are called as ``torch.nn.utils.weight_norm`` calls them: ``weight_g``, of shape
    ``(out_channels, 1, 1, 1)``, and ``weight_v``, of ``(out_channels, in_channels, kernel_rows,
    kernel_angles)``; the kernel is ``weight_v * weight_g / norm(weight_v)``. At first ``weight_v``
    is drawn as ``nn.Conv2d`` draws and ``weight_g`` is its norm.

    Shapes:
        input: ``(batch, in_channels, height, width)``
        output: ``(batch, features, rows, columns)``, where ``features`` are ``out_channels`` (times
            four with ``relative_encoding``) times the rows and angles that remain, in this order

    Args:
        in_channels: channels of the input.
        out_channels: kernels.
        kernel_size: radii and angles under the kernel; one number for both.
        ntau: number of radii.
        num_angles: number of angles.
        tau_min: smallest radius in pixels.
        tau_max: largest radius in pixels.
        topk: how many angles remain: each row of responses is turned until its largest comes first,
            then the largest ``topk`` remain in their order, and of the rows the largest. None for
            no angles.
        align: ``row`` as published, or ``joint``: all rows are turned alike.
        tau_pooling: rows of responses in a window; None for all.
        theta_pooling: angles in a window, without ``topk``; None for all.
        pooling: ``max``, or ``avg`` (without ``topk``) for means instead of the largest.
        relative_encoding: whether each response is followed by its scale and direction relative to
            the others', an experiment: see `isotrope.layers.log_polar_relative`.
        spatial_trim: pixels along each edge that are no centres.
        stride: step of the pixels that are centres.
        border: the value outside of the image, one or one for each channel; 0 as published, though
            images are normalised there and their background is not 0.
        kind, blur, smooth, sith, include_center: as in `LogPolarTransform`.

    Raises:
        ValueError: if an argument is out of range or does not go with another.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        *,
        ntau: int = 20,
        num_angles: int = 12,
        tau_min: float = 1.0,
        tau_max: float = 30.0,
        topk: int | None = None,
        kind: Kind = "bilinear",
        blur: float = 1.0,
        smooth: bool = False,
        sith: Sith | None = None,
        align: Align = "row",
        tau_pooling: int | None = None,
        theta_pooling: int | None = None,
        pooling: Literal["max", "avg"] = "max",
        relative_encoding: bool = False,
        spatial_trim: int = 0,
        stride: int = 1,
        border: float | Sequence[float] = 0.0,
        include_center: bool = False,
    ) -> None:
        super().__init__()
        grid = Grid(tau_min, tau_max, ntau, num_angles, include_center)
        if min(in_channels, out_channels, stride) < 1 or spatial_trim < 0:
            raise ValueError(
                "need in_channels, out_channels and stride of at least 1 and spatial_trim >= 0, "
                f"got {in_channels}, {out_channels}, {stride} and {spatial_trim}"
            )
        self.bank = bank(kind, grid, blur=blur, smooth=smooth, sith=sith)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = (
            (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
        )
        self.kept = _pooling(
            grid, self.kernel_size, tau_pooling, theta_pooling, topk, align, pooling
        )
        self.pooling = pooling
        self.relative_encoding = relative_encoding
        if relative_encoding and (topk is not None or self.kept.slots > 1 or pooling == "avg"):
            raise ValueError("relative_encoding needs the maximum over all radii and angles")
        self.stride = stride
        self.spatial_trim = spatial_trim
        self.border = Border(border)
        self.weight_g = nn.Parameter(torch.empty(out_channels, 1, 1, 1))
        self.weight_v = nn.Parameter(torch.empty(out_channels, in_channels, *self.kernel_size))
        self.reset_parameters()

    @property
    def features(self) -> int:
        """Channels of the output."""
        return self.out_channels * self.kept.slots * (4 if self.relative_encoding else 1)

    def reset_parameters(self) -> None:
        """Draw the kernels anew."""
        nn.init.kaiming_uniform_(self.weight_v, a=5**0.5)
        with torch.no_grad():
            self.weight_g.copy_(self._norm())

    def _norm(self) -> Tensor:
        norm: Tensor = torch.linalg.vector_norm(self.weight_v, dim=(1, 2, 3), keepdim=True)
        return norm

    @property
    def weight(self) -> Tensor:
        """The kernels: ``(out_channels, in_channels, kernel_rows, kernel_angles)``."""
        return self.weight_v * (self.weight_g / self._norm())

    def forward(self, images: Tensor) -> Tensor:
        """The responses that remain, as channels."""
        return self.pooled(images).flatten(1, 3)

    def pooled(self, images: Tensor) -> Tensor:
        """The responses that remain, with their radii and angles.

        Shapes:
            output: ``(batch, out_channels, radii, angles, rows, columns)``; with
                ``relative_encoding`` four times as many channels
        """
        values, winners = self._kept_responses(images)
        if self.relative_encoding:
            values = relative_codes(values, winners, self.kept)
        return _with_slots(values, self.kept)

    def winners(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The responses that remain, and the row and angle that each comes from.

        Row t belongs to kernels whose first radius is number t of the grid.

        Shapes:
            outputs: ``(batch, out_channels, radii, angles, rows, columns)``; the last two int64

        Raises:
            ValueError: if responses are averaged.
        """
        if self.pooling == "avg":
            raise ValueError("means have no winners; need pooling='max'")
        values, places = self._kept_responses(images)
        values, places = _with_slots(values, self.kept), _with_slots(places, self.kept)
        angles = self.bank.grid.num_angles
        return values, places.long() // angles, places.long() % angles

    def _kept_responses(self, images: Tensor) -> tuple[Tensor, Tensor]:
        inside, site = self._inside(images)
        weight, job = self.weight.to(inside.dtype), Job(self.bank, site, self.kept)
        if self.pooling == "avg":
            values = winners = averages(inside, weight, job)
        else:
            values, winners = peaks(inside, weight, job)
        if self.bank.normalised and not self.border.is_zero:
            around = self.border.of(inside) * weight.sum(dim=(2, 3))[..., None, None]
            values = values + around.sum(dim=1, keepdim=True)
        return values.to(images.dtype), winners

    def _inside(self, images: Tensor) -> tuple[Tensor, Site]:
        """Images that are zero outside, and the centres in them.

        Raises:
            ValueError: if the images have another shape than the layer takes.
        """
        refuse_other_images(images, self.in_channels)
        site = site_of(
            self.bank, images.shape[-2], images.shape[-1], self.stride, self.spatial_trim
        )
        inside = self.border.taken_off(images)
        if self.bank.normalised or self.border.is_zero:
            return inside, site
        wide = self.bank.reach + self.bank.margin  # sums differ, so the border must be seen
        whole = F.pad(inside, (wide,) * 4) + self.border.of(inside)
        return whole, site._replace(top=site.top + wide, left=site.left + wide)

    def extra_repr(self) -> str:
        """What ``print`` shows of the layer."""
        grid, kind = self.bank.grid, self.bank.kind
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, {kind}, "
            f"tau={grid.tau_min:g}-{grid.tau_max:g}, ntau={grid.ntau}, "
            f"num_angles={grid.num_angles}, topk={self.kept.topk}, stride={self.stride}"
        )


def _with_slots(values: Tensor, kept: Pooling) -> Tensor:
    return values.view(*values.shape[:2], *kept.shape, *values.shape[3:])


def _pooling(
    grid: Grid,
    size: Sequence[int],
    tau: int | None,
    theta: int | None,
    topk: int | None,
    align: Align,
    pooling: str,
) -> Pooling:
    """What remains of the responses, checked."""
    rows, angles = grid.rows - size[0] + 1, grid.num_angles
    if rows < 1 or size[0] < 1 or not 1 <= size[1] <= angles:
        raise ValueError(
            f"kernels of {size[0]} x {size[1]} do not fit {grid.rows} radii and {angles} angles"
        )
    if rows * angles > torch.iinfo(torch.int16).max:
        raise ValueError(f"{rows} x {angles} responses at a pixel are too many, of at most 32767")
    tau, wide = rows if tau is None else tau, angles if theta is None else theta
    if not 1 <= tau <= rows or not 1 <= wide <= angles:
        raise ValueError(
            f"windows of {tau} x {wide} do not fit responses of {rows} rows and {angles} angles"
        )
    if topk is not None and not 1 <= topk <= angles:
        raise ValueError(f"need topk from 1 to {angles} angles, got {topk}")
    if topk is not None and (theta is not None or pooling == "avg"):
        raise ValueError("topk takes neither theta_pooling nor pooling='avg'")
    if align not in ("row", "joint") or pooling not in ("max", "avg"):
        raise ValueError(
            f"need align 'row' or 'joint' and pooling 'max' or 'avg', got {align!r} and {pooling!r}"
        )
    return Pooling(rows, angles, tau, wide, topk, align)
