"""The reference for status.py: every seed asked for alone, one pack after the other.

What a first version of `isotrope status` did: a pack costs a question for each seed, one for its
results and one for its heartbeat, and a done pack the reading of every seed's summary.
"""

import json
import re
import time

from isotrope import paths

PROGRESS = re.compile(r": \d+ seeds on |has diverged and is not|is computed again$")
LOST = 120.0


def status_of(index, names):
    """State, number of finished seeds and number of diverged ones for each run, point and pack."""
    return {
        (name, point, pack): state_of(name, point, pack, seeds, digests[point])
        for name in names
        for digests in [index.digests(name)]
        for point in index.runs[name].points
        for pack, seeds in index.runs[name].packs(point).items()
    }


def state_of(run, point, pack, seeds, digest):
    said = [paths.finished_seed(run, point, seed, digest) / "seed.json" for seed in seeds]
    finished = sum(path.is_file() for path in said)
    folder = paths.pack_folder(run, point, pack)
    beat = read(paths.heartbeat(run, point, pack))
    if beat and time.time() - beat["time"] < LOST and not beat["ended"]:
        return "running", finished, 0
    if finished == len(seeds):
        if (folder / "results.csv").is_file():
            ends = [read(path)["status"] for path in said]
            return "done", finished, ends.count("diverged")
        word = last_line(folder / "evaluate.log")
        failed = word and not PROGRESS.search(word)
        return "failed" if failed else "queued", finished, 0
    if beat:
        return "interrupted", finished, 0
    if last_line(folder / "train.log") and not (folder / "weights.safetensors").is_file():
        return "failed", finished, 0
    return "queued", finished, 0


def read(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def last_line(log):
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line for line in reversed(lines) if line.strip()), "")
