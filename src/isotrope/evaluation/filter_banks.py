"""The wavelets of a scattering transform as pictures, before and after training.

Arrays, each with ``_before`` (left out where it is not known how the training began) and
``_after``; K wavelets, the first scale's directions first:

* ``spectra``: their Fourier transforms, which are real, float32 ``(K, rows, columns)``;
* ``real``, ``imaginary``: the wavelets themselves;
* ``littlewood_paley``: the sum of the squared spectra ``(rows, columns)`` of the padded image;
* ``theta``, ``xi``, ``sigma``, ``slant``: their numbers ``(scales, angles)``; left out where
  spectra are learned pixel by pixel.

In all pictures the zero of frequency or place is in the middle (at ``side // 2``). Those of single
wavelets are of ``side`` pixels at most: of a larger grid the middle is kept, and the spectra are
those of the middle. Besides, ``tight_frame`` holds the spectra of a tight frame, and ``pairs`` for
each wavelet after training the number of that of the tight frame with which it is matched (see
``filter_distance``, published form; spectra that are learned pixel by pixel are matched by their
Euclidean distance). ``shape`` holds the numbers of scales and directions.

Rows, by ``weights`` (``trained``, ``untrained``): ``lower_bound`` and ``upper_bound``, the least
and the largest value over all frequencies of the squared spectrum of the low-pass filter plus the
mean of the Littlewood-Paley sum at a frequency and at its opposite. The wavelet transform of a real
image keeps its energy up to factors between them, before anything is subsampled. ``n`` is the
number of wavelets.
"""

from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from isotrope.datasets.stream import Split
from isotrope.evaluation._sweeps import Row
from isotrope.evaluation._wavelet_distances import (
    NUMBERS,
    matched,
    pair_distances,
    tight_frame,
)
from isotrope.evaluation._wavelets import known_numbers, layer_of
from isotrope.files.arrays import Array
from isotrope.layers.morlet_bank import morlet_spectra
from isotrope.layers.scattering import Scattering2d
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
SPLIT = "test"
CALLS = {"wavelets"}
ARRAYS = True

STATES = {"untrained": "before", "trained": "after"}


class Params(Settings):
    """Settings of ``filter_banks``."""

    side: int = Field(64, ge=8, description="the largest side of a wavelet's picture, pixels")


def evaluate(
    networks: Networks, data: Split, params: Params
) -> tuple[list[Row], dict[int, dict[str, Array]]]:
    """Rows and arrays of each seed, see above; the images are not looked at."""
    del data
    rows: dict[int, list[Row]] = {seed: [] for seed in networks.seeds}
    arrays: dict[int, dict[str, Array]] = {seed: {} for seed in networks.seeds}
    for weights, some in (("untrained", networks.untrained()), ("trained", networks)):
        for seed, network in some or ():
            with torch.inference_mode():
                layer = layer_of(network)
                found = {**_pictures(layer, params.side), **known_numbers(layer)}
                arrays[seed] |= {f"{name}_{STATES[weights]}": one for name, one in found.items()}
                if weights == "trained":
                    arrays[seed] |= _beside_a_tight_frame(layer, params.side)
                rows[seed] += _rows(seed, weights, layer)
    return [row for its in rows.values() for row in its], arrays


def _pictures(layer: Scattering2d, side: int) -> dict[str, Array]:
    """The pictures of the wavelets as they are."""
    places = _middle(torch.fft.fftshift(torch.fft.ifft2(_bank(layer)), dim=(-2, -1)), side)
    return {
        "spectra": _array(_centred_spectra(_bank(layer), side)),
        "real": _array(places.real),
        "imaginary": _array(places.imag),
        "littlewood_paley": _array(torch.fft.fftshift(layer.littlewood_paley().double())),
    }


def _bank(layer: Scattering2d) -> Tensor:
    return layer.bank().detach().double()


def _beside_a_tight_frame(layer: Scattering2d, side: int) -> dict[str, Array]:
    """A tight frame of as many wavelets, and which of it belongs to which wavelet."""
    frame = tight_frame(layer.J, layer.L)
    theta, xi, sigma, slant = (torch.from_numpy(frame[name].ravel()) for name in NUMBERS)
    spectra = morlet_spectra(theta, xi, sigma, slant, layer.padded, tiles=layer.tiles)
    if known := known_numbers(layer):
        distances = pair_distances(known, frame)
    else:
        distances = torch.cdist(_bank(layer).cpu().flatten(1), spectra.flatten(1)).numpy()
    return {
        "tight_frame": _array(_centred_spectra(spectra, side)),
        "pairs": matched(distances).partners,
        "shape": np.array([layer.J, layer.L]),
    }


def _centred_spectra(spectra: Tensor, side: int) -> Tensor:
    """Spectra with the constant in the middle; of a large grid those of the middle of the plane."""
    if max(spectra.shape[-2:]) > side:
        places = _middle(torch.fft.fftshift(torch.fft.ifft2(spectra), dim=(-2, -1)), side)
        spectra = torch.fft.fft2(torch.fft.ifftshift(places, dim=(-2, -1))).real
    found: Tensor = torch.fft.fftshift(spectra, dim=(-2, -1))
    return found


def _middle(maps: Tensor, side: int) -> Tensor:
    """The middle of maps, at most so large; what is in their middle stays there."""
    for axis in (-2, -1):
        length = maps.shape[axis]
        if length > side:
            maps = maps.narrow(axis, length // 2 - side // 2, side)
    return maps


def _rows(seed: int, weights: str, layer: Scattering2d) -> list[Row]:
    """The frame bounds."""
    total = layer.littlewood_paley().double().cpu()
    opposite = total.flip((-2, -1)).roll((1, 1), (-2, -1))
    energy = layer.low_pass().double().cpu().square() + (total + opposite) / 2
    bounds = {"lower_bound": energy.min(), "upper_bound": energy.max()}
    common: dict[str, Any] = {"seed": seed, "weights": weights}
    return [
        {**common, "metric": metric, "value": float(value), "n": layer.J * layer.L}
        for metric, value in bounds.items()
    ]


def _array(values: Tensor) -> Array:
    return np.asarray(values.detach().float().cpu().numpy())
