"""Recurrent attention: a small patch that moves over the image, and a memory of what it has seen.

Source: Mnih, Heess, Graves and Kavukcuoglu, "Recurrent Models of Visual Attention", NeurIPS 2014,
https://arxiv.org/abs/1406.6247: patches of one or more sizes about a fixation; layers for patch and
fixation, joined; a recurrent core; from its state an answer, an expected reward, and the mean of
the next fixation. Sizes of layers are those of the program that is usually run for it (K. Zakka,
``recurrent-visual-attention``). Differs from both: patches are sampled bilinearly, and the first
fixation is near the centre unless ``first_fixation`` is 1. Differs from that program: -1 and 1 are
the centres of the outermost pixels, there the edges of the image; and what it draws after the last
glimpse, where it does not look, has no part in the loss. ``core: lstm``, ``locator_hidden`` and the
settings of the policy besides ``std`` are ours or those of later versions of that program.
"""

from collections.abc import Iterator
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from isotrope.layers.patch_sensor import PatchSensor
from isotrope.layers.recurrent_cell import RecurrentCell
from isotrope.models._gaze import Drawing, ExpectedReward, Gaze, Walk
from isotrope.models._gaze_settings import GazeParams, draws_of_policy

REVISION = 1
PARTS = {"features"}
METHODS = {"look"}
EXAMPLE = {"glimpses": 3, "patch": 4, "patches": 2, "hidden": 16, "policy": "stochastic"}


class Params(GazeParams):
    """Settings of ``ram``."""

    glimpses: int = Field(6, ge=1, description="how often it looks at an image")
    patch: int = Field(8, ge=1, description="side of a patch in pixels")
    patches: int = Field(1, ge=1, description="of a glimpse, each larger than the one before")
    patch_growth: int = Field(2, ge=1, description="how many times larger")
    glimpse_hidden: int = Field(128, ge=1, description="units for the patches")
    location_hidden: int = Field(128, ge=1, description="units for the fixation")
    core: Literal["rnn", "lstm"] = Field("rnn", description="rnn: rectified, as published")
    hidden: int = Field(256, ge=1, description="units of the core")
    locator_hidden: int | None = Field(
        None, ge=1, description="units of a layer before the policy's means; left out: no layer"
    )

    def _idle(self) -> Iterator[tuple[str, str]]:
        yield from super()._idle()
        if self.patches == 1:
            yield "patch_growth", "patches: 2 or more"


class RectifiedCell(nn.Module):
    """A recurrent layer with a rectified output.

    Shapes:
        input: ``(batch, inputs)``
        state and output: ``(batch, hidden)``; None before the first step: zeros

    Args:
        inputs: numbers that it is given.
        hidden: numbers that it puts out.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.i2h = nn.Linear(inputs, hidden)
        self.h2h = nn.Linear(hidden, hidden)

    def forward(self, given: Tensor, state: Tensor | None = None) -> Tensor:
        """The next state."""
        found: Tensor = self.i2h(given)
        return (found + (self.h2h.bias if state is None else self.h2h(state))).relu()


class Ram(Gaze):
    """Patches, a layer that joins them with the fixation, a recurrent core; see `Gaze`."""

    outline = "squares"

    def __init__(self, channels: int, classes: int, params: Params) -> None:
        super().__init__(params, params.glimpses)
        self.sensor = PatchSensor(params.patch, params.patches, params.patch_growth)
        seen, located = params.glimpse_hidden, params.location_hidden
        self.fc1 = nn.Linear(channels * params.patches * params.patch**2, seen)
        self.fc2 = nn.Linear(2, located)
        self.fc3 = nn.Linear(seen, seen + located)
        self.fc4 = nn.Linear(located, seen + located)
        self.lstm = params.core == "lstm"
        cell = RecurrentCell if self.lstm else RectifiedCell
        self.core = cell(seen + located, params.hidden)
        self.locator = _locator(params.hidden, params.locator_hidden)
        steps = params.glimpses if params.per_step_baseline else 1
        self.baseline = ExpectedReward(params.hidden, steps, rectified=False)
        self.classifier = nn.Linear(params.hidden, classes)

    def prepared(self, images: Tensor) -> list[Tensor]:
        """See `Gaze.prepared`."""
        return self.sensor.levels(images)

    def step(self, seen: list[Tensor], fixation: Tensor, memory: Any) -> tuple[Tensor, Tensor, Any]:
        """See `Gaze.step`."""
        patches = self.sensor.patches(seen, fixation).flatten(1)
        what = self.fc3(self.fc1(patches).relu())
        where = self.fc4(self.fc2(fixation.to(patches.dtype)).relu())
        memory = self.core((what + where).relu(), memory)
        hidden = memory[0] if self.lstm else memory
        return hidden, hidden, memory

    def hidden(self, walk: Walk) -> Tensor:
        """See `Gaze.hidden`."""
        return torch.stack(walk.kept, dim=1)

    def answer(self, hidden: Tensor) -> Tensor:
        """See `Gaze.answer`."""
        logits: Tensor = self.classifier(hidden)
        return logits

    def rings(self, height: int, width: int) -> Tensor:
        """Half sides of the patches, in pixels; they do not follow the image."""
        del height, width
        return torch.tensor(self.sensor.half_sides)


class DrawingRam(Drawing, Ram):
    """The same, whose fixations are drawn."""


def _locator(hidden: int, between: int | None) -> nn.Module:
    if between is None:
        return nn.Linear(hidden, 2)
    return nn.Sequential(nn.Linear(hidden, between), nn.ReLU(), nn.Linear(between, 2))


def draws(params: Params) -> int:
    """How many draws are averaged in tests."""
    return draws_of_policy(params)


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> Ram:
    """The network for images of a shape, which may be of any size."""
    kind = Ram if params.policy == "deterministic" else DrawingRam
    return kind(image_shape[0], classes, params)
