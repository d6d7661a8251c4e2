"""Trainings that begin with weights from elsewhere, and weights imported as finished seeds."""

import json
import pickle
import shutil
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from toy_runs import ToyModelParams, toy_task, toy_training, toys, train  # noqa: F401

from isotrope.datasets import local_data
from isotrope.errors import UserError
from isotrope.layers.normalising import ByImage, ByValues, Normalised
from isotrope.measuring.networks import Networks
from isotrope.packs import store
from isotrope.training import imported
from isotrope.training.inert_unpickling import load_inert
from isotrope.training.initial_weights import FileStart, SeedStart, read_weights, take_over

# a step so small that float32 keeps the weights
STAYS = toy_training(epochs=1, optimizer={"name": "adam", "learning_rate": 1e-30})


def first(seed=None):
    """A trained run, and the start from its seeds."""
    task = toy_task(run="toy/toy/first", training=toy_training(epochs=2))
    train(task)
    return task, SeedStart(task.run, task.point, seed, task.training_digest)


def start_weights(task, seed):
    return store.load(task.stored(seed), seed, task.training_digest).weights


@pytest.mark.parametrize("stack", [1, 2])
@pytest.mark.parametrize("seed", [None, 2])
def test_every_seed_begins_with_the_weights_that_are_named(toys, seed, stack):  # noqa: F811
    other, start = first(seed)
    task = toy_task(training=STAYS, start=start, stack=stack, training_digest="2" * 16)

    train(task)

    for own in task.seeds:
        expected = start_weights(other, own if seed is None else seed)
        found = start_weights(task, own)
        for name in ("conv.weight", "linear.weight", "linear.bias"):
            assert torch.equal(found[name], expected[name]), name


def test_a_seed_that_is_not_there_is_named_with_what_trains_it(toys):  # noqa: F811
    start = SeedStart("toy/toy/first", "base", None, "1" * 16)

    with pytest.raises(UserError, match=r"train seed 1 of toy/toy/first: `snakemake runs --conf"):
        train(toy_task(start=start))


def test_trials_of_how_many_seeds_fit_ask_for_no_start(toys):  # noqa: F811
    _, start = first()
    task = toy_task(training=STAYS, start=replace(start, seed=1), seeds=[7, 9], pack="1-25")

    train(task)  # its trials are of seeds 1, 2, ...

    assert torch.equal(start_weights(task, 7)["conv.weight"], start_weights(task, 9)["conv.weight"])


def test_a_file_of_the_user_is_started_from_while_it_is_the_same(toys, monkeypatch):  # noqa: F811
    other, _ = first()
    monkeypatch.setenv(local_data.VARIABLE, str(toys / "mine"))
    path = toys / "mine/weights/first.pt"
    path.parent.mkdir(parents=True)
    torch.save(start_weights(other, 1), path)
    start = FileStart("weights/first.pt", local_data.checksum("weights/first.pt"))
    task = toy_task(training=STAYS, start=start)

    train(task)

    expected = start_weights(other, 1)["conv.weight"]
    assert torch.equal(start_weights(task, 2)["conv.weight"], expected)
    torch.save(start_weights(other, 2), path)
    shutil.rmtree(task.folder.parent)
    with pytest.raises(UserError, match=r"first\.pt has changed"):
        train(task)


def small(normalise=None):
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    return network if normalise is None else Normalised(normalise, network)


def test_names_and_shapes_must_fit():
    network = small()
    weights = small().state_dict()
    fine = dict(weights)
    missing = {name: value for name, value in weights.items() if name != "0.bias"}
    strange = {**weights, "2.weight": torch.zeros(1)}
    misshapen = {**weights, "0.weight": torch.zeros(2, 1, 5, 5)}

    take_over(network, fine, "file")
    for wrong, said in [
        (missing, r"file does not fit the model: it has no 0\.bias; the model's `adopt"),
        (strange, r"it has unknown 2\.weight"),
        (misshapen, r"it has 0\.weight of \(2, 1, 5, 5\) instead of \(2, 1, 3, 3\)"),
    ]:
        with pytest.raises(UserError, match=said):
            take_over(network, wrong, "file")
    more = {f"extra{letter}": torch.zeros(1) for letter in "fcbade"}
    with pytest.raises(UserError, match="has unknown extraa, extrab, extrac"):
        take_over(network, {**weights, **more}, "file")
    assert all(torch.equal(value, fine[name]) for name, value in network.state_dict().items())


class Adopting(nn.Sequential):
    def adopt(self, weights):
        return {"0.weight": weights["backbone.weight"].flip(0)}


