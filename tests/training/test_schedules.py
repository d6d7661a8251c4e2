"""Every schedule against torch's scheduler of that name, step for step."""

import math
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from torch.optim import lr_scheduler

from isotrope.params.optimizer import Optimizer
from isotrope.params.schedule import Schedule
from isotrope.training.schedules import REVISIONS, Position, rates

MADE: TypeAdapter[Any] = TypeAdapter(Optimizer)
GROUPS = {"top": {}, "slow": {"learning_rate": 0.02}}  # of an optimizer with the rate 0.1
MAKE = Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]

RATES = st.sampled_from([0.1, 0.06, 1.0])
FACTORS = st.sampled_from([0.1, 0.5, 0.9])
NAMES = st.sampled_from(["sgd", "adam", "adamw"])


def ours(block: dict[str, Any], epochs: int, per_epoch: int) -> list[list[float]]:
    """Rates of both groups and momentum, of every step of a training."""
    optimizer = MADE.validate_python(block)
    at = (Position(step, per_epoch, epochs) for step in range(epochs * per_epoch))
    return [rates(optimizer, ("top", "slow"), position) for position in at]


def torchs(block: dict[str, Any], make: MAKE, steps: int, every: int = 1) -> list[list[float]]:
    """What torch's scheduler sets, which is stepped after ``every`` steps of the optimizer."""
    optimizer = torch_optimizer(block)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SequentialLR uses what torch itself finds old
        scheduler = make(optimizer)
        found = []
        for step in range(1, steps + 1):
            groups = optimizer.param_groups
            last = groups[0].get("momentum", groups[0].get("betas", (0,))[0])
            found.append([*(float(group["lr"]) for group in groups), float(last)])
            optimizer.step()
            if step % every == 0 and step < steps:
                scheduler.step()
    return found


def torch_optimizer(block: dict[str, Any]) -> torch.optim.Optimizer:
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
    own = block.get("groups", {})
    groups = []
    for name in ("top", "slow"):
        rate = own.get(name, {}).get("learning_rate", block["learning_rate"])
        groups.append({"params": [torch.zeros(1, requires_grad=True)], "lr": rate})
    more = {"momentum": block["momentum"]} if "momentum" in block else {}
    made: torch.optim.Optimizer = kind[block["name"]](groups, lr=block["learning_rate"], **more)
    return made


def block(name: str, rate: float, **more: Any) -> dict[str, Any]:
    groups = {"slow": {"learning_rate": rate / 5}}
    momentum = {"momentum": 0.9} if name == "sgd" else {}
    return {"name": name, "learning_rate": rate, "groups": groups, **momentum, **more}


def same(found: Sequence[Sequence[float]], expected: Sequence[Sequence[float]]) -> None:
    assert [list(row) for row in found] == [pytest.approx(list(row), rel=1e-9) for row in expected]


EPOCHS, PER_EPOCH = st.integers(1, 12), st.integers(1, 9)


@given(name=NAMES, rate=RATES, epochs=EPOCHS, per_epoch=PER_EPOCH)
def test_without_a_schedule_the_rates_stay(name, rate, epochs, per_epoch):
    one = block(name, rate)

    found = ours(one, epochs, per_epoch)

    same(found, [[rate, rate / 5, 0.9]] * (epochs * per_epoch))


@given(NAMES, RATES, FACTORS, st.integers(1, 5), EPOCHS, PER_EPOCH)
def test_step_is_steplr_by_epochs(name, rate, factor, every, epochs, per_epoch):
    one = block(name, rate, schedule={"name": "step", "every": every, "factor": factor})

    expected = torchs(
        one, lambda o: lr_scheduler.StepLR(o, every, factor), epochs * per_epoch, per_epoch
    )

    same(ours(one, epochs, per_epoch), expected)


@given(NAMES, RATES, FACTORS, st.sets(st.integers(1, 12), min_size=1), EPOCHS, PER_EPOCH)
def test_multi_step_is_multisteplr_by_epochs(name, rate, factor, after, epochs, per_epoch):
    milestones = sorted(after)
    schedule = {"name": "multi_step", "milestones": milestones, "factor": factor}
    one = block(name, rate, schedule=schedule)

    expected = torchs(
        one,
        lambda o: lr_scheduler.MultiStepLR(o, milestones, factor),
        epochs * per_epoch,
        per_epoch,
    )

    same(ours(one, epochs, per_epoch), expected)


