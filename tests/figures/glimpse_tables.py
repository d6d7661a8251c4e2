"""Tables and arrays of the glimpse study as `isotrope collect` writes them, made up."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

RUNS = (
    "run point seed study series label source model dataset status origin epochs best_epoch "
    "best_validation_accuracy seconds_per_epoch_last seconds_per_epoch_mean peak_memory_mb device "
    "training_digest classes parameters training.epochs model.size model.glimpses model.patch"
)
HEADERS = {
    "accuracy": "",
    "scaling": "canvas scale",
    "glimpses": "draws glimpses",
    "glimpse_paths": "policy",
    "confident_stop": "threshold",
    "adversarial": "attack norm eps iteration queries about",
}
SIDE = 28


@dataclass(frozen=True)
class Network:
    """A run of the study.

    Args:
        run: its name.
        label: in legends.
        glimpses: how many it takes; none without a moving fovea.
        outline: of its fovea.
        loss: what it loses of its accuracy where something is hard.
        dataset: what it was trained on.
        source: of that.
        stochastic: whether it draws in tests.
        gain: by how much its policy beats random fixations.
        size: of a polar transformer network.
    """

    run: str
    label: str
    glimpses: int = 0
    outline: str = "rings"
    loss: float = 0.1
    dataset: str = "mnist"
    source: str = "local"
    stochastic: bool = False
    gain: float = 0.2
    size: str = ""


NETWORKS = (
    Network("ram_lpm/mnist/published", "RAM-LPM", 20, loss=0.1, stochastic=True),
    Network("ram/mnist/deterministic", "RAM, deterministic", 6, "squares", 0.6),
    Network("cnn/mnist/upright", "Plain CNN", loss=0.3),
)
ON_SIM2MNIST = (
    Network(
        *("ram_lpm/sim2mnist/short", "RAM-LPM, 20 epochs", 20),
        dataset="sim2mnist",
        stochastic=True,
    ),
    Network("ptn/sim2mnist/base", "PTN", loss=0.2, dataset="sim2mnist", size="base"),
)
DEMO = (
    Network(*("ram_lpm/mnist/demo", "RAM-LPM", 4), source="digits8", stochastic=True, gain=0.01),
    Network("fovea_cnn/mnist/demo", "Fovea", source="digits8"),
)
ATTACKS = ("pgd", "eot_pgd", "apgd_ce", "square", "spsa", "minimal_norm", "all")


def write_glimpse_tables(
    folder: Path, networks: Sequence[Network] = NETWORKS, seeds: Sequence[int] = (1, 2, 3)
) -> Path:
    """The tables of some networks; each seed is a little worse than the one before."""
    folder.mkdir(exist_ok=True, parents=True)
    runs: list[list[object]] = []
    results: dict[str, list[list[object]]] = {table: [] for table in HEADERS}
    arrays: dict[str, np.ndarray] = {}
    for network, seed in product(networks, seeds):
        key: list[object] = [network.run, "base", seed]
        model = network.run.partition("/")[0]
        facts = [*key, "glimpse", "published", network.label, network.source, model]
        facts += [network.dataset, "done", "trained", 18, 18, 0.95, 2.5, 2.6, 300.0, "cpu", "1e5"]
        patch = 8 if network.outline == "squares" else ""
        runs.append([*facts, 10, 90_000, 40, network.size, network.glimpses or "", patch])
        loss = network.loss * (1 + seed / 20)
        results["accuracy"].append([*key, "accuracy", 0.97 - loss / 10, 1000])
        for scale in (0.5, 20 / 28, 1, 1.4):
            value = max(0.1, 0.97 - loss * abs(math.log2(scale)) * 1.4)
            results["scaling"].append([*key, "kept", scale, "accuracy", value, 1000])
        results["adversarial"] += _attacked(key, network, loss)
        if network.glimpses:
            results["glimpses"] += _by_glimpses(key, network, loss)
            results["glimpse_paths"] += _policies(key, network, loss)
            results["confident_stop"] += _stops(key, network, loss)
            its = _paths(network)
            arrays |= {f"{network.run}/base/{name}": array for name, array in its.items()}
    _write(folder / "runs.csv", RUNS, runs)
    for table, rows in results.items():
        _write(folder / f"{table}.csv", f"run point seed {HEADERS[table]} metric value n", rows)
    np.savez_compressed(folder / "glimpse_paths.npz", **arrays)  # type: ignore[arg-type]
    return folder


def _write(path: Path, header: str, rows: Sequence[Sequence[object]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header.split())
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def _by_glimpses(key: list[object], network: Network, loss: float) -> list[list[object]]:
    counts = (1, 5, 10, 20) if network.stochastic else (1,)
    return [
        [*key, draws, glimpses, "accuracy", value, 1000]
        for draws in counts
        for glimpses in range(1, network.glimpses + 1)
        for value in [0.97 - loss / 10 - 0.6 * math.exp(-glimpses / 3) / draws**0.2]
    ]


def _policies(key: list[object], network: Network, loss: float) -> list[list[object]]:
    learned = 0.97 - loss / 10
    values = {"learned": learned, "random": learned - network.gain, "shuffled": learned - 0.1}
    return [[*key, policy, "accuracy", value, 1000] for policy, value in values.items()]


def _stops(key: list[object], network: Network, loss: float) -> list[list[object]]:
    rows: list[list[object]] = []
    full = 0.97 - loss / 10
    for threshold in (0.3, 0.5, 0.7, 0.9, 0.99):
        taken = 1 + (network.glimpses - 1) * threshold**2 / 2
        rows.append([*key, threshold, "accuracy", full - (1 - threshold) / 3, 1000])
        rows.append([*key, threshold, "glimpses", taken, 1000])
    chosen = {"chosen_threshold": 0.9, "chosen_accuracy": full - 0.1 / 3}
    chosen |= {"chosen_glimpses": 1 + (network.glimpses - 1) * 0.81 / 2}
    chosen |= {"full_accuracy": full, "full_glimpses": float(network.glimpses)}
    return [*rows, *([*key, "", metric, value, 1000] for metric, value in chosen.items())]


def _attacked(key: list[object], network: Network, loss: float) -> list[list[object]]:
    rows: list[list[object]] = []

    def accuracies(attack: str, eps: float, value: float) -> None:
        expected = value - 0.05 * network.stochastic * (eps > 0)
        for metric, its in (("robust_accuracy", value), ("expected_accuracy", expected)):
            for suffix, change in (("", 0.0), ("_low", -0.04), ("_high", 0.03)):
                bounded = min(1.0, max(0.0, its + change))
                rows.append([*key, attack, "linf", eps, "", "", "", metric + suffix, bounded, 200])

    accuracies("none", 0.0, 0.97 - loss / 10)
    for place, attack in enumerate(ATTACKS):
        if attack == "eot_pgd" and not network.stochastic:
            continue
        for eps in (0.05, 0.1, 0.2, 0.3):
            strength = (6 + place) * (0.3 + loss)
            accuracies(attack, eps, 0.95 * math.exp(-strength * eps * 2))
            if attack in ("minimal_norm", "all"):
                continue
            for step in (0, 1, 2, 5, 10, 20, 40):
                value = 1 - math.exp(-strength * eps * step / 10)
                rows.append([*key, attack, "linf", eps, step, "", "", "success", value, 190])
            for shown in (1, 10, 100, 1000) if attack in ("square", "spsa") else ():
                value = 1 - math.exp(-strength * eps * shown / 500)
                rows.append([*key, attack, "linf", eps, "", shown, "", "success", value, 190])
    for about in ("zero_gradients", "black_box_wins", "overstated"):
        raised = float(about == "overstated" and network.stochastic)
        rows.append([*key, "", "linf", "", "", "", about, about, 0.1, 200])
        rows.append([*key, "", "linf", "", "", "", about, "alarm", raised, 200])
    return rows


def _paths(network: Network) -> dict[str, np.ndarray]:
    """Discs, over which the fovea goes in a spiral; the belief in the right class grows."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    images = np.stack([255 * (np.hypot(x, y + i) < 5 + i)[None] for i in range(6)])
    steps = np.arange(network.glimpses)
    paths = []
    for i in range(6):
        turns, reach = steps * (0.9 + i / 10), np.minimum(steps * (1 + i / 2), 13)
        paths.append(np.stack((np.cos(turns), np.sin(turns)), axis=-1) * reach[:, None] + 13.5)
    beliefs = np.full((6, network.glimpses, 10), 1.0)
    for i in range(6):
        beliefs[i, :, i] += steps * 4
        beliefs[i, : 1 + i // 2, 9 - i] += 6
    rings = np.geomspace(1, 11, 20) if network.outline == "rings" else np.array([4.0])
    return {
        "images": images.astype(np.uint8),
        "labels": np.arange(6),
        "fixations": np.stack(paths).astype(np.float32),
        "beliefs": (beliefs / beliefs.sum(axis=-1, keepdims=True)).astype(np.float32),
        "rings": rings.astype(np.float32),
        "outline": np.array(network.outline),
        "seed": np.array(2),
    }
