"""What there is to track of a trained seed, read from the files of its pack."""

import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

import yaml

from isotrope import paths
from isotrope.errors import UserError
from isotrope.files import disk
from isotrope.files.tables import RESULT_COLUMNS
from isotrope.packs import summary
from isotrope.packs.entries import BEST
from isotrope.packs.summary import AGAIN, HISTORY, RESULTS, RUN, WEIGHTS
from isotrope.plan.index import Index
from isotrope.results import choice
from isotrope.results.finished import finished_packs
from isotrope.results.tables import CollectedPack, Row, Scalar, pack_rows, seed_rows

BY_EPOCH, AT_THE_END = "by epoch", "at the end"  # parts of a seed; the others are evaluations
_AT_THE_END = (
    *("epochs", "best_epoch"),
    *("seconds", "seconds_per_epoch_mean", "seconds_per_epoch_last", "peak_memory_mb"),
)


@dataclass(frozen=True)
class Value:
    """A number that was measured.

    Args:
        name: what was measured; of letters, digits and ``_ - . : /`` and blanks.
        value: the number, NaN and infinities included.
        step: the epoch, or the one whole-number setting that an evaluation varies; else 0.
        time: seconds since 1970.
    """

    name: str
    value: float
    step: int
    time: float


@dataclass(frozen=True)
class TrackedSeed:
    """A trained seed.

    Args:
        run: the run's name, ``<model>/<dataset>/<variant>``.
        point: the point of its sweep, ``base`` without one.
        seed: its number.
        digest: its training digest.
        group: the study, or its demo.
        status: ``done``, ``diverged`` or ``collapsed``.
        started: when its training began, in seconds since 1970.
        finished: when its training ended.
        parameters: its settings by dotted keys, as the table of runs has them; None are left out.
        facts: what else is known of it, in words.
        values: what was measured ``by epoch`` and ``at the end`` of training, and under the name of
            each evaluation.
        documents: small files by their names.
        weights: the file of its best weights.
    """

    run: str
    point: str
    seed: int
    digest: str
    group: str
    status: str
    started: float
    finished: float
    parameters: Mapping[str, Scalar]
    facts: Mapping[str, str]
    values: Mapping[str, Sequence[Value]]
    documents: Mapping[str, str]
    weights: Path

    @property
    def evaluations(self) -> list[str]:
        """The names under which it was evaluated."""
        return [part for part in self.values if part not in (BY_EPOCH, AT_THE_END)]


def packs_of(known: Index, name: str) -> list[CollectedPack]:
    """The packs of a run that are trained as its param-file says now, each seed of a point once.

    Of a run that chooses a point these are the candidates' packs, too; the seeds of the chosen one
    are taken from where they are evaluated.

    Raises:
        UserError: if a summary of a pack is damaged.
    """
    run = known.runs[name]
    made = choice.current(known, name)
    found = [
        pack for point in run.evaluated for pack in finished_packs(known, name, run, point, made)
    ]
    if run.select:
        taken = {(pack.point, seed) for pack in found for seed in pack.seeds}
        for point in run.points:
            for pack in finished_packs(known, name, run, point, None):
                left = tuple(seed for seed in pack.seeds if (point, seed) not in taken)
                found += [replace(pack, seeds=left)] if left else []
    return found


