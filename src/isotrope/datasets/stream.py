"""Images of a split that are read from the user's files as they are needed.

A stream is for what does not fit the memory: an index of files, never copies of them. The data
set's ``read(params, entry, generator)`` reads one image and its label and does what must be done
before a batch can be formed, such as a crop to one size, jointly for image and mask. Its generator
is keyed by the order, the epoch and the image, so that an image looks the same whichever process
reads it; it is None where images are tested, which ``read`` then prepares in one fixed way.

Batches are read ahead in worker processes and come in their order. Workers hear no signal that is
meant for the job; they end with the last batch, or when the iterator is closed.
"""

import multiprocessing
import os
import signal
import traceback
import warnings
import weakref
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from isotrope.datasets.images import Images, Kind
from isotrope.errors import UserError

Read = Callable[[Any, torch.Generator | None], tuple[Any, ...]]
AHEAD = 2  # batches that each worker reads ahead
_READING = 3  # tells these streams of numbers from others that a seed and an epoch key
# what files that are not whole raise
_DAMAGED = (OSError, EOFError, SyntaxError, zlib.error, zipfile.BadZipFile)
_NOT_FOR_WORKERS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


class Shuffle(NamedTuple):
    """What keys the numbers of ``read``: the seed of the order, 0 if seeds share it; the epoch."""

    seed: int
    epoch: int


@dataclass(frozen=True, eq=False)
class Stream:
    """The index of a split.

    Args:
        entries: what ``read`` is given of each image: the path of its file below
            ``$ISOTROPE_DATA``, or a tuple that has such a path.
        labels: the class of each image, int64 ``(n,)``; None of masks, which are read with images.
        read: ``read(entry, generator)`` gives an image, uint8 ``(channels, height, width)``, its
            class or its mask ``(height, width)``, and perhaps a dict of latents. It is set when the
            split is loaded.
        workers: processes that read; 0: this one does.
    """

    entries: Sequence[Any]
    labels: Tensor | None = None
    read: Read | None = None
    workers: int = 0

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def kind(self) -> Kind:
        """What the labels are: classes of images, or masks of classes of pixels."""
        return "segmentation" if self.labels is None else "classification"

    @property
    def latents(self) -> dict[str, Tensor]:
        """What is known of each image before it is read: nothing but its class."""
        return {}

    def whole(self) -> Images:
        """All images as they are tested, in memory; they must be of one size."""
        return self[:]

    def with_workers(self, workers: int) -> "Stream":
        """The same, read by so many processes."""
        return replace(self, workers=workers)

    def __getitem__(self, chosen: slice) -> Images:
        """Some of the images as they are tested; they must be of one size."""
        (found,) = self._batch(range(len(self))[chosen], None)
        return found

    def batches(self, size: int) -> Generator[Images, None, None]:
        """All images in their order as they are tested, at most ``size`` at a time.

        Neighbours of different sizes come apart.
        """
        every = range(len(self))
        parts = [every[start : start + size] for start in range(0, len(self), size)]
        for batch in self.chosen(parts):
            yield from batch

    def chosen(
        self, parts: Sequence[Sequence[int]], shuffle: Shuffle | None = None, pin: bool = False
    ) -> Iterator[list[Images]]:
        """Batch by batch the images of these indices, apart where their sizes differ.

        Args:
            parts: the indices of each batch.
            shuffle: what keys the numbers that are drawn; None: nothing is drawn.
            pin: whether to put what is read into memory that a GPU copies from.

        Raises:
            UserError: if a file is absent or damaged, or a worker was killed.
        """
        if self.workers == 0:
            for part in parts:
                yield self._batch(part, shuffle)
            return
        batches: Any = self._read_by_workers(parts, shuffle, pin)
        try:
            with killed_workers_explained():
                for found in batches:
                    if isinstance(found, _Failure):
                        raise found.error
                    yield [Images(*values) for values in found]
        finally:
            batches._shutdown_workers()  # now: garbage may take its queues away before itself

    def _read_by_workers(
        self, parts: Sequence[Sequence[int]], shuffle: Shuffle | None, pin: bool
    ) -> Iterator[Any]:
        """What `_Batches` holds, in its order, read ahead."""
        ending = _Ending()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _NOT_FOR_WORKERS)  # they inherit it
        try:
            with warnings.catch_warnings():  # as many workers as were asked for
                warnings.filterwarnings("ignore", "This DataLoader will create")
                loader = DataLoader(
                    _Batches(self, parts, shuffle),
                    batch_size=None,
                    num_workers=self.workers,
                    collate_fn=_as_it_is,
                    pin_memory=pin,
                    prefetch_factor=AHEAD,
                    generator=torch.Generator(),  # else it draws from torch's own
                    multiprocessing_context="fork",
                    worker_init_fn=ending.begin,
                )
                batches = iter(loader)
            weakref.finalize(batches, ending.announce)
            return batches
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _batch(self, part: Sequence[int], shuffle: Shuffle | None) -> list[Images]:
        """The images of these indices, apart where sizes differ."""
        images = [self._one(index, shuffle) for index in part]
        found = []
        for _, same in groupby(images, key=lambda one: one.images.shape):
            found.append(_joined(list(same)))
        return found

    def _one(self, index: int, shuffle: Shuffle | None) -> Images:
        if self.read is None:
            raise ValueError("a stream is read after `load_split` has told it how")
        entry = self.entries[index]
        generator = None if shuffle is None else image_generator(shuffle, index)
        try:
            image, label, *rest = self.read(entry, generator)
            known: dict[str, Any] = rest[0] if rest else {}
            latents = {name: torch.as_tensor(value)[None] for name, value in known.items()}
            return Images(image[None], torch.as_tensor(label)[None], latents)
        except _DAMAGED as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise UserError(
                f"{_file_of(entry, index)}: cannot be read ({reason}); restore the file, or build "
                "the data set again without it"
            ) from error
        except Exception as error:
            if not isinstance(error, UserError):
                error.add_note(f"while {_file_of(entry, index)} was read")
            raise


