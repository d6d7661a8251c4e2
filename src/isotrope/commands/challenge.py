"""The command that runs a challenge for a model, and says how it did."""

import subprocess
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from isotrope import paths, registry
from isotrope.commands.arguments import files, plugins
from isotrope.console.printing import complain, say
from isotrope.errors import UserError, did_you_mean

_MODULE = "challenge"


def _completed(incomplete: str) -> list[str]:
    return [*plugins("models")(incomplete), *files(incomplete)]


def challenge(
    what: Annotated[
        str,
        typer.Argument(
            help="a model: its name, or its file in plugins/models/; or a param-file of yours",
            autocompletion=_completed,
        ),
    ],
    words: Annotated[
        list[str] | None,
        typer.Argument(help="after `--`: words for Snakemake, as in -- --cores 2"),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(help="training images, of a model; the fewest of the challenge if left out"),
    ] = None,
    initialisations: Annotated[
        int, typer.Option(min=1, help="networks trained on each subset, and taken together, too")
    ] = 1,
    baseline: Annotated[
        str | None,
        typer.Option(
            help="the run to compare with; `none` for none; the study's own if left out",
            autocompletion=files,
        ),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(help="whose challenge; may be left out where one study alone has one"),
    ] = None,
) -> None:
    """Train a model on a challenge's few images, and compare it with published numbers."""
    from isotrope.cluster import starting

    rules = registry.load(f"studies/{_study(study)}", _MODULE)
    written: list[Path] = []
    try:
        file = _param_file(what, samples, rules, written)
        if initialisations > 1:
            file = _with_initialisations(file, initialisations, rules, written)
        _run(file, baseline, rules, words or [])
    finally:
        if starting.PLANS & set(words or []):
            _remove(written)


def _remove(written: list[Path]) -> None:
    """Remove the param-files that this command wrote: a plan changes nothing."""
    for path in written:
        path.unlink(missing_ok=True)
        say(f"removed {path} again, since this only plans; without -n it is written and stays")
        for folder in path.parents[:2]:
            with suppress(OSError):  # others lie in it
                folder.rmdir()


def _with_initialisations(file: Path, count: int, rules: ModuleType, written: list[Path]) -> Path:
    """The param-file of several networks on each subset; ``written`` has it if it is new."""
    from isotrope.params.initialisations import with_initialisations

    there = set(file.parent.glob("*.yaml"))
    made = with_initialisations(file, count, rules.SUBSET_SEED)
    say(f"{count} networks on each subset: {made}")
    written += [] if made in there else [made]
    return made


def _run(file: Path, baseline: str | None, rules: ModuleType, words: list[str]) -> None:
    """Run, or plan, the challenge for a param-file, and say how it did."""
    from isotrope.cluster import starting
    from isotrope.params.param_folder import name_of
    from isotrope.plan import index_file
    from isotrope.results.challenge import (
        baseline_of,
        check_baseline,
        report,
        scores_of,
    )

    name = name_of(file)
    known = index_file.current(asks=index_file.only_look)  # Snakemake tries what it starts
    if broken := known.run(name).broken:
        raise UserError(*broken)
    parameters = next(iter(known.runs[name].points.values())).parameters
    if baseline is None:
        wanted = rules.baseline(parameters)
        beside = baseline_of(known, name, wanted, rules.SUBSET_SEED)
        if beside is None:
            complain("no param-file trains a baseline on the same images; name one with --baseline")
    else:
        beside = None if baseline == "none" else _run_named(baseline)
        if beside is not None:
            check_baseline(known, name, beside, rules.SUBSET_SEED)
    asked = ",".join([name, beside] if beside else [name])
    command = ["evaluations", "--config", f"runs={asked}", *words]
    done = subprocess.run(starting.prepare(command, "refuse", say), check=False)
    if done.returncode:
        complain(f"Snakemake ended with status {done.returncode}, for a reason that it gives above")
        raise typer.Exit(done.returncode)
    if starting.PLANS & set(command):
        return
    found = scores_of(known, name, rules.SUBSET_SEED)
    other = (beside, scores_of(known, beside, rules.SUBSET_SEED)[0]) if beside else None
    for line in report(found, rules.published(parameters), other):
        say(line)


def _study(study: str | None) -> str:
    """The study whose challenge is run.

    Raises:
        UserError: if it has none, or none is named and there are several.
    """
    known = [one for one in registry.study_folders() if _MODULE in registry.names(f"studies/{one}")]
    if study is None and len(known) == 1:
        return known[0]
    if study is None or study not in known:
        asked = "say whose challenge with --study" if study is None else f"--study {study}"
        hint = did_you_mean(study or "", known)
        raise UserError(f"{asked}: studies that have one are {', '.join(known)}{hint}")
    return study


def _run_named(text: str) -> str:
    """The run that a param-file or a name means."""
    return text.removeprefix(f"{paths.PARAM_FILES}/").removesuffix(".yaml")


def _param_file(what: str, samples: int | None, rules: ModuleType, written: list[Path]) -> Path:
    """The param-file of a model; it is written if need be, and then put into ``written``.

    One that is to be mended is not put there: it stays, whatever was asked for.

    Raises:
        UserError: if there is no such model or param-file, or what is written lacks something.
    """
    from isotrope.params.param_file import check_file

    if what.endswith(".yaml") or (what.count("/") == 2 and not what.endswith(".py")):
        if samples is not None:
            raise UserError(f"--samples: {what} says how many images it trains on")
        return paths.PARAM_FILES / f"{_run_named(what)}.yaml"
    model = Path(what).stem
    if what.endswith(".py"):
        mine = registry.users_folder("models")
        if Path(what).resolve() not in (
            (folder / f"{model}.py").resolve() for folder in (mine, registry.folder("models"))
        ):
            raise UserError(f"{what}: copy it to {mine}/{model}.py, where models of yours lie")
    registry.source("models", model)
    count = rules.SAMPLES[0] if samples is None else samples
    if count not in rules.SAMPLES:
        raise UserError(f"--samples {count}: choose from {', '.join(map(str, rules.SAMPLES))}")
    path = paths.PARAM_FILES / f"{rules.place(model, count)}.yaml"
    if path.exists():
        say(f"takes {path}")
    else:
        from isotrope.files.disk import write_whole

        write_whole(path, rules.param_file(model, count))
        say(f"wrote {path}: how it is trained is in there")
        if wrong := check_file(path, paths.PARAM_FILES).sentences:
            raise UserError(*wrong, f"mend {path}, then start again")
        written.append(path)
    return path
