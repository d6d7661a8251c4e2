"""What evaluations share that look at the wavelets of a network, which its ``wavelets()`` gives."""

from typing import Any

import numpy as np
import torch
from torch import nn

from isotrope.errors import UserError
from isotrope.evaluation._wavelet_distances import NUMBERS
from isotrope.files.arrays import Array
from isotrope.layers.scattering import Scattering2d


def layer_of(network: nn.Module) -> Scattering2d:
    """The scattering transform of a network."""
    asked: Any = network
    found: Scattering2d = asked.wavelets()
    return found


def numbers_of(layer: Scattering2d, evaluation: str) -> dict[str, Array]:
    """The numbers of the wavelets, float64 ``(scales, angles)`` each.

    Raises:
        UserError: if the wavelets have none, because their spectra are learned pixel by pixel.
    """
    found = known_numbers(layer)
    if not found:
        raise UserError(
            f"{evaluation}: wavelets that are learned pixel by pixel have no direction, frequency, "
            "width and slant; take it out of evaluations"
        )
    return found


def known_numbers(layer: Scattering2d) -> dict[str, Array]:
    """As `numbers_of`, but nothing where the wavelets have no numbers."""
    with torch.no_grad():
        filters = layer.filters()
        return {
            name: np.asarray(filters[name].detach().double().cpu().numpy())
            for name in NUMBERS
            if name in filters
        }
