"""What building a network and asking it for an answer tells, before anything is trained."""

import pytest
from made_up_param_file import NAME, changed, sentences, write

from isotrope.errors import UserError
from isotrope.params import networks
from isotrope.params.param_file import read_run

MODEL = '''\
"""A network."""

import torch
from torch import nn

from isotrope.settings import Settings

REVISION = 1
PARTS = {parts}


class Params(Settings):
    size: int = 64


class Network(nn.Module):
    def __init__(self, size, classes):
        super().__init__()
        self.stage1 = nn.Linear(size * size, classes)

    def forward(self, images):
        answer = self.stage1(images.flatten(1))
        return {answer}


def build(params, image_shape, classes):
    return Network(params.size, classes)
'''
RUN = ("standard", "mine")
PATH = "mine/stir_emoji/mine"


@pytest.fixture
def mine(param_files, monkeypatch):
    """Writes a model of one's own, and a run of it."""

    def written(answer="answer", parts='{"stage1"}'):
        text = MODEL.replace("{answer}", answer).replace("{parts}", parts)
        write(param_files.parent / "plugins/models", text, "mine.py")
        return write(param_files, changed(RUN), f"{PATH}.yaml")

    monkeypatch.setattr(networks, "_found_in", networks._found_in.__wrapped__)
    return written


def test_a_network_that_answers_as_it_should_is_in_order(mine):
    assert read_run(mine()).points


def test_parts_that_the_network_does_not_have_are_named_with_their_line(mine):
    path = mine(parts='{"stage1", "stage2"}')
    with pytest.raises(UserError) as error:
        read_run(path)
    (said,) = error.value.sentences
    assert said == (
        f"{PATH} waits for a broken plug-in to be mended: plugins/models/mine.py:9: PARTS "
        "names stage2, which the network does not have (its modules: stage1)"
    )


@pytest.mark.parametrize("series", ["own", "published"])
def test_a_network_of_ones_own_that_fails_on_the_images_is_a_mistake(mine, param_files, series):
    text = changed(RUN, ("seeds: 1-3", f"seeds: 1-3\nseries: {series}"))
    mine()
    write(param_files, text.replace("name: mine", "name: mine\n  size: 32"), f"{PATH}.yaml")

    (said,) = sentences(param_files)

    assert said == (
        f"param-files/{PATH}.yaml:10:1: model: plugins/models/mine.py:22: the network fails on "
        "two images: RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x4096 and "
        "1024x36) (stir has 1 x 64 x 64 images)"
    )


@pytest.mark.parametrize(
    ("answer", "found"),
    [("answer[:, 1:]", "(2, 35)"), ("answer[0]", "(36,)"), ("(answer, 1)", "tuple")],
)
def test_an_answer_of_another_shape_is_a_mistake(mine, param_files, answer, found):
    mine(answer)
    (said,) = sentences(param_files)
    assert said == (
        f"param-files/{PATH}.yaml:9:1: model: the network answers two images with {found}, not "
        "(2, 36), a number for each class (stir has 1 x 64 x 64 images)"
    )


def test_what_can_be_done_on_real_tensors_only_is_tried_there(mine):
    assert read_run(mine("answer * float(answer.abs().max().item() > -1)")).points


def test_shipped_models_are_run_for_ones_own_param_files_alone(param_files, monkeypatch):
    asked = []
    monkeypatch.setattr(networks, "_found_in", networks._found_in.__wrapped__)
    monkeypatch.setattr(networks.meta_device, "answer", lambda *given: asked.append(given))
    for series in ("published", "demo", "extra"):
        text = changed(("seeds: 1-3", f"seeds: 1-3\nseries: {series}"))
        assert read_run(write(param_files, text, f"{NAME}.yaml")).points
    assert not asked
    write(param_files)
    (said,) = sentences(param_files)
    assert "the network answers two images with NoneType" in said
    assert [len(asked), asked[0][1:]] == [2, ((1, 64, 64), "meta")]
