"""Images from coefficients: known answers of linear and Riesz transforms, and traces that fall."""

import pytest
import torch
from torch import nn

from isotrope.layers.riesz import Riesz2d
from isotrope.layers.synthesis import synthesise


def drawn(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=generator, dtype=dtype)


def test_the_image_behind_coefficients_of_an_invertible_matrix_is_found():
    matrix = torch.eye(12, dtype=torch.float64) + 0.1 * drawn(12, 12, seed=1)
    image = drawn(3, 4)

    found = synthesise(lambda one: matrix @ one.flatten(), matrix @ image.flatten(), (3, 4), 60, 7)

    torch.testing.assert_close(found.image, image, rtol=0, atol=1e-7)
    assert found.errors[-1] < 1e-7 < found.errors[0]


def test_of_all_images_with_the_same_means_the_one_near_the_start_is_found():
    """The means of rows say nothing about differences inside a row: these stay those of noise."""
    target = drawn(5, seed=3)

    found = synthesise(lambda one: one.mean(-1), target, (5, 6), 30, seed=4)

    torch.testing.assert_close(found.image.mean(-1), target, rtol=0, atol=1e-9)
    inside = found.start - found.start.mean(-1, keepdim=True)
    torch.testing.assert_close(
        found.image - found.image.mean(-1, keepdim=True), inside, rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_riesz_features_of_noise_become_those_of_an_image(dtype):
    transform, image = Riesz2d(depth=2), drawn(1, 1, 9, 9, seed=2, dtype=dtype) ** 3
    target = transform(image)

    found = synthesise(transform, target, image.shape, 25)

    assert found.image.dtype == dtype
    assert len(found.errors) == 26
    assert found.errors[-1] < found.errors[0] / 100
    gap = torch.linalg.vector_norm(transform(found.image) - target) / target.norm()
    assert found.errors[-1] == pytest.approx(float(gap), rel=1e-4)
    gap = torch.linalg.vector_norm(transform(found.start) - target) / target.norm()
    assert found.errors[0] == pytest.approx(float(gap), rel=1e-4)


def test_no_step_makes_the_error_larger_and_the_seed_decides_the_noise():
    transform = Riesz2d(depth=1, directions=3)
    target = transform(drawn(7, 6, seed=5))

    first, again, other = (synthesise(transform, target, (7, 6), 12, seed) for seed in (1, 1, 2))

    assert all(b <= a * (1 + 1e-12) for a, b in zip(first.errors, first.errors[1:], strict=False))
    assert torch.equal(first.image, again.image)
    assert first.errors == again.errors
    assert not torch.equal(first.start, other.start)


def test_weights_of_the_transform_and_their_gradients_stay():
    layer = nn.Linear(6, 4).double()
    before = layer.weight.clone()
    with torch.no_grad():
        target = layer(drawn(6))
        found = synthesise(layer, target, (6,), 5)
    assert not found.image.requires_grad
    assert layer.weight.grad is None
    assert torch.equal(layer.weight, before)


def test_no_step_gives_the_noise_and_a_target_of_zeros_is_no_division_by_zero():
    found = synthesise(lambda one: one.sum(-1), torch.zeros(3), (3, 4), 0)
    assert torch.equal(found.image, found.start)
    assert found.errors == pytest.approx([float(found.start.sum(-1).norm())])


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"shape \(3,\) for an image of shape \(3, 4\), and .*\(2"):
        synthesise(lambda one: one.sum(-1), torch.zeros(2), (3, 4), 1)
    with pytest.raises(ValueError, match="no gradient with respect to the image"):
        synthesise(lambda one: one.detach().sum(-1), torch.zeros(3), (3, 4), 1)
    with pytest.raises(ValueError, match="steps must be 0 or more, got -1"):
        synthesise(lambda one: one.sum(-1), torch.zeros(3), (3, 4), -1)
