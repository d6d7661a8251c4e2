"""Tables and arrays of the shift study as `isotrope collect` writes them, made up."""

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
from isotrope.studies.shift.examples import examples

RUNS = (
    "run point seed study series label source model dataset status origin epochs best_epoch "
    "best_validation_accuracy seconds_per_epoch_last seconds_per_epoch_mean peak_memory_mb device "
    "training_digest classes parameters training.epochs model.depth model.downsampling "
    "model.antialias model.padding model.width model.logits model.logit_width model.train_mode "
    "model.test_mode model.temperature.name model.temperature.minimum"
)
SWEPT = ("shift_consistency", "shift_accuracy")


@dataclass(frozen=True)
class Network:
    """A run of the study, and what its seeds lose under shifts, at most."""

    run: str
    label: str
    loss: float
    downsampling: str
    antialias: str = "none"
    point: str = "base"
    dataset: str = "cifar10"
    series: str = "published"
    source: str = "local"
    width: str = "64"
    logits: str = "convolutions"
    logit_width: str = "default"
    train_mode: str = "gumbel"
    test_mode: str = "hard"
    temperature: tuple[str, str] = ("step_decay", "0.5")
    depth: str = "18"
    padding: str = "circular"

    @property
    def learned(self) -> bool:
        return self.downsampling == "lps"


NETWORKS = (
    Network("shift_resnet/cifar10/strided", "Strided", 0.3, "strided"),
    Network("shift_resnet/cifar10/lpf3", "LPF-3", 0.1, "decimation", "lpf3"),
    Network("shift_resnet/cifar10/aps", "APS", 0.0, "aps"),
    Network("shift_resnet/cifar10/lps", "LPS", 0.0, "lps"),
    Network("shift_resnet/cifar10/tips", "TIPS", 0.2, "tips"),
)
ON_IMAGENET = (
    *NETWORKS[:2],
    Network(
        *("shift_resnet/imagenet/lps", "LPS, DDAC-3", 0.05, "lps", "ddac3"),
        dataset="imagenet",
        depth="101",
        padding="zeros",
    ),
)
SMALL = {"dataset": "photos", "source": "embedded", "width": "8", "series": "extra"}
LOGITS = tuple(
    Network(
        "shift_resnet/photos/logits",
        "LPS",
        0.0,
        "lps",
        point=f"logits={logits}",
        logits=logits,
        logit_width="small",
        **SMALL,
    )
    for logits in ("convolutions", "attention", "graph", "perceptron")
)
MODES = tuple(
    Network(
        "shift_resnet/photos/modes",
        "LPS",
        0.02 * (test == "gumbel"),
        "lps",
        point=f"train_mode={train}-test_mode={test}-temperature={name}",
        train_mode=train,
        test_mode=test,
        logit_width="small",
        temperature=(name, "0.5" if name == "step_decay" else ""),
        **SMALL,
    )
    for train, test, name in product(
        ("gumbel", "straight_through", "convex"), ("hard", "convex"), ("constant", "step_decay")
    )
)
DEMO = tuple(
    Network(f"shift_resnet/photos/demo_{name}", label, loss, name, **{**SMALL, "series": "demo"})
    for name, label, loss in (("strided", "Strided", 0.4), ("aps", "APS", 0.0), ("lps", "LPS", 0.0))
)


