"""Building a data set: its files, its picture and its manifest.

A built data set is ``<key>.manifest.json`` and the picture ``<key>.png`` under ``out/data/<name>``,
with the files that its plug-in makes, or the user's own under ``$ISOTROPE_DATA``, which are listed
and never copied. All is made in a hidden folder and renamed into place, the manifest last: what a
killed build leaves behind never passes for a data set.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from types import ModuleType

from isotrope import __version__, paths, registry
from isotrope.datasets.contact_sheet import Preview, save_contact_sheet
from isotrope.datasets.loading import read_split
from isotrope.datasets.manifest import Manifest, describe, write_manifest
from isotrope.datasets.names import dataset_key
from isotrope.datasets.own_faults import is_users, own_faults_said
from isotrope.errors import UserError
from isotrope.settings import Settings, build_settings

_PACKAGES = ("numpy", "pillow", "torch")  # whose versions every manifest records


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
    with own_faults_said(plugin, "cannot be built"):
        files = [describe(path, scratch) for path in plugin.build(params, scratch, key)]
        if not files:
            raise ValueError("build wrote no file; it must return the paths of those that it wrote")
    split: str = plugin.SPLITS[-1]
    data = read_split(plugin, params, scratch, key, split)
    if is_users(plugin):
        with own_faults_said(plugin, f"cannot be read, split {split}"):
            data[:1]  # a stream reads its first image
        with own_faults_said(plugin, "is not as it says"):
            _compare_counts(plugin, params, scratch, key)
    title = f"{name} {key}: some of {len(data)} images of split {split}"
    preview = Preview(*getattr(plugin, "PREVIEW", ()))
    if hasattr(plugin, "credit"):
        preview = preview._replace(credit=plugin.credit(params))
    save_contact_sheet(data, title, scratch / paths.preview(name, key).name, preview)
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
    write_manifest(manifest, scratch / paths.manifest(name, key).name)
    return manifest


def _compare_counts(plugin: ModuleType, params: Settings, folder: Path, key: str) -> None:
    """Compare the numbers of images that a data set says with those that it loads.

    Load-time settings may choose some of what was built, which is not looked at then.

    Raises:
        ValueError: if a split has no number, or another.
    """
    said: dict[str, int] = plugin.image_counts(params)
    splits = registry.splits(plugin.__name__.rpartition(".")[2], params)
    if missing := [split for split in splits if split not in said]:
        raise ValueError(f"image_counts has no number for the split {missing[0]}")
    if build_settings(params).keys() != type(params).model_fields.keys():
        return
    for split in splits:
        found = len(read_split(plugin, params, folder, key, split))
        if found != said[split]:
            raise ValueError(f"image_counts says {said[split]} of {split}, load gives {found}")
