"""Weights that a training begins with instead of drawn ones: of another run's seed, or of a file.

The network's ``adopt(weights)``, if it has one, says which foreign weights it takes: it returns
them by the names of its own ``state_dict``, and what it leaves out stays as it was drawn. Without
it all names and shapes must fit.
"""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from isotrope import paths
from isotrope.datasets.local_data import checksum, local_file
from isotrope.errors import UserError
from isotrope.files import regular
from isotrope.layers.normalising import Normalised
from isotrope.packs import store
from isotrope.training.inert_unpickling import load_inert

_INNER, _FIRST = "network.", "normalise."  # how names of a normalised network begin
_STATES = (
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
)  # where checkpoints keep the weights
_SHOWN = 3  # names in a message


@dataclass(frozen=True)
class SeedStart:
    """The seeds of another run's point.

    Args:
        run: the run's name.
        point: the point's name.
        seed: the seed from which all begin; None where each begins from the one of its number.
        digest: the training digest of these seeds.
    """

    run: str
    point: str
    seed: int | None
    digest: str

    def weights(self, seed: int) -> dict[str, Tensor]:
        """The weights from which a seed begins.

        Raises:
            UserError: if the seed is not there, or damaged.
        """
        number = seed if self.seed is None else self.seed
        folder = paths.finished_seed(self.run, self.point, number, self.digest)
        remedy = f"train seed {number} of {self.run}: `snakemake runs --config runs={self.run}`"
        return store.load(folder, number, self.digest, remedy).weights

    def __str__(self) -> str:
        return f"{self.run}, {self.point}"


@dataclass(frozen=True)
class FileStart:
    """A file of the user's.

    Args:
        path: below ``$ISOTROPE_DATA``.
        checksum: the SHA-256 that it had when the digest was taken.
    """

    path: str
    checksum: str

    def weights(self, seed: int) -> dict[str, Tensor]:
        """The weights from which every seed begins.

        Raises:
            UserError: if the file is not there, has changed, or holds no weights.
        """
        del seed
        path = local_file(self.path)
        if checksum(self.path) != self.checksum:
            raise UserError(f"{path} has changed since this job began; start again")
        return read_weights(path)

    def __str__(self) -> str:
        return self.path


Start = SeedStart | FileStart


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, or of one that ``torch.save`` wrote; no code of it is run.

    Objects of foreign classes beside the weights are passed over, see `inert_unpickling`.

    Raises:
        UserError: if the file is absent, damaged, or holds something else.
    """
    try:
        regular.open_bytes(path).close()  # what reads it below would wait at a named pipe
        if path.suffix == ".safetensors":
            found: Any = load_file(path)
        else:
            found = _load(path)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (safetensors.SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        said = str(error).partition("\n")[0]
        raise UserError(
            f"{path}: neither safetensors nor weights alone of torch ({said})"
        ) from error
    for key in _STATES:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping) or not found:
        raise UserError(f"{path}: holds no weights by name")
    if strange := [name for name, value in found.items() if not isinstance(value, Tensor)]:
        raise UserError(f"{path}: holds '{strange[0]}', which is no tensor")
    return dict(found)


def _load(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        return load_inert(path)


def take_over(network: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Put foreign weights into a network.

    Args:
        network: with its own initial weights.
        weights: by name.
        source: where they come from, for messages.

    Raises:
        UserError: if they do not fit.
    """
    inner, offered = network, dict(weights)
    behind = {name for name in offered if name.startswith((_INNER, _FIRST))} == set(offered)
    if isinstance(network, Normalised):
        inner = network.network
        if behind:
            kept = {name for name in offered if name.startswith(_INNER)}
            offered = {name.removeprefix(_INNER): offered[name] for name in kept}
    elif behind and f"{_FIRST}mean" in offered:
        raise UserError(f"{source}: these networks normalise their images; set model.normalise")
    adopt = getattr(inner, "adopt", None)
    taken: Mapping[str, Tensor] = offered if adopt is None else adopt(offered)
    own = inner.state_dict()
    wrong = [
        _listed("has no", sorted(set(own) - set(taken))) if adopt is None else "",
        _listed("has unknown", sorted(set(taken) - set(own))),
        *(_misfit(name, own[name], taken[name]) for name in own if name in taken),
    ]
    if found := [one for one in wrong if one]:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise UserError(
            f"{source} does not fit the model: it {', '.join(found[:_SHOWN])}{more}; the model's "
            "`adopt(weights)` can say which weights it takes"
        )
    with torch.no_grad():
        for name, value in taken.items():
            own[name].copy_(value)


def _listed(what: str, names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{what} {', '.join(names[:_SHOWN])}{more}"


def _misfit(name: str, own: Tensor, other: Tensor) -> str:
    if own.shape == other.shape:
        return ""
    return f"has {name} of {tuple(other.shape)} instead of {tuple(own.shape)}"
