"""The figures whose descriptions are written down, each drawn from made-up tables of some cases.

A test compares what a figure shows with what it showed when somebody last looked at it. Who changes
a figure looks at it, and then writes its descriptions again:
``python tests/figures/described_cases.py NAME``.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import glimpse_tables
import lived_in_tables as later
import log_polar_tables
import numpy as np
import pandas
import scattering_tables
import shift_tables
from description import described, differences
from drawn_properties import broken
from made_up_tables import write_tables
from matplotlib.figure import Figure

from isotrope import registry
from isotrope.plan.figures import StudyFigures
from isotrope.results.drawing import read_tables, typeset_figure

PUBLISHED = Path(__file__).parents[2] / "workflow" / "published"
FOLDER = Path(__file__).parent / "descriptions"
Write = Callable[[Path], object]


class Case(NamedTuple):
    """A figure of a study, drawn from the tables of a case."""

    study: str
    case: str
    name: str

    @property
    def kind(self) -> str:
        """Where its module is."""
        return StudyFigures(self.study).kind(self.name)

    @property
    def path(self) -> Path:
        """Where its description is."""
        return FOLDER / self.study / self.case / f"{self.name}.txt"


def _scale(**asked: Any) -> Write:
    return lambda folder: write_tables(folder, **asked)


def _log_polar(*networks: log_polar_tables.Network, **asked: Any) -> Write:
    def write(folder: Path) -> None:
        log_polar_tables.write_log_polar_tables(folder, networks, **asked)
        log_polar_tables.write_costs(folder)

    return write


def _shift(*networks: shift_tables.Network, **asked: Any) -> Write:
    def write(folder: Path) -> None:
        shift_tables.write_shift_tables(folder, networks, **asked)
        shift_tables.write_costs(folder)

    return write


def _scattering(*networks: scattering_tables.Network, **asked: Any) -> Write:
    return lambda folder: scattering_tables.write_scattering_tables(folder, networks, **asked)


def _glimpse(*networks: glimpse_tables.Network, **asked: Any) -> Write:
    return lambda folder: glimpse_tables.write_glimpse_tables(folder, networks, **asked)


CASES: dict[str, dict[str, Write]] = {
    "scale": {
        "demo": _scale(labels={"ensemble": "Image pyramid, mean of logits"}),
        "tasks": _scale(scenarios=("mid2rest", "all2all"), tasks=("emoji", "trafficsign")),
        "one": _scale(models=["slice_pool", "pixel_pool"], seeds=[1]),
    },
    "log_polar": {
        "all": _log_polar(*log_polar_tables.NETWORKS),
        "turned": _log_polar(*log_polar_tables.NETWORKS[:2], *log_polar_tables.TRAINED_TURNED),
        "few": _log_polar(*log_polar_tables.FEW_IMAGES, seeds=(1, 2)),
        "later": later.case(
            log_polar_tables.write_log_polar_tables,
            (
                *log_polar_tables.NETWORKS,
                *log_polar_tables.TRAINED_TURNED[:2],
                replace(log_polar_tables.NETWORKS[5], run="cnn/affnist/a", dataset="affnist"),
            ),
            arrays={},
            runs=later.lost_seeds,
            accuracy=later.without_last_seed,
            rotation=later.without_last_seed,
        ),
    },
    "shift": {
        "all": _shift(*shift_tables.NETWORKS),
        "mixed": _shift(*shift_tables.ON_IMAGENET, *shift_tables.LOGITS, *shift_tables.MODES),
        "one": _shift(*shift_tables.NETWORKS[1:4], seeds=(2,)),
        "later": later.case(
            shift_tables.write_shift_tables,
            (*shift_tables.NETWORKS, shift_tables.ON_IMAGENET[-1]),
            arrays={},
            runs=later.lost_seeds,
            accuracy=later.without_last_seed,
            segmentation=later.with_others("protocol", "each", {"published": 0.9}),
            shift_consistency=later.with_others("protocol", "cifar", {"mine": 0.5}),
        ),
    },
    "scattering": {
        "cifar": _scattering(*scattering_tables.CIFAR),
        "forms": _scattering(*scattering_tables.FORMS),
        "demo": _scattering(*scattering_tables.DEMO, seeds=(1,)),
        "later": later.case(
            scattering_tables.write_scattering_tables,
            scattering_tables.OTHERS,
            arrays={"histories": later.other_histories, "recordings": later.other_recordings},
            runs=later.lost_seeds,
            accuracy=later.without_last_seed,
        ),
    },
    "glimpse": {
        "all": _glimpse(*glimpse_tables.NETWORKS),
        "few": _glimpse(*glimpse_tables.ON_SIM2MNIST, seeds=(2,)),
        "later": later.case(
            glimpse_tables.write_glimpse_tables,
            (*glimpse_tables.NETWORKS, *glimpse_tables.ON_SIM2MNIST),
            arrays={},
            runs=later.lost_seeds,
            adversarial=lambda rows: later.with_others("attack", "square", {"mine": 0.8})(
                later.with_others("norm", "linf", {"l2": 0.9})(later.without_last_seed(rows))
            ),
        ),
    },
}
GENERAL = {  # the cases, and the figures of all studies that are drawn of them
    "scale/demo": "accuracy accuracy_distribution parameters rotation equivariance",
    "log_polar/all": " ".join(registry.names("figures/general")),
    "log_polar/few": "accuracy rotation scaling rotation_and_scaling deformation",
    "log_polar/later": "accuracy accuracy_distribution equivariance equivariance_maps parameters "
    "rotation rotation_and_scaling scaling training_time",
    "shift/later": "consistency",
    "shift/all": "consistency consistency_by_distance worst_shift",
    "scattering/cifar": "deformation training_time",
}
OWN = {  # the figures of one study that are drawn of a case, where they are not all
    "scale/tasks": "accuracy_summary scale_generalization scale_generalization_summary tasks "
    "training_time kernel_sizes_by_scale equivariance_summary",
    "log_polar/turned": "errors_by_dataset translation_as_published learned_kernels",
    "shift/mixed": "accuracy_and_consistency logit_networks published_tables training_modes "
    "segmentation_scores",
    "shift/one": "phase_selection segmentation_scores temperature_and_entropy",
    "scattering/forms": "accuracy_by_samples accuracy_tables learning_gains parameterizations",
    "scattering/cifar": "accuracy_by_samples accuracy_tables dataset_samples filter_distance "
    "filter_parameters gradient_trajectories learning_curves learning_gains learning_rates "
    "matched_filters network_costs parameter_trajectories",
    "log_polar/later": "errors_by_dataset",
    "shift/later": "accuracy_and_consistency phase_selection segmentation_scores "
    "temperature_and_entropy untrained_consistency",
    "scattering/later": "accuracy_by_samples accuracy_tables filter_distance learning_curves "
    "learning_gains parameter_trajectories matched_filters",
    "glimpse/later": "confident_stop robustness success_by_iterations",
    "glimpse/few": "accuracy_by_glimpses confident_stop robustness sim2mnist_errors size_transfer",
}

AS_WRITTEN = {"runs", "layer_costs", "method_costs", "network_costs", "deformation"}  # in order


def cases_of(kind: str) -> list[Case]:
    """The figures of a folder, in the cases that are described."""
    return [
        Case(study, case, name)
        for study, cases in CASES.items()
        for case in cases
        for name, its in StudyFigures(study).kinds.items()
        if its == kind and name in _drawn(f"{study}/{case}", kind)
    ]


def _drawn(case: str, kind: str) -> list[str]:
    if kind == "figures/general":
        return GENERAL.get(case, "").split()
    return OWN[case].split() if case in OWN else registry.names(kind)


@cache
def tables_of(study: str, case: str, folder: Path) -> Path:
    """The folder of a case's tables, written once, the rows of evaluations in any order."""
    place = folder / f"{study}-{case}"
    place.mkdir(parents=True, exist_ok=True)
    CASES[study][case](place)
    for path in sorted(place.glob("*.csv")):
        if path.stem not in AS_WRITTEN:
            header, *rows = path.read_text(encoding="utf-8").splitlines()
            Random(1).shuffle(rows)
            path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    for path in place.glob("*.npz"):
        with np.load(path) as stored:
            arrays = {name: stored[name] for name in reversed(stored.files)}
        np.savez(path, **arrays)
    return place


