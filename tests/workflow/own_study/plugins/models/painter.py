"""One convolution that says of every pixel what it shows."""

from torch import Tensor, nn

from isotrope.settings import Settings

REVISION = 1
kind = "segmentation"
PARTS: set[str] = set()


class Params(Settings):
    """Nothing to say."""


class Network(nn.Module):
    """Images ``(batch, channels, height, width)`` to logits ``(batch, classes, height, width)``."""

    def __init__(self, image_channels: int, classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(image_channels, classes, kernel_size=3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.conv(images)
        return logits


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> Network:
    del params
    return Network(image_shape[0], classes)
