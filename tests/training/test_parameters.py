"""Parameters in a flat row: by group, every number once."""

import pytest
import torch
from torch import nn

from isotrope.params.training import Training
from isotrope.training.parameters import BASE, Layout


class Grouped(nn.Module):
    def __init__(self, groups):
        super().__init__()
        self.first, self.second = nn.Linear(2, 3), nn.Linear(3, 1)
        self.fixed = nn.Parameter(torch.zeros(2), requires_grad=False)
        self.groups = groups

    def parameter_groups(self):
        return self.groups


def optimizer_of(**groups):
    settings = {"name": "sgd", "learning_rate": 0.1, "weight_decay": 0.5, "groups": groups}
    return Training.model_validate({"epochs": 1, "batch_size": 1, "optimizer": settings}).optimizer


def test_groups_lie_one_after_the_other_and_views_are_the_parameters():
    network = Grouped({"late": ["first.bias", "second.weight"]})
    layout = Layout(network, optimizer_of(late={"weight_decay": 0.0}))
    row = layout.flat(network)

    assert [tuple(group) for group in layout.groups] == [(BASE, 0, 7, 0.5), ("late", 7, 13, 0.0)]
    assert layout.names == ["first.weight", "second.bias", "first.bias", "second.weight"]
    for name, view in layout.views(row).items():
        assert torch.equal(view, network.get_parameter(name))
    for name, view in layout.stacks(torch.stack([row, 2 * row])).items():
        assert torch.equal(view[1], 2 * network.get_parameter(name))
    layout.views(row)["second.bias"].fill_(7)
    assert row[6] == 7


def test_an_empty_group_may_be_named_and_has_no_columns():
    layout = Layout(Grouped({"filters": []}), optimizer_of(filters={"learning_rate": 1.0}))
    assert layout.group_names == [BASE]


@pytest.mark.parametrize(
    ("groups", "named", "message"),
    [
        ({"late": ["third.bias"]}, {}, "names third.bias, which is no trained parameter"),
        ({"late": ["fixed"]}, {}, "names fixed, which is no trained parameter"),
        ({"a": ["first.bias"], "b": ["first.bias"]}, {}, "names first.bias twice"),
        ({"late": ["first.bias"]}, {"lat": {}}, "no group 'lat'; its groups are late, base"),
    ],
)
def test_wrong_groups_are_named(groups, named, message):
    with pytest.raises(ValueError, match=message):
        Layout(Grouped(groups), optimizer_of(**named))


def test_parameters_of_two_types_are_refused():
    network = Grouped({})
    network.second.double()
    with pytest.raises(ValueError, match="must be of one type"):
        Layout(network, optimizer_of())


def test_a_network_without_trained_parameters_is_refused():
    network = Grouped({}).requires_grad_(requires_grad=False)
    with pytest.raises(ValueError, match="of one type, and there must be some"):
        Layout(network, optimizer_of())
