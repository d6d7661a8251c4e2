"""Accuracy at every shift of a box, on networks whose answers are known."""

import pytest
import torch
from ending_evaluations import Kept
from shifted_networks import CPU, SIDE, Constant, Corner, InOrder, Mean, dots, noise, value, values
from torch import nn

from isotrope.datasets.images import Images
from isotrope.datasets.stream import Stream
from isotrope.errors import UserError
from isotrope.evaluation import _shifting, shift_accuracy
from isotrope.evaluation._shifting import Shift
from isotrope.layers import forms
from isotrope.layers.normalising import ByImage, ByValues, Normalised
from isotrope.measuring.networks import Networks

Params = shift_accuracy.Params
NEAR = {"reach": 1, "paddings": ["circular"], "subpixel": []}


def measured(network, data, **settings):
    return shift_accuracy.evaluate(Networks({1: network}, CPU), data, Params(**settings))


@pytest.fixture
def data():
    """Dots at the first pixel (class 1), one to its right, and beyond the reach of a box (0)."""
    return Images(dots([(0, 0), (0, 1), (6, 6)]), torch.tensor([1, 0, 0]))


def test_a_network_that_sees_one_pixel_is_right_where_that_says_so(data):
    rows = measured(Corner(), data, **NEAR)

    found = values(rows, "accuracy", "x", "y", kind="circular")
    assert len(found) == 9
    assert values(rows, "accuracy", "distance", kind="circular")[0.0,] == 1
    partly = measured(Corner(), Images(data.images, torch.tensor([1, 0, 1])), **NEAR)
    at_zero = values(partly, "accuracy", "distance", kind="circular")[0.0,]
    assert at_zero == values(partly, "worst", "distance", kind="circular")[0.0,] == 2 / 3
    expected = dict.fromkeys(found, 2 / 3)  # the first dot has left, nothing else changes
    expected |= {(0, 0): 1.0, (-1, 0): 1 / 3}  # the second dot has come to the first pixel
    assert found == pytest.approx(expected)
    same = values(rows, "consistency", "x", "y", kind="circular")
    assert same == pytest.approx({place: 100 * right for place, right in expected.items()})
    assert values(rows, "fidelity", "x", "y", kind="circular") == pytest.approx(expected)
    mean = (1 + 1 / 3 + 7 * 2 / 3) / 9
    assert value(rows, "mean", kind="circular") == pytest.approx(mean)
    assert value(rows, "worst", kind="circular") == pytest.approx(1 / 3), "the third image alone"
    assert value(rows, "lowest", kind="circular") == pytest.approx(1 / 3)
    assert value(rows, "lowest_x", kind="circular") == -1
    assert value(rows, "lowest_y", kind="circular") == 0
    assert value(rows, "steady", kind="circular") == pytest.approx(100 / 3)
    without_zero = (1 / 3 + 7 * 2 / 3) / 8
    assert value(rows, "consistency", kind="circular") == pytest.approx(100 * without_zero)
    assert value(rows, "fidelity", kind="circular") == pytest.approx(without_zero)
    assert value(rows, "logit_gap", kind="circular") == 1.0
    assert value(rows, "logit_gap_mean", kind="circular") == pytest.approx(2 / 3)
    assert {row["n"] for row in rows} == {3}


def test_a_network_that_sees_no_place_is_as_good_everywhere_and_its_gap_is_rounding():
    images = noise(40)
    labels = torch.arange(40) % 2
    its = Mean()(images.double() / 255).argmax(dim=1)
    right = (its == labels).double().mean().item()
    for dtype, most in (("float32", 1e-6), ("float64", 1e-14)):
        rows = measured(Mean(), Images(images, labels), dtype=dtype)
        for kind in ("circular", "fourier", "bilinear"):
            for metric in ("mean", "worst", "lowest", "fidelity"):
                assert value(rows, metric, kind=kind) == pytest.approx(right)
            assert value(rows, "steady", kind=kind) == 100
            assert value(rows, "logit_gap", kind=kind) < most
        assert value(rows, "logit_gap", kind="standard") > 1e-3, "what leaves is lost"


def test_a_constant_network_has_its_accuracy_as_fidelity_and_worst(data):
    data = Images(data.images, torch.tensor([1, 2, 1]))
    rows = measured(Constant(), data)
    for kind in ("circular", "standard", "fourier", "bilinear"):
        for metric in ("mean", "worst", "lowest", "fidelity"):
            assert value(rows, metric, kind=kind) == pytest.approx(2 / 3)
        for metric in ("consistency", "steady", "consistency_low", "steady_high"):
            assert value(rows, metric, kind=kind) == 100
        assert value(rows, "logit_gap", kind=kind) == 0


