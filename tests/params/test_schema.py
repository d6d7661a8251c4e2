"""The JSON schema that editors complete from says what the project checks."""

import difflib
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from isotrope import paths, registry
from isotrope.params.schema import param_file_schema
from isotrope.params.yaml_marks import parse

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / paths.PARAM_FILES).rglob("*.yaml"))


@pytest.fixture(scope="module")
def schema():
    return json.loads(param_file_schema())


@pytest.fixture(scope="module")
def validator(schema):
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def content(path=ROOT / "param-files/standard/stir_emoji/demo.yaml"):
    return parse(path.read_text(encoding="utf-8")).value


def test_the_committed_schema_is_the_generated_one():
    committed = (ROOT / paths.SCHEMA).read_text(encoding="utf-8").splitlines()
    generated = param_file_schema().splitlines()
    difference = difflib.unified_diff(committed, generated, "committed", "generated", lineterm="")
    assert committed == generated, "run `isotrope schema`\n" + "\n".join(difference)


def test_every_shipped_param_file_is_valid_under_the_schema(validator):
    found = {path: validator.iter_errors(content(path)) for path in FILES}
    assert [f"{path}: {error.message}" for path, errors in found.items() for error in errors] == []


@pytest.mark.parametrize(
    "block",
    [
        (),
        ("dataset",),
        ("model",),
        ("training",),
        ("training", "optimizer"),
        ("training", "early_stopping"),
        ("resources",),
    ],
)
def test_an_unknown_key_is_rejected_in_every_block(block, validator):
    raw = content()
    inner = raw
    for key in block:
        inner = inner[key]
    assert validator.is_valid(raw)
    inner["unknown_key"] = 1
    assert not validator.is_valid(raw)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("evaluations", ["acuracy"]),
        ("evaluations", [{"name": "accuracy", "unknown_key": 1}]),
        ("evaluations", [{"name": "accuracy", "as": "Top 1"}]),
        ("evaluations", [{"name": "accuracy", "dataset": {"name": "star"}}]),
        ("evaluations", []),
        ("model", {"name": "standart"}),
        ("model", {"name": "standard", "kernel_size": 0}),
        ("model", {}),
        ("dataset", {"name": "stir", "task": "emoji"}),
        ("seeds", []),
        ("study", "Not a word"),
        ("series", "owm"),
    ],
)
def test_a_wrong_value_is_rejected(key, value, validator):
    assert not validator.is_valid({**content(), key: value})


@pytest.mark.parametrize("key", ["study", "seeds", "dataset", "model", "training", "evaluations"])
def test_what_every_param_file_needs_is_required(key, validator):
    raw = content()
    del raw[key]
    assert not validator.is_valid(raw)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seeds", "1-50"),
        ("seeds", 3),
        ("seeds", [1, 2, 7]),
        ("sweep", {"model.kernel_size": [3, 7]}),
        ("evaluations", ["accuracy", {"name": "accuracy", "as": "top1"}]),
        (
            "evaluations",
            [
                {
                    "name": "accuracy",
                    "dataset": {"name": "stir", "task": "emoji", "scenario": "all2all"},
                }
            ],
        ),
    ],
)
def test_what_the_project_accepts_is_accepted(key, value, validator):
    assert list(validator.iter_errors({**content(), key: value})) == []


def without_description(schema, place="#"):
    """The places of properties that say nothing of themselves."""
    found = []
    if isinstance(schema, dict):
        for name, one in schema.get("properties", {}).items():
            if not one.get("description"):
                found.append(f"{place}/{name}")
        for key, value in schema.items():
            found += without_description(value, f"{place}/{key}")
    if isinstance(schema, list):
        for i, value in enumerate(schema):
            found += without_description(value, f"{place}/{i}")
    return found


def test_every_property_has_a_description(schema):
    assert without_description(schema) == []
    assert without_description({"properties": {"a": {"type": "string"}}}) == ["#/a"]


def test_every_plug_in_that_a_param_file_may_name_is_in_the_schema(schema):
    for kind in ("data", "models", "evaluation"):
        for name in registry.names(kind):
            block = schema["$defs"][f"{kind}_{name}"]
            assert block["properties"]["name"]["const"] == name
            assert set(registry.load(kind, name).Params.model_fields) <= set(block["properties"])
