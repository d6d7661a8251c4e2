"""Tables and arrays of the scattering study as `isotrope collect` writes them, made up."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import torch

from isotrope.datasets.images import Images
from isotrope.figures.scattering._morlet import in_space, littlewood_paley, middle, spectra
from isotrope.studies.scattering.examples import examples

RUNS = (
    "run point seed study series label source model dataset status origin epochs best_epoch "
    "best_validation_accuracy seconds_per_epoch_last seconds_per_epoch_mean peak_memory_mb device "
    "training_digest classes parameters dataset.samples model.J model.L model.init "
    "model.parameterization model.width training.epochs training.batch_size "
    "training.optimizer.name training.optimizer.learning_rate training.optimizer.momentum "
    "training.optimizer.nesterov "
    "training.optimizer.weight_decay training.optimizer.schedule.name "
    "training.optimizer.schedule.pct_start training.optimizer.groups.scattering.peak "
    "training.optimizer.groups.scattering.weight_decay training.accumulate.images"
)
EPOCHS = 40
PAIRS = np.array([1, 0, *range(2, 16)])  # of filters, made up
ANGLES = 8
DEFORMATIONS = {"rotation": 10.0, "translation": 3.0, "mallat": 0.8162, "quadratic_plus": 0.5}


@dataclass(frozen=True)
class Network:
    """A run of the study, and the accuracy of its seeds, about."""

    run: str
    label: str
    accuracy: float
    model: str = "scattering_linear"
    init: str = "tight_frame"
    form: str = "canonical"
    samples: str = "100"
    dataset: str = "cifar10"
    series: str = "published"
    scales: str = "2"
    epochs: int = 40

    @property
    def learned(self) -> bool:
        return self.form in ("canonical", "equivariant")


def _of_size(samples: str, gained: float) -> list[Network]:
    name = f"cifar10/{samples or 'all'}"
    place = ("100", "500", "").index(samples)
    linear, convolutional, plain = (
        {"samples": samples, "epochs": one[place]}
        for one in ((200, 1000, 500), (3000, 2000, 500), (3000, 2000, 50))
    )
    cnn = "scattering_cnn"
    return [
        Network(f"scattering_linear/{name}_learned", "LS + linear", 0.36 + gained, **linear),
        Network(
            f"scattering_linear/{name}_fixed", "S + linear", 0.34 + gained, form="fixed", **linear
        ),
        Network(f"{cnn}/{name}_learned", "LS + CNN", 0.42 + gained, cnn, **convolutional),
        Network(f"wide_cnn/{name}", "CNN", 0.38 + gained, "wide_cnn", "", "", scales="", **plain),
    ]


CIFAR = (*_of_size("100", 0.0), *_of_size("500", 0.15), *_of_size("", 0.3))
FORMS = tuple(
    Network(f"scattering_linear/cifar10/{form}", f"{form} filters", 0.35, form=form)
    for form in ("fixed", "canonical", "equivariant", "pixelwise")
)
OTHERS = (
    Network("scattering_linear/kth_tips2/tf", "LS + linear", 0.66, dataset="kth_tips2", samples=""),
    *CIFAR[:4],
)
DEMO = tuple(
    Network(
        f"scattering_linear/textures3/demo_{form}_{init}",
        label,
        0.7,
        init=init,
        form=form,
        samples="30",
        dataset="textures3",
        series="demo",
    )
    for form, init, label in (
        ("canonical", "tight_frame", "Learned filters"),
        ("fixed", "tight_frame", "Fixed filters"),
        ("canonical", "random", "Learned filters, random at first"),
    )
)


def write(path: Path, header: str, rows: Sequence[Sequence[object]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header.split())
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def write_scattering_tables(
    folder: Path, networks: Sequence[Network] = CIFAR, seeds: Sequence[int] = (1, 2, 3)
) -> Path:
    """The tables of some networks; each seed is a little better than the one before."""
    folder.mkdir(exist_ok=True, parents=True)
    runs: list[list[object]] = []
    accuracies: list[list[object]] = []
    deformed: list[list[object]] = []
    recorded: dict[str, np.ndarray] = {}
    histories: dict[str, np.ndarray] = {}
    shown: dict[str, np.ndarray] = {}
    synthesised: list[list[object]] = []
    best: dict[str, np.ndarray] = {}
    banks: list[list[object]] = []
    filters: dict[str, np.ndarray] = {}
    pictures: dict[str, np.ndarray] = {}
    for network, seed in product(networks, seeds):
        key: list[object] = [network.run, "base", seed]
        source = "embedded" if network.dataset == "textures3" else "local"
        facts = [*key, "scattering", network.series, network.label, source, network.model]
        facts += [network.dataset, "done", "trained", EPOCHS, EPOCHS, "", 2.5, 2.6, 300.0, "cpu"]
        facts += ["1e5", 10, 156_080, network.samples, network.scales, ANGLES, network.init]
        width = "" if network.model == "scattering_linear" else 8
        runs.append([*facts, network.form, width, network.epochs, 100, *_optimizer(network)])
        accuracies.append([*key, "accuracy", network.accuracy + seed / 100, 10_000])
        deformed += _deformed(key, network, seed)
        place = f"{network.run}/base/{seed}/"
        histories |= {place + name: array for name, array in _history(network, seed)}
        if network.learned:
            recorded |= {place + name: array for name, array in _record(network, seed)}
        if network.form:
            for weights, bound in (("untrained", 0.6), ("trained", 0.5)):
                banks.append([*key, weights, "lower_bound", bound, 16])
        if network.form and seed == seeds[-1]:
            place = f"{network.run}/base/"
            filters |= {place + name: array for name, array in _bank(network, seed)}
            pictures |= {place + name: array for name, array in _pictures()}
        shown |= {f"{network.dataset}/{name}": array for name, array in examples(squares()).items()}
        synthesised += [[*key, *row] for row in _errors(seed)]
        best |= {f"{network.run}/base/{name}": array for name, array in _synthesised(seed)}
    write(folder / "runs.csv", RUNS, runs)
    write(folder / "accuracy.csv", "run point seed metric value n", accuracies)
    write(
        folder / "deformation.csv",
        "run point seed part deformation level size metric value n",
        deformed,
    )
    write_network_costs(folder)
    write(folder / "synthesis.csv", "run point seed step metric value n", synthesised)
    np.savez_compressed(folder / "synthesis.npz", **best)  # type: ignore[arg-type]
    write(folder / "filter_banks.csv", "run point seed weights metric value n", banks)
    np.savez_compressed(folder / "filter_banks.npz", **filters)  # type: ignore[arg-type]
    np.savez_compressed(folder / "deformation.npz", **pictures)  # type: ignore[arg-type]
    np.savez_compressed(folder / "recordings.npz", **recorded)  # type: ignore[arg-type]
    np.savez_compressed(folder / "histories.npz", **histories)  # type: ignore[arg-type]
    np.savez_compressed(folder / "examples.npz", **shown)  # type: ignore[arg-type]
    return folder


def write_network_costs(folder: Path) -> None:
    """What ``benchmarks/scattering_costs.py`` writes."""
    rows: list[list[object]] = []
    for place, network in enumerate(("scattering, linear", "scattering, CNN", "CNN", "WRN-16-8")):
        key = ["a CPU, one thread", "base", 1, "32 x 32 pixels", network]
        for metric, value in (
            ("parameters", 156_080 + 10_000_000 * place),
            ("megaproducts", 4 + 8_000 * place),
            ("training_milliseconds", 20 + 900 * place),
            ("inference_milliseconds", 6 + 300 * place),
            ("memory", 30 + 400 * place),
        ):
            rows.append([*key, metric, value, 3])
    header = "run point seed data network metric value n"
    write(folder / "network_costs.csv", header, rows)


def _optimizer(network: Network) -> list[object]:
    """OneCycle, with a peak of its own for the filters."""
    own = [0.1, 0.0] if network.learned else ["", ""]
    return ["sgd", 0.06, 0.9, "false", 5e-4, "one_cycle", 0.3, *own, ""]


def _history(network: Network, seed: int) -> list[tuple[str, np.ndarray]]:
    """Losses that fall, and accuracies of test images after every tenth epoch."""
    epochs = np.arange(1, EPOCHS + 1)
    loss = 2.3 * np.exp(-epochs / 20) + seed / 100
    tested = np.where(epochs % 10 == 0, network.accuracy * (1 - np.exp(-epochs / 10)), np.nan)
    return [
        ("epoch", epochs.astype(float)),
        ("train_loss", loss),
        ("train_accuracy", 1 - loss / 2.4),
        ("validation_loss", np.full(EPOCHS, np.nan)),
        ("test_loss", np.where(epochs % 10 == 0, loss + 0.5, np.nan)),
        ("test_accuracy", tested),
    ]


def tight_frame(scales: int) -> dict[str, np.ndarray]:
    """The filters of a tight frame, each (scales, angles)."""
    j, t = np.meshgrid(np.arange(scales), np.arange(ANGLES), indexing="ij")
    return {
        "theta": (3 - t) * np.pi / ANGLES,
        "xi": 0.75 * np.pi / 2.0**j,
        "sigma": 0.8 * 2.0**j,
        "slant": np.full(j.shape, 0.5),
    }


def _record(network: Network, seed: int) -> list[tuple[str, np.ndarray]]:
    """Filters that drift, each at its own pace, and gradients that fall."""
    epochs = np.arange(EPOCHS + 1)
    drift = np.sqrt(epochs / EPOCHS)[:, None, None] * np.linspace(-0.3, 0.3, ANGLES)
    found = [("epoch", epochs)]
    for name, start in tight_frame(int(network.scales)).items():
        values = (start + drift * (1 + seed / 10) * start.mean()).astype(np.float32)
        gradient = np.where(epochs > 0, 0.01 * np.exp(-epochs / 20), np.nan)
        found += [
            (name, values),
            (f"gradient/scattering.{name}", gradient[:, None, None] * np.sign(drift[-1:] + start)),
        ]
    return found


def _bank(network: Network, seed: int) -> list[tuple[str, np.ndarray]]:
    """The filters before and after training: of those that are learned, what was recorded."""
    start = tight_frame(int(network.scales))
    recorded = dict(_record(network, seed)) if network.learned else {}
    end = {name: recorded[name][-1] if recorded else start[name] for name in start}
    found = [("seed", np.array(seed)), ("shape", np.array([int(network.scales), ANGLES]))]
    found += [("tight_frame", middle(_spectra(start))), ("pairs", PAIRS)]
    for state, its in (("before", start), ("after", end)):
        spectrum = _spectra(its)
        views = {"spectra": middle(spectrum), "littlewood_paley": littlewood_paley(spectrum)}
        views |= {"real": in_space(spectrum).real, "imaginary": in_space(spectrum).imag}
        if network.form != "pixelwise":
            views |= its
        found += [(f"{name}_{state}", array.astype(np.float32)) for name, array in views.items()]
    return found


def _spectra(its: dict[str, np.ndarray]) -> np.ndarray:
    theta, xi, sigma, slant = (its[name].ravel() for name in ("theta", "xi", "sigma", "slant"))
    return spectra(theta, xi, sigma, slant, 20)


def _pictures() -> list[tuple[str, np.ndarray]]:
    """An image, and the same rolled by one pixel more for each deformation."""
    image = squares().images[1].numpy()
    deformed = [np.roll(image, i, axis=2) for i in range(1, len(DEFORMATIONS) + 1)]
    names = np.array(list(DEFORMATIONS))
    return [("original", image), ("deformed", np.stack(deformed)), ("deformations", names)]


def _deformed(key: list[object], network: Network, seed: int) -> list[list[object]]:
    """Distances that grow with the size, and a baseline."""
    rows: list[list[object]] = []
    part = "scattering" if "scattering" in network.model else "features"
    for name, largest in DEFORMATIONS.items():
        for level in range(6):
            size = largest * level / 5
            value = (0.4 + seed / 50) * math.tanh(2 * size / largest)
            for metric, of_it in (("", value), ("_low", 0.9 * value), ("_high", 1.1 * value)):
                rows.append([*key, part, name, level, size, f"distance{metric}", of_it, 50])
    for metric, value in (("", 0.9), ("_low", 0.85), ("_high", 0.95)):
        rows.append([*key, part, "", "", "", f"baseline{metric}", value, 50])
    return rows


def _errors(seed: int) -> list[list[object]]:
    """Distances that fall with the step."""
    return [[step, "coefficient_error", 0.5**step / seed, 2] for step in (0, 1, 2, 4, 8, 10)]


def _synthesised(seed: int) -> list[tuple[str, np.ndarray]]:
    """Two images, noise, and what became of it."""
    images = squares().images[:2].numpy()
    noise = np.random.default_rng(seed).integers(0, 256, images.shape).astype(np.uint8)
    return [
        ("seed", np.array(seed)),
        ("images", images),
        ("labels", np.arange(2)),
        ("starts", noise),
        ("synthesised", (0.8 * images + 0.2 * noise).astype(np.uint8)),
        ("coefficient_errors", (0.5 ** np.arange(11) / np.array([[1], [2]])).astype(np.float32)),
    ]


def squares(classes: int = 3, each: int = 5) -> Images:
    """Grey squares of as many sizes as classes, 16 x 16 pixels, coloured."""
    images = torch.zeros(classes * each, 3, 16, 16, dtype=torch.uint8)
    labels = torch.arange(classes * each) % classes
    for image, label in zip(images, labels.tolist(), strict=True):
        image[:, : 4 * (label + 1), : 4 * (label + 1)] = torch.tensor([200, 100, 50])[:, None, None]
    return Images(images, labels)
