"""The settings of a data set that is to be built: from the index, or from words."""

import json
from typing import Any

from isotrope import registry
from isotrope.errors import UserError, did_you_mean
from isotrope.mistakes import complaints_of, dotted
from isotrope.params.yaml_marks import parse
from isotrope.plan import index_file
from isotrope.plan.index import DatasetEntry
from isotrope.settings import Settings, build_only


def params_in_index(name: str, key: str) -> Settings:
    """The settings of the data set that some param-file asks for, and that is built under ``key``.

    Raises:
        UserError: if no param-file uses such a data set, or one has a mistake.
    """
    known = index_file.current(asks=index_file.only_look).datasets
    if f"{name}/{key}" not in known:
        hint = did_you_mean(f"{name}/{key}", known)
        raise UserError(f"no param-file uses the data set {name}/{key}{hint}")
    return params_of(known[f"{name}/{key}"])


def params_of(entry: DatasetEntry) -> Settings:
    """The settings of an entry of the index, as they were when the param-file was checked.

    Load-time settings, which change nothing that is built, are at their defaults.
    """
    kind: type[Settings] = build_only(registry.load("data", entry.name).Params)
    return kind.model_validate_json(json.dumps(entry.settings))


def params_in_words(name: str, words: list[str]) -> Settings:
    """A data set's settings from words such as ``task=emoji``; values are read as YAML.

    Load-time settings change nothing that is built and may be left out.

    Raises:
        UserError: for an unknown data set or setting, or a value out of range.
    """
    raw: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise UserError(f"'{word}': write settings as key=value, as in task=emoji")
        marked = parse(f"v: {value}")
        if marked.mistakes:
            raise UserError(f"'{word}': {marked.mistakes[0].what}")
        raw[key] = marked.value["v"]
    kind: type[Settings] = build_only(registry.load("data", name).Params)
    params, complaints = complaints_of(kind, raw)
    if params is None:
        raise UserError(*(f"{name}: {dotted(where)}{what}" for where, what in complaints))
    return params
