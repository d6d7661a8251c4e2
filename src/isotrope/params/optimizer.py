"""The optimizer of a run, as a param-file names it; ``training/optimizers.py`` computes it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from isotrope.params.schedule import Cyclic, OneCycle, Schedule, WarmUp
from isotrope.settings import Settings

Betas = Annotated[list[Annotated[float, Field(ge=0, lt=1)]], Field(min_length=2, max_length=2)]
BASE = "base"  # the group of the parameters that a model puts into no other
_BETAS = "of the running means of gradients and of their squares"


class Group(Settings):
    """What differs for the parameters that a model's ``parameter_groups`` puts under one name."""

    learning_rate: float | None = Field(None, gt=0, description="step size, if it is another")
    weight_decay: float | None = Field(None, ge=0, description="weight decay, if it is another")
    peak: float | None = Field(
        None,
        gt=0,
        description="the highest rate of one_cycle or cyclic, if it is another; with one_cycle the "
        "first and the last rate still follow from the learning rate",
    )


class _AnyOptimizer(Settings):
    """What every optimizer has."""

    name: str
    learning_rate: float = Field(gt=0, description="step size")
    weight_decay: float = Field(
        0.0, ge=0, description="how strongly weights are pulled to zero, by way of the gradient"
    )
    groups: dict[str, Group] = Field(
        {},
        description="what differs for the parameters of a group, by the names that the model's "
        "parameter_groups gives",
    )
    schedule: Schedule | None = Field(
        None, description="how the step size changes; leave out to keep it"
    )
    warm_up: WarmUp | None = Field(
        None, description="smaller steps at first; the schedule begins when they are over"
    )

    @model_validator(mode="after")
    def _only_cycles_have_peaks(self) -> Self:
        if not isinstance(self.schedule, OneCycle | Cyclic):
            for name, group in self.groups.items():
                if group.peak is not None:
                    raise ValueError(
                        f"the group '{name}' has a peak, which only the schedules one_cycle and "
                        "cyclic have"
                    )
        return self

    @property
    def cycles_momentum(self) -> bool:
        """Whether the schedule changes the momentum."""
        return isinstance(self.schedule, OneCycle | Cyclic) and self.schedule.cycle_momentum

    def learning_rate_of(self, group: str) -> float:
        """The learning rate of a group's parameters, before any schedule."""
        own = self.groups[group].learning_rate if group in self.groups else None
        return self.learning_rate if own is None else own

    def weight_decay_of(self, group: str) -> float:
        """The weight decay of a group's parameters."""
        own = self.groups[group].weight_decay if group in self.groups else None
        return self.weight_decay if own is None else own

    def peak_of(self, group: str) -> float | None:
        """The highest rate of a group's parameters, if it has one of its own."""
        return self.groups[group].peak if group in self.groups else None


class Adam(_AnyOptimizer):
    """Adam."""

    name: Literal["adam"] = Field(description="adam: torch.optim.Adam")
    betas: Betas = Field([0.9, 0.999], description=_BETAS)

    @property
    def first_momentum(self) -> float:
        """The momentum where no schedule changes it."""
        return self.betas[0]


class AdamW(_AnyOptimizer):
    """Adam with weight decay apart from the gradients."""

    name: Literal["adamw"] = Field(description="adamw: torch.optim.AdamW")
    weight_decay: float = Field(
        0.01, ge=0, description="share of the learning rate by which weights shrink in a step"
    )
    betas: Betas = Field([0.9, 0.999], description=_BETAS)

    @property
    def first_momentum(self) -> float:
        """The momentum where no schedule changes it."""
        return self.betas[0]


class SGD(_AnyOptimizer):
    """Stochastic gradient descent."""

    name: Literal["sgd"] = Field(description="sgd: torch.optim.SGD without dampening")
    momentum: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the last step in the next; one_cycle and cyclic set it themselves",
    )
    nesterov: bool = Field(False, description="true: Nesterov's momentum")

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> Self:
        if self.nesterov and self.momentum == 0 and not self.cycles_momentum:
            raise ValueError("nesterov needs a momentum above 0")
        return self

    @property
    def first_momentum(self) -> float:
        """The momentum where no schedule changes it."""
        return self.momentum


Optimizer = Annotated[Adam | AdamW | SGD, Field(discriminator="name")]
