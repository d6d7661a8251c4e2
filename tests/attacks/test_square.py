import pytest
import torch
from attacked_networks import RandomDefence, Small, between_two, own_labels, some_images

from isotrope.attacks import square
from isotrope.attacks.balls import Ball, length
from isotrope.attacks.losses import margin
from isotrope.attacks.square import _moved_mass, _square, _stripes, _tiles, bump, share_at
from isotrope.attacks.streams import Streams

CPU = torch.device("cpu")


def middle(count, channels=3, side=12):
    return torch.full((count, channels, side, side), 0.5, dtype=torch.float64)


def streams(count):
    return Streams(1, range(count), CPU, torch.float64)


def test_squares_become_smaller_as_published():
    steps = (0, 11, 51, 201, 501, 1001, 2001, 4001, 6001, 8001)
    assert [share_at(step, 10_000, 0.8) for step in steps] == [0.8 / 2**n for n in range(10)]
    assert share_at(100, 1000, 0.8) == share_at(1000, 10_000, 0.8)


def test_the_first_perturbation_in_linf_is_stripes():
    away = _stripes(Ball(middle(50), 0.1, "linf"), streams(50), 0) - 0.5
    assert away.abs().min() == pytest.approx(0.1)
    assert (away == away[:, :, :1]).all()
    assert abs(away.sign().mean()) < 5 / (50 * 36) ** 0.5


def test_a_step_in_linf_changes_one_square_of_each_channel():
    ball = Ball(middle(200), 0.1, "linf")
    changed = _square(ball, ball.images, 4.2, streams(200), 0, 1) - 0.5
    there = changed != 0
    assert there.sum(dim=(2, 3)).unique().tolist() == [16]
    rows, columns = there.any(dim=3), there.any(dim=2)
    assert rows.sum(dim=2).unique().tolist() == columns.sum(dim=2).unique().tolist() == [4]
    assert changed.flatten(2).abs().amax(dim=2).unique().tolist() == pytest.approx([0.1])
    inside = changed.flatten(2)[there.flatten(2)].view(200, 3, 16)
    assert (inside == inside[:, :, :1]).all()  # of one sign in each channel
    assert len({tuple(one.flatten().tolist()) for one in there[:, 0]}) > 60  # of 81 places
    assert there[:, :, 0].any()
    assert there[:, :, -1].any()


def test_a_bump_is_a_hill_beside_a_valley():
    found = bump(7)
    assert torch.linalg.vector_norm(found) == pytest.approx(1)
    assert (found[:, :3] > 0).all()
    assert (found[:, 3:] < 0).all()
    # by hand: one over 4**2, 3**2, 2**2 and 1 are added up towards the middle
    sums = [1 / 16, 1 / 16 + 1 / 9, 1 / 16 + 1 / 9 + 1 / 4, 1 / 16 + 1 / 9 + 1 / 4 + 1]
    column = found[:, 1] / found[0, 1] * sums[0]
    assert column.tolist() == pytest.approx([*sums, *sums[2::-1]])


@pytest.mark.parametrize("side", [3, 8, 12, 31])
def test_the_first_perturbation_in_l2_uses_all_that_is_allowed(side):
    ball = Ball(middle(20, side=side), 0.3, "l2")
    away = _tiles(ball, streams(20), 0) - 0.5
    assert length(away, "l2").tolist() == pytest.approx([0.3] * 20, rel=1e-6)
    assert len({tuple(one.flatten().tolist()) for one in away.sign()}) == 20


def test_a_step_in_l2_moves_mass_from_one_window_to_another():
    ball = Ball(middle(100), 0.3, "l2")
    points = _tiles(ball, streams(100), 0)
    moved = _moved_mass(ball, points, 3.0, streams(100), 0, 1)
    before, after = points - 0.5, moved - 0.5
    assert length(after, "l2").tolist() == pytest.approx([0.3] * 100, rel=1e-6)
    for channel in range(3):  # the mass of each channel stays: none was unused
        its = [length(one[:, channel : channel + 1], "l2") for one in (before, after)]
        torch.testing.assert_close(its[0], its[1], rtol=1e-5, atol=0)
    changed = ((after - before).abs() > 1e-9).any(dim=1).sum(dim=(1, 2))
    assert changed.max() <= 18
    assert changed.min() >= 9


@pytest.mark.parametrize("seed", range(2))
def test_the_best_attack_on_a_linear_network_is_reached_in_linf(seed):
    network, slope = between_two(seed)
    images = some_images(4, seed, side=4, dtype=torch.float64) * 0.2 + 0.4
    labels = torch.tensor([0, 1, 0, 1])
    found = square(network, images, labels, eps=0.05, queries=500, stop_early=False)
    gain = margin(network(found.images).detach(), labels) - margin(network(images).detach(), labels)
    assert gain.tolist() == pytest.approx([0.05 * slope.abs().sum().item()] * 4, rel=0.02)


def test_what_is_kept_never_lowers_the_loss():
    network, images = Small(), some_images(10)
    labels = own_labels(network, images)
    found = [
        square(network, images, labels, eps=0.05, queries=queries, stop_early=False)
        for queries in (1, 5, 25)
    ]
    margins = torch.stack([margin(network(one.images).detach(), labels) for one in found])
    assert (margins[1:] >= margins[:-1]).any()
    assert margins[2].mean() > margins[0].mean()


def test_candidates_of_a_stochastic_network_meet_the_draws_of_what_they_replace():
    network = RandomDefence(Small(), (1, 8, 8), 0.2)
    images, labels = some_images(5), torch.arange(5)
    found = square(network, images, labels, eps=0.05, queries=10, draws=3)
    # each step but the first asks about two images; 20 draws judge at last
    assert found.forwards == 5 * (3 * (1 + 2 * 9) + 20)