def _write(path: Path, header: str, rows: Sequence[Sequence[object]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header.split())
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def write_shift_tables(
    folder: Path, networks: Sequence[Network] = NETWORKS, seeds: Sequence[int] = (1, 2, 3)
) -> Path:
    """The tables of some networks; each seed loses a little more than the one before."""
    folder.mkdir(exist_ok=True, parents=True)
    runs: list[list[object]] = []
    tables = (*SWEPT, "shift_consistency_untrained", "accuracy", "phase_selection", "segmentation")
    results: dict[str, list[list[object]]] = {table: [] for table in tables}
    recorded: dict[str, np.ndarray] = {}
    for place, (network, seed) in enumerate(product(networks, seeds)):
        key: list[object] = [network.run, network.point, seed]
        facts = [*key, "shift", network.series, network.label, network.source, "shift_resnet"]
        facts += [network.dataset, "done", "trained", 18, 18, 0.95, 2.5, 2.6, 300.0, "cpu", "1e5"]
        facts += [10, 11_173_962 + 40_000 * network.learned, 40, network.depth]
        facts += [network.downsampling, network.antialias, network.padding, network.width]
        facts += [network.logits, network.logit_width, network.train_mode, network.test_mode]
        runs.append([*facts, *network.temperature])
        results["accuracy"].append([*key, "accuracy", 0.93 + place / 1000, 500])
        swept = sweep_rows(key, network.loss * (1 + seed / 20))
        for table in SWEPT:
            results[table] += swept[table]
        results["shift_consistency_untrained"] += sweep_rows(key, 2 * network.loss)[SWEPT[0]]
        results["segmentation"].append([*key, "", "mean_iou", 0.6 + seed / 100, 4])
        for metric in ("mascc", "mascc_worst", "massc"):
            value = 100 - 10 * network.loss * (2 if metric == "mascc_worst" else 1)
            results["segmentation"].append([*key, "each", metric, value, 4])
        if network.downsampling in ("aps", "lps"):
            results["phase_selection"] += _selections(key, network.learned)
        if network.learned:
            recorded |= {f"{network.run}/{network.point}/{seed}/{n}": a for n, a in _record(seed)}
    _write(folder / "runs.csv", RUNS, runs)
    for table, rows in results.items():
        settings = HEADERS.get(table.removesuffix("_untrained"), "")
        settings = "protocol" if table == "segmentation" else settings
        settings = "weights layer phase quantile" if table == "phase_selection" else settings
        _write(folder / f"{table}.csv", f"run point seed {settings} metric value n", rows)
    np.savez_compressed(folder / "segmentation.npz", **_masks(networks))  # type: ignore[arg-type]
    np.savez_compressed(folder / "recordings.npz", **recorded)  # type: ignore[arg-type]
    shown = {
        f"{network.dataset}/{name}": array
        for network in networks
        for name, array in examples(coloured()).items()
    }
    np.savez_compressed(folder / "examples.npz", **shown)  # type: ignore[arg-type]
    return folder


def write_costs(folder: Path) -> Path:
    """What ``benchmarks/shift_costs.py`` writes."""
    rows: list[list[object]] = []
    for place, method in enumerate(("strided", "LPF-3", "APS", "LPS, small", "LPS")):
        key = ["a CPU, one thread", "base", 1, "ResNet-18, 32 x 32 pixels", method]
        for metric, value in (
            ("parameters", 11_173_962 + 40_000 * place),
            ("logit_parameters", 40_000 * place),
            ("megaflops", 1113 + place),
            ("training_milliseconds", 300 + 30 * place),
            ("inference_milliseconds", 90 + 5 * place),
        ):
            rows.append([*key, metric, value, 5])
    _write(folder / "method_costs.csv", "run point seed network method metric value n", rows)
    return folder


def _selections(key: list[object], learned: bool) -> list[list[object]]:
    """Phases that are more even in later layers; a learned choice agrees with APS now and then."""
    rows: list[list[object]] = []
    for weights, (place, layer) in product(
        ("trained", "untrained"), enumerate(("layer2", "layer3", "layer4"))
    ):
        shares = np.array([0.7, 0.1, 0.15, 0.05]) + place * np.array([-0.2, 0.1, 0, 0.1])
        for phase, share in enumerate(shares):
            rows.append([*key, weights, layer, phase, "", "share", share, 500])
        agreement = 30 + 20 * place if learned else 100
        rows.append([*key, weights, layer, "", "", "aps_agreement", agreement, 500])
        rows.append([*key, weights, layer, "", "", "shift_agreement", 100, 500])
        rows.append([*key, weights, layer, "", 0.5, "margin", 0.01, 500])
    return rows


def _masks(networks: Sequence[Network]) -> dict[str, np.ndarray]:
    """Discs, which networks that are not exact find a little elsewhere after a shift."""
    y, x = np.mgrid[:32, :48]
    arrays: dict[str, np.ndarray] = {}
    images = np.stack([np.stack([4 * x, 6 * y, 255 - 4 * x])] * 2).astype(np.uint8)
    masks = np.stack([((x - 20) ** 2 + (y - 15) ** 2 < 80 + 60 * i) * (1 + i) for i in range(2)])
    masks[:, :2] = 255
    for network in networks:
        answers = np.where(masks == 255, 0, masks)
        moved = np.roll(answers, int(8 * network.loss), axis=2)
        found = {"images": images, "masks": masks, "predictions": answers, "shifted_back": moved}
        found |= {"disagreements": answers != moved, "seed": np.array(2)}
        for name, array in found.items():
            kept = array if name == "seed" else array.astype(np.uint8)
            arrays[f"{network.run}/{network.point}/{name}"] = kept
    return arrays


def _record(seed: int) -> list[tuple[str, np.ndarray]]:
    """Temperatures that fall to a half, and entropies that fall faster in later layers."""
    epochs = np.arange(41)
    found = [("epoch", epochs)]
    for depth, layer in enumerate(("layer2", "layer3", "layer4")):
        found.append((f"tau/{layer}", np.maximum(0.85 ** (epochs // 10), 0.5).astype(np.float32)))
        number = 9 if layer == "layer4" else 4  # of phases
        found.append((f"phases/{layer}", np.full(41, number, np.float32)))
        for kind, share in (("phase_entropy", 1.0), ("mixture_entropy", 0.6)):
            fall = np.exp(-epochs * (1 + depth) / (40 + seed))
            found.append((f"{kind}/{layer}", (share * np.log(number) * fall).astype(np.float32)))
    return found


def coloured() -> Images:
    """A disc with a dark spot on a ramp of colours, 16 x 16 pixels."""
    y, x = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    image = torch.stack([10 * x, 200 - 8 * y, 6 * (x + y)])
    image[:, (x - 7) ** 2 + (y - 8) ** 2 < 20] = 250
    image[:, 6:8, 5:7] = 20
    return Images(image.to(torch.uint8)[None], torch.zeros(1, dtype=torch.int64))
