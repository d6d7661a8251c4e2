"""APGD against the algorithm in plain words, image by image."""

import pytest
import torch
from attacked_networks import Small, own_labels, some_images

from isotrope.attacks.apgd import _climb, checkpoints
from isotrope.attacks.attacked import Questions
from isotrope.attacks.balls import Ball, unit

EPS = 0.05


def plain(network, image, label, start, ball, steps):
    """The best point of one restart."""

    def asked(point):
        point = point.detach().requires_grad_()
        value = torch.nn.functional.cross_entropy(network(point), label)
        (slope,) = torch.autograd.grad(value, point)
        return value.item(), slope

    value, slope = asked(start)
    point = before = best = start
    best_value, best_slope, size = value, slope, 2 * EPS
    rises, last, best_then, halved = 0, 0, value, False
    for step in range(1, steps + 1):
        ahead = ball.inside(point + size * unit(slope, ball.norm))
        if step > 1:
            ahead = ball.inside(point + 0.75 * (ahead - point) + 0.25 * (point - before))
        before, point = point, ahead
        now, slope = asked(point)
        rises, value = rises + (now > value), now
        if value > best_value:
            best, best_value, best_slope = point, value, slope
        if step in checkpoints(steps):
            halved = rises < 0.75 * (step - last) or (not halved and best_value <= best_then)
            if halved:
                size, point, slope, value = size / 2, best, best_slope, best_value
            rises, last, best_then = 0, step, best_value
    return best


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("steps", [1, 7, 30])
def test_each_image_climbs_as_the_paper_says(norm, steps):
    network, images = Small().double(), some_images(8, dtype=torch.float64)
    labels = own_labels(network, images)
    settings = {"loss": "cross_entropy", "draws": 1, "seed": 0, "numbers": None}
    questions = Questions(network, images, labels, **settings, stop_early=False)
    ball = Ball(images, EPS, norm)
    found = _climb(questions, ball, 0, steps)
    starts = ball.random(questions.streams, 0)
    for i in range(8):
        own = ball.only(torch.tensor([i]))
        expected = plain(network, images[[i]], labels[[i]], starts[[i]], own, steps)
        torch.testing.assert_close(found[[i]], expected, rtol=0, atol=1e-9)


def test_an_attack_whose_images_have_all_left_ends():
    network, images = Small(), some_images(3)
    labels = (own_labels(network, images) + 1) % 3
    settings = {"loss": "cross_entropy", "draws": 1, "seed": 0, "numbers": None}
    questions = Questions(network, images, labels, **settings, stop_early=True)
    assert len(_climb(questions, Ball(images, 0.01, "linf"), 0, 5)) == 0
    assert questions.victim.forwards == 3
