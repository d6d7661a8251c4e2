import pytest
import torch
from attacked_networks import some_images
from hypothesis import given
from hypothesis import strategies as st

from isotrope.attacks.balls import Ball, length, unit
from isotrope.attacks.streams import Streams

CPU = torch.device("cpu")


@given(
    seed=st.integers(0, 2**31),
    eps=st.sampled_from([0.0, 1e-9, 2 / 255, 8 / 255, 0.3, 1.0, 5.0]),
    norm=st.sampled_from(["linf", "l2"]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_no_point_leaves_the_ball_or_0_to_1_to_the_last_bit(seed, eps, norm, dtype):
    images = some_images(5, seed, 3, dtype=dtype)
    eps = min(eps, 1.0) if norm == "linf" else eps
    ball = Ball(images, eps, norm)
    wild = images + torch.randn(images.shape, generator=torch.Generator().manual_seed(seed))
    random = ball.random(Streams(seed, range(5), CPU, dtype), 0)
    for point in (ball.inside(wild), random, ball.inside(random)):
        assert point.dtype == dtype
        assert point.min() >= 0
        assert point.max() <= 1
        assert length(point.double() - images.double(), norm).max() <= eps


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_points_inside_stay_where_they_are(norm):
    images = some_images(5) * 0.5 + 0.25
    near = images + 0.001
    assert (Ball(images, 0.2, norm).inside(near) - near).abs().max() <= 2e-7


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_points_outside_come_to_the_border(norm):
    images = some_images(5) * 0.2 + 0.4
    found = Ball(images, 0.1, norm).inside(images + 0.5)
    assert length(found - images, norm).tolist() == pytest.approx([0.1] * 5, rel=1e-4)


def test_random_points_fill_the_ball():
    images = torch.full((2000, 1, 2, 1), 0.5, dtype=torch.float64)
    streams = Streams(1, range(2000), CPU, torch.float64)
    for norm, share in (("linf", 0.25), ("l2", 0.25)):  # of the volume at half the radius, in 2-d
        drawn = Ball(images, 0.4, norm).random(streams, 0) - images
        inner = (length(drawn, norm) < 0.2).double().mean()
        assert abs(inner - share) < 5 * (share * (1 - share) / 2000) ** 0.5
        assert drawn.mean(dim=0).abs().max() < 5 * 0.25 / 2000**0.5


def test_the_steepest_direction_has_length_1_and_zeros_stay():
    slopes = torch.tensor([[3.0, -4.0, 0.0], [0.0, 0.0, 0.0]])[:, None, None]
    assert unit(slopes, "linf").flatten().tolist() == [1, -1, 0, 0, 0, 0]
    assert unit(slopes, "l2").flatten().tolist() == pytest.approx([0.6, -0.8, 0, 0, 0, 0])


def test_what_is_out_of_range_is_refused():
    images = some_images(2)
    with pytest.raises(ValueError, match="eps must be at least 0 and finite, got -1"):
        Ball(images, -1, "linf")
    with pytest.raises(ValueError, match=r"at most 1 in linf, got 8; .* of 255 are 0\.03137"):
        Ball(images, 8, "linf")
    with pytest.raises(ValueError, match=r"images in 0\.\.1"):
        Ball(images * 255, 0.1, "linf")
    with pytest.raises(ValueError, match=r"floating numbers, got torch.uint8"):
        Ball((images * 255).byte(), 0.1, "linf")
    with pytest.raises(ValueError, match="unknown norm 'l1'; choose from linf, l2"):
        Ball(images, 0.1, "l1")
