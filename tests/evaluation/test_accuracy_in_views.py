"""Accuracy over angles, scales and shifts, on networks whose answers are known."""

import pytest
import torch
from ending_evaluations import Kept
from torch import nn

from isotrope.datasets.images import Images
from isotrope.datasets.stream import Stream
from isotrope.errors import UserError
from isotrope.evaluation import (
    _sweeps,
    equivariance,
    rotation,
    rotation_and_scaling,
    scaling,
    translation,
    translation_published,
)
from isotrope.measuring.networks import Networks

CPU = torch.device("cpu")


class Brightest(nn.Module):
    """The quarter in which the brightest pixel is: left, right above, then below.

    Or, blind to turns by quarters, whether it is near the centre.
    """

    def __init__(self, blind: bool = False) -> None:
        super().__init__()
        self.blind = blind

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        height, width = images.shape[-2:]
        place = images[:, 0].flatten(1).argmax(dim=1)
        down, right = place // width - (height - 1) / 2, place % width - (width - 1) / 2
        if self.blind:
            found = (down.square() + right.square() > (0.1 * height) ** 2).long()
        else:
            found = 2 * (down > 0).long() + (right > 0).long()
        return nn.functional.one_hot(found, 4).float()


class OneSize(Brightest):
    """Takes images of 12 pixels only."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if images.shape[-1] != 12:
            raise ValueError(f"needs 12 pixels, got {images.shape[-1]}")
        return super().forward(images)


class Numbers(Brightest):
    """Notes what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append(images)
        return super().forward(images)


@pytest.fixture
def data():
    """A bright square of 2 pixels in each quarter (the class), of 12 x 12 pixels."""
    images = torch.zeros(4, 1, 12, 12, dtype=torch.uint8)
    for label, (row, column) in enumerate([(3, 3), (3, 7), (7, 3), (7, 7)]):
        images[label, 0, row : row + 2, column : column + 2] = 200
    return Images(images, torch.arange(4))


def values(rows, metric="accuracy", *keys):
    return {
        tuple(row[key] for key in keys): row["value"] for row in rows if row["metric"] == metric
    }


def single(rows, metric):
    (row,) = [row for row in rows if row["metric"] == metric]
    return row["value"]


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "pillow"])
def test_a_turn_by_a_quarter_shows_the_next_quarter(data, interpolation):
    params = rotation.Params(angles=[0, 30, 90, 180, 270, 360], interpolation=interpolation)
    rows = rotation.evaluate(Networks({7: Brightest()}, CPU), data, params)

    found = values(rows, "accuracy", "angle")
    assert found == {(0,): 1, (30,): 1, (90,): 0, (180,): 0, (270,): 0, (360,): 1}
    assert single(rows, "mean") == pytest.approx(3 / 6)
    assert (single(rows, "worst"), single(rows, "worst_angle")) == (0.0, 90.0)
    assert {row["n"] for row in rows} == {4}
    assert list(rows[0]) == ["seed", "angle", "metric", "value", "n"]


def test_a_network_that_is_blind_to_turns_is_as_good_at_every_angle(data):
    data = Images(data.images, torch.ones(4, dtype=torch.int64))
    rows = rotation.evaluate(Networks({1: Brightest(blind=True)}, CPU), data, rotation.Params())
    found = values(rows, "accuracy", "angle")
    assert len(found) == 24
    assert set(found.values()) == {1.0}
    assert single(rows, "worst") == 1.0


def test_the_published_angles_are_a_preset():
    assert [0, 5, *range(15, 360, 15)] == rotation.PUBLISHED
    params = rotation.Params(angles="published")
    assert params.angles == "published"
    with pytest.raises(ValueError, match="once only"):
        rotation.Params(angles=[5, 5.0])
    with pytest.raises(ValueError, match="at least 1"):
        rotation.Params(angles=[])


