"""Trained networks read from a pack's folder, or a sentence that says why not."""

import json

import pytest
import torch
from safetensors.torch import load_file
from toy_runs import (
    CLASSES,
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
from isotrope.measuring.networks import Networks, load_model

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
    with pytest.raises(UserError, match=r"weights\.safetensors is missing"):
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
    path.write_text(json.dumps(run))
    with pytest.raises(UserError, match="the model toy as it is now does not take these settings"):
        load_model(folder, 1)
