"""The images of a split in memory."""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

Kind = Literal["classification", "segmentation"]
VOID = 255  # in a mask: a pixel of no class, which counts for no loss and no score


@dataclass(frozen=True, eq=False)
class Images:
    """Images of one size, with their labels and latents.

    Args:
        images: uint8 ``(n, channels, height, width)``, 0..255.
        labels: classes, int64 ``(n,)``; or masks, uint8 or int64 ``(n, height, width)``, each pixel
            the class that it shows or ``VOID``.
        latents: what else is known of each image, such as its scale: tensors ``(n, ...)``.

    Raises:
        ValueError: if types or lengths differ from these.
    """

    images: Tensor
    labels: Tensor
    latents: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.ndim != 4:
            found = f"{self.images.dtype} {tuple(self.images.shape)}"
            raise ValueError(f"images must be uint8 (n, channels, height, width), got {found}")
        found = f"{self.labels.dtype} {tuple(self.labels.shape)}"
        if self.kind == "segmentation":
            count, _, height, width = self.images.shape
            shape = (count, height, width)
            if self.labels.dtype not in (torch.uint8, torch.int64) or self.labels.shape != shape:
                raise ValueError(f"masks must be uint8 or int64 {shape}, got {found}")
        elif self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            raise ValueError(f"labels must be int64 ({len(self.images)},), got {found}")
        for name, values in self.latents.items():
            if values.shape[:1] != self.images.shape[:1]:
                found = f"{tuple(values.shape)}"
                raise ValueError(f"latent '{name}' must be ({len(self.images)}, ...), got {found}")

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, chosen: slice | Tensor) -> "Images":
        """Some of the images: a slice, or their indices int64 ``(m,)`` on the same device."""
        latents = {name: values[chosen] for name, values in self.latents.items()}
        return Images(self.images[chosen], self.labels[chosen], latents)

    @property
    def kind(self) -> Kind:
        """What the labels are: classes of images, or masks of classes of pixels."""
        return "segmentation" if self.labels.ndim == 3 else "classification"

    def to(self, device: torch.device) -> "Images":
        """The same on a device."""
        ahead = device.type == "cuda"  # a copy to the CPU must be there when it is looked at
        images, labels = (v.to(device, non_blocking=ahead) for v in (self.images, self.labels))
        latents = {name: v.to(device, non_blocking=ahead) for name, v in self.latents.items()}
        return Images(images, labels, latents)

    def whole(self) -> "Images":
        """All of them, in memory."""
        return self

    def batches(self, size: int) -> Generator["Images", None, None]:
        """All images in their order, at most ``size`` at a time."""
        for start in range(0, len(self), size):
            yield self[start : start + size]


def to_unit(images: Tensor) -> Tensor:
    """Images of 0..255 (uint8) as float32 in 0..1, as networks take them."""
    return images.to(torch.float32).div_(255)
