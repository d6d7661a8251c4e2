"""The blocks of a param-file that plug-ins check."""

from dataclasses import dataclass
from typing import Any

from isotrope import registry
from isotrope.errors import UserError, did_you_mean
from isotrope.mistakes import Complaint, Where, complaints_of
from isotrope.params import modelling
from isotrope.settings import Settings


@dataclass(frozen=True)
class Plugin:
    """A plug-in's name and its checked settings."""

    name: str
    params: Settings

    def settings(self) -> dict[str, Any]:
        """The block as plain values, defaults included."""
        return {"name": self.name, **self.params.model_dump(mode="json")}


def check_plugin(
    kind: str, raw: Any, where: Where, inside: bool = False
) -> tuple[Plugin | None, list[Complaint]]:
    """The block ``{name, ...settings}`` at ``where``, checked by the plug-in that it names.

    A model ``inside`` another has its own settings alone: what all models have is said outside.
    """
    if not isinstance(raw, dict):
        return None, []  # the envelope says so already
    if "name" not in raw:
        return None, [((*where, "name"), f": missing{did_you_mean('', registry.names(kind))}")]
    name = raw["name"]
    if not isinstance(name, str) or name not in registry.names(kind):
        hint = did_you_mean(str(name), registry.names(kind))
        return None, [((*where, "name"), f": no {registry.KINDS[kind]} is called '{name}'{hint}")]
    try:
        params_of = (
            modelling.settings_of(name)
            if kind == "models" and not inside
            else registry.load(kind, name).Params
        )
    except registry.BrokenPluginError:
        raise
    except UserError as error:  # two files have the name
        return None, [((*where, "name"), f": {sentence}") for sentence in error.sentences]
    rest = {key: value for key, value in raw.items() if key != "name"}
    params, complaints = complaints_of(params_of, rest, where)
    return (Plugin(name, params) if params else None), complaints


def image_shape(dataset: Plugin, split: str = "train") -> tuple[tuple[int, int, int], int]:
    """Shape ``(channels, height, width)`` and classes of a data set that need not be built.

    Those of its splits that differ from the training images it names in ``image_shapes``.
    """
    module = registry.load("data", dataset.name)
    try:
        own = module.image_shapes(dataset.params) if hasattr(module, "image_shapes") else {}
        shape = own[split] if split in own else module.image_shape(dataset.params)
        return shape, module.classes(dataset.params)
    except Exception as error:
        path = registry.source("data", dataset.name)
        raise registry.broken(path, error, "does not say what its images are") from error
