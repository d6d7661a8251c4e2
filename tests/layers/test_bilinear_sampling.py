import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from operations import Operations
from torch.func import vmap
from torch.nn import functional as F

from isotrope.layers import forms
from isotrope.layers.bilinear_sampling import sampled

EXACT = {"rtol": 0, "atol": 1e-12}  # float64, sums of some ten terms of order one


def drawn(seed, *sides, stack=(), channels=2):
    """Images and grids that reach beyond them, as functions of a seed."""
    generator = torch.Generator().manual_seed(seed)
    numbers = {"generator": generator, "dtype": torch.float64}
    images = torch.randn(*stack, 3, channels, *sides, **numbers)
    return images.requires_grad_(), torch.randn(*stack, 3, 4, 5, 2, **numbers).requires_grad_()


def with_gradients(sample, images, grid):
    found = sample(images, grid)
    weight = torch.linspace(-1, 1, found.numel(), dtype=found.dtype).view(found.shape)
    return found, *torch.autograd.grad((found * weight).sum(), (images, grid))


def of_torch(images, grid):
    return F.grid_sample(images, grid, align_corners=False)


@pytest.mark.usefixtures("either_form")
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**31), sides=st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_values_and_gradients_are_those_of_torch(seed, sides):
    found, expected = (with_gradients(way, *drawn(seed, *sides)) for way in (sampled, of_torch))
    torch.testing.assert_close(found, expected, **EXACT)


@pytest.mark.usefixtures("either_form")
@pytest.mark.filterwarnings("error:There is a performance drop")
@pytest.mark.parametrize("shared", [False, True])
def test_rows_of_a_stack_sample_their_own_or_shared_images_as_alone(shared):
    images, grid = drawn(0, 6, 7, stack=(3,))
    if shared:
        images = images[0].detach().requires_grad_()
    rows = [images] * 3 if shared else list(images)

    found = with_gradients(vmap(sampled, (None if shared else 0, 0)), images, grid)

    expected = with_gradients(
        lambda *_: torch.stack([of_torch(*row) for row in zip(rows, grid, strict=True)]),
        images,
        grid,
    )
    torch.testing.assert_close(found, expected, **EXACT)


def test_pixels_that_are_hit_exactly_have_the_gradient_of_torch_in_float32():
    """There the gradient jumps, and an untrained layer asks for such pixels only."""
    centres = (2 * torch.arange(64) + 1) / 64 - 1
    grid = torch.stack(torch.meshgrid(centres, centres, indexing="xy"), dim=-1)[None]
    images = torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    images.requires_grad_()

    with forms.like_a_gpu():
        _, _, ours = with_gradients(sampled, images, grid.clone().requires_grad_())

    _, _, theirs = with_gradients(of_torch, images, grid.clone().requires_grad_())
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("number", [torch.nan, torch.inf, -1e30])
def test_a_grid_of_a_diverged_seed_does_not_reach_beyond_the_image(number):
    images, grid = drawn(0, 6, 7)
    grid = grid.detach().clone()
    grid[0] = number
    grid.requires_grad_()

    with forms.like_a_gpu():
        _, _, ours = with_gradients(sampled, images, grid)

    _, _, theirs = with_gradients(of_torch, images, grid)
    torch.testing.assert_close(ours[1:], theirs[1:], **EXACT)


@pytest.mark.parametrize("of_images", [False, True])
def test_on_a_gpu_the_varying_kernel_runs_for_the_gradient_of_images_alone(of_images):
    images, grid = (value.detach().to("meta") for value in drawn(0, 6, 7))
    grid.requires_grad_()
    images.requires_grad_(of_images)
    with Operations() as counted:
        sampled(images if of_images else images.detach(), grid).sum().backward()
    assert counted.launches["grid_sampler_2d_backward"] == of_images
    assert not [name for name in counted.launches if "scatter" in name or "index_put" in name]
