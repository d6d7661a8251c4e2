"""One run that names trained networks of another: ``{run, point, seed}``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import Field

from isotrope.errors import did_you_mean
from isotrope.mistakes import Complaint, Where
from isotrope.params.blocks import Plugin
from isotrope.params.seeds import listed
from isotrope.settings import Settings


class OtherNetwork(Settings):
    """A trained network of another run, or of this one."""

    run: str = Field(
        min_length=1, description="the run's name, <model>/<dataset>/<variant>, as its file lies"
    )
    point: str = Field("base", description="the point of its sweep; base without one")
    seed: Literal["same"] | int = Field(
        "same", description="one of its seeds, or same: to each seed the one of its number"
    )


@dataclass(frozen=True)
class TrainedNetwork:
    """What is known of another network that a param-file names.

    Args:
        name: how the param-file names it.
        training_digest: what it depends on, the user's files excluded.
        datasets: the data sets whose files it depends on, its own first.
        files: the user's files that it depends on besides.
        plugins: the plug-ins whose code it depends on, as in ``models/cnn``.
    """

    name: OtherNetwork
    training_digest: str
    datasets: Sequence[Plugin]
    files: Sequence[str] = ()
    plugins: Sequence[str] = ()


class TrainedPoint(Protocol):
    """What has to be known of a point of another run."""

    @property
    def digest(self) -> str:
        """Its training digest."""

    @property
    def dataset(self) -> Plugin:
        """What it is trained on."""

    @property
    def model(self) -> Plugin:
        """What it is."""

    @property
    def datasets(self) -> Sequence[Plugin]:
        """The data sets whose files it depends on, its own first."""

    @property
    def files(self) -> Sequence[str]:
        """The user's files that it depends on besides, below ``$ISOTROPE_DATA``."""

    @property
    def plugins(self) -> Sequence[str]:
        """The plug-ins whose code it depends on, as in ``models/cnn``."""


@dataclass(frozen=True)
class OtherRun:
    """What has to be known of another run: its points, and the seeds that all of them train."""

    points: Mapping[str, TrainedPoint]
    seeds: Sequence[int]


class UnknownRunError(Exception):
    """There is no such param-file, or it has mistakes; the text says which."""


def find_network(
    named: OtherNetwork, seeds: Sequence[int], where: Where, read: Callable[[str], OtherRun]
) -> tuple[TrainedNetwork | None, list[Complaint]]:
    """The network that a param-file names, or why there is none.

    Args:
        named: how it is named.
        seeds: the seeds of the run that names it.
        where: the place of the name.
        read: reads a run by its name; raises `UnknownRunError`.
    """
    try:
        run = read(named.run)
    except UnknownRunError as error:
        return None, [((*where, "run"), f": {error}")]
    point = run.points.get(named.point)
    if point is None:
        what = f": {named.run} has no point '{named.point}'{did_you_mean(named.point, run.points)}"
        return None, [((*where, "point"), what)]
    wanted = list(seeds) if named.seed == "same" else [named.seed]
    if absent := sorted(set(wanted) - set(run.seeds)):
        what = f": {named.run}, {named.point} does not train seed {listed(absent)}; add it there"
        return None, [((*where, "seed"), what)]
    found = TrainedNetwork(named, point.digest, point.datasets, point.files, point.plugins)
    return found, []
