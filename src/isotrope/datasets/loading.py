"""Reading a split of a built data set back, after every check."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType

from torch import Tensor

from isotrope import paths, registry
from isotrope.datasets.images import VOID, Kind
from isotrope.datasets.manifest import read_manifest, rebuild, verify
from isotrope.datasets.names import dataset_key
from isotrope.datasets.own_faults import own_faults_said
from isotrope.datasets.stream import Split, Stream
from isotrope.errors import UserError
from isotrope.settings import Settings, build_settings


def load_split(name: str, params: Settings, split: str, out_folder: Path | None = None) -> Split:
    """A split of a built data set, after its files were compared with the manifest.

    Args:
        name: the plug-in.
        params: its settings.
        split: one of those that the plug-in has with these settings.
        out_folder: where the data set was built; ``out/data/<name>`` if left out.

    Raises:
        UserError: if the data set is not built, was built with other settings or by another
            revision of its plug-in, or a file is absent, cut short or altered.
        ValueError: if the split is unknown.
    """
    plugin, key = registry.load("data", name), dataset_key(params)
    splits = registry.splits(name, params)
    if split not in splits:
        raise ValueError(f"{name} has the splits {', '.join(splits)}, not '{split}'")
    path = (out_folder or paths.data_folder(name)) / paths.manifest(name, key).name
    manifest = read_manifest(path)
    changed = params.model_dump(mode="json", exclude_defaults=True)
    settings = {  # an option that came later, and stands at its default, is in no older manifest
        option: value
        for option, value in build_settings(params).items()
        if option in manifest.settings or option in changed
    }
    wanted = {"settings": settings, "revision": plugin.REVISION}
    for what, value in wanted.items():
        if (found := getattr(manifest, what)) != value:
            raise UserError(f"{path}: built with {what} {found}, now {value}; {rebuild(path)}")
    for file in manifest.files:
        verify(file, path)
    return read_split(plugin, params, path.parent, key, split)


def subsets(
    name: str, params: Settings, labels: Tensor | None, seeds: Sequence[int]
) -> dict[int, Tensor] | None:
    """For each seed the indices of the training images that it is trained on.

    Args:
        name: the plug-in.
        params: its settings.
        labels: of the split ``train``, on any device; None of masks that are not read yet.
        seeds: of the training.

    Returns:
        For each seed int64 ``(m,)``; None where all seeds are trained on all images.
    """
    plugin = registry.load("data", name)
    if not hasattr(plugin, "subset"):
        return None
    known = None if labels is None else labels.cpu()
    found = {seed: plugin.subset(params, known, seed) for seed in seeds}
    return None if any(chosen is None for chosen in found.values()) else found


def read_split(plugin: ModuleType, params: Settings, folder: Path, key: str, split: str) -> Split:
    """A split as the plug-in reads it, checked against what the plug-in says of itself.

    Raises:
        BrokenPluginError: if a data set of the user's own cannot be read, or is not as it says.
    """
    with own_faults_said(plugin, f"cannot be read, split {split}"):
        return _read_split(plugin, params, folder, key, split)


def _read_split(plugin: ModuleType, params: Settings, folder: Path, key: str, split: str) -> Split:
    data: Split = plugin.load(params, folder, key, split)
    kind, classes = kind_of(plugin), plugin.classes(params)
    if data.kind != kind:
        raise ValueError(f"{plugin.__name__}: its kind is {kind}, load gave labels of {data.kind}")
    if isinstance(data, Stream):
        if data.labels is not None:
            check_labels(data.labels, classes, kind, plugin.__name__)
        return replace(data, read=partial(plugin.read, params))
    found, expected = tuple(data.images.shape[1:]), shape_of_split(plugin, params, split)
    if found != expected:
        raise ValueError(f"{plugin.__name__}: image_shape is {expected}, load gave {found}")
    check_labels(data.labels, classes, kind, plugin.__name__)
    return data


def kind_of(plugin: ModuleType) -> Kind:
    """What the labels of a data set are."""
    kind: Kind = getattr(plugin, "kind", "classification")
    return kind


def shape_of_split(plugin: ModuleType, params: Settings, split: str) -> tuple[int, int, int]:
    """Channels, height and width of a split's images: those of training, or the split's own.

    A data set whose splits differ in size has ``image_shapes(params)``, which gives the shapes of
    those splits that are not as ``image_shape(params)`` says.
    """
    own: dict[str, tuple[int, int, int]] = {}
    if hasattr(plugin, "image_shapes"):
        own = plugin.image_shapes(params)
    shape: tuple[int, int, int] = own[split] if split in own else plugin.image_shape(params)
    return shape


def check_labels(labels: Tensor, classes: int, kind: Kind, source: str) -> None:
    """Compare labels with the number of classes.

    Raises:
        ValueError: if one is no class; pixels of a mask may be void, too.
    """
    counted = labels[labels != VOID] if kind == "segmentation" else labels
    if counted.numel() and not 0 <= int(counted.min()) <= int(counted.max()) < classes:
        void = f" and not {VOID}" if kind == "segmentation" else ""
        found = f"{int(counted.min())}..{int(counted.max())}"
        raise ValueError(f"{source}: load gave labels outside 0..{classes - 1}{void}, got {found}")
