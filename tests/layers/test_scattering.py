import copy

import numpy as np
import plain_scattering as plain
import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap

from isotrope.layers import Scattering2d

PARAMETERIZATIONS = ("fixed", "canonical", "equivariant", "pixelwise")


def noise(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def transform(*given, **named):
    np.random.seed(3)
    return Scattering2d(*given, **named).double()


def rebuilt(own, image, copy_of=plain.on_coarser_grid):
    """By the definition, with the layer's own bank."""
    bank = own.bank().detach().numpy()
    return plain.scatter(image.numpy(), bank, own.J, own.L, copy_of)


@pytest.mark.parametrize(
    ("scales", "shape", "angles"), [(1, (6, 7), 3), (2, (11, 8), 4), (3, (16, 9), 2)]
)
@pytest.mark.parametrize("init", ["tight_frame", "random"])
def test_coefficients_are_those_of_the_definition(scales, shape, angles, init):
    own = transform(scales, shape, angles, init=init)
    images = noise(2, *shape)

    found = own(images)

    assert found.shape == (2, len(own.paths), shape[0] >> scales, shape[1] >> scales)
    for one, image in zip(found, images, strict=True):
        np.testing.assert_allclose(one, rebuilt(own, image), rtol=0, atol=1e-13)


def test_published_copies_are_the_means_of_aliases():
    own = transform(3, (16, 8), 2, resample="published")
    image = noise(16, 8)
    expected = rebuilt(own, image, plain.mean_of_aliases)
    np.testing.assert_allclose(own(image), expected, rtol=0, atol=1e-13)


def test_published_copies_weaken_order_two_by_four_and_sixteen():
    exact, published = (transform(4, (64, 64), 4, resample=how) for how in ("exact", "published"))
    images = noise(2, 64, 64)
    ratios = published(images).abs().sum((0, 2, 3)) / exact(images).abs().sum((0, 2, 3))
    expected = {0: 1, 1: 1 / 4, 2: 1 / 16}
    for path, ratio in zip(exact.paths, ratios, strict=True):
        factor = expected[path.j1] if path.order == 2 else 1
        assert ratio == pytest.approx(factor, rel=3e-4), path


@pytest.mark.parametrize("parameterization", PARAMETERIZATIONS)
@pytest.mark.parametrize("average", ["local", "global"])
def test_gradients_are_right(parameterization, average):
    own = transform(2, (5, 4), 2, parameterization=parameterization, init="random", average=average)
    state = {name: one.requires_grad_() for name, one in own.state_dict().items()}
    images = noise(2, 5, 4).requires_grad_()

    def run(images, *numbers):
        return functional_call(own, dict(zip(state, numbers, strict=True)), images)

    fast = parameterization == "pixelwise"  # its parameters are many
    assert torch.autograd.gradcheck(run, (images, *state.values()), fast_mode=fast)


def test_parameters_are_as_many_as_each_parameterization_says():
    def sizes(parameterization):
        own = Scattering2d(2, (32, 32), parameterization=parameterization)
        return {name: tuple(one.shape) for name, one in own.named_parameters()}

    names = ("theta", "xi", "sigma", "slant")
    assert sizes("fixed") == {}
    assert sizes("canonical") == dict.fromkeys(names, (2, 8))
    assert sizes("equivariant") == dict.fromkeys(names, (2,))
    assert sizes("pixelwise") == {"spectra": (16, 40, 40)}
    assert set(Scattering2d(2, (32, 32)).state_dict()) == set(names)


def test_all_parameterizations_begin_with_the_same_coefficients():
    images = noise(1, 3, 8, 8)
    first, *others = (
        transform(2, (8, 8), 4, parameterization=one)(images).detach() for one in PARAMETERIZATIONS
    )
    for one in others:
        torch.testing.assert_close(one, first, rtol=1e-5, atol=1e-7)


def test_turned_wavelets_of_an_equivariant_bank_are_those_of_a_canonical_one():
    equivariant = transform(2, (8, 8), 4, parameterization="equivariant", init="random")
    canonical = transform(2, (8, 8), 4, parameterization="canonical")
    with torch.no_grad():
        for name, one in equivariant.filters().items():
            getattr(canonical, name).copy_(one)
    torch.testing.assert_close(canonical.bank(), equivariant.bank(), rtol=0, atol=1e-14)
    steps = equivariant.filters()["theta"].diff(dim=1)
    torch.testing.assert_close(steps, torch.full_like(steps, -torch.pi / 4))


def test_an_equivariant_bank_is_turned_by_angles_that_lie_on_the_device_already(monkeypatch):
    """Nothing new comes from the host, which a CUDA graph would not record."""
    own = transform(2, (8, 8), 5, parameterization="equivariant")
    expected = own(noise(1, 8, 8))

    def refuse(angles):
        raise AssertionError(f"{angles} angles were made again")

    monkeypatch.setattr("isotrope.layers.scattering.turns", refuse)

    assert torch.equal(own(noise(1, 8, 8)), expected)


def test_paths_say_which_wavelets_a_coefficient_went_through():
    own = Scattering2d(2, (8, 8), 3)
    table = own.paths_table()
    assert [row["path"] for row in table] == list(range(1 + 6 + 9))
    assert table[0] == dict.fromkeys(table[0], None) | {"path": 0, "order": 0}
    assert (table[5]["j1"], table[5]["theta1"], table[5]["j2"]) == (1, 1, None)
    last = table[-1]
    assert [last[name] for name in ("order", "j1", "theta1", "j2", "theta2")] == [2, 0, 2, 1, 2]
    assert last["angle2"] == pytest.approx(own.theta[1, 2].item())
    pixelwise = Scattering2d(1, (8, 8), 3, parameterization="pixelwise").paths_table()
    assert pixelwise[1]["angle1"] is None
    assert len(Scattering2d(3, (8, 8), 8, max_order=1).paths) == 25


def test_paths_of_the_published_configurations_are_as_many_as_published():
    for scales, paths in ((2, 81), (3, 217), (4, 417)):
        assert len(Scattering2d(scales, (32, 32)).paths) == paths


def test_any_leading_shape_and_memory_layout_gives_the_same():
    own = transform(2, (8, 12), 3)
    images = noise(2, 3, 8, 12)
    expected = own(images)
    last = images.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(own(last), expected, rtol=0, atol=1e-14)
    turned = images.mT.contiguous().mT
    torch.testing.assert_close(own(turned), expected, rtol=0, atol=1e-14)
    every_other = images.repeat_interleave(2, dim=-1)[..., ::2]
    torch.testing.assert_close(own(every_other), expected, rtol=0, atol=1e-14)
    torch.testing.assert_close(own(images[0, 0]), expected[0, 0], rtol=0, atol=1e-14)
    torch.testing.assert_close(own(images[None]), expected[None], rtol=0, atol=1e-14)
    assert own(images[:0]).shape == (0, *expected.shape[1:])


def test_single_precision_differs_by_its_rounding_and_halved_numbers_are_computed_in_it():
    own = transform(2, (16, 16))
    images = noise(2, 3, 16, 16)
    exact, own = own(images), own.float()
    found = own(images.float())
    assert found.dtype == torch.float32
    assert (found - exact).norm() < 3e-7 * exact.norm()
    halved = images.bfloat16()
    assert own(halved).dtype == torch.bfloat16
    torch.testing.assert_close(own(halved), own(halved.float()).bfloat16(), rtol=0, atol=0)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(own(images.float()), found, rtol=0, atol=0)
        assert own(halved).dtype == torch.float32


@pytest.mark.parametrize("parameterization", PARAMETERIZATIONS)
def test_a_stack_of_transforms_gives_what_each_gives_alone(parameterization):
    np.random.seed(8)
    owns = [
        Scattering2d(2, (8, 8), 3, parameterization=parameterization, init="random").double()
        for _ in range(3)
    ]
    images = noise(3, 2, 8, 8)
    parameters, buffers = stack_module_state(owns)

    def run(parameters, buffers, images):
        return functional_call(owns[0], (parameters, buffers), (images,))

    found = vmap(run)(parameters, buffers, images)
    shared = vmap(run, in_dims=(0, 0, None))(parameters, buffers, images[0])
    for row, own in enumerate(owns):
        torch.testing.assert_close(found[row], own(images[row]), rtol=0, atol=1e-13)
        torch.testing.assert_close(shared[row], own(images[0]), rtol=0, atol=1e-13)
    weights = noise(*found.shape, seed=1)
    if not parameters:
        return
    (found * weights).sum().backward()
    stacked = {name: one.grad for name, one in parameters.items()}
    for row, own in enumerate(owns):
        (own(images[row]) * weights[row]).sum().backward()
        for name, one in own.named_parameters():
            torch.testing.assert_close(stacked[name][row], one.grad, rtol=1e-9, atol=1e-12)


def test_flat_images_have_no_gradient_of_a_modulus_instead_of_none_at_all():
    own = Scattering2d(2, (8, 8), 3, parameterization="canonical")
    images = torch.zeros(1, 8, 8, requires_grad=True)
    own(images).sum().backward()
    assert all(one.grad.isfinite().all() for one in own.parameters())
    assert images.grad.isfinite().all()


def test_global_averages_are_the_means_of_the_moduli():
    images = noise(2, 8, 12)
    own = transform(2, (8, 12), 3, average="global", return_moduli=True)
    found, maps = own(images)
    assert found.shape == (2, len(own.paths), 1, 1)
    means = torch.stack([one.mean((1, 2)) for one in maps], 1)
    torch.testing.assert_close(found[..., 0, 0], means, rtol=0, atol=1e-13)


def test_moduli_are_those_of_the_image_at_the_scale_of_their_path():
    images = noise(2, 8, 12)
    own = transform(2, (8, 12), 3, average="none")
    maps = own(images)
    assert [tuple(one.shape[1:]) for one in maps] == [
        (8 >> path.scale, 12 >> path.scale) for path in own.paths
    ]
    assert maps[0].equal(images)
    coefficients, others = transform(2, (8, 12), 3, return_moduli=True)(images)
    assert all(one.equal(other) for one, other in zip(maps, others, strict=True))
    assert coefficients.equal(transform(2, (8, 12), 3)(images))
    padded = np.pad(images[0].numpy(), ((4, 4), (4, 4)), mode="reflect")
    first = np.abs(plain.filtered(padded, own.bank()[1].numpy()))[4:-4, 4:-4]
    np.testing.assert_allclose(maps[2][0], first, rtol=0, atol=1e-13)


def test_weights_are_saved_and_read_without_the_bank_and_change_it_at_once():
    images = noise(1, 8, 8)
    for parameterization in ("fixed", "canonical"):
        own = transform(2, (8, 8), 3, parameterization=parameterization).eval()
        other = transform(2, (8, 8), 3, parameterization=parameterization, init="random").eval()
        before = own(images).detach()
        assert (other(images) - before).norm() > 1e-2
        other.load_state_dict(own.state_dict())
        torch.testing.assert_close(other(images).detach(), before, rtol=0, atol=0)
        twin = copy.deepcopy(own).train()
        torch.testing.assert_close(twin(images).detach(), before, rtol=0, atol=0)
        with torch.no_grad():
            own.sigma.mul_(1.5)
        assert (own(images) - before).norm() > 1e-3
        torch.testing.assert_close(twin(images).detach(), before, rtol=0, atol=0)


def test_it_is_built_without_numbers():
    with torch.device("meta"):
        for parameterization in PARAMETERIZATIONS:
            own = Scattering2d(2, (8, 8), 3, parameterization=parameterization)
            assert own(torch.empty(2, 3, 8, 8)).shape == (2, 3, 1 + 6 + 9, 2, 2)


def test_filters_and_sums_of_squares_have_the_padded_sizes():
    own = Scattering2d(2, (9, 12), 3, parameterization="equivariant")
    assert own.padded == (16, 20)
    assert own.bank().shape == (6, 16, 20)
    assert own.low_pass().shape == own.littlewood_paley().shape == (16, 20)
    np.testing.assert_allclose(own.low_pass(), plain.low_pass((16, 20), 2), rtol=0, atol=1e-13)
    assert {name: tuple(one.shape) for name, one in own.filters().items()} == dict.fromkeys(
        ("theta", "xi", "sigma", "slant"), (2, 3)
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"J": 4}, r"J=4 needs images of at least 16 pixels, got 8 x 8"),
        ({"parameterization": "free"}, "parameterization: need one of fixed, canonical"),
        ({"max_order": 3}, "max_order: need one of 1, 2, got 3"),
        ({"tiles": 2}, "tiles"),
        ({"shape": 8}, r"shape: need \(height, width\) of the images, got 8"),
        ({"shape": (3, 8, 8)}, r"shape: need \(height, width\)"),
    ],
)
def test_settings_that_do_not_exist_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Scattering2d(**{"J": 2, "shape": (8, 8), **settings})


def test_images_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"8 x 8 pixels, got \(2, 8, 9\)"):
        Scattering2d(2, (8, 8))(torch.zeros(2, 8, 9))
