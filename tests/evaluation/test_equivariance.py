"""Equivariance errors against networks whose errors are known, and against a naive form."""

import math

import pytest
import torch
from torch import nn
from toy_runs import ToyDataParams, toy_images

from isotrope.datasets.images import Images
from isotrope.evaluation._turning import Pose, Resampling
from isotrope.evaluation.equivariance import Params, evaluate, squares
from isotrope.measuring.networks import Networks

CPU = torch.device("cpu")
QUARTERS = [0.0, 90.0, 180.0, -90.0]


def images(side=13, count=5, channels=1):
    generator = torch.Generator().manual_seed(3)
    shape = (count, channels, side, side)
    drawn = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    return Images(drawn, torch.zeros(count, dtype=torch.int64))


def blobs(side=29):
    """Smooth things about the middle of a black image."""
    place = torch.arange(side) - (side - 1) / 2
    found = []
    for x, y, width in ((3, -2, 2.5), (-4, 1, 2.0), (0, 5, 3.0)):
        squared = (place - x).square() + (place[:, None] - y).square()
        found.append((-squared / (2 * width**2)).exp())
    shown = (torch.stack(found)[:, None] * 255).to(torch.uint8)
    return Images(shown, torch.zeros(len(found), dtype=torch.int64))


class Symmetric(nn.Module):
    """Two convolutions in float64 whose kernels look the same from four sides; a maximum."""

    def __init__(self, kernel=None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 3, 5, padding=2, dtype=torch.float64)
        self.conv2 = nn.Conv2d(3, 4, 3, padding=1, dtype=torch.float64)
        with torch.no_grad():
            for conv in (self.conv1, self.conv2):
                turned = [torch.rot90(conv.weight, k, dims=(-2, -1)) for k in range(4)]
                conv.weight.copy_(torch.stack(turned).mean(dim=0))

    def forward(self, given):
        return self.conv2(self.conv1(given.double()).relu()).amax(dim=(-2, -1))


class RadialMean(nn.Module):
    """The mean brightness, weighted by a function of the distance from the centre: a vector."""

    def forward(self, given):
        place = torch.arange(given.shape[-1], dtype=torch.float64) - (given.shape[-1] - 1) / 2
        radius = (place.square() + place[:, None].square()).sqrt()
        weights = torch.stack([torch.exp(-radius / 3), torch.cos(radius / 4)])
        return torch.einsum("bhw,khw->bk", given[:, 0].double(), weights)


class Silent(nn.Module):
    def __init__(self):
        super().__init__()
        self.stage = nn.Threshold(9, 0)

    def forward(self, given):
        return self.stage(given).amax(dim=(-3, -2, -1))[:, None] + 1


def errors(network, data, parts=(), **params):
    rows = evaluate(Networks({1: network}, CPU, part_names=parts), data, Params(**params))
    return {(r["metric"], r["part"], r["angle"], r["scale"]): r["value"] for r in rows}


@pytest.mark.parametrize("side", [12, 13])
def test_convolutions_with_symmetric_kernels_are_equivariant_at_quarter_turns(side):
    found = errors(Symmetric(), images(side), ("conv2", "conv1"), angles=QUARTERS, scales=[1])
    for (metric, part, _, _), value in found.items():
        assert part in ("conv1", "conv2", "logits")
        # the images are bytes and the turns exact: what is left is the rounding of float64
        assert value < 1e-12, metric
    assert len(found) == 2 * 3 * 4


def test_a_radial_mean_is_invariant_up_to_rounding_at_quarter_turns():
    found = errors(RadialMean(), images(), angles=QUARTERS, scales=[1])
    assert max(found.values()) < 1e-12


def test_an_ordinary_convolution_is_not_equivariant():
    torch.manual_seed(0)
    found = errors(nn.Conv2d(1, 3, 5, padding=2), images(), angles=[90], scales=[1])
    assert found["error", "logits", 90, 1] > 0.3
    assert found["floor", "logits", 90, 1] == 0


def test_smooth_maps_of_an_isotropic_kernel_are_equivariant_at_any_angle_and_scale():
    """A Gaussian blur, narrow beside the blobs: turns commute, scales up to the blur's own size."""

    class Blur(nn.Module):
        def __init__(self):
            super().__init__()
            self.stage = nn.Conv2d(1, 1, 7, padding=3, bias=False)
            place = torch.arange(7) - 3.0
            kernel = (-(place.square() + place[:, None].square()) / 2).exp()
            self.stage.weight.data = (kernel / kernel.sum())[None, None]

        def forward(self, given):
            return self.stage(given)

    found = errors(Blur(), blobs(), ("stage",), angles=[0, 15, 45], scales=[1.0, 1.3])
    for angle in (15, 45):
        assert found["error", "stage", angle, 1.0] < 0.01, "interpolation of smooth maps"
        assert found["floor", "stage", angle, 1.0] < 0.01
        assert 0.01 < found["error", "stage", angle, 1.3] < 0.2, "the blur does not grow"
    assert found["error", "stage", 0, 1.0] == 0