def test_a_network_says_which_foreign_weights_it_takes():
    network = Adopting(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    bias = network.state_dict()["0.bias"].clone()
    foreign = {"backbone.weight": torch.rand(2, 1, 3, 3), "head.weight": torch.rand(9)}

    take_over(network, foreign, "file")

    assert torch.equal(network.state_dict()["0.weight"], foreign["backbone.weight"].flip(0))
    assert torch.equal(network.state_dict()["0.bias"], bias)


@pytest.mark.parametrize("other", [small(), small(ByValues(1, [0.5], [2.0])), small(ByImage())])
def test_a_network_that_normalises_takes_weights_with_or_without_a_normalisation(other):
    network = small(ByValues(1, [0.25], [0.5]))

    take_over(network, other.state_dict(), "file")

    inner = other.network if isinstance(other, Normalised) else other
    for name, value in inner.state_dict().items():
        assert torch.equal(network.network.state_dict()[name], value)
    assert float(network.normalise.mean) == 0.25


def test_a_network_that_does_not_normalise_refuses_weights_of_one_that_does():
    with pytest.raises(UserError, match=r"normalise their images; set model\.normalise"):
        take_over(small(), small(ByValues(1)).state_dict(), "file")


@pytest.mark.parametrize("wrapped", ["state_dict", "model_state", "model", None])
def test_checkpoints_of_torch_are_read(tmp_path, wrapped):
    weights = small().state_dict()
    torch.save(weights if wrapped is None else {wrapped: weights, "epoch": 3}, tmp_path / "a.pt")
    save_file(weights, tmp_path / "a.safetensors")

    for name in ("a.pt", "a.safetensors"):
        found = read_weights(tmp_path / name)
        assert found.keys() == weights.keys()
        assert all(torch.equal(found[key], value) for key, value in weights.items())


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("harmed"),))


def test_files_that_hold_no_weights_are_refused_and_run_no_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"a": Evil()}, tmp_path / "evil.pt")
    (tmp_path / "text.pt").write_text("no weights")
    (tmp_path / "text.safetensors").write_text("no weights at all, but long enough")
    torch.save({"epoch": 3, "w": torch.zeros(1)}, tmp_path / "number.pt")
    torch.save([torch.zeros(1)], tmp_path / "list.pt")

    for name, said in [
        ("evil.pt", "holds 'a', which is no tensor"),
        ("text.pt", "neither safetensors nor weights alone"),
        ("text.safetensors", "neither safetensors nor weights alone"),
        ("number.pt", "holds 'epoch', which is no tensor"),
        ("list.pt", "holds no weights by name"),
        ("absent.pt", "no such file"),
    ]:
        with pytest.raises(UserError, match=said):
            read_weights(tmp_path / name)
    assert not (tmp_path / "harmed").exists()


def test_a_program_is_no_weights(tmp_path):
    path = tmp_path / "program.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("program/constants.pkl", b"")
    with pytest.raises(pickle.UnpicklingError, match="a TorchScript program"):
        load_inert(path)
    path.write_bytes(b"no zip")
    with pytest.raises(pickle.UnpicklingError, match=r"not in the zip form of torch\.save"):
        load_inert(path)


@pytest.mark.parametrize("foreign", [Evil(), partial(nn.AvgPool2d, 2), {Path("a"), Path("b")}])
def test_foreign_objects_beside_weights_are_passed_over(foreign, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights = small().state_dict()
    beside = {"epoch": 3, "hyper_parameters": {"layer": foreign, "dtype": torch.float16}}
    torch.save({"state_dict": weights, **beside}, tmp_path / "a.ckpt")

    found = read_weights(tmp_path / "a.ckpt")

    assert found.keys() == weights.keys()
    assert all(torch.equal(found[key], value) for key, value in weights.items())
    assert not (tmp_path / "harmed").exists()


def test_weights_alone_are_read_whatever_torch_is_told_by_its_environment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    weights = small().state_dict()
    torch.save({"state_dict": weights, "beside": Evil()}, tmp_path / "a.ckpt")
    assert read_weights(tmp_path / "a.ckpt").keys() == weights.keys()
    assert not (tmp_path / "harmed").exists()


def as_from_a_gpu(monkeypatch):
    """Let torch save tensors as if they lay on a GPU; without one they cannot be put back there."""
    monkeypatch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_weights_that_were_saved_on_a_gpu_are_read_without_one(tmp_path, monkeypatch):
    as_from_a_gpu(monkeypatch)
    weights = small().state_dict()
    torch.save(weights, tmp_path / "a.pt")
    found = read_weights(tmp_path / "a.pt")
    assert all(torch.equal(found[key], value) for key, value in weights.items())
    assert {value.device.type for value in found.values()} == {"cpu"}


def test_imported_weights_are_a_finished_seed_of_their_own_origin(toys):  # noqa: F811
    other, _ = first()
    file = other.stored(1) / "weights.safetensors"
    task = toy_task(run="toy/toy/mine", training_digest="3" * 16)

    folder = imported.import_seed(task, 2, file)
    log = train(task)

    assert folder == task.stored(2)
    assert any("1 to train, 1 are finished" in line for line in log)
    said = json.loads((task.folder / "run.json").read_text())["seeds"]
    assert [one.get("origin") for one in said] == [None, "imported"]
    assert said[1]["imported_from"]["file"] == "weights.safetensors"
    assert (said[1]["epochs"], said[1]["status"]) == (0, "done")
    _, (seed, network) = Networks.open(task.folder, torch.device("cpu"))
    assert seed == 2
    for name, value in load_file(file).items():
        assert torch.equal(network.state_dict()[name], value)


def test_a_seed_that_is_there_is_not_replaced_by_an_import(toys):  # noqa: F811
    other, _ = first()
    with pytest.raises(UserError, match="seed 1 of toy/toy/first is there already"):
        imported.import_seed(other, 1, other.stored(2) / "weights.safetensors")


def test_weights_of_another_shape_are_not_imported(toys):  # noqa: F811
    wide = toy_task(model_params=ToyModelParams(channels=5), training=toy_training(epochs=1))
    train(wide)
    task = toy_task(run="toy/toy/mine")

    with pytest.raises(UserError, match=r"does not fit the model: it has conv\.weight of"):
        imported.import_seed(task, 1, wide.stored(1) / "weights.safetensors")
    assert not task.stored(1).exists()
