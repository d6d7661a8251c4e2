"""The images of a split in memory."""

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Images:
    """The images of a split with their labels and latents.

    Args:
        images: uint8 ``(n, channels, height, width)``, 0..255.
        labels: int64 ``(n,)``.
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
        if self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            found = f"{self.labels.dtype} {tuple(self.labels.shape)}"
            raise ValueError(f"labels must be int64 ({len(self.images)},), got {found}")
        for name, values in self.latents.items():
            if values.shape[:1] != self.images.shape[:1]:
                found = f"{tuple(values.shape)}"
                raise ValueError(f"latent '{name}' must be ({len(self.images)}, ...), got {found}")

    def __len__(self) -> int:
        return len(self.images)


def to_unit(images: Tensor) -> Tensor:
    """Images of 0..255 (uint8) as float32 in 0..1, as networks take them."""
    return images.to(torch.float32).div_(255)
