import multiprocessing
import shutil
import subprocess
import sys

import plain_log_polar as plain
import pytest
import torch
from numba.core.caching import CompileResultCacheImpl

from isotrope.layers import LPConv, log_polar_plain, log_polar_products
from isotrope.layers import log_polar_kernels as kernels
from isotrope.layers.log_polar_jobs import Job
from isotrope.layers.log_polar_kernels_vectors import compiled
from isotrope.layers.log_polar_sampling import smoothed_images

DRAWN = [  # channels, kernels, their size, image, settings
    (1, 3, 3, (9, 5), {"tau_max": 20.0}),
    (5, 2, (2, 5), (4, 13), {"tau_max": 6.5}),
    (3, 17, 2, (7, 7), {"ntau": 4, "tau_max": 3.0}),
    (2, 2, 7, (6, 7), {"ntau": 20, "tau_max": 30.0}),
    (6, 3, 1, (1, 1), {"tau_max": 2.0}),
    (2, 3, 3, (11, 8), {"kind": "gaussian", "border": [0.5, -1.0], "tau_max": 5.0}),
    (2, 2, 3, (6, 9), {"kind": "sith_v2", "border": 0.7, "tau_max": 4.0}),
    (2, 3, 3, (9, 11), {"stride": 2, "spatial_trim": 1}),
    (2, 3, 3, (8, 7), {"stride": 3, "border": 0.3}),
    (2, 3, 3, (5, 6), {"topk": 8}),
    (2, 3, 3, (5, 6), {"topk": 3, "tau_pooling": 2}),
    (2, 3, 3, (5, 6), {"topk": 3, "align": "joint", "tau_pooling": 3}),
    (2, 3, 3, (5, 6), {"topk": 2, "align": "joint"}),
    (2, 3, 3, (5, 6), {"tau_pooling": 3, "theta_pooling": 3}),
]


def made(channels, out, size, image, settings, batch=2, dtype=torch.float64):
    torch.manual_seed(4)
    layer = LPConv(channels, out, size, **{"ntau": 8, "num_angles": 8, **settings}).to(dtype)
    return layer, torch.randn(batch, channels, *image, dtype=dtype)


def task(layer, seen):
    """What both forms take."""
    inside, site = layer._inside(seen)
    maps = smoothed_images(inside, layer.bank)
    job = Job(layer.bank, site, layer.kept)
    return maps[None].contiguous(), layer.weight.detach()[None], job


def naive(layer, seen):
    around = torch.tensor(layer.border.values, dtype=seen.dtype)[:, None, None]
    samples = plain.stencil_samples(seen, layer.bank, around)
    trim, step, sides = layer.spatial_trim, layer.stride, seen.shape[-2:]
    first = [trim + (side - 2 * trim - 1) % step // 2 for side in sides]
    rows, columns = (slice(a, side - trim, step) for a, side in zip(first, sides, strict=True))
    found = plain.responses(samples[..., rows, columns], layer.weight)
    kept = layer.kept
    return plain.kept_responses(
        found,
        topk=kept.topk,
        align=kept.align,
        tau_pooling=kept.tau,
        theta_pooling=kept.theta,
    )


@pytest.mark.parametrize("drawn", DRAWN)
def test_compiled_numbers_and_gradients_are_those_of_the_naive_form(drawn):
    layer, seen = made(*drawn)
    seen.requires_grad_()
    assert log_polar_products.form_for(*task(layer, seen)) is kernels

    found, expected = layer(seen), naive(layer, seen)

    # some thousand sums in float64 leave 1e-13
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)
    into = torch.randn_like(found)
    inputs = [seen, *layer.parameters()]
    of_found = torch.autograd.grad((found * into).sum(), inputs)
    of_expected = torch.autograd.grad((expected * into).sum(), inputs)
    for one, other in zip(of_found, of_expected, strict=True):
        assert (one - other).norm() <= 1e-9 * other.norm() + 1e-12


@pytest.mark.parametrize("drawn", DRAWN)
def test_in_float32_they_are_right_to_the_fifth_digit(drawn):
    layer, seen = made(*drawn)
    maps, weight, job = task(layer, seen)
    expected, places = kernels.forward(maps, weight, job)
    into = torch.randn_like(expected)
    exact = kernels.backward(into, places, maps, weight, job, (True, True))

    values, _ = kernels.forward(maps.float(), weight.float(), job)
    found = kernels.backward(into.float(), places, maps.float(), weight.float(), job, (True, True))

    if layer.kept.topk is None:  # a turned row jumps where two responses are equal but for rounding
        torch.testing.assert_close(values.double(), expected, rtol=0, atol=1e-5)
    for one, other in zip(found, exact, strict=True):
        assert (one - other).norm() <= 1e-6 * other.norm() + 1e-12


