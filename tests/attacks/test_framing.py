import pytest
import torch
from attacked_networks import Linear, some_images

from isotrope.attacks import Victim, pgd, resized, zero_padded


@pytest.mark.parametrize(("height", "width"), [(8, 8), (12, 30), (31, 16), (5, 9)])
def test_an_image_becomes_the_square_in_its_middle(height, width):
    ramp = torch.linspace(0, 1, width, dtype=torch.float64).expand(1, 1, height, width)
    found = resized(ramp, 8)
    assert found.shape == (1, 1, 8, 8)
    assert found.mean().item() == pytest.approx(0.5, abs=0.06)
    assert (found[0, 0, 0].diff() > 0).all()


def test_the_square_of_a_wide_image_is_its_middle_column_by_column():
    images = some_images(2, side=8)[..., :6, :]
    assert torch.equal(resized(images, 6), images[..., 1:7])


@pytest.mark.parametrize(("height", "width"), [(4, 4), (3, 8), (8, 3), (5, 8)])
def test_padding_puts_an_image_in_the_middle_of_a_black_square(height, width):
    images = some_images(2, side=8)[..., :height, :width] + 0.1
    found = zero_padded(images)
    side = max(height, width)
    assert found.shape == (2, 1, side, side)
    top, left = (side - height) // 2, (side - width) // 2
    assert torch.equal(found[..., top : top + height, left : left + width], images)
    assert found.sum().item() == pytest.approx(images.sum().item(), rel=1e-6)


def test_the_perturbation_stays_inside_the_image_where_padding_comes_after_it():
    torch.manual_seed(0)
    network = Linear(torch.randn(3, 64))
    images = torch.rand(4, 1, 5, 8)
    labels = torch.tensor([0, 1, 2, 0])
    found = pgd(Victim(network, around=zero_padded), images, labels, eps=0.1, steps=5)
    assert found.images.shape == images.shape
    changed = network(zero_padded(found.images)).argmax(dim=1) != labels
    assert torch.equal(found.fooled, changed)


def test_a_size_below_a_pixel_is_refused():
    with pytest.raises(ValueError, match="size must be at least 1 pixel, got 0"):
        resized(torch.zeros(1, 1, 2, 2), 0)
