"""Trained networks read from a pack's folder, or a sentence that says why not."""

import copy
import json

import numpy
import pytest
import torch
import toy_data
import toy_runs
from safetensors.torch import load_file
from torch import nn
from toy_runs import (
    CLASSES,
    SHAPE,
    ToyDataParams,
    ToyModelParams,
    ToyNetwork,
    build,
    toy_images,
    toy_task,
    toy_training,
    toys,  # noqa: F401
    train,
)

import isotrope
from isotrope.errors import UserError
from isotrope.files.json_files import sealed
from isotrope.measuring.answers import Answers
from isotrope.measuring.networks import Networks, _in_order, load_model
from isotrope.measuring.position import Position
from isotrope.params import modelling
from isotrope.training import seeding

CPU = torch.device("cpu")


@pytest.fixture
def folder(toys):  # noqa: F811
    task = toy_task(seeds=[1, 2, 4], pack="1-4", training=toy_training(epochs=2))
    train(task)
    return task.folder


def test_logits_are_those_of_each_network(folder):
    networks = Networks.open(folder, CPU)
    images = toy_images(ToyDataParams(), "all_scales").images

    logits = networks.logits(images)

    assert networks.seeds == [1, 2, 4]
    assert len(networks) == 3
    assert (logits.shape, logits.dtype) == ((3, len(images), CLASSES), torch.float32)
    assert not logits.requires_grad
    for place, (seed, network) in enumerate(networks):
        assert seed == networks.seeds[place]
        assert not network.training
        with torch.no_grad():
            alone = network(images.float() / 255)
        torch.testing.assert_close(logits[place], alone, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(networks.logits(images, batch_size=7), logits, rtol=1e-5, atol=1e-5)


def test_copies_in_float64_answer_as_exactly_and_leave_the_networks_as_they_are(folder):
    networks = Networks.open(folder, CPU)
    images = toy_images(ToyDataParams(), "all_scales").images[:5]
    before = networks.logits(images)
    exact = networks.in_float64()
    answers = exact.predictions(images.double() / 255, range(5))
    assert answers.dtype == torch.float64
    assert exact.seeds == networks.seeds
    assert exact.part_names == networks.part_names
    torch.testing.assert_close(answers.float(), before, rtol=1e-5, atol=1e-5)
    for (_, copied), (_, network) in zip(exact, networks, strict=True):
        twin = copied.double()
        for name, value in network.state_dict().items():
            assert value.dtype != torch.float64
            torch.testing.assert_close(twin.state_dict()[name].to(value.dtype), value)
    assert torch.equal(networks.logits(images), before)


def test_a_choice_of_seeds_is_read_in_the_order_asked_for(folder):
    stacked = load_file(folder / "weights.safetensors")
    networks = Networks.open(str(folder), CPU, [4, 1])

    assert networks.seeds == [4, 1]
    for place, (_, network) in zip((2, 0), networks, strict=True):
        for name, value in network.state_dict().items():
            assert torch.equal(value, stacked[name][place]), name


def test_load_model_gives_one_network_and_draws_nothing(folder):
    torch.manual_seed(11)
    before = torch.get_rng_state()
    network = load_model(folder, 2)

    assert torch.equal(torch.get_rng_state(), before)
    assert isinstance(network, ToyNetwork)
    assert not network.training
    assert isotrope.load_model is load_model


def test_images_of_another_type_are_refused(folder):
    networks = Networks.open(folder, CPU)
    with pytest.raises(ValueError, match=r"uint8, got 2 of torch\.float32"):
        networks.logits(torch.zeros(2, 1, 8, 8))
    with pytest.raises(ValueError, match="at least one image"):
        networks.logits(torch.zeros(0, 1, 8, 8, dtype=torch.uint8))


def test_truncated_and_altered_weights_are_named(folder):
    path = folder / "weights.safetensors"
    whole = path.read_bytes()
    altered = bytearray(whole)
    altered[-1] ^= 1
    for content in (whole[:-4], whole[:5], b"", bytes(altered)):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"weights\.safetensors is truncated or altered"):
            load_model(folder, 1)
    path.unlink()
    with pytest.raises(UserError, match=r"weights\.safetensors is missing; run `snake"):
        load_model(folder, 1)


