"""What a training asks of its network, which the network may not have."""

import pytest
from made_up_param_file import changed, sentences, write

from isotrope.params.param_file import read_all

MODEL = """
from torch import nn

from isotrope.settings import Settings

REVISION = 1
PARTS = set()


class Params(Settings):
    own_loss: bool = False


class Network(nn.Sequential):
    def parameter_groups(self):
        return {"filters": ["1.weight"]}


class Losing(Network):
    def loss(self, images, labels, noise):
        return 0.0, self(images)


def build(params, image_shape, classes):
    kind = Losing if params.own_loss else Network
    return kind(nn.Flatten(), nn.Linear(image_shape[1] * image_shape[2], classes))
"""
OF_PIXELS = MODEL.replace("REVISION", 'kind = "segmentation"\nREVISION').replace(
    "nn.Flatten(), nn.Linear(image_shape[1] * image_shape[2], classes)",
    "nn.Identity(), nn.Conv2d(image_shape[0], classes, 1)",
)
OPTIMIZER = "{name: adam, learning_rate: 1e-3}"


@pytest.fixture
def grouped(param_files):
    path = param_files.parent / "plugins/models/grouped.py"
    path.parent.mkdir(parents=True)
    path.write_text(MODEL)

    def made(training, model="grouped"):
        text = changed((OPTIMIZER, training), ("[accuracy, scale_generalization]", "[accuracy]"))
        folder = model.partition("\n")[0]
        write(param_files, text.replace("name: standard", f"name: {model}"), f"{folder}/a/b.yaml")

    return made


def groups(words):
    return f"{{name: adam, learning_rate: 1e-3, groups: {{{words}}}}}"


@pytest.mark.parametrize("words", ["filters: {learning_rate: 1}", "base: {weight_decay: 0}"])
def test_groups_that_the_network_has_may_be_named(grouped, param_files, words):
    grouped(groups(words))
    assert len(read_all(param_files)) == 1


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("grouped", "grouped has no such group of parameters; did you mean 'filters'?"),
        ("grouped\n  normalise: image", "grouped has no such group of parameters; did you mean"),
        ("standard", "standard has no such group of parameters; choose from base"),
    ],
)
def test_a_group_that_the_network_has_not_is_a_mistake_with_its_place(
    grouped, param_files, model, said
):
    grouped(groups("filter: {learning_rate: 1}"), model)

    (found,) = sentences(param_files)

    assert f"training.optimizer.groups.filter: {said}" in found
    assert ":15:" in found or ":16:" in found


def test_an_objective_beside_a_loss_of_the_network_is_a_mistake(grouped, param_files):
    objective = f"{OPTIMIZER}\n  objective: {{name: cross_entropy, label_smoothing: 0.1}}"
    grouped(objective)
    assert len(read_all(param_files)) == 1

    grouped(objective, "grouped\n  own_loss: true")

    (found,) = sentences(param_files)
    assert "training.objective: grouped has a loss of its own; leave the objective out" in found


def test_a_model_for_pixels_asks_for_masks(grouped, param_files):
    path = param_files.parent / "plugins/models/grouped.py"
    path.write_text(OF_PIXELS)
    grouped(OPTIMIZER)

    (found,) = sentences(param_files)

    said = ": grouped is for segmentation, and the labels of stir are a class for each image"
    assert found.endswith(f"model{said}")


VOC = [("name: stir\n  task: emoji\n  scenario: mid2rest", "name: voc\n  source: local")]


@pytest.mark.parametrize("normalise", ["dataset", "{mean: [0, 0, 0], std: [1, 1, 1]}"])
def test_images_that_are_read_as_they_are_needed_have_no_mean_of_all(
    grouped, param_files, normalise
):
    path = param_files.parent / "plugins/models/grouped.py"
    path.write_text(OF_PIXELS)
    others = [
        ("name: standard", f"name: grouped\n  normalise: {normalise}"),
        ("[accuracy, scale_generalization]", "[segmentation]"),
        ("\n  early_stopping: {patience: 10}", ""),
    ]
    write(param_files, changed(*VOC, *others), "grouped/a/b.yaml")
    if normalise != "dataset":
        assert len(read_all(param_files)) == 1
        return

    (found,) = sentences(param_files)

    assert "b.yaml:10:3: model.normalise: the images of voc are read as they are needed" in found
    assert found.endswith("write {mean: [...], std: [...]}")
