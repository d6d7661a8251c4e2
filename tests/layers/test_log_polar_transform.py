import plain_log_polar as plain
import pytest
import torch

from isotrope.layers import LogPolarTransform
from isotrope.layers.log_polar_stencils import Sith

GRID = {"tau_min": 1.0, "tau_max": 6.0, "ntau": 4, "num_angles": 8}


def images(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.usefixtures("either_form")
def test_samples_are_bilinear_between_the_four_pixels_around():
    seen = images(2, 3, 7, 9)

    found = LogPolarTransform(**GRID, border=-0.4)(seen)

    expected = plain.bilinear_samples(seen, *GRID.values(), around=-0.4)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-13)


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize(
    "kind",
    [
        {"kind": "bilinear", "smooth": True},
        {"kind": "gaussian"},
        {"kind": "gaussian", "blur": 0.5, "include_center": True},
        {"kind": "sith_v1", "sith": Sith(k=20, distance="line")},
        {"kind": "sith_v2", "sith": Sith(k=20, window="gaussian")},
    ],
)
def test_samples_of_any_bank_are_those_of_its_stencils(kind):
    seen = images(1, 2, 8, 7)
    transform = LogPolarTransform(**GRID, **kind, border=[0.5, -1.0])

    found = transform(seen)

    around = torch.tensor([0.5, -1.0], dtype=torch.float64)[:, None, None]
    expected = plain.stencil_samples(seen, transform.bank, around)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 6)])
def test_centres_with_a_stride_lie_symmetrically_inside_the_trim(height, width):
    seen = images(1, 1, height, width)

    found = LogPolarTransform(**GRID, stride=2, trim=1)(seen)

    every = LogPolarTransform(**GRID)(seen)
    rows, columns = (slice(1 + (side - 3) % 2 // 2, side - 1, 2) for side in (height, width))
    torch.testing.assert_close(found, every[..., rows, columns])


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("kind", ["bilinear", "gaussian", "sith_v2"])
def test_gradients_are_those_of_small_differences(kind):
    seen = images(2, 1, 3, 4).requires_grad_()
    transform = LogPolarTransform(
        tau_max=2.0, ntau=2, num_angles=3, kind=kind, border=0.2, stride=2
    )

    assert torch.autograd.gradcheck(transform, seen)
    assert torch.autograd.gradgradcheck(transform, seen)


@pytest.mark.usefixtures("either_form")
def test_a_stack_of_images_is_sampled_as_each_alone():
    seen = images(3, 2, 1, 6, 6).requires_grad_()
    transform = LogPolarTransform(**GRID, kind="gaussian")

    found = torch.func.vmap(transform)(seen)

    expected = torch.stack([transform(one) for one in seen])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-13)
    weight = torch.randn_like(found)
    for together, alone in zip(
        torch.autograd.grad((found * weight).sum(), seen),
        torch.autograd.grad((expected * weight).sum(), seen),
        strict=True,
    ):
        torch.testing.assert_close(together, alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["bilinear", "gaussian", "sith_v1", "sith_v2"])
def test_a_quarter_turn_of_the_image_rolls_the_angles(kind):
    seen = images(1, 2, 9, 9)
    transform = LogPolarTransform(**GRID, kind=kind, border=-0.3)

    turned = transform(torch.rot90(seen, 1, (-2, -1)))  # counter-clockwise: from y to x

    expected = torch.rot90(transform(seen), 1, (-2, -1)).roll(-2, dims=3)
    torch.testing.assert_close(turned, expected, rtol=0, atol=1e-12)


def test_other_numbers_of_channels_than_of_border_values_are_refused():
    with pytest.raises(ValueError, match="border has 3 values for images of 1 channels"):
        LogPolarTransform(border=[0.1, 0.2, 0.3])(images(1, 1, 5, 5))


def test_too_much_trim_is_refused():
    with pytest.raises(ValueError, match="trimming 3 pixels leaves nothing of maps of 6 x 9"):
        LogPolarTransform(trim=3)(images(1, 1, 6, 9))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_samples_are_of_the_type_of_the_images(dtype):
    images = torch.rand(1, 1, 9, 9, generator=torch.Generator().manual_seed(1)).to(dtype)
    found, exact = LogPolarTransform(**GRID)(images), LogPolarTransform(**GRID)(images.double())
    assert found.dtype == dtype
    tolerance = 1e-2 if dtype == torch.bfloat16 else 1e-6
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=tolerance)
