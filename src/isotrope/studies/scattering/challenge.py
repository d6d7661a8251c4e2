"""The challenge of few images: ten published subsets of CIFAR-10, and the numbers to beat.

A model is trained on 100, 500 or 1000 images of CIFAR-10, on each of the ten class-balanced subsets
of Gauthier et al., "Parametric Scattering Networks", CVPR 2022, https://arxiv.org/abs/2107.09539,
and tested on all 10,000 test images after its last epoch. The number to beat is that of their best
network on scattering transforms: `scattering_cnn` from the tight frame, with trained wavelets.
"""

from collections.abc import Mapping
from typing import Any

from isotrope import paths
from isotrope.files.tables import PUBLISHED_COLUMNS, read_table
from isotrope.params.param_folder import first_line
from isotrope.results.challenge import Published
from isotrope.results.published import pairs_of

SAMPLES = (100, 500, 1000)
SUBSET_SEED = "dataset.subset_seed"  # the setting that lets all seeds of a run share a subset
_TO_BEAT = {"init": "tight_frame", "parameterization": "canonical"}
_TEXT = """\
{first_line}
# {model} on ten subsets of {samples} images of CIFAR-10, one for each seed. Written by
# `isotrope challenge`, from the published training of linear classifiers; change what you like but
# `dataset` and `seeds`, which make the numbers comparable.

study: scattering
series: own
seeds: # of the ten published subsets
  - 207715039
  - 491659600
  - 493572006
  - 737523103
  - 827192296
  - 877498678
  - 1103100946
  - 1210393663
  - 1277404878
  - 1377264326

dataset:
  name: cifar10
  source: local # $ISOTROPE_DATA/cifar-10-batches-py
  samples: {samples} # as many of each of the ten classes
  pool: published # all training images; no validation images, so the last epoch counts

model:
  name: {model}
  normalise: {{mean: [0.4914, 0.4824, 0.4467], std: [0.2471, 0.2435, 0.2616]}}

training:
  epochs: {epochs}
  batch_size: {batch} # the published networks with convolutions: 128, and more epochs
  optimizer:
    name: sgd
    learning_rate: {rate} # the highest of the cycle
    weight_decay: 5.0e-4
    schedule: {{name: one_cycle}}
  augmentation:
    - {{name: crop, padding: 4}}
    - {{name: flip}}
    - {{name: auto_augment}}
    - {{name: cutout}}
  keep: last

evaluations: [accuracy]
resources: {{gpu: 1, cpus: 2, runtime: 8h, memory: 8GB, seeds_per_job: 10}}
"""
_TRAINING = {  # epochs, batch size and rate of the published linear classifiers
    100: {"epochs": 200, "batch": 128, "rate": 0.06},
    500: {"epochs": 1000, "batch": 500, "rate": 0.13},
    1000: {"epochs": 500, "batch": 1000, "rate": 0.2},
}


def place(model: str, samples: int) -> str:
    """The name of the run that trains a model for the challenge, if a user writes none."""
    return f"{model}/cifar10_{samples}/challenge"


def param_file(model: str, samples: int) -> str:
    """The text of its param-file."""
    line = first_line(model, "cifar10")
    return _TEXT.format(first_line=line, model=model, samples=samples, **_TRAINING[samples])


def baseline(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What a run has to which others are compared on the same images: parameters by dotted keys.

    It is the published linear classifier on trained wavelets, trained as long as it was for so many
    images of CIFAR-10; on other images, any.
    """
    wanted: dict[str, Any] = {
        "model.name": "scattering_linear",
        "model.parameterization": "canonical",
        "model.init": "tight_frame",
    }
    training = _TRAINING.get(parameters.get("dataset.samples") or 0)
    if parameters.get("dataset.name") == "cifar10" and training:
        published = {"model.J": 2, "model.theta_grad": "published"}
        wanted |= {**published, "training.epochs": training["epochs"]}
    return wanted


def published(parameters: Mapping[str, Any]) -> Published | None:
    """The number to beat, if there is one for the images that a run is trained on.

    Args:
        parameters: the run's, by their dotted keys.
    """
    images = {key: parameters.get(f"dataset.{key}") for key in ("name", "pool", "samples")}
    if (images["name"], images["pool"]) != ("cifar10", "published"):
        return None
    rows = read_table(
        paths.published("scattering"), PUBLISHED_COLUMNS, "restore it with `git checkout`"
    )
    for row in rows.to_dict("records"):
        setting = pairs_of(str(row["setting"]))
        known = (row["table"], row["metric"], row["model"], row["dataset"])
        if known != ("accuracy", "accuracy", "scattering_cnn", "cifar10"):
            continue
        same = all(setting.get(key) == value for key, value in _TO_BEAT.items())
        if same and setting.get("samples", "") == str(images["samples"] or ""):
            return Published(
                "LS+WRN of Parametric Scattering Networks",
                float(row["value"]),
                float(row["spread"]),
                int(row["n"]),
            )
    return None
