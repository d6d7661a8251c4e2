"""Image and mask are changed alike: an image that shows its mask shows it afterwards, too."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from isotrope.data import _joint_views as views

seeds = st.integers(0, 2**31)


def drawn(seed: int, height: int, width: int) -> tuple[Tensor, Tensor, torch.Generator]:
    """A mask of large patches, and an image that shows it."""
    generator = torch.Generator().manual_seed(seed)
    patches = torch.randint(1, 21, (2, 3), generator=generator, dtype=torch.uint8)
    mask = patches.repeat_interleave(height // 2, 0).repeat_interleave(width // 3, 1)
    return mask[None].repeat(3, 1, 1) * 10, mask, generator


@given(seed=seeds, size=st.integers(4, 60))
def test_a_random_square_shows_the_same_place_of_both(seed, size):
    image, mask, generator = drawn(seed, 24, 36)
    image, mask = views.randomly_cropped(image, mask, size, True, generator)
    assert image.shape == (3, size, size)
    assert torch.equal(image[0], mask * 10)


@given(seed=seeds)
def test_mirrored_are_both_or_none(seed):
    image, mask, generator = drawn(seed, 24, 36)
    found, labels = views.flipped_or_not(image, mask, generator)
    assert torch.equal(found[0], labels * 10)
    assert torch.equal(labels, mask) or torch.equal(labels, mask.flip(-1))


def test_every_second_image_is_mirrored_and_every_place_is_cut():
    image, mask, generator = drawn(1, 24, 36)
    turned, corners = 0, set()
    for _ in range(400):
        found, _ = views.flipped_or_not(image, mask, generator)
        turned += not torch.equal(found, image)
        places = torch.arange(6 * 6, dtype=torch.uint8).reshape(6, 6)
        square, _ = views.randomly_cropped(places.expand(3, 6, 6), places, 4, False, generator)
        corners.add(int(square[0, 0, 0]))
    assert 150 < turned < 250, "five standard deviations"
    assert corners == {6 * top + left for top in range(3) for left in range(3)}


@given(seed=seeds, border=st.integers(4, 20))
def test_a_border_in_the_image_is_where_it_is_in_the_mask_at_every_scale(seed, border):
    mask = torch.zeros(24, 36, dtype=torch.uint8)
    mask[:, border:] = 1
    generator = torch.Generator().manual_seed(seed)

    found, labels = views.scaled(mask.expand(3, -1, -1) * 200, mask, 0.5, 2.0, generator)

    height, width = labels.shape
    assert found.shape == (3, height, width)
    assert 11 <= height <= 48
    off = (found[0] > 100) != (labels == 1)
    assert ((found[0][off].float() - 100).abs() <= 2).all(), "but for rounding at the very border"


def test_scaling_by_one_leaves_both_as_they_are():
    image, mask, generator = drawn(2, 24, 36)
    found, labels = views.scaled(image, mask, 1.0, 1.0, generator)
    assert torch.equal(found, image)
    assert torch.equal(labels, mask)


@pytest.mark.parametrize("height", [31, 32, 33])
def test_padding_to_a_multiple_adds_void_below_and_to_the_right(height):
    image = torch.full((3, height, 64), 9, dtype=torch.uint8)
    found, labels = views.padded_to_multiple(image, image[0], 32)
    assert labels.shape == (-(-height // 32) * 32, 64)
    assert (labels[height:] == 255).all()
    assert (labels[:height] == 9).all()
    assert (found[:, height:] == torch.tensor(views.MEAN_COLOUR)[:, None, None]).all()


def test_colours_change_within_their_strength_and_not_without_it():
    image, _, generator = drawn(3, 24, 36)
    assert torch.equal(views.coloured(image, 0.0, generator), image)
    grey = torch.full((3, 8, 8), 100, dtype=torch.uint8)
    means = [float(views.coloured(grey, 0.5, generator).float().mean()) for _ in range(50)]
    assert 49 <= min(means) < 60
    assert 140 < max(means) <= 151
