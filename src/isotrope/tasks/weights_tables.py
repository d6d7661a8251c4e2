"""Tables of chosen folders of weights, from which a figure is drawn without a run of Snakemake.

The networks of each folder are given to the evaluations that the figure is drawn from, on the data
sets that they were trained with, and what these say is collected as the workflow would collect it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from isotrope import paths, registry
from isotrope.datasets import loading
from isotrope.errors import UserError
from isotrope.files import disk
from isotrope.files.arrays import Array
from isotrope.measuring.called import rows_of
from isotrope.measuring.networks import Networks
from isotrope.packs import rows as stored
from isotrope.packs import summary
from isotrope.packs.summary import Summary
from isotrope.params.blocks import Plugin, check_plugin
from isotrope.params.evaluations import Evaluation, evaluation_misfits
from isotrope.params.modelling import settings_of
from isotrope.params.param_file import read_run
from isotrope.params.points import parameters
from isotrope.plan.figures import StudyFigures
from isotrope.results import table_arrays, tables
from isotrope.results.tables import CollectedPack

Log = Callable[[str], None]

NOT_MEASURED = ("runs", "selection")  # tables that no evaluation makes
NAMES = ("dataset.name", "model.name", "dataset.source")  # have columns of their own
OF_TRAINING = (paths.RECORDINGS, paths.HISTORIES)  # arrays that training leaves


@dataclass(frozen=True)
class Weights:
    """A folder of weights.

    Args:
        folder: the pack's.
        known: its summary.
        study: of its param-file; empty where that is gone.
        series: as ``study``.
        label: as ``study``; then the run's name.
    """

    folder: Path
    known: Summary
    study: str
    series: str
    label: str

    @property
    def seeds(self) -> list[int]:
        """The seeds that have not diverged."""
        return [seed for seed, status in self.known.status.items() if status != "diverged"]

    def dataset(self) -> Plugin:
        """The data set of its training.

        Raises:
            UserError: if the data set no longer takes its settings.
        """
        said = self.known.part("dataset")
        return self._plugin(said["name"], registry.load("data", said["name"]).Params, said)

    def model(self) -> Plugin:
        """Its model; errors as of `dataset`."""
        said = self.known.part("model")
        return self._plugin(said["name"], settings_of(said["name"]), said)

    def _plugin(self, name: str, settings: Any, said: Mapping[str, Any]) -> Plugin:
        try:
            return Plugin(name, settings.model_validate_json(json.dumps(said["params"])))
        except ValueError as error:
            raise UserError(f"{self.known.path}: {name} does not take these settings") from error


def open_folders(folders: Sequence[Path]) -> list[Weights]:
    """What is known of folders of weights, each once.

    Raises:
        UserError: if one is no folder of a pack, or damaged, or all of its seeds have diverged.
    """
    found = [_weights(folder) for folder in dict.fromkeys(map(Path, folders))]
    if lost := [one.folder for one in found if not one.seeds]:
        raise UserError(*(f"{folder}: all seeds have diverged" for folder in lost))
    return found


def _weights(folder: Path) -> Weights:
    known = summary.read(folder)
    run = str(known.part("run"))
    path = paths.PARAM_FILES / f"{run}.yaml"
    if not path.is_file():
        return Weights(folder, known, "", "own", run)
    read = read_run(path)
    return Weights(folder, known, read.envelope.study, read.envelope.series, read.label)


def study_of(weights: Sequence[Weights], figure: str) -> str:
    """The study whose figure is drawn: that of all folders if they have one, else any that has it.

    Raises:
        UserError: if no study has such a figure.
    """
    studies = {one.study for one in weights}
    folders = [folder for folder in registry.figure_folders() if folder != "general"]
    wanted = [*(sorted(studies) if len(studies) == 1 else []), "general", *sorted(folders)]
    for study in filter(None, wanted):
        if figure in StudyFigures(study).kinds:
            return study
    StudyFigures("general").kind(figure)  # says that there is none
    return "general"


def write_tables(
    weights: Sequence[Weights],
    study: str,
    figure: str,
    settings: Mapping[str, Any],
    folder: Path,
    device: torch.device,
    log: Log,
) -> None:
    """Evaluate folders of weights, and write the tables of a figure.

    Args:
        weights: the folders.
        study: whose figure it is.
        figure: its name.
        settings: of the evaluation, in place of its defaults.
        folder: where the tables go; what an earlier call wrote there is replaced.
        device: where the networks compute.
        log: is told what is evaluated.

    Raises:
        UserError: if a file is absent or damaged, a data set is not built, the figure needs what no
            evaluation of networks gives, or a model does not serve an evaluation.
    """
    wanted = _evaluations_of(study, figure)
    packs = _packs(weights, study)
    for name in wanted:
        found = _checked(name, settings if len(wanted) == 1 else {}, weights)
        for i, (one, pack) in enumerate(zip(weights, packs, strict=True)):
            log(f"{name}: {one.folder}")
            rows, arrays = _measured(found, one, device)
            place = folder / "packs" / str(i)
            _write(place, pack, name, rows, arrays)
            has_arrays = {name: place / name} if arrays else {}
            packs[i] = replace(
                packs[i],
                evaluations=(*packs[i].evaluations, name),
                files={**packs[i].files, name: place / f"{name}.csv"},
                arrays={**packs[i].arrays, **has_arrays},
            )
    tables.collect(study, packs, folder)
    for table in sorted({table for pack in packs for table in pack.arrays}):
        table_arrays.collect_arrays(packs, table, folder)


def _evaluations_of(study: str, figure: str) -> list[str]:
    """The evaluations that make the tables of a figure.

    Raises:
        UserError: if it needs other tables, too.
    """
    its = StudyFigures(study)
    named = [table.removesuffix(".npz") for table in its.tables(figure)]
    found = [name for name in dict.fromkeys(named) if name not in NOT_MEASURED]
    known = registry.names("evaluation")
    if strange := [name for name in found if name not in known or name in OF_TRAINING]:
        listed = ", ".join(strange)
        raise UserError(
            f"the figure {figure} needs {listed}, which weights alone do not give; draw it from "
            "the tables of a study, with --group"
        )
    return found


def _packs(weights: Sequence[Weights], study: str) -> list[CollectedPack]:
    """The folders as tables know them; runs that share name, point and a seed are told apart."""
    found, met = [], set[tuple[str, str, int]]()
    for one in weights:
        run, point = str(one.known.part("run")), str(one.known.part("point"))
        keys = {(run, point, seed) for seed in one.known.seeds}
        if keys & met:
            run = f"{run} ({one.folder})"
        met |= keys
        settings = parameters(one.known.part("settings"))
        found.append(
            CollectedPack(
                run=run,
                study=study,
                series=one.series,
                label=one.label,
                source=str(settings.get("dataset.source") or ""),
                model=one.known.part("model")["name"],
                dataset=one.known.part("dataset")["name"],
                point=point,
                parameters={k: v for k, v in settings.items() if k not in NAMES},
                pack=one.folder,
                seeds=tuple(one.known.seeds),
                training_digest=one.known.training_digest,
                evaluations=(),
            )
        )
    return found


def _checked(name: str, settings: Mapping[str, Any], weights: Sequence[Weights]) -> Evaluation:
    """The evaluation with its settings, which all folders serve.

    Raises:
        UserError: if they do not, or a setting is wrong.
    """
    plugin, complaints = check_plugin("evaluation", {"name": name, **settings}, ())
    if plugin is None:
        raise UserError(*(f"{'.'.join(map(str, at))}{what}" for at, what in complaints))
    found = Evaluation(name, name, plugin.params, None, (name,))
    for one in weights:
        if wrong := evaluation_misfits(one.dataset(), one.model(), [found]):
            raise UserError(*(f"{one.folder}{what}" for _, what in wrong))
    if found.of_run or found.chooses_on:
        raise UserError(f"{name} needs more than the weights of a seed; ask for it in a param-file")
    return found


def _measured(
    evaluation: Evaluation, weights: Weights, device: torch.device
) -> tuple[list[dict[str, Any]], dict[int, dict[str, Array]]]:
    """Rows of all seeds of a folder, and arrays by seed where the evaluation gives any."""
    dataset = weights.dataset()
    data = loading.load_split(dataset.name, dataset.params, evaluation.split)
    networks = Networks.open(weights.folder, device, weights.seeds)
    return rows_of(evaluation, networks, [data])


def _write(
    place: Path,
    pack: CollectedPack,
    name: str,
    rows: Sequence[Mapping[str, Any]],
    arrays: Mapping[int, Mapping[str, Array]],
) -> None:
    """The rows of a folder under an evaluation, and the arrays of each seed."""
    place.mkdir(parents=True, exist_ok=True)
    at = {"evaluation": name, "run": pack.run, "point": pack.point}
    text = stored.results_text([stored.cells_of({**at, **row}, name) for row in rows])
    disk.write_whole(place / f"{name}.csv", text)
    for seed, its in arrays.items():
        (place / name).mkdir(exist_ok=True)
        of_seed = [stored.cells_of(row, name) for row in rows if row["seed"] == seed]
        stored.write(place / name / f"{seed}.csv", of_seed, its)
