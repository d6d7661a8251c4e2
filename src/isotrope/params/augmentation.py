"""How training images are altered, as a param-file says it: blocks that plug-ins check."""

from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, SerializationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from isotrope.mistakes import Complaint, Where
from isotrope.params.blocks import Plugin, check_plugin

KIND = "augmentation"


def _checked(value: Any) -> Any:
    """The blocks of a list, or a single block, each checked by the plug-in that it names."""
    if value is None:
        return ()
    single = isinstance(value, dict)
    if not single and not isinstance(value, list | tuple):
        raise ValueError("must be a block {name, ...settings} or a list of such blocks")
    found: list[Plugin] = []
    complaints: list[Complaint] = []
    for number, block in enumerate([value] if single else value):
        where: Where = () if single else (number,)
        if isinstance(block, Plugin):
            found.append(block)
        elif isinstance(block, dict):
            plugin, wrong = check_plugin(KIND, block, where)
            found += [plugin] if plugin else []
            complaints += wrong
        else:
            complaints.append((where, f": must be a block {{name, ...settings}} (got {block!r})"))
    if complaints:
        said = "; ".join(f"{'.'.join(map(str, where))}{what}" for where, what in complaints)
        context: dict[str, Any] = {"said": said, "complaints": complaints}
        raise PydanticCustomError("blocks", "{said}", context)
    return tuple(found)


def _plain(plugins: tuple[Plugin, ...], info: SerializationInfo) -> Any:
    """None, the block or a list of blocks, as a param-file holds them."""
    blocks = [
        {
            "name": one.name,
            **one.params.model_dump(mode="json", exclude_defaults=info.exclude_defaults),
        }
        for one in plugins
    ]
    return blocks if len(blocks) > 1 else blocks[0] if blocks else None


Augmentations = Annotated[
    tuple[Any, ...],  # of Plugin
    BeforeValidator(_checked),
    PlainSerializer(_plain),
    WithJsonSchema({}),  # `schema` puts the plug-ins' blocks here
]
