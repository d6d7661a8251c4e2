"""Runs whose networks normalise their images first."""

import pytest
import torch
from safetensors.torch import load_file
from toy_runs import (
    ToyDataParams,
    ToyModelParams,
    toy_images,
    toy_task,
    toy_training,
    toys,  # noqa: F401
    train,
)

from isotrope.errors import UserError
from isotrope.layers.normalising import Normalised, statistics
from isotrope.measuring.networks import Networks
from isotrope.packs import store
from isotrope.params import modelling
from isotrope.params.points import Point
from isotrope.training import imported

CPU = torch.device("cpu")


def params(normalise, **more):
    return modelling.settings_of("toy")(normalise=normalise, dropout=0.0, **more)


def test_weights_of_a_network_that_normalises_nothing_keep_their_names(toys):  # noqa: F811
    plain = modelling.build("toy", params("none"), (1, 8, 8), 4)

    assert not isinstance(plain, Normalised)
    assert set(plain.state_dict()) == set(
        modelling.build("toy", ToyModelParams(dropout=0.0), (1, 8, 8), 4).state_dict()
    )


def test_initial_weights_are_those_of_the_network_alone(toys):  # noqa: F811
    torch.manual_seed(3)
    plain = modelling.build("toy", params("none"), (1, 8, 8), 4)
    torch.manual_seed(3)
    normalised = modelling.build("toy", params("image"), (1, 8, 8), 4)

    for name, value in plain.state_dict().items():
        assert torch.equal(normalised.state_dict()[f"network.{name}"], value)


@pytest.mark.parametrize("stack", [1, 2])
def test_the_numbers_of_the_training_images_are_saved_with_the_weights(toys, stack):  # noqa: F811
    task = toy_task(model_params=params("dataset"), stack=stack, training=toy_training(epochs=1))
    mean, std = statistics(toy_images(ToyDataParams(), "train").images)

    train(task)

    saved = load_file(task.folder / "weights.safetensors")
    for seed in (0, 1):
        torch.testing.assert_close(saved["normalise.mean"][seed].flatten(), mean.float())
        torch.testing.assert_close(saved["normalise.std"][seed].flatten(), std.float())


@pytest.mark.parametrize("normalise", ["dataset", "image", {"mean": [0.2], "std": [0.5]}])
def test_a_stack_that_normalises_ends_as_its_seeds_alone_and_is_read_back(toys, normalise):  # noqa: F811
    kind = modelling.settings_of("toy")
    alone, stacked = (
        toy_task(
            run=f"toy/toy/{stack}",
            model_params=kind.model_validate({"normalise": normalise, "dropout": 0.0}),
            stack=stack,
            training=toy_training(epochs=2),
        )
        for stack in (1, 2)
    )
    images = toy_images(ToyDataParams(), "test").images

    train(alone)
    train(stacked)

    one, other = (Networks.open(task.folder, CPU).logits(images) for task in (alone, stacked))
    torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)
    (_, network), *_ = Networks.open(alone.folder, CPU)
    assert isinstance(network, Normalised)
    with torch.no_grad():
        seen = network.network(network.normalise(images.float() / 255))
    torch.testing.assert_close(seen, one[0], rtol=1e-5, atol=1e-5)


def test_imported_weights_bring_the_numbers_of_their_images(toys):  # noqa: F811
    other = toy_task(model_params=params("dataset"), training=toy_training(epochs=1))
    train(other)
    file = other.stored(1) / "weights.safetensors"
    task = toy_task(run="toy/toy/mine", model_params=params("dataset"), training_digest="3" * 16)

    imported.import_seed(task, 2, file)

    found, given = load_file(task.stored(2) / "weights.safetensors"), load_file(file)
    assert float(given["normalise.std"]) != 1
    assert found.keys() == given.keys()
    for name, value in given.items():
        assert torch.equal(found[name], value), name


def test_weights_that_do_not_say_how_images_were_normalised_are_not_imported(toys):  # noqa: F811
    other = toy_task(model_params=params("none"), training=toy_training(epochs=1))
    train(other)
    file = other.stored(1) / "weights.safetensors"
    task = toy_task(run="toy/toy/mine", model_params=params("dataset"), training_digest="3" * 16)

    with pytest.raises(UserError, match="does not say by which numbers its images were normalised"):
        imported.import_seed(task, 2, file)
    assert not task.stored(2).exists()


def test_a_normalisation_is_in_the_training_digest(toys):  # noqa: F811
    def digest(normalise):
        from isotrope.params.blocks import Plugin, check_plugin

        block = {"name": "standard", "normalise": normalise}
        model, wrong = check_plugin("models", block, ("model",))
        assert not wrong
        data, wrong = check_plugin(
            "data", {"name": "stir", "task": "emoji", "scenario": "mid2rest"}, ("dataset",)
        )
        assert isinstance(model, Plugin)
        assert isinstance(data, Plugin), wrong
        return Point("base", data, model, toy_training()).digest

    choices = ["none", "dataset", "image", {"mean": [0.1], "std": [1]}, {"mean": [0.2], "std": [1]}]
    assert len({digest(normalise) for normalise in choices}) == len(choices)


@pytest.mark.parametrize("normalise", ["none", "image"])
def test_recordings_have_the_names_of_the_network_behind(toys, normalise):  # noqa: F811
    monitor = {"gradients": ["conv.*"], "weights": ["conv.weight"]}
    training = toy_training(epochs=1, monitor=monitor)
    task = toy_task(model_params=params(normalise), seeds=[1], pack="1-1", training=training)

    train(task)

    found = store.load(task.stored(1), 1, task.training_digest).recordings
    inner = "" if normalise == "none" else "network."
    assert {"gradient/conv.weight", f"weight/{inner}conv.weight"} <= set(found)
    assert not any(name.startswith("gradient/network.") for name in found)
