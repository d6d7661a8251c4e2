"""Deformed images, and how far networks move with them, against closed forms and plain loops."""

import math
from typing import get_args

import numpy as np
import pytest
import torch
from torch import nn

from isotrope.datasets.images import Images, to_unit
from isotrope.errors import UserError
from isotrope.evaluation import _deforming, deformation
from isotrope.evaluation._deforming import LARGEST, TAUS, Level, deformed, drawn, levels, size_of
from isotrope.evaluation._turning import Pose, Resampling
from isotrope.measuring.networks import Networks

CPU = torch.device("cpu")
NAMES = get_args(_deforming.Name)


def pictures(count=6, channels=2, height=9, width=12, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (count, channels, height, width)
    images = torch.randint(1, 256, shape, dtype=torch.uint8, generator=generator)
    return Images(images, torch.zeros(count, dtype=torch.int64))


class Seeing(nn.Module):
    """A network with named parts; ``features`` are the pixels, ``scattering`` their squares."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = parts
        for part in parts:
            self.add_module(part, nn.Identity())

    def forward(self, images):
        for power, part in enumerate(self.parts, 1):
            self.get_submodule(part)(images**power)
        return images.mean(dim=(-2, -1))


def networks(*parts, seeds=(1,)):
    return Networks({seed: Seeing(*parts) for seed in seeds}, CPU, alike=True, part_names=parts)


@pytest.mark.parametrize(
    ("name", "norm"),
    [
        ("mallat", lambda eps: eps * np.linalg.norm([[0.5, 0.6], [0.0, 0.3]], 2)),
        ("isotropic", lambda eps: eps),
        ("swap", lambda eps: eps),
        ("diagonal", lambda eps: 2 * eps),
        ("saddle", lambda eps: math.sqrt(2) * eps),
        ("quadratic_plus", lambda eps: 4 * eps),
        ("quadratic_minus", lambda eps: 4 * eps),
        ("exponential", lambda eps: eps * math.exp(eps)),
    ],
)
def test_sizes_of_diffeomorphisms_are_the_suprema_of_their_jacobians(name, norm):
    for eps in (0.0, 0.1, 0.37, 1.0):
        assert size_of(name, eps) == pytest.approx(norm(eps), abs=1e-12)
    assert size_of(name, LARGEST[name]) < 1, "it does not fold"


def test_the_size_of_the_published_diffeomorphism():
    assert size_of("mallat", 1.0) == pytest.approx(0.8162, abs=5e-5)
    assert set(TAUS) | {"rotation", "perspective", "shear", "sharpness", "translation"} == set(
        NAMES
    )


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("name", NAMES)
def test_the_first_level_is_the_image_itself(name, interpolation):
    images = to_unit(pictures().images)
    first = levels(name, 3, LARGEST[name], 9)[0]
    found = deformed(images, first, drawn(3, range(6)), interpolation)
    assert torch.equal(found, images)
    assert found.stride() == images.stride()


def test_levels_go_from_nothing_to_the_largest():
    assert [one.amount for one in levels("rotation", 4, 10.0, 32)] == [0, 2.5, 5, 7.5, 10]
    assert [one.amount for one in levels("sharpness", 2, 50.0, 32)] == [1, 25, 50]
    assert [one.amount for one in levels("translation", 3, 0.1, 32)] == [0, 1, 2, 3]


@pytest.mark.parametrize("angle", [7.0, 33.0, 90.0])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_images_turn_to_the_side_that_is_drawn(angle, interpolation):
    images = pictures(height=11, width=11)
    draws = drawn(0, range(6))
    found = deformed(to_unit(images.images), Level("rotation", angle, angle), draws, interpolation)
    sides = draws[:, 0] < 0.5
    assert 0 < int(sides.sum()) < 6
    for image, side, turned in zip(images.images, sides, found, strict=True):
        pose = Pose(-angle if side else angle)
        expected = Resampling(pose, (11, 11), interpolation, torch.empty(0)).images(image[None])
        torch.testing.assert_close(turned, expected[0], rtol=0, atol=2e-5)


def test_a_shift_by_whole_pixels_moves_pixels():
    images = to_unit(pictures().images)
    draws = drawn(0, range(6))
    found = deformed(images, Level("translation", 2.0, 2.0), draws, "bilinear")
    for image, draw, moved in zip(images, draws, found, strict=True):
        step = -2 if draw[0] < 0.5 else 2
        expected = torch.zeros_like(image)
        if step > 0:
            expected[..., step:] = image[..., :-step]
        else:
            expected[..., :step] = image[..., -step:]
        assert torch.equal(moved, expected)


def test_a_shear_moves_rows_by_the_tangent_of_its_angle():
    draws = drawn(0, range(4))
    angle = math.degrees(math.atan(0.5))
    rows, columns = _deforming.places(Level("shear", angle, angle), (5, 7), draws)
    for row, column, draw in zip(rows, columns, draws, strict=True):
        sign = -1 if draw[0] < 0.5 else 1
        down, right = np.mgrid[:5, :7]
        np.testing.assert_allclose(row.reshape(5, 7), down, atol=1e-6)
        np.testing.assert_allclose(column.reshape(5, 7), right + sign * 0.5 * (down - 2), atol=1e-6)


def test_a_perspective_shows_the_corners_where_they_were_drawn():
    size, draws = (9, 12), drawn(5, range(4))
    matrices = _deforming.homographies(Level("perspective", 0.6, 0.6), size, draws)
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    corners = signs * np.array([5.5, 4.0])
    for matrix, draw in zip(matrices.numpy(), draws.numpy(), strict=True):
        moved = corners - signs * np.array([6.0, 4.5]) * 0.6 * draw[1:].reshape(4, 2)
        read = np.c_[moved, np.ones(4)] @ matrix.T
        np.testing.assert_allclose(read[:, :2] / read[:, 2:], corners, atol=1e-9)


@pytest.mark.parametrize("name", sorted(TAUS))
def test_a_diffeomorphism_reads_at_u_minus_tau_and_nothing_beyond_the_edge(name):
    image = to_unit(pictures(count=1, channels=1).images)
    eps = LARGEST[name]
    found = deformed(image, Level(name, eps, eps), drawn(0, [0]), "bilinear")[0, 0].numpy()
    pixels = np.pad(image[0, 0].numpy(), 2)
    for i, j in np.ndindex(9, 12):
        u = torch.tensor([[j / 11 * 2 - 1, i / 8 * 2 - 1]], dtype=torch.float64)
        x, y = (u - TAUS[name](u, eps))[0].tolist()
        column, row = (x + 1) / 2 * 11, (y + 1) / 2 * 8
        expected = 0.0
        for r in (math.floor(row), math.floor(row) + 1):
            for c in (math.floor(column), math.floor(column) + 1):
                if -2 <= r < 11 and -2 <= c < 14:
                    weight = (1 - abs(row - r)) * (1 - abs(column - c))
                    expected += weight * pixels[r + 2, c + 2]
        assert found[i, j] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("factor", [0.0, 1.0, 2.0, 48.0])
def test_images_are_sharpened_as_torchvision_does(factor):
    functional = pytest.importorskip("torchvision.transforms.functional")
    images = to_unit(pictures(channels=3).images)
    expected = functional.adjust_sharpness(images, factor)
    atol = 1e-6 * max(1.0, factor)
    torch.testing.assert_close(_deforming.sharpened(images, factor), expected, rtol=0, atol=atol)


def test_what_is_drawn_depends_on_seed_and_number_alone():
    assert torch.equal(drawn(1, [4, 9])[1], drawn(1, [9])[0])
    assert not torch.equal(drawn(1, [9]), drawn(2, [9]))


def naive_distance(after, before):
    difference = np.linalg.norm((after - before).ravel().astype(float))
    return difference / np.linalg.norm(before.ravel().astype(float))


def test_distances_and_baseline_are_those_of_plain_loops():
    data, params = (
        pictures(),
        deformation.Params(
            deformations=["shear", "mallat", "sharpness"], steps=2, images=6, deformation_seed=4
        ),
    )
    rows, _ = deformation.evaluate(networks("features"), data, params)
    images = to_unit(data.images)
    draws = drawn(4, range(6))
    for row in (row for row in rows if row["metric"] == "distance"):
        level = Level(row["deformation"], row["level"], row["size"])
        new = deformed(images, level, draws, "bilinear").numpy()
        expected = np.mean([naive_distance(a, b) for a, b in zip(new, images.numpy(), strict=True)])
        assert row["value"] == pytest.approx(expected, rel=1e-6)
        assert (row["value"] == 0) == (level.amount == (level.name == "sharpness"))
    pairs = [
        naive_distance(images[k].numpy(), images[i].numpy()) for i in range(6) for k in range(6)
    ]
    (baseline,) = [row for row in rows if row["metric"] == "baseline"]
    assert baseline["value"] == pytest.approx(sum(pairs) / 30, rel=1e-6)
    assert "deformation" not in baseline


def test_intervals_hold_the_means_and_narrow_with_more_images():
    params = deformation.Params(deformations=["isotropic"], steps=1, images=40)
    widths = []
    for count in (5, 40):
        rows, _ = deformation.evaluate(networks("features"), pictures(count, seed=1), params)
        of = {row["metric"]: row["value"] for row in rows if row.get("level") != 0}
        assert of["distance_low"] < of["distance"] < of["distance_high"]
        assert of["baseline_low"] < of["baseline"] < of["baseline_high"]
        widths.append(of["distance_high"] - of["distance_low"])
    assert widths[1] < widths[0]


@pytest.mark.parametrize(
    ("parts", "wanted", "expected"),
    [
        (("features", "scattering"), None, "scattering"),
        (("features", "stage1"), None, "features"),
        (("stage1",), None, "logits"),
        (("features", "stage1"), "stage1", "stage1"),
        (("features",), "logits", "logits"),
    ],
)
def test_the_part_that_is_compared(parts, wanted, expected):
    params = deformation.Params(deformations=["swap"], steps=1, images=3, part=wanted)
    rows, _ = deformation.evaluate(networks(*parts), pictures(), params)
    assert {row["part"] for row in rows} == {expected}


def test_an_unknown_part_is_refused_with_those_that_there_are():
    params = deformation.Params(part="stage7")
    with pytest.raises(UserError, match=r"no part 'stage7'; it has features, logits"):
        deformation.evaluate(networks("features"), pictures(), params)


def test_images_are_taken_from_all_over_the_split():
    assert deformation.spread(100, 4) == [0, 25, 50, 75]
    assert deformation.spread(10, 4) == [0, 2, 5, 7]
    assert deformation.spread(99, 50)[-1] == 97
    assert deformation.spread(3, 50) == [0, 1, 2]
    data = pictures(count=8)
    params = deformation.Params(deformations=["swap"], steps=1, images=2)
    _, arrays = deformation.evaluate(networks("features"), data, params)
    assert (arrays[1]["original"] == data.images[0].numpy()).all()
    assert arrays[1]["deformed"].shape == (1, 2, 9, 12)


def test_black_images_do_not_count():
    data = pictures()
    data.images[1] = 0
    params = deformation.Params(deformations=["swap"], steps=1, images=6)
    rows, _ = deformation.evaluate(networks("features"), data, params)
    assert {row["n"] for row in rows} == {5}
    assert all(math.isfinite(row["value"]) for row in rows)


def test_published_interpolation_reads_the_nearest_pixel_where_images_turn():
    params = deformation.Params(interpolation="published")
    kinds = {name: deformation._reading(params, name) for name in NAMES}
    assert {name for name, kind in kinds.items() if kind == "nearest"} == {
        *("rotation", "shear", "translation")
    }
    assert set(kinds.values()) == {"nearest", "bilinear"}


def test_one_image_is_shown_at_the_largest_level_of_each_deformation():
    data = pictures()
    params = deformation.Params(deformations=["translation", "rotation"], steps=3, images=4)
    _, arrays = deformation.evaluate(networks(), data, params)
    found = arrays[1]
    assert found["deformations"].tolist() == ["translation", "rotation"]
    for name, shown in zip(found["deformations"].tolist(), found["deformed"], strict=True):
        its = levels(name, 3, LARGEST[name], 9)
        pictures_at = deformed(to_unit(data.images[:1]), its[-1], drawn(0, [0]), "bilinear")
        assert torch.equal(torch.from_numpy(shown), (255 * pictures_at[0]).round().to(torch.uint8))
        assert not torch.equal(torch.from_numpy(shown), data.images[0])


class Noisy(nn.Module):
    """It adds what it draws for an image to its mean."""

    def draw(self, generator, count):
        return torch.rand(count, 1, generator=generator)

    def forward(self, images, noise):
        return images.mean(dim=(-2, -1)) + noise


def test_what_a_network_draws_for_an_image_is_the_same_at_every_level_and_in_any_batch(monkeypatch):
    params = deformation.Params(deformations=["translation"], steps=2, images=6)
    found = []
    for size in (4, 6):
        monkeypatch.setattr(deformation.devices, "evaluation_batch", lambda _, size=size: size)
        rows, _ = deformation.evaluate(Networks({1: Noisy()}, CPU), pictures(), params)
        found.append({(r.get("level"), r["metric"]): r["value"] for r in rows})
    assert found[0] == pytest.approx(found[1])
    assert found[0][0.0, "distance"] == 0
