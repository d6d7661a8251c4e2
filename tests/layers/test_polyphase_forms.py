"""Sampling by phases in few bits, in other memory layouts, on a GPU, compiled and in stacks."""

import pytest
import torch
from operations import Operations
from polyphase_layers import Blur, made
from torch import nn
from torch.func import functional_call, vmap

from isotrope.layers import APS, LPD, LPU, forms
from isotrope.layers.downsampling import phases, taken


@pytest.mark.parametrize("layer", [LPD(4), LPD(4, logits="attention"), APS()])
@pytest.mark.usefixtures("either_form")
def test_choices_are_exact_where_maps_have_few_bits(layer):
    maps = torch.randn(2, 4, 6, 6)
    for training in (True, False):
        layer.train(training)
        with torch.autocast("cpu", torch.bfloat16):
            small, selection = layer.down(maps.bfloat16().requires_grad_())
        small.sum().backward()
        assert small.dtype == torch.bfloat16
        assert selection.logits.dtype == torch.float32
        assert selection.weights is None or selection.weights.dtype == torch.float32
    small, selection = layer.double().down(maps.double())
    assert small.dtype == selection.logits.dtype == torch.float64
    layer.float()


@pytest.mark.parametrize("mode", ["gumbel", "straight_through", "hard"])
@pytest.mark.parametrize("size", [(6, 8), (5, 8), (6, 80)])
@pytest.mark.usefixtures("either_form")
def test_under_autocast_what_is_sampled_keeps_its_type_and_is_trained(size, mode):
    generator = torch.Generator().manual_seed(5)
    maps = torch.rand(2, 4, *size, generator=generator).requires_grad_()
    layer, up = LPD(4, 3, train_mode=mode, indivisible="wrap").train(), LPU()
    noise = torch.rand(2, len(phases(maps, 2)[0]), generator=generator)

    with torch.autocast("cpu", torch.bfloat16):
        coarse, selection = layer.down(maps, noise=noise)
        found = up(coarse, selection, size=size)
        found.square().sum().backward()

    assert coarse.dtype == found.dtype == maps.grad.dtype == torch.float32
    wanted = taken(maps.detach(), selection._replace(weights=detached(selection.weights)), 2)
    torch.testing.assert_close(coarse, wanted)
    assert maps.grad.isfinite().all()


def detached(tensor):
    return None if tensor is None else tensor.detach()


@pytest.mark.parametrize("size", [(6, 8), (5, 8), (6, 80)])
@pytest.mark.usefixtures("either_form")
def test_channels_may_lie_last_in_memory(size):
    torch.manual_seed(0)
    layer, up = LPD(4, indivisible="wrap").double(), LPU()
    maps = torch.randn(2, 4, *size, dtype=torch.float64)
    noise = torch.randn(2, 4 if size[0] == 6 else 10, dtype=torch.float64)
    found = []
    for layout in (torch.contiguous_format, torch.channels_last):
        given = maps.to(memory_format=layout).requires_grad_()
        small, selection = layer.down(given, noise=noise)
        full = up(small.relu(), selection, size=size)
        leaves = [given, *layer.parameters()]
        found.append([full, *torch.autograd.grad(full.square().sum(), leaves)])

    torch.testing.assert_close(*found, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", ["convolutions", "attention", "graph", "perceptron", "aps"])
@pytest.mark.parametrize("size", [(6, 8), (5, 8)])
def test_a_gpu_neither_waits_for_the_host_nor_sorts(kind, size):
    with torch.device("meta"):
        layer = made(kind, 2, indivisible="wrap").train()
        maps = torch.randn(2, 4, *size, requires_grad=True)
        noise = torch.randn(2, 4 if size[0] == 6 else 10)
    with forms.like_a_gpu():
        layer(maps)  # which makes constants once
    with forms.like_a_gpu(), Operations() as counted:
        small, selection = layer.down(maps, noise=noise)
        LPU()(small, selection, size=size).square().sum().backward()

    assert counted.launches
    assert not counted.meets_the_host
    words = ("sort", "scatter", "index_put", "index_add")
    assert not [name for name in counted.launches if any(word in name for word in words)]


class DownAndUp(nn.Module):
    """What is up-sampled after a hard choice, and the choice."""

    def __init__(self, kind, **settings):
        super().__init__()
        self.down = made(kind, 2, antialias=Blur(), **settings)
        self.up = LPU(antialias=Blur())

    def forward(self, maps):
        small, selection = self.down.down(maps)
        return self.up(small, selection, size=maps.shape[-2:]), selection.index


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("convolutions", (6, 8)),
        ("convolutions", (5, 6)),
        ("graph", (6, 8)),
        ("aps", (5, 6)),
    ],
)
def test_a_hard_choice_compiles_exports_and_maps_over_a_stack(kind, size):
    torch.manual_seed(0)
    network = DownAndUp(kind, indivisible="wrap").eval()
    maps = torch.randn(3, 4, *size)
    expected = network(maps)

    torch.compiler.reset()
    compiled = torch.compile(network, fullgraph=True, backend="aot_eager")(maps)
    batch = {"maps": {0: torch.export.Dim("batch")}}
    exported = torch.export.export(network, (maps[:2],), dynamic_shapes=batch).module()
    stacked = vmap(network)(maps[:, None])

    for found in (compiled, exported(maps), [one[:, 0] for one in stacked]):
        torch.testing.assert_close(found[0], expected[0], rtol=0, atol=1e-5)
        assert torch.equal(found[1], expected[1])


@pytest.mark.parametrize("mode", ["gumbel", "straight_through", "hard"])
@pytest.mark.parametrize("size", [(6, 8), (5, 8)])
@pytest.mark.usefixtures("either_form")
def test_a_stack_trains_as_its_rows_do(size, mode):
    torch.manual_seed(0)
    layer = LPD(4, train_mode=mode, indivisible="wrap").double()
    up = LPU()
    rows = [
        {
            key: torch.randn_like(one) if key != "gumbel_tau" else one / (n + 1)
            for key, one in layer.state_dict().items()
        }
        for n in range(3)
    ]
    maps = torch.randn(3, 2, 4, *size, dtype=torch.float64)
    noise = torch.randn(3, 2, 4 if size[0] == 6 else 10, dtype=torch.float64)

    class Trained(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, maps, noise):
            small, selection = self.layer.down(maps, noise=noise)
            return up(small.relu(), selection, size=size).square().sum()

    def loss(weights, maps, noise):
        given = {f"layer.{key}": one for key, one in weights.items()}
        return functional_call(Trained(), given, (maps, noise))

    run = torch.func.grad_and_value(loss, argnums=(0, 1))
    found = vmap(run)({key: torch.stack([r[key] for r in rows]) for key in rows[0]}, maps, noise)

    for n, row in enumerate(rows):
        expected = run(row, maps[n], noise[n])
        ours = torch.utils._pytree.tree_map(lambda one, n=n: one[n], found)
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-9)
