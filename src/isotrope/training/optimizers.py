"""How weights follow gradients: Adam, AdamW and SGD, for one seed or for a stack of seeds.

Parameters, gradients and moments lie in flat tensors ``(rows, numbers)``: a row for each seed, and
in a row every trained number of its network. A step is a handful of operations on all of them, in
place and without a look back at the host, so that it can be captured in a CUDA graph: what changes
from step to step (the count of steps, learning rates, momentum) lies in tensors on the device.

Source: torch.optim's ``Adam``, ``AdamW`` and ``SGD``, whose numbers these are up to rounding.
Differs from torch: torch passes over parameters without a gradient; here their gradient counts as
zero, so that weight decay shrinks them and moments that they have move them on. SGD has no
dampening, and keeps its momentum from a first value of zero, which is the same.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from isotrope.params.optimizer import SGD, AdamW, Optimizer

EPSILON = 1e-8  # of Adam and AdamW, torch's own
REVISIONS = {"adam": 1, "adamw": 1, "sgd": 1}  # one rises when its weights come out different


class Group(NamedTuple):
    """Columns of the flat tensors that share learning rate and weight decay."""

    name: str
    start: int
    stop: int
    weight_decay: float


class Functional:
    """An optimizer that holds no tensors of its own.

    Args:
        settings: the optimizer as a param-file names it.
        groups: the groups of columns in their order; together they are all columns.
    """

    def __init__(self, settings: Optimizer, groups: Sequence[Group]) -> None:
        self.settings = settings
        self.groups = tuple(groups)
        self._kept: tuple[str, ...] = ("first", "second")
        self._second_beta, self._nesterov = 0.0, False
        if isinstance(settings, SGD):
            self._kept = ("momentum",) if settings.momentum > 0 or settings.cycles_momentum else ()
            self._nesterov = settings.nesterov
        else:
            self._second_beta = settings.betas[1]

    def new(self, flat: Tensor) -> dict[str, Tensor]:
        """The state before the first step, a row for each row of ``flat`` in every tensor.

        Shapes:
            ``steps``: ``(rows, 1)`` float64, how many steps were done
            ``first`` and ``second`` (Adam, AdamW), ``momentum`` (SGD, if it has one): as ``flat``
        """
        state = {name: torch.zeros_like(flat, requires_grad=False) for name in self._kept}
        return {"steps": flat.new_zeros((len(flat), 1), dtype=torch.float64), **state}

    @torch.no_grad()
    def step(self, flat: Tensor, gradient: Tensor, state: dict[str, Tensor], rates: Tensor) -> None:
        """One step, which changes ``flat`` and ``state`` in place and leaves ``gradient``.

        Shapes:
            flat: ``(rows, numbers)``
            gradient: as ``flat``
            rates: ``(rows, groups + 1)`` float64 on the same device: for each row the learning rate
                of every group, then the momentum (the first beta of Adam and AdamW)
        """
        state["steps"] += 1
        momentum = rates[:, -1:]
        if isinstance(self.settings, AdamW):
            self._shrink(flat, rates)
        else:
            gradient = self._decayed(flat, gradient)
        if isinstance(self.settings, SGD):
            direction, scales = self._sgd(gradient, state, momentum), -rates[:, :-1]
        else:
            direction, factor = self._adam(gradient, state, momentum)
            scales = -rates[:, :-1] * factor
        scales = scales.to(flat.dtype)
        for index, columns in self._columns():
            flat[:, columns].addcmul_(direction[:, columns], scales[:, index : index + 1])

    def _columns(self) -> list[tuple[int, slice]]:
        return [(i, slice(group.start, group.stop)) for i, group in enumerate(self.groups)]

    def _shrink(self, flat: Tensor, rates: Tensor) -> None:
        """Weight decay apart from the gradients, as AdamW has it."""
        for index, columns in self._columns():
            if decay := self.groups[index].weight_decay:
                flat[:, columns].mul_((1 - rates[:, index : index + 1] * decay).to(flat.dtype))

    def _decayed(self, flat: Tensor, gradient: Tensor) -> Tensor:
        """The gradient with that of the squared weights."""
        decays = [group.weight_decay for group in self.groups]
        if not any(decays):
            return gradient
        if len(set(decays)) == 1:
            return gradient.add(flat, alpha=decays[0])
        gradient = gradient.clone()
        for index, columns in self._columns():
            if decays[index]:
                gradient[:, columns].add_(flat[:, columns], alpha=decays[index])
        return gradient

    def _sgd(self, gradient: Tensor, state: dict[str, Tensor], momentum: Tensor) -> Tensor:
        """What a step of SGD follows."""
        if "momentum" not in state:
            return gradient
        share = momentum.to(gradient.dtype)
        moved = state["momentum"].mul_(share).add_(gradient)
        return torch.addcmul(gradient, moved, share) if self._nesterov else moved

    def _adam(
        self, gradient: Tensor, state: dict[str, Tensor], momentum: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What a step of Adam follows, and a factor of each row's learning rates.

        With bias corrections b1 and b2, ``first / b1 / (sqrt(second / b2) + eps)`` is
        ``first / (sqrt(second) + eps * sqrt(b2))`` times ``sqrt(b2) / b1``.
        """
        second_beta, steps = self._second_beta, state["steps"]
        root = (1 - second_beta**steps).sqrt()
        state["first"].lerp_(gradient, (1 - momentum).to(gradient.dtype))
        state["second"].mul_(second_beta).addcmul_(gradient, gradient, value=1 - second_beta)
        below = state["second"].sqrt().add_((EPSILON * root).to(gradient.dtype))
        return torch.div(state["first"], below, out=below), root / (1 - momentum**steps)
