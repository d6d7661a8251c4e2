"""The images that the shift study shows, and what is compared with published numbers."""

import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch
from shift_tables import DEMO, NETWORKS, ON_IMAGENET, coloured, write_shift_tables

from isotrope import cli, paths
from isotrope.datasets.images import Images
from isotrope.errors import UserError
from isotrope.files.tables import PUBLISHED_COLUMNS, read_table
from isotrope.results.compare import compare
from isotrope.studies.shift.examples import examples

PUBLISHED = Path(__file__).parents[3] / "workflow" / "published" / "shift.csv"


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths.PUBLISHED.mkdir(parents=True)
    (paths.PUBLISHED / "shift.csv").write_bytes(PUBLISHED.read_bytes())
    return tmp_path


def test_a_shift_permutes_the_phases_and_the_largest_norm_stays_with_its_pixels():
    found = examples(coloured())
    before, after = found["phases"]
    assert (after[2] == before[0]).all(), "rows that were even are odd now"
    assert (after[0] == np.roll(before[2], 1, axis=0)).all()
    np.testing.assert_allclose(*np.sort(found["norms"]), rtol=1e-12)
    best = found["norms"].argmax(axis=1)
    assert best[1] == (best[0] + 2) % 4


def test_grey_images_have_no_axis_of_colours_and_odd_or_absent_ones_are_not_shown():
    grey = Images(torch.arange(36, dtype=torch.uint8).view(1, 1, 6, 6), torch.zeros(1).long())
    assert examples(grey)["phases"].shape == (2, 4, 3, 3)
    assert examples(Images(grey.images[..., :5], grey.labels)) == {}
    with pytest.raises(UserError, match="no image"):
        examples(grey[:0])


def test_runs_are_compared_with_the_published_network_of_their_form(project, monkeypatch, capsys):
    write_shift_tables(paths.table_folder("shift"), NETWORKS)
    cells = compare("shift")
    assert set(cells["run"]) == {network.run for network in NETWORKS}
    assert set(cells["table"]) == {"accuracy", "shift_consistency"}
    lps = cells[cells["run"].eq("shift_resnet/cifar10/lps")].set_index(["metric", "padding"])
    assert lps.loc[("consistency", "circular"), "published_mean"] == 100
    assert lps.loc[("consistency", "circular"), "difference"] == 0
    assert lps.loc[("consistency", "standard"), "published_mean"] == 93.61

    monkeypatch.setattr(sys, "argv", ["isotrope", "compare", "shift"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    assert "shift_resnet/cifar10/lps" in capsys.readouterr().out


def test_depth_and_border_tell_published_networks_apart(project):
    write_shift_tables(paths.table_folder("shift"), ON_IMAGENET)
    cells = compare("shift")
    found = cells[cells["run"].eq("shift_resnet/imagenet/lps")].set_index("metric")
    assert found["published_mean"].to_dict() == {"accuracy": 0.788, "consistency": 92.4}
    assert found.loc["consistency", "n"] == 0, "its protocol was not measured"


def test_narrow_networks_on_photos_are_compared_with_nothing(project):
    write_shift_tables(paths.table_folder("shift"), DEMO)
    with pytest.raises(UserError, match=r"nothing published has what the .* downsampling"):
        compare("shift", ["demo"])


def test_every_published_number_has_one_source_and_its_unit():
    rows = read_table(PUBLISHED, PUBLISHED_COLUMNS)
    assert rows["source"].ne("").all()
    cell = ["table", "model", "dataset", "setting", "metric"]
    twice = rows[rows.duplicated(cell, keep=False)]
    assert twice.empty, twice[cell].to_string()
    shares = rows[rows["metric"].isin(["accuracy", "worst"])]
    assert shares["value"].between(0.2, 1).all()
    assert rows.loc[rows["metric"].eq("consistency"), "value"].between(50, 100).all()
    table = rows[rows["source"].str.startswith("third party: Saha")]
    assert (
        pandas.Series(["strided", "decimation", "aps", "lps", "tips"])
        .map(lambda name: table["setting"].str.contains(f"downsampling={name}").any())
        .all()
    )
