"""What a training begins with instead of drawn weights: the block ``training.start_from``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from isotrope.mistakes import Complaint, Where
from isotrope.params.blocks import Plugin
from isotrope.params.references import OtherNetwork, OtherRun, find_network
from isotrope.settings import Settings


class WeightsFile(Settings):
    """A file of the user's."""

    file: str = Field(
        pattern=r"^[^/*?]+(/[^/*?]+)*$",
        description="below $ISOTROPE_DATA: safetensors, or what torch.save wrote of weights alone; "
        "its checksum is in the digest",
    )


def _which(value: Any) -> str:
    is_file = isinstance(value, WeightsFile) or (isinstance(value, dict) and "file" in value)
    return "file" if is_file else "run"


StartFrom = Annotated[
    Annotated[OtherNetwork, Tag("run")] | Annotated[WeightsFile, Tag("file")],
    Discriminator(_which),
]


class CircleError(Exception):
    """Runs begin with each other; the text names them."""


@dataclass(frozen=True)
class Start:
    """What a training begins with, once the other param-file is read.

    Args:
        named: how the param-file names it.
        training_digest: what the other weights depend on, the user's files excluded; empty of a
            file.
        datasets: the data sets whose files they depend on, those behind the other run included.
        files: the user's files that they depend on, below ``$ISOTROPE_DATA``.
        plugins: the plug-ins whose code they depend on, as in ``models/cnn``.
    """

    named: OtherNetwork | WeightsFile
    training_digest: str = ""
    datasets: tuple[Plugin, ...] = ()
    files: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()

    def content(self) -> dict[str, Any]:
        """What the training digest says of it: neither names nor places."""
        if isinstance(self.named, WeightsFile):
            return {"file": True}
        return {"training": self.training_digest, "seed": self.named.seed}


def find_start(
    named: OtherNetwork | WeightsFile,
    seeds: Sequence[int],
    where: Where,
    read: Callable[[str], OtherRun],
) -> tuple[Start | None, list[Complaint]]:
    """What a param-file says that its training begins with, or why there is no such thing.

    Args:
        named: how it is named.
        seeds: the seeds of the run.
        where: the place of the name.
        read: reads a run by its name; raises `references.UnknownRunError`.
    """
    if isinstance(named, WeightsFile):
        return Start(named, files=(named.file,)), []
    read_runs: list[OtherRun] = []

    def kept(name: str) -> OtherRun:
        read_runs.append(read(name))
        return read_runs[0]

    network, wrong = find_network(named, seeds, where, kept)
    if network is None:
        return None, wrong
    point = read_runs[0].points[named.point]
    behind = tuple(point.datasets), tuple(point.files), tuple(point.plugins)
    return Start(named, network.training_digest, *behind), []