@given(NAMES, RATES, st.sampled_from([0.0, 0.01, 0.5]), EPOCHS, PER_EPOCH)
def test_cosine_is_cosineannealinglr_by_steps(name, rate, final, epochs, per_epoch):
    one = block(name, rate, schedule={"name": "cosine", "final": final})
    steps = epochs * per_epoch

    found = ours(one, epochs, per_epoch)

    for group in (0, 1):
        own = {**one, "groups": {}, "learning_rate": found[0][group]}
        lowest = found[0][group] * final  # torch's lowest rate is one for all groups
        expected = torchs(
            own, lambda o, low=lowest: lr_scheduler.CosineAnnealingLR(o, steps, low), steps
        )
        assert [row[group] for row in found] == pytest.approx([row[0] for row in expected])


@settings(deadline=None)
@given(
    NAMES,
    RATES,
    st.fixed_dictionaries(
        {
            "pct_start": st.sampled_from([0.3, 0.1, 0.45]),
            "anneal_strategy": st.sampled_from(["cos", "linear"]),
            "div_factor": st.sampled_from([25.0, 2.0]),
            "final_div_factor": st.sampled_from([1e4, 3.0]),
            "three_phase": st.booleans(),
            "cycle_momentum": st.booleans(),
            "base_momentum": st.sampled_from([0.85, 0.5]),
            "max_momentum": st.sampled_from([0.95, 0.9]),
        }
    ),
    st.integers(4, 12),
    st.integers(3, 9),
)
def test_one_cycle_is_onecyclelr(name, rate, chosen, epochs, per_epoch):
    one = block(name, rate, schedule={"name": "one_cycle", **chosen})
    steps = epochs * per_epoch

    expected = torchs(
        one,
        lambda o: lr_scheduler.OneCycleLR(o, [rate, rate / 5], total_steps=steps, **chosen),
        steps,
    )

    same(ours(one, epochs, per_epoch), expected)


