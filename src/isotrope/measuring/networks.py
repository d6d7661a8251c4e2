"""Trained networks, as evaluations and Python users see them: read from the folder of a pack."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from isotrope import devices
from isotrope.datasets.draws import is_stochastic, mean_prediction, noise_of_images
from isotrope.datasets.images import Images, to_unit
from isotrope.datasets.stream import Split
from isotrope.layers import forms, normalising
from isotrope.measuring.answers import Answers
from isotrope.measuring.outputs import Kept
from isotrope.measuring.pack_reading import Initial, Subsets, read_networks
from isotrope.measuring.position import Position
from isotrope.measuring.stacks import Log, Question, Seen, Stacks
from isotrope.params.wrapping import draws_of, parts_of, stackable


class Networks:
    """Several seeds of one model, ready to be tested.

    Iteration yields ``(seed, network)`` in the order of ``seeds``. A stochastic network (one that
    defines ``draw``) is called with what it draws for the images, see `noise` and
    `isotrope.datasets.draws`; `predictions`, `batches` and `logits` do that themselves, and give
    the mean over the model's ``DRAWS``.

    On a GPU these methods, and `parts`, call networks in stacks (see `isotrope.measuring.stacks`)
    unless gradients are wanted or a part of a network has hooks; on a CPU one after the other.

    Args:
        networks: the network of each seed, on ``device``; they are set to evaluation mode.
        device: where they compute.
        draws: predictions of a stochastic network that are averaged.
        against: the networks that these are measured against, one for each seed.
        alike: whether they differ in nothing but weights and buffers, so that a stack can be made.
        part_names: the submodules that evaluations may look at, the model's ``PARTS``.
        initial: gives the network of a seed as its training began, on the CPU.
        subsets: gives for some seeds the indices of their training images.

    Attributes:
        seeds: the seeds in order.
        device: where the networks are.
        draws: as given.
        against: as given; None where the param-file names none.
        part_names: as given, in the order in which the networks have them.
    """

    def __init__(
        self,
        networks: Mapping[int, nn.Module],
        device: torch.device,
        draws: int = 1,
        against: "Networks | None" = None,
        alike: bool = False,
        part_names: Collection[str] = (),
        initial: Initial | None = None,
        subsets: Subsets | None = None,
    ) -> None:
        self._networks = {seed: network.eval() for seed, network in networks.items()}
        self._between_batches: Callable[[], None] = lambda: None
        self._position_of: Callable[[int | None], Position] = lambda _: Position()
        self._stacks = Stacks(alike)
        self._answers = Answers()
        self.seeds = list(self._networks)
        self.device = device
        self.draws = draws
        self.against = against
        self.part_names = _in_order(part_names, next(iter(networks.values()), None))
        self._initial = initial
        self._subsets = subsets

    @classmethod
    def open(
        cls, folder: Path | str, device: torch.device, seeds: Sequence[int] | None = None
    ) -> "Networks":
        """Read the networks of a pack.

        Args:
            folder: the pack's folder, with ``weights.safetensors`` and ``run.json``.
            device: where the networks shall compute.
            seeds: which seeds, all if left out.

        Raises:
            UserError: if a file is absent, truncated, altered or of another model than the one
                that the code has now, or a seed is not in the pack.
        """
        pack = read_networks(Path(folder), device, seeds)
        return cls(
            pack.networks,
            device,
            draws_of(pack.model),
            alike=stackable(pack.model),
            part_names=parts_of(pack.model),
            initial=pack.initial,
            subsets=pack.subsets,
        )

    @classmethod
    def joined(cls, parts: "Sequence[Networks]") -> "Networks":
        """The networks of several packs of one model as one; they are stacked as the first."""
        networks = {seed: network for part in parts for seed, network in part._networks.items()}
        first = parts[0]
        found = cls(
            networks,
            first.device,
            first.draws,
            part_names=first.part_names,
            initial=first._initial,
            subsets=first._subsets,
        )
        found._stacks = first._stacks
        return found

    def under(
        self,
        between_batches: Callable[[], None],
        position_of: Callable[[int | None], Position],
        answers: Answers,
        log: Log,
    ) -> "Networks":
        """These networks for a job that may be told to end.

        Args:
            between_batches: called before each forward pass and each network; it may end the job.
            position_of: where the evaluation of a seed, or of the run (None), is.
            answers: what was answered before in this job.
            log: is told where fewer networks are called at once than were tried.
        """
        found = self.only(self.seeds)
        found._between_batches, found._position_of = between_batches, position_of
        found._answers, found._stacks.log = answers, log
        return found

    def only(self, seeds: Sequence[int]) -> "Networks":
        """The networks of some seeds, the same objects."""
        against = self.against.only(seeds) if self.against is not None else None
        chosen = {seed: self._networks[seed] for seed in seeds}
        found = Networks(
            chosen,
            self.device,
            self.draws,
            against,
            part_names=self.part_names,
            initial=self._initial,
            subsets=self._subsets,
        )
        found._between_batches, found._position_of = self._between_batches, self._position_of
        found._stacks, found._answers = self._stacks, self._answers
        return found

    def untrained(self) -> "Networks | None":
        """The same seeds of the same model as their training began; None if that is not known.

        Weights and buffers are those that a training draws for the seed, also where it began with
        other weights; mean and deviation of a normalisation are those of the training images. The
        random state is as before.
        """
        if self._initial is None:
            return None
        found = {}
        with torch.inference_mode(False):
            for seed, network in self._networks.items():
                found[seed] = self._initial(seed).to(self.device)
                normalising.take_over(found[seed], network)
        initial = Networks(
            found, self.device, self.draws, alike=self.alike, part_names=self.part_names
        )
        initial._between_batches, initial._stacks.log = self._between_batches, self._stacks.log
        initial._stacks.rows = self._stacks.rows
        return initial

    def subsets(self) -> Mapping[int, Tensor] | None:
        """Which images of its training data set each seed was trained on.

        The training data set is read for it.

        Returns:
            For each seed the indices among the images of the split ``train``, int64 ``(m,)``; None
            where all seeds were trained on all of them.

        Raises:
            UserError: if the training data set is not there, or is another now.
            ValueError: if the networks are from no pack, so that nothing is known of it.
        """
        if self._subsets is None:
            raise ValueError("these networks do not know what they were trained on")
        return self._subsets(self.seeds)

    def in_float64(self) -> "Networks":
        """Copies of the networks whose weights and buffers are float64; they take such images.

        What is known of a stack's memory is not taken over, nor are the networks they are measured
        against.
        """
        with torch.inference_mode(False):
            copies = {seed: deepcopy(network).double() for seed, network in self._networks.items()}
        found = Networks(
            copies, self.device, self.draws, alike=self.alike, part_names=self.part_names
        )
        found._between_batches, found._position_of = self._between_batches, self._position_of
        found._stacks.log, found._stacks.said = self._stacks.log, self._stacks.said
        return found

    def refusal(self, shape: tuple[int, int, int]) -> str | None:
        """Why the networks do not take images of a shape; None if they do.

        The first of them is shown a black image. It may have been built for another size.

        Args:
            shape: channels, height and width.
        """
        (seed, network), *_ = self._networks.items()
        images = torch.zeros(1, *shape, device=self.device)
        try:
            with torch.inference_mode():
                mean_prediction(network, images, seed, [0], 1)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError, IndexError) as error:
            return str(error).strip().partition("\n")[0]
        return None

    def say_once(self, line: str) -> None:
        """Tell the job's log something that holds for all networks of the model."""
        if line not in self._stacks.said:
            self._stacks.said.add(line)
            self._stacks.log(line)

    def most_at_once(self, seeds: int) -> None:
        """Call no more networks at once than so many, however many the memory holds."""
        self._stacks.rows = seeds

    @property
    def alike(self) -> bool:
        """Whether they differ in nothing but weights and buffers, as far as is known."""
        return self._stacks.possible

    @property
    def at_once(self) -> bool:
        """Whether several seeds are called at once here."""
        return self.alike and forms.few_launches(torch.empty(0, device=self.device))

    def __len__(self) -> int:
        return len(self._networks)

    def __iter__(self) -> Iterator[tuple[int, nn.Module]]:
        for seed, network in self._networks.items():
            self._between_batches()
            yield seed, network

    def position(self, seed: int | None = None) -> Position:
        """Where the evaluation is: restored when it begins, saved between batches.

        Args:
            seed: the seed at work. May be left out where there is one only; an evaluation with
                ``SCOPE = "run"`` leaves it out, too.
        """
        if seed is None and len(self.seeds) == 1:
            (seed,) = self.seeds
        return self._position_of(seed)

    def noise(self, seed: int, numbers: Sequence[int], draw: int = 0) -> Any:
        """What the network of a seed draws for some images; None if it is not stochastic.

        It is the second argument of the network's ``forward``.

        Args:
            seed: one of the seeds.
            numbers: which images of the split they are.
            draw: the number of the draw, from 0.
        """
        network = self._networks[seed]
        if not is_stochastic(network):
            return None
        return noise_of_images(network, seed, numbers, draw, self.device)

    def predictions(
        self, images: Tensor, numbers: Sequence[int], draws: int | None = None
    ) -> Tensor:
        """What every network answers to a batch.

        Args:
            images: ``(batch, channels, height, width)`` float in 0..1, on the device.
            numbers: which images of the split they are; what is random depends on nothing else.
            draws: predictions of a stochastic network that are averaged; left out, the model's
                ``DRAWS``.

        Returns:
            ``(seeds, batch, ...)`` as the networks return it, on the device.
        """
        question = Question(images, numbers, draws or self.draws, {})
        found = [seen.answers for seen in self._ask(question)]
        return found[0] if len(found) == 1 else torch.cat(found)

    def parts(
        self, images: Tensor, numbers: Sequence[int], parts: Mapping[str, Kept]
    ) -> Iterator[Seen]:
        """What parts of the networks return for a batch, without gradients.

        Seeds come as they are called: all that fit the memory at once on a GPU, one by one on a
        CPU. A stochastic network draws once.

        Args:
            images: as in `predictions`.
            numbers: as in `predictions`.
            parts: the names of submodules that return a tensor, and what is kept of it: a function
                that treats each image by itself, since it may be called under `torch.func.vmap`.

        Yields:
            Some seeds, their answers, and what was kept of each part, ``(seeds, batch, ...)``.
        """
        asked = self._ask(Question(images, numbers, 1, parts))
        while True:
            with torch.inference_mode():
                seen = next(asked, None)
            if seen is None:
                return
            yield seen

    def _ask(self, question: Question) -> Iterator[Seen]:
        return self._stacks.ask(self._networks, question, self._between_batches)

    def batches(
        self, data: Split, draws: int | None = None, batch_size: int | None = None
    ) -> Iterator[tuple[Images, Tensor]]:
        """The data batch by batch, each with what every network answers to it, without gradients.

        Predictions may have any shape; those of segmentation do not fit memory all at once.

        Args:
            data: a split, in memory or read as it is needed.
            draws: as in `predictions`.
            batch_size: images per forward pass; left out, what suits the device.

        Yields:
            A batch on the device (`Images`, 0..255), and the predictions ``(seeds, batch, ...)``
            for it in float32, on the device too.
        """
        done = 0
        for batch in data.batches(batch_size or devices.evaluation_batch(self.device)):
            there = batch.to(self.device)
            yield there, self._float_predictions(there, done, draws)
            done += len(batch)

    def _float_predictions(self, batch: Images, first: int, draws: int | None) -> Tensor:
        """Predictions of all networks for a batch that begins with image ``first`` of its split."""
        numbers = range(first, first + len(batch))
        with torch.inference_mode():
            return self.predictions(to_unit(batch.images), numbers, draws).float()

    def answers(self, data: Split) -> Iterator[tuple[Images, Tensor]]:
        """As `batches`, but what an evaluation of the job has computed before is taken from there.

        It is for evaluations that leave the networks as they are.
        """
        done = 0
        for batch in data.batches(devices.evaluation_batch(self.device)):
            there = batch.to(self.device)
            known = self._answers.find(self._networks, batch.images, self.device)
            if known is None:
                known = self._float_predictions(there, done, None)
                self.remember(batch.images, self.seeds, known)
            yield there, known
            done += len(batch)

    def remember(self, images: Tensor, seeds: Sequence[int], answers: Tensor) -> None:
        """Let other evaluations of the job have what networks answered, see `answers`.

        Args:
            images: a batch, uint8 on the CPU.
            seeds: of the networks that answered.
            answers: ``(seeds, batch, ...)``, to the images in 0..1.
        """
        chosen = {seed: self._networks[seed] for seed in seeds}
        self._answers.remember(chosen, images, answers.float())

    def logits(
        self, images: Tensor, batch_size: int | None = None, draws: int | None = None
    ) -> Tensor:
        """What every network answers to every image, all at once.

        Args:
            images: ``(n, channels, height, width)`` uint8 in 0..255, on any device; for a
                stochastic network the n-th one is the n-th of its split.
            batch_size: images per forward pass; left out, what suits the device.
            draws: as in `predictions`.

        Returns:
            ``(seeds, n, classes)`` float32 on the CPU.

        Raises:
            ValueError: if there is no image or the images are not uint8.
        """
        if images.dtype != torch.uint8 or len(images) == 0:
            raise ValueError(
                f"need at least one image of uint8, got {len(images)} of {images.dtype}"
            )
        data = Images(images, torch.zeros(len(images), dtype=torch.int64))
        found = [predictions for _, predictions in self.batches(data, draws, batch_size)]
        return torch.cat(found, dim=1).cpu()


def load_model(folder: Path | str, seed: int) -> nn.Module:
    """A trained network on the CPU, in evaluation mode.

    Its ``forward`` takes float images ``(batch, channels, height, width)`` in 0..1 and returns
    logits ``(batch, classes)``.

    Args:
        folder: the folder of a pack, as in ``out/runs/<run>/base/seeds-1-5``.
        seed: one of the pack's seeds.

    Raises:
        UserError: as ``Networks.open``.
    """
    ((_, network),) = Networks.open(folder, torch.device("cpu"), [seed])
    return network


def _in_order(names: Collection[str], network: nn.Module | None) -> list[str]:
    """Names of parts in the order of the modules of a network."""
    if network is None:
        return sorted(names)
    places = {module: place for place, module in enumerate(network.modules())}
    return sorted(names, key=lambda name: (places[network.get_submodule(name)], name))
