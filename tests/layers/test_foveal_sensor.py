"""Log-polar glimpses, against a loop over single images, and turned about their fixations."""

import math

import pytest
import torch
from torch.nn import functional as F

from isotrope.layers.foveal_sensor import Fovea, FovealSensor

FOVEAS = [
    Fovea(5, 8, 0.05, 0.8),
    Fovea(4, 6, 0.02, 1.0, linear_rows=2, samples=(3, 2)),
    Fovea(5, 6, 0.1, 0.9, log_radii=False),
    Fovea(3, 4, 0.1, 0.9, samples=(1, 5)),
]


def drawn(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def radii_of(fovea):
    """As the published code writes them."""
    fine = fovea.samples[0]
    count, inner = fovea.radii * fine, fovea.linear_rows * fine
    within = [fovea.r_min * math.sqrt(h / inner) for h in range(inner)]
    if not fovea.log_radii:
        return torch.linspace(fovea.r_min, fovea.r_max, count, dtype=torch.float64)
    ends = math.log(fovea.r_min), math.log(fovea.r_max)
    grown = torch.linspace(*ends, count, dtype=torch.float64).exp()
    return torch.cat((torch.tensor(within, dtype=torch.float64), grown))


@pytest.mark.parametrize("fovea", FOVEAS, ids=str)
def test_glimpses_are_those_of_a_loop_over_a_grid_with_aligned_corners(fovea):
    images, fixations = drawn(3, 2, 16, 16), 2.4 * drawn(3, 2) - 1.2
    fixations[0] = torch.tensor([1.5, -1.5])  # far outside

    found = FovealSensor(fovea)(images, fixations)

    radii, count = radii_of(fovea), fovea.angles * fovea.samples[1]
    for number, image in enumerate(images):
        grid = torch.zeros(1, len(radii), count, 2, dtype=torch.float64)
        for row, radius in enumerate(radii):
            for column in range(count):
                angle = 2 * math.pi * column / count
                direction = torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)
                grid[0, row, column] = fixations[number] + radius * direction
        seen = F.grid_sample(image[None], grid, align_corners=True)
        expected = F.avg_pool2d(seen, fovea.samples)[0]
        assert expected.shape == (2, *fovea.shape)
        torch.testing.assert_close(found[number], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("fovea", FOVEAS, ids=str)
def test_a_quarter_turn_about_the_fixation_rolls_a_glimpse(fovea):
    fovea = fovea._replace(angles=8)
    sensor, images = FovealSensor(fovea), drawn(2, 1, 15, 15)
    fixations = torch.tensor([[0.25, -0.5], [0, 0]], dtype=torch.float64)
    turned = torch.tensor([[-0.5, -0.25], [0, 0]], dtype=torch.float64)

    found = sensor(torch.rot90(images, 1, dims=(-2, -1)), turned)

    expected = sensor(images, fixations).roll(-2, dims=-1)  # columns go clockwise
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_on_oblong_images_rings_are_circles_of_the_shorter_side():
    fovea = Fovea(3, 4, 0.25, 1.0)
    images = torch.zeros(1, 1, 9, 21, dtype=torch.float64)
    images[0, 0, 4, 14] = 1  # four pixels from the centre, along the longer side
    found = FovealSensor(fovea)(images, torch.zeros(1, 2, dtype=torch.float64))
    assert FovealSensor(fovea).rings(9, 21).tolist() == pytest.approx([1, 2, 4])
    assert found[0, 0, :, 0].tolist() == pytest.approx([0, 0, 1])


def test_rings_of_the_published_fovea_in_pixels():
    found = FovealSensor(Fovea(20, 24, 0.05, 0.8)).rings(96, 96)
    assert found[[0, -1]].tolist() == pytest.approx([2.375, 38])
    assert float(found[1] / found[0]) == pytest.approx(1.157, abs=1e-3)


@pytest.mark.parametrize(
    ("fovea", "message"),
    [
        (Fovea(0, 8, 0.1, 1.0), "a fovea needs a radius and an angle or more"),
        (Fovea(4, 8, 0.5, 0.4), "need 0 < r_min < r_max, got r_min=0.5 and r_max=0.4"),
        (Fovea(4, 8, 0.1, 1.0, False, 2), "linear rows are within radii that grow by a factor"),
    ],
)
def test_numbers_that_make_no_fovea_are_refused(fovea, message):
    with pytest.raises(ValueError, match=message):
        FovealSensor(fovea)
