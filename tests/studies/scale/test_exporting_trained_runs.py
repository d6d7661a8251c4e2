"""The published form where the trained runs are at hand: times, errors and indices."""

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas
import pytest
import torch
from made_up_exports import SCALES, tables
from scipy.stats import linregress
from torch import nn

from isotrope import cli, paths, registry
from isotrope.datasets import loading
from isotrope.datasets.images import Images
from isotrope.errors import UserError
from isotrope.evaluation import index_correlation, scale_equivariance
from isotrope.files.disk import checksum
from isotrope.layers.scale_pool import ScalePool
from isotrope.layers.scaled_convolution import SiConv2d
from isotrope.measuring.networks import Networks
from isotrope.packs.store import weights_bytes
from isotrope.settings import Settings
from isotrope.studies.scale.export_published import export
from isotrope.studies.scale.published_arrays import export_arrays
from isotrope.studies.scale.published_rows import exported_runs


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tables()
    return tmp_path


class SmallPool(nn.Module):
    """Two scaled convolutions with pools of slices, as small as can be."""

    def __init__(self, channels, classes):
        super().__init__()
        self.conv1, self.pool1 = SiConv2d(channels, 2, 4, 7), ScalePool("slice")
        self.stage1, self.stage2 = nn.ReLU(), nn.ReLU()
        self.conv2, self.pool2 = SiConv2d(2, 3, 3, 7), ScalePool("slice")
        self.lin = nn.Linear(3, classes)

    def forward(self, images):
        first = self.stage1(self.pool1(self.conv1(images)))
        return self.lin(self.stage2(self.pool2(self.conv2(first))).amax(dim=(-2, -1)))


def patterns():
    """Two classes, 0 and 33, with one object each: a pattern of 8 x 8 squares, at all scales."""
    random = np.random.default_rng(0)
    images = torch.zeros(48, 2, 1, 64, 64, dtype=torch.uint8)
    places = np.zeros((48, 2, 2), dtype=np.int64)
    for k in range(2):
        pattern = random.integers(0, 256, (8, 8)).astype(np.uint8)
        for i, scale in enumerate(SCALES):
            x, y = places[i, k] = random.integers(0, 64 - scale + 1, 2)
            squares = np.arange(scale) * 8 // scale
            its = torch.from_numpy(pattern[squares[:, None], squares])
            images[i, k, 0, y : y + scale, x : x + scale] = its
    sizes = torch.arange(17, 65)[:, None].expand(48, 2)
    return Images(
        images.flatten(0, 1),
        torch.tensor([0, 33]).repeat(48),
        {"scale": sizes.flatten(), "position": torch.from_numpy(places).flatten(0, 1)},
    )


class NoSettings(Settings):
    pass


class StirSettings(Settings):
    task: str
    source: str
    scenario: str


@pytest.fixture
def trained(project, monkeypatch):
    """Seeds 1 and 2 of the slice pool, as a pack of the chosen point, and images."""
    images = patterns()
    plugins = {
        ("models", "slice_pool"): SimpleNamespace(
            Params=NoSettings,
            PARTS={"stage1", "stage2", "pool1", "pool2"},
            build=lambda params, shape, classes: SmallPool(shape[0], classes),
        ),
        ("data", "stir"): SimpleNamespace(Params=StirSettings),
    }
    load = registry.load
    monkeypatch.setattr(
        registry, "load", lambda kind, name: plugins.get((kind, name)) or load(kind, name)
    )
    parts = {"slice_pool": {"stage1", "stage2", "pool1", "pool2"}, "standard": set()}
    monkeypatch.setattr(registry, "literal", lambda kind, name, constant, default=None: parts[name])
    monkeypatch.setattr(loading, "load_split", lambda *args: images)
    networks = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        networks.append(SmallPool(1, 36))
    states = [network.state_dict() for network in networks]
    stacked = {name: torch.stack([state[name] for state in states]) for name in states[0]}
    weights = weights_bytes(stacked, {})
    folder = paths.pack_folder("slice_pool/stir_emoji/mid2rest", "selected", "1-2")
    folder.mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(weights)
    stir = {"task": "emoji", "source": "embedded", "scenario": "mid2rest"}
    said = {
        "training_digest": "d" * 16,
        "model": {"name": "slice_pool", "params": {}},
        "dataset": {"name": "stir", "params": stir},
        "image_shape": [1, 64, 64],
        "classes": 36,
        "files": {"weights.safetensors": checksum(weights)},
        "seeds": [
            {
                "seed": seed,
                "status": "done",
                "started": "2026-01-02T03:04:05+00:00",
                "finished": "2026-01-02T04:04:05+00:00",
                "git_commit": "c" * 40,
            }
            for seed in (1, 2)
        ],
    }
    (folder / "run.json").write_text(json.dumps(said))
    (folder / "history.csv").write_text(
        "seed,epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,train_seconds\n"
        "1,1,2.0,0.25,3.0,0.125,9.0\n1,2,1.0,0.75,2.0,0.5,8.0\n2,1,0.5,1.0,0.25,0.875,7.0\n"
    )
    return SimpleNamespace(folder=folder, images=images, networks=networks)