def test_by_distance_means_are_of_that_ring_and_the_worst_of_all_within():
    data = Images(dots([(0, 0), (0, 2), (3, 0), (6, 6)]), torch.tensor([0, 0, 0, 0]))
    rows = measured(Corner(), data, reach=3, paddings=["circular"], subpixel=[])

    worst = values(rows, "worst", "distance", kind="circular")
    assert worst == {(0,): 0.75, (1,): 0.75, (2,): 0.5, (3,): 0.25}, "the first is never right"
    steady = values(rows, "steady", "distance", kind="circular")
    assert steady == {(0,): 100, (1,): 75, (2,): 50, (3,): 25}
    ring = {0: 1, 1: 8, 2: 16, 3: 24}
    accuracy = values(rows, "accuracy", "distance", kind="circular")
    wrong = {0: 1, 1: 0, 2: 1, 3: 1}  # each dot comes to the first pixel by one shift
    expected = {(r,): 1 - wrong[r] / 4 / count for r, count in ring.items()}
    assert accuracy == pytest.approx(expected)
    by_shift = values(rows, "accuracy", "x", "y", kind="circular")
    for distance in ring:
        its = [v for (x, y), v in by_shift.items() if max(abs(x), abs(y)) == distance]
        assert accuracy[distance,] == pytest.approx(sum(its) / len(its))
        assert len(its) == ring[distance]
    fidelity = values(rows, "fidelity", "distance", kind="circular")
    assert fidelity[1,] == 0.75, "the first is right there, but not consistent"


def test_what_is_moved_leaves_and_what_enters_is_black_without_a_normalisation():
    network = Corner()
    measured(
        network, Images(dots([(0, 5)]), torch.tensor([0])), **(NEAR | {"paddings": ["standard"]})
    )
    steps = [(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1) if (x, y) != (0, 0)]
    for images, (x, y) in zip(network.seen[1:], steps, strict=True):
        expected = dots([(y, 5 + x)] if y >= 0 else [])
        assert images.sum() == len(expected)
        if len(expected):
            assert torch.equal(images, expected.float() / 255)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_enters_is_what_the_normalisation_turns_into_zero(dtype):
    network = Corner()
    first = ByValues(1, mean=[0.3], std=[0.2])
    settings = NEAR | {"paddings": ["standard"], "dtype": dtype}
    data = Images(
        torch.full((2, 1, 4, 4), 200, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64)
    )
    measured(Normalised(first, network), data, **settings)
    left, right = network.seen[4], network.seen[5]  # after the unshifted one and a row of three
    assert (left[..., -1] == 0).all()
    assert (right[..., 0] == 0).all()
    for images in (left[..., :-1], right[..., 1:]):
        torch.testing.assert_close(images, torch.full_like(images, (200 / 255 - 0.3) / 0.2))


def test_images_that_are_normalised_by_themselves_get_their_own_mean_colour():
    network = Corner()
    data = Images(noise(3, 6), torch.zeros(3, dtype=torch.int64))
    measured(Normalised(ByImage(), network), data, paddings=["standard"], subpixel=[])
    colours = _shifting.Border(None).of(data.images / 255)
    torch.testing.assert_close(colours.flatten(), data.images.float().mean(dim=(1, 2, 3)) / 255)
    for images in network.seen:
        assert images.mean().abs() < 1e-2 or images.shape[-1] != 6


def test_each_channel_of_an_image_has_a_colour_of_its_own():
    images = torch.rand(4, 3, 5, 6, generator=torch.Generator().manual_seed(2))
    colours = _shifting.Border(None).of(images)
    torch.testing.assert_close(colours, images.mean(dim=(2, 3), keepdim=True))
    wide = _shifting.widened(images, 2, _shifting.Border(None))
    torch.testing.assert_close(wide[..., 0, 0], images.mean(dim=(2, 3)))


def test_networks_of_different_mean_colours_are_shown_different_borders():
    class Total(nn.Module):
        def forward(self, images):
            return torch.stack((images.sum(dim=(1, 2, 3)), -images.sum(dim=(1, 2, 3))), dim=1)

    def normalised(mean):
        return Normalised(ByValues(1, mean=[mean], std=[1.0]), Total())

    data = Images(torch.full((1, 1, 4, 4), 51, dtype=torch.uint8), torch.tensor([0]))
    networks = Networks({1: normalised(0.2), 2: normalised(0.6), 3: normalised(0.2)}, CPU)
    with forms.like_a_gpu():
        rows = shift_accuracy.evaluate(networks, data, Params(**NEAR | {"paddings": ["standard"]}))
    assert [row["seed"] for row in rows] == sorted(row["seed"] for row in rows)
    gaps = {row["seed"]: row["value"] for row in rows if row["metric"] == "logit_gap"}
    assert gaps[1] == gaps[3] == pytest.approx(0, abs=1e-5), "the image itself is of that colour"
    assert gaps[2] == pytest.approx(7 * 0.4, rel=1e-5)


