"""Asking Zenodo for the sizes and checksums of a data set's files, to be committed."""

from pathlib import Path
from typing import Any

import requests

from isotrope import paths
from isotrope.datasets import download, sources
from isotrope.datasets.sources import PinnedFile
from isotrope.errors import UserError

ZENODO = "https://zenodo.org/api"
NOT_FOUND = 404


def pin(dataset: str, api: str = ZENODO) -> tuple[Path, sources.Sources]:
    """Write the sizes, checksums and urls of a data set's files, those of its newest version.

    Args:
        dataset: a data set that has sources.
        api: where Zenodo's interface is.

    Returns:
        The file that was written, and what is in it.

    Raises:
        UserError: if the files are from elsewhere, or Zenodo cannot be reached, does not know the
            record, or gives no checksums.
    """
    known = sources.read(dataset)
    if known.zenodo is None:
        raise UserError(
            f"{paths.sources(dataset)}: names no record of Zenodo; sizes and checksums of these "
            "files are written there by hand"
        )
    version: object = known.zenodo
    try:
        record = _newest(known.zenodo, api.rstrip("/"))
        version = int(record["id"])
        page = f"{api.rstrip('/').removesuffix('/api')}/records/{version}/files"
        files = {one["key"]: _pinned(one, f"{page}/{one['key']}") for one in record["files"]}
        pinned = {name: file.model_dump() for name, file in files.items()}
        said = {**known.model_dump(), "version": version, "files": pinned}
        found = sources.Sources.model_validate(said)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise UserError(
            f"{api}/records/{version}: gives no size and md5 of each file ({error}); compare with "
            f"the page of the record, and write {dataset}'s sources by hand"
        ) from error
    return sources.write(dataset, found), found


def _pinned(file: dict[str, Any], page: str) -> PinnedFile:
    kind, _, md5 = file["checksum"].partition(":")
    if kind != "md5":
        raise ValueError(f"{file['key']} has a checksum of kind {kind}")
    urls = dict.fromkeys([file["links"]["self"], f"{page}?download=1"])
    return PinnedFile(size=file["size"], md5=md5, urls=list(urls))


def _newest(number: int, api: str) -> dict[str, Any]:
    """The newest version of a record, which any of its versions or their common number names."""
    with download.session() as web:
        record = _ask(web, f"{api}/records/{number}")
        if record is None:  # some releases of Zenodo know the common number in searches only
            query = f"q=conceptrecid:{number}&sort=mostrecent&size=1"
            found = _ask(web, f"{api}/records?{query}") or {}
            hits = found.get("hits", {}).get("hits", [])
            if not hits:
                raise UserError(f"{api}: knows no record {number}; compare workflow/sources")
            record = hits[0]
        latest = record.get("links", {}).get("latest")
        return (_ask(web, latest) if latest else None) or record


def _ask(web: requests.Session, url: str) -> dict[str, Any] | None:
    """The JSON object at an address; None if there is nothing.

    Raises:
        UserError: if there is no answer, or another.
    """
    timeout = (download.CONNECT_SECONDS, download.READ_SECONDS)
    try:
        answer = web.get(url, headers={"Accept": "application/json"}, timeout=timeout)
        if answer.status_code == NOT_FOUND:
            return None
        answer.raise_for_status()
        found = answer.json()
    except requests.HTTPError as error:
        raise UserError(f"{url}: {error.response.status_code}; try again later") from error
    except requests.JSONDecodeError as error:
        raise UserError(f"{url}: answers no JSON; is there a login page before it?") from error
    except requests.RequestException as error:
        raise UserError(
            f"{url}: {download.reason(error)}; start again where there is a network"
        ) from error
    if not isinstance(found, dict):
        raise UserError(f"{url}: answers {type(found).__name__} where a record was expected")
    return found
