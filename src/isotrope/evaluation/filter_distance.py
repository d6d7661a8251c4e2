"""How far the wavelets of a network are from a tight frame, and from those of another network.

The wavelets of two networks have no order: each is matched with one of the other so that the sum
of distances is smallest. ``distance`` is this sum, ``mean`` the mean over the pairs. Columns:

* ``form``: ``published`` is the Euclidean norm of the differences of frequency, width and slant,
  plus the shorter way between the directions round the circle, in radians; ``periodic`` takes
  directions as lines, since the opposite direction gives the same modulus, and differences of
  frequency and width relative to their mean, since large wavelets would count most otherwise;
* ``to``: ``tight_frame``, that of as many wavelets; ``against``, the wavelets of the network that
  the param-file names there;
* ``weights``: ``trained``; ``untrained`` where it is known how the training began; of both networks
  where ``to`` is ``against``;
* ``metric``, ``value``, ``n`` (wavelets).

While a network trains, its wavelets are kept epoch by epoch where ``training.monitor`` asks for it:
figures take the same distances of these.

Source: the code published for Gauthier et al., "Parametric Scattering Networks", CVPR 2022; what
differs is said in ``evaluation/_wavelet_distances.py``.
"""

from collections.abc import Iterator, Mapping
from typing import get_args

import torch

from isotrope.datasets.stream import Split
from isotrope.errors import UserError
from isotrope.evaluation._sweeps import Row
from isotrope.evaluation._wavelet_distances import (
    Form,
    Wavelets,
    matched,
    pair_distances,
    tight_frame,
)
from isotrope.evaluation._wavelets import layer_of, numbers_of
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
SPLIT = "test"
CALLS = {"wavelets"}

EVALUATION = "filter_distance"


class Params(Settings):
    """``filter_distance`` has no settings."""


def evaluate(networks: Networks, data: Split, params: Params) -> list[Row]:
    """Rows of each seed, see above; the images are not looked at.

    Raises:
        UserError: if wavelets are learned pixel by pixel, or those of the other network are not as
            many.
    """
    del data, params
    others = networks.against
    states = {"trained": (networks, others)}
    if (plain := networks.untrained()) is not None:
        states["untrained"] = (plain, others.untrained() if others is not None else None)
    found = {
        weights: (_wavelets(ours), None if theirs is None else _wavelets(theirs))
        for weights, (ours, theirs) in states.items()
    }
    return [
        {"seed": seed, **row}
        for seed in networks.seeds
        for weights, (ours, theirs) in found.items()
        for row in _rows(weights, ours[seed], None if theirs is None else theirs[seed])
    ]


def _wavelets(networks: Networks) -> dict[int, Wavelets]:
    with torch.inference_mode():
        return {seed: numbers_of(layer_of(one), EVALUATION) for seed, one in networks}


def _rows(weights: str, ours: Wavelets, theirs: Wavelets | None) -> Iterator[Row]:
    references: Mapping[str, Wavelets] = {"tight_frame": tight_frame(*ours["theta"].shape)}
    if theirs is not None:
        count = ours["theta"].size, theirs["theta"].size
        if count[0] != count[1]:
            raise UserError(
                f"{EVALUATION}: {count[0]} wavelets cannot be matched with the {count[1]} of the "
                "other network; name one with as many scales and directions in against"
            )
        references = {**references, "against": theirs}
    for to, reference in references.items():
        for form in get_args(Form):
            pairs = matched(pair_distances(ours, reference, form)).distances
            settings = {"form": form, "to": to, "weights": weights}
            numbers = {"distance": float(pairs.sum()), "mean": float(pairs.mean())}
            for metric, value in numbers.items():
                yield {**settings, "metric": metric, "value": value, "n": len(pairs)}
