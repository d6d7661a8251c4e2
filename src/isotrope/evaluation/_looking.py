"""What evaluations share that ask networks with a moving fovea how they looked."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from isotrope import devices
from isotrope.datasets.draws import image_generator
from isotrope.datasets.images import Images, to_unit
from isotrope.datasets.stream import Split
from isotrope.errors import UserError
from isotrope.layers.looking import Looked, looks
from isotrope.measuring.networks import Networks

_RANDOM = 2**20  # of the draws whose numbers are no network's: see `random_fixations`


class Batch(NamedTuple):
    """Some images on the device, and their numbers in their split."""

    images: Images
    numbers: range


def batches(data: Split, device: torch.device) -> Iterator[Batch]:
    """The data in their order, as many images at once as suit the device."""
    first = 0
    for batch in data.batches(devices.evaluation_batch(device)):
        yield Batch(batch.to(device), range(first, first + len(batch)))
        first += len(batch)


def network_that_looks(networks: Networks, evaluation: str) -> Any:
    """The first network, which stands for all.

    Raises:
        UserError: if it has no moving fovea.
    """
    _, network = next(iter(networks))
    if not looks(network):
        raise UserError(
            f"{evaluation}: {type(network).__name__} has no fovea that moves from glimpse to "
            "glimpse, as ram has; take it out of evaluations"
        )
    return network


def looked(
    networks: Networks,
    seed: int,
    network: Any,
    batch: Batch,
    draw: int = 0,
    fixations: Tensor | None = None,
) -> Looked:
    """How the network of a seed looks at a batch.

    Args:
        networks: they know what is drawn.
        seed: the seed.
        network: its network; it takes as many glimpses as it says.
        batch: the images.
        draw: the number of the draw; without effect where nothing is drawn in tests.
        fixations: ``(batch, glimpses, 2)``: where it looks, whatever its policy says.
    """
    noise = networks.noise(seed, batch.numbers, draw)
    found: Looked = network.look(to_unit(batch.images.images), noise, fixations=fixations)
    return found


def random_fixations(seed: int, numbers: Sequence[int], like: Tensor) -> Tensor:
    """Fixations without a policy: from the second on uniform over the image.

    They depend on the seed of the network and the number of the image alone.

    Args:
        seed: of the network.
        numbers: of the images in their split.
        like: ``(batch, glimpses, 2)``: fixations of the policy, the first of which is kept.
    """
    drawn = [
        torch.rand(like.shape[1:], generator=image_generator(seed, image, _RANDOM))
        for image in numbers
    ]
    found = (2 * torch.stack(drawn) - 1).to(like)
    found[:, 0] = like[:, 0]
    return found


@contextmanager
def glimpsing(networks: Networks, glimpses: int | None) -> Iterator[int]:
    """Let all networks take so many glimpses inside; left out, as many as they do.

    Yields:
        How many they take.
    """
    found: list[tuple[nn.Module, int]] = []
    for _, network in networks:
        found += [(one, one.glimpses) for one in network.modules() if "glimpses" in vars(one)]  # type: ignore[misc]
    try:
        for module, _ in found:
            if glimpses is not None:
                module.glimpses = glimpses  # type: ignore[assignment]
        yield glimpses or found[0][1]
    finally:
        for module, before in found:
            module.glimpses = before  # type: ignore[assignment]
