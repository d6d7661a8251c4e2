"""The commands for whoever writes param-files and plug-ins."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Annotated

import typer

from isotrope import paths, registry
from isotrope.commands import arguments
from isotrope.commands.arguments import ParamFiles
from isotrope.console.printing import complain, say
from isotrope.console.waiting import signs_of_life
from isotrope.errors import UserError


def check(
    files: ParamFiles = None,
    write_index: Annotated[
        bool, typer.Option("--write-index", help="also write out/index.json for Snakemake")
    ] = False,
    built: Annotated[
        str | None,
        typer.Option(
            "--built",
            metavar="RUNS",
            help="with --write-index: build the networks of these runs, separated by blanks; those "
            "of others only where their param-file changed",
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="say nothing if all is well and soon done")
    ] = False,
    relayed: Annotated[
        bool, typer.Option("--relayed", help="say how far it is for who called it, at no terminal")
    ] = False,
) -> None:
    """Check param-files and plug-ins: every mistake with its file, line and column.

    The exit status is 2 where there is something of yours to mend, a broken plug-in too.
    """
    from isotrope.params.param_file import read_each
    from isotrope.plan import checking, index_file
    from isotrope.plan.indexing import index_of
    from isotrope.plan.result_code import ResultCode
    from isotrope.plan.studies import near_misses
    from isotrope.results.cells_mistakes import mistakes_in_cells
    from isotrope.results.figure_mistakes import mistakes_in_figures

    stamped = index_file.stamps()
    if files and write_index:
        raise UserError("--write-index: the index is of all param-files; name none")
    if built is not None and not write_index:
        raise UserError("--built: give it with --write-index; without, all networks are built")
    if files:
        found = index_of(read_each(files))
    else:
        progress = checking.Progress()
        with signs_of_life(progress.words, relayed):
            names = None if built is None else built.split()
            found = checking.check_folder(progress=progress, built=names)
        found = replace(found, studies=[*mistakes_in_cells(found), *mistakes_in_figures(found)])
    if write_index or (not files and index_file.leaves_open(stamped)):
        code = ResultCode()
        index_file.write(replace(found, code=code.all_files(found)), stamped)
        code.sources.keep()
    waiting = {name: run.broken for name, run in found.runs.items() if run.broken}
    unnamed = [] if files or write_index else _broken_and_unnamed(waiting)
    own = registry.USERS.as_posix()
    mine = [one for broken in waiting.values() for one in broken if one.startswith(f"{own}/")]
    failing = not write_index and bool(mine or unnamed)  # the others' index is whole without them
    if not quiet or failing:
        for name, broken in waiting.items():
            complain(f"{name} waits for a broken plug-in to be mended: {'; '.join(broken)}")
        complain(*unnamed)
    if said := [one for of_file in found.mistakes.values() for one in of_file] + found.studies:
        raise UserError(*said)
    if not quiet:
        named = ((name, run.study) for name, run in found.runs.items() if not run.broken)
        for sentence in near_misses(named):
            complain(sentence)
        whole = [run for run in found.runs.values() if not run.broken]
        points = sum(len(run.points) for run in whole)
        seeds = sum(run.seeds_to_train for run in whole)
        say(f"{len(whole)} param-files are in order: {points} points, {seeds} seeds to train")
    if failing:
        raise typer.Exit(2)


def _broken_and_unnamed(waiting: Mapping[str, Collection[str]]) -> list[str]:
    """What is wrong with the user's own plug-ins that no param-file names.

    Args:
        waiting: what was said already, by runs.
    """
    from isotrope.plan.checked_before import read_memory

    kinds = {kind: registry.listed(registry.users_folder(kind)) for kind in registry.CHECKED}
    own = {(kind, name) for kind, names in kinds.items() for name in names}
    if not own:
        return []
    files = read_memory().files.values()
    named = {(kind, name) for one in files for kind, name in one.used["plugins"]}
    found: list[str] = []
    for kind, name in sorted(own - named):
        try:
            registry.load(kind, name)
        except UserError as error:
            found += error.sentences
    said = {sentence for broken in waiting.values() for sentence in broken}
    return [sentence for sentence in found if sentence not in said]


_KINDS = ("dataset", "model", "augmentation", "evaluation", "figure", "run", "study")
_ONLY_OF = {  # options of `isotrope new`, and the kinds that take them
    "series": (("run",), "runs"),
    "study": (("run", "figure"), "runs and figures"),
    "like": (("run",), "runs"),
    "core": (tuple(one for one in _KINDS if one != "run"), "plug-ins and studies"),
}


def new(
    kind: Annotated[
        str,
        typer.Argument(
            help="dataset, model, augmentation, evaluation, figure, study; run, for a param-file",
            autocompletion=arguments.completion_of(*_KINDS),
        ),
    ],
    name: Annotated[
        str,
        typer.Argument(
            help="small letters, digits and _; of a run <model>/<data set>/<variant>, "
            "as in cnn/mnist/mine"
        ),
    ],
    core: Annotated[
        bool, typer.Option("--core", help="into the package, for everybody, not into plugins/")
    ] = False,
    study: Annotated[
        str | None,
        typer.Option(
            help="of a figure: the one study that it is for; of a run: whose figures it joins",
            metavar="STUDY",
        ),
    ] = None,
    series: Annotated[
        str | None,
        typer.Option(
            help="of a run: own, drawn beside the published runs of its study, or demo, beside "
            "its demo; own if left out",
            autocompletion=arguments.completion_of("own", "demo"),
        ),
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(
            help="of a run: the run whose data, training, seeds and evaluations it takes; the "
            "nearest one that needs no file of yours, if left out",
            autocompletion=arguments.runs,
        ),
    ] = None,
) -> None:
    """Write a commented file that works as it stands: a plug-in, a run's param-file, a study."""
    from isotrope.plan.studies import question_about
    from isotrope.skeletons import write_skeleton, write_study

    given = {"series": series, "study": study, "like": like, "core": core or None}
    for option, (kinds, words) in _ONLY_OF.items():
        if given[option] is not None and kind in _KINDS and kind not in kinds:
            raise UserError(f"`isotrope new {kind}`: --{option} is for {words}; leave it out")
    named = name if kind == "study" else study
    asked = question_about(named) if named is not None else []
    if kind == "run":
        _new_run(name, study, series or "own", like)
    elif kind == "study":
        for line in write_study(name, core):
            say(line)
    else:
        for line in write_skeleton(kind, name, core, study or "general"):
            say(line)
    if asked:
        complain(*asked)


def _new_run(name: str, study: str | None, series: str, like: str | None) -> None:
    """Write a param-file, and say what comes next."""
    from isotrope.plan.indexing import index_of
    from isotrope.skeletons.runs import write_run

    path, whence, checked = write_run(name, study, series, like)
    say(f"wrote {path}: {whence}")
    if checked.run is None:
        return
    if lacking := index_of([checked.run]).waiting_for(name):
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        say(f"it waits for {lacking[0]}{more}: docs/data.md")
    say(f"next: look at it, then `snakemake -n --config runs={name}`")


def schema(
    check_only: Annotated[
        bool, typer.Option("--check", help="write nothing; fail if a committed file is stale")
    ] = False,
) -> None:
    """Write the JSON schema of param-files, which editors complete from, and docs/keys.md.

    The committed ones know the package's plug-ins; a schema with yours too lies under out/.
    """
    from isotrope.params import schema as schemas

    if check_only:
        if not schemas.is_current():
            raise UserError(f"{paths.SCHEMA} or {paths.KEYS} is stale; run `isotrope schema`")
        return
    for committed in schemas.write_committed():
        say(f"wrote {committed}")
    if path := schemas.write_users():
        say(f"wrote {path}")