@pytest.mark.parametrize("drawn", [DRAWN[2], DRAWN[5], DRAWN[9]])
def test_forms_agree_on_stacks_and_on_who_won(drawn):
    layer, seen = made(*drawn)
    maps, weight, job = task(layer, seen)
    maps, weight = maps.expand(2, *maps.shape[1:]), torch.cat((weight, -weight))

    values, winners = kernels.forward(maps, weight, job)

    expected, places = log_polar_plain.forward(maps, weight, job)
    torch.testing.assert_close(values, expected, rtol=0, atol=1e-11)
    assert torch.equal(winners, places)
    into = torch.randn_like(values)
    found = kernels.backward(into, winners, maps, weight, job, (True, True))
    exact = log_polar_plain.backward(into, winners, maps, weight, job, (True, True))
    for one, other in zip(found, exact, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


@pytest.mark.parametrize("wanted", [(True, False), (False, True)])
def test_only_wanted_gradients_are_computed(wanted):
    layer, seen = made(*DRAWN[0])
    arguments = task(layer, seen)
    values, winners = kernels.forward(*arguments)
    both = kernels.backward(values, winners, *arguments, (True, True))

    found = kernels.backward(values, winners, *arguments, wanted)

    for one, other, is_wanted in zip(found, both, wanted, strict=True):
        assert torch.equal(one, other) if is_wanted else one is None


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("drawn", [DRAWN[2], DRAWN[5], DRAWN[11]])
def test_the_number_of_threads_changes_no_bit(drawn, threads):
    layer, seen = made(*drawn, batch=19, dtype=torch.float32)
    arguments = task(layer, seen)
    found = []

    for count in (1, 2, 3):
        threads(count)
        values, winners = kernels.forward(*arguments)
        gradients = kernels.backward(values, winners, *arguments, (True, True))
        found.append((values, winners, *gradients))

    for others in found[1:]:
        assert all(torch.equal(one, other) for one, other in zip(found[0], others, strict=True))


def test_of_equal_responses_the_first_wins_also_beside_others():
    layer, seen = made(1, 2, 2, (6, 6), {"tau_max": 2.0}, batch=1)
    seen = torch.zeros_like(seen)
    seen[..., 0, 0] = 1
    maps, weight, job = task(layer, seen)

    values, winners = kernels.forward(maps, weight.abs() * -1, job)

    assert values[0, 0, :, 0, 5, 5].tolist() == [0, 0]
    assert winners[0, 0, :, 0, 5, 5].tolist() == [0, 0]
    assert (values <= 0).all()


@pytest.mark.parametrize("settings", [{}, {"topk": 8}])
@pytest.mark.parametrize("what", [float("nan"), float("inf")])
def test_what_is_not_finite_stays_visible(what, settings):
    layer, seen = made(2, 3, 3, (7, 7), settings)
    seen[0, 0, 3, 3] = what

    found = layer(seen)

    assert not found[0].isfinite().all()
    assert found[1].isfinite().all()
    if what != what:
        assert found[0, :, 3, 4].isnan().view(3, -1).any(dim=1).all()


@pytest.mark.usefixtures("either_form")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_under_autocast_responses_are_computed_in_float32(dtype):
    layer, seen = made(2, 3, 3, (6, 7), {}, dtype=torch.float32)
    seen = seen.to(dtype)
    expected = layer(seen.float())

    with torch.autocast("cpu", torch.bfloat16):
        found = layer(seen.requires_grad_())
        found.float().sum().backward()

    assert found.dtype is dtype
    torch.testing.assert_close(found, expected.to(dtype))
    assert seen.grad.dtype is dtype
    assert layer.weight_v.grad.dtype is torch.float32


def compute_in_a_child(layer, seen, results):
    torch.set_num_threads(2)
    results.put(kernels.forward(*task(layer, seen))[0].sum().item())


def test_a_forked_process_computes_with_threads_of_its_own(threads):
    layer, seen = made(*DRAWN[2], batch=3)
    threads(2)
    expected = kernels.forward(*task(layer, seen))[0].sum().item()
    fork = multiprocessing.get_context("fork")
    results = fork.SimpleQueue()
    child = fork.Process(target=compute_in_a_child, args=(layer, seen, results))

    child.start()
    child.join(60)

    assert child.exitcode == 0
    assert results.get() == expected


def test_without_numba_operations_of_torch_give_the_same_numbers(monkeypatch):
    layer, seen = made(*DRAWN[0])
    expected = layer(seen)
    for name in [name for name in sys.modules if "log_polar_kernels" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delattr("isotrope.layers.log_polar_kernels")
    log_polar_products._compiled.cache_clear()

    try:
        assert log_polar_products.form_for(*task(layer, seen)) is log_polar_products._PLAIN
        torch.testing.assert_close(layer(seen), expected, rtol=0, atol=1e-11)
    finally:
        log_polar_products._compiled.cache_clear()


def test_kernels_are_compiled_again_when_a_function_that_they_call_has_changed(tmp_path):
    shutil.copy(sys.modules[compiled.__module__].__file__, tmp_path)
    head = "from log_polar_kernels_vectors import compiled\n"
    caller, called = tmp_path / "caller.py", tmp_path / "log_polar_kernels_called.py"
    caller.write_text(
        f"{head}from log_polar_kernels_called import more\n"
        "@compiled\ndef twice(x): return 2 * more(x)\n"
        "print(twice(1))\n"
    )

    answers = []
    for added in (1, 10):
        called.write_text(f"{head}@compiled\ndef more(x): return x + {added}\n")
        run = subprocess.run(
            [sys.executable, caller], stdout=subprocess.PIPE, text=True, check=True
        )
        answers.append(int(run.stdout))

    assert answers == [4, 22]


def test_where_no_folder_can_be_written_nothing_is_kept(monkeypatch):
    monkeypatch.setattr(CompileResultCacheImpl, "_locator_classes", [])

    assert compiled(lambda number: number + 1)(1) == 2


def test_layers_are_imported_without_numba():
    code = "import isotrope.layers, sys; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
