"""Distances and pictures of the wavelets of networks, against the layer and closed forms."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from isotrope.datasets.images import Images
from isotrope.errors import UserError
from isotrope.evaluation import _wavelet_distances, filter_banks, filter_distance
from isotrope.layers.morlet_bank import tight_frame
from isotrope.layers.scattering import Scattering2d
from isotrope.measuring.networks import Networks

CPU = torch.device("cpu")
DATA = Images(torch.zeros(1, 1, 16, 16, dtype=torch.uint8), torch.zeros(1, dtype=torch.int64))


class Waves(nn.Module):
    """A network that is a scattering transform and nothing else."""

    def __init__(self, shift=0.0, shape=(16, 16), scales=2, parameterization="canonical"):
        super().__init__()
        self.scattering = Scattering2d(scales, shape, 4, parameterization=parameterization)
        with torch.no_grad():
            for numbers in self.scattering.parameters():
                numbers += shift

    def wavelets(self):
        return self.scattering

    def forward(self, images):
        return self.scattering(images)


def networks(shifts, against=None, **settings):
    found = Networks(
        {seed: Waves(shift, **settings) for seed, shift in enumerate(shifts, 1)},
        CPU,
        initial=lambda seed: Waves(**settings),
    )
    found.against = against
    return found


def values(rows, metric, **settings):
    return {
        row["seed"]: row["value"]
        for row in rows
        if row["metric"] == metric and all(row[key] == its for key, its in settings.items())
    }


@pytest.mark.parametrize(("scales", "angles"), [(1, 4), (2, 8), (4, 8), (3, 5)])
def test_the_tight_frame_without_torch_is_that_of_the_layer(scales, angles):
    expected = tight_frame(scales, angles)
    found = _wavelet_distances.tight_frame(scales, angles)
    for name in _wavelet_distances.NUMBERS:
        np.testing.assert_allclose(found[name], expected[name].numpy(), rtol=0, atol=1e-14)


def test_the_distance_to_the_tight_frame_is_zero_before_and_grows_with_the_shift():
    rows = filter_distance.evaluate(networks([0.0, 0.01]), DATA, filter_distance.Params())
    for form in ("published", "periodic"):
        before = values(rows, "distance", form=form, weights="untrained", to="tight_frame")
        # weights are float32: angles of about 1 are off by 1e-7 each
        assert before == {1: pytest.approx(0, abs=2e-6), 2: pytest.approx(0, abs=2e-6)}
    after = values(rows, "distance", form="published", weights="trained", to="tight_frame")
    shifted = 8 * (0.01 + math.sqrt(3) * 0.01)
    assert after[1] == pytest.approx(0, abs=2e-6)
    assert after[2] == pytest.approx(shifted, rel=1e-4)
    mean = values(rows, "mean", form="published", weights="trained", to="tight_frame")
    assert mean[2] == pytest.approx(after[2] / 8)
    assert {row["to"] for row in rows} == {"tight_frame"}
    assert {row["n"] for row in rows} == {8}


def test_the_distance_to_another_network_is_that_of_their_wavelets():
    others = networks([0.03, 0.03])
    rows = filter_distance.evaluate(
        networks([0.01, 0.03], against=others), DATA, filter_distance.Params()
    )
    found = values(rows, "distance", form="published", weights="trained", to="against")
    assert found[1] == pytest.approx(8 * (0.02 + math.sqrt(3) * 0.02), rel=1e-3)
    assert found[2] == pytest.approx(0, abs=2e-6)
    before = values(rows, "distance", form="published", weights="untrained", to="against")
    assert before[1] == pytest.approx(0, abs=2e-6)


def test_other_networks_with_other_numbers_of_wavelets_are_refused():
    one = networks([0.0], against=networks([0.0], scales=1))
    with pytest.raises(UserError, match="8 wavelets cannot be matched with the 4 of the other"):
        filter_distance.evaluate(one, DATA, filter_distance.Params())


def test_wavelets_without_numbers_have_no_distance_but_pictures():
    made = networks([0.0], parameterization="pixelwise")
    with pytest.raises(UserError, match="learned pixel by pixel have no direction"):
        filter_distance.evaluate(made, DATA, filter_distance.Params())
    _, arrays = filter_banks.evaluate(made, DATA, filter_banks.Params())
    np.testing.assert_array_equal(arrays[1]["pairs"], range(8))
    assert not [name for name in arrays[1] if name.startswith("theta")]


def test_the_pictures_are_those_of_the_wavelets_before_and_after():
    made = networks([0.1])
    rows, arrays = filter_banks.evaluate(made, DATA, filter_banks.Params())
    layers = {"before": Waves().scattering, "after": Waves(0.1).scattering}
    assert layers["after"].padded == (24, 24)
    for when, layer in layers.items():
        bank = layer.bank().detach().numpy()
        its = {name.removesuffix(f"_{when}"): one for name, one in arrays[1].items()}
        for found, expected in zip(its["spectra"], bank, strict=True):
            np.testing.assert_allclose(found, np.fft.fftshift(expected), atol=1e-6)
            places = np.fft.fftshift(np.fft.ifft2(expected))
            np.testing.assert_allclose(its["real"][0].shape, places.shape)
        places = np.fft.fftshift(np.fft.ifft2(bank), axes=(-2, -1))
        np.testing.assert_allclose(its["real"], places.real, atol=1e-6)
        np.testing.assert_allclose(its["imaginary"], places.imag, atol=1e-6)
        total = np.fft.fftshift((bank**2).sum(axis=0))
        np.testing.assert_allclose(its["littlewood_paley"], total, atol=1e-5)
        np.testing.assert_allclose(its["theta"], layer.theta.detach().numpy(), atol=1e-7)
    frame = Waves().scattering.bank().detach().numpy()
    np.testing.assert_allclose(
        arrays[1]["tight_frame"], np.fft.fftshift(frame, axes=(-2, -1)), atol=1e-6
    )
    np.testing.assert_array_equal(arrays[1]["pairs"], range(8))
    np.testing.assert_array_equal(arrays[1]["shape"], [2, 4])
    assert {row["weights"] for row in rows} == {"trained", "untrained"}


def test_of_large_banks_the_middle_is_kept():
    layer = networks([0.0], shape=(60, 60))
    _, whole = filter_banks.evaluate(layer, DATA, filter_banks.Params(side=256))
    _, small = filter_banks.evaluate(layer, DATA, filter_banks.Params(side=48))
    assert whole[1]["real_after"].shape == (8, 68, 68)
    assert small[1]["real_after"].shape == (8, 48, 48)
    middle = whole[1]["real_after"][:, 10:58, 10:58]
    np.testing.assert_array_equal(small[1]["real_after"], middle)
    assert small[1]["real_after"][0, 24, 24] == whole[1]["real_after"].max(axis=(1, 2))[0]
    # wavelets of sigma 1.6 are gone 24 pixels from their middle, so nothing is cut off
    cut = small[1]["spectra_after"]
    places = np.fft.fft2(np.fft.ifftshift(small[1]["real_after"], axes=(-2, -1)))
    places += 1j * np.fft.fft2(np.fft.ifftshift(small[1]["imaginary_after"], axes=(-2, -1)))
    np.testing.assert_allclose(cut, np.fft.fftshift(places.real, axes=(-2, -1)), atol=1e-5)
    assert cut.max() == pytest.approx(whole[1]["spectra_after"].max(), rel=0.05)


def test_frame_bounds_hold_the_energy_of_the_transform_of_real_images():
    (network,) = (one for _, one in networks([0.2]))
    layer = network.wavelets()
    rows, _ = filter_banks.evaluate(networks([0.2]), DATA, filter_banks.Params())
    low = values(rows, "lower_bound", weights="trained")[1]
    high = values(rows, "upper_bound", weights="trained")[1]
    bank = layer.bank().detach().double()
    generator = torch.Generator().manual_seed(0)
    ratios = []
    for power in (0.0, 1.0, 3.0):
        image = torch.randn(24, 24, generator=generator, dtype=torch.float64)
        weight = 1 / (1 + torch.fft.fftfreq(24)[:, None].abs() * 24) ** power
        spectrum = torch.fft.fft2(torch.fft.ifft2(torch.fft.fft2(image) * weight).real)
        waves = torch.fft.ifft2(spectrum * bank).abs().square().sum()
        mean = torch.fft.ifft2(spectrum * layer.low_pass()).abs().square().sum()
        ratios.append(float((waves + mean) / torch.fft.ifft2(spectrum).abs().square().sum()))
    assert low <= min(ratios) <= max(ratios) <= high
    assert 0 <= low < high
