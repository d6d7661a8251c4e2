"""Fetching a pinned file: mirrors in order, resumed where it broke off, checked before it counts.

What is not whole lies beside its goal under the name ``.<file>.part``, also after a failure, and
the next attempt goes on there. A file whose size or md5 is wrong is deleted, and the next url is
tried.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from isotrope import paths
from isotrope.console.terminal import Transfer, transfer
from isotrope.datasets import sources
from isotrope.datasets.sources import PinnedFile
from isotrope.errors import UserError
from isotrope.files import regular
from isotrope.files.disk import named_errors

CONNECT_SECONDS, READ_SECONDS = 10.0, 60.0  # that a server may say nothing
RETRIES = 3  # of a request that a busy server refuses
BACKOFF_SECONDS = 0.5  # before the second retry, doubled for each more
BUSY = (429, 500, 502, 503, 504)
CHUNK = 1 << 16  # bytes; as much may be lost when a connection breaks
PARTIAL, BEYOND_THE_END = 206, 416


@contextmanager
def session() -> Iterator[requests.Session]:
    """A connection that asks a busy server again, a few times and ever more slowly."""
    retry = Retry(
        total=RETRIES,
        connect=0,
        read=0,
        status_forcelist=BUSY,
        backoff_factor=BACKOFF_SECONDS,
        raise_on_status=False,
    )
    with requests.Session() as opened:
        for scheme in ("http://", "https://"):
            opened.mount(scheme, HTTPAdapter(max_retries=retry))
        yield opened


def download(dataset: str, file: str) -> Path:
    """Fetch a file of a data set, unless it is there.

    Returns:
        Where it lies.

    Raises:
        UserError: if it is not pinned, cannot be had from any url, or cannot be written.
    """
    entry, path = sources.pinned(dataset, file), paths.download(dataset, file)
    with named_errors(path, "written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and not sources.difference(path, entry):
            return path
        part = path.with_name(f".{path.name}.part")
        with suppress(FileNotFoundError):
            regular.open_bytes(part).close()  # writing would wait at a named pipe
        with session() as web, transfer(file, entry.size) as bar:
            failures = []
            for url in entry.urls:
                failure = _try(web, url, part, entry, bar)
                if not failure:
                    part.replace(path)
                    return path
                failures.append(f"{url}: {failure}")
    raise UserError(
        f"{path}: could not be downloaded ({'; '.join(failures)}); start again where there is a "
        f"network, or put the file there by hand: {entry.size} bytes, md5 {entry.md5}"
    )


def _try(web: requests.Session, url: str, part: Path, entry: PinnedFile, bar: Transfer) -> str:
    """Fetch the rest of a file, or all of it where that is not what it should be.

    Returns:
        Why it failed, in words; empty if the part is now the whole and right file.
    """
    goes_on = part.is_file()
    while True:
        failure = _fetch(web, url, part, entry.size, bar)
        if failure:
            return failure
        if not (wrong := sources.difference(part, entry)):
            return ""
        part.unlink()
        if not goes_on:
            return f"not the file that is wanted: {wrong}"
        goes_on = False  # its beginning was another's


def _fetch(web: requests.Session, url: str, part: Path, size: int, bar: Transfer) -> str:
    """Bring a part to its full size, however often the connection breaks as long as it grows.

    Returns:
        Why it did not get there, in words; empty if it did.
    """
    while True:
        before = part.stat().st_size if part.is_file() else 0
        if before >= size:
            return ""
        try:
            failure = _append(web, url, part, before, size, bar)
        except requests.RequestException as error:
            failure = reason(error)
        after = part.stat().st_size if part.is_file() else 0
        if after >= size:
            return ""
        if after <= before:
            return failure or f"ends after {after} of {size} bytes"


def _append(
    web: requests.Session, url: str, part: Path, start: int, size: int, bar: Transfer
) -> str:
    """One request for what is behind ``start``; why it was refused, in words."""
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    timeout = (CONNECT_SECONDS, READ_SECONDS)
    with web.get(url, headers=headers, timeout=timeout, stream=True) as answer:
        if answer.status_code == BEYOND_THE_END:
            part.unlink()
            return f"ends before byte {start}"
        if not answer.ok:
            return f"{answer.status_code} {answer.reason}"
        begins = answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        goes_on = answer.status_code == PARTIAL and begins
        with part.open("ab" if goes_on else "wb") as file:
            done = start if goes_on else 0
            for chunk in answer.iter_content(CHUNK):
                file.write(chunk)
                done += len(chunk)
                bar.at(done)
                if done > size:
                    return ""  # more than the file has: its size will tell
    return ""


def reason(error: requests.RequestException) -> str:
    """What went wrong with a connection, in a few words."""
    kinds = {
        requests.exceptions.ProxyError: "the proxy refuses",
        requests.exceptions.SSLError: "the certificate is not trusted",
        requests.exceptions.ConnectTimeout: "no connection",
        requests.exceptions.ReadTimeout: "the server says nothing",
        requests.exceptions.ChunkedEncodingError: "the connection broke",
        requests.exceptions.ConnectionError: "no connection",
        requests.exceptions.TooManyRedirects: "too many redirects",
        requests.exceptions.InvalidURL: "no valid url",
        requests.exceptions.InvalidSchema: "no valid url",
    }
    words = (what for kind, what in kinds.items() if isinstance(error, kind))
    return next(words, type(error).__name__)
