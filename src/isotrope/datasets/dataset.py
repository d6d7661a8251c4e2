"""Data sets on disk: building one and reading a split of it back.

A built data set is ``<key>.manifest.json`` and the picture ``<key>.png`` under ``out/data/<name>``,
with the files that its plug-in makes, or the user's own under ``$ISOTROPE_DATA``, which are listed
and never copied. All is made in a hidden folder and renamed into place, the manifest last: what a
killed build leaves behind never passes for a data set.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from isotrope import __version__, paths, registry
from isotrope.datasets.contact_sheet import save_contact_sheet
from isotrope.datasets.manifest import Manifest, describe, read_manifest, rebuild, verify
from isotrope.datasets.names import dataset_key
from isotrope.errors import UserError
from isotrope.settings import Settings, build_settings

_PACKAGES = ("numpy", "pillow", "torch")  # whose versions every manifest records


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


def _load(plugin: ModuleType, params: Settings, folder: Path, key: str, split: str) -> Images:
    """A split as the plug-in reads it, checked against what the plug-in says of itself."""
    data: Images = plugin.load(params, folder, key, split)
    found, expected = tuple(data.images.shape[1:]), plugin.image_shape(params)
    if found != expected:
        raise ValueError(f"{plugin.__name__}: image_shape is {expected}, load gave {found}")
    classes = plugin.classes(params)
    if len(data) and not 0 <= int(data.labels.min()) <= int(data.labels.max()) < classes:
        raise ValueError(f"{plugin.__name__}: load gave labels outside 0..{classes - 1}")
    return data


@contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    """Tell the user of a disk that is full, of a folder that is read-only or cannot be made."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{error.filename or folder}: cannot be written ({error.strerror or error}); "
            f"make {folder} a folder with free space that you may write to, and build again"
        ) from error


def _fill(scratch: Path, name: str, params: Settings, digest: str) -> Manifest:
    """Make the files of a data set, its picture and its manifest in an empty folder."""
    plugin, key = registry.load("data", name), dataset_key(params)
    files = [describe(path, scratch) for path in plugin.build(params, scratch, key)]
    split: str = plugin.SPLITS[-1]
    data = _load(plugin, params, scratch, key, split)
    title = f"{name} {key}: some of {len(data)} images of split {split}"
    save_contact_sheet(data, title, scratch / paths.preview(name, key).name)
    packages = (*_PACKAGES, *getattr(plugin, "PACKAGES", ()))
    manifest = Manifest(
        dataset=name,
        settings=build_settings(params),
        revision=plugin.REVISION,
        digest=digest,
        files=files,
        image_shape=plugin.image_shape(params),
        classes=plugin.classes(params),
        images=plugin.image_counts(params),
        versions={"isotrope": __version__} | {one: metadata.version(one) for one in packages},
    )
    text = manifest.model_dump_json(indent=2) + "\n"
    (scratch / paths.manifest(name, key).name).write_text(text, encoding="utf-8")
    return manifest


def build_dataset(name: str, params: Settings, digest: str, out_folder: Path | None = None) -> Path:
    """Build a data set and write its picture and, last, its manifest.

    Args:
        name: the plug-in.
        params: its settings; load-time ones change nothing that is built.
        digest: what the manifest records as the digest of the build-time settings.
        out_folder: where the files go; ``out/data/<name>`` if left out.

    Returns:
        The path of the manifest.

    Raises:
        UserError: if a file of the user's is absent or unfit, or the folder cannot be written.
    """
    key, folder = dataset_key(params), out_folder or paths.data_folder(name)
    goal = folder / paths.manifest(name, key).name
    with _writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{key}.", dir=folder) as hidden:
            scratch = Path(hidden)
            manifest = _fill(scratch, name, params, digest)
            goal.unlink(missing_ok=True)  # it lists the files that are now replaced
            made = [file.path for file in manifest.files if file.root == "folder"]
            for path in (*made, paths.preview(name, key).name, goal.name):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (scratch / path).replace(folder / path)
    return goal


def load_split(name: str, params: Settings, split: str, out_folder: Path | None = None) -> Images:
    """A split of a built data set, after its files were compared with the manifest.

    Args:
        name: the plug-in.
        params: its settings.
        split: one of the plug-in's ``SPLITS``.
        out_folder: where the data set was built; ``out/data/<name>`` if left out.

    Raises:
        UserError: if the data set is not built, was built with other settings or by another
            revision of its plug-in, or a file is absent, cut short or altered.
        ValueError: if the split is unknown.
    """
    plugin, key = registry.load("data", name), dataset_key(params)
    if split not in plugin.SPLITS:
        raise ValueError(f"{name} has the splits {', '.join(plugin.SPLITS)}, not '{split}'")
    path = (out_folder or paths.data_folder(name)) / paths.manifest(name, key).name
    manifest = read_manifest(path)
    wanted = {"settings": build_settings(params), "revision": plugin.REVISION}
    for what, value in wanted.items():
        if (found := getattr(manifest, what)) != value:
            raise UserError(f"{path}: built with {what} {found}, now {value}; {rebuild(path)}")
    for file in manifest.files:
        verify(file, path)
    return _load(plugin, params, path.parent, key, split)
