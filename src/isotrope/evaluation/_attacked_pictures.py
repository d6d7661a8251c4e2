"""Picture files as images under attack, in place of those of a data set."""

from collections.abc import Sequence

import torch

from isotrope.attacks.judging import Judge
from isotrope.data._pictures import STAND_IN, read_picture
from isotrope.datasets.images import to_unit
from isotrope.datasets.local_data import local_file
from isotrope.datasets.stream import Split, Stream


def pictures_like(
    data: Split,
    files: Sequence[str],
    label: int | None,
    whole: bool,
    judge: Judge,
    device: torch.device,
) -> Stream:
    """Pictures with as many channels as the images of a data set.

    Args:
        data: the data set.
        files: below ``$ISOTROPE_DATA``, or ``chelsea``.
        label: the class of all; None: of each what the network answers most.
        whole: as large as they are; else the middle square, in the size of the data set's images.
        judge: asks the network.
        device: of the network.

    Raises:
        UserError: if a file is absent or no picture.
    """
    channels, side, _ = data[:1].images.shape[1:]
    shown, labels = [], []
    for number, file in enumerate(files):
        path = file if file == STAND_IN else local_file(file)
        shown.append(read_picture(path, channels, None if whole else side))
        if label is None:
            answers = judge.answers(to_unit(shown[-1][None].to(device)), [number])
            labels.append(int(answers[0].argmax(dim=-1).bincount().argmax()))
        else:
            labels.append(label)
    return Stream(
        range(len(shown)), torch.tensor(labels), lambda entry, _: (shown[entry], labels[entry])
    )
