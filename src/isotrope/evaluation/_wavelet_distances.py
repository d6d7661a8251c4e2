"""How far two sets of Morlet wavelets are from each other, by their numbers. Needs no torch.

A set is ``theta`` (direction, radians), ``xi`` (frequency, radians a pixel), ``sigma`` (pixels) and
``slant``, arrays of one shape and any number of axes. Its wavelets have no order: each of one set
is matched with one of the other so that the sum of their distances is smallest (the Hungarian
method), and this sum is the distance of the sets.

Source: the code published for Gauthier et al., "Parametric Scattering Networks", CVPR 2022.
Differs from it: equal sets are at distance 0, where it adds 1e-10 to each pair.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Form = Literal["published", "periodic"]
Floats = NDArray[np.float64]
Wavelets = Mapping[str, NDArray[Any]]

NUMBERS = ("theta", "xi", "sigma", "slant")


class Matching(NamedTuple):
    """Which wavelets belong together.

    Args:
        partners: for each wavelet of the first set the number of that of the second.
        distances: of each pair.
    """

    partners: NDArray[np.int64]
    distances: Floats

    @property
    def total(self) -> float:
        """The distance of the sets."""
        return float(self.distances.sum())


def tight_frame(scales: int, angles: int) -> dict[str, Floats]:
    """The wavelets that Kymatio has, and a training begins with: float64 ``(scales, angles)``.

    Args:
        scales: J.
        angles: L.
    """
    size = 2.0 ** np.arange(scales)[:, None] * np.ones(angles)
    turns = int(angles - angles / 2 - 1) - np.arange(angles)
    return {
        "theta": turns * math.pi / angles * np.ones((scales, 1)),
        "xi": 0.75 * math.pi / size,
        "sigma": 0.8 * size,
        "slant": np.full((scales, angles), 4 / angles),
    }


def pair_distances(first: Wavelets, second: Wavelets, form: Form = "published") -> Floats:
    """The distance of each wavelet of one set to each of the other, ``(first, second)``.

    ``published`` is the Euclidean norm of the differences of xi, sigma and slant, plus the shorter
    way between the directions round the circle. ``periodic`` counts what changes the modulus of a
    convolution alone, and small wavelets as much as large ones: the way between directions is that
    between lines, since theta + pi gives the conjugate wavelet; signs of xi, sigma and slant do not
    count; differences of xi and of sigma are relative to the mean of the two.

    Args:
        first: a set of wavelets.
        second: another one, of as many.
        form: which distance.
    """
    one, other = (
        {name: np.asarray(its[name], dtype=np.float64).ravel() for name in NUMBERS}
        for its in (first, second)
    )
    period = 2 * math.pi if form == "published" else math.pi
    way = np.mod(one["theta"][:, None] - other["theta"], period)
    way = np.minimum(way, period - way)
    differences = []
    for name in NUMBERS[1:]:
        a, b = one[name][:, None], other[name][None, :]
        if form == "periodic":
            a, b = np.abs(a), np.abs(b)
        difference = a - b
        if form == "periodic" and name != "slant":
            mean = (a + b) / 2
            difference = np.divide(difference, mean, out=np.zeros_like(difference), where=mean > 0)
        differences.append(difference)
    found: Floats = np.sqrt(np.square(differences).sum(axis=0)) + way
    return found


def matched(distances: Floats) -> Matching:
    """The matching whose sum is smallest, of distances ``(wavelets, wavelets)``."""
    from scipy.optimize import linear_sum_assignment  # slow to load

    rows, columns = linear_sum_assignment(distances)
    return Matching(columns.astype(np.int64), distances[rows, columns])


def distance(first: Wavelets, second: Wavelets, form: Form = "published") -> float:
    """The distance of two sets of wavelets."""
    return matched(pair_distances(first, second, form)).total


def distances_by_epoch(recorded: Wavelets, others: Wavelets, form: Form = "published") -> Floats:
    """The distance at each epoch of what a network recorded while it trained, ``(epochs,)``.

    Args:
        recorded: a set of wavelets for each epoch: arrays with a first axis of epochs.
        others: one set for all epochs, or arrays with such an axis: one for each.
        form: which distance.
    """
    sets = [{name: recorded[name][i] for name in NUMBERS} for i in range(len(recorded["theta"]))]
    moving = np.ndim(others["theta"]) == np.ndim(recorded["theta"])
    return np.array(
        [
            distance(one, {n: others[n][i] for n in NUMBERS} if moving else others, form)
            for i, one in enumerate(sets)
        ]
    )
