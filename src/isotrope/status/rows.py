"""The rows that people read: packs of a point that need the same attention are one row."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from isotrope import paths
from isotrope.console.wording import range_text
from isotrope.files.code_column import OPEN
from isotrope.plan.code_words import WAYS_ON
from isotrope.status.states import ORDER, PackStatus
from isotrope.status.words import job_text

_APART_STATES = ("failed", "interrupted", "diverged", "stale")  # the others of a point are one row
_LONGEST = 40  # characters that the seeds of a row may take


@dataclass(frozen=True)
class Row:
    """Packs that are shown together.

    Args:
        state: the state that tells most of them.
        name: the run; or how many runs there are, if they all meet the same trouble.
        point: the point, with the one behind ``selected``; empty if it is not about one.
        packs: which packs of it, in words; empty if it is about all.
        finished: how many seeds are trained as the param-file says now.
        seeds: how many are asked for.
        detail: why it is so, or how far it is; one line, or nothing.
    """

    state: str
    name: str
    point: str
    packs: str
    finished: int
    seeds: int
    detail: str


def rows_of(found: Iterable[PackStatus], each_pack: bool = False) -> list[Row]:
    """Rows, what needs attention first, else in the order of the packs.

    Args:
        found: the packs.
        each_pack: whether every pack has a row of its own.
    """
    shared: dict[tuple[str, str], list[PackStatus]] = {}
    points: dict[tuple[str, str], list[PackStatus]] = {}
    for pack in found:
        if pack.found.blocked and not each_pack:
            shared.setdefault((pack.found.state, pack.found.detail), []).append(pack)
        else:
            points.setdefault((pack.run, pack.point), []).append(pack)
    rows = [_row_of_runs(packs) for packs in shared.values()]
    for packs in points.values():
        groups = [[pack] for pack in packs] if each_pack else _groups(packs)
        rows += [_row(group, each_pack or len(groups) > 1) for group in groups]
    return sorted(rows, key=lambda row: ORDER.index(row.state))


def sums(found: Sequence[PackStatus]) -> str:
    """How many packs there are of each state, and how many seeds are trained."""
    states = [pack.found.state for pack in found]
    counts = ", ".join(f"{states.count(s):,} {s}" for s in ORDER if s in states) or "none"
    runs: dict[str, list[PackStatus]] = {}
    for pack in found:
        runs.setdefault(pack.run, []).append(pack)
    counted = [_trainings(packs) for packs in runs.values()]
    finished, seeds = (sum(count[i] for count in counted) for i in (0, 1))
    told = f"packs: {counts}; {finished:,} of {seeds:,} seeds are trained"
    ways = f"\n{WAYS_ON}" if any(pack.found.code in OPEN for pack in found) else ""
    return f"{told}{ways}"


def _trainings(packs: Sequence[PackStatus]) -> tuple[int, int]:
    """How many seeds of a run are trained, and how many there are to be.

    Those of the chosen candidate stand under ``selected``, too, and count once.
    """
    candidates = [pack for pack in packs if pack.point != paths.SELECTED]
    of_choice = [pack for pack in packs if pack.point == paths.SELECTED]
    finished, seeds = _counts(packs)
    if not candidates or not of_choice:
        return finished, seeds
    winner = of_choice[0].chosen
    point = winner or candidates[0].point  # each candidate has the seeds of the choice
    twice = _counts([pack for pack in candidates if pack.point == point])
    return finished - (twice[0] if winner else 0), seeds - twice[1]


def _row_of_runs(packs: Sequence[PackStatus]) -> Row:
    """The row of packs whose data set is the trouble, of however many runs."""
    runs = dict.fromkeys(pack.run for pack in packs)
    name = next(iter(runs)) if len(runs) == 1 else f"{len(runs)} runs"
    finding = packs[0].found
    return Row(finding.state, name, "", "", *_counts(packs), finding.detail)


def _groups(packs: Sequence[PackStatus]) -> list[list[PackStatus]]:
    """Packs that need the same attention, and all that need none."""
    groups: dict[tuple[str, str], list[PackStatus]] = {}
    for pack in packs:
        finding = pack.found
        told_by_detail = finding.state in ("failed", "stale") or (
            finding.state in _APART_STATES and not finding.job
        )
        detail = finding.detail if told_by_detail and finding.state != "diverged" else ""
        groups.setdefault(
            (finding.state if finding.state in _APART_STATES else "", detail), []
        ).append(pack)
    return list(groups.values())


def _row(packs: Sequence[PackStatus], names_packs: bool) -> Row:
    """The row of some packs of a point; ``names_packs``: it is not about all of them."""
    first = packs[0]
    state = min((pack.found.state for pack in packs), key=ORDER.index)
    point = f"{first.point} ({first.chosen})" if first.chosen else first.point
    which = _packs_in_words(packs) if names_packs else ""
    detail = first.found.detail if len(packs) == 1 else _detail(packs, state)
    detail = "; ".join(part for part in (detail, _code_detail(packs)) if part)
    return Row(state, first.run, point, which, *_counts(packs), detail)


def _detail(packs: Sequence[PackStatus], state: str) -> str:
    """The detail of a row of several packs."""
    states = [pack.found.state for pack in packs]
    parts = []
    if len(set(states)) > 1:
        kinds = (kind for kind in ORDER if kind in states)
        parts.append(", ".join(f"{states.count(kind)} {kind}" for kind in kinds))
    telling = [pack.found for pack in packs if pack.found.state == state]
    if jobs := [one.job for one in telling if one.job]:
        parts.append(("last seen in " if state == "interrupted" else "") + job_text(jobs))
    elif state not in ("done", "diverged"):
        details = list(dict.fromkeys(one.detail for one in telling if one.detail))
        more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
        parts += [f"{detail}{more}" for detail in details[:1]]
    if diverged := sum(pack.found.diverged or 0 for pack in packs):
        parts.append(f"{diverged} diverged")
    return "; ".join(parts)


def _code_detail(packs: Sequence[PackStatus]) -> str:
    """What is said of the code behind the results of some packs."""
    details = list(dict.fromkeys(one.found.code_detail for one in packs if one.found.code_detail))
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return f"{details[0]}{more}" if details else ""


def _packs_in_words(packs: Sequence[PackStatus]) -> str:
    """Which packs, by their seeds, or how many if that takes long."""
    text = range_text(seed for pack in packs for seed in pack.seeds)
    return f"seeds {text}" if len(text) <= _LONGEST else f"{len(packs)} packs"


def _counts(packs: Sequence[PackStatus]) -> tuple[int, int]:
    return sum(pack.found.finished for pack in packs), sum(len(pack.seeds) for pack in packs)
