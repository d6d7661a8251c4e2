"""From checked param-files to the entries of the index. Imports the plug-ins, and so torch."""

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from isotrope import registry
from isotrope.datasets.names import dataset_key
from isotrope.digests import dataset_digest
from isotrope.params.blocks import Plugin
from isotrope.params.envelope import Envelope
from isotrope.params.evaluations import Evaluation
from isotrope.params.param_file import Run, WaitingRun
from isotrope.params.points import Point, parameters
from isotrope.params.resources import (
    EvaluationResources,
    Resources,
    megabytes_in,
    minutes_in,
)
from isotrope.params.start import WeightsFile
from isotrope.plan.index import (
    DatasetEntry,
    EvaluationEntry,
    Index,
    JobEntry,
    OtherEntry,
    PointEntry,
    RunEntry,
    SelectEntry,
    StartEntry,
)
from isotrope.settings import build_settings


def index_of(runs: Sequence[Run], waiting: Sequence[WaitingRun] = ()) -> Index:
    """The index of checked runs, and of those that wait for plug-ins."""
    datasets: dict[str, DatasetEntry] = {}
    entries = {run.name: _run_entry(run, datasets) for run in runs}
    entries |= {run.name: _waiting_entry(run) for run in waiting}
    in_order = sorted(entries, key=lambda name: PurePath(f"{name}.yaml"))  # as files are listed
    return Index({name: entries[name] for name in in_order}, datasets)


def _run_entry(run: Run, datasets: dict[str, DatasetEntry]) -> RunEntry:
    first = run.points[0]
    return RunEntry(
        **_of_envelope(run.envelope),
        label=run.label,
        source=str(getattr(first.dataset.params, "source", "")),
        model=first.model.name,
        dataset=first.dataset.name,
        points={point.name: _point_entry(run, point, datasets) for point in run.points},
    )


def _waiting_entry(run: WaitingRun) -> RunEntry:
    return RunEntry(
        **_of_envelope(run.envelope),
        label=run.envelope.label or run.model,
        source="",
        model=run.model,
        dataset=run.dataset,
        points={},
        broken=list(run.reasons),
    )


def _of_envelope(envelope: Envelope) -> dict[str, Any]:
    """What the index keeps of a run whatever its plug-ins are."""
    resources = envelope.resources
    return {
        "study": envelope.study,
        "series": envelope.series,
        "seeds": envelope.seeds,
        "gpu": resources.gpu,
        "cpus": resources.cpus,
        "minutes": resources.minutes,
        "evaluation_minutes": resources.evaluation_minutes,
        "megabytes": resources.megabytes,
        "seeds_per_job": resources.seeds_per_job,
        "select": select_entry(envelope),
    }


def select_entry(envelope: Envelope) -> SelectEntry | None:
    """How the run's point is chosen, if it is."""
    return SelectEntry(**envelope.select.model_dump()) if envelope.select else None


def _point_entry(run: Run, point: Point, datasets: dict[str, DatasetEntry]) -> PointEntry:
    digest = point.digest
    return PointEntry(
        training_digest=digest,
        dataset=_add(point.dataset, datasets),
        evaluations={
            one.alias: EvaluationEntry(
                one.name,
                one.digest(digest, run.envelope.seeds),
                _add(one.dataset or point.dataset, datasets),
                _job(one, run.envelope.resources),
                one.of_run,
                _other(one, datasets),
                one.plugins(point.tested_plugins),
            )
            for one in run.evaluations
        },
        parameters=parameters(point.settings()),
        start=_start(point, datasets),
        plugins=list(point.plugins),
    )


def _start(point: Point, datasets: dict[str, DatasetEntry]) -> StartEntry | None:
    """What the training of a point begins with, if not with drawn weights."""
    if point.start is None:
        return None
    keys = [_add(plugin, datasets) for plugin in point.start.datasets]
    files, named = list(point.start.files), point.start.named
    if isinstance(named, WeightsFile):
        return StartEntry("", "", None, keys, files)
    seed = None if named.seed == "same" else named.seed
    return StartEntry(named.run, named.point, seed, keys, files)


def _job(one: Evaluation, run: Resources) -> JobEntry | None:
    """What the job of an evaluation asks for, if it has a job of its own."""
    if not one.has_own_job:
        return None
    own = one.resources or EvaluationResources()
    return JobEntry(
        gpu=run.gpu if own.gpu is None else own.gpu,
        cpus=own.cpus or run.cpus,
        minutes=minutes_in(own.runtime or run.evaluation_runtime),
        megabytes=megabytes_in(own.memory or run.memory),
    )


def _other(one: Evaluation, datasets: dict[str, DatasetEntry]) -> OtherEntry | None:
    """The network that an evaluation measures against, if it names one."""
    if one.other is None:
        return None
    named = one.other.name
    seed = None if named.seed == "same" else named.seed
    keys = [_add(dataset, datasets) for dataset in one.other.datasets]
    return OtherEntry(named.run, named.point, seed, keys, list(one.other.files))


def _add(plugin: Plugin, datasets: dict[str, DatasetEntry]) -> str:
    """Enter a data set, once, and return its key."""
    key, module = dataset_key(plugin.params), registry.load("data", plugin.name)
    fetched = getattr(module, "downloads", None)  # few data sets have any
    entry = DatasetEntry(
        name=plugin.name,
        key=key,
        settings=build_settings(plugin.params),
        digest=dataset_digest(plugin.name, plugin.params),
        local_files=module.local_files(plugin.params),
        download_files=fetched(plugin.params) if fetched else [],
    )
    datasets[f"{plugin.name}/{key}"] = entry
    return f"{plugin.name}/{key}"
