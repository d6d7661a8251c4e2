"""Checkpoints that hold objects of programs that are not here: their tensors, and nothing else.

Training frameworks save the settings of a network beside its weights, as objects of their own
classes and of the network's. `torch.load` either runs what they name or refuses the file. Here a
name of a class or function is looked up in a short list of what tensors are made of; whatever else
a file names becomes a stand-in that takes any arguments, does nothing and keeps nothing.
"""

import collections
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import _utils as rebuilding

_KNOWN: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): rebuilding._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): rebuilding._rebuild_parameter,
    ("torch", "Size"): torch.Size,
}


class Inert:
    """Stands for an object of which nothing is known, as a class, a function or an instance."""

    def __new__(cls, *_: Any, **__: Any) -> "Inert":
        """A stand-in, whatever the object was made of."""
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        """Takes anything."""

    def __call__(self, *_: Any, **__: Any) -> "Inert":
        """A stand-in for what a call would have given."""
        return Inert()

    def __setstate__(self, _: Any) -> None:
        """Forgets the state."""

    def __setitem__(self, _: Any, __: Any) -> None:
        """Forgets the item."""

    def append(self, _: Any) -> None:
        """Forgets the item."""

    def extend(self, _: Any) -> None:
        """Forgets the items."""

    def add(self, _: Any) -> None:
        """Forgets the item."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = getattr(torch, name, None) if module == "torch" else None
        if isinstance(found, torch.dtype):
            return found
        return _KNOWN.get((module, name), Inert)


def load_inert(path: Path) -> Any:
    """What ``torch.save`` wrote, with stand-ins for all but tensors and plain values.

    Nothing that the file names is imported or called, but for what tensors are made of.

    Args:
        path: a file in the form of torch 1.6 or later.

    Raises:
        pickle.UnpicklingError: if it has another form, or cannot be read so.
    """
    if not zipfile.is_zipfile(path):
        raise pickle.UnpicklingError("not in the zip form of torch.save")
    with zipfile.ZipFile(path) as archive:  # torch.load would hand a program to torch.jit.load
        if any(name.endswith("/constants.pkl") for name in archive.namelist()):
            raise pickle.UnpicklingError("a TorchScript program, not weights")
    reading = SimpleNamespace(Unpickler=_Unpickler, __name__=__name__)
    try:
        return torch.load(path, map_location="cpu", pickle_module=reading, weights_only=False)
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise pickle.UnpicklingError(str(error).partition("\n")[0]) from error