def test_scaling_tells_the_kept_canvas_from_the_resized_one(data):
    params = scaling.Params(scales=[0.5, 1, 3, 20], interpolation="bilinear")
    rows = scaling.evaluate(Networks({1: Brightest()}, CPU), data, params)

    found = values(rows, "accuracy", "canvas", "scale")
    assert list(found) == [(c, s) for c in ("kept", "resized") for s in (0.5, 1.0, 3.0, 20.0)]
    assert all(found["resized", scale] == 1 for scale in (0.5, 1.0, 3.0, 20.0))
    assert found["kept", 0.5] == found["kept", 1.0] == found["kept", 3.0] == 1
    assert found["kept", 20.0] == 0.25, "the squares have left the canvas: black is of class 0"
    assert values(rows, "ink_lost", "canvas", "scale") == {
        ("kept", 0.5): 0,
        ("kept", 1.0): 0,
        ("kept", 3.0): 0.75,  # of each square's pixels one lies within 2 pixels of the centre
        ("kept", 20.0): 1,
    }
    assert values(rows, "mean", "canvas")["resized",] == 1
    assert values(rows, "worst_scale", "canvas")["kept",] == 20.0


def test_networks_of_one_size_are_not_shown_others_and_the_log_says_so_once(data):
    lines = []
    networks = Networks({1: OneSize(), 2: OneSize()}, CPU)
    networks._stacks.log = lines.append
    params = scaling.Params(scales=[0.5, 1, 2])
    for seed in (1, 2):
        rows = scaling.evaluate(networks.only([seed]), data, params)
        found = values(rows, "accuracy", "canvas", "scale")
        assert [scale for canvas, scale in found if canvas == "resized"] == [1.0]
        assert [scale for canvas, scale in found if canvas == "kept"] == [0.5, 1.0, 2.0]
    assert lines == [
        "scaling: networks for images of 12 x 12 pixels do not take those of another size at 0.5 "
        "(6 x 6 pixels), 2 (24 x 24 pixels): needs 12 pixels, got 6; these are left out"
    ]


def test_resized_images_alone_are_refused_for_networks_of_one_size(data):
    params = scaling.Params(scales=[2], canvas=["resized"])
    with pytest.raises(UserError, match="do not take those of another size at 2"):
        scaling.evaluate(Networks({1: OneSize()}, CPU), data, params)
    assert scaling.evaluate(Networks({1: OneSize()}, CPU), data, scaling.Params(scales=[2])), (
        "the kept canvas is left"
    )


def test_shifts_lose_what_leaves_the_canvas(data):
    params = translation.Params(shifts=[-3, -2, 0, 2, 4], along="axes")
    rows = translation.evaluate(Networks({1: Brightest()}, CPU), data, params)

    found = values(rows, "accuracy", "x", "y")
    assert len(found) == 9
    assert found[0, 0] == 1
    assert found[-2, 0] == found[0, -2] == 0.5, "half of the squares begin left of the middle"
    ink = values(rows, "ink_lost", "x", "y")
    assert ink[2, 0] == 0
    assert ink[4, 0] == pytest.approx(0.25)  # a column of two of the four squares' two
    assert ink[0, -3] == 0
    assert single(rows, "worst_x") == -3.0


def test_shifts_go_along_axes_the_diagonal_or_a_grid():
    def places(along):
        return translation._places(translation.Params(shifts=[0, 2], along=along))

    assert places("axes") == [(0, 0), (2, 0), (0, 2)]
    assert places("diagonal") == [(0, 0), (2, 2)]
    assert places("grid") == [(0, 0), (2, 0), (0, 2), (2, 2)]


def test_the_published_shifts_change_the_size_as_well(data):
    network = Numbers()
    params = translation_published.Params(shifts=[-4, 0, 4], interpolation="nearest")
    rows = translation_published.evaluate(Networks({1: network}, CPU), data, params)

    assert values(rows, "accuracy", "shift", "size").keys() == {(-4, 4), (0, 12), (4, 20)}
    seen = {images.shape[-1]: images for images in network.seen if len(images) == 4}
    assert torch.equal(seen[12], data.images.float() / 255)
    moved = torch.zeros(12, 12)
    moved[3:5, 3:5] = 200 / 255  # from rows and columns 7, 8: up and to the left
    expected = nn.functional.interpolate(moved[None, None], size=20, mode="nearest-exact")
    assert torch.equal(seen[20][3], expected[0])
    assert found_size(rows) == {4.0, 12.0, 20.0}


def found_size(rows):
    return {row["size"] for row in rows if "size" in row}


def test_sizes_below_one_pixel_are_left_out(data):
    lines = []
    networks = Networks({1: Brightest()}, CPU)
    networks._stacks.log = lines.append
    params = translation_published.Params(shifts=[-6, 1])
    rows = translation_published.evaluate(networks, data, params)
    assert found_size(rows) == {14.0}
    assert "nothing would be left of the images" in lines[0]


