"""One network in training by itself, with torch's own Adam."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
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
    loss_of,
    lowered_of,
    prefixed,
    wide,
)


class Alone:
    """One network, with torch's own Adam.

    Args:
        network: with its initial weights, on the device of the images.
        training: how to train.
    """

    rows = 1

    def __init__(self, network: nn.Module, training: Training) -> None:
        self.network = network
        self.lowered = lowered_of(training)
        rate = training.optimizer.learning_rate
        self.optimizer = torch.optim.Adam(network.parameters(), lr=rate, betas=BETAS, eps=EPSILON)
        self._called = Step(network)
        self._parameters = dict(network.named_parameters())
        fixed = fixed_buffers(network)
        self._buffers = {n: b for n, b in network.named_buffers() if n not in fixed}
        self._fixed = {name: cast(value, self.lowered) for name, value in fixed.items()}
        self._run = compiled(self._loss, training)
        self._look = compiled(self._judged, training)

    def step(self, batch: Batch, rates: Sequence[float]) -> tuple[Tensor, Tensor]:
        """See `Engine.step`."""
        (self.optimizer.param_groups[0]["lr"],) = rates
        self.network.train()
        loss, logits = self._run(batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        correct = (logits.detach().argmax(dim=1) == batch.labels).sum()
        return loss.detach().double()[None], correct[None]

    def _loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        if self.lowered is None:
            return loss_of(self.network, batch, None)
        weights = {name: value.to(self.lowered) for name, value in self._parameters.items()}
        called: tuple[Tensor, Tensor] = functional_call(
            self._called, prefixed(weights, self._buffers, self._fixed), (batch, self.lowered)
        )
        return called

    def test(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Engine.test`."""
        self.network.eval()
        with torch.inference_mode():
            return self._look(batch)

    def _judged(self, batch: Batch) -> tuple[Tensor, Tensor]:
        if self.lowered is None:
            logits = self.network(batch.images)
        else:
            weights = {name: value.to(self.lowered) for name, value in self._parameters.items()}
            named = {**weights, **self._buffers, **self._fixed}
            logits = functional_call(self.network, named, (batch.images.to(self.lowered),))
        loss = F.cross_entropy(wide(logits), batch.labels, reduction="sum").double()
        return loss[None], (logits.argmax(dim=1) == batch.labels).sum()[None]

    def weights(self, row: int) -> Weights:
        """See `Engine.weights`."""
        del row
        return {name: value.detach().clone() for name, value in self.network.state_dict().items()}

    def state(self, row: int) -> dict[str, Any]:
        """See `Engine.state`."""
        moments: dict[str, Any] = {"steps": 0, "first": {}, "second": {}}
        for name, parameter in self._parameters.items():
            if known := self.optimizer.state.get(parameter):  # none of what had no gradient
                moments["steps"] = int(known["step"])
                moments["first"][name] = known["exp_avg"]
                moments["second"][name] = known["exp_avg_sq"]
        return {"weights": self.weights(row), "optimizer": moments}

    def restore(self, row: int, state: dict[str, Any]) -> None:
        """See `Engine.restore`."""
        del row
        self.network.load_state_dict(state["weights"])
        moments = state["optimizer"]
        self.optimizer.state.clear()
        for name in moments["first"] if moments["steps"] else ():
            parameter = self._parameters[name]
            self.optimizer.state[parameter] = {
                "step": torch.tensor(float(moments["steps"])),
                "exp_avg": moments["first"][name].to(parameter, copy=True),
                "exp_avg_sq": moments["second"][name].to(parameter, copy=True),
            }
