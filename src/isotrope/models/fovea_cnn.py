"""One log-polar glimpse at the centre of the image, and the convolutions that recognise it.

A control for ``ram_lpm``: the same fovea and the same stream of convolutions, without a memory and
without a choice of where to look. An object in the middle is recognised whatever its turn, as far
as poolings over angles go; one elsewhere is seen from its side.

Source: a design of this project; its parts are those of Kiritani and Ono, "Recurrent Attention
Model with Log-Polar Mapping is Robust against Adversarial Attacks", 2020,
https://arxiv.org/abs/2002.05388.
"""

from pydantic import Field
from torch import Tensor, nn

from isotrope.layers.foveal_sensor import FovealSensor
from isotrope.models._fovea_settings import FoveaParams, fovea_of, stack_of
from isotrope.models._polar_stack import norm_of_numbers, polar_stack

REVISION = 1
PARTS = {"maps", "features"}
EXAMPLE = {
    "configuration": "digits",
    "radii": 6,
    "angles": 8,
    "what_channels": [4, 6],
    "what_kernels": [[3, 3], [3, 3]],
    "what_poolings": [[2, 2], [3, 4]],
    "head_hidden": 12,
}


class Params(FoveaParams):
    """Settings of ``fovea_cnn``."""

    head_hidden: int | None = Field(
        None, ge=1, description="units of a layer before the answer; left out: no layer"
    )


class FoveaCnn(nn.Module):
    """A glimpse, convolutions over it, a linear layer or two.

    Shapes:
        input: ``(batch, channels, height, width)`` in 0..1, of any size
        maps: ``(batch, last channels, radii, angles)``, what poolings leave
        features: ``(batch, last channels * radii * angles)``
        output: ``(batch, classes)`` logits
    """

    def __init__(self, channels: int, classes: int, params: Params) -> None:
        super().__init__()
        settled = params.settled()
        fovea, what = fovea_of(settled), stack_of(settled, "what")
        rows, columns = what.size(*fovea.shape, "what")
        self.sensor = FovealSensor(fovea)
        self.maps = polar_stack(channels, what, params.norm, params.legacy_pole_pad)
        self.features = nn.Flatten()
        numbers, modules = rows * columns * what.channels[-1], list[nn.Module]()
        if params.head_hidden is not None:
            modules += [nn.Linear(numbers, params.head_hidden), nn.ReLU()]
            modules.append(norm_of_numbers(params.norm, params.head_hidden))
            numbers = params.head_hidden
        self.head = nn.Sequential(*modules, nn.Linear(numbers, classes))

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the images."""
        centre = images.new_zeros(len(images), 2)
        logits: Tensor = self.head(self.features(self.maps(self.sensor(images, centre))))
        return logits


def build(params: Params, image_shape: tuple[int, int, int], classes: int) -> FoveaCnn:
    """The network for images of a shape, which may be of any size.

    Raises:
        ValueError: if channels, kernels and poolings are not as many, leave nothing of the glimpse
            or odd numbers of angles, or the radii make no fovea.
    """
    return FoveaCnn(image_shape[0], classes, params)