def test_the_grid_has_a_row_for_each_pair_and_names_its_worst_cell(data):
    params = rotation_and_scaling.Params(angles=[0, 90], scales=[0.5, 1])
    rows = rotation_and_scaling.evaluate(Networks({1: Brightest()}, CPU), data, params)
    found = values(rows, "accuracy", "angle", "scale")
    assert found == {(0, 0.5): 1, (90, 0.5): 0, (0, 1): 1, (90, 1): 0}
    assert (single(rows, "worst"), single(rows, "worst_angle")) == (0.0, 90.0)
    assert single(rows, "worst_scale") == 0.5


def test_masks_are_refused(data):
    masks = Images(data.images, torch.zeros(4, 12, 12, dtype=torch.int64))
    for evaluation in (rotation, scaling, translation, translation_published, rotation_and_scaling):
        with pytest.raises(UserError, match=r"labels of these data are masks"):
            evaluation.evaluate(Networks({1: Brightest()}, CPU), masks, evaluation.Params())


def test_a_sweep_that_was_ended_goes_on_where_it_was(data, monkeypatch):
    data = Images(data.images.repeat(10, 1, 1, 1), data.labels.repeat(10))
    monkeypatch.setattr(_sweeps, "CHUNK", 36)
    network = Numbers()
    networks, position = Networks({1: network}, CPU), Kept(3)
    params = rotation.Params(angles=[0, 90, 180])
    whole = rotation.evaluate(networks, data, params)
    calls = len(network.seen)
    networks._position_of = lambda seed: position

    network.seen.clear()
    with pytest.raises(SystemExit):
        rotation.evaluate(networks, data, params)
    assert len(network.seen) == 3

    assert rotation.evaluate(networks, data, params) == whole
    assert len(network.seen) == calls, "nothing is computed twice"


def test_images_are_shown_in_any_batches_of_bounded_size(data, monkeypatch):
    data = Images(data.images.repeat(10, 1, 1, 1), data.labels.repeat(10))
    params = rotation.Params(angles=[0, 30, 90])
    whole = rotation.evaluate(Networks({1: Brightest()}, CPU), data, params)
    monkeypatch.setattr(_sweeps, "_BYTES", 5 * 144)
    network = Numbers()
    assert rotation.evaluate(Networks({1: network}, CPU), data, params) == whole
    assert max(map(len, network.seen)) == 5


def test_images_that_are_read_as_they_are_needed_have_the_same_rows(data):
    stream = Stream(range(4), data.labels, lambda entry, _: (data.images[entry], entry))
    for evaluation, settings in (
        (rotation, {"angles": [0, 90]}),
        (scaling, {"scales": [0.5, 1]}),
        (translation, {"shifts": [1]}),
        (translation_published, {"shifts": [1]}),
        (rotation_and_scaling, {"angles": [90], "scales": [0.5]}),
        (equivariance, {"angles": [30], "scales": [1], "images": 3}),
    ):
        params, networks = evaluation.Params(**settings), Networks({1: Brightest()}, CPU)
        assert evaluation.evaluate(networks, stream, params) == evaluation.evaluate(
            networks, data, params
        )


def test_the_loss_of_a_view_is_the_mean_cross_entropy(data):
    networks = Networks({1: Brightest()}, torch.device("cpu"))
    rows = rotation.evaluate(networks, data, rotation.Params(angles=[0.0, 180.0]))

    logits = networks.logits(data.images)[0]
    expected = torch.nn.functional.cross_entropy(logits, data.labels).item()
    (found,) = values([row for row in rows if row.get("angle") == 0.0], "loss").values()
    assert found == pytest.approx(expected, rel=1e-6)


def test_images_are_known_by_their_numbers_in_every_view(monkeypatch):
    monkeypatch.setattr(_sweeps, "CHUNK", 50)
    seen, predictions = [], Networks.predictions

    def noted(self, images, numbers, draws=None):
        seen.append(list(numbers))
        return predictions(self, images, numbers, draws)

    monkeypatch.setattr(Networks, "predictions", noted)
    images = torch.zeros(70, 1, 12, 12, dtype=torch.uint8)
    data = Images(images, torch.zeros(70, dtype=torch.int64))
    params = rotation.Params(angles=[0.0, 90.0, 180.0])
    rotation.evaluate(Networks({1: Brightest()}, CPU), data, params)
    assert seen == [
        *[list(range(32)), list(range(32, 50))] * 3,
        *[list(range(50, 70))] * 3,
    ]