def test_parts_of_a_pixel_are_read_between_pixels():
    network = Corner()
    data = Images(noise(2, 8), torch.zeros(2, dtype=torch.int64))
    rows = measured(network, data, paddings=[], parts=[0.5], subpixel=["bilinear", "fourier"])
    assert values(rows, "worst", "distance", kind="fourier").keys() == {(0,), (0.5,)}
    image = data.images.double() / 255
    steps = [(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1) if (x, y) != (0, 0)]
    turns = torch.fft.fftfreq(8, dtype=torch.float64) * torch.pi
    for place, (x, y) in enumerate(steps):
        four = [
            image.roll((a * y, b * x), (2, 3))
            for a in ((0, 1) if y else (0, 0))
            for b in ((0, 1) if x else (0, 0))
        ]
        torch.testing.assert_close(network.seen[1 + place], (sum(four) / 4).float())
        phase = torch.polar(torch.ones(8, 8, dtype=torch.float64), -turns * x - turns[:, None] * y)
        phase[4] = phase[4] * (y == 0) if y else phase[4]  # cos(pi / 2) of the alternating pattern
        phase[:, 4] = phase[:, 4] * (x == 0) if x else phase[:, 4]
        rolled = torch.fft.ifft2(torch.fft.fft2(image) * phase)
        assert rolled.imag.abs().max() < 1e-12
        torch.testing.assert_close(network.seen[9 + place], rolled.real.float(), rtol=0, atol=1e-6)


def test_forward_passes_are_as_few_as_there_are_shifts_and_on_a_gpu_fewer(monkeypatch):
    data = Images(noise(40), torch.zeros(40, dtype=torch.int64))
    settings = {"reach": 2, "parts": [0.25], "subpixel": ["fourier"], "paddings": ["standard"]}
    network = Corner()
    whole = measured(network, data, **settings)
    assert len(network.seen) == 2 * (1 + 24 + 8), "two batches of at most 32"
    monkeypatch.setattr(_shifting, "_NUMBERS", 5 * 32 * SIDE**2)
    network = Corner()
    with forms.like_a_gpu():
        joined = measured(network, data, **settings)
    assert joined == whole
    # five shifts of 32 images at once, or all of 8
    assert len(network.seen) == (1 + 5 + 2) + (1 + 2 + 1)
    assert max(map(len, network.seen)) == 20 * 8


def test_an_evaluation_that_was_ended_goes_on_where_it_was(data):
    data = Images(data.images.repeat(20, 1, 1, 1), data.labels.repeat(20))
    network = Corner()
    networks, position = Networks({1: network}, CPU), Kept(11)
    whole = shift_accuracy.evaluate(networks, data, Params(**NEAR))
    networks._position_of = lambda seed: position
    network.seen.clear()
    with pytest.raises(SystemExit):
        shift_accuracy.evaluate(networks, data, Params(**NEAR))
    assert len(network.seen) == 11, "the unshifted answers are known"
    assert shift_accuracy.evaluate(networks, data, Params(**NEAR)) == whole
    assert len(network.seen) == 16, "nothing is computed twice"


def test_a_rounding_that_decides_shows_in_float32_alone():
    data = Images(noise(30), torch.ones(30, dtype=torch.int64))
    rows = measured(InOrder(), data, **NEAR)
    assert value(rows, "steady", kind="circular") < 100
    rows = measured(InOrder(), data, dtype="float64", **NEAR)
    assert value(rows, "steady", kind="circular") == value(rows, "consistency", kind="circular")
    assert value(rows, "worst", kind="circular") == 1
    assert value(rows, "logit_gap", kind="circular") < 1e-10


def test_masks_are_refused_and_streams_are_taken(data):
    masks = Images(data.images, torch.zeros(3, SIDE, SIDE, dtype=torch.int64))
    with pytest.raises(UserError, match="labels of these data are masks"):
        measured(Corner(), masks)
    stream = Stream(
        range(3), data.labels, lambda entry, _: (data.images[entry], data.labels[entry])
    )
    assert measured(Corner(), stream, **NEAR) == measured(Corner(), data, **NEAR)


def test_the_box_holds_every_shift_but_none_once():
    (circular, *_) = shift_accuracy.kinds(Params(reach=4))
    assert len(set(circular.shifts)) == 80
    assert Shift(0, 0) not in circular.shifts
    assert Shift(-4, 4) in circular.shifts
    assert circular.distances == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="once only"):
        Params(paddings=["circular", "circular"])


def test_the_gap_of_logits_counts_in_both_directions():
    class Falls(nn.Module):
        def forward(self, images):
            corner = images[:, 0, 0, 0]
            return torch.stack((corner, torch.zeros_like(corner)), dim=1)

    data = Images(dots([(0, 0)], 6), torch.tensor([0]))
    rows = measured(Falls(), data, paddings=["circular"], subpixel=[])
    gaps = [row["value"] for row in rows if row["metric"] == "logit_gap"]
    assert gaps
    assert set(gaps) == {1.0}