@cache
def drawn(asked: Case, folder: Path) -> tuple[Any, pandas.DataFrame]:
    """A figure, or the frames of an animation, and its numbers; drawn once and only looked at.

    Args:
        asked: the figure.
        folder: for the tables.
    """
    module = registry.load(asked.kind, asked.name)
    tables = tables_of(asked.study, asked.case, folder)
    given = read_tables(asked.study, asked.name, tables, PUBLISHED / f"{asked.study}.csv")
    moves = getattr(module, "ANIMATION", False)
    shown, data = module.animate(given) if moves else module.draw(given)
    return shown, data


def description(asked: Case, folder: Path) -> list[str]:
    """What a figure shows; arguments as of ``drawn``."""
    shown, data = drawn(asked, folder)
    if not isinstance(shown, Figure):
        return [*_moving(shown), *described(Figure(), data)]
    module = registry.load(asked.kind, asked.name)
    tables = tables_of(asked.study, asked.case, folder)
    return [*described(shown, data), *_typeset(module, asked, data, tables)]


def changes(asked: Case, folder: Path) -> list[str]:
    """In what a figure is another than it was seen to be."""
    known = asked.path.read_text(encoding="utf-8").splitlines()
    return differences(description(asked, folder), known)


def broken_properties(asked: Case, folder: Path) -> list[str]:
    """What a figure lacks of all that is asked of every figure."""
    figure, data = drawn(asked, folder)
    if not isinstance(figure, Figure):
        return []
    tables = registry.literal(asked.kind, asked.name, "TABLES")
    return broken(asked.name, figure, data, tables_of(asked.study, asked.case, folder), tables)


