"""A page that lists every key of a param-file: made from the JSON schema, as tables in Markdown."""

import json
from collections.abc import Iterator
from typing import Any

from isotrope.params import evaluations, points, seeds
from isotrope.params.envelope import MOST_PACKS
from isotrope.params.param_folder import LARGEST, LONGEST_RUN
from isotrope.params.yaml_marks import (
    DEEPEST,
    LARGEST_NUMBER,
    LONGEST_KEY,
    LONGEST_TEXT,
    MOST_VALUES,
)

Block = dict[str, Any]

_HEAD = """# Every key of a param-file

Written by `isotrope schema` from the settings themselves: do not edit. A key without a default has
to be given, unless it says what is taken if it is left out. What the words mean:
[glossary.md](glossary.md). An example with comments: `isotrope new run NAME`.

A param-file is one file of text in UTF-8, or a link to one; links to folders are not followed. It
is YAML 1.2 without tags such as `!!python/name`; a text stands on one line. Aliases are read. These
bounds keep a slip of the pen from filling a disk or a queue:

| of a file | at most |
| --- | --- |
"""
_BOUNDS = {
    "its size": f"{LARGEST} bytes",
    "values, aliases written out": f"{MOST_VALUES}, {DEEPEST} deep",
    "a text, a key": f"{LONGEST_TEXT} and {LONGEST_KEY} letters",
    "a whole number": str(LARGEST_NUMBER),
    "seeds": str(seeds.MOST),
    "points of the sweep": str(points.MOST),
    "packs of seeds, of all points": str(MOST_PACKS),
    "evaluations": f"{evaluations.MOST}; times points {points.MOST_TESTED}",
    "the run's name, of a point, of a table": f"{LONGEST_RUN}, {points.LONGEST_POINT} and "
    f"{evaluations.LONGEST_TABLE} letters",
}
_KINDS = {  # how the names of their blocks begin, the heading of all, and that of one
    "data": ("Data sets", "Data set"),
    "models": ("Models", "Model"),
    "augmentation": ("Augmentations", "Augmentation"),
    "evaluation": ("Evaluations", "Evaluation"),
}
_ANY = {  # keys that every plug-in of a kind has, told once
    "data": (),
    "models": ("normalise",),
    "augmentation": (),
    "evaluation": ("as", "dataset", "against", "resources", "split"),
}
_INSIDE = "models_inside_"  # models in models: the same blocks again


def keys_page(schema: Block) -> str:
    """The page, from a schema as ``schema.param_file_schema`` writes it."""
    definitions = _each_once(schema["$defs"])
    bounds = [f"| {what} | {most} |" for what, most in _BOUNDS.items()]
    lines = [
        _HEAD + "\n".join(bounds),
        "",
        "## The file",
        "",
        *_table(schema["properties"], schema["required"]),
        "",
    ]
    core = {name: block for name, block in definitions.items() if _kind(name) is None}
    for name, block in core.items():
        lines += [f"## {name}", "", *_said(block), *_table_of(block, ()), ""]
    for kind, (heading, _) in _KINDS.items():
        own = {name: one for name, one in definitions.items() if _kind(name) == kind}
        lines += [f"## {heading}", ""]
        if shared := _ANY[kind]:
            first = next(one for one in own.values() if set(shared) <= set(one["properties"]))
            told = {key: first["properties"][key] for key in shared}
            lines += ["Each may have", "", *_table(told, ()), ""]
        for name, block in own.items():
            lines += [f"### {_heading(name)}", "", *_said(block), *_table_of(block, shared), ""]
    return "\n".join(lines).rstrip() + "\n"


def _each_once(definitions: dict[str, Block]) -> dict[str, Block]:
    """The blocks without those that are told with the shared keys of a kind, or a second time."""
    found = {}
    told: list[str] = []
    for name, block in definitions.items():
        shared = _ANY.get(_kind(name) or "", ())
        inner = {
            reference.rpartition("/")[2]
            for key in shared
            for choice in block.get("properties", {}).get(key, {}).get("oneOf", ())
            if (reference := choice.get("$ref"))
        }
        told += sorted(inner & {one for one in definitions if one.startswith(f"{name}_")})
    for name, block in definitions.items():
        if not name.startswith(_INSIDE) and name not in told[1:]:
            found[name] = block
    return found


