"""What to run where a study has no tables yet: only what is there, or can be made here."""

from collections.abc import Callable, Collection
from functools import partial

from isotrope import paths
from isotrope.errors import UserError, did_you_mean
from isotrope.plan import index_file
from isotrope.plan.index import Index

Then = Callable[[str], str]  # the command that a group's tables are wanted for


def check_tables(group: str, then: Then) -> None:
    """Refuse a group without tables, and say what to run.

    Args:
        group: a study, or its demo.
        then: the command that is called once a group has tables.

    Raises:
        UserError: if the group has no table of runs, with what to do.
    """
    path = paths.table_folder(group) / "runs.csv"
    if path.is_file():
        return
    known = _index()
    if known is None:
        raise UserError(f"{path} is not there, and `isotrope check` has mistakes to say first")
    check_group(group, {run.group for run in known.runs.values()})
    raise UserError(f"{path} is not there: {nothing_ran(group)}", *ways_on(group, then, known))


def check_group(group: str, groups: Collection[str]) -> None:
    """Refuse a group that is none.

    Raises:
        UserError: with the nearest group, or the demos of all studies.
    """
    if group == "demo":
        demos = sorted(one for one in groups if one != paths.study_of(one))
        raise UserError(f"each study has a demo of its own; name one: {', '.join(demos)}")
    if group not in groups:
        raise UserError(f"no param-file belongs to '{group}'{did_you_mean(group, groups)}")


def nothing_ran(group: str) -> str:
    """What has not been run."""
    study = paths.study_of(group)
    if group == study:
        return f"no run of {study} has been made here yet"
    return f"the demo of {study} has not been made here yet"


def ways_on(
    group: str, then: Then, known: Index, usable: Collection[str] | None = None
) -> list[str]:
    """What can be done for tables of a study, the nearest first: a sentence each.

    Args:
        group: a study, or its demo.
        then: the command that is called once a group has tables.
        known: all runs.
        usable: the runs that serve; all if left out.
    """
    study, demo = paths.study_of(group), paths.demo_of(paths.study_of(group))
    whole = {
        name: run
        for name, run in known.runs.items()
        if run.study == study and (usable is None or name in usable)
    }
    here = [name for name in whole if not known.runs[name].broken and not known.waiting_for(name)]
    by_series: dict[str, list[str]] = {}
    for name in here:
        by_series.setdefault(whole[name].series, []).append(name)
    found = []
    if group != demo and (paths.table_folder(demo) / "runs.csv").is_file():
        if "demo" in by_series:
            found.append(f"of the demo, which is there: `{then(demo)}`")
    elif "demo" in by_series:
        made = f"snakemake --config studies={study} series=demo"
        found.append(f"the demo takes minutes: `{made}`, then `{then(demo)}`")
    elif usable is not None and any(run.group == demo for run in known.runs.values()):
        found.append(f"the demo of {study} does not serve: nothing was published of its data")
    if group == demo:
        return found
    if "own" in by_series:
        made = f"snakemake --config studies={study} series=own"
        found.append(f"your own runs: `{made}`, then `{then(group)}`")
    if "published" in by_series:
        name = min(by_series["published"], key=partial(_minutes, known))
        run = known.runs[name]
        trained = f"{count} trainings" if (count := run.seeds_to_train) > 1 else "1 training"
        found.append(
            f"a published run, {trained}: `snakemake --config runs={name}`, then `{then(group)}`"
        )
    elif waiting := [name for name, run in whole.items() if run.series == "published"]:
        first, *rest = known.waiting_for(waiting[0]) or known.runs[waiting[0]].broken
        more = f" and {len(rest)} more" if rest else ""
        what = f"{waiting[0]} for {first}{more}"
        found.append(f"published runs wait for what is not here, {what}: docs/data.md")
    return found


def _minutes(known: Index, name: str) -> tuple[int, int]:
    """How long a run's jobs may take, one after the other."""
    run = known.runs[name]
    packs = sum(len(run.packs(point)) for point in run.points)
    return packs * run.minutes, run.seeds_to_train


def _index() -> Index | None:
    """All runs; None where a param-file has mistakes."""
    try:
        return index_file.current(asks=index_file.only_look)
    except UserError:
        return None
