"""Agreement with Kymatio's torch backend, where it can be imported."""

import pytest
import torch

from isotrope.layers import Scattering2d

frontend = pytest.importorskip(
    "kymatio.scattering2d.frontend.torch_frontend",
    reason="Kymatio 0.3 is compared with where it is installed",
)


def images(size):
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(size))


def apart(one, other):
    return ((one - other).norm() / other.norm()).item()


def test_two_scales_agree_within_rounding():
    expected = frontend.ScatteringTorch2D(2, (32, 32))(images(32))
    assert apart(Scattering2d(2, (32, 32))(images(32)), expected) < 3e-7


@pytest.fixture(scope="module")
def four_scales():
    return frontend.ScatteringTorch2D(4, (64, 64)).double()(images(64).double())


def test_four_scales_agree_at_order_one_although_the_widest_wavelets_are_cut_off(four_scales):
    own = Scattering2d(4, (64, 64))(images(64))
    assert apart(own[:, :, :33].double(), four_scales[:, :, :33]) < 2e-5


def test_four_scales_agree_at_all_orders_with_as_many_tiles(four_scales):
    own = Scattering2d(4, (64, 64), tiles=5).double()(images(64).double())
    assert apart(own[:, :, :33], four_scales[:, :, :33]) < 1e-6
    assert apart(own[:, :, 33:], four_scales[:, :, 33:]) < 1e-6
