"""The JSON schema of param-files, made from the envelope and every plug-in's ``Params``.

Editors read the committed copy for completion and descriptions; the project itself checks with
pydantic.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from isotrope import paths, registry
from isotrope.files import disk, regular
from isotrope.params import modelling
from isotrope.params.envelope import Envelope
from isotrope.params.keys_page import keys_page
from isotrope.params.references import OtherNetwork
from isotrope.params.resources import EvaluationResources


def is_current() -> bool:
    """Whether the committed schema and page of keys are those of the package's plug-ins."""
    text = param_file_schema()
    return _holds(paths.SCHEMA, text) and _holds(paths.KEYS, keys_page(json.loads(text)))


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and regular.read_text(path) == text


def write_committed() -> list[Path]:
    """Write the schema of the package's plug-ins and the page of its keys, and say where."""
    text = param_file_schema()
    disk.write_whole(paths.SCHEMA, text)
    disk.write_whole(paths.KEYS, keys_page(json.loads(text)))
    return [paths.SCHEMA, paths.KEYS]


def write_users() -> Path | None:
    """Write the schema that knows a user's own plug-ins too, and say where; if there are any."""
    if not any(registry.listed(registry.users_folder(kind)) for kind in registry.KINDS):
        return None
    disk.write_whole(paths.SCHEMA_WITH_PLUGINS, param_file_schema(registry.names))
    return paths.SCHEMA_WITH_PLUGINS


def param_file_schema(names: Callable[[str], list[str]] = registry.package_names) -> str:
    """The schema as JSON text, the same for the same plug-ins: those that ``names`` lists."""
    schema = Envelope.model_json_schema()
    definitions: dict[str, Any] = schema.setdefault("$defs", {})
    known = {
        kind: _usable(kind, names(kind))
        for kind in ("data", "models", "augmentation", "evaluation")
    }
    properties = schema["properties"]
    for key, kind in (("dataset", "data"), ("model", "models")):
        text = properties[key]["description"]
        properties[key] = {"description": text, **_one_of(kind, known[kind], definitions, {})}
    _add_models_inside(known["models"], definitions)
    training = definitions["Training"]["properties"]["augmentation"]
    altered = _one_of("augmentation", known["augmentation"], definitions, {})
    training["anyOf"] = [altered, {"type": "array", "items": altered}, {"type": "null"}]
    extra: dict[str, dict[str, Any]] = {
        "as": {
            "type": "string",
            "pattern": "^[a-z0-9_]+$",
            "description": "name of its table; its own name if left out",
        },
        "dataset": {
            "description": "tested on another data set than the training one",
            **_one_of("data", known["data"], definitions, {}),
        },
    }
    for key, block, what in (
        ("against", OtherNetwork, "the network of another run that it measures against"),
        ("resources", EvaluationResources, "what its job asks for; it then has one of its own"),
    ):
        definitions[block.__name__] = block.model_json_schema()
        extra[key] = {"$ref": f"#/$defs/{block.__name__}", "description": what}
    extra["split"] = {
        "type": "string",
        "description": "the split of the data set that it is given; the evaluation's if left out",
    }
    listed = {"enum": known["evaluation"], "description": "an evaluation as it stands"}
    blocks = _one_of("evaluation", known["evaluation"], definitions, extra)
    properties["evaluations"]["items"] = {"anyOf": [listed, blocks]}
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Isotrope param-file",
    }
    return json.dumps({**schema, **head}, indent=2, ensure_ascii=False) + "\n"


def _usable(kind: str, names: list[str]) -> list[str]:
    """Those plug-ins that can be imported: the others are named when their runs are checked."""
    found = []
    for name in names:
        with suppress(registry.BrokenPluginError):
            registry.load(kind, name)
            found.append(name)
    return found


def _one_of(
    kind: str, names: list[str], definitions: dict[str, Any], extra: dict[str, Any]
) -> dict[str, Any]:
    """A block that names a plug-in of ``kind`` and holds that plug-in's settings."""
    choices = []
    for name in names:
        reference = f"{kind}_{name}"
        if reference not in definitions:
            block = _block(kind, name, definitions)
            block["properties"] |= extra
            definitions[reference] = block
        choices.append({"$ref": f"#/$defs/{reference}"})
    return {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"enum": names, **_described(kind)}},
        "oneOf": choices,
    }


def _block(kind: str, name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    params = modelling.settings_of(name) if kind == "models" else registry.load(kind, name).Params
    block: dict[str, Any] = params.model_json_schema(
        ref_template=f"#/$defs/{kind}_{name}_{{model}}"
    )
    for model, definition in block.pop("$defs", {}).items():
        definitions[f"{kind}_{name}_{model}"] = definition
    block["properties"] = {
        "name": {"const": name, **_described(kind)},
        **block.get("properties", {}),
    }
    block["required"] = ["name", *block.get("required", [])]
    for field in block["properties"].values():
        field.pop("load_time", None)
    return block


def _add_models_inside(names: list[str], definitions: dict[str, Any]) -> None:
    """Put the blocks of models into those that wrap one, without what is said outside."""
    choices = []
    own = {name: registry.load("models", name) for name in names}
    for name, plugin in own.items():
        block = definitions[f"models_{name}"]
        properties = {
            key: value
            for key, value in block["properties"].items()
            if key == "name" or key in plugin.Params.model_fields
        }
        definitions[f"models_inside_{name}"] = {**block, "properties": properties}
        choices.append({"$ref": f"#/$defs/models_inside_{name}"})
    for name, plugin in own.items():
        if wraps := getattr(plugin, "WRAPS", ""):
            for kind in ("models", "models_inside"):
                block = definitions[f"{kind}_{name}"]
                text = block["properties"][wraps].get("description", "")
                inner = {
                    "description": text,
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": {"enum": names, **_described("models")}},
                    "oneOf": choices,
                }
                block["properties"] = {**block["properties"], wraps: inner}


def _described(kind: str) -> dict[str, str]:
    return {
        "description": f"the name of a file in src/isotrope/{kind} or plugins/{kind}, without .py"
    }
