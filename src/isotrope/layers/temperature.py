"""Schedules of the temperature of a choice: how it falls with the number of calls so far.

A schedule knows nothing but the number of its calls, which a model makes after each epoch or after
each batch: before the first one the temperature is 1. Source: the schedules published with
"Learnable Polyphase Sampling" (NeurIPS 2022), which count every call from 1.
Differs from the source: a schedule keeps no state, so that a resumed training needs none.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, Protocol, get_args

Rate = Literal["zero", "linear"]


class Temperature(Protocol):
    """What says the temperature after so many calls."""

    def value(self, calls: int) -> float:
        """The temperature after ``calls`` calls; 1 after none."""


class StepDecay:
    """Multiplied by ``gamma`` at every ``step_size``-th call, but never below ``minimum``.

    Args:
        step_size: calls from one step to the next.
        gamma: the factor, above 0 and at most 1.
        minimum: the lowest temperature, from 0 to 1.

    Raises:
        ValueError: if a number is outside its range.
    """

    def __init__(self, step_size: int, gamma: float = 0.1, minimum: float = 0.0) -> None:
        if step_size < 1:
            raise ValueError(f"step_size is at least 1, got {step_size}")
        if not 0 < gamma <= 1:
            raise ValueError(f"gamma is above 0 and at most 1, got {gamma}")
        if not 0 <= minimum <= 1:
            raise ValueError(f"minimum is from 0 to 1, got {minimum}")
        self.step_size, self.gamma, self.minimum = step_size, gamma, minimum

    def value(self, calls: int) -> float:
        """The temperature after ``calls`` calls."""
        return max(self.gamma ** (calls // self.step_size), self.minimum)


class MultiStep:
    """A temperature at each of some milestones, and 1 at the beginning.

    With the rate ``zero`` a temperature holds until the next milestone. With ``linear`` it runs in
    straight lines from 1 at the first call through all milestones, and holds after the last one.

    Args:
        milestones: numbers of calls, rising.
        temperatures: one for each milestone, above 0.
        rate: ``zero`` or ``linear``.

    Raises:
        ValueError: if these are not as many, milestones fall or are negative, a temperature is not
            positive, or the rate is unknown.
    """

    def __init__(
        self, milestones: Sequence[int], temperatures: Sequence[float], rate: Rate = "zero"
    ) -> None:
        if not milestones or len(milestones) != len(temperatures):
            raise ValueError(
                f"each milestone needs a temperature, got {len(milestones)} milestones and "
                f"{len(temperatures)} temperatures"
            )
        if milestones[0] < 0 or any(after <= before for before, after in pairwise(milestones)):
            raise ValueError(f"milestones rise from 0 on, got {list(milestones)}")
        if min(temperatures) <= 0:
            raise ValueError(f"temperatures are above 0, got {list(temperatures)}")
        if rate not in get_args(Rate):
            raise ValueError(f"rate must be one of {', '.join(get_args(Rate))}, got '{rate}'")
        self.milestones, self.temperatures, self.rate = milestones, temperatures, rate

    def value(self, calls: int) -> float:
        """The temperature after ``calls`` calls."""
        if calls < 1:
            return 1.0
        offset, temperature = 1, 1.0
        for milestone, following in zip(self.milestones, self.temperatures, strict=True):
            if calls < milestone:
                if self.rate == "zero":
                    return temperature
                share = (calls - offset) / (milestone - offset)
                return (1 - share) * temperature + share * following
            offset, temperature = milestone, following
        return temperature
