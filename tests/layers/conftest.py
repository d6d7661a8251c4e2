"""The two ways in which scaled convolutions are computed, and the two forms of layers."""

import contextlib
import math

import pytest

from isotrope.layers import forms, scaled_spectra


@pytest.fixture(params=["for a CPU", "for a GPU"], scope="class")  # hypothesis refuses "function"
def form(request):
    """Both forms of a layer, computed on a CPU."""
    with forms.like_a_gpu() if request.param == "for a GPU" else contextlib.nullcontext():
        yield request.param


@pytest.fixture(params=["plain", "in Fourier space"], scope="module")
def way(request):
    """Both ways to compute, whichever would be quicker; yields what would have told."""
    cost = math.inf if request.param == "plain" else 0
    count = scaled_spectra.multiplications
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scaled_spectra, "multiplications", lambda *_: cost)
        yield count
