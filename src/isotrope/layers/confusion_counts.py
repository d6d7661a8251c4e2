"""How often pixels of one class are taken for another: confusion matrices, the same on any device.

Adding ones at places (``scatter_add``, ``bincount``) takes a GPU long where nearly all pixels are
of a few classes, because such additions wait for each other. There the counts of each row of an
image are a product of two matrices of zeros and ones. It is exact: sums of zeros and ones are whole
numbers, and float32 holds those up to 2^24 whatever the order of the additions, of which a row of
pixels has far fewer. Rows are added up in int64.
"""

import torch
from torch import Tensor

from isotrope.layers import forms
from isotrope.layers.windows import one_hot

_NUMBERS = 2**26  # of the zeros and ones of one product on a GPU; in a stack, of all rows of it


def confusion(predicted: Tensor, labels: Tensor, classes: int, ignore: int) -> Tensor:
    """True classes by predicted ones, for each image.

    Shapes:
        predicted: ``(images, height, width)`` int64, each below ``classes``
        labels: the same; each below ``classes``, or ``ignore``
        output: ``(images, classes, classes)`` int64

    Args:
        predicted: the classes that were recognised.
        labels: the classes that are right.
        classes: how many there are.
        ignore: the label of pixels that do not count.
    """
    if not forms.few_launches(labels):
        valid = labels != ignore
        cells = torch.where(valid, labels * classes + predicted, 0).flatten(1)
        counts = labels.new_zeros(len(labels), classes**2)
        counts = counts.scatter_add(1, cells, valid.flatten(1).to(counts.dtype))
        return counts.view(-1, classes, classes)
    most = min(_NUMBERS, forms.numbers_at_once(labels, _NUMBERS))
    size = max(1, most // max(1, labels[0].numel() * classes)) if len(labels) else 1
    parts = zip(torch.split(predicted, size), torch.split(labels, size), strict=True)
    found = [
        (_ones(right, classes, ignore).transpose(-2, -1) @ one_hot(guess, classes, torch.float32))
        .long()
        .sum(dim=1)
        for guess, right in parts
    ]
    return found[0] if len(found) == 1 else torch.cat(found)


def _ones(labels: Tensor, classes: int, ignore: int) -> Tensor:
    """A one at the class of each pixel that counts, ``(images, height, width, classes)``."""
    ones = one_hot(labels, classes, torch.bool)
    return (ones & (labels != ignore)[..., None]).to(torch.float32)
