"""The command that says how far every run is."""

import json
import os
from typing import Annotated

import typer
from rich.console import Console

from isotrope.commands import arguments
from isotrope.console.printing import complain, say
from isotrope.errors import UserError

SECONDS = 5.0
STATES = (  # those of isotrope.status.states, which a completion need not import
    *("failed", "interrupted", "diverged", "stale"),
    *("running", "queued", "done", "waiting"),
)


def status(
    seconds: Annotated[
        float | None,
        typer.Argument(
            metavar="SECONDS", min=0.5, help="with --watch: between two looks; 5 if left out"
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="look again and again, in place, until Ctrl-C")
    ] = False,
    runs: arguments.OnlyRuns = None,
    studies: arguments.OnlyStudies = None,
    series: arguments.OnlySeries = None,
    state: Annotated[
        str | None,
        typer.Option(
            help=f"only these states, with commas between: {', '.join(STATES)}",
            autocompletion=arguments.listed(arguments.completion_of(*STATES)),
        ),
    ] = None,
    everything: Annotated[
        bool,
        typer.Option("--all", help="runs that nobody asked for and of which nothing is there, too"),
    ] = False,
    packs: Annotated[bool, typer.Option("--packs", help="a row for each pack of seeds")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="every pack, for programs; see profiles/README.md")
    ] = False,
) -> None:
    """Say of every run and point how far it is, what needs attention first. Only reads files.

    Shown are the runs that were asked for, one's own, and those of which anything is there.
    """
    from isotrope.plan.selection import Selection
    from isotrope.status.lines import lines_of
    from isotrope.status.repeated import RepeatedReading
    from isotrope.status.rows import Row, rows_of, sums
    from isotrope.status.states import states_of
    from isotrope.status.watching import watch as watch_on

    filters = {"runs": runs, "studies": studies, "series": series}
    filters = {key: words for key, words in filters.items() if words is not None}
    selection = Selection.from_config(filters, option="--") if filters else None
    states = states_of(state) if state is not None else None
    reading = RepeatedReading(selection, outcomes=packs or as_json, everything=everything)
    console = Console()
    if seconds is not None and not watch:
        raise UserError(f"{seconds:g}: only --watch takes seconds; name runs with --runs")
    if watch and (as_json or not console.is_terminal):
        why = "and --json do not go together" if as_json else "needs a terminal"
        raise UserError(f"--watch {why}; call `isotrope status` again and again instead")

    def hidden() -> list[str]:
        if not (count := reading.hidden):
            return []
        one = count == 1
        others = "1 more run was" if one else f"{count:,} more runs were"
        there = f"nothing of {'it' if one else 'them'} is there"
        return [f"{others} not asked for and {there}: --all shows {'it' if one else 'them'}"]

    def look() -> tuple[list[Row], str]:
        found = reading.read()
        shown = [pack for pack in found if states is None or pack.found.state in states]
        below = [*reading.notes, sums(found), *hidden()]
        return rows_of(shown, each_pack=packs), "\n".join(below)

    if watch:
        watch_on(look, console, SECONDS if seconds is None else seconds)
        return
    found = reading.read()
    if reading.notes:
        complain(*reading.notes)
    shown = [pack for pack in found if states is None or pack.found.state in states]
    if as_json:
        say(json.dumps([pack.as_json() for pack in shown], indent=1))
        return
    width = console.width if console.is_terminal or "COLUMNS" in os.environ else None
    lines = [
        line for lines_of_row in lines_of(rows_of(shown, packs), width) for line in lines_of_row
    ]
    if console.is_terminal and lines:
        console.print(*lines, sep="\n", no_wrap=True, overflow="ignore", crop=False)
        lines = []
    say("\n".join([*(line.plain for line in lines), sums(found), *hidden()]))
