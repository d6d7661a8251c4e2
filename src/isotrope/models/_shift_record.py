"""How decided the layers are that learn a phase: what a training keeps of them after each epoch."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from isotrope.layers.downsampling import Downsampling, Selection

_MOMENTUM = 0.1  # of the running means, as of those of a batch normalisation


class PhaseRecord(nn.Module):
    """Running means of two entropies of every layer, in nats, kept with the weights.

    The first is that of the softmax of the logits at the layer's temperature: how sure it is. The
    second is that of the weights with which phases were mixed, noise included: how far from a
    single phase the maps were with which the network was trained.

    Args:
        phases: how many phases each layer chooses from, by the names of those that learn one.

    Attributes:
        entropies: ``(layers, 2)``; before the first batch those of phases that are all alike.
    """

    entropies: Tensor

    def __init__(self, phases: Mapping[str, int]) -> None:
        super().__init__()
        self.phases = dict(phases)
        undecided = [2 * [math.log(number)] for number in phases.values()]
        self.register_buffer("entropies", torch.tensor(undecided))

    def take(
        self, selections: Mapping[str, Selection | None], layers: Mapping[str, Downsampling]
    ) -> None:
        """Take over what was selected for a batch of training images."""
        found = [
            self._of(selection, layers[name].get_buffer("gumbel_tau"))
            for name, selection in selections.items()
            if selection is not None
        ]
        new = torch.stack(found).to(self.entropies.dtype)
        self.entropies.mul_(1 - _MOMENTUM).add_(new * _MOMENTUM)

    @staticmethod
    def _of(selection: Selection, temperature: Tensor) -> Tensor:
        logits = selection.logits.detach()
        sure = torch.softmax(logits / temperature.to(logits.dtype), dim=-1)
        weights = selection.weights
        means = [torch.special.entr(sure).sum(dim=-1).mean()]
        if weights is None:
            means.append(torch.zeros_like(means[0]))
        else:
            means.append(torch.special.entr(weights.detach().to(logits.dtype)).sum(-1).mean())
        return torch.stack(means)

    def read(self, layers: Mapping[str, Downsampling]) -> dict[str, Tensor]:
        """Temperature, number of phases and entropies of each layer, ``()`` each.

        Their names are ``tau/layer2``, ``phases/layer2``, ``phase_entropy/layer2``,
        ``mixture_entropy/layer2`` and so on. The largest entropy is the logarithm of the number.
        """
        found: dict[str, Tensor] = {}
        for number, (name, phases) in enumerate(self.phases.items()):
            found[f"phases/{name}"] = torch.full_like(self.entropies[number, 0], phases)
            found[f"tau/{name}"] = layers[name].get_buffer("gumbel_tau")
            found[f"phase_entropy/{name}"] = self.entropies[number, 0]
            found[f"mixture_entropy/{name}"] = self.entropies[number, 1]
        return found
