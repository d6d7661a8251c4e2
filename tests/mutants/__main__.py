"""Plant bugs in copies of the project, one at a time, and report those that no test notices.

``python tests/mutants --seed 1 --count 100``; the same again goes on where it was stopped.
"""

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import results
import trials
from guards import Guards
from results import HUNG, KILLED, LIVED, Result
from sampling import all_mutations, known_equivalents, sample
from source_text import Mutation

ROOT = Path(__file__).parents[2]
WAVES = (2, 4, 8)  # how many test files run before it is asked whether one failed; then all others
COMPILED = re.compile(r"numba|njit|\bkernels?_")


def main(words: Sequence[str] | None = None) -> None:
    """Draw, plant, test, report."""
    asked = _asked(words)
    folder = ROOT / "out" / "mutants"
    path = folder / f"seed-{asked.seed}.jsonl"
    known = known_equivalents()
    found = all_mutations(ROOT, asked.only)
    drawn = sample(ROOT, found, asked.seed, asked.count, known)
    before = results.read(path)
    if asked.file:
        drawn = [
            m for ms in found.values() for m in ms if asked.file in f"{m.path}:{m.line} {m.now}"
        ]
        drawn = [m for m in drawn if m.name not in known][: asked.count]
    if asked.again:
        living = {name for name, result in before.items() if result.outcome == LIVED}
        drawn = [m for ms in found.values() for m in ms if m.name in living and m.name not in known]
        drawn = [m for m in drawn if (asked.file or "") in f"{m.path}:{m.line} {m.now}"]
    if asked.list:
        for mutation in drawn:
            sys.stdout.write(f"{mutation.path}:{mutation.line} {mutation.kind}: {mutation.now}\n")
        return
    waiting = [m for m in drawn if asked.again or m.name not in before]
    all_before = [r for file in sorted(folder.glob("*.jsonl")) for r in results.read(file).values()]
    seconds = results.seconds_of_tests(all_before)
    print(f"{len(drawn)} bugs, {len(waiting)} of them to plant, in copies of {ROOT}", flush=True)
    trials.preload()
    checked = results.read_checked(folder)
    unsound = {test for test, passes in checked.items() if not passes}
    with tempfile.TemporaryDirectory(prefix="mutants-") as copies:
        started = Path(copies), seconds, unsound, asked.seconds
        with ProcessPoolExecutor(asked.jobs, get_context("fork"), _begin, started) as workers:
            for done in as_completed([workers.submit(_try, mutation) for mutation in waiting]):
                results.add(path, result := done.result())
                print(_line(result), flush=True)
        noticing = {r.by for r in results.read(path).values() if r.outcome == KILLED}
        if new := noticing - checked.keys():
            clean = trials.Copy(ROOT, Path(copies) / "clean")
            checked |= trials.passing_without(clean, new)
    results.write_checked(folder, checked)
    there = {m.name for ms in all_mutations(ROOT).values() for m in ms} - known.keys()
    counted = [
        r for r in results.read(path).values() if r.name in there and checked.get(r.by, True)
    ]
    path.with_suffix(".md").write_text(results.report(counted, asked.seed), encoding="utf-8")
    print(results.report(counted, asked.seed).partition("\n## Killed")[0])
    print(f"written to {path.with_suffix('.md')}")


def _line(result: Result) -> str:
    by = result.by or ("the clock" if result.outcome == HUNG else "nothing")
    place = f"{result.path}:{result.line}"
    said = f"{result.outcome} {place} {result.kind} by {by} in {result.seconds:.0f} s"
    if result.outcome == LIVED:
        said += f"\n    - {result.was}\n    + {result.now}"
    return said


def _asked(words: Sequence[str] | None) -> argparse.Namespace:
    asked = argparse.ArgumentParser(prog="tests/mutants", description=__doc__.splitlines()[0])
    asked.add_argument("--seed", type=int, default=1, help="of the sample")
    asked.add_argument("--count", type=int, default=100, help="how many bugs")
    asked.add_argument(
        "--only", action="append", default=[], metavar="ROOM", help="a room; more than once"
    )
    asked.add_argument("--jobs", type=int, default=1, help="how many copies are tested at once")
    asked.add_argument(
        "--seconds", type=float, default=60, help="of a processor for the tests of a bug"
    )
    asked.add_argument(
        "--again", action="store_true", help="those that lived, with the tests of now"
    )
    asked.add_argument("--file", metavar="WORDS", help="bugs whose file, line or text contain this")
    asked.add_argument("--list", action="store_true", help="say what would be planted")
    return asked.parse_args(words)


class _Worker:
    """A copy of the project, and what a worker knows of its tests."""

    def __init__(
        self, copies: Path, seconds: dict[str, float], unsound: set[str], limit: float
    ) -> None:
        self.copy = trials.Copy(ROOT, copies / str(os.getpid()))
        self.guards = Guards(self.copy.folder)
        self.seconds = seconds
        self.unsound = unsound
        self.limit = limit

    def plant(self, mutation: Mutation) -> Result:
        """Plant a bug and run the tests that may notice it, until one does."""
        ran: dict[str, float] = {}
        spent, waves = 0.0, list(WAVES)
        left = self.guards.in_order(mutation, self.seconds)
        compiled = bool(COMPILED.search(self.copy.text(mutation.path)))
        while left and spent < self.limit:
            count = waves.pop(0) if waves else len(left)
            files, left = left[:count], left[count:]
            with self.copy.planted(mutation):
                trial = self.copy.test(files, self.limit - spent, self.unsound, compiled)
            spent += trial.seconds
            ran |= trial.ran
            for test, seconds in trial.ran.items():
                self.seconds[test] = max(self.seconds.get(test, 0.0), seconds)
            if trial.hung:
                return _result(mutation, HUNG, spent, ran)
            if trial.failed:
                return _result(mutation, KILLED, spent, ran, trial.failed, trial.how)
        return _result(mutation, LIVED, spent, ran)


def _result(
    mutation: Mutation,
    outcome: str,
    seconds: float,
    ran: dict[str, float],
    by: str = "",
    how: str = "",
) -> Result:
    m = mutation
    return Result(
        m.path, m.line, m.kind, m.scope, m.was, m.now, outcome, by, how, round(seconds, 1), ran
    )


WORKERS: list[_Worker] = []


def _begin(copies: Path, seconds: dict[str, float], unsound: set[str], limit: float) -> None:
    WORKERS.append(_Worker(copies, seconds, unsound, limit))


def _try(mutation: Mutation) -> Result:
    return WORKERS[0].plant(mutation)


if __name__ == "__main__":
    main()