def _typeset(module: Any, asked: Case, data: pandas.DataFrame, folder: Path) -> list[str]:
    if not getattr(module, "LATEX", False):
        return []
    path = folder / "drawn" / f"{asked.name}.csv"
    path.parent.mkdir(exist_ok=True)
    data.to_csv(path, index=False, lineterminator="\n")
    return (
        typeset_figure(asked.study, asked.name, path, path.with_suffix(".tex"))
        .read_text()
        .splitlines()
    )


def _moving(frames: Iterable[Any]) -> Iterator[str]:
    """Some frames of an animation."""
    for count, frame in enumerate(islice(frames, 151), 1):
        if isinstance(frame, Figure):
            if count > 1:  # the first is without a path
                yield from described(frame)
                return
        elif count in (1, 4, 7, 100, 151):
            picture = np.asarray(frame, dtype=float)
            rows, columns = picture.mean(axis=(1, 2)), picture.mean(axis=(0, 2))
            yield f"frame {count} {picture.shape} {_ends(rows[20:])} across {_ends(columns)}"


def _ends(values: np.ndarray) -> str:
    weights = 1 + np.arange(len(values))
    return " ".join(f"{one:.5g}" for one in (values.mean(), (values * weights).mean()))


def write_again(words: str) -> None:
    """Write the descriptions whose paths contain some words, as the figures are now."""
    with TemporaryDirectory() as folder:
        for kind in sorted({its for study in CASES for its in StudyFigures(study).kinds.values()}):
            for case in (one for one in cases_of(kind) if words in str(one.path)):
                case.path.parent.mkdir(parents=True, exist_ok=True)
                case.path.write_text("\n".join(description(case, Path(folder))) + "\n")


if __name__ == "__main__":
    write_again(" ".join(sys.argv[1:]))
