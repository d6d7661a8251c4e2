"""The plug-ins whose code can change a result, by their names, as in ``models/cnn``."""

from collections.abc import Iterator
from typing import Any

from isotrope.params.blocks import Plugin


def named(kind: str, plugin: Plugin) -> Iterator[str]:
    """A plug-in, and those of its kind that its settings hold, as a model holds the one inside it.

    Args:
        kind: the kind, as the registry knows it.
        plugin: as a param-file has it.
    """
    yield f"{kind}/{plugin.name}"
    yield from _inside(kind, plugin.params)


def _inside(kind: str, value: Any) -> Iterator[str]:
    if isinstance(value, Plugin):
        yield from named(kind, value)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _inside(kind, one)
    elif isinstance(value, dict):
        yield from _inside(kind, list(value.values()))
    elif hasattr(type(value), "model_fields"):
        yield from _inside(kind, list(vars(value).values()))
