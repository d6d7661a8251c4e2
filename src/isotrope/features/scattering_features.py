"""The scattering transform as a scikit-learn transformer."""

from itertools import product
from typing import Literal, cast

from torch import nn

from isotrope.features.image_features import ImageFeatures, Names
from isotrope.layers.scattering import Scattering2d
from isotrope.layers.scattering_paths import Path


class ScatteringFeatures(ImageFeatures):
    """The coefficients of `isotrope.layers.Scattering2d` with fixed wavelets, for scikit-learn.

    Features are in the order of channels, paths, rows and columns; a name such as
    ``channel0_j0_theta3_j1_theta5_row2_column7`` says which wavelets and which place.

    Args:
        J: number of sizes of wavelets.
        L: number of directions.
        max_order: 1 or 2, wavelets in a row at most.
        average: ``local`` around every ``2**J``-th pixel, or ``global`` over the image.
        image_shape: ``(height, width)`` or ``(channels, height, width)`` of images that are given
            as rows of pixels.
        batch_size: images that are computed at once.
        dtype: ``float32`` or ``float64``, in which features are computed and returned.
        device: of torch, where they are computed.

    Raises:
        ValueError: in `fit`, for what the images or the transform cannot be, as images smaller
            than ``2**J`` pixels.
    """

    def __init__(
        self,
        J: int = 2,  # noqa: N803  # the field's names
        L: int = 8,  # noqa: N803
        *,
        max_order: int = 2,
        average: Literal["local", "global"] = "local",
        image_shape: tuple[int, ...] | None = None,
        batch_size: int = 64,
        dtype: Literal["float32", "float64"] = "float32",
        device: str = "cpu",
    ) -> None:
        self.J = J
        self.L = L
        self.max_order = max_order
        self.average = average
        self.image_shape = image_shape
        self.batch_size = batch_size
        self.dtype = dtype
        self.device = device

    def _layer(self, height: int, width: int) -> nn.Module:
        if self.average not in ("local", "global"):
            raise ValueError(f"average must be local or global, got {self.average!r}")
        shape, order = (height, width), self.max_order
        return Scattering2d(self.J, shape, self.L, max_order=order, average=self.average)

    def _names(self, layer: nn.Module, shape: tuple[int, ...]) -> Names:
        rows, columns = shape[1:]
        paths = [_name(path) for path in cast("Scattering2d", layer).paths]
        if self.average == "global":
            return paths
        places = product(paths, range(rows), range(columns))
        return [f"{path}_row{row}_column{column}" for path, row, column in places]


def _name(path: Path) -> str:
    """The wavelets of a path; ``average`` without one."""
    pairs = ((path.j1, path.theta1), (path.j2, path.theta2))
    return "_".join(f"j{j}_theta{theta}" for j, theta in pairs if j is not None) or "average"
