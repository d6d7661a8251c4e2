"""Data sets so small that a test can train on them: in memory, as masks, and as a stream of files.

``toy`` has squares in one of four corners, ``toy_subsets`` the same with other images for each
seed, ``toy_masks`` their masks; ``toy_stream`` and ``toy_mask_stream`` read them from files, from
which training takes crops, and ``toy_stream_subsets`` does so with other images for each seed.
``toy_without_valid`` is ``toy`` without validation images.
"""

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from isotrope.datasets.images import VOID, Images
from isotrope.datasets.stream import Split, Stream
from isotrope.settings import Settings

CLASSES, SHAPE, TEST_SCALES = 4, (1, 8, 8), (3, 6)
FRAME = 1  # pixels around the images in a stream's files
STREAM_FILES = Path("stream_files")  # of the folder in which a test runs


class ToyDataParams(Settings):
    count: int = 40  # batches of 16 leave a partial one
    subset: int = 24  # images that each seed sees, where seeds have their own


def toy_images(params: ToyDataParams, split: str) -> Images:
    """Squares in one of four corners (the class), of 3 to 6 pixels (the scale), with noise."""
    generator = torch.Generator().manual_seed(len(split) if split in ("train", "valid") else 9)
    count = params.count
    labels = torch.arange(count) % CLASSES
    scales = 3 + torch.arange(count) // CLASSES % 4
    images = torch.randint(0, 120, (count, *SHAPE), dtype=torch.uint8, generator=generator)
    for image, label, scale in zip(images, labels.tolist(), scales.tolist(), strict=True):
        image[0, *_corner(label, scale)] += 60
    if split == "test":
        keep = torch.isin(scales, torch.tensor(TEST_SCALES))
        order = torch.randperm(int(keep.sum()), generator=generator)
        images, labels, scales = (values[keep][order] for values in (images, labels, scales))
    return Images(images, labels, {"scale": scales})


def _corner(label: int, scale: int) -> tuple[slice, slice]:
    rows = slice(0, scale) if label < 2 else slice(8 - scale, 8)
    columns = slice(0, scale) if label % 2 == 0 else slice(8 - scale, 8)
    return rows, columns


def toy_masks(params: ToyDataParams, split: str) -> Images:
    """The same images with masks: squares are of class 1 + label, one corner of each is void."""
    data = toy_images(params, split)
    masks = torch.zeros(len(data), *SHAPE[1:], dtype=torch.uint8)
    known = zip(masks, data.labels.tolist(), data.latents["scale"].tolist(), strict=True)
    for mask, label, scale in known:
        mask[_corner(label, scale)] = 1 + label
        mask[0 if label < 2 else 7, 0 if label % 2 == 0 else 7] = VOID
    return Images(data.images, masks, data.latents)


def _stream(data: Images, split: str, kind: str) -> Stream:
    """The images in files of their own, which are written if they are not there."""
    folder = STREAM_FILES / kind / split
    entries = [(str(folder / f"{i}.npz"), i) for i in range(len(data))]
    if not folder.is_dir():
        folder.mkdir(parents=True)
        for (path, _), image, label in zip(entries, data.images, data.labels, strict=True):
            framed = np.pad(image.numpy(), ((0, 0), (FRAME, FRAME), (FRAME, FRAME)))
            known = label.numpy()
            if known.ndim:
                known = np.pad(known, FRAME, constant_values=VOID)
            np.savez(path, image=framed, label=known)
    return Stream(entries, data.labels if data.kind == "classification" else None)


def read(
    params: ToyDataParams, entry: tuple[str, int], generator: torch.Generator | None
) -> tuple[Any, ...]:
    """An image cut out of its frame at a random place, or in the middle where it is tested."""
    del params
    path, number = entry
    with np.load(path) as arrays:
        image, label = torch.from_numpy(arrays["image"]), torch.from_numpy(arrays["label"])
    top, left = (
        (FRAME, FRAME)
        if generator is None
        else torch.randint(0, 2 * FRAME + 1, (2,), generator=generator).tolist()
    )
    window = slice(top, top + SHAPE[1]), slice(left, left + SHAPE[2])
    return image[:, *window], label[window] if label.ndim else label, {"number": number}


def subset(params: ToyDataParams, labels: torch.Tensor | None, seed: int) -> torch.Tensor:
    """Some of the training images, others for each seed."""
    del labels
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(params.count, generator=generator)[: params.subset]


def _said(classes: int = CLASSES, **more: Any) -> SimpleNamespace:
    said = {
        "Params": ToyDataParams,
        "REVISION": 1,
        "SPLITS": ("train", "valid", "test"),
        "image_shape": lambda params: SHAPE,
        "classes": lambda params: classes,
    }
    return SimpleNamespace(**said | more)


_MASKS = {"classes": 1 + CLASSES, "kind": "segmentation"}
PLUGINS = {
    "toy": _said(),
    "toy_subsets": _said(subset=subset),
    "toy_without_valid": _said(SPLITS=("train", "test")),
    "toy_masks": _said(**_MASKS),
    "toy_stream": _said(read=read),
    "toy_stream_subsets": _said(read=read, subset=subset),
    "toy_mask_stream": _said(read=read, **_MASKS),
}


def load_split(name: str, params: ToyDataParams, split: str) -> Split:
    """What `loading.load_split` gives of a built data set."""
    masks = PLUGINS[name].classes(params) > CLASSES
    data = (toy_masks if masks else toy_images)(params, split)
    if "stream" not in name:
        return data
    stream = _stream(data, split, "masks" if masks else "classes")
    return Stream(stream.entries, stream.labels, partial(read, params))
