"""Seeds as runs of MLflow: one for each run, point and seed, in the experiment of its study.

A seed's MLflow run is found by its tags. What was written of it is noted, part by part, in the tag
``written``, last of all: after a kill the next call writes the missing parts again, and MLflow
keeps equal values once. An evaluation that came later joins the same MLflow run.

Where a seed was trained or evaluated anew, MLflow has no way to take values back. The seed then
gets a new MLflow run; the old one gets the tag ``superseded_by`` and is deleted in MLflow's sense:
it is hidden, under *State: Deleted*, and comes back if its settings do. What a user deleted there
stays deleted.

MLflow shows no infinities; they are written as NaN.

The figures of a study are the artifacts of one MLflow run of its experiment, which has the tag
``figures``; they are written again when any of them has changed.
"""

import hashlib
import json
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag, ViewType

from isotrope import paths
from isotrope.errors import UserError
from isotrope.files import disk, regular
from isotrope.results.tables import text_of
from isotrope.tracking import mlflow_store
from isotrope.tracking.seeds import TrackedSeed, Value

_WRITTEN, _SUPERSEDED = "written", "superseded_by"
_FIGURES = "figures"  # the tag that holds whose figures these are
_DOCUMENTS, _WEIGHTS = "documents", "weights"  # parts that may be replaced
_PAGE = 1000


@contextmanager
def opened(weights: bool) -> Iterator["MlflowRuns"]:
    """The store, open for writing.

    Args:
        weights: whether a seed's weights are kept with it, too.

    Raises:
        UserError: as `mlflow_store.opened`.
    """
    with mlflow_store.opened() as client:
        yield MlflowRuns(client, weights)


class MlflowRuns:
    """Writes seeds; made by ``opened``."""

    look = mlflow_store.LOOK

    def __init__(self, client: MlflowClient, weights: bool) -> None:
        self._client = client
        self._weights = weights
        self._experiments: dict[str, str | None] = {}  # None where the user deleted it
        self._point: tuple[str, str] | None = None  # whose MLflow runs are known
        self._known: dict[str, list[Run]] = {}  # by seed

    def put(self, seed: TrackedSeed) -> tuple[str, dict[str, Any]]:
        """Write what is not there yet of a seed.

        Returns:
            ``new``, ``brought up to date``, ``as before`` or ``left deleted``, and the MLflow run.

        Raises:
            UserError: if an artifact cannot be written, or weights are asked for and absent.
        """
        experiment = self._experiment(seed.group)
        known = self._runs(seed)
        same = [run for run in known if _is_of(run, experiment, seed)]
        fitting = [run for run in same if _fits(run, seed)]
        active = [run for run in fitting if _is_active(run)]
        hidden = [run for run in fitting if _SUPERSEDED in run.data.tags and not _is_active(run)]
        removed = [run for run in same if _SUPERSEDED not in run.data.tags and not _is_active(run)]
        if experiment is None or (removed and not active):
            run, outcome = (removed[0] if removed else None), "left deleted"
        elif active:
            run = active[0]
            outcome = "brought up to date" if self._write(run, seed) else "as before"
        elif hidden:
            run, outcome = self._restored(hidden[0].info.run_id), "brought up to date"
            self._write(run, seed)
        else:
            run, outcome = self._created(str(experiment), seed), "new"
            self._write(run, seed)
        number = run.info.run_id if run else None
        for other in known:
            if number and _is_active(other) and other.info.run_id != number:
                self._client.set_tag(other.info.run_id, _SUPERSEDED, number)
                self._client.delete_run(other.info.run_id)
        return outcome, {"experiment": seed.group, "mlflow_run": number}

    def put_figures(self, group: str, files: Sequence[Path]) -> str:
        """Keep the files of a group's figures as artifacts, unless they are there.

        Returns:
            ``new``, ``brought up to date``, ``as before`` or ``left deleted``.

        Raises:
            UserError: if an artifact cannot be written.
        """
        experiment = self._experiment(group)
        if experiment is None:
            return "left deleted"
        filter_string = f"tags.{_FIGURES} = '{group}'"
        found = self._client.search_runs([experiment], filter_string, ViewType.ALL)
        digest = _digest([(path.name, disk.checksum(regular.read_bytes(path))) for path in files])
        if found and not _is_active(found[0]):
            return "left deleted"
        if found and found[0].data.tags.get(_WRITTEN) == digest:
            return "as before"
        if found:
            number, outcome = found[0].info.run_id, "brought up to date"
        else:
            run = self._client.create_run(experiment, tags={_FIGURES: group}, run_name="figures")
            number, outcome = run.info.run_id, "new"
        self._write_files(number, {path.name: regular.read_bytes(path) for path in files})
        self._client.set_tag(number, _WRITTEN, digest)
        self._client.set_terminated(number)
        return outcome

    def _experiment(self, group: str) -> str | None:
        """The number of a group's experiment, which is made if need be."""
        if group not in self._experiments:
            found = self._client.get_experiment_by_name(group)
            if found is None:
                self._experiments[group] = self._client.create_experiment(
                    group, artifact_location=mlflow_store.artifacts_of(group).as_posix()
                )
            else:
                deleted = found.lifecycle_stage == "deleted"
                self._experiments[group] = None if deleted else found.experiment_id
        return self._experiments[group]

    def _runs(self, seed: TrackedSeed) -> list[Run]:
        """The MLflow runs of a seed, deleted ones too; those of a point are asked for at once."""
        if self._point != (seed.run, seed.point):
            every = self._client.search_experiments(view_type=ViewType.ALL)
            self._known, token = {}, None
            while True:
                page = self._client.search_runs(
                    [one.experiment_id for one in every],
                    f"tags.run = '{seed.run}' and tags.point = '{seed.point}'",
                    ViewType.ALL,
                    _PAGE,
                    page_token=token,
                )
                for run in page:
                    self._known.setdefault(run.data.tags.get("seed", ""), []).append(run)
                if not (token := page.token):
                    break
            self._point = (seed.run, seed.point)
        return self._known.get(str(seed.seed), [])

    def _created(self, experiment: str, seed: TrackedSeed) -> Run:
        point = "" if seed.point == "base" else f", {seed.point}"
        return self._client.create_run(
            experiment,
            start_time=_milliseconds(seed.started),
            tags=_tags(seed),
            run_name=f"{seed.seed}: {seed.run}{point}",
        )

    def _restored(self, number: str) -> Run:
        self._client.restore_run(number)
        self._client.delete_tag(number, _SUPERSEDED)
        return self._client.get_run(number)

    def _write(self, run: Run, seed: TrackedSeed) -> bool:
        """Write what an MLflow run lacks; whether it lacked anything."""
        number, parts = run.info.run_id, _expected_parts(seed, self._weights)
        missing = {
            part: digest for part, digest in parts.items() if _written(run).get(part) != digest
        }
        tags = [RunTag(k, v) for k, v in _tags(seed).items() if run.data.tags.get(k) != v]
        parameters = [
            Param(key, value)
            for key, value in _parameters(seed).items()
            if key not in run.data.params
        ]
        status = "FAILED" if seed.status == "diverged" else "FINISHED"
        if not (missing or tags or parameters or run.info.status != status):
            return False
        metrics = [
            Metric(one.name, _finite(one), _milliseconds(one.time), one.step)
            for part, values in seed.values.items()
            if part in missing
            for one in values
        ]
        self._client.log_batch(number, metrics, parameters, tags)
        if {_DOCUMENTS, _WEIGHTS} & set(missing):
            self._write_artifacts(number, seed, _WEIGHTS in missing)
        self._client.set_terminated(number, status, _milliseconds(seed.finished))
        if missing:
            self._client.set_tag(number, _WRITTEN, json.dumps(_written(run) | missing))
        return True

    def _write_artifacts(self, number: str, seed: TrackedSeed, weights: bool) -> None:
        contents = {name: text.encode() for name, text in seed.documents.items()}
        self._write_files(number, contents, [seed.weights] if weights else [])

    def _write_files(
        self, number: str, contents: Mapping[str, bytes], copied: Sequence[Path] = ()
    ) -> None:
        """Keep files as artifacts of an MLflow run: some contents, and copies of some others."""
        part = disk.part_of(mlflow_store.ARTIFACTS)
        with disk.named_errors(mlflow_store.ARTIFACTS, "written"):
            try:
                part.mkdir(parents=True)
                for name, content in contents.items():
                    (part / name).write_bytes(content)
                for path in copied:
                    shutil.copyfile(path, part / path.name)
                self._client.log_artifacts(number, str(part))
            finally:
                shutil.rmtree(part, ignore_errors=True)


