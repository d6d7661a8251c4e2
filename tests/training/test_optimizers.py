"""Adam, AdamW and SGD over flat rows against torch.optim's, step for step."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from isotrope.params.optimizer import SGD, Adam, AdamW
from isotrope.params.schedule import OneCycle
from isotrope.training.optimizers import REVISIONS, Functional, Group

RATES = st.floats(0, 0.3)
MOMENTA = st.floats(0.05, 0.99)
DECAYS = st.sampled_from([0.0, 0.0, 1e-3, 0.2])


@st.composite
def optimizers(draw: st.DrawFn) -> Adam | AdamW | SGD:
    name = draw(st.sampled_from(["adam", "adamw", "sgd"]))
    if name == "sgd":
        momentum = draw(st.sampled_from([0.0, 0.5, 0.9]))
        nesterov = momentum > 0 and draw(st.booleans())
        return SGD(name="sgd", learning_rate=0.1, momentum=momentum, nesterov=nesterov)
    kind = Adam if name == "adam" else AdamW
    return kind(name=name, learning_rate=0.1, betas=[0.9, draw(st.sampled_from([0.999, 0.5]))])


def torch_one(made: Adam | AdamW | SGD, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    if isinstance(made, SGD):
        return torch.optim.SGD(groups, lr=0.1, momentum=made.momentum, nesterov=made.nesterov)
    kind = torch.optim.Adam if isinstance(made, Adam) else torch.optim.AdamW
    return kind(groups, lr=0.1, betas=tuple(made.betas))


def with_torch(
    made: Adam | AdamW | SGD,
    start: Tensor,
    groups: Sequence[Group],
    gradients: Tensor,
    rates: Tensor,
) -> Tensor:
    """What torch makes of one row: every step's weights."""
    parts = [start[g.start : g.stop].clone().requires_grad_() for g in groups]
    decays = [g.weight_decay for g in groups]
    given_ = [{"params": [p], "weight_decay": d} for p, d in zip(parts, decays, strict=True)]
    optimizer = torch_one(made, given_)
    found = []
    for gradient, rate in zip(gradients, rates, strict=True):
        for i, group in enumerate(optimizer.param_groups):
            group["lr"] = float(rate[i])
            if not isinstance(made, SGD):
                group["betas"] = (float(rate[-1]), made.betas[1])
            elif made.momentum:
                group["momentum"] = float(rate[-1])
        for part, g in zip(parts, groups, strict=True):
            part.grad = gradient[g.start : g.stop].clone()
        optimizer.step()
        found.append(torch.cat([part.detach() for part in parts]))
    return torch.stack(found)


