"""The commands that make data sets, and fetch what they are made from."""

from typing import Annotated

import typer

from isotrope.commands.arguments import DatasetName
from isotrope.console.printing import say
from isotrope.errors import UserError


def build(
    dataset: DatasetName,
    settings: Annotated[
        list[str] | None, typer.Argument(help="its settings, as in task=emoji source=embedded")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="the name of its files, as in emoji: settings as in the param-files"),
    ] = None,
) -> None:
    """Build a data set, with its manifest and its preview picture, under out/data/."""
    from isotrope.datasets.building import build_dataset
    from isotrope.digests import dataset_digest
    from isotrope.tasks import building

    if key is not None and settings:
        raise UserError(f"--key {key}: its settings are those of the param-files; name none")
    if key is not None:
        params = building.params_in_index(dataset, key)
    else:
        params = building.params_in_words(dataset, settings or [])
    manifest = build_dataset(dataset, params, dataset_digest(dataset, params))
    say(f"built {dataset}: {manifest}")


def download(
    dataset: DatasetName,
    file: Annotated[str, typer.Argument(help="a file of its sources, as in mnist.npz")],
) -> None:
    """Download a file that a data set is built from, and check it against its pinned checksum."""
    from isotrope.datasets import download as downloading

    say(f"{downloading.download(dataset, file)} is whole")


def pin(
    dataset: DatasetName,
    api: Annotated[
        str, typer.Option(envvar="ISOTROPE_ZENODO", help="where Zenodo's interface is")
    ] = "https://zenodo.org/api",
) -> None:
    """Ask Zenodo for sizes and checksums of a data set's files, and write them down."""
    from isotrope.datasets import pinning

    path, found = pinning.pin(dataset, api)
    for name, entry in found.files.items():
        say(f"{name}: {entry.size} bytes, md5 {entry.md5}")
    say(f"wrote {path}, version {found.version} of the record; commit it")
