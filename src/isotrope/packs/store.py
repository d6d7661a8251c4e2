"""Finished seeds on disk, shared by all packs: a seed is trained once.

A seed is a folder ``<seed>-<training digest>``: ``weights.safetensors`` (the epoch that is kept),
``history.csv``, ``recordings.npz`` if the network recorded anything, and ``seed.json``, which also
holds the size and SHA-256 of the others, and a checksum of its own content. One that was written
before it had that must agree with the history.
The folder is written under another name and renamed, so that it exists whole or not at all.
"""

import csv
import io
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
from safetensors.torch import load as read_tensors
from safetensors.torch import save as tensor_bytes
from torch import Tensor

from isotrope.errors import UserError
from isotrope.files import disk, json_files, regular
from isotrope.files.arrays import Array, read_arrays, write_arrays
from isotrope.packs import entries
from isotrope.packs.summary import HISTORY, SEED, WEIGHTS

RECORDINGS = "recordings.npz"
HISTORY_COLUMNS = (  # of a seed without an epoch
    *("seed", "epoch", "train_loss", "train_accuracy"),
    *("validation_loss", "validation_accuracy", "train_seconds"),
)


@dataclass(frozen=True)
class FinishedSeed:
    """A trained seed.

    Args:
        summary: the content of ``seed.json``.
        weights: every parameter and buffer by its name, on the CPU.
        history: the text of ``history.csv``, with its header.
        recordings: what the network recorded while it was trained, by name.
    """

    summary: dict[str, Any]
    weights: dict[str, Tensor]
    history: str
    recordings: dict[str, Array] = field(default_factory=dict)


def history_text(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows of epochs as CSV; reading the numbers gives back the same floats.

    The columns are those of all rows; the last of them is the time.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row)) or list(HISTORY_COLUMNS)
    columns.append(columns.pop(columns.index("train_seconds")))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="nan", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def joined_history(histories: Iterable[str]) -> str:
    """The histories of several seeds as one."""
    rows = [row for history in histories for row in csv.DictReader(io.StringIO(history))]
    return history_text(rows)


def json_text(content: Mapping[str, Any]) -> str:
    """A JSON file's text, for people and programs alike."""
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def weights_bytes(weights: dict[str, Tensor], metadata: Mapping[str, Any]) -> bytes:
    """A safetensors file's bytes, the same for the same tensors.

    Args:
        weights: contiguous tensors that share no memory.
        metadata: what the file says of itself. It is stored as JSON under the one key
            ``isotrope``, since safetensors writes several keys in a random order.
    """
    return tensor_bytes(weights, {"isotrope": json.dumps(metadata)})


def holds(folder: Path) -> bool:
    """Whether a seed is finished. Whether its files are sound, ``load`` says."""
    return (folder / SEED).is_file()


def origin(folder: Path) -> str | None:
    """Where a finished seed comes from; None if it was trained here, is absent or is damaged."""
    try:
        return json_files.parse_object(regular.read_bytes(folder / SEED)).get("origin")
    except (OSError, ValueError):
        return None


def save(
    folder: Path,
    weights: Mapping[str, Tensor],
    history: Sequence[Mapping[str, object]],
    summary: dict[str, Any],
    recordings: Mapping[str, Array] | None = None,
) -> None:
    """Write a finished seed and read it again.

    A folder that another job finished in the meantime is kept: it holds the same.

    Raises:
        UserError: if the files cannot be written; then the folder does not exist.
    """
    packed = {name: value.detach().cpu().contiguous().clone() for name, value in weights.items()}
    keep(folder, FinishedSeed(summary, packed, history_text(history), dict(recordings or {})))


def keep(folder: Path, seed: FinishedSeed) -> None:
    """Write a finished seed that was read elsewhere, and read it again.

    Raises:
        UserError: as ``save``.
    """
    summary = seed.summary
    metadata = {"seed": summary["seed"], "training_digest": summary["training_digest"]}
    contents = {
        WEIGHTS: weights_bytes(seed.weights, metadata),
        HISTORY: seed.history.encode(),
    }
    sums = {name: disk.checksum(content) for name, content in contents.items()}
    part = disk.part_of(folder)
    try:
        with disk.named_errors(folder, "written"):
            part.mkdir(parents=True)
            if seed.recordings:
                write_arrays(part / RECORDINGS, sorted(seed.recordings.items()))
                sums[RECORDINGS] = disk.checksum(regular.read_bytes(part / RECORDINGS))
            sealed = json_files.sealed({**summary, "files": sums})
            contents[SEED] = json_text(sealed).encode()
            for name, content in contents.items():
                disk.write_synced(part / name, content)
            disk.sync_folder(part)
            disk.ask_guard()
            _rename(part, folder)
            disk.sync_folder(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    load(folder, int(summary["seed"]), str(summary["training_digest"]))


def _rename(part: Path, folder: Path) -> None:
    """Give a whole folder its name, unless a whole one has it already."""
    if holds(folder):
        return
    shutil.rmtree(folder, ignore_errors=True)  # without seed.json it is unfinished
    try:
        part.rename(folder)
    except OSError:
        if not holds(folder):  # else another job was faster
            raise


def load(folder: Path, seed: int, digest: str, remedy: str | None = None) -> FinishedSeed:
    """Read a finished seed and check that it is whole and the one that is meant.

    Args:
        folder: where it lies.
        seed: its number.
        digest: its training digest.
        remedy: what mends a damaged one, as the end of an error's sentence, if not training it.

    Raises:
        UserError: if a file is absent, truncated, altered, or of another seed or training.
    """
    remedy = remedy or f"delete {folder} and start again to train the seed anew"
    path = folder / SEED
    try:
        summary = json_files.parse_object(regular.read_bytes(path))
        is_sealed = json_files.is_sealed(summary)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"{path} is missing; {remedy}") from error
    except (OSError, ValueError) as error:
        raise _altered(path, str(error), remedy) from error
    if mistake := next(entries.seed_mistakes(summary), None):
        raise _altered(path, mistake, remedy)
    if absent := [key for key in ("files", "training_digest") if key not in summary]:
        raise _altered(path, f"no {absent[0]}", remedy)
    sums, found = summary["files"], (summary["seed"], summary["training_digest"])
    if found != (seed, digest):
        raise UserError(
            f"{path} is of seed {found[0]} with training digest {found[1]}, not of seed {seed} "
            f"with {digest}; {remedy}"
        )
    weights = disk.read_checked(folder / WEIGHTS, sums.get(WEIGHTS), remedy)
    history = disk.read_checked(folder / HISTORY, sums.get(HISTORY), remedy)
    if not is_sealed:  # written before there were checksums of it
        text = history.decode(errors="replace")
        if mistake := next(entries.history_contradictions(summary, text), None):
            raise _altered(path, mistake, remedy)
    recordings = {}
    if RECORDINGS in sums:
        disk.read_checked(folder / RECORDINGS, sums[RECORDINGS], remedy)
        recordings = read_arrays(folder / RECORDINGS, remedy)
    tensors = parse_weights(weights, folder / WEIGHTS, remedy)
    return FinishedSeed(summary, tensors, history.decode(), recordings)


def _altered(path: Path, reason: str, remedy: str) -> UserError:
    return UserError(f"{path} is truncated or altered ({reason}); {remedy}")


def parse_weights(content: bytes, path: Path, remedy: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        UserError: if the bytes are none.
    """
    try:
        return read_tensors(content)
    except safetensors.SafetensorError as error:
        raise UserError(f"{path} is truncated or altered ({error}); {remedy}") from error
