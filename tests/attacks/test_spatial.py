import itertools
import math
import sys

import pytest
import torch
from attacked_networks import RandomDefence, Small, own_labels, some_images
from hypothesis import given
from hypothesis import strategies as st

from isotrope.attacks import spatial
from isotrope.attacks.losses import margin
from isotrope.attacks.spatial import posed
from isotrope.evaluation._turning import Pose, Resampling


def in_pose(images, angle, scale, x, y):
    row = torch.tensor([[angle, math.log(scale), x, y]], dtype=images.dtype)
    return posed(images, row.expand(len(images), -1))


@given(
    size=st.sampled_from([(8, 8), (7, 10), (11, 6)]),
    angle=st.floats(-180, 180),
    scale=st.floats(1, 2),
    x=st.floats(-3, 3),
    y=st.floats(-3, 3),
)
def test_a_pose_is_that_of_the_sweeps(size, angle, scale, x, y):
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1)).double()
    table = Resampling(Pose(angle, scale, x, y), size, "bilinear", images)
    torch.testing.assert_close(
        in_pose(images, angle, scale, x, y), table(images), rtol=0, atol=1e-9
    )


def test_quarter_turns_and_whole_shifts_move_pixels():
    images = some_images(2, dtype=torch.float64)
    torch.testing.assert_close(
        in_pose(images, 90, 1, 0, 0), images.rot90(1, dims=(-2, -1)), rtol=0, atol=1e-12
    )
    moved = in_pose(images, 0, 1, 2, -1)
    torch.testing.assert_close(moved[..., :-1, 2:], images[..., 1:, :-2], rtol=0, atol=1e-12)
    assert moved[..., :2].abs().max() == 0


def test_a_grid_finds_the_worst_of_all_poses():
    network, images = Small().double(), some_images(6, dtype=torch.float64)
    labels = own_labels(network, images)
    angles, scales, shifts = [-20.0, 0.0, 20.0], [0.8, 1.25], [-1.0, 0.0]
    found, poses = spatial(network, images, labels, angles=angles, scales=scales, shifts=shifts)
    every = list(itertools.product(angles, scales, shifts, shifts))
    margins = torch.stack(
        [margin(network(in_pose(images, *pose)).detach(), labels) for pose in every]
    )
    assert found.trace.shape == (24, 6)
    assert torch.equal(found.fooled, (margins > 0).any(dim=0))
    for image, pose in enumerate(poses.tolist()):
        assert pose == pytest.approx(every[margins[:, image].argmax()])
        shown = in_pose(images[image : image + 1], *pose)
        torch.testing.assert_close(found.images[image], shown[0], rtol=0, atol=1e-9)
    assert found.forwards == 24 * 6
    assert found.distortion.isnan().all()


def worst(network, images, labels, **settings):
    found, poses = spatial(network, images, labels, **settings)
    return margin(network(found.images).detach(), labels), poses


RANGES = {"angles": (-40.0, 40.0), "scales": (0.7, 1.4), "shifts": (-2.0, 2.0)}


def test_random_search_stays_in_the_ranges_and_more_of_it_is_worse():
    network, images = Small().double(), some_images(10, dtype=torch.float64)
    labels = own_labels(network, images)
    few, _ = worst(network, images, labels, **RANGES, search="random", samples=5)
    many, poses = worst(network, images, labels, **RANGES, search="random", samples=50)
    assert (many >= few).all()
    assert (many > few).any()
    least = torch.tensor([-40, 0.7, -2, -2]).double()
    most = torch.tensor([40, 1.4, 2, 2]).double()
    assert (poses >= least - 1e-9).all()
    assert (poses <= most + 1e-9).all()
    assert len(poses[:, 0].unique()) > 3


@pytest.mark.parametrize("search", ["grid", "random"])
def test_a_refinement_looks_closer_and_closer(search, monkeypatch):
    shown = []

    def noted(images, poses):
        shown.append(poses)
        return posed(images, poses)

    monkeypatch.setattr(sys.modules[spatial.__module__], "posed", noted)
    images = some_images(200, dtype=torch.float64)
    settings = {"angles": [-40.0, 0.0, 40.0], "search": search, "samples": 3, "refine": 5}
    labels = torch.zeros(200, dtype=torch.int64)
    spatial(lambda some: some.flatten(1)[:, :2] * 0, images, labels, **settings)
    middle = shown[0][:, 0]  # no pose is worse than the first
    reached = [float((poses[:, 0] - middle).abs().max()) / 80 for poses in shown[3:8]]
    assert 0.2 < reached[0] <= 0.25
    assert reached == sorted(reached, reverse=True)
    assert 0.008 < reached[-1] <= 0.01


@pytest.mark.parametrize("search", ["grid", "random"])
def test_a_refinement_makes_poses_worse_inside_the_ranges(search):
    network, images = Small().double(), some_images(10, dtype=torch.float64)
    labels = own_labels(network, images)
    settings = {**RANGES, "search": search, "samples": 16}
    coarse, _ = worst(network, images, labels, **settings)
    fine, poses = worst(network, images, labels, **settings, refine=40)
    assert (fine >= coarse - 1e-12).all()
    assert (fine > coarse).double().mean() > 0.5
    assert (poses[:, 0].abs() <= 40 + 1e-9).all()


@pytest.mark.parametrize("random", [False, True])
@pytest.mark.parametrize("stop_early", [False, True])
def test_an_image_is_attacked_alike_in_any_batch(random, stop_early):
    network = Small().double()
    images = some_images(6, dtype=torch.float64)
    labels = own_labels(network, images)
    if random:
        network = RandomDefence(network, (1, 8, 8), 0.1)
    settings = {**RANGES, "search": "random", "samples": 6, "refine": 4, "stop_early": stop_early}
    whole, poses = spatial(network, images, labels, **settings, numbers=range(10, 16))
    part, its = spatial(network, images[[5, 2]], labels[[5, 2]], **settings, numbers=[15, 12])
    torch.testing.assert_close(its, poses[[5, 2]], rtol=0, atol=1e-9)
    torch.testing.assert_close(part.images, whole.images[[5, 2]], rtol=0, atol=1e-9)
    assert torch.equal(part.trace, whole.trace[:, [5, 2]])


def test_wrong_settings_are_refused():
    for settings, message in (
        ({"search": "all"}, "search must be grid or random, got 'all'"),
        ({"scales": (0.0,)}, "a scale above 0"),
        ({"angles": ()}, "need an angle"),
        ({"refine": -1}, "refine must be at least 0, got -1"),
    ):
        with pytest.raises(ValueError, match=message):
            spatial(Small(), some_images(2), torch.tensor([0, 1]), **settings)