def _kind(name: str) -> str | None:
    kind = name.partition("_")[0]
    return kind if kind in _KINDS and "_" in name else None


def _heading(name: str) -> str:
    """The heading of a block; one inside a plug-in's ends with its class: ``deep_lp Bank``."""
    kind = _kind(name)
    if kind is None:
        return name
    plugin = name.removeprefix(f"{kind}_")
    inner = plugin.rpartition("_")[2]
    if inner[:1].isupper():
        plugin = f"{plugin.removesuffix(f'_{inner}')} {inner}"
    return f"{_KINDS[kind][1]} {plugin}"


def _said(block: Block) -> list[str]:
    """The first paragraph of what a block says of itself, and its name."""
    text = str(block.get("description", "")).partition("\n\n")[0].replace("\n", " ")
    name = block.get("properties", {}).get("name", {}).get("const")
    said = [text.replace("``", "`")] if text else []
    return [*said, *([f"`name: {name}`"] if name else []), ""] if said or name else []


def _table_of(block: Block, told: tuple[str, ...]) -> list[str]:
    """The keys of a block but those of ``told`` and, where there is one alone, its name."""
    keys = {
        key: one
        for key, one in block.get("properties", {}).items()
        if key not in told and not (key == "name" and "const" in one)
    }
    return _table(keys, block.get("required", ())) if keys else ["It has no keys of its own."]


def _table(keys: Block, required: Any) -> list[str]:
    rows = ["| key | value | default | |", "| --- | --- | --- | --- |"]
    for key, one in keys.items():
        must = "must be given" if key in required else ""
        default = f"`{_plain(one['default'])}`" if one.get("default") is not None else must
        text = str(one.get("description", "")).replace("\n", " ").replace("|", "\\|")
        rows.append(f"| `{key}` | {_value(one)} | {default} | {text} |")
    return rows


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _value(one: Block) -> str:
    """What a key takes, in words."""
    if "$ref" in one:
        return _link(one["$ref"])
    if "const" in one:
        return f"`{_plain(one['const'])}`"
    if "enum" in one:
        return ", ".join(f"`{_plain(word)}`" for word in one["enum"] if word is not None)
    choices = one.get("anyOf") or one.get("oneOf")
    if choices:
        if kinds := {kind for kind in map(_plugins, choices) if kind}:
            (kind,) = kinds
            heading = _KINDS[kind][0]
            return f"one of the [{heading.lower()}](#{heading.lower().replace(' ', '-')})"
        said = [_value(choice) for choice in choices if choice.get("type") != "null"]
        return " or ".join(dict.fromkeys(said))
    return _typed(one)


def _plugins(choice: Block) -> str | None:
    """The kind of plug-in that a choice names, if it does."""
    name = choice.get("$ref", "").rpartition("/")[2].removeprefix("models_inside_")
    inside = choice.get("$ref", "").rpartition("/")[2].startswith(_INSIDE)
    if inside:
        return "models"
    kind = _kind(name)
    return kind if kind and not name.rpartition("_")[2][:1].isupper() else None


def _typed(one: Block) -> str:
    kind = one.get("type")
    if kind == "array":
        if fixed := one.get("prefixItems"):
            return f"[{', '.join(_value(item) for item in fixed)}]"
        return f"list of {_value(one['items'])}" if one.get("items") else "list"
    if kind == "object":
        inner = one.get("additionalProperties")
        return f"{{name: {_value(inner)}}}" if isinstance(inner, dict) else "block"
    words = {"integer": "whole number", "number": "number", "string": "text"}
    if kind == "boolean":
        return "`true`, `false`"
    return " ".join([words.get(str(kind), str(kind)), *_bounds(one)])


def _bounds(one: Block) -> Iterator[str]:
    for key, sign in (
        ("minimum", "≥"),
        ("exclusiveMinimum", ">"),
        ("maximum", "≤"),
        ("exclusiveMaximum", "<"),
    ):
        if key in one:
            yield f"{sign} {_plain(one[key])}"


def _link(reference: str) -> str:
    heading = _heading(reference.rpartition("/")[2])
    return f"[{heading}](#{heading.lower().replace(' ', '-')})"
