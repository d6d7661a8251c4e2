"""What ``cells.py`` of each study names is there: in param-files, plug-ins, published numbers."""

import csv
import re
from functools import cache
from pathlib import Path

import pytest

from isotrope import registry
from isotrope.params.blocks import Plugin, image_shape
from isotrope.params.modelling import settings_of
from isotrope.params.training import Training
from isotrope.plan.figures import StudyFigures
from isotrope.results.cells import cells_of
from isotrope.studies.scale import cells as scale
from isotrope.studies.scattering import cells as scattering

ROOT = Path(__file__).parents[2]
STUDIES = ("glimpse", "log_polar", "scale", "scattering", "shift")
RENAMED = {"log_polar": {"images": "dataset.train_images"}, "shift": {"border": "model.padding"}}
UNORDERED = {"scale": {"riesz_linear", "xu_fixed"}}  # models that no published table has


@cache
def param_files():
    """The text of each param-file of the project."""
    return [path.read_text(encoding="utf-8") for path in (ROOT / "param-files").rglob("*.yaml")]


def texts(study):
    return [text for text in param_files() if f"study: {study}\n" in text]


def named(study, block):
    """The plug-ins that param-files of a study name in a block."""
    pattern = re.compile(rf"^{block}:.*?name: (\w+)", re.DOTALL | re.MULTILINE)
    return {pattern.search(text)[1] for text in texts(study)}


@cache
def published(study):
    path = ROOT / f"workflow/published/{study}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def keys(study):
    """The settings that published numbers of a study have."""
    found = (re.findall(r"(?:^|,)([\w.]+)=", row["setting"]) for row in published(study))
    return {key for one in found for key in one}


@pytest.mark.parametrize("study", STUDIES)
def test_every_label_with_a_colour_of_its_own_is_that_of_a_run_and_stands_once(study):
    pattern = re.compile(r"^label: [\"']?(.*?)[\"']?(?: +#.*)?$", re.MULTILINE)
    labels = {label for text in texts(study) for label in pattern.findall(text)}
    coloured = cells_of(study).coloured
    assert set(coloured) <= labels
    assert len(set(coloured)) == len(coloured)


@pytest.mark.parametrize("study", STUDIES)
def test_models_and_data_sets_in_order_are_used_or_published_and_all_used_ones_are(study):
    order, rows = cells_of(study).order, published(study)
    models, used = order["model"], named(study, "model")
    assert set(models) <= used | {row["model"] for row in rows}
    assert used - set(models) == UNORDERED.get(study, set())
    places = {place.partition("/")[0] for place in order["place"]}
    assert places <= {*registry.names("data"), *(row["dataset"] for row in rows)}
    assert named(study, "dataset") - places <= {"digits8"}
    for words in order.values():
        assert len(set(words)) == len(words)


def has(study, column):
    block, _, key = column.partition(".")
    if block == "training":
        return key in Training.model_fields
    if block == "model":
        return any(key in settings_of(one).model_fields for one in named(study, "model"))
    return any(key in registry.load("data", n).Params.model_fields for n in named(study, "dataset"))


@pytest.mark.parametrize("study", STUDIES)
def test_settings_and_variants_are_published_under_their_names_and_set_in_param_files(study):
    cells = cells_of(study)
    columns = {**cells.settings, **cells.variants}
    assert set(columns) <= keys(study) | {"images"}
    assert [column for column in columns.values() if not has(study, column)] == []
    renamed = {name: c for name, c in columns.items() if not c.endswith(f".{name}")}
    assert renamed == RENAMED.get(study, {})
    assert set(cells.words) <= set(cells.settings)


@pytest.mark.parametrize("study", STUDIES)
def test_the_figure_and_the_numbers_at_the_head_of_the_report_are_there(study):
    cells = cells_of(study)
    StudyFigures(study).kind(cells.main_figure)
    measured = {(row["table"], row["metric"]) for row in published(study)}
    assert {*cells.main, *(cells.compared or ())} <= measured | {("segmentation", "mean_iou")}
    asked = {table for table, _ in cells.main}
    assert all(any(table in text for text in texts(study)) for table in asked)
    assert all("{}" in words for words in cells.words.values())


def test_the_sizes_and_classes_of_stir_are_those_of_its_data():
    data = registry.load("data", "stir")
    for place, count in scale.CLASSES.items():
        source = "embedded" if place == "stir/emoji" else "local"
        params = data.Params(task=place.partition("/")[2], source=source, scenario="all2all")
        assert image_shape(Plugin("stir", params))[1] == count
    assert cells_of("scale").classes == scale.CLASSES
    for name, (first, last) in scale.SCENARIOS.items():
        assert data.Params(task="emoji", scenario=name).scenario == name
        text = next(t for t in texts("scale") if f"scenario: {name} " in t and "pixels" in t)
        assert f"{first}-{last}" in text
    panels = [("a", "x"), ("b", "x"), ("b", "y")]
    assert scale.panels_of(panels, "b") == [("b", "x"), ("b", "y")]
    assert scale.panels_of(panels, "c") == [("a", "x")]


def test_of_the_scattering_study_all_images_of_a_data_set_are_counted_and_methods_published():
    rows = published("scattering")
    assert set(scattering.REFERENCES) <= {row["model"] for row in rows}
    assert not set(scattering.REFERENCES) & set(registry.names("models"))
    assert set(scattering.WHOLE) <= set(scattering.DATASETS)
    assert set(scattering.LINEAR) <= set(registry.names("models"))
    asked = cells_of("scattering").order["samples"]
    assert asked[-1] == ""
    assert list(map(int, asked[:-1])) == sorted(map(int, asked[:-1]))
    counts = {r["setting"].partition("samples=")[2].partition(",")[0] for r in rows}
    counts |= {n for text in texts("scattering") for n in re.findall(r"samples: (\d+)", text)}
    assert counts <= set(asked)
