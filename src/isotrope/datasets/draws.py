"""What a network draws while it is tested: the same for an image, whatever batch it is in.

A network that defines ``draw(generator, count)`` is stochastic when it is tested, too, unless its
``draws_in_tests`` is false: then it is called with images alone. When it is tested its
numbers are keyed by the seed of the network, the number of the image in its split and the number of
the draw, so that they depend neither on the batch size nor on the other seeds of a pack.

Several draws of an image are averaged: the mean is taken of the predictions as the network returns
them, so of logits for a classifier that returns these. That is the published way of RAM-LPM
(Kiritani and Ono, "Recurrent Attention Model with Log-Polar Mapping is Robust against Adversarial
Attacks", 2020, https://arxiv.org/abs/2002.05388), whose accuracy is that of mean logits. A mean of
probabilities is another number; a model for which it is meant returns probabilities. Draws of a
batch are computed in one forward pass where images are small.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy
import torch
from torch import Tensor, nn

from isotrope.datasets.trees import joined

_ON_A_CPU = 2**18  # numbers of the images of a pass: some hundred of 28 x 28 fit the cache
_ON_A_GPU = 2**22  # the same; networks make many times as many of them
_TESTING = 2  # tells these streams from those of a training step, see ``seeding.step_generator``


def is_stochastic(network: nn.Module) -> bool:
    """Whether a network draws numbers of its own when it is tested."""
    return hasattr(network, "draw") and bool(getattr(network, "draws_in_tests", True))


def image_generator(seed: int, image: int, draw: int) -> torch.Generator:
    """A generator for what a network draws for one image under test.

    Args:
        seed: the seed of the network.
        image: the number of the image in its split, from 0.
        draw: the number of the draw, from 0.
    """
    entropy = [seed, image + 1, draw + 1, _TESTING]
    mixed = numpy.random.SeedSequence(entropy).generate_state(1, numpy.uint64)
    return torch.Generator().manual_seed(int(mixed[0]))


def noise_of_images(
    network: Any, seed: int, images: Sequence[int], draw: int, device: torch.device
) -> Any:
    """What a stochastic network draws for some images under test.

    Args:
        network: defines ``draw``; it is asked for one image at a time.
        seed: the seed of the network.
        images: their numbers in the split.
        draw: the number of the draw, from 0.
        device: where the noise is used.

    Returns:
        The noise in the form of ``draw``: a tensor, or a tuple or dict of them, each with a first
        axis of images.
    """
    parts = [network.draw(image_generator(seed, image, draw), 1) for image in images]
    return joined(lambda tensors: torch.cat(tensors).to(device), parts)


def mean_prediction(
    network: nn.Module, images: Tensor, seed: int, numbers: Sequence[int], draws: int
) -> Tensor:
    """What a network answers to a batch; of a stochastic one the mean over some draws.

    Args:
        network: in evaluation mode, on the device of the images.
        images: ``(batch, channels, height, width)`` float.
        seed: the seed of the network.
        numbers: which images of the split they are.
        draws: how many predictions of a stochastic network are averaged, at least 1.

    Returns:
        ``(batch, ...)`` as the network returns it, with its gradients where they are wanted.
    """
    if not is_stochastic(network):
        answer: Tensor = network(images)
        return answer
    noises = [noise_of_images(network, seed, numbers, k, images.device) for k in range(draws)]
    return mean_over_draws(network, images, noises)


def mean_over_draws(network: Any, images: Tensor, noises: Sequence[Any]) -> Tensor:
    """The mean of what a network answers to a batch with each of some noises.

    Args:
        network: treats each image by itself.
        images: ``(batch, channels, height, width)``.
        noises: of each draw, in the form of ``draw``.

    Returns:
        ``(batch, ...)`` as the network returns it.
    """
    answers = [
        network(folded.images, folded.noise).unflatten(0, (folded.draws, len(images)))
        for folded in folded_draws(images, noises)
    ]
    whole = answers[0] if len(answers) == 1 else torch.cat(answers)
    return whole[0] if len(whole) == 1 else whole.mean(dim=0)


class Folded(NamedTuple):
    """Some draws of a batch as one larger batch.

    Args:
        draws: how many.
        images: ``(draws * batch, channels, height, width)``, the batch again and again.
        noise: what the network drew for each of them; None without noise.
    """

    draws: int
    images: Tensor
    noise: Any

    def repeated(self, values: Tensor) -> Tensor:
        """A value of each image of the batch for all of its draws."""
        return values if self.draws == 1 else values.repeat(self.draws, *(1,) * (values.ndim - 1))


def folded_draws(images: Tensor, noises: Sequence[Any]) -> Iterator[Folded]:
    """Draws of a batch, as many at a time as a larger batch may hold; without noise the batch.

    Args:
        images: ``(batch, channels, height, width)``.
        noises: of each draw, in the form of ``draw``: each tensor has a first axis of images.
    """
    if not noises:
        yield Folded(1, images, None)
        return
    most = _ON_A_CPU if images.device.type == "cpu" else _ON_A_GPU
    at_once = max(1, most // images.numel())
    for first in range(0, len(noises), at_once):
        some = noises[first : first + at_once]
        folded = Folded(len(some), images, some[0] if len(some) == 1 else joined(torch.cat, some))
        yield folded._replace(images=folded.repeated(images))
