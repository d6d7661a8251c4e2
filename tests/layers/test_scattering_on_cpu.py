"""The compiled passes against the transform as operations of torch."""

import numpy as np
import pytest
import torch
from torch.func import functional_call, grad, stack_module_state, vmap

from isotrope.layers import (
    Scattering2d,
    forms,
    scattering_gradients,
    scattering_groups,
    scattering_on_cpu,
    scattering_wavelets,
)


def noise(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def transform(*given, **named):
    np.random.seed(3)
    return Scattering2d(*given, **named).double()


def values_and_gradients(own, images):
    images = images.clone().requires_grad_()
    found = own(images)
    wanted = [images, *own.parameters()]
    gradients = torch.autograd.grad((found * noise(*found.shape, seed=2)).sum(), wanted)
    return [found, *gradients]


def by_torch(own, images):
    with forms.like_a_gpu():
        return values_and_gradients(own, images)


@pytest.fixture(
    params=["as usual", "in small groups", "computed again", "half of it", "by two threads"]
)
def way(request, monkeypatch):
    threads = torch.get_num_threads()
    if request.param == "in small groups":
        monkeypatch.setattr(scattering_groups, "_AT_ONCE", 1)
    if request.param == "computed again":
        monkeypatch.setattr(scattering_on_cpu, "_KEPT", 0)
    if request.param == "half of it":
        monkeypatch.setattr(scattering_on_cpu, "_KEPT_OF_A_PIXEL", 10)
    if request.param == "by two threads":
        torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("parameterization", "settings"),
    [
        ("canonical", {}),
        ("canonical", {"max_order": 1}),
        ("pixelwise", {"resample": "published"}),
    ],
    ids=str,
)
def test_values_and_gradients_are_those_of_torch(way, parameterization, settings):
    own = transform(3, (9, 16), 3, parameterization=parameterization, **settings)
    images = noise(5, 9, 16)
    found, expected = values_and_gradients(own, images), by_torch(own, images)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_operations_of_torch_take_as_many_images_at_a_time_as_memory_is_meant_to_hold():
    own = transform(2, (8, 8), 3, parameterization="canonical")
    images = noise(5, 8, 8)
    with forms.memory(1):
        found = by_torch(own, images)
    for one, other in zip(found, by_torch(own, images), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-13)


def test_fixed_wavelets_are_kept_as_long_as_their_numbers_are():
    own = transform(2, (8, 8), 3)
    images, made = noise(2, 8, 8), []
    bank = own.bank
    own.bank = lambda: made.append(1) or bank()
    first = own(images)
    assert own(images).equal(first)
    assert len(made) == 1
    own.theta.add_(0.1)
    assert (own(images) - first).norm() > 1e-3
    assert len(made) == 2
    own.float()(images.float())
    assert len(made) == 3


@pytest.mark.parametrize("init", ["tight_frame", "random"])
def test_what_is_left_out_of_wavelets_changes_nothing_beyond_rounding(init):
    exact = transform(4, (48, 48), 4, parameterization="canonical", init=init)
    expected = by_torch(exact, noise(2, 48, 48))
    found = values_and_gradients(exact.float(), noise(2, 48, 48, dtype=torch.float64).float())
    for one, other in zip(found, expected, strict=True):
        assert (one - other).norm() < 3e-6 * other.norm()


def test_most_of_wide_wavelets_is_left_out():
    bank = transform(4, (64, 64), 8).float().bank()
    full = scattering_wavelets.prepared(bank[24:], 8, trimmed=False)
    some = scattering_wavelets.prepared(bank[24:], 8, trimmed=True)
    assert full.segments[:, 2].sum() == 2 * bank[24:].numel()
    assert some.segments[:, 2].sum() < 0.5 * full.segments[:, 2].sum()


def test_gradients_inside_a_stack_are_those_of_each_alone():
    owns = [
        transform(2, (8, 8), 3, parameterization="canonical", init=init)
        for init in ("tight_frame", "random")
    ]
    images, weights = noise(2, 3, 8, 8), noise(3, 16, 2, 2, seed=4)

    def loss(parameters, images):
        return (functional_call(owns[0], parameters, (images,)) * weights).sum()

    stacked = stack_module_state(owns)[0]
    found = vmap(grad(loss, argnums=(0, 1)))(stacked, images)
    for row, own in enumerate(owns):
        expected = grad(loss, argnums=(0, 1))(dict(own.named_parameters()), images[row])
        torch.testing.assert_close(found[1][row], expected[1], rtol=1e-9, atol=1e-12)
        for name, one in expected[0].items():
            torch.testing.assert_close(found[0][name][row], one, rtol=1e-9, atol=1e-12)


def test_a_second_backward_pass_gives_the_same():
    own = transform(2, (8, 8), 3, parameterization="canonical")
    total = own(noise(2, 8, 8)).square().sum()
    first = torch.autograd.grad(total, own.sigma, retain_graph=True)
    torch.testing.assert_close(torch.autograd.grad(total, own.sigma), first, rtol=0, atol=1e-14)


def test_second_derivatives_are_right():
    own = transform(2, (4, 4), 1, parameterization="canonical")
    state = {name: one.detach().requires_grad_() for name, one in own.named_parameters()}

    def run(images, *numbers):
        return functional_call(own, dict(zip(state, numbers, strict=True)), images)

    inputs = (noise(1, 4, 4).requires_grad_(), *state.values())
    assert torch.autograd.gradgradcheck(run, inputs, fast_mode=True)


def test_it_is_exported_and_traced_as_operations_of_torch():
    own = Scattering2d(2, (8, 8), 3, parameterization="canonical").double().eval()
    images = noise(2, 3, 8, 8)
    expected = own(images)
    exported = torch.export.export(own, (images,), strict=False).module()
    torch.testing.assert_close(exported(images), expected, rtol=1e-9, atol=1e-12)
    assert not scattering_gradients._compiled_fits(torch.empty(1, 8, 8, device="meta"))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 1.0])
def test_no_more_is_kept_for_the_backward_pass_than_may_be(share, monkeypatch):
    monkeypatch.setattr(scattering_groups, "_AT_ONCE", 1)  # many small steps
    sizes, forward = [], scattering_on_cpu.Step.forward

    def noted(step, coefficients, *, kept):
        sizes.append((step.size(), kept))
        return forward(step, coefficients, kept=kept)

    monkeypatch.setattr(scattering_on_cpu.Step, "forward", noted)
    own = transform(2, (16, 16), 2, parameterization="canonical")
    images = noise(3, 16, 16).requires_grad_()
    own(images)
    most = int(share * sum(size for size, _ in sizes))
    sizes.clear()
    monkeypatch.setattr(scattering_on_cpu, "_KEPT", most)
    own(images)
    kept = sum(size for size, is_kept in sizes if is_kept)
    assert most - max(size for size, _ in sizes) < kept <= most
