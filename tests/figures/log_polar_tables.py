"""Tables and arrays of the log-polar study as `isotrope collect` writes them, made up."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import torch
from made_up_sweeps import HEADERS, sweep_rows

from isotrope.datasets.images import Images
from isotrope.studies.log_polar.examples import examples

RUNS = (
    "run point seed study series label source model dataset status origin epochs best_epoch "
    "best_validation_accuracy seconds_per_epoch_last seconds_per_epoch_mean peak_memory_mb device "
    "training_digest classes parameters dataset.train_images model.depth model.size "
    "model.bank model.trim model.stride model.border training.epochs"
)


@dataclass(frozen=True)
class Network:
    """A run of the study, and what its seeds lose when images are turned, at most."""

    run: str
    label: str
    loss: float
    parameters: int
    dataset: str = "mnist"
    images: str = ""
    size: str = ""
    bank: str = ""
    trim: str = ""
    stride: str = ""
    border: str = ""
    depth: str = ""
    source: str = "local"


NETWORKS = (
    Network(
        *("deep_lp/mnist/large", "DeepLP, large", 0.09, 127_434),
        size="large",
        trim="0",
        border="zeros",
    ),
    Network(
        *("deep_lp/mnist/gaussian", "DeepLP, large, Gaussian bank", 0.03, 127_434),
        size="large",
        bank="gaussian",
        trim="2",
        border="background",
    ),
    Network(
        *("single_lp/mnist/2", "SingleLP 2", 0.05, 93_000),
        size="2",
        trim="0",
        stride="1",
        border="zeros",
    ),
    Network("ptn/mnist/upright", "Polar transformer network", 0.12, 129_000),
    Network("polar_cnn/mnist/upright", "Polar CNN", 0.1, 120_000),
    Network("cnn/mnist/upright", "Plain CNN", 0.6, 80_000),
    Network("cnn/mnist/turned", "Plain CNN, turned images", 0.04, 80_000),
)
TRAINED_TURNED = (
    Network(
        *("deep_lp/rot_mnist/gaussian", "DeepLP, Gaussian bank", 0.02, 81_354, "rot_mnist"),
        size="standard",
        bank="gaussian",
        trim="2",
        border="background",
    ),
    Network("ptn/rot_mnist/base", "PTN", 0.03, 129_000, "rot_mnist", size="base"),
    Network("ptn/sim2mnist/base", "PTN", 0.5, 129_000, "sim2mnist", size="base"),
)
STAND_IN = (
    Network("deep_lp/mnist/demo", "DeepLP", 0.1, 20_000, images="800", source="digits8"),
    Network("cnn/mnist/demo", "Plain CNN", 0.5, 20_000, images="800", source="digits8"),
)
FEW_IMAGES = tuple(
    Network(f"{model}/mnist/{images}", label, loss, 80_000, images=str(images))
    for (model, label, loss), images in product(
        (("deep_lp", "DeepLP", 4), ("cnn", "Plain CNN", 6)), (100, 1000, 10_000)
    )
)


def _write(path: Path, header: str, rows: Sequence[Sequence[object]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header.split())
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def write_log_polar_tables(
    folder: Path, networks: Sequence[Network] = NETWORKS, seeds: Sequence[int] = (1, 2, 3)
) -> Path:
    """The tables of some networks; each seed loses a little more than the one before."""
    folder.mkdir(exist_ok=True, parents=True)
    runs, results = [], {table: [] for table in (*HEADERS, "accuracy", "mnist_r", "rot_mnist")}
    for network, seed in product(networks, seeds):
        key = [network.run, "base", seed]
        model = network.run.partition("/")[0]
        facts = [*key, "log_polar", "published", network.label, network.source, model]
        facts += [network.dataset, "done", "trained", 18, 18, 0.95, 2.5, 2.6, 300.0, "cpu", "1e5"]
        facts += [10, network.parameters, network.images, network.depth, network.size]
        runs.append([*facts, network.bank, network.trim, network.stride, network.border, 40])
        loss = network.loss * (1 + seed / 20)
        if network.loss >= 1:  # how far it is from knowing all, by the number of images
            loss = network.loss / float(network.images) ** 0.5
        results["accuracy"].append([*key, "accuracy", 0.99 - loss / 10, 10_000])
        results["mnist_r"].append([*key, "accuracy", 0.98 - loss / 2, 10_000])
        results["rot_mnist"].append([*key, "accuracy", 0.97 - loss / 2, 50_000])
        for table, rows in sweep_rows(key, min(loss, 0.9)).items():
            results[table] += rows
    _write(folder / "runs.csv", RUNS, runs)
    for table, rows in results.items():
        header = f"run point seed {HEADERS.get(table, '')} metric value n"
        _write(folder / f"{table}.csv", header, rows)
    np.savez_compressed(folder / "log_polar_maps.npz", **_maps(networks))  # type: ignore[arg-type]
    places = dict.fromkeys(
        f"{network.dataset} ({network.source})" if network.source == "digits8" else network.dataset
        for network in networks
    )
    shown = {f"{place}/{name}": a for place in places for name, a in examples(glyphs()).items()}
    np.savez_compressed(folder / "examples.npz", **shown)  # type: ignore[arg-type]
    settings = [[*row[:3], "layer1", "accuracy", 0.5, 1] for row in runs]
    _write(folder / "log_polar_maps.csv", "run point seed layer metric value n", settings)
    return folder


def write_costs(folder: Path) -> Path:
    """What ``benchmarks/log_polar.py`` writes: two forms, each of four sizes changed alone."""
    base = {"channels": 16, "radii": 12, "angles": 12, "side": 28}
    rows: list[list[object]] = []
    for name, values in {
        "channels": (4, 8, 16, 32, 64),
        "radii": (8, 12, 16, 20),
        "angles": (8, 12, 16, 24),
        "side": (14, 28, 56),
    }.items():
        for value in values:
            size = {**base, name: value}
            work = size["channels"] ** 2 * size["radii"] * size["angles"] * size["side"] ** 2
            for form, slow, large in (("plain", 9, 40.0), ("compiled", 1, 1.2)):
                key = ["log_polar_layer", "base", 0, form, *size.values()]
                floor = size["channels"] * size["side"] ** 2 / 15_000
                rows.append([*key, "milliseconds", slow * work / 1e7, 5])
                rows.append([*key, "mebibytes", large * floor, 5])
                rows.append([*key, "floor_mebibytes", floor, 5])
    header = "run point seed implementation channels radii angles side metric value n"
    _write(folder / "layer_costs.csv", header, rows)
    return folder


def _maps(networks: Sequence[Network]) -> dict[str, np.ndarray]:
    """Kernels that are rings, and maps that are cones."""
    y, x = np.mgrid[:28, :28] - 13.5
    radius, angle = np.hypot(x, y), np.degrees(np.arctan2(-y, x)) % 360
    arrays: dict[str, np.ndarray] = {}
    for network in networks:
        if not network.border:
            continue
        key = f"{network.run}/base"
        images = np.stack([255 * (radius < 6 + i)[None] for i in range(3)]).astype(np.uint8)
        arrays[f"{key}/images"], arrays[f"{key}/seed"] = images, np.array(2)
        v, u = np.mgrid[:19, :19] - 9.0
        for layer, (out, channels) in {"layer1": (6, 1), "layer2": (16, 3)}.items():
            kernels = [
                [np.cos(np.hypot(u, v) * (1 + o / 4)) * u * (-1) ** c for c in range(channels)]
                for o in range(out)
            ]
            arrays[f"{key}/kernels_{layer}"] = np.array(kernels, dtype=np.float32)
            silent = np.where(radius > 16, np.nan, 1)
            arrays[f"{key}/radius_{layer}"] = np.stack([(1 + radius) * silent] * 3).astype("f4")
            arrays[f"{key}/angle_{layer}"] = np.stack([angle * silent] * 3).astype("f4")
            strength = np.stack([255 * np.exp(-radius / 8)] * 3)
            arrays[f"{key}/strength_{layer}"] = strength.astype(np.uint8)
    return arrays


def glyphs() -> Images:
    """Two letters that no turn and no mirror leaves as they are."""
    images = torch.zeros(2, 1, 28, 28, dtype=torch.uint8)
    images[:, 0, 6:22, 9:12] = 255
    images[:, 0, 6:9, 9:20] = 200
    images[1, 0, 12:15, 9:17] = 160
    return Images(images, torch.tensor([0, 1]))
