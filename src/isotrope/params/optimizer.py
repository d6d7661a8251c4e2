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
