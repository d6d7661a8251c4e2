"""The page of all keys is made from the schema and misses none."""

import json
from pathlib import Path

import pytest

from isotrope.params.keys_page import keys_page

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "workflow/schemas/param-file.schema.json").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs/keys.md").read_text(encoding="utf-8")


def test_the_page_in_docs_is_made_from_the_committed_schema():
    assert keys_page(SCHEMA) == PAGE


def section(heading):
    return PAGE.split(f"\n{heading}\n", 1)[1].split("\n##", 1)[0]


@pytest.mark.parametrize("kind", ["Training", "Resources", "Adam", "Select", "EarlyStopping"])
def test_every_key_of_a_block_is_in_its_section(kind):
    text = section(f"## {kind}")
    for key, one in SCHEMA["$defs"][kind]["properties"].items():
        if "const" not in one:
            (line,) = [line for line in text.splitlines() if line.startswith(f"| `{key}` |")]
            assert one["description"].replace("|", "\\|") in line
            if isinstance(one.get("default"), int | float):
                assert f"| `{json.dumps(one['default'])}` |" in line


@pytest.mark.parametrize(
    ("kind", "heading"),
    [("data", "Data set"), ("models", "Model"), ("evaluation", "Evaluation")],
)
def test_every_plug_in_has_a_section_with_its_keys(kind, heading):
    shared = {"name", "normalise", "as", "dataset", "against", "resources", "split"}
    for name, block in SCHEMA["$defs"].items():
        plugin = name.removeprefix(f"{kind}_")
        if (
            plugin == name
            or plugin.startswith("inside_")
            or plugin.rpartition("_")[2][:1].isupper()
        ):
            continue
        text = section(f"### {heading} {plugin}")
        for key in block["properties"].keys() - shared:
            assert f"\n| `{key}` |" in text, (plugin, key)


def test_values_are_said_in_words():
    assert "| `epochs` | whole number > 0 | must be given | passes over" in section("## Training")
    assert "| `stack` | `auto` or whole number ≥ 1 ≤ 10000 | `auto` |" in section("## Resources")
    assert "| `dataset` | one of the [data sets](#data-sets) | must be" in section("## The file")
    assert "[Adam](#adam) or [AdamW](#adamw) or [SGD](#sgd)" in section("## Training")


def test_every_link_has_its_heading():
    headings = {
        line.lstrip("# ").lower().replace(" ", "-")
        for line in PAGE.splitlines()
        if line.startswith("#")
    }
    linked = {part.partition(")")[0] for part in PAGE.split("](#")[1:]}
    assert linked <= headings
