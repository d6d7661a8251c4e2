"""Reading a split of a built data set back, after every check."""

from pathlib import Path
from types import ModuleType

from isotrope import paths, registry
from isotrope.datasets.images import Images
from isotrope.datasets.manifest import read_manifest, rebuild, verify
from isotrope.datasets.names import dataset_key
from isotrope.errors import UserError
from isotrope.settings import Settings, build_settings


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
    return read_split(plugin, params, path.parent, key, split)


def read_split(plugin: ModuleType, params: Settings, folder: Path, key: str, split: str) -> Images:
    """A split as the plug-in reads it, checked against what the plug-in says of itself."""
    data: Images = plugin.load(params, folder, key, split)
    found, expected = tuple(data.images.shape[1:]), plugin.image_shape(params)
    if found != expected:
        raise ValueError(f"{plugin.__name__}: image_shape is {expected}, load gave {found}")
    classes = plugin.classes(params)
    if len(data) and not 0 <= int(data.labels.min()) <= int(data.labels.max()) < classes:
        raise ValueError(f"{plugin.__name__}: load gave labels outside 0..{classes - 1}")
    return data
