"""What a user is told of results that were not made with the code as it is now."""

from collections import Counter
from collections.abc import Iterable, Sequence

from isotrope.files.code_column import CHANGED, KEPT, NOT_RECORDED, OPEN
from isotrope.packs.code_records import Kept
from isotrope.plan.code_state import PackCode

_MOST = 3  # runs, or modules, that are named
WAYS_ON = (
    "results are made anew when the REVISION of a plug-in is raised; to keep them as they are, "
    'say `isotrope keep RUN --why "..."` (docs/trust.md)'
)


def detail(pack: PackCode) -> str:
    """A few words about a pack; nothing where all is the same, or was never asked about."""
    if pack.state == CHANGED:
        files = f" ({listed(sorted(pack.changed))})" if pack.changed else ""
        return f"{_what(pack, CHANGED)} made with other code{files}"
    if pack.state == NOT_RECORDED:
        return f"{_what(pack, NOT_RECORDED)} made with code that was not recorded"
    return "kept although code has changed" if pack.state == KEPT else ""


def _what(pack: PackCode, state: str) -> str:
    """What of a pack has a state: its weights and all that was measured, or some evaluations."""
    if pack.training == state or not pack.evaluations:
        return "results"
    return listed([table for table, one in pack.evaluations.items() if one == state])


def notes(packs: Iterable[PackCode]) -> list[str]:
    """A sentence for each change, with the runs that it touches, and one with the ways on."""
    runs: dict[tuple[str, ...], dict[str, None]] = {}
    for pack in packs:
        if pack.state in OPEN:
            runs.setdefault((pack.state, *sorted(pack.changed)), {})[_named(pack)] = None
    sentences = []
    for (state, *files), names in sorted(runs.items()):
        hold = f"{len(names)} runs hold" if len(names) > 1 else "1 run holds"
        if state == CHANGED:
            which = f" ({listed(files)})" if files else ""
            what = f"results of code that has changed since{which}"
        else:
            what = "results of code that was not recorded"
        sentences.append(f"{hold} {what}: {listed(list(names))}")
    return [*sentences, WAYS_ON] if sentences else []


def _named(pack: PackCode) -> str:
    """The run of a pack, with what of it is meant if that is not all."""
    what = _what(pack, pack.state)
    return pack.run if what == "results" else f"{pack.run} ({what})"


def caption(packs: Sequence[PackCode], tables: Sequence[str], kept: Iterable[Kept]) -> str:
    """What the caption of a figure says of the code behind what it shows; nothing if all is same.

    Args:
        packs: those of the runs that are drawn.
        tables: what the figure is drawn from.
        kept: what was kept of these runs.
    """
    by_state: dict[str, dict[str, None]] = {}
    files: set[str] = set()
    for pack in packs:
        states = {pack.of_table(table) for table in tables}
        for state in states & {CHANGED, KEPT, NOT_RECORDED}:
            by_state.setdefault(state, {})[pack.run] = None
        files |= pack.changed if CHANGED in states else set()
    sentences = []
    if CHANGED in by_state:
        which = f" ({listed(sorted(files))})" if files else ""
        runs = listed(list(by_state[CHANGED]))
        sentences.append(f"Made with code that has changed since{which}: {runs}.")
    if NOT_RECORDED in by_state:
        sentences.append(f"Made with unrecorded code: {listed(list(by_state[NOT_RECORDED]))}.")
    if KEPT in by_state:
        reasons = "; ".join(dict.fromkeys(one.why for one in kept))
        runs = listed(list(by_state[KEPT]))
        sentences.append(f"Kept although code has changed since: {runs} ({reasons}).")
    if by_state.keys() & set(OPEN):
        sentences.append(f"{WAYS_ON[0].upper()}{WAYS_ON[1:]}.")
    return " ".join(sentences)


def table_words(packs: Iterable[PackCode], table: str) -> list[str]:
    """What a table says of code, for each run of which it is not all the same."""
    states = Counter((pack.run, pack.of_table(table)) for pack in packs)
    return [
        f"{run}: code of {count} pack{'s'[: count > 1]} {state}"
        for (run, state), count in sorted(states.items())
        if state in (CHANGED, KEPT, NOT_RECORDED)
    ]


def listed(words: Sequence[str], between: str = ", ") -> str:
    """Some words, or the first of many."""
    more = f" and {len(words) - _MOST} more" if len(words) > _MOST else ""
    return f"{between.join(words[:_MOST])}{more}"
