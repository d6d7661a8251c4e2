"""What ``run.json`` and ``seed.json`` may hold, and what other files say of it.

Files that were written before they had checksums are told from altered ones by what stands twice:
the entry of a seed in ``run.json`` and in ``seed.json``, its epochs in both and in ``history.csv``,
the settings of model and data set by themselves and among all settings. Needs no torch.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

STATUSES = ("done", "diverged", "collapsed")
BEST = "best_validation_"  # before the name of a score, in the entry of a seed
FRACTIONS = ("best_validation_accuracy", "best_validation_mean_iou")
_MOST = 60  # characters of a wrong value that are shown

Check = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_amount(value: Any) -> bool:
    return value is None or (_is_number(value) and value >= 0)


def _is_sums(value: Any) -> bool:
    """Whether it is the checksum of each of some files."""
    return isinstance(value, dict) and all(
        isinstance(one, dict) and _is_count(one.get("size")) and _is_text(one.get("sha256"))
        for one in value.values()
    )


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_block(value: Any) -> bool:
    """Whether it is the name of a plug-in with its settings."""
    return _is_object(value) and _is_text(value.get("name")) and _is_object(value.get("params", {}))


def _is_shape(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(_is_count(n) and n for n in value)


def _is_score(key: str, value: Any) -> bool:
    return _is_number(value) and (key not in FRACTIONS or 0 <= value <= 1)


_OF_SEED: Mapping[str, Check] = {
    "seed": _is_count,
    "epochs": _is_count,
    "best_epoch": lambda value: value is None or _is_count(value),
    **dict.fromkeys(
        ("seconds", "seconds_per_epoch_last", "seconds_per_epoch_mean", "peak_memory_mb"),
        _is_amount,
    ),
    **dict.fromkeys(("device", "origin", "training_digest", "started", "finished"), _is_text),
    "files": _is_sums,
}
_OF_PACK: Mapping[str, Check] = {
    **dict.fromkeys(("run", "point", "pack", "training_digest", "device"), _is_text),
    **dict.fromkeys(("model", "dataset"), _is_block),
    "image_shape": _is_shape,
    "classes": _is_count,
    "parameters": lambda value: value is None or _is_count(value),
    "settings": _is_object,
    "versions": _is_object,
    "git_commit": lambda value: value is None or _is_text(value),
    "files": _is_sums,
    **dict.fromkeys(("seconds", "peak_memory_mb"), _is_amount),
}


def seed_mistakes(entry: Any) -> Iterator[str]:
    """What in the entry of a seed cannot be, as ``epochs is 'many'``."""
    if not isinstance(entry, dict):
        yield f"a seed is {_shown(entry)}"
        return
    if "seed" not in entry:
        yield "no seed"
    elif entry.get("status", STATUSES[0]) not in STATUSES:
        of_seed = f"seed {_shown(entry['seed'])} has status {_shown(entry['status'])}"
        yield f"{of_seed}, not {', '.join(STATUSES)}"
    yield from _wrong(_OF_SEED, entry)
    for key, value in entry.items():
        if key.startswith(BEST) and value is not None and not _is_score(key, value):
            yield f"{key} is {_shown(value)}"


def pack_mistakes(content: Mapping[str, Any]) -> Iterator[str]:
    """What in ``run.json`` cannot be, its seeds included."""
    if "training_digest" not in content:
        yield "no training_digest"
    yield from _wrong(_OF_PACK, content)
    seeds = content.get("seeds")
    if not isinstance(seeds, list):
        yield "no seeds" if seeds is None else f"seeds is {_shown(seeds)}"
        return
    for entry in seeds:
        yield from seed_mistakes(entry)
        if isinstance(entry, dict) and "status" not in entry:
            yield "no status"
    numbers = [entry.get("seed") for entry in seeds if isinstance(entry, dict)]
    if twice := [n for i, n in enumerate(numbers) if n in numbers[:i]]:
        yield f"seed {_shown(twice[0])} stands in it twice"


def contradictions(content: Mapping[str, Any]) -> Iterator[str]:
    """What in a ``run.json`` without a checksum does not agree with its settings."""
    settings = content.get("settings", {})
    for block in ("model", "dataset"):
        own, also = content.get(block), settings.get(block)
        if own is None or also is None:
            continue
        if not isinstance(also, dict):
            yield f"settings.{block} is {_shown(also)}"
            continue
        said = {"name": own["name"], **own.get("params", {})}
        for key in sorted(said.keys() | also.keys()):
            if said.get(key) != also.get(key):
                now, then = _shown(said.get(key)), _shown(also.get(key))
                yield f"{block}.{key} is {now}, in its settings {then}"


def history_contradictions(entry: Mapping[str, Any], history: str) -> Iterator[str]:
    """What in the entry of a seed does not follow from the epochs of its ``history.csv``.

    Args:
        entry: of the seed, whose values are of the right kinds.
        history: the text of the file, whose checksum was compared.
    """
    rows = list(csv.DictReader(io.StringIO(history)))
    if entry.get("epochs", len(rows)) != len(rows):
        yield f"epochs is {entry['epochs']}, its history has {len(rows)}"
        return
    if not rows:
        return
    best = entry.get("best_epoch") or 0
    if best > len(rows):
        yield f"best_epoch is {best}, its history has {len(rows)}"
        return
    kept = rows[best - 1] if best else {}
    for key, value in entry.items():
        known = kept.get(key.removeprefix("best_")) if key.startswith(BEST) else None
        if known and value is not None and float(known) != value:
            yield f"{key} is {value}, its history has {known}"
    seconds = [float(row["train_seconds"]) for row in rows]
    last, mean = entry.get("seconds_per_epoch_last"), entry.get("seconds_per_epoch_mean")
    if last is not None and last != seconds[-1]:
        yield f"seconds_per_epoch_last is {last}, its history has {seconds[-1]}"
    if mean is not None and abs(mean * len(seconds) - sum(seconds)) > 1e-6 * sum(seconds):
        yield f"seconds_per_epoch_mean is {mean}, its history has {sum(seconds) / len(seconds)}"


def _wrong(checks: Mapping[str, Check], content: Mapping[str, Any]) -> Iterator[str]:
    for key, check in checks.items():
        if key in content and not check(content[key]):
            yield f"{key} is {_shown(content[key])}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MOST else f"{text[:_MOST]}..."
