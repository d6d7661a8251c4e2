"""Images scaled, turned and shifted: against closed forms, against Pillow, and a naive sum."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from isotrope.datasets.images import Images
from isotrope.evaluation._sweeps import lost_of
from isotrope.evaluation._turning import Pose, Resampling, disc, lost, resized

DOUBLE = torch.empty(0, dtype=torch.float64)
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "pillow")


def drawn(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def posed(maps, pose, interpolation="bicubic", border="black"):
    return Resampling(pose, tuple(maps.shape[-2:]), interpolation, DOUBLE, border)(maps)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("side", [8, 9])
def test_quarter_turns_are_exact(interpolation, side):
    maps = drawn(2, 3, side, side)
    for quarters in range(-1, 6):
        turned = posed(maps, Pose(90.0 * quarters), interpolation)
        assert torch.equal(turned, torch.rot90(maps, quarters, dims=(-2, -1)))


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_whole_shifts_are_exact_and_black_enters(interpolation):
    maps = drawn(1, 1, 6, 7)
    shifted = posed(maps, Pose(x=2, y=-1), interpolation)
    assert torch.equal(shifted[..., :5, 2:], maps[..., 1:, :5])
    assert not shifted[..., 5:, :].any()
    assert not shifted[..., :, :2].any()


def test_a_thing_turns_counter_clockwise_grows_and_then_moves():
    maps = torch.zeros(1, 1, 21, 21, dtype=torch.float64)
    maps[..., 10, 14] = 1  # 4 pixels to the right of the centre
    turned = posed(maps, Pose(90, 1.5, x=2, y=1), "bilinear")
    row, column = divmod(int(turned.argmax()), 21)
    assert (row, column) == (10 - 6 + 1, 10 + 2), "rows count downwards"


@pytest.mark.parametrize("pose", [Pose(37.0), Pose(-110, 1.3, x=0.4)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_a_linear_ramp_is_read_exactly_where_no_edge_is_near(pose, interpolation):
    side = 41
    down, right = (torch.arange(side, dtype=torch.float64) - 20 for _ in range(2))
    ramp = 3 * right - 2 * down[:, None] + 5
    found = posed(ramp[None, None], pose, interpolation)[0, 0]
    angle = math.radians(pose.angle)
    x, y = right - pose.x, down[:, None] - pose.y
    expected = (
        3 * (math.cos(angle) * x - math.sin(angle) * y) / pose.scale
        - 2 * (math.sin(angle) * x + math.cos(angle) * y) / pose.scale
        + 5
    )
    inside = disc((side, side), 0.7 * min(1, pose.scale) - 0.2, torch.device("cpu"))
    torch.testing.assert_close(found[inside], expected[inside], rtol=0, atol=1e-11)


@pytest.mark.parametrize("border", ["black", "repeat"])
@pytest.mark.parametrize("scale", [0.4, 1.6])
def test_a_result_is_the_weighted_sum_of_all_pixels(scale, border):
    maps, pose = drawn(1, 1, 6, 7), Pose(33.0, scale, 0.3, -0.2)
    found = posed(maps, pose, "bicubic", border)[0, 0]
    angle, width = math.radians(33.0), max(1, 1 / scale)

    def kernel(distance):
        x = abs(distance)
        near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
        return near if x <= 1 else far if x < 2 else 0.0

    for i, j in ((0, 0), (2, 5), (5, 3)):
        x, y = j - 3 - pose.x, i - 2.5 - pose.y
        at = (
            (math.sin(angle) * x + math.cos(angle) * y) / scale + 2.5,
            (math.cos(angle) * x - math.sin(angle) * y) / scale + 3,
        )
        total = sums = 0.0
        for row in range(-30, 40):
            for column in range(-30, 40):
                weight = kernel((row - at[0]) / width) * kernel((column - at[1]) / width)
                sums += weight
                inside = 0 <= row < 6 and 0 <= column < 7
                if inside or border == "repeat":
                    total += weight * float(maps[0, 0, min(max(row, 0), 5), min(max(column, 0), 6)])
        assert float(found[i, j]) == pytest.approx(total / sums, abs=1e-12)


@pytest.mark.parametrize(
    ("interpolation", "method", "apart"),
    [("nearest", "NEAREST", 0), ("bilinear", "BILINEAR", 1), ("pillow", "BICUBIC", 1)],
)
def test_images_turn_as_pillow_turns_them(interpolation, method, apart):
    images = torch.zeros(1, 1, 24, 24, dtype=torch.uint8)
    blobs = F.interpolate(drawn(1, 1, 5, 5, seed=2), size=(16, 16), mode="bicubic")
    images[..., 4:20, 4:20] = (blobs.clamp(0, 1) * 255).to(torch.uint8)
    for angle in (5, 45, 100, 345):
        found = Resampling(Pose(angle), (24, 24), interpolation, DOUBLE).images(images)
        pillow = Image.fromarray(images[0, 0].numpy()).rotate(angle, Image.Resampling[method])
        difference = (found[0, 0] * 255 - torch.from_numpy(np.array(pillow))).abs()
        # Pillow rounds its grey values, and its coordinates of nearest to 16 bits: ties differ
        assert (difference <= apart).double().mean() > 0.99


@pytest.mark.parametrize("size", [(14, 14), (20, 24), (84, 84)])
def test_images_are_resized_as_pillow_resizes_them(size):
    images = (60 + drawn(1, 1, 28, 28) * 120).to(torch.uint8)  # no pass of Pillow has to cut off
    for interpolation in ("nearest", "bilinear", "bicubic"):
        found = resized(images, size, interpolation)
        method = Image.Resampling[interpolation.upper()]
        pillow = Image.fromarray(images[0, 0].numpy()).resize(size[::-1], method)
        difference = (found[0, 0] * 255 - torch.from_numpy(np.array(pillow))).abs()
        assert difference.max() <= 1.5, "each of Pillow's two passes rounds"


def test_shrinking_averages_and_does_not_pick():
    stripes = (torch.arange(64) % 2).double().expand(1, 1, 64, 64)
    inside = disc((64, 64), 0.2, torch.device("cpu"))
    assert posed(stripes, Pose(scale=0.25), "bicubic")[0, 0][inside].sub(0.5).abs().max() < 0.02
    assert posed(stripes, Pose(scale=0.25), "nearest")[0, 0][inside].unique().tolist() == [0]


def test_bytes_become_numbers_in_0_to_1_and_do_not_overshoot():
    images = (drawn(2, 1, 9, 9) > 0.5).to(torch.uint8) * 255
    found = Resampling(Pose(30), (9, 9), "pillow", torch.empty(0)).images(images)
    assert found.dtype == torch.float32
    assert 0 <= found.min() <= found.max() <= 1
    assert torch.equal(images.unique(), torch.tensor([0, 255], dtype=torch.uint8))


def test_what_leaves_the_canvas_is_counted_by_its_brightness():
    images = torch.zeros(3, 1, 10, 10, dtype=torch.uint8)
    images[0, 0, 4, 0], images[0, 0, 4, 5] = 30, 10
    images[1, 0, :, :] = 7
    left = lost(images, Pose(x=-1))
    assert left[:2].tolist() == [0.75, 0.1]
    assert left[2].isnan(), "a black image loses nothing, and has nothing"
    assert lost(images, Pose(90.0))[:2].tolist() == [0, 0]
    assert lost(images, Pose(scale=2.0))[1] == pytest.approx(0.64)  # 6 x 6 pixels stay


def test_a_pixel_whose_centre_lies_on_the_circle_is_in_the_disc():
    for side in (15, 47):  # 6 of 47 half pixels are a little less than 3 pixels
        for reach in range(1, side // 2):
            inside = disc((side, side + 4), reach / (side / 2), torch.device("cpu"))
            middle = side // 2
            assert inside[middle, middle + 2 + reach], (side, reach)
            assert not inside[middle, middle + 3 + reach]


def test_where_everything_leaves_the_canvas_nothing_is_left():
    images = drawn(2, 3, 6, 5)
    assert not posed(images, Pose(x=100.0)).any()


def test_black_images_are_in_no_mean_of_what_is_lost():
    images = torch.zeros(3, 1, 4, 4, dtype=torch.uint8)
    images[0, 0, 1, 0] = images[0, 0, 1, 3] = images[2, 0, 2, 1] = 200
    data = Images(images, torch.zeros(3, dtype=torch.int64))
    away, half = lost_of(data, [Pose(x=9.0), Pose(x=-1.0)])
    assert away == (1.0, 2)
    assert half == (0.25, 2)


def test_a_resampling_is_for_one_size():
    resampling = Resampling(Pose(30), (9, 9), "bicubic", DOUBLE)
    with pytest.raises(ValueError, match=r"need maps of \(9, 9\), got \(9, 8\)"):
        resampling(torch.zeros(1, 1, 9, 8, dtype=torch.float64))


@pytest.mark.parametrize("angle", [20.0, -35.0, 110.0])
@pytest.mark.parametrize("place", [(0, 1), (2, 12), (11, 0), (12, 10)])
def test_a_pixel_is_lost_where_its_centre_leaves_the_canvas(angle, place):
    images = torch.zeros(1, 1, 13, 13, dtype=torch.uint8)
    images[0, 0, *place] = 200
    down, right = place[0] - 6, place[1] - 6
    for scale in (0.8, 1.0, 1.2):
        radians = math.radians(angle)  # counter-clockwise as seen: rows count downwards
        x = scale * (right * math.cos(radians) + down * math.sin(radians)) + 0.5
        y = scale * (down * math.cos(radians) - right * math.sin(radians)) - 1
        gone = max(abs(x), abs(y)) > 6.5
        assert float(lost(images, Pose(angle, scale, 0.5, -1.0))) == gone
