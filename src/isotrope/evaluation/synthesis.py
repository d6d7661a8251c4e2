"""What a network's transform tells of an image: noise is changed until its coefficients agree.

The coefficients are those of the part ``scattering`` where a network has one, else those of
``features``: see `isotrope.layers.synthesis` for how noise is changed. Rows say, by ``step`` (0 is
the noise), the mean over images of

* ``coefficient_error``: the distance of the coefficients from those of the image, divided by their
  norm;

and after the last step of ``image_error``: the distance of the pixels from those of the image,
divided by that of the image from its mean grey in each channel. Noise that keeps the coefficients
and not the pixels shows what the transform does not see. Arrays stand beside the rows, of some test
images, the first of each class:

* ``images``, ``starts`` and ``synthesised`` (images, channels, height, width), 0..255, and
  ``labels`` (images,); pixels beyond black and white are shown as these;
* ``coefficient_errors`` (images, steps + 1).

It is computed in float64, by the same noise for each seed.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from isotrope.datasets.images import to_unit
from isotrope.datasets.stream import Split
from isotrope.errors import UserError
from isotrope.layers.synthesis import Synthesis, synthesise
from isotrope.measuring.networks import Networks
from isotrope.measuring.outputs import outputs_of
from isotrope.settings import Settings

REVISION = 1
NEEDS = {"features"}
SPLIT = "test"
kind = "classification"
ARRAYS = True
GRADIENTS = True

_APART = 1_000_003  # a prime: images of one seed do not meet those of the next


class Params(Settings):
    """Settings of ``synthesis``."""

    images: int = Field(4, ge=1, description="images, at most one of each class")
    steps: int = Field(100, ge=1, description="of the descent from noise to the coefficients")
    noise_seed: int = Field(0, ge=0, description="of the noise, with the number of the image")


def evaluate(
    networks: Networks, data: Split, params: Params
) -> tuple[list[dict[str, Any]], dict[int, dict[str, NDArray[Any]]]]:
    """Rows of each seed: step, metric, value, n images; and the arrays of each seed.

    Raises:
        UserError: if the part of a network has no gradient in tests.
    """
    part = "scattering" if "scattering" in networks.part_names else "features"
    numbers = _first_of_classes(data, params.images)
    exact = networks.in_float64()
    images = torch.cat([data[number : number + 1].images for number in numbers])
    common = {"images": images.numpy(), "labels": _labels(data)[numbers]}
    rows, arrays = [], {}
    for seed, network in exact:
        given = to_unit(images.to(networks.device)).double()
        found = []
        for number, image in zip(numbers, given, strict=True):
            transform = _Part(network, part, exact.noise(seed, [number]))
            with torch.no_grad():
                target = transform(image[None])
            noise_seed = (params.noise_seed * _APART + number) % 2**32  # torch reads no more bits
            shape = (1, *image.shape)
            try:
                found.append(synthesise(transform, target, shape, params.steps, noise_seed))
            except ValueError as error:
                raise UserError(
                    f"synthesis: {part} of {type(network).__name__}: {error}; take it out of "
                    "evaluations"
                ) from error
        rows += _rows(seed, given, found)
        errors = np.array([one.errors for one in found], dtype=np.float32)
        arrays[seed] = {
            **common,
            "starts": _pixels([one.start for one in found]),
            "synthesised": _pixels([one.image for one in found]),
            "coefficient_errors": errors,
        }
    return rows, arrays


class _Part:
    """What a part of a network returns for images, as a function of these."""

    def __init__(self, network: nn.Module, part: str, noise: Any) -> None:
        self._network, self._part, self._noise = network, part, noise

    def __call__(self, images: Tensor) -> Tensor:
        with outputs_of(self._network, {self._part: lambda output: output}) as found:
            if self._noise is None:
                self._network(images)
            else:
                self._network(images, self._noise)
        return found[self._part]


def _first_of_classes(data: Split, most: int) -> list[int]:
    """The numbers of the first image of each class, at most so many."""
    first: dict[int, int] = {}
    for number, label in enumerate(_labels(data).tolist()):
        first.setdefault(label, number)
    return [first[label] for label in sorted(first)[:most]]


def _labels(data: Split) -> NDArray[Any]:
    if data.labels is None:
        raise ValueError("synthesis shows images of some classes, and these data have masks")
    labels: NDArray[Any] = data.labels.numpy()
    return labels


def _rows(seed: int, images: Tensor, found: list[Synthesis]) -> list[dict[str, Any]]:
    """Rows at the first step, the last, and each that doubles the one before."""
    last, n = len(found[0].errors) - 1, len(found)
    steps = sorted({0, last, *(2**k for k in range(last.bit_length()))})
    rows: list[dict[str, Any]] = [
        {
            "seed": seed,
            "step": step,
            "metric": "coefficient_error",
            "value": float(np.mean([one.errors[step] for one in found])),
            "n": n,
        }
        for step in steps
    ]
    gaps = []
    for image, one in zip(images, found, strict=True):
        plain = (image - image.mean((-2, -1), keepdim=True)).norm()
        gaps.append(float((one.image[0] - image).norm() / plain.clamp(min=1e-12)))
    value = float(np.mean(gaps))
    return [*rows, {"seed": seed, "step": last, "metric": "image_error", "value": value, "n": n}]


def _pixels(images: list[Tensor]) -> NDArray[np.uint8]:
    """Images in 0..255."""
    bytes_ = (torch.cat(images).clamp(0, 1) * 255).round().to(torch.uint8)
    found: NDArray[np.uint8] = bytes_.cpu().numpy()
    return found
