"""Synthesis from the coefficients of a network: known answers, and what rows and arrays say."""

import numpy as np
import pytest
import torch
from torch import nn

from isotrope.datasets.images import Images
from isotrope.errors import UserError
from isotrope.evaluation.synthesis import Params, evaluate
from isotrope.measuring.networks import Networks

CPU = torch.device("cpu")


class Rows(nn.Module):
    """A network whose part ``scattering`` gives all pixels, and ``features`` the means of rows."""

    def __init__(self, parts=("scattering", "features")):
        super().__init__()
        self.scattering = nn.Identity()
        self.features = nn.AdaptiveAvgPool2d((None, 1))
        self.lin = nn.Linear(5, 3)
        self.parts = parts

    def forward(self, images):
        return self.lin(self.features(self.scattering(images)).flatten(1))


def images_of(*labels):
    generator = torch.Generator().manual_seed(1)
    drawn = torch.randint(0, 256, (len(labels), 1, 5, 6), dtype=torch.uint8, generator=generator)
    return Images(drawn, torch.tensor(labels))


def found(parts, data, **settings):
    networks = Networks({1: Rows(), 4: Rows()}, CPU, part_names=parts)
    return evaluate(networks, data, Params(**settings))


def value(rows, seed, step, metric):
    (one,) = [r for r in rows if (r["seed"], r["step"], r["metric"]) == (seed, step, metric)]
    return one["value"]


def test_coefficients_that_are_all_pixels_give_the_image_again():
    data = images_of(2, 0, 0, 2, 1)

    rows, arrays = found(("scattering", "features"), data, images=2, steps=20)

    for seed in (1, 4):
        its = arrays[seed]
        np.testing.assert_array_equal(its["images"], data.images[[1, 4]].numpy())
        np.testing.assert_array_equal(its["labels"], [0, 1])
        np.testing.assert_array_equal(its["synthesised"], its["images"])
        assert value(rows, seed, 20, "image_error") < 1e-6
        assert value(rows, seed, 20, "coefficient_error") < 1e-6
        assert value(rows, seed, 0, "coefficient_error") > 0.1
        assert its["coefficient_errors"].shape == (2, 21)
        first = value(rows, seed, 0, "coefficient_error")
        assert first == pytest.approx(its["coefficient_errors"][:, 0].mean(), rel=1e-6)


def test_coefficients_that_are_means_of_rows_give_another_image_with_these_means():
    data = images_of(1, 0)

    rows, arrays = found(("features",), data, steps=16)

    steps = sorted({row["step"] for row in rows})
    assert steps == [0, 1, 2, 4, 8, 16]
    assert value(rows, 1, 16, "coefficient_error") < 1e-6
    assert value(rows, 1, 16, "image_error") > 0.3
    its = arrays[1]
    assert its["starts"].dtype == its["synthesised"].dtype == np.uint8
    assert not np.array_equal(its["starts"][0], its["starts"][1])


def test_the_noise_of_an_image_depends_on_its_number_and_the_seed_of_the_noise_alone():
    data = images_of(1, 0)
    starts = [
        found(("features",), data, images=images, steps=1, noise_seed=noise_seed)[1][4]["starts"]
        for images, noise_seed in ((1, 0), (2, 0), (1, 5))
    ]
    np.testing.assert_array_equal(starts[0], starts[1][:1])
    assert not np.array_equal(starts[0], starts[2])


def test_a_network_without_a_gradient_is_refused():
    class Stopped(Rows):
        def forward(self, images):
            return super().forward(images.detach())

    networks = Networks({1: Stopped()}, CPU, part_names=("features",))
    with pytest.raises(UserError, match="features of Stopped: the transform has no gradient"):
        evaluate(networks, images_of(0), Params(steps=1))
