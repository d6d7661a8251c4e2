"""One network in training by itself.

Its parameters, and their gradients, are views into flat rows of numbers, so that the optimizer
takes a handful of operations for all of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from isotrope.params.training import Training
from isotrope.training.compiling import compiled
from isotrope.training.dropout import with_keys
from isotrope.training.engines import (
    WHOLE,
    Batch,
    Part,
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


class Single:
    """One network.

    Args:
        network: with its initial weights, on the device of the images.
        training: how to train.
        objective: what is minimised.

    Raises:
        ValueError: if its parameters are not all of one type, or its groups are wrong.
    """

    rows = 1

    def __init__(self, network: nn.Module, training: Training, objective: Objective) -> None:
        objective.check(network)
        self.network = network
        self.lowered = lowered_of(training)
        self.channels_last = training.channels_last
        keys = with_keys(network)
        self.has_dropout = bool(keys)
        self.layout = Layout(network, training.optimizer)
        self.flat = self.layout.flat(network)[None]
        self.gradient = torch.zeros_like(self.flat)
        self.counted = self.flat.new_zeros(1)  # what the batches of an averaged gradient count
        self._parameters = dict(network.named_parameters())
        for name, value in self.layout.views(self.flat[0]).items():
            self._parameters[name].data = value
        self._trained = [self._parameters[name] for name in self.layout.names]
        self.keys = torch.zeros(1, dtype=torch.int64, device=self.flat.device)
        for name in keys:
            network.get_buffer(name).set_(self.keys[0])  # type: ignore[call-overload]
        self.optimizer = Functional(training.optimizer, self.layout.groups)
        self.moments = self.optimizer.new(self.flat)
        self.rates = rates_of(self.layout, 1, self.flat.device)
        self._called = Step(network, objective)
        fixed = fixed_buffers(network, keys)
        self._buffers = {
            name: value
            for name, value in network.named_buffers()
            if name not in fixed and name not in keys
        }
        self._fixed = {name: cast(value, self.lowered) for name, value in fixed.items()}
        self._run = compiled(self._measure, training)
        self._run_test = compiled(self._measure, training)

    def step(self, batch: Batch, part: Part = WHOLE) -> Measured:
        """See `Engine.step`."""
        self.network.train()
        found = self._run(batch.images, batch.labels, batch.noises)
        self._add_gradients(found.loss * found.weight if part.averaged else found.loss, part)
        self._end(part, found.weight)
        return _as_row(found)

    def _add_gradients(self, loss: Tensor, part: Part) -> None:
        """Add the gradients of a loss to those of the step's parts before."""
        found = torch.autograd.grad(loss, self._trained, materialize_grads=True)
        flat = torch.cat([one.flatten() for one in found])
        if part.first:
            self.gradient[0].copy_(flat)
        else:
            self.gradient[0].add_(flat)

    def _end(self, part: Part, weight: Tensor) -> None:
        """A step of the optimizer, after the last part of one."""
        if part.averaged:
            if part.first:
                self.counted.zero_()
            self.counted += weight
        if part.last:
            if part.averaged:
                self.gradient.div_(self.counted.clamp(min=1)[:, None])
            self.optimizer.step(self.flat, self.gradient, self.moments, self.rates)

    def _measure(self, images: Tensor, labels: Tensor, noises: Sequence[Any]) -> Measured:
        own = noises[0] if noises else ()
        images = self._laid_out(images)
        if self.lowered is not None:
            weights = {
                name: self._laid_out(value.to(self.lowered))
                for name, value in self._parameters.items()
            }
            named = prefixed(weights, self._buffers, self._fixed)
            found: Measured = functional_call(
                self._called, named, (images, labels, own, self.lowered)
            )
            return found
        plain: Measured = self._called(images, labels, own, None)
        return plain

    def _laid_out(self, value: Tensor) -> Tensor:
        """Images or weights as the training wants them in memory."""
        if not self.channels_last or value.ndim != 4:
            return value
        return value.contiguous(memory_format=torch.channels_last)

    def test(self, batch: Batch) -> Measured:
        """See `Engine.test`."""
        self.network.eval()
        with torch.inference_mode():
            return _as_row(self._run_test(batch.images, batch.labels, batch.noises))

    def write(self, values: Mapping[str, Any]) -> None:
        """See `Engine.write`."""
        with torch.no_grad():
            for name, value in values.items():
                goal = self.network.get_buffer(name)
                goal.copy_(torch.as_tensor(value))
                if name in self._fixed and self._fixed[name] is not goal:
                    self._fixed[name].copy_(goal)

    def key(self, keys: Tensor) -> None:
        """See `Engine.key`."""
        self.keys.copy_(keys)

    def changed(self) -> dict[str, Tensor]:
        """See `Engine.changed`."""
        own = {"flat": self.flat, "gradient": self.gradient, "counted": self.counted}
        return own | self.moments | prefixed(self._buffers)

    def weights(self, row: int) -> Weights:
        """See `Engine.weights`."""
        del row
        return {name: value.detach().clone() for name, value in self.network.state_dict().items()}

    def gradients(self, row: int) -> Weights:
        """See `Engine.gradients`."""
        views = self.layout.views(self.gradient[row])
        return {name: value.clone() for name, value in views.items()}

    def recorded(self, row: int) -> Weights:
        """See `Engine.recorded`."""
        del row
        network: Any = self.network
        with torch.no_grad():
            return {name: value.detach().clone() for name, value in network.record().items()}

    def state(self, row: int, pending: bool = False) -> dict[str, Any]:
        """See `Engine.state`."""
        saved = moments(self.layout, self.moments, row)
        kept = pending_gradients(self.layout, self.gradient, self.counted, row) if pending else {}
        return {"weights": self.weights(row), "optimizer": saved, **kept}

    def restore(self, row: int, state: dict[str, Any]) -> None:
        """See `Engine.restore`."""
        self.network.load_state_dict(state["weights"])
        restore_moments(self.layout, self.moments, row, state["optimizer"])
        restore_gradients(self.layout, self.gradient, self.counted, row, state)


def _as_row(found: Measured) -> Measured:
    """What one network gives as a row of its own."""
    return Measured(
        found.loss.detach().double()[None],
        found.weight[None],
        found.counts[None],
        {name: value[None] for name, value in found.reported.items()},
    )