def _is_active(run: Run) -> bool:
    return bool(run.info.lifecycle_stage == "active")


def _is_of(run: Run, experiment: str | None, seed: TrackedSeed) -> bool:
    """Whether an MLflow run is of this seed as it is trained now."""
    digest = run.data.tags.get("training_digest")
    return experiment in (None, run.info.experiment_id) and digest == seed.digest


def _fits(run: Run, seed: TrackedSeed) -> bool:
    """Whether nothing that was written of a seed is another now; more may have come."""
    written = _written(run)
    values = {part: _digest(values) for part, values in seed.values.items()}
    parameters = _parameters(seed)
    return all(written.get(part, digest) == digest for part, digest in values.items()) and all(
        parameters.get(key, value) == value for key, value in run.data.params.items()
    )


def _written(run: Run) -> dict[str, str]:
    """The parts of a seed that an MLflow run holds, each with its digest."""
    found: dict[str, str] = json.loads(run.data.tags.get(_WRITTEN, "{}"))
    return found


def _expected_parts(seed: TrackedSeed, weights: bool) -> dict[str, str]:
    """The parts that an MLflow run of a seed should hold, each with its digest.

    Raises:
        UserError: if weights are asked for and absent.
    """
    parts = {part: _digest(values) for part, values in seed.values.items()}
    parts[_DOCUMENTS] = _digest(seed.documents)
    if weights:
        if not seed.weights.is_file():
            raise UserError(
                f"{seed.weights} is not there; run `snakemake runs`, or leave --weights out"
            )
        parts[_WEIGHTS] = seed.digest
    return parts


def _digest(content: object) -> str:
    """Eight letters that stand for a content; floats count with every bit."""
    return hashlib.sha256(repr(content).encode()).hexdigest()[:8]


def _tags(seed: TrackedSeed) -> dict[str, str]:
    param_file = f"{paths.PARAM_FILES}/{seed.run}.yaml"
    facts = {key: fact for key, fact in seed.facts.items() if key != "git_commit"}
    tags = {
        "run": seed.run,
        "point": seed.point,
        "seed": str(seed.seed),
        "training_digest": seed.digest,
        **facts,
        "mlflow.source.name": param_file,
        "mlflow.source.type": "LOCAL",
    }
    if commit := seed.facts.get("git_commit"):
        tags["mlflow.source.git.commit"] = commit
    return tags


def _parameters(seed: TrackedSeed) -> dict[str, str]:
    return {key: text_of(value) for key, value in seed.parameters.items()}


def _finite(measured: Value) -> float:
    return measured.value if math.isfinite(measured.value) else math.nan


def _milliseconds(time: float) -> int:
    return round(1000 * time)
