"""What of a pack is done: trained as its param-file says now, and listed in its results.

Commands, tables and submitted packs all ask here. ``isotrope status`` asks the names in folders
first, and this only where they do not tell: it looks at thousands of packs at a time.
"""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from isotrope.files import regular
from isotrope.packs import summary


def trained(folder: Path, digest: str) -> dict[int, str]:
    """The seeds of a pack with their status; none if it is not trained, or was trained otherwise.

    Args:
        folder: the pack's.
        digest: the training digest of now, the user's files included.

    Raises:
        UserError: if its summary is damaged.
    """
    known = summary.read_if_there(folder)
    return known.status if known is not None and known.training_digest == digest else {}


def sound(status: Mapping[int, str], seeds: Iterable[int]) -> list[int]:
    """The seeds that can be evaluated: they are trained, and did not diverge."""
    return [seed for seed in seeds if status.get(seed, "diverged") != "diverged"]


def listed(results: Path) -> set[str]:
    """The evaluations that a table of results holds; its rows are checked when they are read."""
    try:
        with regular.open_text(results, newline="") as file:
            return {row.get("evaluation") or "" for row in csv.DictReader(file)}
    except (OSError, UnicodeDecodeError, csv.Error):
        return set()
