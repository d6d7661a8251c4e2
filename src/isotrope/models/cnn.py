"""A plain convolutional network: what a network can do that knows nothing of turns and sizes.

Convolutions of 3 x 3 pixels with batch norm and ReLU in three stages, poolings between them, a
global pooling, a linear layer. For 28 x 28 grey images and 10 classes it has 79,426 weights, about
as many as Deep Log-Polar Networks (81,354), beside which it is trained.

Source: a design of this project, in the manner of the plain network (CCNN) beside which Esteves,
Allen-Blanchette, Zhou and Daniilidis put theirs, "Polar Transformer Networks", ICLR 2018,
https://arxiv.org/abs/1709.01889. Differs from theirs: poolings in place of strides, other widths,
and a linear layer behind the global pooling in place of a convolution before it.
"""

from pydantic import Field
from torch import Tensor, nn

from isotrope.models._fit import refuse_smaller
from isotrope.models._stages import STAGES, Pooling, Stages, global_pool, stages
from isotrope.settings import Settings

REVISION = 1
PARTS = {"stage1", "stage2", "stage3", "features"}


class Params(Settings):
    """Settings of ``cnn``."""

    channels: Stages = Field(((24, 24), (48, 48), (96,)), description=STAGES)
    kernel_size: int = Field(3, ge=1, description="side of all kernels, in pixels")
    batch_norm: bool = Field(True, description="whether each convolution is followed by one")
    pooling: Pooling = Field("max", description="between the stages, of 2 x 2 pixels")
    global_pooling: Pooling = Field("average", description="behind the last stage")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of features left out in training")


class Cnn(nn.Module):
    """Three stages of convolutions, a global pooling and a linear layer.

    Shapes (c1, c2, c3 are the last channels of the stages):
        input: ``(batch, channels, height, width)`` in 0..1, of any size from 4 pixels on
        stage1: ``(batch, c1, height, width)``
        stage2: ``(batch, c2, height // 2, width // 2)``
        stage3: ``(batch, c3, height // 4, width // 4)``
        features: ``(batch, c3)``
        output: ``(batch, classes)`` logits
    """

    def __init__(self, channels: int, classes: int, params: Params) -> None:
        super().__init__()
        self.stage1, self.stage2, self.stage3 = stages(
            channels,
            params.channels,
            params.kernel_size,
            params.pooling,
            batch_norm=params.batch_norm,
        )
        self.features = global_pool(params.global_pooling)
        self.dropout = nn.Dropout(params.dropout)
        self.lin = nn.Linear(params.channels[-1][-1], classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the images."""
        maps = self.stage3(self.stage2(self.stage1(images)))
        logits: Tensor = self.lin(self.dropout(self.features(maps)))
        return logits


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> Cnn:
    """The network for images of a shape.

    Raises:
        ValueError: if the images are too small to be halved twice.
    """
    refuse_smaller(image_shape, 4, "two poolings, which halve them")
    return Cnn(image_shape[0], classes, params)
