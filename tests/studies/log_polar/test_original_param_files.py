"""Param-files in the words of the log-polar author become ours, train and give the same network."""

import pytest
import torch
import yaml
from pydantic import ValidationError

from isotrope import build_model
from isotrope.datasets.building import build_dataset
from isotrope.digests import dataset_digest
from isotrope.errors import UserError
from isotrope.params.foreign import import_param_file
from isotrope.params.param_file import read_run
from isotrope.studies.log_polar.import_param_file import convert
from isotrope.studies.log_polar.original_files import Network, Original
from isotrope.studies.log_polar.original_models import original_network
from isotrope.tasks.by_hand import training_tasks
from isotrope.training.pack import train_pack
from isotrope.training.progress import Report

LAYER = """\
    - in_channels: {inputs}
      out_channels: {outputs}
      tau_min: 1
      tau_max: 30
      ntau: 20
      num_angles: 12
      topk: 12
      kernel_size: {side}
      lp_version: bilinear
"""
REST = """\
optimizer:
  type: adam
  params: {{lr: 0.001{decay}}}
num_epochs: 40
batch_size: 16
train_data_dir:
  type: {data}
  kwargs: {{root: data, {split}}}
val_data_dir:
  type: {validation}
  kwargs: {{root: data, {split}}}
collate: batch
"""
DEEP = (
    "model:\n  type: logpolar\n  layer_params:\n"
    + LAYER.format(inputs=1, outputs=32, side=7)
    + LAYER.format(inputs=32, outputs=32, side=5)
    + LAYER.format(inputs=32, outputs=32, side=5)
    + "  dropout: 0.2\n  batch_norm: False\n  act_func: relu\n  out_classes: 10\n  output: max\n"
)
SINGLE = """\
model:
  type: single_lp
  lp_params: {lp_version: bilinear, tau_min: 1, tau_max: 30, ntau: 20, num_angles: 12}
  channels: [1, 32, 64, 32]
  filter_sizes: [5, 3, 3]
  dropout: 0.2
  batch_norm: True
  act_func: relu
  out_classes: 10
  output: max
"""
RESNET = """\
model:
  type: lp_resnet
  block: DeepLPBlock
  num_blocks: 5
  act_func: relu
  out_classes: 10
"""


def rest(data="FastMNIST", validation=None, split="train: True", decay=""):
    return REST.format(data=data, validation=validation or data, split=split, decay=decay)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def imported(folder, text, name="original"):
    (folder / f"{name}.yaml").write_text(text)
    return read_run(import_param_file(folder / f"{name}.yaml", "log_polar", None))


@pytest.mark.parametrize(
    ("text", "data", "shape", "parameters"),
    [
        (DEEP, "MNIST_R", (1, 28, 28), 81_354),
        (SINGLE, "FastMNIST", (1, 28, 28), 38_378),
        (RESNET, "SVHN", (3, 32, 32), 465_994),
    ],
)
def test_the_network_has_as_many_weights_as_the_published_one(
    folder, text, data, shape, parameters
):
    run = imported(
        folder, text + rest(data, split="split: train" if data == "SVHN" else "train: True")
    )

    block = run.points[0].model
    with torch.device("meta"):
        network = build_model(block.name, shape, 10, **block.params.model_dump())
    assert sum(weight.numel() for weight in network.parameters()) == parameters


def test_what_a_file_leaves_out_is_as_in_the_authors_code(folder):
    first = "    - {in_channels: 1, out_channels: 32}\n"
    layers = f"model:\n  type: logpolar\n  layer_params:\n{first}"
    samples = {"bank": "sith_v2", "tau_min": 1, "tau_max": 8, "ntau": 8, "num_angles": 12}
    samples |= {"filter_k": 50, "filter_distance": "arc", "filter_window": "step"}
    samples |= {"filter_sharpness": 1, "stride": 1, "output": "center"}
    network = {"act": "relu", "dropout": 0}
    pooled = {"topk": 0, "tau_pooling": None, "theta_pooling": None, "pooling": "max"}
    pooled |= {"relative_encoding": False, "trim": 0, "kernel_sizes": [5]}
    single = "model:\n  type: single_lp\n  lp_params: {}\n  channels: [1, 4]\n"
    for name, text, expected in (
        ("deep", layers, {**samples, **network, **pooled}),
        ("single", f"{single}  filter_sizes: [3]\n", {**samples, **network}),
    ):
        (point,) = imported(folder, text + rest(), name).points
        found = point.model.params.model_dump()
        assert {key: found[key] for key in expected} == expected


