"""What the points of a log-polar grid see of the pixels: weights by row and column.

`isotrope.layers.log_polar_bank` says which kinds there are and where they come from.
"""

from dataclasses import dataclass
from math import ceil, lgamma, log, pi
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Stencil = dict[tuple[int, int], float]  # weights by row and column from the centre

_CUT = 2.5  # standard deviations, where a Gaussian ends
_NEAR = 1e-9  # pixels; what is nearer to a whole pixel is that pixel
_SMALLEST = 1e-8  # of the largest weight of a filter


@dataclass(frozen=True)
class Sith:
    """The form of the filters of ``sith_v1`` and ``sith_v2``.

    Args:
        k: sharpness of the gamma function of the distance.
        distance: what lies between a pixel and a direction: ``arc``, their angle times the pixel's
            radius, or ``line``, its distance from the ray.
        window: ``step``, one inside half the spacing of the angles at the filter's radius (in
            proportion at others), or ``gaussian`` (without the 1/2 in its exponent).
        sharpness: half the spacing over the standard deviation of ``gaussian``.
        normalise: whether each filter's sum is one; None for what is published, yes for
            ``sith_v2`` and no for ``sith_v1``.

    Raises:
        ValueError: if a word is unknown or a number too small.
    """

    k: int = 50
    distance: Literal["arc", "line"] = "arc"
    window: Literal["step", "gaussian"] = "step"
    sharpness: float = 1.0
    normalise: bool | None = None

    def __post_init__(self) -> None:
        if self.distance not in ("arc", "line") or self.window not in ("step", "gaussian"):
            raise ValueError(
                "need distance 'arc' or 'line' and window 'step' or 'gaussian', got "
                f"{self.distance!r} and {self.window!r}"
            )
        if self.k < 1 or self.sharpness <= 0:
            raise ValueError(
                f"need k >= 1 and sharpness > 0, got k={self.k} and sharpness={self.sharpness}"
            )


def all_turns(part: list[Stencil], turns: int) -> list[Stencil]:
    """Stencils of one part of the circle, and their turns by 1, 2 or 4 equal parts."""
    found = list(part)
    for _ in range(turns - 1):
        if turns == 2:
            part = [{(-y, -x): weight for (y, x), weight in one.items()} for one in part]
        else:
            part = [{(x, -y): weight for (y, x), weight in one.items()} for one in part]
        found += part
    return [dict(sorted(one.items())) for one in found]


def bilinear(x: float, y: float) -> Stencil:
    """The pixels around a point, by their nearness."""
    found: Stencil = {}
    for row, of_row in _between(y):
        for column, of_column in _between(x):
            found[row, column] = of_row * of_column
    return found


def _between(position: float) -> list[tuple[int, float]]:
    """The one or two whole pixels about a position, and their weights."""
    nearest = round(position)
    if abs(position - nearest) < _NEAR:
        return [(nearest, 1.0)]
    first = int(np.floor(position))
    return [(first, first + 1 - position), (first + 1, position - first)]


def gaussian(deviation: float) -> Floats:
    """Weights along one axis, of odd length, whose sum is one."""
    reach = ceil(_CUT * deviation)
    line = np.exp(-((np.arange(-reach, reach + 1) / deviation) ** 2) / 2)
    symmetric: Floats = line / line.sum()
    return symmetric


def smoothed(stencil: Stencil, line: Floats) -> Stencil:
    """What a stencil sees of the image if it reads one that is smoothed along both axes."""
    found: Stencil = {}
    reach = len(line) // 2
    for (y, x), weight in stencil.items():
        for i, down in enumerate(line):
            for j, across in enumerate(line):
                place = (y + i - reach, x + j - reach)
                found[place] = found.get(place, 0.0) + weight * float(down * across)
    return found


def gamma_filter(
    tau: float, angle: float, half: float, sith: Sith, wide: int, normalised: bool
) -> Stencil:
    """A filter about one point.

    Args:
        tau: radius of the point in pixels, above 0.
        angle: its direction in radians.
        half: half of what lies between two directions there, in pixels.
        sith: the form.
        wide: half the side of the square on which it is evaluated, without the pixel in the middle.
        normalised: whether its sum is one.
    """
    y, x = np.mgrid[-wide : wide + 1, -wide : wide + 1].astype(np.float64)
    r = np.hypot(x, y)
    turn = np.abs((np.arctan2(y, x) - angle + pi) % (2 * pi) - pi)
    across = r * (turn if sith.distance == "arc" else np.sin(turn))
    with np.errstate(divide="ignore"):
        exponent = (sith.k + 1) * np.log(r / tau) - sith.k * r / tau
    exponent += sith.k * log(sith.k) - lgamma(sith.k) - log(tau)
    if sith.window == "step":
        window = (across * tau <= half * r * (1 + _NEAR)).astype(np.float64)
    else:
        window = np.exp(-((across * sith.sharpness / half) ** 2))
    if sith.distance == "line":
        window = window * (turn < pi / 2)
    weights = np.exp(exponent) * window
    weights[weights <= _SMALLEST * weights.max()] = 0
    if normalised and weights.any():
        weights /= weights.sum()
    rows, columns = np.nonzero(weights)
    return {
        (int(row) - wide, int(column) - wide): float(weights[row, column])
        for row, column in zip(rows, columns, strict=True)
    }
