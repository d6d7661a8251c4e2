"""One convolution with a long kernel each way, and a global maximum."""

from pydantic import Field
from torch import Tensor, nn

from isotrope.layers.global_max_pool import GlobalMaxPool
from isotrope.settings import Settings

REVISION = 1
PARTS = {"features"}


class Params(Settings):
    """What a param-file may say."""

    channels: int = Field(4, ge=1, description="channels of the convolution")


class Network(nn.Module):
    """Convolution, ReLU, global maximum, linear."""

    def __init__(self, image_channels: int, classes: int, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(image_channels, channels, kernel_size=5)
        self.features = GlobalMaxPool()
        self.linear = nn.Linear(channels, classes)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.linear(self.features(self.conv(images).relu()))
        return logits

    def record(self) -> dict[str, Tensor]:
        """What is kept of the network while it trains."""
        return {"kernels": self.conv.weight}


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> Network:
    return Network(image_shape[0], classes, params.channels)
