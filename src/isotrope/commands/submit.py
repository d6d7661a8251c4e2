"""The command that sends runs to a cluster, or works on them here, without a workflow."""

from typing import Annotated

import typer

from isotrope.commands.arguments import RunWords, SeedList, completion_of, of_cluster
from isotrope.console.printing import say


def submit(
    runs: RunWords,
    point: Annotated[
        str | None,
        typer.Option(help="one point of each run's sweep, or `selected`; all if left out"),
    ] = None,
    seeds: SeedList = None,
    executor: Annotated[
        str | None,
        typer.Option(
            help="slurm, local (processes of this machine) or debug (this process); slurm where "
            "it is installed, else local, if left out",
            autocompletion=completion_of("slurm", "local", "debug"),
        ),
    ] = None,
    partition: Annotated[
        str | None, typer.Option(help="of the cluster; its default", callback=of_cluster)
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="on the cluster; yours by default", callback=of_cluster)
    ] = None,
    time: Annotated[
        str | None, typer.Option(help="wall time of a task, as in 45m; else the param-file's")
    ] = None,
    parallel: Annotated[
        int | None,
        typer.Option(min=1, help="tasks of an array that run at once; local: one if left out"),
    ] = None,
    evaluate: Annotated[
        bool, typer.Option("--evaluate/--no-evaluate", help="whether packs are evaluated, too")
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="only say what would be sent, and start nothing")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="follow to the end; local and debug always do")
    ] = False,
) -> None:
    """Train and evaluate runs as job arrays, without a workflow; Snakemake then finds them done."""
    from isotrope.cluster import executors, submitting
    from isotrope.cluster.executors import Sent, Site
    from isotrope.plan import asked

    found = submitting.runs_of(runs)
    if time is not None:
        submitting.minutes_of(time)  # before anything is built
    site = Site(executors.executor_of(executor), partition, account, parallel)
    for entry in submitting.unbuilt(found):
        say(f"{'would build' if dry_run else 'building'} the data set {entry.name} {entry.key}")
        if not dry_run:
            submitting.build(entry)
    family = submitting.family(found, point, seeds, time, evaluate)
    if family.finished:
        packs_are = f"{count} packs are" if (count := len(family.finished)) > 1 else "1 pack is"
        say(f"{packs_are} finished already")
    for array in family.arrays if dry_run else ():
        after = ", after the choice" if array.after_choice else ""
        say(f"{site.executor}: {len(array.packs)} tasks of {array.resources}{after}")
        for pack in array.packs:
            say(f"  {pack}")
    if dry_run or not family.packs:
        return
    submitting.refresh_index()
    asked.remember((run.name for run in found), besides=True)

    failed = 0
    count = len(family.packs)

    def report(number: int, sent_pack: Sent) -> None:
        nonlocal failed
        succeeded, text = sent_pack.outcome()
        failed += not succeeded
        say(f"{number} of {count} {'done' if succeeded else 'FAILED'}: {sent_pack.pack}: {text}")

    if site.executor != "slurm":
        for number, sent_pack in enumerate(executors.work_here(family.arrays, site), start=1):
            report(number, sent_pack)
    else:
        sent = []
        for sent_pack in executors.send(family.arrays, site):
            say(f"sent {sent_pack.pack} as job {sent_pack.job.job_id}")
            sent.append(sent_pack)
        if not wait:
            say("`isotrope status` says how far they are")
        for number, sent_pack in enumerate(executors.as_they_end(sent) if wait else (), start=1):
            report(number, sent_pack)
    if failed:
        raise typer.Exit(1)
