"""The transform where others use it: in several processes, compiled, and without the host."""

import operations
import pytest
import torch
from torch.nn.parallel import DistributedDataParallel

from isotrope.layers import Scattering2d, forms, scattering


def noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def transform(parameterization="canonical", shape=(8, 8)):
    return Scattering2d(2, shape, 3, parameterization=parameterization).double()


def gradients(run, own, images):
    own.zero_grad()
    run(images).square().sum().backward()
    return [one.grad.clone() for one in own.parameters()]


@pytest.fixture
def alone(tmp_path):
    """A group of one process."""
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("parameterization", ["canonical", "equivariant", "pixelwise"])
def test_gradients_reach_distributed_training(alone, parameterization):
    own, images = transform(parameterization), noise(2, 3, 8, 8)
    expected = gradients(own, own, images)
    found = gradients(DistributedDataParallel(own), own, images)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_it_is_compiled_as_one_graph():
    own, images = transform(), noise(2, 3, 8, 8)
    compiled = torch.compile(own, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(images), own(images), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("parameterization", ["fixed", "canonical", "equivariant", "pixelwise"])
def test_nothing_meets_the_host_on_a_gpu(parameterization):
    own = transform(parameterization).to("meta")
    images = torch.empty(2, 3, 8, 8, device="meta", dtype=torch.float64, requires_grad=True)
    with forms.like_a_gpu():
        own(images).sum().backward()  # constants are brought there once
        with operations.Operations() as counted:
            own(images).sum().backward()
    assert counted.launches["mul"] > 0
    assert not counted.meets_the_host


def test_a_large_bank_is_made_in_pieces_with_the_same_gradients(monkeypatch):
    own, images = transform(), noise(2, 8, 8)
    expected = gradients(own, own, images)
    monkeypatch.setattr(scattering, "_AT_ONCE", 4 * 16 * 16)
    found = gradients(own, own, images)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
