"""Loss and score of a batch: computed here and nowhere else, in training and in validation.

A network may define ``loss(images, labels, noise)``, which returns the mean loss of the batch and
its outputs, and perhaps a dict of more numbers that the history shall have; without it the loss is
the cross-entropy of its outputs, for images or for pixels, or another that the param-file names.
What a network that defines ``draw`` drew is its noise and the second argument of its ``forward``;
the noise of others is None.

A score is counted: counts add up over batches, and the score follows from their sum. Of classes of
images the counts are how many were right and the score is the accuracy; of masks they are the
confusion matrix (true classes by predicted ones) over the pixels that are not void, and the score
is the mean IoU over the classes that occur in either.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from isotrope.datasets.draws import folded_draws
from isotrope.datasets.images import Kind
from isotrope.errors import UserError
from isotrope.layers.confusion_counts import confusion
from isotrope.params.objective import CosineDistance, CrossEntropy, Segmentation
from isotrope.params.objective import Objective as Settings
from isotrope.training.cosine_distance import cosine_distance
from isotrope.training.cross_entropy import cross_entropy, cross_entropy_of_masks
from isotrope.training.dropout import dropouts

# one rises when its numbers come out different
REVISIONS = {"cross_entropy": 1, "cosine": 1, "segmentation": 1}
SCORES = {"classification": "accuracy", "segmentation": "mean_iou"}  # of data's kinds


class Measured(NamedTuple):
    """What a batch gives, of one network or with a leading axis of rows.

    Shapes:
        loss: ``()``, the mean over what was counted
        weight: ``()`` float64, how much was counted: images, or pixels that are not void
        counts: ``()`` or ``(classes, classes)`` int64, see above
        reported: more numbers by their names, each ``()``, means over images
    """

    loss: Tensor
    weight: Tensor
    counts: Tensor
    reported: dict[str, Tensor]


class Objective:
    """Loss and score of the networks of one training.

    Args:
        settings: as a param-file names it; by the kind of the data if it names none.
        kind: what the labels are.
        classes: how many the networks have to answer for; not compared if None.

    Raises:
        ValueError: if the settings are for labels of another kind.
    """

    def __init__(self, settings: Settings | None, kind: Kind, classes: int | None = None) -> None:
        named = settings is not None
        if settings is None:
            settings = (
                CrossEntropy(name="cross_entropy")
                if kind == "classification"
                else Segmentation(name="segmentation")
            )
        if isinstance(settings, Segmentation) != (kind == "segmentation"):
            labels = "masks" if kind == "segmentation" else "a class for each image"
            raise ValueError(f"the objective {settings.name} does not fit labels that are {labels}")
        self.settings = settings
        self.named = named
        self.kind: Kind = kind
        self.classes = classes
        self.score_name = SCORES[kind]

    def check(self, network: nn.Module) -> None:
        """Refuse an objective beside a loss of the network's own.

        Raises:
            ValueError: if both are there.
        """
        if self.named and hasattr(network, "loss"):
            raise ValueError(
                f"training.objective is {self.settings.name}, but the network has a loss of its "
                "own; leave the objective out"
            )

    def measure(self, network: Any, images: Tensor, labels: Tensor, noises: Any) -> Measured:
        """Loss and counts of a batch.

        Args:
            network: of one seed.
            images: ``(batch, channels, height, width)``.
            labels: ``(batch,)`` or ``(batch, height, width)``.
            noises: what the network drew, a tuple with an entry for each draw; loss, outputs and
                what is reported are the means over these, several of which may be computed as one
                batch. Empty if it draws nothing.

        Raises:
            UserError: if the outputs are not as many as the classes.
        """
        folded = list(folded_draws(images, noises))
        answers = [
            self._answer(network, one.images, one.repeated(labels), one.noise) for one in folded
        ]
        draws = [one.draws for one in folded]
        loss = _mean([one[0] for one in answers], draws)
        outputs = _mean_outputs([one[1] for one in answers], draws, len(images))
        reported = {
            name: _mean([one[2][name] for one in answers], draws).detach().double()
            for name in answers[0][2]
        }
        return Measured(loss, self._weight(labels), self._counts(outputs, labels), reported)

    def _check_outputs(self, outputs: Tensor) -> None:
        if self.classes is not None and outputs.shape[1] != self.classes:
            raise UserError(
                f"the network gives {outputs.shape[1]} logits for each image, and the data set has "
                f"{self.classes} classes; its build(params, image_shape, classes) is told how many"
            )

    def _answer(
        self, network: Any, images: Tensor, labels: Tensor, noise: Any
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """The loss, the outputs and what else is reported, of draws in one batch."""
        if hasattr(network, "loss"):
            loss, outputs, *more = network.loss(images, labels, noise)
            self._check_outputs(outputs)
            return loss, outputs, more[0] if more else {}
        outputs = network(images) if noise is None else network(images, noise)
        self._check_outputs(outputs)
        return self._loss(outputs, labels), outputs, {}

    def _loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        logits = outputs.to(torch.promote_types(outputs.dtype, torch.float32))
        if isinstance(self.settings, CosineDistance):
            return cosine_distance(logits, labels)
        smoothing = self.settings.label_smoothing
        if not isinstance(self.settings, Segmentation):
            return cross_entropy(logits, labels, smoothing)
        total = cross_entropy_of_masks(logits, labels, self.settings.ignore, smoothing)
        return total / self._pixels(labels).clamp(min=1).to(total.dtype)

    def _pixels(self, labels: Tensor) -> Tensor:
        """How many pixels a loss is the mean over."""
        if isinstance(self.settings, Segmentation) and self.settings.average == "valid":
            return (labels != self.settings.ignore).sum()
        return torch.full_like(labels[:1].flatten()[0], labels.numel())

    def _weight(self, labels: Tensor) -> Tensor:
        if self.kind == "segmentation":
            return self._pixels(labels).double()
        return torch.full_like(labels[0], len(labels), dtype=torch.float64)

    def _counts(self, outputs: Tensor, labels: Tensor) -> Tensor:
        predicted = outputs.detach().argmax(dim=1)
        if not isinstance(self.settings, Segmentation):
            return (predicted == labels).sum()
        return confusion(predicted, labels, outputs.shape[1], self.settings.ignore).sum(dim=0)

    def score(self, counts: Tensor, images: int) -> float:
        """The score of images whose counts were added up.

        Args:
            counts: of one row.
            images: how many there were.
        """
        if self.kind == "classification":
            return float(counts) / images
        return mean_iou(counts)


def mean_iou(confusion: Tensor) -> float:
    """The mean over classes of intersection over union; classes that occur nowhere are left out.

    Shapes:
        confusion: ``(classes, classes)``, true classes by predicted ones; which is which does not
            matter
    """
    inside = confusion.diagonal().double()
    union = confusion.sum(0) + confusion.sum(1) - confusion.diagonal()
    known = union > 0
    return float((inside[known] / union[known]).mean()) if known.any() else math.nan


def _mean(values: Sequence[Tensor], draws: Sequence[int]) -> Tensor:
    """The mean over draws of means over some of them."""
    if len(values) == 1:
        return values[0]
    summed = torch.stack([value * count for value, count in zip(values, draws, strict=True)])
    return summed.sum(dim=0) / sum(draws)


def _mean_outputs(outputs: Sequence[Tensor], draws: Sequence[int], batch: int) -> Tensor:
    """The mean over draws of outputs, which come as ``(draws * batch, ...)``."""
    if sum(draws) == 1:
        return outputs[0]
    apart = [
        one.reshape(count, batch, *one.shape[1:]) for one, count in zip(outputs, draws, strict=True)
    ]
    return torch.cat(apart).mean(dim=0)


class Step(nn.Module):
    """An objective and its network as one module, which `functional_call` wants."""

    def __init__(self, network: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.network = network
        self._objective = objective
        self._dropouts = dropouts(network)

    def forward(
        self, images: Tensor, labels: Tensor, noises: Any, precision: torch.dtype | None
    ) -> Measured:
        """See `Objective.measure`; images are computed in ``precision``, if one is given."""
        for module in self._dropouts:
            module.runs = 0
        seen = images if precision is None else images.to(precision)
        return self._objective.measure(self.network, seen, labels, noises)
