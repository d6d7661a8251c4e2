"""What the transformers of images share: how images are given, checked and computed in batches."""

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

Names = Sequence[str]


class ImageFeatures(TransformerMixin, BaseEstimator, metaclass=ABCMeta):  # type: ignore[misc]
    """A scikit-learn transformer of images whose features a layer computes.

    Images are an array ``(images, height, width)`` or ``(images, channels, height, width)`` of any
    real numbers, which are taken as they are. With ``image_shape``, ``(height, width)`` or
    ``(channels, height, width)``, they may also be ``(images, pixels)``, as `load_digits` of
    scikit-learn gives them. Each channel has features of its own.

    Nothing is learned: ``fit`` keeps the shape of the images alone, and labels are not looked at.

    Attributes:
        image_shape_: channels, height and width of the images that were seen in ``fit``.
        n_features_in_: pixels of an image, where images are rows of pixels.
    """

    image_shape: tuple[int, ...] | None
    batch_size: int
    dtype: Literal["float32", "float64"]
    device: str

    @abstractmethod
    def _layer(self, height: int, width: int) -> nn.Module:
        """What computes the features of a channel: ``(batch, height, width)`` to any shape."""

    @abstractmethod
    def _names(self, layer: nn.Module, shape: tuple[int, ...]) -> Names:
        """The names of a channel's features, which have this shape."""

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803  # scikit-learn's names
        """Keep the shape of the images.

        Raises:
            ValueError: if they are no images, or settings are wrong.
        """
        del y
        if self.batch_size < 1:
            raise ValueError(f"batch_size must be 1 or more, got {self.batch_size}")
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype must be float32 or float64, got {self.dtype!r}")
        images = self._images(X, fitting=True)
        self.image_shape_: tuple[int, ...] = tuple(images.shape[1:])
        layer = self._layer(*self.image_shape_[1:])
        self.layer_ = layer.to(self.device, self._kind()).eval()
        shape = self._compute(torch.zeros(1, *self.image_shape_)).shape[2:]
        channels = range(self.image_shape_[0])
        names = [f"channel{c}_{name}" for c in channels for name in self._names(layer, shape)]
        self._feature_names = np.array(names, dtype=object)
        return self

    def transform(self, X: Any) -> Any:  # noqa: N803
        """The features of each image: ``(images, features)``, in the type ``dtype``.

        Raises:
            ValueError: if the images have another shape than those seen in ``fit``.
        """
        check_is_fitted(self)
        images = self._images(X, fitting=False)
        if images.shape[1:] != self.image_shape_:
            raise ValueError(
                f"{type(self).__name__} was fitted to images of shape {self.image_shape_} "
                f"(channels, height, width), got {images.shape[1:]}"
            )
        found = np.empty((len(images), len(self._feature_names)), self.dtype)
        for first in range(0, len(images), self.batch_size):
            batch = images[first : first + self.batch_size]
            given = torch.from_numpy(np.ascontiguousarray(batch, self.dtype))
            found[first : first + len(batch)] = self._compute(given).flatten(1).cpu().numpy()
        return found

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """A name for each feature; names of pixels, if given, are not looked at."""
        del input_features
        check_is_fitted(self)
        return self._feature_names.copy()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = self.image_shape is not None
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _kind(self) -> torch.dtype:
        return torch.float64 if self.dtype == "float64" else torch.float32

    def _compute(self, images: Tensor) -> Tensor:
        """Features of a batch: ``(batch, channels, ...)``."""
        there = images.to(self.device, self._kind())
        with torch.inference_mode():
            found: Tensor = self.layer_(there.flatten(0, 1))
        return found.reshape(*images.shape[:2], *found.shape[1:])

    def _images(self, X: Any, fitting: bool) -> NDArray[Any]:  # noqa: N803
        """The images as ``(images, channels, height, width)``.

        Raises:
            ValueError: if they are not.
        """
        images = check_array(X, allow_nd=True, ensure_2d=False, estimator=self)
        if self.image_shape is not None and images.ndim < 3:
            return self._of_rows(validate_data(self, X, reset=fitting))
        if images.ndim not in (3, 4):
            raise ValueError(
                f"{type(self).__name__} takes images (images, height, width) or (images, channels, "
                f"height, width), or rows of pixels with image_shape; got an array of shape "
                f"{images.shape}"
            )
        return images[:, None] if images.ndim == 3 else images  # type: ignore[no-any-return]

    def _of_rows(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Rows of pixels as images of ``image_shape``.

        Raises:
            ValueError: if they do not fit.
        """
        shape = self.image_shape or ()
        if len(shape) not in (2, 3) or rows.shape[1] != np.prod(shape):
            raise ValueError(f"image_shape {shape} does not fit rows of {rows.shape[1]} pixels")
        return rows.reshape(-1, *(1, *shape)[-3:])
