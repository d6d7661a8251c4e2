"""What is kept of the responses of a log-polar convolution, and which responses won.

Ties: of equal responses the first wins, in the order of rows, then angles. Where an image is flat
all responses of a channel are equal, and there gradients differ from those of ``amax``, which gives
a part to each.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from isotrope.layers.constants import made_once

Align = Literal["row", "joint"]


class Pooling(NamedTuple):
    """Which of the responses ``(rows, angles)`` at a pixel remain.

    Args:
        rows: number of rows of responses.
        angles: number of angles.
        tau: rows in a window; rows that fill no window are left out.
        theta: angles in a window without ``topk``; the circle is read on until windows are full.
        topk: None for the largest of each window. Else rows are turned until their largest response
            comes first, the largest ``topk`` of a row remain in their order, and then the largest
            over the rows of a window.
        align: with ``topk``, whether each row is turned by itself (``row``) or all of them as the
            one with the largest response (``joint``); then the angles that remain are those with
            the largest responses in any row.
    """

    rows: int
    angles: int
    tau: int
    theta: int
    topk: int | None = None
    align: Align = "row"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and angles that remain."""
        angles = -(-self.angles // self.theta) if self.topk is None else self.topk
        return self.rows // self.tau, angles

    @property
    def slots(self) -> int:
        """How many responses remain at a pixel."""
        return self.shape[0] * self.shape[1]


def largest(responses: Tensor, pooling: Pooling) -> tuple[Tensor, Tensor]:
    """The responses that remain, and where they were: ``row * angles + angle`` as int16.

    Shapes:
        responses: ``(..., rows, angles, pixels)``
        outputs: ``(..., slots, pixels)``
    """
    if pooling.topk is not None:
        return _largest_of_turned(responses, pooling)
    if pooling.slots == 1 and (pooling.tau, pooling.theta) == (pooling.rows, pooling.angles):
        values, places = _largest_of_all(responses)
        return values[..., None, :], places[..., None, :].to(torch.int16)
    order = windows(pooling, responses.device)
    seen = responses.flatten(-3, -2).index_select(-2, order.flatten())
    values, places = seen.view(*seen.shape[:-2], *order.shape, -1).max(dim=-2)
    slots = torch.arange(pooling.slots, device=places.device)[:, None]
    return values, order[slots, places].to(torch.int16)


def _largest_of_all(responses: Tensor) -> tuple[Tensor, Tensor]:
    angles = responses.shape[-2]
    if responses.stride(-3) == angles * responses.stride(-2):
        found: tuple[Tensor, Tensor] = responses.flatten(-3, -2).max(dim=-2)
        return found
    values, turns = responses.max(dim=-2)  # else they would be copied
    values, rows = values.max(dim=-2, keepdim=True)
    return values[..., 0, :], (rows * angles + turns.gather(-2, rows))[..., 0, :]


@made_once
def windows(pooling: Pooling, device: torch.device) -> Tensor:
    """The places in each window: ``(slots, tau * theta)``."""
    high, wide = pooling.shape
    rows = torch.arange(high * pooling.tau, device=device).view(high, 1, pooling.tau, 1)
    angles = torch.arange(wide * pooling.theta, device=device) % pooling.angles
    return (rows * pooling.angles + angles.view(wide, 1, pooling.theta)).flatten(2).flatten(0, 1)


def _largest_of_turned(responses: Tensor, pooling: Pooling) -> tuple[Tensor, Tensor]:
    angles, kept = pooling.angles, pooling.topk or pooling.angles
    if pooling.align == "row":
        first = responses.argmax(dim=-2, keepdim=True)
    else:
        first = responses.flatten(-3, -2).argmax(dim=-2, keepdim=True)[..., None, :] % angles
    order = (first + _numbers(angles, first.device)) % angles
    turned = responses.gather(-2, order.expand_as(responses))
    if kept < angles:
        score = turned if pooling.align == "row" else turned.amax(dim=-3, keepdim=True)
        best = score.sort(dim=-2, descending=True, stable=True).indices[..., :kept, :]
        best = best.sort(dim=-2).values
        order = order.gather(-2, best)
        turned = turned.gather(-2, best.expand(*turned.shape[:-2], kept, -1))
    high = pooling.rows // pooling.tau
    grouped = turned[..., : high * pooling.tau, :, :]
    grouped = grouped.reshape(*turned.shape[:-3], high, pooling.tau, *turned.shape[-2:])
    values, rows = grouped.max(dim=-3)
    rows = rows + _numbers(high, rows.device)[..., None] * pooling.tau
    order = order.expand(*turned.shape[:-3], pooling.rows, -1, -1)
    places = rows * angles + order.gather(-3, rows)
    return values.flatten(-3, -2), places.flatten(-3, -2).to(torch.int16)


@made_once
def _numbers(end: int, device: torch.device) -> Tensor:
    """All numbers from 0 on, along the last axis but one."""
    return torch.arange(end, device=device)[:, None]
