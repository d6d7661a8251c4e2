"""The blocks of a param-file that plug-ins check, and whether model and data set fit each other."""

import re
from dataclasses import dataclass
from typing import Any

from isotrope import registry
from isotrope.errors import UserError, did_you_mean
from isotrope.mistakes import Complaint, Where, complaints_of
from isotrope.params import meta_device, modelling
from isotrope.params.trials import tried
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


def misfits(dataset: Plugin | None, model: Plugin | None) -> list[Complaint]:
    """Why the model cannot be built for the data set's images, if so; None is one that is wrong."""
    if dataset is None or model is None:
        return []
    shape, classes = image_shape(dataset)
    reason: str | None = _misfit(model.name, model.params, shape, classes)
    if reason is None:
        return []
    images = " x ".join(map(str, shape))
    if (setting := _setting_named_in(reason, model.params)) is not None:
        return [(("model", setting), f": {reason} ({dataset.name} has {images} images)")]
    what = f": does not fit the data set ({dataset.name} has {images} images): {reason}"
    return [(("model",), what)]


def _setting_named_in(reason: str, params: Settings) -> str | None:
    """The first setting of a param-file that a model names as it refuses to be built, if any."""
    return next((w for w in re.findall(r"\w+", reason) if w in params.model_fields_set), None)


@tried
def _misfit(name: str, params: Settings, shape: tuple[int, int, int], classes: int) -> str | None:
    """Why a model cannot be built for images of a shape, if so.

    It is built on the meta device, without memory or a random number; for real only where that
    fails, which tells a refusal from a model that has to see the values of its tensors.
    """
    if meta_device.is_built(lambda: modelling.build(name, params, shape, classes)):
        return None
    return _refusal(name, params, shape, classes)


def _refusal(name: str, params: Settings, shape: tuple[int, int, int], classes: int) -> str | None:
    try:
        modelling.build(name, params, shape, classes)
    except ValueError as error:
        return str(error)
    except Exception as error:
        raise registry.broken(registry.source("models", name), error, "cannot be built") from error
    return None
