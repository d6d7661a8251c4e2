"""How the temperature of learned phases falls in training: a setting, and the buffers that follow.

Every layer has its temperature in a buffer ``gumbel_tau``; all are set to one value, before each
epoch or before each step of the optimizer.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from torch import nn

from isotrope.layers import temperature
from isotrope.settings import List, Settings

Counted = Literal["epoch", "step"]
_BUFFER = "gumbel_tau"


class Constant(Settings):
    """The same at all times."""

    name: Literal["constant"] = Field(description="constant: the same at all times")
    value: float = Field(1.0, gt=0, description="of the softmax")

    @property
    def per(self) -> Counted:
        """When it is set."""
        return "epoch"

    def after(self, count: int) -> float:
        """After so many epochs."""
        del count
        return self.value


class StepDecay(Settings):
    """Multiplied by a factor now and then, from 1 on."""

    name: Literal["step_decay"] = Field(
        description="step_decay: from 1 on, times the factor after every so many"
    )
    every: int = Field(10, ge=1, description="epochs, or steps of the optimizer")
    factor: float = Field(0.85, gt=0, le=1, description="of each fall")
    minimum: float = Field(0.5, ge=0, le=1, description="below which it does not fall")
    per: Counted = Field("epoch", description="what is counted")

    def after(self, count: int) -> float:
        """After so many epochs or steps."""
        return temperature.StepDecay(self.every, self.factor, self.minimum).value(count)


class MultiStep(Settings):
    """Given at some epochs or steps."""

    name: Literal["multi_step"] = Field(
        description="multi_step: one temperature from each milestone on, or lines between them"
    )
    milestones: List[Annotated[int, Field(ge=0)]] = Field(description="epochs or steps, rising")
    temperatures: List[Annotated[float, Field(gt=0)]] = Field(description="one for each of them")
    rate: Literal["zero", "linear"] = Field(
        "linear", description="zero: stays until the next milestone; linear: a line to it"
    )
    per: Counted = Field("epoch", description="what is counted")

    @model_validator(mode="after")
    def _fit(self) -> Self:
        temperature.MultiStep(self.milestones, self.temperatures, self.rate)
        return self

    def after(self, count: int) -> float:
        """After so many epochs or steps."""
        schedule = temperature.MultiStep(self.milestones, self.temperatures, self.rate)
        return schedule.value(count)


Temperature = Annotated[Constant | StepDecay | MultiStep, Field(discriminator="name")]


def default_temperature() -> StepDecay:
    """That of the published training on CIFAR-10."""
    return StepDecay(name="step_decay")


def temperatures_of(
    network: nn.Module, settings: Constant | StepDecay | MultiStep, count: int, per: Counted
) -> dict[str, float]:
    """The temperatures of all layers of a network, by the names of their buffers.

    Args:
        network: of which all buffers ``gumbel_tau`` are set.
        settings: how the temperature falls.
        count: epochs or steps that are done.
        per: which of them; nothing is set where the settings count the other.
    """
    if settings.per != per:
        return {}
    value = settings.after(count)
    return {
        name: value for name, _ in network.named_buffers() if name.rpartition(".")[2] == _BUFFER
    }
