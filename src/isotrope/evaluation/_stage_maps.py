"""What evaluations of feature maps share: the maps of a network's stages, and objects at scales."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from isotrope import devices
from isotrope.datasets.images import Images
from isotrope.errors import UserError
from isotrope.measuring.networks import Networks

STAGES = ("stage1", "stage2")


def objects_at(data: Images, scales: Sequence[int], evaluation: str) -> Tensor:
    """Where the images of each object stand, one at each scale.

    The k-th image of a class is taken for the same object at every scale, as STIR orders them.

    Args:
        data: images with the latents ``scale`` and ``position``.
        scales: pixels.
        evaluation: who asks, for the error's sentence.

    Returns:
        Indices ``(objects, scales)``, int64 on the CPU, by class and then by instance.

    Raises:
        UserError: if the data do not know scales and positions, lack one of the scales, or have
            more images of a class at one scale than at another.
    """
    other = "take it out of evaluations, or name another data set there"
    if absent := [one for one in ("scale", "position") if one not in data.latents]:
        raise UserError(
            f"{evaluation} needs a data set that knows the {' and the '.join(absent)} of the "
            f"things in its images; {other}"
        )
    known, labels = data.latents["scale"].cpu(), data.labels.cpu()
    columns = []
    for scale in scales:
        found = torch.nonzero(known == scale).flatten()
        if len(found) == 0:
            has = f"{int(known.min())} to {int(known.max())}" if len(known) else "no"
            raise UserError(
                f"{evaluation}: there is no image at {scale} pixels, the data have {has} pixels; "
                f"set its scales to those, or {other}"
            )
        columns.append(found[labels[found].argsort(stable=True)])
        if not torch.equal(labels[columns[-1]], labels[columns[0]]):
            raise UserError(
                f"{evaluation}: the objects at {scale} pixels are not those at {scales[0]} pixels; "
                f"set its scales to others, or {other}"
            )
    return torch.stack(columns, dim=1)


def over_scales(output: Tensor) -> Tensor:
    """Of maps with axes between channels and rows, such as one of scales, the largest over them."""
    return output.amax(dim=tuple(range(2, output.ndim - 2))) if output.ndim > 4 else output


@dataclass(frozen=True)
class Batch:
    """Some objects: ``images[:, i]`` and ``positions[:, i]`` are those at the i-th scale."""

    images: Tensor  # uint8 (objects, scales, channels, height, width)
    positions: Tensor  # (objects, scales, 2)
    place: dict[int, int]  # of each scale among them
    numbers: Tensor  # of the images in their split, (objects, scales)

    def maps(
        self, networks: Networks, images: Tensor
    ) -> Iterator[tuple[list[int], dict[str, Tensor]]]:
        """The maps of both stages, as they are after the ReLU.

        Of maps with an axis of scales, ``(batch, channels, scales, height, width)``, the largest
        value over the scales is taken: all that the network's global maximum sees of it.

        Args:
            networks: they have the parts ``stage1`` and ``stage2``.
            images: as ``images`` of the batch, but float, whatever their range.

        Yields:
            Some seeds, and the maps of each stage ``(seeds, objects, scales, channels, height,
            width)``.

        Raises:
            UserError: if the maps are not square, or larger than the images.
        """
        numbers, wanted = self.numbers.flatten().tolist(), dict.fromkeys(STAGES, over_scales)
        for seen in networks.parts(images.flatten(0, 1), numbers, wanted):
            for stage, maps in seen.parts.items():
                rows, columns = maps.shape[-2:]
                if rows != columns or rows > self.side or self.images.shape[-2] != self.side:
                    raise UserError(
                        "this evaluation needs square images and maps that are no larger, but "
                        f"{stage} has {rows} x {columns} pixels for images of "
                        f"{self.images.shape[-2]} x {self.side}; take it out of evaluations"
                    )
            counts = len(seen.seeds), *images.shape[:2]
            stages = {s: maps.reshape(*counts, *maps.shape[2:]) for s, maps in seen.parts.items()}
            yield seen.seeds, stages

    @property
    def side(self) -> int:
        """Side of the images in pixels."""
        return self.images.shape[-1]


def batches(
    data: Images, scales: list[int], device: torch.device, evaluation: str
) -> Iterator[Batch]:
    """The objects of the data at some scales, as many at once as a forward pass takes well.

    Raises:
        UserError: as `objects_at`.
    """
    objects = objects_at(data, scales, evaluation)
    place = {scale: i for i, scale in enumerate(scales)}
    size = max(1, devices.evaluation_batch(device) // len(scales))
    for chosen in torch.split(objects, size):
        positions = data.latents["position"][chosen.to(data.latents["position"].device)]
        images = data.images[chosen.to(data.images.device)]
        yield Batch(images.to(device), positions.to(device), place, chosen)
