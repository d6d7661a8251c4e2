"""What became of planted bugs: a line for each as soon as it is known, and a report of all."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sampling import room

CHECKED = "checked-tests.json"
KILLED, HUNG, LIVED = "killed", "hung", "lived"


@dataclass(frozen=True)
class Result:
    """What became of a bug.

    Args:
        path, line, kind, scope, was, now: the bug; see ``Mutation``.
        outcome: ``killed``, ``hung`` (killed by the clock) or ``lived``.
        by, how: the test that failed and the first line of its error.
        seconds: of a processor, for all its tests.
        ran: the test files that ran, and the seconds of each.
    """

    path: str
    line: int
    kind: str
    scope: str
    was: str
    now: str
    outcome: str
    by: str = ""
    how: str = ""
    seconds: float = 0.0
    ran: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> tuple[str, str, str]:
        """What the bug is known by."""
        return self.path, self.was, self.now


def read(path: Path) -> dict[tuple[str, str, str], Result]:
    """The results so far; of a bug planted twice, the newest. A line cut off is left out."""
    found: dict[tuple[str, str, str], Result] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            result = Result(**json.loads(line))
        except json.JSONDecodeError:
            continue
        found[result.name] = result
    return found


def add(path: Path, result: Result) -> None:
    """Write down what became of a bug."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = not path.exists() or path.read_bytes()[-1:] in (b"", b"\n")  # else it was stopped
    with path.open("a", encoding="utf-8") as lines:
        lines.write(("" if whole else "\n") + json.dumps(asdict(result)) + "\n")


def read_checked(folder: Path) -> dict[str, bool]:
    """Of tests that noticed bugs, whether each passes without one; if not, it noticed nothing."""
    path = folder / CHECKED
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write_checked(folder: Path, checked: Mapping[str, bool]) -> None:
    """Write down which tests pass without a bug."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(dict(sorted(checked.items())), indent=1)
    (folder / CHECKED).write_text(f"{text}\n", encoding="utf-8")


def seconds_of_tests(results: Iterable[Result]) -> dict[str, float]:
    """How long each test file took at most."""
    found: dict[str, float] = {}
    for result in results:
        for test, seconds in result.ran.items():
            found[test] = max(seconds, found.get(test, 0.0))
    return found


def report(results: Sequence[Result], seed: int) -> str:
    """A table of the rooms, and all that lived."""
    dead = sum(result.outcome != LIVED for result in results)
    share = f"{100 * dead / len(results):.1f} %" if results else "none"
    lines = [f"# Seed {seed}: {len(results)} bugs planted, {dead} noticed ({share})", ""]
    lines += ["| room | planted | killed | hung | lived |", "|---|---|---|---|---|"]
    for name in dict.fromkeys(room(result.path) for result in results):
        there = [result.outcome for result in results if room(result.path) == name]
        counts = " | ".join(str(there.count(outcome)) for outcome in (KILLED, HUNG, LIVED))
        lines.append(f"| {name} | {len(there)} | {counts} |")
    living = [result for result in results if result.outcome == LIVED]
    lines += ["", "## Lived" if living else "None lived."]
    for result in living:
        lines += [
            "",
            f"{result.path}:{result.line}: {result.kind}, in {result.scope or 'the module'}",
        ]
        lines += [f"    - {result.was}", f"    + {result.now}"]
    lines += ["", "## Killed", ""]
    for result in results:
        if result.outcome != LIVED:
            by = result.by or "the clock"
            lines.append(f"- {result.path}:{result.line}, {result.kind}: `{result.now}` by {by}")
    return "\n".join(lines) + "\n"