def test_a_damaged_run_json_is_named(folder):
    path = folder / "run.json"
    whole = path.read_text()
    for content in (whole[: len(whole) // 2], "[]", "{}", ""):
        path.write_text(content)
        with pytest.raises(UserError, match=r"run\.json is truncated or altered"):
            load_model(folder, 1)
    path.unlink()
    with pytest.raises(UserError, match=r"run\.json is not there; run `snakemake runs`"):
        load_model(folder, 1)


def test_seeds_that_are_not_there_are_named(folder):
    with pytest.raises(UserError, match=r"holds no seed 3, 7; it holds 1, 2, 4"):
        Networks.open(folder, CPU, [1, 3, 7])


def test_weights_of_another_model_are_refused(folder, monkeypatch):
    monkeypatch.setattr(
        "toy_runs.TOY_MODEL.build",
        lambda params, shape, classes: build(ToyModelParams(channels=5), shape, classes),
    )
    with pytest.raises(UserError, match="does not fit the model toy as it is now"):
        load_model(folder, 1)


def test_settings_that_the_model_no_longer_knows_are_refused(folder):
    path = folder / "run.json"
    run = json.loads(path.read_text())
    run["model"]["params"]["gone"] = 1
    path.write_text(json.dumps(sealed(run)))
    with pytest.raises(UserError, match="the model toy as it is now does not take these settings"):
        load_model(folder, 1)


def test_the_parts_of_the_model_are_named_in_the_order_of_its_modules(folder, monkeypatch):
    monkeypatch.setattr("toy_runs.TOY_MODEL.PARTS", {"linear", "conv", "norm"})
    networks = Networks.open(folder, CPU)
    assert networks.part_names == ["conv", "norm", "linear"]
    assert networks.only([2]).part_names == networks.part_names
    assert Networks.joined([networks.only([2]), networks.only([1])]).part_names == [
        "conv",
        "norm",
        "linear",
    ]
    assert networks.untrained().part_names == networks.part_names


@pytest.mark.parametrize("normalise", ["none", "dataset"])
def test_untrained_networks_are_those_that_the_training_began_with(toys, normalise):  # noqa: F811
    params = modelling._with_common(ToyModelParams)(normalise=normalise)
    task = toy_task(model_params=params)
    train(task)
    networks = Networks.open(task.folder, CPU)
    states = {seed: copy.deepcopy(network.state_dict()) for seed, network in networks}
    torch.manual_seed(11)
    before = torch.get_rng_state()

    untrained = Networks.joined([networks.only([2]), networks.only([1])]).untrained()

    assert torch.equal(torch.get_rng_state(), before)
    assert untrained.seeds == [2, 1]
    for seed, network in untrained:
        seeding.seed_everything(seed)
        begun = modelling.build("toy", params, SHAPE, CLASSES).state_dict()
        trained = states[seed]
        for name, value in network.state_dict().items():
            expected = trained if name.startswith("normalise.") else begun
            assert torch.equal(value, expected[name]), name
        assert not torch.equal(network.state_dict()[name], trained[name])
        assert not network.training


def test_untrained_networks_draw_from_numpy_as_their_training_did(toys, monkeypatch):  # noqa: F811
    def drawing(params, image_shape, classes):
        network = build(params, image_shape, classes)
        drawn = torch.from_numpy(numpy.random.uniform(size=classes))
        network.linear.bias.data.copy_(drawn)
        return network

    monkeypatch.setattr(toy_runs.TOY_MODEL, "build", drawing)
    task = toy_task()
    train(task)
    numpy.random.seed(5)
    networks = Networks.open(task.folder, CPU)
    biases = {seed: network.linear.bias for seed, network in networks.untrained()}
    assert numpy.random.uniform() == numpy.random.RandomState(5).uniform(), "as it was before"
    for seed, bias in biases.items():
        expected = numpy.random.RandomState(seed).uniform(size=CLASSES)
        numpy.testing.assert_allclose(bias.detach().numpy(), expected, rtol=1e-6)


def test_networks_made_by_hand_have_no_parts_and_no_beginning_that_is_known():
    networks = Networks({1: nn.Linear(2, 2)}, CPU)
    assert networks.part_names == []
    assert networks.untrained() is None


def test_networks_know_which_training_images_each_seed_saw(toys):  # noqa: F811
    params = ToyDataParams(count=20, subset=16)
    task = toy_task(dataset_name="toy_subsets", dataset_params=params)
    train(task)
    networks = Networks.open(task.folder, CPU)

    found = Networks.joined([networks.only([2]), networks.only([1])]).subsets()

    assert list(found) == [2, 1]
    for seed, indices in found.items():
        assert torch.equal(indices, toy_data.subset(params, None, seed))
    networks = Networks.open(task.folder, CPU, [1])
    assert list(networks.subsets()) == [1]
    path = task.folder / "run.json"
    run = json.loads(path.read_text())
    run["dataset"]["params"]["gone"] = 1
    path.write_text(json.dumps(sealed(run)))
    with pytest.raises(UserError, match="toy_subsets as it is now does not take these settings"):
        Networks.open(task.folder, CPU).subsets()


def test_seeds_that_saw_all_images_have_no_subsets(folder, monkeypatch):
    assert Networks.open(folder, CPU).subsets() is None
    monkeypatch.setattr(toy_runs.TOY_DATA, "subset", lambda params, labels, seed: None, False)
    assert Networks.open(folder, CPU).subsets() is None
    with pytest.raises(ValueError, match="do not know what they were trained on"):
        Networks({1: nn.Linear(2, 2)}, CPU).subsets()


def test_networks_say_why_they_do_not_take_images_of_another_size(folder):
    networks = Networks.open(folder, CPU)
    assert networks.refusal(SHAPE) is None
    assert "mat1 and mat2 shapes cannot be multiplied" in networks.refusal((1, 9, 9))

    class Endless(nn.Module):
        def forward(self, images):
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        Networks({1: Endless()}, CPU).refusal((1, 9, 9))


@pytest.mark.parametrize("kind", [RuntimeError, ValueError, IndexError])
def test_the_first_line_of_what_a_network_says_against_a_shape_is_told(kind):
    class Picky(nn.Module):
        def forward(self, images):
            raise kind("too small\nby far")

    assert Networks({1: Picky()}, CPU).refusal((1, 2, 2)) == "too small"


def test_what_holds_for_all_networks_is_said_once(folder):
    lines = []
    networks = Networks.open(folder, CPU).under(
        lambda: None, lambda seed: Position(), Answers(), lines.append
    )
    for seed in networks.seeds:
        networks.only([seed]).say_once("a line")
    networks.say_once("another")
    assert lines == ["a line", "another"]


def test_parts_are_in_the_order_of_a_network_or_without_one_of_their_names():
    network = nn.Sequential(nn.ReLU(), nn.Sequential(nn.ReLU()))
    assert _in_order(["1.0", "1", "0"], network) == ["0", "1", "1.0"]
    assert _in_order(["b", "c", "a"], None) == ["a", "b", "c"]