def test_the_published_one_cycle_peaks_higher_for_the_filters_between_the_same_ends():
    """Parametric scattering networks: the peak is overwritten when the scheduler is made."""
    one = {
        "name": "sgd",
        "learning_rate": 0.06,
        "momentum": 0.9,
        "groups": {"slow": {"peak": 0.1, "weight_decay": 0.0}},
        "weight_decay": 5e-4,
        "schedule": {"name": "one_cycle"},
    }

    def published(optimizer: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
        made = lr_scheduler.OneCycleLR(optimizer, max_lr=0.06, epochs=200, steps_per_epoch=1)
        optimizer.param_groups[1]["max_lr"] = 0.1
        return made

    found = ours(one, 200, 1)

    same(found, torchs({**one, "groups": {}}, published, 200))
    assert found[0] == pytest.approx([0.0024, 0.0024, 0.95])
    assert found[59] == pytest.approx([0.06, 0.1, 0.85])
    assert found[199] == pytest.approx([2.4e-7, 2.4e-7, 0.95])


@pytest.mark.parametrize("planned", [5, 30, 36, 37, 90])
def test_one_cycle_that_is_planned_too_short_stays_where_torch_refuses_to_go_on(planned):
    """As where that refusal is passed over; one that is planned too long ends on the way."""
    one = block("sgd", 0.1, schedule={"name": "one_cycle", "steps": planned})

    class Forgiving(lr_scheduler.OneCycleLR):
        def step(self, epoch=None):
            with suppress(ValueError):
                super().step(epoch)

    found = ours(one, 4, 9)

    same(found, torchs(one, lambda o: Forgiving(o, [0.1, 0.02], total_steps=planned), 36))


@pytest.mark.parametrize("steps", [1, 2, 3, 10])
@pytest.mark.parametrize("three_phase", [False, True])
def test_one_cycle_of_a_few_steps_has_finite_rates(steps, three_phase):
    for share in (0.05, 0.1, 1 / 3, 0.5, 0.99):
        schedule = {"name": "one_cycle", "pct_start": share, "three_phase": three_phase}
        for *learning_rates, momentum in ours(block("sgd", 0.1, schedule=schedule), steps, 1):
            assert all(math.isfinite(rate) and -0.2 < rate < 0.3 for rate in learning_rates)
            assert math.isfinite(momentum)


@settings(deadline=None)
@given(
    NAMES,
    st.fixed_dictionaries(
        {
            "step_size_up": st.integers(1, 12),
            "step_size_down": st.one_of(st.none(), st.integers(1, 12)),
            "mode": st.sampled_from(["triangular", "triangular2", "exp_range"]),
            "gamma": st.sampled_from([1.0, 0.97]),
            "cycle_momentum": st.booleans(),
            "base_momentum": st.sampled_from([0.8, 0.5]),
            "max_momentum": st.sampled_from([0.9, 0.95]),
        }
    ),
    st.booleans(),
    st.integers(1, 12),
    st.integers(1, 9),
)
def test_cyclic_is_cycliclr(name, chosen, own_peak, epochs, per_epoch):
    one = block(name, 0.01, schedule={"name": "cyclic", "peak": 0.5, **chosen})
    peak = 0.1
    if own_peak:
        peak = 0.7
        one["groups"]["slow"]["peak"] = peak

    expected = torchs(
        one,
        lambda o: lr_scheduler.CyclicLR(o, [0.01, 0.002], [0.5, peak], **chosen),
        epochs * per_epoch,
    )

    same(ours(one, epochs, per_epoch), expected)


@given(NAMES, RATES, st.sampled_from([0.9, 1.0, 2.0]), st.booleans(), EPOCHS, PER_EPOCH)
def test_poly_is_polynomiallr(name, rate, power, whole, epochs, per_epoch):
    steps = epochs * per_epoch if whole else 7
    given_ = {} if whole else {"steps": steps}
    one = block(name, rate, schedule={"name": "poly", "power": power, **given_})

    found = ours(one, epochs, per_epoch)

    made = torchs(one, lambda o: lr_scheduler.PolynomialLR(o, steps, power), epochs * per_epoch)
    assert [row[:2] for row in found] == [pytest.approx(row[:2], abs=1e-12) for row in made]


def test_poly_of_deeplab_never_falls_below_its_lowest_rate():
    schedule = {"name": "poly", "steps": 20, "minimum": 1e-3}
    one = {"name": "sgd", "learning_rate": 0.01, "momentum": 0.9, "schedule": schedule}

    found = [row[0] for row in ours(one, 5, 5)]

    wanted = [max(0.01 * max(0.0, 1 - step / 20) ** 0.9, 1e-3) for step in range(25)]
    assert found == pytest.approx(wanted)
    assert found[-1] == 1e-3


SCHEDULES: dict[str, tuple[dict[str, Any], Callable[[Any, int], lr_scheduler.LRScheduler]]] = {
    "none": ({}, lambda o, _: lr_scheduler.LambdaLR(o, lambda _: 1.0)),
    "cosine": ({}, lambda o, left: lr_scheduler.CosineAnnealingLR(o, left)),
    "poly": ({}, lambda o, left: lr_scheduler.PolynomialLR(o, left, 0.9)),
    "cyclic": (
        {"peak": 0.5, "step_size_up": 3, "cycle_momentum": False},
        lambda o, _: lr_scheduler.CyclicLR(o, 0.1, 0.5, 3, cycle_momentum=False),
    ),
    "step": ({"every": 2}, lambda o, _: lr_scheduler.StepLR(o, 2 * 6)),
    "multi_step": ({"milestones": [1, 4]}, lambda o, _: lr_scheduler.MultiStepLR(o, [6, 24])),
}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize(("length", "warm"), [({"steps": 8}, 8), ({"epochs": 2}, 12)])
def test_a_warm_up_is_linearlr_in_front_of_the_schedule(name, length, warm):
    """As `SequentialLR`, with six steps to an epoch and seven epochs."""
    settings_, make = SCHEDULES[name]
    one: dict[str, Any] = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9}
    one["warm_up"] = {**length, "start": 0.25}
    if name != "none":
        one["schedule"] = {"name": name, **settings_}

    found = ours(one, 7, 6)

    rise = torchs(one, lambda o: lr_scheduler.LinearLR(o, 0.25, 1.0, warm), warm)
    follows = torchs(one, lambda o: make(o, 42 - warm), 42 - warm)
    same(found, rise + follows)


def test_a_warm_up_leads_to_where_one_cycle_begins():
    one = block("sgd", 0.1, schedule={"name": "one_cycle"}, warm_up={"steps": 5, "start": 0.0})

    found = ours(one, 5, 5)

    cycle = ours(block("sgd", 0.1, schedule={"name": "one_cycle"}), 4, 5)
    same(found[5:], cycle)
    same(found[:5], [[i / 5 * 0.004, i / 5 * 0.0008, 0.95] for i in range(5)])


def test_a_plateau_lowers_all_rates_as_often_as_it_is_told():
    schedule = {"name": "plateau", "patience": 2, "factor": 0.5}
    optimizer = MADE.validate_python(block("adam", 0.1, schedule=schedule))

    found = rates(optimizer, ("top", "slow"), Position(30, 6, 9, lowered=3))

    assert found == pytest.approx([0.0125, 0.0025, 0.9])


def test_every_schedule_has_a_revision():
    kinds = Schedule.__args__[0].__args__  # type: ignore[attr-defined]
    names = {kind.model_fields["name"].annotation.__args__[0] for kind in kinds}
    assert set(REVISIONS) == {*names, "warm_up"}
