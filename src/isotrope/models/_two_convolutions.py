"""The network that ``standard``, ``kanazawa``, ``hermite`` and ``disco`` share.

They differ in the kind of their convolutions.
"""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from torch import Tensor, nn

from isotrope.layers.global_max_pool import GlobalMaxPool

Convolution = TypeVar("Convolution", bound=nn.Module)


class TwoConvolutions(nn.Module, ABC, Generic[Convolution]):
    """Convolution, ReLU, convolution, ReLU, maximum over all but the channels, linear.

    Args:
        conv1: the convolution to 16 channels.
        conv2: the convolution from 16 to 32 channels.
        classes: number of classes.
    """

    def __init__(self, conv1: Convolution, conv2: Convolution, classes: int) -> None:
        super().__init__()
        self.conv1 = conv1
        self.stage1 = nn.ReLU()
        self.conv2 = conv2
        self.stage2 = nn.ReLU()
        self.features = GlobalMaxPool()
        self.lin = nn.Linear(32, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the images."""
        first = self.stage1(self.conv1(images))
        if self.training:  # the same numbers with a cheaper gradient, but no map of stage 2
            features = self.stage2(self.peak(first))
        else:
            features = self.features(self.stage2(self.conv2(first)))
        logits: Tensor = self.lin(features)
        return logits

    @abstractmethod
    def peak(self, images: Tensor) -> Tensor:
        """The maximum of ``conv2`` over all but the channels, of shape ``(batch, 32)``."""
