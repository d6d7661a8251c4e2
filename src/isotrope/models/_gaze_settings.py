"""What the networks whose fovea moves have for settings in common."""

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, model_validator

from isotrope.models._idle import refuse_idle
from isotrope.settings import Settings

Policy = Literal["stochastic", "stochastic_in_training", "deterministic"]
Squashing = Literal["clamp", "tanh"]

_OF_DRAWS = ("first_fixation", "std", "std_half_life")
_OF_REWARDS = ("advantage", "reinforce_weight")


class GazeParams(Settings):
    """Settings of a fovea that moves, and of how it learns to."""

    first_fixation: float = Field(
        0.25,
        ge=0,
        le=1,
        description="the first fixation is uniform within so many half sides about the centre",
    )
    std: float = Field(
        0.16, gt=0, description="standard deviation of fixations about the policy's means"
    )
    std_half_life: float | None = Field(
        None, gt=0, description="epochs after which it is half as large; left out, it stays"
    )
    policy: Policy = Field(
        "stochastic",
        description="stochastic: fixations are drawn, in tests too; stochastic_in_training: tests "
        "begin at the centre and follow the means; deterministic: so does training, which is by "
        "gradients then",
    )
    learned_by: Literal["rewards", "gradients"] = Field(
        "rewards",
        description="how the policy learns: by rewards, as published; by gradients of the answer "
        "that go through fixations, those that are drawn, too",
    )
    squashing: Squashing = Field(
        "clamp",
        description="what keeps the policy's means in the image: clamp, without a gradient beyond "
        "it, as published; tanh, which keeps drawn fixations in the image, too",
    )
    detached_locator: bool = Field(
        False,
        description="whether rewards train the locator alone, not what is before it; attacks have "
        "gradients through it all the same",
    )
    per_step_baseline: bool = Field(
        False, description="whether each glimpse has weights of its own for the expected reward"
    )
    advantage: Literal["none", "normalised"] = Field(
        "none",
        description="normalised: how much better a reward is than expected has mean 0 and "
        "deviation 1 over a batch",
    )
    answers: Literal["last", "every"] = Field(
        "last",
        description="whose likelihood is learned: that of the answer after the last glimpse; or "
        "the mean of those after every glimpse, for answers that may come early",
    )
    reinforce_weight: float = Field(
        1.0, ge=0, description="of the policy's loss beside that of the answers"
    )
    monte_carlo: int = Field(
        10, ge=1, description="draws whose logits are averaged where a drawn policy is tested"
    )

    @model_validator(mode="after")
    def _has_effect(self) -> Self:
        refuse_idle(self, self._idle())
        return self

    def _idle(self) -> Iterator[tuple[str, str]]:
        """The settings that others leave without effect, and what they would need."""
        if self.policy == "deterministic":
            needed = "a policy that draws: stochastic or stochastic_in_training"
            yield from ((name, needed) for name in (*_OF_DRAWS, *_OF_REWARDS))
        if self.policy != "stochastic":
            yield "monte_carlo", "policy: stochastic"
        if self.learned_by == "gradients":
            yield from ((name, "learned_by: rewards") for name in _OF_REWARDS)


def draws_of_policy(params: GazeParams) -> int:
    """How many draws are averaged in tests."""
    return params.monte_carlo if params.policy == "stochastic" else 1
