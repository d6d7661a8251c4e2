"""How far every run is, read from files: no torch, no Snakemake, no SLURM."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from isotrope import choice, paths
from isotrope.index import Index, RunEntry
from isotrope.needs import under_local_root

STALE_HEARTBEAT = 120.0  # seconds without a word after which a job counts as lost
# what a log ends with where another job is at work on the same (isotrope.lease)
_LEASE = re.compile(r"^(waits for|takes over from) ")
# what the log of an evaluation that goes well ends with
_PROGRESS = re.compile(
    rf": \d+ seeds on |has diverged and is not|is computed again$|{_LEASE.pattern}"
)
ORDER = ("running", "interrupted", "failed", "queued", "done", "waiting")


def of(index: Index) -> list[dict[str, Any]]:
    """One row for each pack: run, point, pack, state, seeds finished and asked for, and a detail.

    States: ``waiting`` (its data are not there), ``queued`` (nothing done), ``running``,
    ``interrupted`` (a job ended or was lost half-way), ``failed`` (its log ends with an error),
    ``done``; a done pack tells its diverged and collapsed seeds in the detail. Where a point is
    selected, the packs of the candidates come first and those of the selected point last.
    """
    rows = []
    for name, run in index.runs.items():
        missing = index.waiting_for(name)
        for row in _packs(name, run) if missing else _packs(name, run, index.digests(name)):
            if missing:
                row["state"], row["detail"] = "waiting", f"needs {under_local_root(missing)}"
            rows.append(row)
    return rows


def _packs(
    name: str, run: RunEntry, digests: Mapping[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """The rows of a run; queued and without a detail if the digests are not known."""
    made = choice.read(name, run.select, digests) if run.select and digests else None
    for point in (*run.points, *([paths.SELECTED] if run.select else [])):
        for pack, seeds in run.packs(point).items():
            row = {"run": name, "point": point, "pack": pack, "seeds": len(seeds)}
            state: tuple[str, int, str] = ("queued", 0, "")
            if digests and point != paths.SELECTED:
                trained = _Pack(name, point, point, pack, seeds, digests[point])
                state = trained.state(evaluated=point in run.evaluated)
            elif digests and made is None:
                state = ("queued", 0, "waits for the choice")
            elif digests and made:
                chosen = _Pack(name, made.winner, point, pack, seeds, digests[made.winner])
                state = chosen.state(evaluated=True)
                state = (*state[:2], "; ".join(part for part in (made.winner, state[2]) if part))
            yield {**row, **dict(zip(("state", "finished", "detail"), state, strict=True))}


@dataclass(frozen=True)
class _Pack:
    """A pack on disk: its files lie under ``place``, its seeds under ``point``."""

    run: str
    point: str
    place: str
    pack: str
    seeds: list[int]
    digest: str

    def seed(self, number: int) -> Path:
        """What a finished seed says of itself."""
        return paths.finished_seed(self.run, self.point, number, self.digest) / "seed.json"

    def state(self, evaluated: bool) -> tuple[str, int, str]:
        """State, number of finished seeds and detail; a candidate is not ``evaluated``."""
        finished = sum(self.seed(number).is_file() for number in self.seeds)
        folder = paths.pack_folder(self.run, self.place, self.pack)
        beat = _read(paths.heartbeat(self.run, self.place, self.pack))
        fresh = beat and time.time() - beat.get("time", 0) < STALE_HEARTBEAT
        if beat and fresh and not beat.get("ended"):
            return "running", finished, _progress(beat)
        if finished == len(self.seeds):
            if (folder / ("results.csv" if evaluated else "run.json")).is_file():
                return "done", finished, self.outcome()
            if not evaluated:
                return "queued", finished, "trained; to be put together"
            said = _last_line(folder / "evaluate.log")
            failed = said and not _PROGRESS.search(said)
            detail = f"trained; evaluation: {said or 'queued'}"
            return "failed" if failed else "queued", finished, detail
        if beat:
            return "interrupted", finished, f"last seen in {_progress(beat)}; resumes there"
        error = _last_line(folder / "train.log")
        if error and not (folder / "weights.safetensors").is_file():
            return "queued" if _LEASE.search(error) else "failed", finished, error
        return "queued", finished, ""

    def outcome(self) -> str:
        """How many of the seeds came to no good, and how many were not trained here."""
        said = [one for number in self.seeds if (one := _read(self.seed(number)))]
        words = [one["status"] for one in said if one.get("status") != "done"]
        words += [one["origin"] for one in said if "origin" in one]
        return ", ".join(f"{words.count(word)} {word}" for word in sorted(set(words)))


def _progress(beat: dict[str, Any]) -> str:
    accuracy = beat.get("validation_accuracy")
    known = "" if accuracy is None else f", validation accuracy {accuracy:.1%}"
    left = beat.get("seconds_left")
    time_left = "" if left is None else f", at most {left / 60:.0f} min left"
    epoch = f"seed {beat['seed']}, epoch {beat['epoch']} of {beat['epochs']}"
    return f"{epoch}{known}{time_left}, {beat['host']}"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line for line in reversed(lines) if line.strip()), "")


def table(rows: list[dict[str, Any]]) -> Table:
    """The rows for a terminal, what needs attention first, and the sums below.

    Runs that wait for the same data are one row.
    """
    shown = Table(box=None)
    for column in ("run", "point", "seeds", "state", "finished", "detail"):
        shown.add_column(column, overflow="fold")
    for row in sorted(rows, key=lambda row: ORDER.index(row["state"])):
        if row["state"] != "waiting":
            finished = f"{row['finished']} of {row['seeds']}"
            detail = escape(row["detail"])
            shown.add_row(row["run"], row["point"], row["pack"], row["state"], finished, detail)
    waiting: dict[str, dict[str, None]] = {}
    for row in rows:
        if row["state"] == "waiting":
            waiting.setdefault(row["detail"], {})[row["run"]] = None
    for detail, runs in waiting.items():
        name = next(iter(runs)) if len(runs) == 1 else f"{len(runs)} runs"
        shown.add_row(name, "", "", "waiting", "", escape(detail))
    counts = {state: sum(row["state"] == state for row in rows) for state in ORDER}
    shown.caption = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    return shown