@settings(max_examples=100, deadline=None)
@given(
    made=optimizers(),
    sizes=st.lists(st.tuples(st.integers(1, 4), DECAYS), min_size=1, max_size=3),
    rows=st.integers(1, 3),
    steps=st.integers(1, 25),
    seed=st.integers(0, 2**31),
    data=st.data(),
)
def test_rows_move_as_with_torch_each_by_itself(made, sizes, rows, steps, seed, data):
    ends = torch.tensor([size for size, _ in sizes]).cumsum(0).tolist()
    groups = [
        Group(f"g{i}", end - size, end, decay)
        for i, (end, (size, decay)) in enumerate(zip(ends, sizes, strict=True))
    ]
    generator = torch.Generator().manual_seed(seed)
    flat = torch.randn(rows, ends[-1], generator=generator, dtype=torch.float64)
    gradients = torch.randn(steps, rows, ends[-1], generator=generator, dtype=torch.float64)
    gradients *= torch.rand(steps, 1, ends[-1], generator=generator) < 0.7
    drawn = st.lists(RATES, min_size=len(groups), max_size=len(groups))
    rates = torch.tensor(
        [[[*data.draw(drawn), data.draw(MOMENTA)] for _ in range(rows)] for _ in range(steps)],
        dtype=torch.float64,
    )
    expected = torch.stack(
        [with_torch(made, flat[r], groups, gradients[:, r], rates[:, r]) for r in range(rows)], 1
    )

    optimizer = Functional(made, groups)
    state = optimizer.new(flat)
    places = {name: value.data_ptr() for name, value in {**state, "flat": flat}.items()}
    for step in range(steps):
        before = gradients[step].clone()
        optimizer.step(flat, gradients[step], state, rates[step])
        torch.testing.assert_close(flat, expected[step], rtol=1e-12, atol=1e-12)
        assert torch.equal(gradients[step], before)
    assert {name: value.data_ptr() for name, value in {**state, "flat": flat}.items()} == places


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_a_stack_moves_with_the_very_bits_of_each_row_alone(name: str) -> None:
    made = {
        "adam": Adam(name="adam", learning_rate=0.1, weight_decay=0.01),
        "adamw": AdamW(name="adamw", learning_rate=0.1),
        "sgd": SGD(name="sgd", learning_rate=0.1, momentum=0.9, weight_decay=0.01),
    }[name]
    generator = torch.Generator().manual_seed(5)
    flat = torch.randn(4, 64, generator=generator)
    alone = [row[None].clone() for row in flat]
    optimizer = Functional(made, [Group("a", 0, 24, 0.01), Group("b", 24, 64, 0.0)])
    state = optimizer.new(flat)
    states = [optimizer.new(row) for row in alone]
    for _ in range(10):
        gradient = torch.randn(4, 64, generator=generator)
        rates = torch.rand(4, 3, generator=generator, dtype=torch.float64) * 0.5
        optimizer.step(flat, gradient, state, rates)
        for r, row in enumerate(alone):
            optimizer.step(row, gradient[r : r + 1], states[r], rates[r : r + 1])

    assert torch.equal(flat, torch.cat(alone))
    for key, value in state.items():
        assert torch.equal(value, torch.cat([one[key] for one in states]))


def test_a_row_that_is_not_finite_leaves_the_others_alone() -> None:
    made = Adam(name="adam", learning_rate=0.1)
    optimizer = Functional(made, [Group("all", 0, 3, 0.0)])
    flat, alone = torch.ones(2, 3), torch.ones(1, 3)
    state, own = optimizer.new(flat), optimizer.new(alone)
    gradient = torch.tensor([[1.0, 2.0, 3.0], [torch.nan, torch.inf, 0.0]])
    rates = torch.tensor([[0.1, 0.9]], dtype=torch.float64)
    for _ in range(3):
        optimizer.step(flat, gradient, state, rates.expand(2, -1))
        optimizer.step(alone, gradient[:1], own, rates)

    assert torch.equal(flat[:1], alone)


def test_weights_that_want_gradients_are_moved_in_place() -> None:
    made = SGD(name="sgd", learning_rate=0.1)
    optimizer = Functional(made, [Group("all", 0, 2, 0.0)])
    flat = torch.ones(1, 2, requires_grad=True)

    rates = torch.tensor([[0.5, 0.0]], dtype=torch.float64)
    optimizer.step(flat, torch.ones(1, 2), optimizer.new(flat), rates)

    assert flat.requires_grad
    assert flat.is_leaf
    assert flat.tolist() == [[0.5, 0.5]]


def test_sgd_that_begins_without_momentum_keeps_one_if_it_is_cycled() -> None:
    made = SGD(name="sgd", learning_rate=0.1)
    cycled = SGD(name="sgd", learning_rate=0.1, schedule=OneCycle(name="one_cycle"))
    flat = torch.zeros(1, 2)

    assert set(Functional(made, []).new(flat)) == {"steps"}
    assert set(Functional(cycled, []).new(flat)) == {"steps", "momentum"}


def test_every_optimizer_has_a_revision() -> None:
    kinds = (Adam, AdamW, SGD)
    names = {kind.model_fields["name"].annotation.__args__[0] for kind in kinds}
    assert set(REVISIONS) == names
