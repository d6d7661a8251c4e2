"""The images that the log-polar study shows, and what is compared with published numbers."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from log_polar_tables import NETWORKS, STAND_IN, glyphs, write_log_polar_tables

from isotrope import cli, paths
from isotrope.datasets.images import Images
from isotrope.errors import UserError
from isotrope.results.compare import compare
from isotrope.studies.log_polar.examples import examples, log_polar_map, posed

ROOT = Path(__file__).parents[3]


@pytest.fixture
def blob():
    """A smooth image without any symmetry, float64 ``(1, 41, 41)``."""
    y, x = np.mgrid[:41, :41].astype(float)
    first = np.exp(-((x - 26) ** 2 + (y - 17) ** 2) / 40)
    return (first + 0.6 * np.exp(-((x - 15) ** 2 + (y - 24) ** 2) / 24))[None]


def test_a_quarter_turn_rolls_the_map_exactly(blob):
    radii, angles = np.geomspace(1, 20, 12), np.arange(12) * np.pi / 6
    before = log_polar_map(blob[0], radii, angles)
    after = log_polar_map(np.rot90(blob[0]), radii, angles)
    np.testing.assert_allclose(after, np.roll(before, 3, axis=1), rtol=0, atol=1e-12)
    np.testing.assert_allclose(posed(blob, 90, 1)[0], np.rot90(blob[0]), rtol=0, atol=1e-12)


def test_other_turns_and_scalings_shift_the_map_up_to_interpolation(blob):
    radii, angles = np.geomspace(1, 20, 16), np.arange(24) * np.pi / 12
    before = log_polar_map(blob[0], radii, angles)
    turned = log_polar_map(posed(blob, 30, 1)[0], radii, angles)
    assert np.abs(turned - np.roll(before, 2, axis=1)).max() < 0.03  # two bilinear readings
    scaled = log_polar_map(posed(blob, 0, radii[2] / radii[0])[0], radii, angles)
    assert np.abs(scaled[2:] - before[:-2]).max() < 0.03


def test_examples_are_one_image_in_three_poses():
    found = examples(glyphs())
    assert found["images"].shape == (3, 28, 28)
    assert found["maps"].shape == (3, len(found["radii"]), len(found["angles"]))
    assert found["images"].dtype == np.uint8
    assert (found["images"][0] == glyphs().images[0, 0].numpy()).all()
    before, turned, _ = found["maps"]
    rolled = np.roll(before, found["shifts"][1, 1], axis=1)
    assert np.abs(turned - rolled).mean() < 0.25 * np.abs(turned - before).mean()


def test_poses_shift_the_map_by_as_many_rows_and_columns_as_they_say():
    found = examples(glyphs())
    ratios = found["radii"][1:] / found["radii"][:-1]
    step = found["angles"][1] - found["angles"][0]
    assert found["poses"][0].tolist() == [0, 1]
    assert found["shifts"][0].tolist() == [0, 0]
    for (turn, scale), (rows, columns) in zip(found["poses"], found["shifts"], strict=True):
        assert turn == pytest.approx(step * columns)
        assert scale == pytest.approx(ratios.mean() ** rows)
    before, _, scaled = found["maps"]
    rows = found["shifts"][2, 0]
    moved = np.abs(scaled[rows:] - before[:-rows]).mean()
    assert moved < 0.5 * np.abs(scaled[rows:] - before[rows:]).mean()


def test_examples_of_colour_images_keep_their_colours_and_nothing_is_refused():
    images = torch.randint(0, 256, (3, 3, 20, 20), dtype=torch.uint8)
    assert examples(Images(images, torch.arange(3)))["images"].shape == (3, 20, 20, 3)
    with pytest.raises(UserError, match="no image"):
        examples(Images(images[:0], torch.arange(0)))


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths.PUBLISHED.mkdir(parents=True)
    published = ROOT / "workflow" / "published" / "log_polar.csv"
    (paths.PUBLISHED / "log_polar.csv").write_bytes(published.read_bytes())
    return tmp_path


def test_runs_are_compared_with_their_own_published_variant(project, monkeypatch, capsys):
    write_log_polar_tables(paths.table_folder("log_polar"), NETWORKS)
    cells = compare("log_polar")
    assert set(cells["run"]) == {"deep_lp/mnist/large", "single_lp/mnist/2"}
    large = cells[cells["run"].eq("deep_lp/mnist/large")]
    assert set(large["table"]) == {"accuracy", "rotation", "scaling", "mnist_r"}
    at = large[large["angle"].eq("45") & large["metric"].eq("accuracy")].iloc[0]
    assert at["published_mean"] == 0.903
    assert set(large.loc[large["table"].eq("rotation"), "metric"]) == {"accuracy", "mean", "worst"}

    monkeypatch.setattr(sys, "argv", ["isotrope", "compare", "log_polar"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    assert "deep_lp/mnist/large" in capsys.readouterr().out


def test_stand_ins_are_compared_with_nothing(project):
    write_log_polar_tables(paths.table_folder("log_polar"), STAND_IN)
    with pytest.raises(UserError, match="nothing published has what"):
        compare("log_polar")
