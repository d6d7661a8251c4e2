"""The two ways in which scaled convolutions are computed."""

import math

import pytest

from isotrope.layers import scaled_spectra


@pytest.fixture(params=["plain", "in Fourier space"], scope="module")
def way(request):
    """Both ways to compute, whichever would be quicker; yields what would have told."""
    cost = math.inf if request.param == "plain" else 0
    count = scaled_spectra.multiplications
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scaled_spectra, "multiplications", lambda *_: cost)
        yield count
