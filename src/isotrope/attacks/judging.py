"""How often a network recognises images, by fresh draws that no attack has met.

A network that draws at random is not beaten by an image that fools it once: it is asked ``draws``
times. What it draws is keyed by its seed and the number of the image.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from isotrope.attacks.victim import Victim

DRAWS = 20  # the least by which a majority is told
_BLOCK = 2**32  # another block of draws has another seed
_CLOSE = 1e-4  # part of the largest answer by which two may differ for their rounding


class Judge:
    """Asks one network.

    Args:
        victim: the network.
        seed: of the network.
        draws: of one that draws, in which an image is shown.
        hidden_noise: whether it draws inside of its forward pass, too, and is to be asked as often.

    Attributes:
        draws: in which an image is shown to this network.
    """

    def __init__(
        self, victim: Victim, seed: int, draws: int = DRAWS, *, hidden_noise: bool
    ) -> None:
        self._victim, self._seed = victim, seed
        self._repeated = hidden_noise and not victim.stochastic
        self.draws = draws if victim.stochastic or hidden_noise else 1

    def shares(
        self, images: Tensor, labels: Tensor, numbers: Sequence[int], block: int = 0
    ) -> Tensor:
        """In which part of fresh draws the network recognises each image.

        Args:
            images: ``(batch, channels, height, width)`` in 0..1.
            labels: int64 ``(batch,)``.
            numbers: which images of their split they are.
            block: another block has other draws.

        Returns:
            float64 ``(batch,)`` on the CPU.
        """
        right = self.answers(images, numbers, block).argmax(dim=-1) == labels[:, None]
        return right.double().mean(dim=1).cpu()

    def answers(self, images: Tensor, numbers: Sequence[int], block: int = 0) -> Tensor:
        """What the network answers in fresh draws, ``(batch, draws, classes)``."""
        if self._repeated:
            return torch.cat([self._victim.answers(images) for _ in range(self.draws)], dim=1)
        seed = self._seed + block * _BLOCK
        return self._victim.answers(images, draws=self.draws, seed=seed, numbers=numbers)


def hidden_noise(victim: Victim, images: Tensor) -> float:
    """The part of images to which a network answers otherwise when it is asked again.

    It is given the same draws both times; what differs no more than rounding does is the same.
    """
    first, second = (victim.answers(images)[:, 0] for _ in range(2))
    size = first.abs().amax(dim=-1).clamp(min=1e-12)
    return float(((first - second).abs().amax(dim=-1) > _CLOSE * size).double().mean())