def test_training_is_that_of_the_file(folder):
    run = imported(folder, DEEP + rest())

    training = run.points[0].training
    assert (training.epochs, training.batch_size, training.keep) == (40, 16, "last")
    assert (training.optimizer.name, training.optimizer.learning_rate) == ("adam", 0.001)
    dataset = run.points[0].dataset
    assert (dataset.name, dataset.params.source) == ("mnist", "local")
    assert dataset.params.valid_from == "test"


def test_a_residual_network_is_trained_by_adamw_whatever_the_file_says(folder):
    run = imported(folder, RESNET + rest("CIFAR10", decay=", weight_decay: 0.05"))

    optimizer = run.points[0].training.optimizer
    assert (optimizer.name, optimizer.weight_decay) == ("adamw", 0.05)


def test_a_cyclic_rate_is_that_of_torch(folder):
    scheduler = """\
scheduler:
  type: cyclic_lr
  args: [0.0001]
  kwargs: {max_lr: 0.01, step_size_up: 500, cycle_momentum: False}
"""
    run = imported(folder, SINGLE + rest() + scheduler)

    optimizer = run.points[0].training.optimizer
    assert (optimizer.learning_rate, optimizer.schedule.name) == (0.0001, "cyclic")
    assert (optimizer.schedule.peak, optimizer.schedule.step_size_up) == (0.01, 500)
    assert not optimizer.schedule.cycle_momentum


def test_other_data_to_validate_on_become_an_evaluation(folder):
    run = imported(folder, SINGLE + rest(validation="RotMNIST"))

    (found,) = (one for one in run.evaluations if one.alias == "rot_mnist")
    assert (found.name, found.dataset.name) == ("accuracy", "rot_mnist")


def test_layers_may_differ(folder):
    text = DEEP.replace("tau_max: 30", "tau_max: 14", 1).replace(
        "topk: 12", "topk: 12\n      spatial_trim: 2", 1
    )
    run = imported(folder, text + rest())

    params = run.points[0].model.params
    network = build_model("deep_lp", (1, 28, 28), 10, **params.model_dump())
    found = [layer.convolution for layer in network.layers]
    assert [one.bank.grid.tau_max for one in found] == [14.0, 30.0, 30.0]


def test_what_was_converted_goes_back(folder):
    run = imported(folder, DEEP + rest())
    params = run.points[0].model.params.model_dump()

    found = original_network("deep_lp", params, channels=1, classes=10)

    given = yaml.safe_load(DEEP)["model"]
    assert found["type"] == "logpolar"
    for layer, theirs in zip(found["layer_params"], given["layer_params"], strict=True):
        assert {key: layer[key] for key in theirs} == theirs
    assert {key: found[key] for key in given if key != "layer_params"} == {
        key: value for key, value in given.items() if key != "layer_params"
    }


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("topk: 12", "tok: 12"), r"layer_params\[0\]\.tok: unknown key; did you mean 'topk'"),
        (("topk: 12", "g: 0.5"), r"original\.yaml:\d+:7: model\.layer_params\[0\]\.g: filters are"),
        (("out_classes: 10", "out_classes: 7"), r"model\.out_classes: all of its data sets have"),
        (
            ("type: FastMNIST\n  kwargs", "type: FastMNIST\n  kwarg"),
            r"train_data_dir\.\S*kwarg: unknown key",
        ),
    ],
)
def test_what_has_no_counterpart_is_told_with_its_place(folder, change, complaint):
    with pytest.raises(UserError, match=complaint):
        imported(folder, (DEEP + rest()).replace(*change, 1))


def test_a_folder_of_tensors_is_no_data_set(folder):
    text = DEEP + rest().replace(
        "train_data_dir:\n  type: FastMNIST\n  kwargs: {root: data, train: True}",
        "train_data_dir: data/mnist",
    )
    with pytest.raises(UserError, match=r"train_data_dir: a folder of tensors; name a data set"):
        imported(folder, text)


def test_a_data_set_that_the_original_has_not_is_told_where_it_stands(folder):
    text = DEEP + rest(validation="MNIST_Q")
    with pytest.raises(UserError) as error:
        imported(folder, text)

    (sentence,) = error.value.sentences
    assert "val_data_dir.type: 'MNIST_Q' is not known; did you mean 'MNIST_R'" in sentence


SMALL = {  # what makes an epoch of each a matter of seconds
    "tau_max: 30": "tau_max: 8",
    "ntau: 20": "ntau: 10",
    "num_blocks: 5": "num_blocks: 1",
    "num_epochs: 40": "num_epochs: 1",
}
FEW = "source: digits8, train_images: 4, test_images: 2"


