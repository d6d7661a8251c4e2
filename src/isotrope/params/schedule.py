"""How the learning rate changes while a seed trains, as a param-file says it.

``training/schedules.py`` computes what is said here. Where a schedule of ``torch.optim`` has the
name, its settings have torch's names, meanings and defaults.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from isotrope.settings import Settings

Fraction = Annotated[float, Field(gt=0, lt=1)]
_CYCLED = "true: the momentum (Adam's first beta) falls while the rate rises, and rises again"


class Step(Settings):
    """The rate falls after every so many epochs."""

    name: Literal["step"] = Field(description="step: times factor after every so many epochs")
    factor: Fraction = Field(0.1, description="what the rate is multiplied by")
    every: int = Field(gt=0, description="epochs")


class MultiStep(Settings):
    """The rate falls after some epochs."""

    name: Literal["multi_step"] = Field(
        description="multi_step: times factor after each of some epochs"
    )
    factor: Fraction = Field(0.1, description="what the rate is multiplied by")
    milestones: list[Annotated[int, Field(gt=0)]] = Field(
        min_length=1, description="epochs after which the rate falls, each later than the last"
    )

    @field_validator("milestones")
    @classmethod
    def _rise(cls, milestones: list[int]) -> list[int]:
        if milestones != sorted(set(milestones)):
            raise ValueError("each milestone must be later than the one before")
        return milestones


class Cosine(Settings):
    """The rate falls along half a cosine."""

    name: Literal["cosine"] = Field(
        description="cosine: from the whole rate to final times it, step by step"
    )
    final: float = Field(0.0, ge=0, lt=1, description="the last factor")


class Plateau(Settings):
    """The rate falls when validation does not get better."""

    name: Literal["plateau"] = Field(
        description="plateau: times factor after patience epochs without a strictly better "
        "validation score"
    )
    factor: Fraction = Field(0.1, description="what the rate is multiplied by")
    patience: int = Field(gt=0, description="epochs")


class OneCycle(Settings):
    """The rate rises once, then falls to next to nothing, step by step."""

    name: Literal["one_cycle"] = Field(
        description="one_cycle: up to the learning rate and down again, step by step, as "
        "torch.optim.lr_scheduler.OneCycleLR whose max_lr is the learning rate (a group's peak, "
        "if it has one)"
    )
    pct_start: Fraction = Field(0.3, description="share of the steps in which the rate rises")
    anneal_strategy: Literal["cos", "linear"] = Field("cos", description="the shape of both ways")
    div_factor: float = Field(
        25.0, gt=0, description="the first rate is the learning rate divided by this"
    )
    final_div_factor: float = Field(
        1e4, gt=0, description="the last rate is the first rate divided by this"
    )
    three_phase: bool = Field(
        False, description="true: down to the first rate as fast as up, then down to the last"
    )
    steps: int | None = Field(
        None,
        gt=0,
        description="for how many steps it is planned; all, if left out. If there are more, the "
        "rate stays at the end; if there are fewer, training ends on the way",
    )
    cycle_momentum: bool = Field(True, description=_CYCLED)
    base_momentum: float = Field(0.85, gt=0, lt=1, description="the lowest momentum")
    max_momentum: float = Field(0.95, gt=0, lt=1, description="the highest momentum")


class Cyclic(Settings):
    """The rate rises and falls again and again, step by step."""

    name: Literal["cyclic"] = Field(
        description="cyclic: from the learning rate up to peak and back, again and again, step by "
        "step, as torch.optim.lr_scheduler.CyclicLR"
    )
    peak: float = Field(
        gt=0,
        description="the highest rate; of a group with another learning rate in proportion, if it "
        "has no peak of its own",
    )
    step_size_up: int = Field(2000, gt=0, description="steps in which the rate rises")
    step_size_down: int | None = Field(
        None, gt=0, description="steps in which it falls; as many as it rises, if left out"
    )
    mode: Literal["triangular", "triangular2", "exp_range"] = Field(
        "triangular",
        description="triangular: all cycles are as high; triangular2: each is half as high as the "
        "last; exp_range: gamma to the power of the steps times as high",
    )
    gamma: float = Field(1.0, gt=0, description="of exp_range")
    cycle_momentum: bool = Field(True, description=_CYCLED)
    base_momentum: float = Field(0.8, gt=0, lt=1, description="the lowest momentum")
    max_momentum: float = Field(0.9, gt=0, lt=1, description="the highest momentum")


class Poly(Settings):
    """The rate falls as a power of the steps that are left."""

    name: Literal["poly"] = Field(
        description="poly: times (1 - step / steps) to the power, step by step"
    )
    power: float = Field(0.9, gt=0, description="1 is a straight line")
    steps: int | None = Field(
        None, gt=0, description="after how many steps the rate is 0; all, if left out"
    )
    minimum: float = Field(0.0, ge=0, description="a rate that it never falls below")


Schedule = Annotated[
    Step | MultiStep | Cosine | Plateau | OneCycle | Cyclic | Poly, Field(discriminator="name")
]


class WarmUp(Settings):
    """The first steps, in which the rate rises in a straight line to where the schedule begins."""

    steps: int | None = Field(None, gt=0, description="how many steps; or")
    epochs: int | None = Field(None, gt=0, description="how many epochs")
    start: float = Field(
        0.1, ge=0, lt=1, description="the share of the rate with which the first step is done"
    )

    @model_validator(mode="after")
    def _has_one_length(self) -> Self:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("needs either 'steps' or 'epochs'")
        return self
