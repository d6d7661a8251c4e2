"""What is known of a network whose fovea moves over the image, and how it is asked.

Evaluations, figures' data and attacks know such networks by this face alone. Behind a normalisation
`look` is found on the outer network, too.
"""

from typing import Literal, NamedTuple, Protocol, TypeGuard

import torch
from torch import Tensor, nn

from isotrope.layers.constants import made_once

Outline = Literal["rings", "squares"]


class Looked(NamedTuple):
    """All that a network with a moving fovea made of a batch.

    Args:
        logits: ``(batch, glimpses, classes)``: what it would answer after each glimpse.
        fixations: ``(batch, glimpses, 2)``: where each glimpse was, x and y; -1 and 1 are the
            centres of the outermost pixels, y down.
        means: ``(batch, glimpses, 2)``: the means of the policy, from which fixations were drawn;
            of the first, which no policy chooses, the fixation itself.
        baselines: ``(batch, glimpses)``: the reward that was expected after each glimpse.
    """

    logits: Tensor
    fixations: Tensor
    means: Tensor
    baselines: Tensor


class Looking(Protocol):
    """A network with a moving fovea.

    Attributes:
        glimpses: how many it takes if nothing else is said.
        outline: what `rings` measures: circles about the fixation, or squares.
        detach_fixations: whether no gradient goes through fixations to the image. Unless somebody
            sets it, gradients go through them in tests; in training that is settled by the policy.
    """

    glimpses: int
    outline: Outline
    detach_fixations: bool

    def look(
        self,
        images: Tensor,
        noise: Tensor | None = None,
        glimpses: int | None = None,
        fixations: Tensor | None = None,
    ) -> Looked:
        """Look at images, and say all that was made of them.

        Args:
            images: ``(batch, channels, height, width)`` in 0..1.
            noise: what ``draw`` gave, ``(batch, 2 * n)`` with n at least the number of glimpses:
                two numbers in -1..1 for the first fixation, then standard normal ones for the
                others. Left out, nothing is drawn: the first fixation is the centre, and the means
                of the policy are followed.
            glimpses: how many; left out, ``self.glimpses``.
            fixations: ``(batch, glimpses, 2)``: where to look, whatever the policy says.

        Raises:
            ValueError: if there is no glimpse, or noise or fixations are not of these shapes.
        """

    def rings(self, height: int, width: int) -> Tensor:
        """The size of a glimpse at an image: radii, or half sides of squares, in pixels.

        Returns:
            ``(rings,)``, rising, on the CPU.
        """


def looks(network: nn.Module) -> TypeGuard[Looking]:
    """Whether a network has a moving fovea."""
    return hasattr(network, "look") and hasattr(network, "rings")


def in_pixels(fixations: Tensor, height: int, width: int) -> Tensor:
    """Fixations in pixels: 0 is the centre of the first pixel, y counts down.

    Shapes:
        fixations and output: ``(..., 2)``: x and y
    """
    return (fixations + 1) * half_sides(height, width, fixations.dtype, fixations.device)


@made_once
def half_sides(height: int, width: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Half of the distances between the centres of outermost pixels, ``(2,)``: x and y."""
    return torch.tensor([(width - 1) / 2, (height - 1) / 2], dtype=dtype, device=device)
