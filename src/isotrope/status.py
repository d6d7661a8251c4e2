"""How far every run is, read from files: no torch, no Snakemake, no SLURM."""

import json
import time
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from isotrope import paths
from isotrope.digests import with_local_files
from isotrope.index import Index, RunEntry

STALE_HEARTBEAT = 120.0  # seconds without a word after which a job counts as lost
ORDER = ("running", "interrupted", "failed", "queued", "done", "waiting")


def of(index: Index) -> list[dict[str, Any]]:
    """One row for each pack: run, point, pack, state, seeds finished and asked for, and a detail.

    States: ``waiting`` (its data are not there), ``queued`` (nothing done), ``running``,
    ``interrupted`` (a job ended or was lost half-way), ``failed`` (its log ends with an error),
    ``done``; a done pack tells its diverged and collapsed seeds in the detail.
    """
    rows = []
    for name, run in index.runs.items():
        missing = index.waiting_for(name)
        for point in run.points:
            digest = _digest(index, run, point)
            for pack, seeds in run.packs().items():
                row = {"run": name, "point": point, "pack": pack, "seeds": len(seeds)}
                state = (
                    ("waiting", 0, f"needs {', '.join(missing)}")
                    if missing
                    else _state(name, point, pack, seeds, digest)
                )
                rows.append(
                    {**row, **dict(zip(("state", "finished", "detail"), state, strict=True))}
                )
    return rows


def _digest(index: Index, run: RunEntry, point: str) -> str:
    entry = run.points[point]
    manifest = Path(index.datasets[entry.dataset].manifest)
    digest = entry.training_digest
    return with_local_files(digest, manifest) if manifest.is_file() else digest


def _state(run: str, point: str, pack: str, seeds: list[int], digest: str) -> tuple[str, int, str]:
    finished = [
        s for s in seeds if (paths.finished_seed(run, point, s, digest) / "seed.json").is_file()
    ]
    folder = paths.pack_folder(run, point, pack)
    beat = _read(paths.heartbeat(run, point, pack))
    fresh = beat and time.time() - beat.get("time", 0) < STALE_HEARTBEAT
    if beat and fresh and not beat.get("ended"):
        return "running", len(finished), _progress(beat)
    if len(finished) == len(seeds):
        if (folder / "results.csv").is_file():
            return "done", len(finished), _outcome(run, point, seeds, digest)
        error = _last_line(folder / "evaluate.log")
        return "queued", len(finished), f"trained; evaluation: {error or 'queued'}"
    if beat:
        return "interrupted", len(finished), f"last seen in {_progress(beat)}; resumes there"
    error = _last_line(folder / "train.log")
    if error and not (folder / "weights.safetensors").is_file():
        return "failed", len(finished), error
    return "queued", len(finished), ""


def _progress(beat: dict[str, Any]) -> str:
    accuracy = beat.get("validation_accuracy")
    known = "" if accuracy is None else f", validation accuracy {accuracy:.1%}"
    left = beat.get("seconds_left")
    time_left = "" if left is None else f", at most {left / 60:.0f} min left"
    epoch = f"seed {beat['seed']}, epoch {beat['epoch']} of {beat['epochs']}"
    return f"{epoch}{known}{time_left}, {beat['host']}"


def _outcome(run: str, point: str, seeds: list[int], digest: str) -> str:
    """How many of the seeds came to no good."""
    states = [_read(paths.finished_seed(run, point, seed, digest) / "seed.json") for seed in seeds]
    bad = [one["status"] for one in states if one and one.get("status") != "done"]
    return ", ".join(f"{bad.count(word)} {word}" for word in sorted(set(bad)))


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
    """The rows for a terminal, what needs attention first, and the sums below."""
    shown = Table("run", "point", "seeds", "state", "finished", "detail", box=None)
    for row in sorted(rows, key=lambda row: ORDER.index(row["state"])):
        finished = f"{row['finished']} of {row['seeds']}"
        detail = escape(row["detail"])
        shown.add_row(row["run"], row["point"], row["pack"], row["state"], finished, detail)
    counts = {state: sum(row["state"] == state for row in rows) for state in ORDER}
    shown.caption = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    return shown
