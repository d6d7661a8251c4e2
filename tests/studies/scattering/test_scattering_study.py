"""The images that the scattering study shows, and what is compared with published numbers."""

import numpy as np
import pytest
import torch
from scattering_tables import CIFAR, DEMO, OTHERS, squares, write_scattering_tables

from isotrope import paths
from isotrope.datasets.images import Images
from isotrope.errors import UserError
from isotrope.files.tables import PUBLISHED_COLUMNS, read_table
from isotrope.results.compare import compare
from isotrope.studies.scattering.examples import examples

PUBLISHED = paths.PUBLISHED.absolute() / "scattering.csv"


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths.PUBLISHED.mkdir(parents=True)
    (paths.PUBLISHED / "scattering.csv").write_bytes(PUBLISHED.read_bytes())
    return tmp_path


def test_the_first_images_of_each_class_are_shown():
    data = squares(classes=3, each=5)
    found = examples(data)
    assert found["labels"].tolist() == [0, 1, 2]
    assert found["images"].shape == (3, 4, 16, 16, 3)
    for place, label in enumerate(found["labels"]):
        of_class = data.images[data.labels == int(label)][:4].numpy()
        assert (found["images"][place] == np.moveaxis(of_class, 1, -1)).all()


def test_grey_images_have_no_axis_of_colours_and_small_classes_are_filled_up():
    images = torch.full((3, 1, 4, 6), 9, dtype=torch.uint8)
    found = examples(Images(images, torch.tensor([1, 0, 1])))
    assert found["images"].shape == (2, 4, 4, 6)
    assert [int((row == 9).all(axis=(1, 2)).sum()) for row in found["images"]] == [1, 2]


def test_masks_are_not_shown_and_no_image_is_a_mistake():
    masks = Images(torch.zeros(1, 3, 4, 4).to(torch.uint8), torch.zeros(1, 4, 4).long())
    assert examples(masks) == {}
    with pytest.raises(UserError, match="no image"):
        examples(masks[:0])


def test_runs_are_compared_with_the_published_network_of_their_form_and_size(project):
    write_scattering_tables(paths.table_folder("scattering"), CIFAR)
    cells = compare("scattering").set_index("run")
    assert set(cells.index) == {network.run for network in CIFAR} - {"wide_cnn/cifar10/all"}
    learned = cells.loc["scattering_linear/cifar10/100_learned"]
    assert learned["published_mean"] == 0.3784
    assert learned["published_sd"] == pytest.approx(0.0057 * 10**0.5, rel=1e-4)
    assert learned["published_n"] == 10
    assert cells.loc["scattering_linear/cifar10/all_fixed", "published_mean"] == 0.6558
    assert cells.loc["wide_cnn/cifar10/500", "published_mean"] == 0.6297


def test_textures_taken_with_two_scales_are_not_compared_with_those_of_three(project):
    write_scattering_tables(paths.table_folder("scattering"), OTHERS)
    assert set(compare("scattering")["dataset"]) == {"cifar10"}


def test_the_demo_is_compared_with_nothing(project):
    write_scattering_tables(paths.table_folder("scattering"), DEMO)
    with pytest.raises(UserError, match="nothing published has what the"):
        compare("scattering", ["demo"])


def test_every_published_number_has_one_source_and_is_a_fraction():
    rows = read_table(PUBLISHED, PUBLISHED_COLUMNS)
    assert rows["source"].ne("").all()
    assert not rows.duplicated(["table", "model", "dataset", "setting", "metric"]).any()
    assert rows["value"].between(0.25, 1).all()
    of_paper = rows[rows["source"].str.startswith("README")]
    assert len(of_paper) == 9 * 4 - 1 + 9 * 4
    assert of_paper["n"].isin([10, 16]).all()
    assert rows.loc[rows["spread"].isna(), "n"].isna().all()
