"""Recurrent attention with a log-polar fovea: one stream recognises, another decides where to look.

A glimpse is a log-polar map about the fixation. The stream *what* sees it through convolutions that
pool over many angles, so that turns about the fixation change little, and remembers it for the
answer; the stream *where* keeps the angles, and its memory gives the mean of the next fixation.

Source: Kiritani and Ono, "Recurrent Attention Model with Log-Polar Mapping is Robust against
Adversarial Attacks", 2020, https://arxiv.org/abs/2002.05388, and the code published with it. Its
two networks of one name are both here: ``head: hidden`` (a layer of 1,024 units before the answer;
SIM2MNIST) and ``head: direct`` (ImageNet, where that layer was made but not used). The published
command's network for SIM2MNIST has 176,544 weights in the convolutions of the stream *what*, 20,172
in those of *where*, 165,888 and 79,872 in their memories; norms among them.

Differs from that code: the rows beyond the pole of a map are those opposite (``legacy_pole_pad``
has them as published); rings are circles on oblong images; training and tests return logits, and
their loss is that of logits; the ``avg`` pooling that the published code names and does not use is
left out, and so is its option of a residual network. Not published, and off unless asked for: all
settings of the policy but ``std`` and its half-life, and ``norm: layer``.
"""

from collections.abc import Iterator
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from isotrope.layers.forms import numbers_at_once
from isotrope.layers.foveal_sensor import FovealSensor
from isotrope.layers.recurrent_cell import RecurrentCell, State
from isotrope.models._fovea_settings import FoveaParams, fovea_of, stack_of
from isotrope.models._gaze import Drawing, ExpectedReward, Gaze, Walk
from isotrope.models._gaze_settings import GazeParams, draws_of_policy
from isotrope.models._gaze_weights import published
from isotrope.models._polar_stack import Pairs, norm_of_numbers, polar_stack
from isotrope.models._stages import Width
from isotrope.settings import List

REVISION = 1
PARTS = {"features"}
METHODS = {"look"}
EXAMPLE = {
    "configuration": "digits",
    "glimpses": 3,
    "radii": 6,
    "angles": 8,
    "what_channels": [4, 4],
    "what_kernels": [[3, 3], [3, 3]],
    "what_poolings": [[2, 2], [3, 4]],
    "where_channels": [3],
    "where_kernels": [[3, 3]],
    "where_poolings": [[3, 2]],
    "what_hidden": 8,
    "where_hidden": 6,
    "head": "hidden",
    "head_hidden": 12,
}
_ON_A_CPU = 2**17  # numbers of glimpses, padded, that are recognised at once


class Params(FoveaParams, GazeParams):
    """Settings of ``ram_lpm``."""

    glimpses: int | None = Field(None, ge=1, description="how often it looks at an image")
    where_channels: List[Width] | None = Field(
        None, description="of each convolution that decides where to look"
    )
    where_kernels: Pairs | None = Field(
        None, description="of each of these, height and width in radii and angles"
    )
    where_poolings: Pairs | None = Field(
        None, description="behind each of these, maxima over so many radii and angles"
    )
    what_hidden: int | None = Field(None, ge=1, description="units of the memory that recognises")
    where_hidden: int | None = Field(None, ge=1, description="units of the one that decides")
    head: Literal["hidden", "direct"] | None = Field(
        None, description="hidden: a layer of units before the answer; direct: none"
    )
    head_hidden: int = Field(1024, ge=1, description="units of that layer")

    def _idle(self) -> Iterator[tuple[str, str]]:
        yield from super()._idle()
        if self.settled()["head"] == "direct":
            yield "head_hidden", "head: hidden"


