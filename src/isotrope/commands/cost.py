"""The command that says what runs cost before they are started."""

from typing import TYPE_CHECKING

from isotrope.commands import arguments
from isotrope.console.printing import say

if TYPE_CHECKING:
    from isotrope.plan.cost import Cost

_HEADS = (
    *("study", "series", "runs", "jobs", "trainings", "evaluations"),
    *("estimated hours", "hours by time limits"),
)


def _hours(cost: "Cost") -> str:
    """Estimated hours; with a plus where jobs are left that were never measured."""
    unknown = cost.unknown or cost.unmeasured
    if unknown and not cost.hours:
        return "not measured yet"
    return f"{sum(cost.hours.values()):,.1f}" + (" +" if unknown else "")


def cost(
    runs: arguments.OnlyRuns = None,
    studies: arguments.OnlyStudies = None,
    series: arguments.OnlySeries = None,
) -> None:
    """Say how many jobs and hours are left of each study and series, from measured rates."""
    from isotrope.plan import index_file
    from isotrope.plan.cost import costs_of, in_words, total
    from isotrope.plan.selection import SERIES, Selection

    given = {"runs": runs, "studies": studies, "series": series}
    filters = {key: words for key, words in given.items() if words is not None}
    if "series" not in filters and "runs" not in filters:
        filters["series"] = ",".join(SERIES)
    known = index_file.current(asks=index_file.only_look)
    names = Selection.from_config(filters, option="--").names(known)
    waiting = [name for name in names if known.runs[name].broken or known.waiting_for(name)]
    found = costs_of(known, names, waiting)
    rows = [
        (
            *key,
            f"{one.runs}" + (f" ({one.waiting} wait)" if one.waiting else ""),
            f"{one.jobs:,}",
            f"{one.trainings:,}",
            f"{one.evaluations:,}",
            _hours(one),
            f"{one.limit:,.0f}",
        )
        for key, one in sorted(found.items())
    ]
    widths = [max(map(len, column)) for column in zip(_HEADS, *rows, strict=True)]
    for row in (_HEADS, *rows):
        say("  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip())
    say(f"in all {in_words(total(found.values()))}")
    say(
        "estimated hours: the most that trainings and evaluations take at the speed of the same "
        "model on the same data, measured by runs here, else as published; +: and jobs of which "
        "nothing was measured here yet (train one seed, and it is); hours by time limits: what the "
        "jobs ask for, no job takes more; runs that wait are not counted"
    )