@pytest.mark.parametrize("text", [DEEP, SINGLE, RESNET], ids=["deep", "single", "resnet"])
def test_an_imported_file_trains(folder, text):
    text += rest()
    for whole, part in SMALL.items():
        text = text.replace(whole, part)
    (folder / "original.yaml").write_text(text)
    path = import_param_file(folder / "original.yaml", "log_polar", None)
    path.write_text(path.read_text().replace("source: local", FEW))
    dataset = read_run(path).points[0].dataset
    build_dataset("mnist", dataset.params, dataset_digest("mnist", dataset.params))

    (task,) = training_tasks(path, "base", None, None, "cpu", 1)
    train_pack(task, Report(lambda _: None))

    assert (task.folder / "weights.safetensors").is_file()
    assert len((task.folder / "history.csv").read_text().splitlines()) == 2


def converted(text, **changes):
    return convert(Original(**{**yaml.safe_load(text), **changes}))


def test_every_block_of_a_file_has_its_counterpart():
    split = "train: True, max_translate: 5"
    made = converted(RESNET + rest("TransformedMNIST", "MNIST_R", split))

    assert made.complaints == []
    assert made.data == "mnist"
    model = made.blocks.pop("model")
    assert (model["name"], model["normalise"]) == (
        "lp_resnet",
        {"mean": [0.1307], "std": [0.3081]},
    )
    assert made.blocks == {
        "study": "log_polar",
        "series": "own",
        "seeds": [1],
        "dataset": {"name": "mnist", "source": "local", "valid_from": "test"},
        "training": {
            "epochs": 40,
            "batch_size": 16,
            "optimizer": {"name": "adamw", "learning_rate": 0.001, "weight_decay": 0.01},
            "keep": "last",
            "augmentation": [{"name": "shift", "largest": 5, "border": "zeros"}],
        },
        "evaluations": [
            *("accuracy", "rotation", "scaling", "translation_published"),
            {
                "name": "accuracy",
                "as": "mnist_r",
                "dataset": {"name": "mnist_r", "source": "local"},
            },
        ],
    }
    assert made.remarks[-2:] == [
        "The original validated on MNIST_R; here that is an evaluation.",
        "The original drew no seed.",
    ]
    other = converted(SINGLE + rest("RotMNIST"))
    assert other.blocks["dataset"] == {
        "name": "rot_mnist",
        "source": "local",
        "form": "original",
        "valid_from": "test",
    }
    assert other.blocks["training"]["optimizer"]["weight_decay"] == 0
    assert converted(SINGLE + rest("SVHN")).blocks["model"]["normalise"] == "image"


CYCLE = {"max_lr": 0.01, "mode": "triangular2", "gamma": 0.9, "step_size_down": 7}


@pytest.mark.parametrize(
    ("args", "kwargs", "said"),
    [
        ([0.001], CYCLE, []),
        ([0.001, 0.01], {}, []),
        ([], {"max_lr": 0.01}, [(("scheduler",), ": base_lr is missing in args and kwargs")]),
        ([0.1], {}, [(("scheduler",), ": max_lr is missing in args and kwargs")]),
        (
            [0.1, 0.2],
            {"warm": 1},
            [(("scheduler", "kwargs", "warm"), ": CyclicLR has no such argument")],
        ),
    ],
)
def test_a_cyclic_rate_has_all_its_arguments_and_no_others(args, kwargs, said):
    scheduler = {"type": "cyclic_lr", "args": args, "kwargs": kwargs}
    made = converted(SINGLE + rest(), scheduler=scheduler)
    assert made.complaints == said
    if not said:
        optimizer = made.blocks["training"]["optimizer"]
        more = {key: value for key, value in kwargs.items() if key != "max_lr"}
        assert optimizer["schedule"] == {"name": "cyclic", "peak": 0.01, **more}
        assert optimizer["learning_rate"] == 0.001


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"type": "logpolar"}, "type logpolar needs layer_params"),
        ({"type": "lp_resnet", "block": "DeepLPBlock"}, "type lp_resnet needs num_blocks"),
        ({"type": "single_lp", "lp_params": {}}, "type single_lp needs channels"),
        (
            {"type": "logpolar", "layer_params": [], "num_blocks": 1},
            "type logpolar takes no num_blocks",
        ),
    ],
)
def test_a_network_has_the_keys_of_its_kind_and_no_others(words, said):
    with pytest.raises(ValidationError, match=said):
        Network(**words)
