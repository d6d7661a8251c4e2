"""Patches about fixations, against cuts at whole pixels and a sample at a time."""

import pytest
import torch
from torch.nn import functional as F

from isotrope.layers.looking import in_pixels
from isotrope.layers.patch_sensor import PatchSensor


def drawn(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def fixation_of(column, row, height, width):
    """That whose place is at a column and a row."""
    place = [2 * column / (width - 1) - 1, 2 * row / (height - 1) - 1]
    return torch.tensor(place, dtype=torch.float64)


def test_corners_and_centre_of_an_image_are_where_fixations_say():
    fixations = torch.tensor([[-1.0, -1], [1, 1], [0, 0.5]]).double()
    found = in_pixels(fixations, 5, 9)
    assert found.tolist() == [[0, 0], [8, 4], [4, 3]]


def test_a_patch_between_pixels_is_cut_out_of_the_image():
    images = drawn(2, 3, 9, 12)
    fixations = torch.stack([fixation_of(4.5, 3.5, 9, 12), fixation_of(6.5, 4.5, 9, 12)])

    found = PatchSensor(4)(images, fixations)

    expected = torch.stack([images[0, :, 2:6, 3:7], images[1, :, 3:7, 5:9]])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_larger_patches_are_means_and_reach_into_zeros_outside():
    images = drawn(1, 2, 8, 8)
    fixation = fixation_of(2.5, 1.5, 8, 8)[None]

    found = PatchSensor(2, scales=3, growth=2)(images, fixation)

    around = F.pad(images, (8, 8, 8, 8))
    cuts = [around[..., 10 - half : 10 + half, 11 - half : 11 + half] for half in (1, 2, 4)]
    means = [F.avg_pool2d(cut, cut.shape[-1] // 2) for cut in cuts]
    expected = torch.stack(means, dim=2).flatten(1, 2)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_between_these_places_values_are_those_of_a_grid_with_aligned_corners():
    images, fixations = drawn(3, 2, 7, 10), 3 * drawn(3, 2) - 1.5

    found = PatchSensor(3)(images, fixations)

    step = torch.arange(3, dtype=torch.float64) - 1
    x, y = step.expand(3, 3) * 2 / 9, step[:, None].expand(3, 3) * 2 / 6
    for number, image in enumerate(images):
        grid = torch.stack((fixations[number, 0] + x, fixations[number, 1] + y), dim=-1)
        expected = F.grid_sample(image[None], grid[None], align_corners=True)
        torch.testing.assert_close(found[number], expected[0], rtol=0, atol=1e-12)


def test_a_gradient_goes_to_the_fixations():
    images, fixations = drawn(2, 1, 6, 6), (drawn(2, 2) - 0.5).requires_grad_()
    assert torch.autograd.gradcheck(lambda at: PatchSensor(2, 2)(images, at), (fixations,))


def test_numbers_that_make_no_patch_are_refused():
    with pytest.raises(ValueError, match="patches need numbers of 1 or more, got 0, 1, 2"):
        PatchSensor(0)
