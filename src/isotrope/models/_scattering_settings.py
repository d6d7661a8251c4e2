"""Settings of the scattering transform in a network, and what such networks have in common."""

from typing import Literal

from pydantic import Field
from torch import Tensor

from isotrope.layers.scattering import Scattering2d
from isotrope.models._fit import refuse_smaller
from isotrope.settings import Settings

GROUP = "scattering"  # of parameters, and the name of the layer in the network


class ScatteringParams(Settings):
    """How images are scattered. Every setting is one of `Scattering2d`."""

    J: int = Field(2, ge=1, description="scales; maps shrink by 2 to this power")
    L: int = Field(8, ge=1, description="orientations of the wavelets of each scale")
    parameterization: Literal["fixed", "canonical", "equivariant", "pixelwise"] = Field(
        "canonical",
        description="what is learned of the wavelets. fixed: nothing; canonical: orientation, "
        "frequency, width and slant of each; equivariant: these of each scale, whose wavelets are "
        "turned copies of one; pixelwise: every number of every spectrum",
    )
    init: Literal["tight_frame", "random"] = Field(
        "tight_frame",
        description="the first wavelets. tight_frame: those of the classical transform; random: "
        "drawn for each seed",
    )
    max_order: Literal[1, 2] = Field(2, description="wavelets one after the other, at most")
    average: Literal["local", "global"] = Field(
        "local",
        description="of the coefficients. local: around every 2^J-th pixel; global: over all of "
        "the image",
    )
    resample: Literal["exact", "published"] = Field(
        "exact",
        description="of spectra for maps of a half or a quarter of the image's sides. exact; "
        "published: 4 and 16 times too small, where J is 3 or more",
    )
    theta_grad: Literal["exact", "published"] = Field(
        "exact",
        description="gradient of the orientations. exact; published: that of the wave alone, "
        "without that of the short axis of its envelope",
    )
    tiles: int = Field(
        1,
        ge=1,
        le=99,
        description="periods in each direction over which a wavelet's envelope is summed, an odd "
        "number; the published code has 1, kymatio 5",
    )

    def transform(self, image_shape: tuple[int, int, int]) -> Scattering2d:
        """The layer for images of a shape ``(channels, height, width)``.

        Raises:
            ValueError: if the images are too small for so many scales.
        """
        refuse_smaller(image_shape, 2**self.J, f"wavelets of {self.J} sizes")
        _, height, width = image_shape
        return Scattering2d(
            self.J,
            (height, width),
            self.L,
            max_order=self.max_order,
            parameterization=self.parameterization,
            init=self.init,
            average=self.average,
            resample=self.resample,
            theta_grad=self.theta_grad,
            tiles=self.tiles,
        )

    def numbers(self, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """Channels, height and width of the coefficients, the paths of each colour together."""
        colours, height, width = image_shape
        paths = 1 + self.J * self.L
        if self.max_order == 2:  # pairs of scales, the second larger than the first
            paths += self.L**2 * self.J * (self.J - 1) // 2
        if self.average == "global":
            return colours * paths, 1, 1
        return colours * paths, height >> self.J, width >> self.J


class Wavelets:
    """What a network with a layer ``scattering`` offers beside its answers, for inheriting."""

    scattering: Scattering2d

    def wavelets(self) -> Scattering2d:
        """The scattering transform."""
        return self.scattering

    def parameter_groups(self) -> dict[str, list[str]]:
        """``scattering``: what is learned of the wavelets, published without weight decay."""
        names = [name for name, _ in self.scattering.named_parameters()]
        return {GROUP: [f"{GROUP}.{name}" for name in names]}

    def record(self) -> dict[str, Tensor]:
        """``theta``, ``xi``, ``sigma`` and ``slant``, ``(J, L)`` each; nothing if pixelwise."""
        return dict(self.scattering.filters())


def by_channels(coefficients: Tensor) -> Tensor:
    """Coefficients ``(batch, colours, paths, height, width)``, the paths of a colour together."""
    return coefficients.flatten(1, 2)