Split = Images | Stream


def image_generator(shuffle: Shuffle, index: int) -> torch.Generator:
    """The generator of one image in one epoch of an order."""
    sequence = numpy.random.SeedSequence([*shuffle], spawn_key=(_READING, index))
    return torch.Generator().manual_seed(int(sequence.generate_state(1, numpy.uint64)[0]))


@contextmanager
def killed_workers_explained() -> Iterator[None]:
    """Say in one sentence that a worker was killed.

    torch hears of it by a signal, and so in the midst of whatever is done at that moment: jobs do
    all their work on streams within this.

    Raises:
        UserError: if a worker was killed.
    """
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise UserError(
            "a process that reads images was killed, perhaps for its memory; ask for more "
            "memory or fewer cpus under `resources`"
        ) from error


class _Batches(Dataset[Any]):
    """The batches that workers read, each whole."""

    def __init__(
        self, stream: Stream, parts: Sequence[Sequence[int]], shuffle: Shuffle | None
    ) -> None:
        self.stream = stream
        self.parts = parts
        self.shuffle = shuffle

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, number: int) -> Any:
        """A batch as plain tensors, or what went wrong."""
        try:
            found = self.stream._batch(self.parts[number], self.shuffle)
        except Exception as error:
            return _Failure(error)
        return [(one.images, one.labels, one.latents) for one in found]


class _Ending:
    """Lets the SIGTERM of the process that started a worker end it, and no other."""

    def __init__(self) -> None:
        self._announced = multiprocessing.get_context("fork").RawValue("b", 0)

    def announce(self) -> None:
        """Say in the process that started the workers that they may end."""
        self._announced.value = 1

    def begin(self, worker: int) -> None:
        """Listen, in a worker."""
        del worker
        signal.signal(signal.SIGTERM, self._end)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])

    def _end(self, number: int, frame: Any) -> None:
        del number, frame
        if self._announced.value:
            os._exit(0)


class _Failure:
    """An error of a worker in a form that can be sent; what is no ``UserError`` is told in full."""

    def __init__(self, error: Exception) -> None:
        if isinstance(error, UserError):
            self.error: Exception = UserError(*error.sentences)
        else:
            self.error = RuntimeError("".join(traceback.format_exception(error)))


def _as_it_is(found: Any) -> Any:
    return found


def _joined(images: list[Images]) -> Images:
    latents = {name: torch.cat([one.latents[name] for one in images]) for name in images[0].latents}
    return Images(
        torch.cat([one.images for one in images]),
        torch.cat([one.labels for one in images]),
        latents,
    )


def _file_of(entry: Any, index: int) -> str:
    """How an error names the file of an image."""
    parts = entry if isinstance(entry, tuple | list) else [entry]
    names = [str(part) for part in parts if isinstance(part, str | Path)]
    return names[0] if names else f"image {index}"
