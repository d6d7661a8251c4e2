"""Everything random of one seed: initial weights, batch order, and the state of the generators.

Seeds are whole numbers of 32 bits, from 1. Seed k gives the same initial weights and the same order
alone or in any pack, on every device: weights are drawn on the CPU right after seeding, orders from
a generator of their own.
"""

import random

import numpy
import torch
from torch import Tensor

INSIDE = 1  # the stream of numbers that a network is handed
ALTERING = 2  # the streams of numbers by which images are altered
DROPPING = 4  # the keys of dropout
SHARED = 0  # stands for the seed where seeds share an order; no seed is 0


def seed_everything(seed: int) -> None:
    """Seed Python, numpy and torch on every device; the next draw of torch is the model's first."""
    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)


def epoch_order(seed: int, epoch: int, count: int) -> Tensor:
    """The order of the training images in one epoch of a seed that reshuffles.

    It depends on nothing but its arguments, so that a resumed epoch finds its order again.

    Args:
        seed: the seed of the network, or ``SHARED``.
        epoch: the epoch, from 1.
        count: number of images.

    Returns:
        A permutation of ``range(count)``, int64 on the CPU.
    """
    mixed = numpy.random.SeedSequence([seed, epoch]).generate_state(1, numpy.uint64)
    generator = torch.Generator().manual_seed(int(mixed[0]))
    return torch.randperm(count, generator=generator)


def epoch_generator(seed: int, epoch: int, purpose: int, place: int = 0) -> torch.Generator:
    """A generator for what is drawn for all images of an epoch outside the network.

    It depends on nothing but its arguments, so that a resumed epoch draws the same.

    Args:
        seed: the seed of the network.
        epoch: the epoch, from 1.
        purpose: ``INSIDE`` or ``ALTERING``.
        place: tells streams of one purpose apart.
    """
    sequence = numpy.random.SeedSequence([seed, epoch], spawn_key=(purpose, place))
    return torch.Generator().manual_seed(int(sequence.generate_state(1, numpy.uint64)[0]))


def altering(place: int) -> int:
    """The ``purpose`` of `step_generator` for the augmentation at a place of the list, from 0."""
    return 0 if place == 0 else 10 + place


def step_generator(seed: int, epoch: int, step: int, purpose: int = 0) -> torch.Generator:
    """A generator for what is drawn in one training step outside the network.

    It depends on nothing but its arguments, so that a resumed epoch draws the same.

    Args:
        seed: the seed of the network.
        epoch: the epoch, from 1.
        step: the step of the epoch, from 0.
        purpose: tells streams of one step apart, see `altering`.
    """
    entropy = [seed, epoch, step + 1]  # numpy takes [seed, epoch, 0] for [seed, epoch]
    if purpose:
        entropy.append(purpose)
    mixed = numpy.random.SeedSequence(entropy).generate_state(1, numpy.uint64)
    return torch.Generator().manual_seed(int(mixed[0]))


def dropout_key(seed: int, epoch: int, step: int) -> int:
    """A number of 32 bits that keys the dropout of one training step.

    Args:
        seed: the seed of the network.
        epoch: the epoch, from 1.
        step: the step of the epoch, from 0.
    """
    entropy = [seed, epoch, step + 1, DROPPING]
    return int(numpy.random.SeedSequence(entropy).generate_state(1, numpy.uint32)[0])


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The state of torch's generators, from which dropout and the like draw.

    Python's and numpy's generators are left out: layers draw from torch alone.
    """
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Set torch's generators to a state that ``random_state`` returned."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
