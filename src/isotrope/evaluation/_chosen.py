"""Images that are attacked: chosen by a seed, and batched in the order of their split."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from isotrope.attacks import Victim
from isotrope.attacks.judging import hidden_noise
from isotrope.datasets.images import Images, to_unit
from isotrope.datasets.stream import Split, Stream

_ASKED_TWICE = 16  # images with which noise inside of a network is looked for


def chosen_numbers(count: int, images: int, seed: int) -> list[int]:
    """The numbers of some images, in order; of more images with the same seed they are a part.

    Args:
        count: how many images there are.
        images: how many are wanted.
        seed: of the choice.
    """
    generator = torch.Generator().manual_seed(seed)
    return sorted(torch.randperm(count, generator=generator)[:images].tolist())


def batches_of(
    data: Split, numbers: Sequence[int], size: int, skip: int = 0
) -> Iterator[tuple[list[int], Images]]:
    """Batches of chosen images with their numbers; images of different sizes come apart.

    Args:
        data: a split.
        numbers: which of its images.
        size: the most images of a batch.
        skip: so many images at the beginning, the end of a batch, are left out.
    """
    first = skip // size * size  # batches begin where they begin without
    parts = [numbers[at : at + size] for at in range(first, len(numbers), size)]
    if isinstance(data, Stream):
        read = data.chosen(parts)
    else:
        read = ([data[torch.tensor(part)]] for part in parts)
    for part, found in zip(parts, read, strict=True):
        at = 0
        for batch in found:
            if first + at >= skip:
                yield list(part[at : at + len(batch)]), batch
            at += len(batch)
        first += len(part)


def hidden_in(victim: Victim, data: Split, device: torch.device) -> tuple[float, int]:
    """The part of some images that a network answers otherwise when asked again, and how many."""
    _, some = next(batches_of(data, range(min(len(data), _ASKED_TWICE)), _ASKED_TWICE))
    with keyed(0, device):
        return hidden_noise(victim, to_unit(some.to(device).images)), len(some)


@contextmanager
def keyed(seed: int, device: torch.device) -> Iterator[None]:
    """Let what a network draws by itself, unasked, follow from a seed and nothing else."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
