"""Log-polar grids, and what is read from the pixels at each of their points.

A point is ``tau`` pixels from the centre in the direction ``theta``. What a point sees is a
*stencil*: whole-pixel offsets from the centre pixel, with weights. A bank holds the stencils of
all points of a grid, in float64. They turn with the grid: where the number of angles is divisible
by four, the stencils of one quarter are computed and the others are its exact quarter turns, so
that a quarter turn of the image shifts the samples along the angles up to the rounding of sums.

Kinds of banks:

* ``bilinear``: the four pixels around the point. With ``smooth`` the image is smoothed with
  (1 2 1) / 4 along both axes first.
* ``gaussian``: the image is smoothed with a Gaussian, the wider the larger the radius, and then
  read as in ``bilinear``. Its standard deviation is ``blur`` times half the distance between two
  angles on the circle, at least ``LEAST_DEVIATION`` pixels. The deviations of all radii are rounded
  to a few *levels*, each `STEP` times the one before, so that images are smoothed once for each.
* ``sith_v1``, ``sith_v2``: a gamma function of the distance times a window across the direction
  (`Sith`), evaluated at all pixels of a square.

Sources: the author's code of "Deep Log-Polar Networks" (bilinear as published, the two banks of
filters). The Gaussian bank is ours. Known departures: bilinear samples are those of an image that
goes on with a constant; the published code loses a tap at the border. A filter of ``sith_v1`` has
an odd side, the largest that fits into three times ``tau_max``. Weights of filters below 1e-8 of
the largest are left out.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from math import gcd, log, pi
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from isotrope.layers.log_polar_stencils import (
    Floats,
    Sith,
    Stencil,
    all_turns,
    bilinear,
    gamma_filter,
    gaussian,
    smoothed,
)

Kind = Literal["bilinear", "gaussian", "sith_v1", "sith_v2"]
Integers = NDArray[np.int64]

LEAST_DEVIATION = 0.5  # pixels
STEP = 2**0.5  # from one level of smoothing to the next


@dataclass(frozen=True)
class Grid:
    """Radii in geometric steps, both ends included, and angles from -pi on, the end excluded.

    Args:
        tau_min: smallest radius in pixels, above 0.
        tau_max: largest radius in pixels.
        ntau: number of radii, at least 2.
        num_angles: number of angles.
        include_center: whether the centre itself comes before the smallest radius as one more row,
            the same at all angles.

    Raises:
        ValueError: if the radii are out of order, or there are too few of radii or angles.
    """

    tau_min: float = 1.0
    tau_max: float = 30.0
    ntau: int = 20
    num_angles: int = 12
    include_center: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.tau_min < self.tau_max:
            raise ValueError(
                f"need 0 < tau_min < tau_max, got tau_min={self.tau_min} and tau_max={self.tau_max}"
            )
        if self.ntau < 2 or self.num_angles < 1:
            raise ValueError(
                "need at least 2 radii and 1 angle, got "
                f"ntau={self.ntau} and num_angles={self.num_angles}"
            )

    @property
    def ratio(self) -> float:
        """From one radius to the next."""
        return float((self.tau_max / self.tau_min) ** (1 / (self.ntau - 1)))

    @property
    def radii(self) -> Floats:
        """All radii in pixels, ``(rows,)``; 0 for the centre."""
        steps = np.arange(self.ntau) / (self.ntau - 1)
        radii = self.tau_min * (self.tau_max / self.tau_min) ** steps
        return np.concatenate(([0.0], radii)) if self.include_center else radii

    @property
    def rows(self) -> int:
        """Number of radii, with the centre if it is included."""
        return self.ntau + int(self.include_center)

    @property
    def angles(self) -> Floats:
        """All angles in radians from the x axis towards larger rows, ``(num_angles,)``."""
        return -pi + 2 * pi * np.arange(self.num_angles) / self.num_angles

    @property
    def offsets(self) -> Floats:
        """x and y of all points from the centre, in pixels: ``(rows, num_angles, 2)``."""
        turns = gcd(self.num_angles, 4)
        first = 2 * pi * np.arange(self.num_angles // turns) / self.num_angles
        part = -np.stack((np.cos(first), np.sin(first)), axis=-1)
        parts = [part]
        for _ in range(turns - 1):
            part = -part if turns == 2 else np.stack((-part[:, 1], part[:, 0]), axis=-1)
            parts.append(part)
        offsets: Floats = self.radii[:, None, None] * np.concatenate(parts) + 0.0
        return offsets


@dataclass(frozen=True)
class Bank:
    """The stencils of all points of a grid. Banks of equal settings are equal, and hash so.

    Attributes:
        kind, grid, blur, smooth, sith: what it was made from.
        starts: where the taps of each point begin, ``(rows * num_angles + 1,)``: the point of
            radius t and angle a is number ``t * num_angles + a``.
        down, across: rows and columns of each tap from the centre pixel.
        weights: of each tap.
        levels: which of the smoothed images the stencils of each radius read, ``(rows,)``.
        smoothing: for each level, what it is smoothed with along both axes, of odd length.
    """

    kind: Kind
    grid: Grid
    blur: float
    smooth: bool
    sith: Sith
    starts: Integers = field(compare=False, repr=False)
    down: Integers = field(compare=False, repr=False)
    across: Integers = field(compare=False, repr=False)
    weights: Floats = field(compare=False, repr=False)
    levels: Integers = field(compare=False, repr=False)
    smoothing: tuple[Floats, ...] = field(compare=False, repr=False)

    @cached_property
    def reach(self) -> int:
        """The largest offset of a tap along an axis, in pixels."""
        return int(max(np.abs(self.down).max(initial=0), np.abs(self.across).max(initial=0)))

    @cached_property
    def margin(self) -> int:
        """How far smoothed images go beyond the image, in pixels."""
        return max(len(line) for line in self.smoothing) // 2

    @cached_property
    def sums(self) -> Floats:
        """The sum of the weights of every point, ``(rows, num_angles)``."""
        totals = np.concatenate(([0.0], np.cumsum(self.weights)))[self.starts]
        return np.diff(totals).reshape(self.grid.rows, self.grid.num_angles)

    @cached_property
    def normalised(self) -> bool:
        """Whether the weights of every point sum to one."""
        return bool(np.allclose(self.sums, 1, rtol=0, atol=1e-9))

    def stencil(self, radius: int, angle: int) -> Stencil:
        """All that the point sees of the image, the smoothing included."""
        point = radius * self.grid.num_angles + angle
        taps = range(self.starts[point], self.starts[point + 1])
        found = {(int(self.down[n]), int(self.across[n])): float(self.weights[n]) for n in taps}
        line = self.smoothing[self.levels[radius]]
        return smoothed(found, line) if len(line) > 1 else found


def bank(
    kind: Kind, grid: Grid, *, blur: float = 1.0, smooth: bool = False, sith: Sith | None = None
) -> Bank:
    """The stencils of a grid, made once for equal settings.

    Args:
        kind: what each point sees; see the module.
        grid: where the points are.
        blur: standard deviation of ``gaussian`` in halves of the distance between two angles.
        smooth: whether ``bilinear`` smooths the image first.
        sith: form of the filters of ``sith_v1`` and ``sith_v2``.

    Raises:
        ValueError: if the kind is unknown, ``blur`` negative, or a setting of another kind given.
    """
    if kind not in get_args(Kind):
        raise ValueError(f"unknown kind '{kind}'; choose from {', '.join(get_args(Kind))}")
    if blur < 0:
        raise ValueError(f"need blur >= 0, got {blur}")
    if smooth and kind != "bilinear":
        raise ValueError(f"smooth belongs to the kind 'bilinear', not to '{kind}'")
    return _bank(kind, grid, float(blur), smooth, sith or Sith())


@lru_cache(64)
def _bank(kind: Kind, grid: Grid, blur: float, smooth: bool, sith: Sith) -> Bank:
    levels = np.zeros(grid.rows, dtype=np.int64)
    smoothing: tuple[Floats, ...] = (np.ones(1),)
    if smooth:
        smoothing = (np.array([0.25, 0.5, 0.25]),)
    if kind == "gaussian":
        levels, smoothing = _gaussian_levels(grid, blur)
    turns = gcd(grid.num_angles, 4)
    part = range(grid.num_angles // turns)
    see = _filters(kind, grid, sith) if kind.startswith("sith") else _neighbours(grid)
    stencils = [
        one for t in range(grid.rows) for one in all_turns([see(t, a) for a in part], turns)
    ]
    counts = [len(one) for one in stencils]
    places = np.array([place for one in stencils for place in one], dtype=np.int64).reshape(-1, 2)
    return Bank(
        kind,
        grid,
        blur,
        smooth,
        sith,
        starts=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        down=places[:, 0].copy(),
        across=places[:, 1].copy(),
        weights=np.array([weight for one in stencils for weight in one.values()], dtype=np.float64),
        levels=levels,
        smoothing=smoothing,
    )


def _neighbours(grid: Grid) -> Callable[[int, int], Stencil]:
    offsets = grid.offsets
    return lambda t, a: bilinear(*offsets[t, a])


def _filters(kind: Kind, grid: Grid, sith: Sith) -> Callable[[int, int], Stencil]:
    later = kind == "sith_v2"
    wide = int(1.5 * grid.tau_max) if later else (int(3 * grid.tau_max) - 1) // 2
    normalised = later if sith.normalise is None else sith.normalise

    def see(t: int, a: int) -> Stencil:
        tau = float(grid.radii[t])
        if tau == 0:
            return {(0, 0): 1.0}
        half = tau * pi / grid.num_angles
        half = max(half, 0.5) if later else half
        return gamma_filter(tau, float(grid.angles[a]), half, sith, wide, normalised)

    return see


def _gaussian_levels(grid: Grid, blur: float) -> tuple[Integers, tuple[Floats, ...]]:
    """The level of each radius, and the Gaussian of each level."""
    wanted = np.maximum(LEAST_DEVIATION, blur * grid.radii * pi / grid.num_angles)
    steps = np.rint(np.log(wanted / LEAST_DEVIATION) / log(STEP)).astype(np.int64)
    used, levels = np.unique(steps, return_inverse=True)
    return levels, tuple(gaussian(LEAST_DEVIATION * STEP ** int(step)) for step in used)
