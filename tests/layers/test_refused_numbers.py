"""Numbers that no layer can be made with, each with what they would have to be."""

from math import inf
from types import SimpleNamespace

import pytest
import torch

from isotrope.layers import APS, LPConv
from isotrope.layers.log_polar_jobs import site_of
from isotrope.layers.log_polar_stencils import Sith

BANK = SimpleNamespace(margin=3)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: site_of(BANK, 9, 9, 0), "need stride >= 1 and trim >= 0, got 0 and 0"),
        (lambda: site_of(BANK, 9, 9, 1, -1), "need stride >= 1 and trim >= 0, got 1 and -1"),
        (lambda: site_of(BANK, 4, 9, 1, 2), "trimming 2 pixels leaves nothing of maps of 4 x 9"),
        (lambda: site_of(BANK, 9, 4, 1, 2), "trimming 2 pixels leaves nothing of maps of 9 x 4"),
        (lambda: Sith(k=0), "need k >= 1 and sharpness > 0, got k=0 and sharpness=1.0"),
        (lambda: Sith(sharpness=0.0), "need k >= 1 and sharpness > 0, got k=50 and sharpness=0.0"),
        (lambda: Sith(distance="step"), "got 'step' and 'step'"),
        (lambda: Sith(window="arc"), "got 'arc' and 'arc'"),
        (lambda: APS(norm=0.5), "the power of a norm is at least 1, got 0.5"),
        (lambda: APS(norm=inf, indivisible="wrap"), "an infinite norm cannot tell them apart"),
    ],
)
def test_numbers_out_of_range_are_refused(make, said):
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        make()
    assert said in str(refused.value)


def test_numbers_at_the_ends_of_their_ranges_are_taken():
    assert site_of(BANK, 5, 6, 1, 2) is not None
    assert Sith(k=1, sharpness=1e-9).k == 1
    assert APS(norm=2, indivisible="wrap").norm == 2
    assert (APS(norm=1).norm, APS(norm=inf).norm) == (1, inf)


def test_means_of_responses_have_no_winners():
    layer = LPConv(1, 2, 3, ntau=6, num_angles=8, tau_max=4, pooling="avg")
    with pytest.raises(ValueError, match="means have no winners; need pooling='max'"):
        layer.winners(torch.zeros(1, 1, 8, 8))