def exported(*parts):
    return list(export_arrays("scale", Path("ours"), parts, device="cpu", threads=1))


def test_where_runs_are_at_hand_the_last_epoch_and_the_times_come_too(trained):
    export("scale", Path("ours"))
    clean = pandas.read_csv("ours/clean.csv").set_index(
        ["params.data", "params.model", "params.seed"]
    )
    row = clean.loc["emoji", "slice_pool", 1]
    assert (row["metrics.train_loss"], row["metrics.val_loss"]) == (1.0, 2.0)
    assert (row["metrics.train_acc"], row["metrics.val_acc"]) == (75.0, 50.0), "percent"
    assert row["start_time"] == "2026-01-02 03:04:05+00:00"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00", row["end_time"])
    assert row["tags.mlflow.source.git.commit"] == "c" * 40
    assert clean.loc["emoji", "standard", 1].isna()["start_time"]


def test_errors_have_the_published_shape_and_give_the_rows_of_our_table(trained):
    written = exported("errors")
    numbers = exported_runs("scale").set_index(["params.model", "seed"])["run_id"]
    assert [path.parent.name for path in written] == [
        numbers["slice_pool", 2],
        numbers["slice_pool", 1],
    ]
    rows = scale_equivariance.evaluate(
        Networks({1: trained.networks[0]}, torch.device("cpu")),
        trained.images,
        scale_equivariance.Params(),
    )
    with np.load(f"ours/eval/{numbers['slice_pool', 1]}/errors.npz") as errors:
        assert sorted(errors.files) == ["stage1", "stage2"]
        for stage in errors.files:
            found = errors[stage]
            assert (found.shape, found.dtype) == ((2, 1, 6), np.dtype("float64"))
            ours = [
                row["value"] for row in rows if (row["stage"], row["form"]) == (stage, "published")
            ]
            # the mean over objects of each pair
            np.testing.assert_allclose(found.mean(axis=(0, 1)), ours, rtol=1e-6)


def test_indices_are_those_of_the_best_run_of_each_cell_in_the_published_form(trained):
    (path,) = exported("indices")
    clean = exported_runs("scale")
    its = clean[clean["params.model"].eq("slice_pool")]
    best = its.loc[its["metrics.test_acc"].idxmax()]
    assert path == Path("ours/eval") / best["run_id"] / "indices.npz"
    with np.load(path) as indices:
        assert indices.files == ["pool1", "pool2"]
        assert {name: (indices[name].shape, indices[name].dtype) for name in indices.files} == {
            "pool1": ((96, 2), np.dtype("uint8")),
            "pool2": ((96, 3), np.dtype("uint8")),
        }
        pool2 = indices["pool2"]
    assert [one.name for one in path.parent.iterdir()] == ["indices.npz"]

    rows, _ = index_correlation.evaluate(
        Networks({1: trained.networks[int(best["seed"]) - 1]}, torch.device("cpu")),
        trained.images,
        index_correlation.Params(),
    )
    ours = {
        row["channel"]: row
        for row in rows
        if (row["pool"], row["metric"]) == ("pool2", "pearson_r")
    }
    changing = 0
    for channel in range(3):
        sizes = 7 + 2 * pool2[1::2, channel].astype(int)  # class 33 is the second of two here
        if len(set(sizes)) > 1:
            changing += 1
            r = linregress(np.arange(17, 65), sizes).rvalue
            assert ours[channel]["value"] == pytest.approx(r, abs=1e-12)
        else:
            assert ours[channel]["n"] == 0
    assert changing


def test_without_weights_arrays_are_refused_with_the_way_out(project):
    with pytest.raises(
        UserError, match=r"the weights of seed 2 are not there .* export the tables"
    ):
        exported("errors")
    assert not Path("ours").exists()


def test_a_damaged_summary_is_named(trained):
    path = trained.folder / "run.json"
    path.write_text(path.read_text()[:100])
    with pytest.raises(UserError, match=r"run\.json is truncated or altered"):
        export("scale", Path("ours"))


def test_the_command_line_names_what_it_wrote(trained, monkeypatch, capsys):
    words = ["export", "ours", "--as", "published", "--with", "errors", "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["isotrope", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "wrote ours/clean.csv"
    assert len(lines) == 5
    assert all(Path(line.removeprefix("wrote ")).is_file() for line in lines)
