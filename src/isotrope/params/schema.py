"""The JSON schema of param-files, made from the envelope and every plug-in's ``Params``.

Editors read the committed copy for completion and descriptions; the project itself checks with
pydantic.
"""

import json
from typing import Any

from isotrope import registry
from isotrope.params.envelope import Envelope


def param_file_schema() -> str:
    """The schema as JSON text, the same for the same plug-ins."""
    schema = Envelope.model_json_schema()
    definitions: dict[str, Any] = schema.setdefault("$defs", {})
    properties = schema["properties"]
    for key, kind in (("dataset", "data"), ("model", "models")):
        text = properties[key]["description"]
        properties[key] = {"description": text, **_one_of(kind, definitions, {})}
    extra = {
        "as": {
            "type": "string",
            "pattern": "^[a-z0-9_]+$",
            "description": "name of its table; its own name if left out",
        },
        "dataset": {
            "description": "tested on another data set than the training one",
            **_one_of("data", definitions, {}),
        },
    }
    names = {"enum": registry.names("evaluation"), "description": "an evaluation as it stands"}
    blocks = _one_of("evaluation", definitions, extra)
    properties["evaluations"]["items"] = {"anyOf": [names, blocks]}
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Isotrope param-file",
    }
    return json.dumps({**schema, **head}, indent=2, ensure_ascii=False) + "\n"


def _one_of(kind: str, definitions: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """A block that names a plug-in of ``kind`` and holds that plug-in's settings."""
    choices = []
    for name in registry.names(kind):
        reference = f"{kind}_{name}"
        if reference not in definitions:
            block = _block(kind, name, definitions)
            block["properties"] |= extra
            definitions[reference] = block
        choices.append({"$ref": f"#/$defs/{reference}"})
    return {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"enum": registry.names(kind), **_described(kind)}},
        "oneOf": choices,
    }


def _block(kind: str, name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    params = registry.load(kind, name).Params
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


def _described(kind: str) -> dict[str, str]:
    return {"description": f"the name of a file in src/isotrope/{kind}, without .py"}
