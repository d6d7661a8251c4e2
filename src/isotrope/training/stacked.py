"""The networks of several seeds in training at once.

A stack holds the parameters of all its seeds in one tensor with a row for each seed, and runs the
forward pass under `torch.func.vmap`; since no row's loss depends on another row, the gradient of
the losses' sum is every row's own. The optimizer then takes a handful of kernels for the whole
stack. Rows never mix: what a row holds, even NaN, changes nothing in the others.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from isotrope.datasets.trees import joined
from isotrope.layers import forms
from isotrope.layers.stackable_convolution import with_stackable
from isotrope.params.training import Training
from isotrope.training.compiling import compiled
from isotrope.training.dropout import with_keys
from isotrope.training.engines import (
    WHOLE,
    Batch,
    Part,
    RecordOf,
    Weights,
    cast,
    fixed_buffers,
    lowered_of,
    moments,
    pending_gradients,
    prefixed,
    rates_of,
    restore_gradients,
    restore_moments,
)
from isotrope.training.objective import Measured, Objective, Step
from isotrope.training.optimizers import Functional
from isotrope.training.parameters import Layout


class Stacked:
    """The networks of several seeds, a row each.

    Args:
        networks: one for each row, with its initial weights, on the device of the images.
        training: how to train.
        objective: what is minimised.

    Raises:
        ValueError: if the networks' parameters are not all of one type, some are shared by two of
            its modules, or its groups are wrong.
    """

    def __init__(
        self, networks: Sequence[nn.Module], training: Training, objective: Objective
    ) -> None:
        self.network = networks[0]
        objective.check(self.network)
        with_stackable(self.network)
        self.rows = len(networks)
        self.lowered = lowered_of(training)
        for network in networks:
            self._key_names = with_keys(network)
        self.has_dropout = bool(self._key_names)
        self.layout = Layout(self.network, training.optimizer)
        self.flat = torch.stack([self.layout.flat(one) for one in networks]).requires_grad_()
        self.gradient = torch.zeros_like(self.flat, requires_grad=False)
        self.counted = self.gradient.new_zeros(self.rows)  # what batches of an averaged one count
        self.keys = torch.zeros(self.rows, dtype=torch.int64, device=self.flat.device)
        self.optimizer = Functional(training.optimizer, self.layout.groups)
        self.moments = self.optimizer.new(self.flat)
        self._ones = torch.ones_like(self.counted)  # no row's loss depends on another row
        self.rates = rates_of(self.layout, self.rows, self.flat.device)
        self._called = Step(self.network, objective)
        self._run = compiled(self._map, training)
        fixed = fixed_buffers(self.network, self._key_names)
        self.fixed = {name: cast(value, self.lowered) for name, value in fixed.items()}
        named = [network.state_dict() for network in networks]
        self.buffers = {
            name: torch.stack([values[name].detach() for values in named])
            for name in named[0]
            if name not in self.layout.names
        }
        known = {
            name for name, _ in (*self.network.named_parameters(), *self.network.named_buffers())
        }
        if shared := sorted(set(self.buffers) - known):
            raise ValueError(f"a stacked network may not share parameters, as it does {shared[0]}")

    def step(self, batch: Batch, part: Part = WHOLE) -> Measured:
        """See `Engine.step`."""
        self.network.train()
        with torch.enable_grad(), forms.stacked(self.rows):
            found = self._run(
                batch.images, batch.labels, joined(torch.stack, batch.noises), batch.rows
            )
            loss = found.loss * found.weight if part.averaged else found.loss
            (gradient,) = torch.autograd.grad(loss, self.flat, self._ones.to(loss.dtype))
        if part.first:
            self.gradient.copy_(gradient)
        else:
            self.gradient.add_(gradient)
        if part.averaged:
            if part.first:
                self.counted.zero_()
            self.counted += found.weight
        if part.last:
            if part.averaged:
                self.gradient.div_(self.counted.clamp(min=1)[:, None])
            self.optimizer.step(self.flat, self.gradient, self.moments, self.rates)
        return _detached(found)

    def test(self, batch: Batch) -> Measured:
        """See `Engine.test`."""
        self.network.eval()
        with torch.no_grad(), forms.stacked(self.rows):
            found = self._run(
                batch.images, batch.labels, joined(torch.stack, batch.noises), batch.rows
            )
        return _detached(found)

    def _map(self, images: Tensor, labels: Tensor, noises: Any, own: bool) -> Measured:
        """What a batch gives, for all rows at once; ``own``: each row has images of its own."""
        flat = self.flat if self.lowered is None else self.flat.to(self.lowered)
        axis = 0 if own else None
        axes = (0, 0, 0, axis, axis, None if noises == () else 0)
        mapped: Callable[..., Measured] = vmap(self._row, axes, randomness="error")
        weights = self.layout.stacks(flat)
        return mapped(weights, self.buffers, self.keys, images, labels, noises)

    def _row(
        self,
        weights: Weights,
        buffers: Weights,
        key: Tensor,
        images: Tensor,
        labels: Tensor,
        noises: Any,
    ) -> Measured:
        keys = dict.fromkeys(self._key_names, key)
        named = prefixed(weights, buffers, self.fixed, keys)
        found: Measured = functional_call(
            self._called, named, (images, labels, noises, self.lowered)
        )
        return found

    def write(self, values: Mapping[str, Any]) -> None:
        """See `Engine.write`."""
        with torch.no_grad():
            for name, value in values.items():
                goal = self.buffers[name] if name in self.buffers else self.fixed[name]
                goal.copy_(torch.as_tensor(value))

    def key(self, keys: Tensor) -> None:
        """See `Engine.key`."""
        self.keys.copy_(keys)

    def changed(self) -> dict[str, Tensor]:
        """See `Engine.changed`."""
        own = {"flat": self.flat, "gradient": self.gradient, "counted": self.counted}
        return own | self.moments | prefixed(self.buffers)

    def weights(self, row: int) -> Weights:
        """See `Engine.weights`."""
        own = self.layout.views(self.flat.detach()[row])
        own |= {name: value[row] for name, value in self.buffers.items()}
        return {name: own[name].clone() for name in self.network.state_dict()}

    def gradients(self, row: int) -> Weights:
        """See `Engine.gradients`."""
        views = self.layout.views(self.gradient[row])
        return {name: value.clone() for name, value in views.items()}

    def recorded(self, row: int) -> Weights:
        """See `Engine.recorded`."""
        named = prefixed(self.weights(row), self.fixed)
        with torch.no_grad():
            found: Weights = functional_call(RecordOf(self.network), named, ())
        return {name: value.detach().clone() for name, value in found.items()}

    def state(self, row: int, pending: bool = False) -> dict[str, Any]:
        """See `Engine.state`."""
        saved = moments(self.layout, self.moments, row)
        kept = pending_gradients(self.layout, self.gradient, self.counted, row) if pending else {}
        return {"weights": self.weights(row), "optimizer": saved, **kept}

    def restore(self, row: int, state: dict[str, Any]) -> None:
        """See `Engine.restore`; all rows must be put back to states of as many steps."""
        weights = state["weights"]
        with torch.no_grad():
            for name, value in self.layout.views(self.flat.detach()[row]).items():
                value.copy_(weights[name])
            for name, value in self.buffers.items():
                value[row].copy_(weights[name])
            restore_moments(self.layout, self.moments, row, state["optimizer"])
            restore_gradients(self.layout, self.gradient, self.counted, row, state)


def _detached(found: Measured) -> Measured:
    return Measured(found.loss.detach().double(), found.weight, found.counts, found.reported)
