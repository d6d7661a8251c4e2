"""The learning rates and the momentum of every training step.

Pure functions: the same settings and the same place in the training give the same numbers, so that
nothing has to be saved to go on with a schedule. ``rates`` is what the training asks; the rest is
one function for each schedule.

Source: torch.optim.lr_scheduler's StepLR, MultiStepLR, CosineAnnealingLR, OneCycleLR, CyclicLR,
PolynomialLR and LinearLR (warm-up, in front of another as in SequentialLR), whose rates these are
step for step. Differs from them: ``poly`` may have a lowest rate, as the polynomial schedule of
DeepLab has; a group's ``peak`` replaces the highest rate alone, as in the published training of
parametric scattering networks (Gauthier et al., CVPR 2022), where the first and last rates of
OneCycleLR stay those of the group's learning rate; where OneCycleLR would divide by zero (a rise
of a single step) that step has the first rate. OneCycleLR refuses the second step behind those that
it is planned for; here ``steps`` may be fewer than there are, and all that follow have the rate of
the first behind them, as in the published trainings, which passed over that refusal.
"""

import bisect
import math
from collections.abc import Sequence
from typing import NamedTuple

from isotrope.params.optimizer import Optimizer
from isotrope.params.schedule import (
    Cosine,
    Cyclic,
    MultiStep,
    OneCycle,
    Plateau,
    Poly,
    Schedule,
    Step,
)

REVISIONS = {  # one rises when its rates come out different
    "step": 1,
    "multi_step": 1,
    "cosine": 1,
    "plateau": 1,
    "one_cycle": 1,
    "cyclic": 1,
    "poly": 1,
    "warm_up": 1,
}


class Position(NamedTuple):
    """A step of a seed's training.

    Args:
        step: steps of the optimizer before this one, since the training began; without those that
            the schedule stands still for, see `isotrope.params.training.Accumulation`.
        per_epoch: steps of the optimizer in an epoch.
        epochs: the epochs of the whole training.
        lowered: how often a plateau has lowered the rate.
    """

    step: int
    per_epoch: int
    epochs: int
    lowered: int = 0

    @property
    def steps(self) -> int:
        """The steps of the whole training."""
        return self.epochs * self.per_epoch


class _Place(NamedTuple):
    """A step of a schedule, which begins after the warm-up.

    Args:
        step: its steps before this one.
        steps: all its steps.
        per_epoch: steps in an epoch.
        lowered: how often a plateau has lowered the rate.
    """

    step: int
    steps: int
    per_epoch: int
    lowered: int


def rates(optimizer: Optimizer, groups: Sequence[str], at: Position) -> list[float]:
    """The learning rate of every group, then the momentum, of one step."""
    ahead, share = _warm_up(optimizer, at)
    place = _Place(max(0, at.step - ahead), max(1, at.steps - ahead), at.per_epoch, at.lowered)
    return [
        *(share * _rate(optimizer, group, place) for group in groups),
        _momentum(optimizer, place),
    ]


def _warm_up(optimizer: Optimizer, at: Position) -> tuple[int, float]:
    """The steps of the warm-up, and the share of the rate that it grants."""
    warm_up = optimizer.warm_up
    if warm_up is None:
        return 0, 1.0
    steps = warm_up.steps or (warm_up.epochs or 0) * at.per_epoch
    return steps, warm_up.start + (1 - warm_up.start) * min(steps, at.step) / steps


def _rate(optimizer: Optimizer, group: str, place: _Place) -> float:
    """A group's learning rate after the warm-up."""
    schedule, rate = optimizer.schedule, optimizer.learning_rate_of(group)
    match schedule:
        case OneCycle():
            return _one_cycle(schedule, rate, optimizer.peak_of(group) or rate, place)
        case Cyclic():
            in_proportion = schedule.peak * rate / optimizer.learning_rate
            return _cyclic(schedule, rate, optimizer.peak_of(group) or in_proportion, place)
        case Poly():
            return max(rate * _poly(schedule, place), schedule.minimum)
        case _:
            return rate * _factor(schedule, place)


def _factor(schedule: Schedule | None, place: _Place) -> float:
    """What a schedule multiplies every rate by."""
    match schedule:
        case Step():
            return float(schedule.factor ** (place.step // place.per_epoch // schedule.every))
        case MultiStep():
            passed = bisect.bisect_right(schedule.milestones, place.step // place.per_epoch)
            return float(schedule.factor**passed)
        case Cosine():
            done = min(1.0, place.step / place.steps)
            return schedule.final + (1 - schedule.final) * (1 + math.cos(math.pi * done)) / 2
        case Plateau():
            return float(schedule.factor**place.lowered)
        case _:
            return 1.0


def _momentum(optimizer: Optimizer, place: _Place) -> float:
    """The momentum; the first beta of Adam and AdamW."""
    schedule = optimizer.schedule
    if isinstance(schedule, OneCycle | Cyclic) and schedule.cycle_momentum:
        low, high = schedule.base_momentum, schedule.max_momentum
        if isinstance(schedule, Cyclic):
            return high - (high - low) * _height(schedule, place.step)
        return _along(schedule, place, (high, low, high, high))
    return optimizer.first_momentum


def _poly(schedule: Poly, place: _Place) -> float:
    steps = schedule.steps or place.steps
    return float((1 - min(steps, place.step) / steps) ** schedule.power)


def _one_cycle(schedule: OneCycle, rate: float, peak: float, place: _Place) -> float:
    first = rate / schedule.div_factor
    return _along(schedule, place, (first, peak, first, first / schedule.final_div_factor))


def _along(schedule: OneCycle, place: _Place, corners: tuple[float, float, float, float]) -> float:
    """Where a value is that goes from the first corner to the second, and on to the last.

    It comes through the third corner if there are three phases.
    """
    planned = schedule.steps or place.steps
    rise, last = schedule.pct_start * planned, planned - 1
    start, top, middle, end = corners
    ends, values = [0.0, rise - 1, last], [start, top, end]
    if schedule.three_phase:
        ends, values = [0.0, rise - 1, 2 * rise - 2, last], [start, top, middle, end]
    step = min(place.step, last if schedule.steps is None else planned)
    phase = next((i for i in range(1, len(ends)) if step <= ends[i]), len(ends) - 1)
    begin, width = ends[phase - 1], ends[phase] - ends[phase - 1]
    share = (step - begin) / width if width else 0.0
    return _between(schedule, values[phase - 1], values[phase], share)


def _between(schedule: OneCycle, start: float, end: float, share: float) -> float:
    if schedule.anneal_strategy == "linear":
        return (end - start) * share + start
    return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)


def _cyclic(schedule: Cyclic, rate: float, peak: float, place: _Place) -> float:
    return rate + (peak - rate) * _height(schedule, place.step)


def _height(schedule: Cyclic, step: int) -> float:
    """How far a cycle is up, from 0 to 1."""
    up = schedule.step_size_up
    whole = up + (schedule.step_size_down or up)
    cycle = math.floor(1 + step / whole)
    x, top = 1.0 + step / whole - cycle, up / whole
    height = x / top if x <= top else (x - 1) / (top - 1)
    match schedule.mode:
        case "triangular2":
            return height / 2.0 ** (cycle - 1)
        case "exp_range":
            return float(height * schedule.gamma**step)
        case _:
            return height
