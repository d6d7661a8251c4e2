"""Keyed dropout: the right share, the same alone and in a stack, another with every key."""

import math

import pytest
import torch
from torch import nn
from torch.func import functional_call, vmap

from isotrope.training.dropout import KeyedDropout, mixed, with_keys
from isotrope.training.objective import Objective, Step
from isotrope.training.seeding import dropout_key


def keyed(share, key, number=0, axes=None):
    module = KeyedDropout(share, number, axes).train()
    module.key.fill_(key)
    return module


def test_the_hash_is_that_of_unsigned_32_bit_numbers():
    def plain(x):
        x = (x ^ (x >> 16)) * 0x7FEB352D % 2**32
        x = (x ^ (x >> 15)) * 0x846CA68B % 2**32
        return x ^ (x >> 16)

    numbers = [0, 1, 2, 12345, 2**31, 2**32 - 1]
    assert mixed(torch.tensor(numbers)).tolist() == [plain(x) for x in numbers]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_so_many_are_zero_and_the_others_grow(share):
    values = torch.ones(100_000)

    dropped = keyed(share, 77)(values)

    zeros = int(dropped.eq(0).sum())
    deviation = math.sqrt(share * (1 - share) * len(values))
    assert abs(zeros - share * len(values)) < 4 * deviation
    assert dropped[dropped != 0].unique().tolist() == pytest.approx([1 / (1 - share)])


def test_neighbours_steps_and_modules_do_not_depend_on_each_other():
    values = torch.ones(50_000)
    drawn = [
        keyed(0.5, key, number)(values).gt(0).double() * 2 - 1
        for key in (1, 2, dropout_key(1, 1, 0), dropout_key(1, 1, 1))
        for number in (0, 1)
    ]
    pairs = [(one, other) for i, one in enumerate(drawn) for other in drawn[:i]]
    pairs += [(one[1:], one[:-1]) for one in drawn]

    for one, other in pairs:
        assert abs(float((one * other).mean())) < 4.5 / math.sqrt(len(one))


def test_whole_channels_are_dropped_where_the_module_does_so():
    dropped = keyed(0.5, 5, axes=2)(torch.ones(40, 10, 3, 3))

    assert all(len(channel.unique()) == 1 for image in dropped for channel in image)
    assert 100 < int(dropped[:, :, 0, 0].eq(0).sum()) < 300


def test_rows_of_a_stack_drop_what_each_drops_alone():
    module, values = KeyedDropout(0.4, 3).train(), torch.rand(3, 7, 5)
    keys = torch.tensor([11, 12, 2**32 - 1])

    def row(key, values):
        return functional_call(module, {"key": key}, (values,))

    together = vmap(row, randomness="error")(keys, values)

    for i, key in enumerate(keys.tolist()):
        assert torch.equal(together[i], keyed(0.4, key, 3)(values[i]))


def test_nothing_is_dropped_outside_of_training():
    values = torch.rand(9)
    assert torch.equal(keyed(0.5, 1).eval()(values), values)
    assert torch.equal(keyed(0.0, 1)(values), values)
    assert not keyed(1.0, 1)(values).any()


def test_torchs_dropout_is_replaced_once_and_weights_keep_their_names():
    network = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.2), nn.Sequential(nn.Dropout2d(0.3)))
    before = list(network.state_dict())

    assert with_keys(network) == ["1.key", "2.0.key"]
    replaced = list(network.modules())
    assert with_keys(network) == ["1.key", "2.0.key"]

    assert list(network.modules()) == replaced
    assert list(network.state_dict()) == before
    assert (network[1].share, network[1].axes, network[2][0].axes) == (0.2, None, 2)


def test_a_module_that_runs_twice_drops_others_and_every_pass_begins_anew():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = self.second = nn.Dropout(0.5)

        def forward(self, images):
            return torch.cat([self.first(images), self.second(images)], dim=1)

        def loss(self, images, labels, noise):
            return images.sum(), self(images)

    network = Twice().train()
    assert with_keys(network) == ["first.key"]
    assert network.first is network.second
    step, images = Step(network, Objective(None, "classification")), torch.ones(1000, 2)
    passes = []
    network.register_forward_hook(lambda module, inputs, outputs: passes.append(outputs))
    for _ in range(2):
        step(images, torch.zeros(1000, dtype=torch.int64), (), None)

    first, second = passes[0].chunk(2, dim=1)
    assert 0.4 < float(first.eq(second).float().mean()) < 0.6
    assert torch.equal(*passes)


@pytest.mark.parametrize(
    ("kind", "shape", "axes"),
    [
        (nn.Dropout, (4, 30, 5), 3),
        (nn.Dropout1d, (9, 30, 5), 2),
        (nn.Dropout2d, (9, 30, 4, 5), 2),
        (nn.Dropout3d, (9, 30, 2, 4, 5), 2),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_each_form_of_torchs_dropout_drops_what_it_dropped_and_only_in_training(
    kind, shape, axes, training
):
    network = nn.Sequential(kind(0.5)).train(training)
    with_keys(network)
    kept = network(torch.ones(shape)) != 0
    assert bool(kept.all()) != training
    of_channels = kept.flatten(axes) if axes < len(shape) else kept[..., None]
    assert torch.equal(of_channels.all(dim=-1), of_channels.any(dim=-1))
    assert not training or 0.3 < of_channels[..., 0].double().mean() < 0.7
