"""Models around another model, by the name of a setting: ``WRAPS``."""

import json

import pytest
import torch
from torch.func import vmap

from isotrope import digests, registry
from isotrope.mistakes import complaints_of
from isotrope.params import modelling, schema
from isotrope.params.blocks import Plugin, check_plugin
from isotrope.params.wrapping import draws_of, inside, parts_of, stackable, why_not_stacked

INNER = """
from torch import nn

from isotrope.settings import Settings

REVISION = {revision}
PARTS = {{"stage1", "features"}}
STACKABLE = False
DRAWS = 7


class Params(Settings):
    size: int = 2


def build(params, image_shape, classes):
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(classes * params.size))
"""

OUTER = """
from pydantic import Field

from isotrope.layers.preceded import Preceded
from isotrope.params import modelling
from isotrope.params.wrapping import InnerModel, inner
from isotrope.settings import Settings
from torch import nn

REVISION = 1
PARTS = {{"first"}}
WRAPS = "seen_by"
{more}


class Params(Settings):
    seen_by: InnerModel = Field(default_factory=lambda: inner("toy_inner"))
    gain: float = 1.0


def build(params, image_shape, classes):
    network = modelling.build(params.seen_by.name, params.seen_by.params, image_shape, classes)
    return Preceded("first", nn.Identity(), network)
"""


@pytest.fixture
def models(tmp_path, monkeypatch):
    """Writes the two toy models into a project of its own."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "plugins" / "models"
    folder.mkdir(parents=True)

    def write(revision=1, more=""):
        (folder / "toy_inner.py").write_text(INNER.format(revision=revision))
        (folder / "toy_outer.py").write_text(OUTER.format(more=more))

    write()
    return write


def outer(**settings):
    model, complaints = check_plugin("models", {"name": "toy_outer", **settings}, ("model",))
    assert complaints == []
    return model


@pytest.mark.usefixtures("models")
def test_what_the_model_inside_declares_counts_for_the_whole():
    model = outer()

    assert inside(model).name == "toy_inner"
    assert inside(inside(model)) is None
    assert parts_of(model) == {"first", "stage1", "features"}
    assert not stackable(model)
    assert draws_of(model) == 7


def test_a_model_may_say_which_parts_of_the_one_inside_count(models):
    models(more='WRAPS_PARTS = {"features", "others"}')
    assert parts_of(outer()) == {"first", "features"}


def test_how_many_draws_are_averaged_may_follow_from_settings(models):
    models(more="def draws(params): return 3 * int(params.gain)")
    assert draws_of(outer(gain=1.0)) == 7
    assert draws_of(outer(gain=5.0)) == 15


@pytest.mark.usefixtures("models")
def test_a_model_without_one_inside_is_itself():
    model = Plugin("standard", modelling.settings_of("standard")())
    assert inside(model) is None
    assert parts_of(model) == {"stage1", "stage2", "features"}
    assert stackable(model)
    assert draws_of(model) == 1


@pytest.mark.usefixtures("models")
def test_models_are_wrapped_in_models_that_wrap():
    model = outer(seen_by={"name": "toy_outer", "seen_by": {"name": "standard"}})
    assert parts_of(model) == {"first", "stage1", "stage2", "features"}
    assert stackable(model)


@pytest.mark.usefixtures("models")
def test_a_block_is_kept_as_it_was_written():
    model = outer(seen_by={"name": "toy_inner", "size": 5})
    settings = modelling.settings_of("toy_outer")

    written = model.params.model_dump(mode="json")

    assert written["seen_by"] == {"name": "toy_inner", "size": 5}
    assert settings.model_validate_json(json.dumps(written)) == model.params
    assert hash(model) == hash(outer(seen_by={"name": "toy_inner", "size": 5}))
    assert outer().params.model_dump(mode="json", exclude_defaults=True) == {}


def test_a_digest_depends_on_settings_and_revision_of_the_model_inside(models):
    def digest(**settings):
        dataset = (
            "stir",
            registry.load("data", "stir").Params(
                task="emoji", source="embedded", scenario="mid2rest"
            ),
        )
        model, training = outer(**settings), {"optimizer": {"name": "adam"}}
        return digests.training_digest(dataset, (model.name, model.params), training)

    first = digest()
    assert digest(seen_by={"name": "toy_inner"}) == first
    assert digest(seen_by={"name": "toy_inner", "size": 3}) != first
    assert digest(seen_by={"name": "standard"}) != first
    models(revision=20)
    assert digest() != first


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(
    ("block", "where", "message"),
    [
        ({"name": "standart"}, ("name",), "no model is called 'standart'; did you mean 'standard'"),
        ({"name": "toy_inner", "side": 2}, ("side",), "unknown key"),
        ({"name": "toy_inner", "normalise": "image"}, ("normalise",), "unknown key"),
        ("toy_inner", (), "must be a block {name, ...settings}"),
        ({}, ("name",), "missing"),
    ],
)
def test_mistakes_in_the_block_are_said_at_their_place(block, where, message):
    settings = modelling.settings_of("toy_outer")

    _, complaints = complaints_of(settings, {"seen_by": block}, ("model",))

    ((place, said),) = complaints
    assert place == ("model", "seen_by", *where)
    assert message in said


@pytest.mark.usefixtures("models")
def test_editors_know_the_blocks_of_models_inside():
    found = json.loads(schema.param_file_schema(registry.names))["$defs"]

    block = found["models_toy_outer"]["properties"]["seen_by"]
    assert "toy_inner" in block["properties"]["name"]["enum"]
    assert {"$ref": "#/$defs/models_inside_toy_inner"} in block["oneOf"]
    assert "normalise" in found["models_toy_inner"]["properties"]
    assert set(found["models_inside_toy_inner"]["properties"]) == {"name", "size"}
    assert found["models_inside_toy_outer"]["properties"]["seen_by"] == block


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        ("images if images.mean() > 0 else -images", "it asks for a tensor's value, as `if` and"),
        ("images * images.max().item()", "it asks for a tensor's value, as `if` and `.item()` do;"),
        ("images + torch.rand(3)", "it draws random numbers inside; a network that defines `draw`"),
        ("images.undefined", "'Tensor' object has no attribute 'undefined'"),
    ],
)
def test_what_keeps_a_model_from_being_stacked_is_said_with_its_line(models, forward, said):
    path = registry.users_folder("models") / "mine.py"
    path.write_text(f"import torch\n\n\ndef forward(images):\n    return {forward}\n")
    namespace = {}
    exec(compile(path.read_text(), path.absolute(), "exec"), namespace)
    with pytest.raises((RuntimeError, AttributeError)) as error:
        vmap(namespace["forward"], randomness="error")(torch.ones(2, 3))
    assert why_not_stacked(error.value).startswith(f"plugins/models/mine.py:5: {said}")
    assert why_not_stacked(ValueError()) == "ValueError"
