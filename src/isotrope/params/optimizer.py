"""The optimizer of a run and the schedule of its learning rate, as a param-file names them."""

from typing import Literal, Self

from pydantic import Field, model_validator

from isotrope.settings import Settings


class Schedule(Settings):
    """How the learning rate changes while a seed trains; each seed has a schedule of its own."""

    name: Literal["step", "cosine", "plateau"] = Field(
        description="step: times factor after every so many epochs; cosine: from the whole rate to "
        "final times it, step by step; plateau: times factor after patience epochs without a "
        "strictly better validation accuracy"
    )
    factor: float = Field(0.1, gt=0, lt=1, description="of step and plateau")
    every: int | None = Field(None, gt=0, description="of step: epochs")
    patience: int | None = Field(None, gt=0, description="of plateau: epochs")
    final: float = Field(0.0, ge=0, lt=1, description="of cosine: the last factor")

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        needed = {"step": "every", "plateau": "patience"}
        taken = {
            "step": {"factor", "every"},
            "plateau": {"factor", "patience"},
            "cosine": {"final"},
        }
        if (key := needed.get(self.name)) and getattr(self, key) is None:
            raise ValueError(f"the schedule {self.name} needs '{key}'")
        if strange := sorted(self.model_fields_set - taken[self.name] - {"name"}):
            raise ValueError(f"the schedule {self.name} takes no '{strange[0]}'")
        return self


class Optimizer(Settings):
    """How weights follow gradients."""

    name: Literal["adam"] = Field(description="adam: torch.optim.Adam with its default betas")
    learning_rate: float = Field(gt=0, description="step size")
    schedule: Schedule | None = Field(
        None, description="how the step size changes; leave out to keep it"
    )


class Group(Settings):
    """What differs for the parameters that a model's ``parameter_groups`` puts under one name."""

    learning_rate: float | None = Field(None, gt=0, description="step size, if it is another")
    weight_decay: float | None = Field(None, ge=0, description="weight decay, if it is another")


class AnyOptimizer(Settings):
    """What every optimizer has."""

    learning_rate: float = Field(gt=0, description="step size")
    weight_decay: float = Field(0.0, ge=0, description="how strongly weights are pulled to zero")
    groups: dict[str, Group] = Field(
        default_factory=dict,
        description="what differs for the parameters of a group, by the names that the model's "
        "parameter_groups gives",
    )

    def weight_decay_of(self, group: str) -> float:
        """The weight decay of a group's parameters."""
        own = self.groups[group].weight_decay if group in self.groups else None
        return self.weight_decay if own is None else own


class Adam(AnyOptimizer):
    """Adam."""

    name: Literal["adam"] = Field(description="adam: torch.optim.Adam")
    betas: tuple[float, float] = Field(
        (0.9, 0.999), description="of the running means of gradients and of their squares"
    )


class AdamW(AnyOptimizer):
    """Adam with weight decay apart from the gradients."""

    name: Literal["adamw"] = Field(description="adamw: torch.optim.AdamW")
    weight_decay: float = Field(0.01, ge=0, description="how strongly weights are pulled to zero")
    betas: tuple[float, float] = Field(
        (0.9, 0.999), description="of the running means of gradients and of their squares"
    )


class SGD(AnyOptimizer):
    """Stochastic gradient descent."""

    name: Literal["sgd"] = Field(description="sgd: torch.optim.SGD without dampening")
    momentum: float = Field(0.0, ge=0, lt=1, description="share of the last step in the next")
    nesterov: bool = Field(False, description="true: Nesterov's momentum")
