"""The two forms of layers, and the ways in which scaled convolutions are computed."""

import math
from contextlib import contextmanager, nullcontext

import pytest

from isotrope.layers import forms, scaled_products, scaled_spectra, scales_at_once

SCALES_AT_ONCE = {  # numbers at a time, and whether images are filtered or transformed
    "filtered at once": (2**28, True),
    "filtered scale by scale": (1, True),
    "transformed at once": (2**28, False),
    "transformed scale by scale": (1, False),
}


@pytest.fixture(params=["plain", "in Fourier space", *SCALES_AT_ONCE], scope="module")
def way(request):
    """Every way to compute, whichever would be quicker; yields what would have told on a CPU."""
    count = scaled_spectra.multiplications
    if request.param in SCALES_AT_ONCE:
        with like_a_gpu(*SCALES_AT_ONCE[request.param]):
            yield count
        return
    cost = math.inf if request.param == "plain" else 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scaled_spectra, "multiplications", lambda *_: cost)
        yield count


@pytest.fixture(params=["on a CPU", *SCALES_AT_ONCE], scope="module")
def form(request):
    """The form for a CPU, and every way of that for a GPU."""
    if request.param in SCALES_AT_ONCE:
        with like_a_gpu(*SCALES_AT_ONCE[request.param]):
            yield
        return
    yield


@contextmanager
def like_a_gpu(numbers, filtered):
    with pytest.MonkeyPatch.context() as patch, forms.like_a_gpu(), forms.memory(numbers):
        for module in (scaled_products, scales_at_once):
            patch.setattr(module, "few_channels", lambda *_: filtered)
        yield


@pytest.fixture(params=["on a CPU", "on a GPU"], scope="module")
def either_form(request):
    """The form for a CPU and that for a GPU, of layers that have one way for each.

    `pytest_pyfunc_call` takes the form, during the test alone: hypothesis refuses a fixture that
    begins and ends so, and those of a module or class would last until its end.
    """
    return request.param


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    """Take the form that `either_form` asks for."""
    parameters = pyfuncitem.callspec.params if hasattr(pyfuncitem, "callspec") else {}
    on_a_gpu = parameters.get("either_form") == "on a GPU"
    with forms.like_a_gpu() if on_a_gpu else nullcontext():
        return (yield)
