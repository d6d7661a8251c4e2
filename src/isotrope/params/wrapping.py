"""Models around another model: ``WRAPS`` names the setting that holds the model inside.

What the model inside declares counts for the whole: its ``STACKABLE``, its ``DRAWS`` or
``draws(params)``, its ``REVISION`` in digests, and its ``PARTS`` besides those of the model around
it, or those of them that the latter names in ``WRAPS_PARTS``. Importing this module needs no torch.
"""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, SerializationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from isotrope import registry
from isotrope.params.blocks import Plugin, check_plugin


def inner(name: str, **settings: Any) -> Plugin:
    """A model with some settings, as the default of a field of `InnerModel`."""
    found: Plugin = _checked({"name": name, **settings})
    return found


def inside(model: Plugin) -> Plugin | None:
    """The model inside a model, if there is one."""
    name = getattr(registry.load("models", model.name), "WRAPS", None)
    found: Plugin | None = getattr(model.params, name) if name else None
    return found


def chain(model: Plugin) -> Iterator[Plugin]:
    """A model, the one inside it, the one inside that, and so on."""
    yield model
    if (found := inside(model)) is not None:
        yield from chain(found)


def parts_of(model: Plugin) -> set[str]:
    """The submodules that evaluations may look at."""
    plugin = registry.load("models", model.name)
    parts, found = set[str](plugin.PARTS), inside(model)
    if found is None:
        return parts
    known = parts_of(found)
    return parts | (known & getattr(plugin, "WRAPS_PARTS", known))


def stackable(model: Plugin) -> bool:
    """Whether networks of a model can be computed as rows of a stack."""
    plugins = (registry.load("models", one.name) for one in chain(model))
    return all(getattr(plugin, "STACKABLE", True) for plugin in plugins)


def why_not_stacked(error: Exception) -> str:
    """What kept networks from being computed as rows of a stack, with the line of the model."""
    said = str(error).strip() or type(error).__name__
    said = said.partition("\n")[0].partition(". ")[0]
    if "randomness" in said:
        said = "it draws random numbers inside; a network that defines `draw` is handed them"
    elif "data-dependent control flow" in said or ".item()" in said:
        said = "it asks for a tensor's value, as `if` and `.item()` do; `torch.where` does without"
    line = registry.line_in_plugin(error)
    return f"{line}: {said}" if line else said


def answers_of(model: Plugin) -> str:
    """What the answers of a model are for: ``classification`` or ``segmentation``."""
    *_, innermost = chain(model)
    kind: str = registry.literal("models", innermost.name, "kind", "classification")
    return kind


def draws_of(model: Plugin) -> int:
    """How many draws of a model are averaged where it is tested."""
    return max(_own_draws(one) for one in chain(model))


def _own_draws(model: Plugin) -> int:
    """What a model itself says of it: a number of its own, or one that follows from settings."""
    plugin = registry.load("models", model.name)
    if hasattr(plugin, "draws"):
        return int(plugin.draws(model.params))
    return int(getattr(plugin, "DRAWS", 1))


def _checked(value: Any) -> Any:
    """A block, checked by the model that it names."""
    if isinstance(value, Plugin):
        return value
    if not isinstance(value, dict):
        raise ValueError("must be a block {name, ...settings}")
    found, complaints = check_plugin("models", value, (), inside=True)
    if complaints:
        said = "; ".join(f"{'.'.join(map(str, where))}{what}" for where, what in complaints)
        context: dict[str, Any] = {"said": said, "complaints": complaints}
        raise PydanticCustomError("blocks", "{said}", context)
    return found


def _plain(model: Plugin, info: SerializationInfo) -> dict[str, Any]:
    """The block, as a param-file holds it."""
    settings = model.params.model_dump(mode="json", exclude_defaults=info.exclude_defaults)
    return {"name": model.name, **settings}


# the block of a model inside another: {name, ...settings}, without `normalise`, which goes first
InnerModel = Annotated[
    Any,  # a Plugin
    BeforeValidator(_checked),
    PlainSerializer(_plain),
    WithJsonSchema({}),  # `schema` puts the models' blocks here
]