def read_pack(pack: CollectedPack, group: str) -> list[TrackedSeed]:
    """The seeds of a pack.

    Raises:
        UserError: if a file of the pack is absent, damaged or of another training.
    """
    rows = seed_rows(pack)
    results = pack_rows(pack, rows, set(pack.evaluations))
    known = summary.read(pack.pack)
    try:
        sums = known.part("files").get(HISTORY)
        history = disk.read_checked(pack.pack / HISTORY, sums, AGAIN)
        epochs = list(csv.DictReader(io.StringIO(history.decode())))
        return [
            _seed(
                pack,
                group,
                row,
                {**known.content, "seeds": [known.seeds[int(row["seed"])]]},
                epochs,
                results,
            )
            for row in rows
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{known.path} is truncated or altered ({error!r}); {AGAIN}") from error


def _seed(
    pack: CollectedPack,
    group: str,
    row: Row,
    run_json: dict[str, Any],
    epochs: Sequence[Row],
    results: Mapping[str, Sequence[Row]],
) -> TrackedSeed:
    """One seed of a pack. ``run_json`` and ``row`` hold this seed only, the others all seeds."""
    number, (summary,) = row["seed"], run_json["seeds"]
    started, finished = (_time(summary[key]) for key in ("started", "finished"))
    history = [epoch for epoch in epochs if epoch["seed"] == number]
    measured = {
        name: [one for one in rows if one["seed"] == number] for name, rows in results.items()
    }
    measured = {name: rows for name, rows in measured.items() if rows}  # else it has diverged
    named = {"model": pack.model, "dataset": pack.dataset, "dataset.source": pack.source or None}
    parameters = {**named, **pack.parameters, "seed": int(number)}
    facts = {
        **{key: row[key] for key in ("study", "series", "label", "status", "origin", "device")},
        **{key: str(summary[key]) for key in ("threads", "together") if key in summary},
        "git_commit": summary["git_commit"] or "",
        **{f"version.{name}": one for name, one in summary["versions"].items()},
    }
    documents = {
        HISTORY: _csv(history),
        RUN: json.dumps(run_json, indent=2) + "\n",
        "settings.yaml": yaml.safe_dump(run_json["settings"], sort_keys=False),
    }
    if measured:
        documents[RESULTS] = _csv(
            [{"evaluation": name, **one} for name, rows in measured.items() for one in rows]
        )
    return TrackedSeed(
        run=pack.run,
        point=pack.point,
        seed=int(number),
        digest=pack.training_digest,
        group=group,
        status=row["status"],
        started=started,
        finished=finished,
        parameters={key: value for key, value in parameters.items() if value is not None},
        facts={key: fact for key, fact in facts.items() if fact},
        values={
            BY_EPOCH: _by_epoch(history, started, finished),
            AT_THE_END: [
                Value(key, float(value), 0, finished)
                for key, value in summary.items()
                if value is not None and (key in _AT_THE_END or key.startswith(BEST))
            ],
            **{name: _measured(name, rows, finished) for name, rows in measured.items()},
        },
        documents=documents,
        weights=paths.finished_seed(pack.run, pack.point, int(number), pack.training_digest)
        / WEIGHTS,
    )


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    columns = dict.fromkeys(key for row in rows for key in row)
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _by_epoch(history: Sequence[Row], started: float, finished: float) -> list[Value]:
    """Losses, accuracies and seconds of each epoch.

    Of epochs only their training seconds are known; each is said to end at the share of the time
    from start to finish that the training seconds up to its end have of all.
    """
    spent = list(accumulate(float(epoch["train_seconds"]) for epoch in history))
    return [
        Value(
            column,
            float(cell),
            int(epoch["epoch"]),
            started + (finished - started) * (now / spent[-1] if spent[-1] > 0 else 1.0),
        )
        for epoch, now in zip(history, spent, strict=True)
        for column, cell in epoch.items()
        if column not in ("seed", "epoch") and cell
    ]


def _measured(evaluation: str, rows: Sequence[Row], time: float) -> list[Value]:
    """The rows of an evaluation.

    Where it varies one setting in whole numbers (sizes, channels), that is the step, so that a
    curve over it is drawn. All other settings become part of the name.
    """
    settings = dict.fromkeys(key for row in rows for key in row if key not in RESULT_COLUMNS)
    whole_numbered = [
        key for key in settings if all(re.fullmatch("[0-9]{1,9}", row.get(key, "")) for row in rows)
    ]
    step = whole_numbered[0] if len(whole_numbered) == 1 else None
    values = []
    for row in rows:
        words = [_setting_in_name(key, row[key]) for key in settings if key != step and key in row]
        words += [f"by {step}"] if step else []
        name = " ".join([f"{evaluation}/{row['metric']}", *words])
        at = int(row[step]) if step else 0
        values.append(Value(re.sub(r"[^\w./: -]", "_", name), float(row["value"]), at, time))
    return values


def _setting_in_name(key: str, value: str) -> str:
    """A setting as part of a name: a word stands for itself, a number needs its key."""
    try:
        number = math.isfinite(float(value))
    except ValueError:
        number = False
    return f"{key}:{value}" if number else value