class RamLpm(Gaze):
    """Log-polar glimpses, two streams of convolutions and memories; see `Gaze`."""

    outline = "rings"
    params: Params

    def __init__(self, channels: int, classes: int, params: Params) -> None:
        settled = params.settled()
        super().__init__(params, settled["glimpses"])
        self.head_kind = settled["head"]
        fovea = fovea_of(settled)
        self.sensor = FovealSensor(fovea)
        what, where = stack_of(settled, "what"), stack_of(settled, "where")
        hidden, deciding = settled["what_hidden"], settled["where_hidden"]
        self.mixes_images = params.norm == "batch"

        rows, columns = what.size(*fovea.shape, "what")
        self.cnn_what = polar_stack(channels, what, params.norm, params.legacy_pole_pad)
        self.rnn_what = RecurrentCell(rows * columns * what.channels[-1] + 2, hidden)
        self.bn_what = norm_of_numbers(params.norm, hidden)
        self.head = _head(params, settled["head"], hidden, classes)
        steps = self.glimpses if params.per_step_baseline else 1
        self.baseline = ExpectedReward(hidden, steps, rectified=True)

        rows, columns = where.size(*fovea.shape, "where")
        self.cnn_where = polar_stack(channels, where, params.norm, params.legacy_pole_pad)
        self.rnn_where = RecurrentCell(rows * columns * where.channels[-1] + 2, deciding)
        self.bn_where = norm_of_numbers(params.norm, deciding)
        self.locator = nn.Linear(deciding, 2)

    def step(self, seen: Tensor, fixation: Tensor, memory: Any) -> tuple[Tensor, Tensor, Any]:
        """See `Gaze.step`; what is kept is the glimpse."""
        glimpse = self.sensor(seen, fixation)
        memory = self.rnn_where(_with_fixation(self.cnn_where(glimpse), fixation), memory)
        return self.bn_where(memory[0]), glimpse, memory

    def hidden(self, walk: Walk) -> Tensor:
        """See `Gaze.hidden`.

        Glimpses are recognised several at a time, unless a batch norm takes the statistics of each
        glimpse by itself.
        """
        glimpses, fixations, apart = walk.kept, walk.fixations, self.training and self.mixes_images
        at_once = 1 if apart else max(1, numbers_at_once(glimpses[0], _ON_A_CPU) // _size(glimpses))
        seen: list[Tensor] = []
        for first in range(0, len(glimpses), at_once):
            some = glimpses[first : first + at_once]
            maps = self.cnn_what(torch.cat(some) if len(some) > 1 else some[0])
            seen += maps.chunk(len(some))
        memory: State | None = None
        outputs: list[Tensor] = []
        for maps, fixation in zip(seen, fixations, strict=True):
            memory = self.rnn_what(_with_fixation(maps, fixation), memory)
            outputs.append(memory[0])
        if apart:
            return torch.stack([self.bn_what(output) for output in outputs], dim=1)
        whole = torch.stack(outputs, dim=1)
        normed: Tensor = self.bn_what(whole.flatten(0, 1))
        return normed.view_as(whole)

    def answer(self, hidden: Tensor) -> Tensor:
        """See `Gaze.answer`."""
        logits: Tensor = self.head(hidden)
        return logits

    def rings(self, height: int, width: int) -> Tensor:
        """The radii of the fovea, in pixels."""
        return self.sensor.rings(height, width)

    def adopt(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The weights that it takes: its own, see `Gaze.adopt`, or those of published networks.

        See `isotrope.models._gaze_weights`.
        """
        radii, legacy = self.sensor.fovea.sampled_radii(), self.params.legacy_pole_pad
        found = published(self, weights, self.head_kind, radii, legacy)
        return super().adopt(weights) if found is None else found


class DrawingRamLpm(Drawing, RamLpm):
    """The same, whose fixations are drawn."""


def _head(params: Params, kind: str, hidden: int, classes: int) -> nn.Module:
    if kind == "direct":
        return nn.Sequential(norm_of_numbers(params.norm, hidden), nn.Linear(hidden, classes))
    return nn.Sequential(
        nn.Linear(hidden, params.head_hidden),
        nn.ReLU(),
        norm_of_numbers(params.norm, params.head_hidden),
        nn.Linear(params.head_hidden, classes),
    )


def _with_fixation(maps: Tensor, fixation: Tensor) -> Tensor:
    return torch.cat((maps.flatten(1), fixation.to(maps.dtype)), dim=1)


def _size(glimpses: list[Tensor]) -> int:
    """Numbers of a glimpse of all images, as the first convolution pads it, at most."""
    return glimpses[0].numel() * 4


def draws(params: Params) -> int:
    """How many draws are averaged in tests."""
    return draws_of_policy(params)


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> RamLpm:
    """The network for images of a shape, which may be of any size.

    Raises:
        ValueError: if a stream's channels, kernels and poolings are not as many, leave nothing of a
            glimpse or odd numbers of angles, or the radii make no fovea.
    """
    kind = RamLpm if params.policy == "deterministic" else DrawingRamLpm
    return kind(image_shape[0], classes, params)