def test_strides_and_margins_keep_the_centre_of_the_map():
    class Pooled(nn.Module):
        def __init__(self):
            super().__init__()
            self.stage = nn.AvgPool2d(3)

        def forward(self, given):
            return self.stage(given)[:, 0, 0]

    found = errors(Pooled(), images(15), ("stage",), angles=QUARTERS, scales=[1])
    assert max(found["error", "stage", angle, 1] for angle in QUARTERS) < 1e-6  # of float32


def test_maps_with_an_axis_of_sizes_are_compared_by_their_largest_value():
    class Volume(nn.Module):
        def __init__(self):
            super().__init__()
            self.stage = nn.Identity()

        def forward(self, given):
            return self.stage(torch.stack((given, 0.5 * given), dim=2))[:, 0, 0, 0]

    found = errors(Volume(), images(), ("stage",), angles=[90], scales=[1])
    assert found["error", "stage", 90, 1] == 0


@pytest.mark.parametrize("pose", [Pose(25.0, 0.6), Pose(-70.0, 1.4), Pose(0.0, 2.0)])
def test_the_sums_are_those_over_a_disc_that_both_maps_have(pose):
    generator = torch.Generator().manual_seed(1)
    before, after = (
        torch.rand(2, 3, 9, 8, generator=generator, dtype=torch.float64) for _ in range(2)
    )
    reading = Resampling(pose, (9, 8), "bilinear", before, "repeat")
    expected = torch.zeros(2, dtype=torch.float64)
    moved = reading(before)
    for i in range(9):
        for j in range(8):
            if math.hypot(i - 4, j - 3.5) <= 4 * min(1, pose.scale):
                expected[0] += (after - moved)[..., i, j].square().sum()
                expected[1] += moved[..., i, j].square().sum()
    found = squares(before, after, pose, "bilinear")
    torch.testing.assert_close(found["error"], expected, rtol=1e-12, atol=0)
    assert list(found) == ["error"]


def test_the_floor_is_the_error_of_a_map_that_is_the_new_one_taken_back():
    generator = torch.Generator().manual_seed(1)
    after = torch.rand(2, 3, 11, 11, generator=generator, dtype=torch.float64)
    for pose in (Pose(25.0, 0.6), Pose(-70.0, 1.4)):
        back = Resampling(Pose(-pose.angle, 1 / pose.scale), (11, 11), "bicubic", after, "repeat")
        floor = squares(after, after, pose, "bicubic", floor=True)["floor"]
        expected = squares(back(after), after, pose, "bicubic")["error"]
        torch.testing.assert_close(floor, expected, rtol=1e-12, atol=0)
        assert floor[0] > 0


def test_vectors_are_compared_as_they_are():
    before, after = torch.tensor([[3.0, 4.0]]), torch.tensor([[3.0, 1.0]])
    found = squares(before, after, Pose(30.0), "bicubic", floor=True)
    assert found["error"].tolist() == [9, 25]
    assert found["floor"].tolist() == [0, 25]


def test_a_silent_part_has_no_error_and_says_so():
    networks = Networks({1: Silent()}, CPU, part_names=("stage",))
    rows = evaluate(networks, images(), Params(angles=[10], scales=[1]))
    assert [(row["part"], row["n"]) for row in rows if row["metric"] == "error"] == [
        ("stage", 0),
        ("logits", 5),
    ]
    assert all(math.isnan(row["value"]) == (row["n"] == 0) for row in rows)


def test_untrained_is_the_error_of_the_same_network_as_its_training_began():
    def initial(seed):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())

    trained = {seed: initial(seed + 10) for seed in (4, 5)}
    networks = Networks(trained, CPU, part_names=("0",), initial=initial)
    params = Params(angles=[20], scales=[1.2])
    rows = evaluate(networks, images(), params)
    plain = Networks({seed: initial(seed) for seed in (4, 5)}, CPU, part_names=("0",))
    expected = evaluate(plain, images(), params)

    def values(rows, metric):
        return {(r["seed"], r["part"]): r["value"] for r in rows if r["metric"] == metric}

    assert values(rows, "untrained") == values(expected, "error")
    assert values(rows, "untrained") != values(rows, "error")
    assert values(expected, "untrained") == {}, "it is not known how they began"


def test_the_first_so_many_images_are_shown():
    data = toy_images(ToyDataParams(), "test")
    network = nn.Sequential(nn.Conv2d(1, 2, 3))
    rows = evaluate(Networks({1: network}, CPU), data, Params(angles=[5], scales=[1], images=7))
    assert rows == evaluate(Networks({1: network}, CPU), data[:7], Params(angles=[5], scales=[1]))
    assert {row["n"] for row in rows} == {7}
