"""The networks of several seeds in training at once.

A stack holds the parameters of all its seeds in one tensor with a row for each seed, and runs the
forward pass under `torch.func.vmap`; since no row's loss depends on another row, the gradient of
the losses' sum is every row's own. Adam then takes a handful of kernels for the whole stack. Rows
never mix: what a row holds, even NaN, changes nothing in the others.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional as F

from isotrope.params.training import Training
from isotrope.training.compiling import compiled
from isotrope.training.engines import (
    BETAS,
    EPSILON,
    Batch,
    Step,
    Weights,
    cast,
    fixed_buffers,
    lowered_of,
    prefixed,
    wide,
)


class Stacked:
    """The networks of several seeds, a row each.

    Args:
        networks: one for each row, with its initial weights, on the device of the images.
        training: how to train.

    Raises:
        ValueError: if the networks' parameters are not all of one type, or some are shared by
            two of its modules.
    """

    def __init__(self, networks: Sequence[nn.Module], training: Training) -> None:
        self.network = networks[0]
        self.rows = len(networks)
        self.lowered = lowered_of(training)
        self._called = Step(self.network)
        trained = _trained(self.network)
        self.names = list(trained)
        if len({value.dtype for value in trained.values()}) != 1:
            raise ValueError("the parameters of a stacked network must be of one type")
        self.shapes = [value.shape for value in trained.values()]
        self.sizes = [value.numel() for value in trained.values()]
        flattened = [
            torch.cat([value.detach().flatten() for value in _trained(network).values()])
            for network in networks
        ]
        self.flat = torch.stack(flattened).requires_grad_()
        self.first, self.second = (torch.zeros_like(self.flat.detach()) for _ in range(2))
        self.steps = 0
        self._rates: list[float] = []
        self._sizes = self.flat.detach().new_empty(0)  # the rates, on the device
        self._mapped = compiled(self._map, training)
        fixed = fixed_buffers(self.network)
        self.fixed = {name: cast(value, self.lowered) for name, value in fixed.items()}
        named = [network.state_dict() for network in networks]
        self.buffers = {
            name: torch.stack([values[name].detach() for values in named])
            for name in named[0]
            if name not in trained
        }
        known = {
            name for name, _ in (*self.network.named_parameters(), *self.network.named_buffers())
        }
        if shared := sorted(set(self.buffers) - known):
            raise ValueError(f"a stacked network may not share parameters, as it does {shared[0]}")

    def step(self, batch: Batch, rates: Sequence[float]) -> tuple[Tensor, Tensor]:
        """See `Engine.step`."""
        self.network.train()
        with torch.enable_grad():
            losses, correct = self._mapped(self._train_row, batch)
            (gradient,) = torch.autograd.grad(losses.sum(), self.flat)
        self._follow(gradient, rates)
        return losses.detach().double(), correct

    def _follow(self, gradient: Tensor, rates: Sequence[float]) -> None:
        """Adam for all rows."""
        self.steps += 1
        first, second = (1 - beta**self.steps for beta in BETAS)
        self.first.lerp_(gradient, 1 - BETAS[0])
        self.second.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        below = (self.second.sqrt() / math.sqrt(second)).add_(EPSILON)
        if list(rates) != self._rates:  # seldom, and each time the device waits
            self._rates = list(rates)
            self._sizes = torch.tensor(self._rates, dtype=self.flat.dtype, device=self.flat.device)
        with torch.no_grad():
            self.flat.sub_(self.first / below * (self._sizes / first)[:, None])

    def test(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Engine.test`."""
        self.network.eval()
        with torch.no_grad():
            return self._mapped(self._test_row, batch)

    def _map(
        self, work: Callable[..., tuple[Tensor, Tensor]], batch: Batch
    ) -> tuple[Tensor, Tensor]:
        """Do a row's work for all rows at once."""
        own = 0 if batch.labels.ndim == 2 else None
        noise = _stacked(batch.noises)
        flat = self.flat if self.lowered is None else self.flat.to(self.lowered)
        pieces = zip(self.names, flat.split_with_sizes(self.sizes, dim=1), self.shapes, strict=True)
        weights = {name: piece.view(self.rows, *shape) for name, piece, shape in pieces}
        axes = (0, 0, own, own, None if noise is None else 0)
        mapped: Callable[..., tuple[Tensor, Tensor]] = vmap(work, axes, randomness="error")
        return mapped(weights, self.buffers, batch.images, batch.labels, noise)

    def _train_row(
        self, weights: Weights, buffers: Weights, images: Tensor, labels: Tensor, noise: Any
    ) -> tuple[Tensor, Tensor]:
        batch = Batch(images, labels, () if noise is None else (noise,))
        named = prefixed(weights, buffers, self.fixed)
        loss, logits = functional_call(self._called, named, (batch, self.lowered))
        return loss, (logits.argmax(dim=1) == labels).sum()

    def _test_row(
        self, weights: Weights, buffers: Weights, images: Tensor, labels: Tensor, noise: Any
    ) -> tuple[Tensor, Tensor]:
        del noise
        seen = images if self.lowered is None else images.to(self.lowered)
        logits = functional_call(self.network, {**weights, **buffers, **self.fixed}, (seen,))
        loss = F.cross_entropy(wide(logits), labels, reduction="sum").double()
        return loss, (logits.argmax(dim=1) == labels).sum()

    def weights(self, row: int) -> Weights:
        """See `Engine.weights`."""
        own = self._named(self.flat.detach()[row])
        own |= {name: value[row] for name, value in self.buffers.items()}
        return {name: own[name].clone() for name in self.network.state_dict()}

    def _named(self, values: Tensor) -> Weights:
        """What a row of numbers is, parameter by parameter."""
        pieces = values.split_with_sizes(self.sizes)
        return {
            name: piece.view(shape)
            for name, piece, shape in zip(self.names, pieces, self.shapes, strict=True)
        }

    def state(self, row: int) -> dict[str, Any]:
        """See `Engine.state`."""
        first, second = (
            {name: value.clone() for name, value in self._named(moment[row]).items()}
            for moment in (self.first, self.second)
        )
        moments = {"steps": self.steps, "first": first, "second": second}
        return {"weights": self.weights(row), "optimizer": moments}

    def restore(self, row: int, state: dict[str, Any]) -> None:
        """See `Engine.restore`; all rows must be put back to states of as many steps."""
        weights, moments = state["weights"], state["optimizer"]
        self.steps = moments["steps"]
        with torch.no_grad():
            for name, value in self._named(self.flat.detach()[row]).items():
                value.copy_(weights[name])
            for goal, known in ((self.first, "first"), (self.second, "second")):
                goal[row].zero_()
                for name, value in self._named(goal[row]).items():
                    if self.steps:
                        value.copy_(moments[known][name])
            for name, value in self.buffers.items():
                value[row].copy_(weights[name])


def _trained(network: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that have gradients."""
    return {name: value for name, value in network.named_parameters() if value.requires_grad}


def _stacked(noises: Sequence[Any]) -> Any:
    """What the rows drew as one: tensors, or tuples, lists or dicts of them, gain an axis."""
    if not noises:
        return None
    first = noises[0]
    if isinstance(first, Tensor):
        return torch.stack(list(noises))
    if isinstance(first, dict):
        return {key: _stacked([noise[key] for noise in noises]) for key in first}
    return tuple(_stacked(some) for some in zip(*noises, strict=True))
