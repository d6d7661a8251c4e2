"""Image networks that should not care how large, how turned or where a thing is: train and compare.

Importing this package costs nothing: what needs torch is imported when it is first asked for.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0.dev0"

_HOMES = {
    "RieszFeatures": "isotrope.features",
    "ScatteringFeatures": "isotrope.features",
    "build_model": "isotrope.params.modelling",
    "load_model": "isotrope.measuring.networks",
}


def __getattr__(name: str) -> Any:
    """The Python interface, each name imported from its home at its first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'isotrope' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
