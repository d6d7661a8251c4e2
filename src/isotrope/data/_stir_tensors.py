"""Images and labels as torch takes them; apart from the reader, which works without torch."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import TensorDataset


class LabelledTensors(TensorDataset):
    """A ``TensorDataset`` that can also be unpacked: ``images, labels = dataset``.

    Iteration gives the two tensors, not one image after the other; a ``DataLoader`` does that.

    Args:
        images: float32 ``(n, channels, height, width)``.
        labels: whole numbers ``(n,)``; they become int64.
    """

    def __init__(self, images: NDArray[np.float32], labels: NDArray[np.integer[Any]]) -> None:
        super().__init__(torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64)))

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self.tensors)
