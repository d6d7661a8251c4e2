"""From the words of a command line to the tasks that training and evaluation take."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from isotrope import paths
from isotrope.datasets.local_data import checksum, checksums
from isotrope.datasets.names import dataset_key
from isotrope.devices import DeviceName
from isotrope.digests import with_local_files
from isotrope.errors import UserError, did_you_mean
from isotrope.measuring.task import BoundEvaluation, EvaluationTask, TrainedSeed
from isotrope.packs.code_records import Code
from isotrope.params.blocks import Plugin
from isotrope.params.evaluations import Evaluation
from isotrope.params.param_file import Run, read_run
from isotrope.params.points import Point
from isotrope.params.references import OtherNetwork
from isotrope.params.seeds import packs_of_seeds, seeds_in
from isotrope.params.start import WeightsFile
from isotrope.plan.index_file import as_written, in_job
from isotrope.plan.indexing import select_entry
from isotrope.plan.result_code import ResultCode
from isotrope.results import choice
from isotrope.training import imported, initial_weights, shipped
from isotrope.training.task import TrainingTask


def training_tasks(
    file: Path,
    point: str,
    pack: str | None,
    seeds: str | None,
    device: str,
    threads: int | None,
    save_every: float = 30.0,
    eager: bool = False,
) -> list[TrainingTask]:
    """One task for each pack of a run's point that holds seeds which are asked for.

    Args:
        file: the param-file.
        point: the point; ``selected`` for the chosen one.
        pack: the one pack that is asked for.
        seeds: the seeds that are asked for.
        device: the device's name.
        threads: CPU threads of one operation; None for as many as a job of the run has.
        save_every: seconds between two states of unfinished seeds.
        eager: whether steps are launched one by one.

    Raises:
        UserError: for a mistake in the param-file, an unknown point or pack, or seeds that the
            param-file does not ask for.
    """
    run = read_run(file)
    chosen = _point(run, point)
    _as_planned(file, run, chosen)
    digest, code = effective_digest(chosen), _code(ResultCode(), chosen.plugins)
    return [
        TrainingTask(
            run=run.name,
            point=chosen.name,
            selected=point == paths.SELECTED,
            pack=name,
            seeds=members,
            model_name=chosen.model.name,
            model_params=chosen.model.params,
            dataset_name=chosen.dataset.name,
            dataset_params=chosen.dataset.params,
            training=chosen.training,
            training_digest=digest,
            start=_start(chosen),
            settings=chosen.settings(),
            device=device_name(device),
            threads=threads or run.envelope.resources.cpus,
            save_every=save_every,
            eager=eager,
            stack=None if (wanted := run.envelope.resources.stack) == "auto" else wanted,
            code=code,
        )
        for name, members in packs_asked_for(run, point, pack, seeds).items()
    ]


def gpus_of(file: Path) -> int:
    """The GPUs that a job of a run asks for.

    Raises:
        UserError: for a mistake in the param-file.
    """
    return read_run(file).envelope.resources.gpu


def ship(file: Path, point: str, seed: int) -> Path:
    """Copy a trained seed to where trained seeds come with the project.

    Raises:
        UserError: as ``training_tasks``, or if the seed is not trained.
    """
    (task,) = training_tasks(file, point, None, str(seed), "cpu", 1)
    return shipped.ship(task, seed)


def import_seed(file: Path, point: str, seed: int, weights: Path) -> Path:
    """Store weights that were trained elsewhere as a finished seed.

    Raises:
        UserError: as ``training_tasks``, or if the seed is there already or the weights do not fit.
    """
    (task,) = training_tasks(file, point, None, str(seed), "cpu", 1)
    return imported.import_seed(task, seed, weights)


def evaluation_tasks(
    file: Path,
    point: str,
    pack: str | None,
    seeds: str | None,
    device: str,
    threads: int | None,
    table: str | None = None,
    own_jobs: bool = True,
) -> list[EvaluationTask]:
    """What there is to evaluate of a run's point, in the order of its packs.

    For each pack that holds seeds which are asked for this is a task for the evaluations that share
    a job, and one for each that has a job of its own; then one for each evaluation of the run as a
    whole, unless only a pack or some seeds are asked for.

    Args:
        file: the param-file.
        point: the point; ``selected`` for the chosen one.
        pack: the one pack that is asked for.
        seeds: the seeds that are asked for.
        device: the device's name.
        threads: CPU threads of one operation; None for as many as the job in Snakemake has.
        table: the one evaluation that is asked for, by the name of its table; those that share
            its job are done with it.
        own_jobs: whether evaluations that have jobs of their own are asked for, too.

    Raises:
        UserError: as ``training_tasks``, or if no evaluation has such a table.
    """
    run = read_run(file)
    chosen = _point(run, point)
    _as_planned(file, run, chosen, measured=True)
    known = {one.alias: one for one in run.evaluations}
    if table is not None and table not in known:
        raise UserError(f"{run.name} has no evaluation '{table}'{did_you_mean(table, known)}")
    alone = [
        one
        for one in known.values()
        if one.has_own_job and (own_jobs if table is None else table == one.alias)
    ]
    shared = [one for one in known.values() if not one.has_own_job]
    with_shared = table is None or not known[table].has_own_job
    common: dict[str, Any] = {
        "run": run.name,
        "point": chosen.name,
        "selected": point == paths.SELECTED,
        "training_digest": effective_digest(chosen),
        "device": device_name(device),
    }

    code = ResultCode()

    def task(
        packs: dict[str, list[int]], evaluations: list[Evaluation], own: str | None = None
    ) -> EvaluationTask:
        bound = [_bound(one, run, chosen, code) for one in evaluations]
        of_run = any(one.of_run for one in evaluations)
        asked = evaluations[0].resources if own else None
        cpus = (asked.cpus if asked else None) or run.envelope.resources.cpus
        return EvaluationTask(
            packs=packs,
            evaluations=bound,
            table=own,
            of_run=of_run,
            threads=threads or cpus,
            **common,
        )

    found = []
    for name, members in packs_asked_for(run, point, pack, seeds).items():
        if with_shared:
            found.append(task({name: members}, shared))
        of_pack = [one for one in alone if not one.of_run]
        found += [task({name: members}, [one], one.alias) for one in of_pack]
    if pack is None and seeds is None:
        packs = packs_asked_for(run, point, None, None)
        found += [task(packs, [one], one.alias) for one in alone if one.of_run]
    return found


def _point(run: Run, name: str) -> Point:
    """The point of that name; behind ``selected`` the one that was chosen.

    Raises:
        UserError: if there is no such point, or none was chosen.
    """
    rule = select_entry(run.envelope)
    if rule is None or name != paths.SELECTED:
        return run.point(name)
    digests = {point.name: effective_digest(point) for point in run.points}
    return run.point(choice.winner(run.name, rule, digests))


def _as_planned(file: Path, run: Run, point: Point, measured: bool = False) -> None:
    """In a job of the workflow, compare the param-file with what the job was planned for.

    Raises:
        UserError: if a value has changed since on which the results depend.
    """
    if not in_job():
        return
    planned, now = as_written().run(run.name).points.get(point.name), point.digest
    wanted = (
        {one.alias: one.digest(now, run.envelope.seeds) for one in run.evaluations}
        if measured
        else {}
    )
    known = planned.evaluations.items() if planned and measured else ()
    if (
        planned is None
        or planned.training_digest != now
        or {alias: one.digest for alias, one in known} != wanted
    ):
        raise UserError(
            f"{file} has changed since Snakemake planned this job; start Snakemake again for what "
            "it says now, or restore it"
        )


def effective_digest(point: Point) -> str:
    """The training digest of a point, with the checksums of the user's own files if it has any.

    Raises:
        UserError: if the data set is not built.
    """
    manifests = dict.fromkeys(_manifest(dataset) for dataset in point.datasets)
    return with_local_files(point.digest, *manifests, own=checksums(point.files))


def _start(point: Point) -> initial_weights.Start | None:
    """The weights that the training of a point begins with, if they are not drawn."""
    if point.start is None:
        return None
    named = point.start.named
    if isinstance(named, WeightsFile):
        return initial_weights.FileStart(named.file, checksum(named.file))
    other = read_run(paths.PARAM_FILES / f"{named.run}.yaml").point(named.point)
    seed = None if named.seed == "same" else named.seed
    return initial_weights.SeedStart(named.run, named.point, seed, effective_digest(other))


def _manifest(plugin: Plugin) -> Path:
    return paths.manifest(plugin.name, dataset_key(plugin.params))


def _bound(one: Evaluation, run: Run, point: Point, code: ResultCode) -> BoundEvaluation:
    """An evaluation of a point, with the digest that its results are kept under."""
    tested = one.dataset or point.dataset
    manifests = [*(_manifest(dataset) for dataset in point.datasets), _manifest(tested)]
    if one.other is not None:
        manifests += [_manifest(dataset) for dataset in one.other.datasets]
    digest = one.digest(point.digest, run.envelope.seeds)
    files = dict.fromkeys([*point.files, *(one.other.files if one.other else ())])
    digest = with_local_files(digest, *dict.fromkeys(manifests), own=checksums(list(files)))
    against = _seeds_of_other(one.other.name, run) if one.other else {}
    its = _code(code, one.plugins(point.tested_plugins))
    return BoundEvaluation(one, tested, digest, against, point.dataset, its)


def _code(code: ResultCode, plugins: Iterable[str]) -> Code:
    """The code behind plug-ins; in a job of the workflow, with what has changed since the plan."""
    found = code.of(plugins)
    planned = as_written().code if in_job() else found.files
    return replace(found, since=[f for f, one in found.files.items() if planned.get(f) != one])


def _seeds_of_other(named: OtherNetwork, run: Run) -> dict[int, TrainedSeed]:
    """The trained seed of another run for each seed of this one."""
    other = read_run(paths.PARAM_FILES / f"{named.run}.yaml")
    digest = effective_digest(other.point(named.point))
    folders = {
        seed: paths.pack_folder(named.run, named.point, pack)
        for pack, members in packs_asked_for(other, named.point, None, None).items()
        for seed in members
    }
    wanted = {s: s if named.seed == "same" else named.seed for s in run.envelope.seeds}
    return {seed: TrainedSeed(folders[its], its, digest) for seed, its in wanted.items()}


def packs_asked_for(
    run: Run, point: str, pack: str | None, seeds: str | None
) -> dict[str, list[int]]:
    """The packs asked for, each with the seeds asked for; a candidate has those of the choice.

    Raises:
        UserError: for a pack that the run does not have, or seeds that it does not ask for.
    """
    select = run.envelope.select
    candidate = select is not None and point != paths.SELECTED
    known = select.seeds if select is not None and candidate else run.envelope.seeds
    packs = packs_of_seeds(known, run.envelope.resources.seeds_per_job)
    if pack is not None:
        if pack not in packs:
            raise UserError(f"{run.name} has no pack seeds-{pack}{did_you_mean(pack, packs)}")
        packs = {pack: packs[pack]}
    if seeds is None:
        return packs
    wanted = seeds_in(seeds)
    if strange := [seed for seed in wanted if seed not in known]:
        listed = ", ".join(str(seed) for seed in strange)
        key = "select.seeds" if candidate else "seeds"
        raise UserError(f"{run.name}: {key} does not hold {listed}; add it to the param-file")
    chosen = {name: [s for s in members if s in wanted] for name, members in packs.items()}
    found = {name: members for name, members in chosen.items() if members}
    if not found:
        raise UserError(f"{run.name}: the pack seeds-{pack} holds none of the seeds {seeds}")
    return found


def device_name(name: str) -> DeviceName:
    """The device of a command line's word.

    Raises:
        UserError: if there is no such device.
    """
    for known in ("auto", "cpu", "cuda"):
        if name == known:
            return known
    raise UserError(f"--device {name}: choose from auto, cpu, cuda")
