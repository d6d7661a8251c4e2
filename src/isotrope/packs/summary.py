"""``run.json`` of a pack: what was trained, with what, and how its seeds ended.

It is read here and nowhere else, with one set of errors. Needs no torch.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from isotrope.errors import UserError
from isotrope.files import json_files, regular
from isotrope.packs import entries
from isotrope.packs.entries import BEST

WEIGHTS, HISTORY, RUN = OUTPUTS = ("weights.safetensors", "history.csv", "run.json")
RESULTS = "results.csv"
SEED = "seed.json"  # of a finished seed
KEPT_WEIGHT = "weight/"  # in recordings, before the name of a parameter or buffer
AGAIN = "delete it and run `snakemake runs`: finished seeds are not trained again"
_DIGEST = re.compile(rb'"training_digest": "([0-9a-f]+)"')
_HEAD = 2048  # bytes of a run.json that hold its digest


class BestScore(NamedTuple):
    """What a seed reached on the validation images.

    Args:
        name: of the score: ``accuracy``, or what the labels of the data set are judged by.
        value: in the epoch whose weights are kept.
    """

    name: str
    value: float


def best_score(seed: Mapping[str, Any]) -> BestScore | None:
    """The score in the entry of a seed; None if nothing was validated, or no epoch went well."""
    for key, value in seed.items():
        name = key.removeprefix(BEST)
        if name not in (key, "loss") and value is not None:
            return BestScore(name, float(value))
    return None


@dataclass(frozen=True)
class Summary:
    """What ``run.json`` says.

    Args:
        path: the file.
        training_digest: what its seeds were trained with.
        seeds: the entry of each seed, by its number.
        content: everything.
        is_sealed: whether its checksum was compared; older files have none.
    """

    path: Path
    training_digest: str
    seeds: Mapping[int, Mapping[str, Any]]
    content: Mapping[str, Any]
    is_sealed: bool = False

    @property
    def status(self) -> dict[int, str]:
        """How each seed ended: one of `entries.STATUSES`."""
        return {seed: str(known["status"]) for seed, known in self.seeds.items()}

    def part(self, key: str) -> Any:
        """One of the entries.

        Raises:
            UserError: if there is none of that name.
        """
        if key not in self.content:
            raise _damaged(self.path, f"no {key}")
        return self.content[key]

    def check_training(self, digest: str, run: str) -> None:
        """Refuse a pack that was trained otherwise than its param-file says now.

        Args:
            digest: the training digest of now, the user's files included.
            run: the run's name.

        Raises:
            UserError: if the digests differ.
        """
        if self.training_digest != digest:
            raise UserError(
                f"{self.path} was trained with settings of digest {self.training_digest}, the "
                f"param-file of {run} now has {digest}; run `snakemake runs` to retrain, or "
                "restore the param-file"
            )

    def check_seeds(self, wanted: Sequence[int]) -> None:
        """Refuse a pack that lacks a seed.

        Raises:
            UserError: if it does.
        """
        if absent := [seed for seed in wanted if seed not in self.seeds]:
            listed = ", ".join(str(seed) for seed in absent)
            held = ", ".join(str(seed) for seed in self.seeds)
            raise UserError(
                f"{self.path} holds no seed {listed}; it holds {held}; run `snakemake runs` to "
                "train it, if it is among the `seeds` of the param-file"
            )


def read(folder: Path) -> Summary:
    """The summary of a pack.

    Raises:
        UserError: if it is absent, truncated or altered.
    """
    path = folder / RUN
    try:
        content = regular.read_text(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        packs = sorted([*folder.glob("seeds-*"), *folder.glob("*/seeds-*")])
        remedy = (
            f"name a pack, as in {packs[0]}" if packs else "run `snakemake runs` to train its seeds"
        )
        raise UserError(f"{path} is not there; {remedy}") from error
    except UnicodeDecodeError as error:
        raise _damaged(path, str(error)) from error
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); {AGAIN}") from error
    return _parsed(path, content)


def read_if_there(folder: Path) -> Summary | None:
    """The summary of a pack; None if it is not trained.

    Raises:
        UserError: if it is truncated or altered.
    """
    return read(folder) if (folder / RUN).exists() else None


def glance(folder: Path) -> Summary | None:
    """The summary of a pack; None if it is absent or damaged, or another process writes it."""
    try:
        return read(folder)
    except (OSError, UserError):
        return None


def digest_at_a_glance(folder: Path) -> str | None:
    """The training digest of a pack from the first bytes of its summary.

    None if it is not there, or vanishes meanwhile; an empty text if it is damaged.
    """
    try:
        with regular.open_bytes(folder / RUN) as file:
            found = _DIGEST.search(file.read(_HEAD))
    except OSError:
        return None
    return found[1].decode() if found else ""


def _parsed(path: Path, text: str) -> Summary:
    try:
        content = json_files.parse_object(text)
        is_sealed = json_files.is_sealed(content)
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    if mistake := next(entries.pack_mistakes(content), None):
        raise _damaged(path, mistake)
    if not is_sealed:
        if any(json_files.CHECKSUM in entry for entry in content["seeds"]):
            raise _damaged(path, "no checksum of it, though of its seeds")
        if mistake := next(entries.contradictions(content), None):
            raise _damaged(path, mistake)
    seeds = {entry["seed"]: entry for entry in content["seeds"]}
    return Summary(path, content["training_digest"], seeds, content, is_sealed)


def _damaged(path: Path, reason: str) -> UserError:
    return UserError(f"{path} is truncated or altered ({reason}); {AGAIN}")
