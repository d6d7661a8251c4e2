"""What is drawn stays what it was: else published rows would no longer be those of their code.

A change here changes results; it takes a higher ``REVISION`` of what draws the numbers.
"""

import numpy as np
import pytest
import torch

from isotrope.attacks import streams, victim
from isotrope.data._warp import pose_numbers
from isotrope.datasets import draws, stream
from isotrope.evaluation import _chosen, _deforming, _looking, _shifting, segmentation
from isotrope.evaluation._intervals import bootstrap, middle
from isotrope.evaluation._mask_scores import mean_iou_interval
from isotrope.training import seeding

CPU = torch.device("cpu")
SHIFTS = segmentation.Params(shifts=2, max_shift=9, shift_seed=3)


def shifts(protocol):
    return segmentation._shifts(protocol, 2, SHIFTS, 1)[1].tolist()


def noise():
    """Two draws of an attack, in the second block of which another begins."""

    class Network:
        def draw(self, generator, count):
            return torch.tensor([generator.initial_seed() % 1000] * count)

    taken = victim.Noise(Network(), 3, [2], CPU, 1)
    taken.take(victim._BLOCK)
    return taken.take(1).tolist()


def words():
    return streams.Streams(3, [2], CPU, torch.float64).words(2, 1, 4).tolist()


DRAWN = {
    "order": (lambda: seeding.epoch_order(3, 2, 6).tolist(), [4, 1, 5, 2, 3, 0]),
    "inside": (lambda: seeding.epoch_generator(3, 2, seeding.INSIDE, 1), 7446451492045277635),
    "altering": (lambda: seeding.epoch_generator(3, 2, seeding.ALTERING), 12775257992714556346),
    "step": (lambda: seeding.step_generator(3, 2, 1), 13472224621169037397),
    "second": (lambda: seeding.step_generator(3, 2, 1, seeding.altering(1)), 7473475921511825025),
    "dropout": (lambda: seeding.dropout_key(3, 2, 1), 1270288719),
    "test": (lambda: draws.image_generator(3, 2, 1), 12222350510709177751),
    "reading": (lambda: stream.image_generator(stream.Shuffle(3, 2), 1), 7154812264996611890),
    "attack": (words, [[3187496327502736869, 3062937850723784582]]),
    "noise": (noise, [[121]]),
    "chosen": (lambda: _chosen.chosen_numbers(20, 4, 3), [3, 6, 7, 12]),
    "each": (lambda: shifts("each"), [[-1, 2], [2, 7]]),
    "published": (lambda: shifts("published"), [[-9, 7], [-9, 3]]),
    "poses": (
        lambda: pose_numbers(3, 1, 3, 2)[2].tolist(),
        [0.134733123002995, 0.02854340948594758],
    ),
    "shifting": (
        lambda: _shifting.uniform(3, "word", 1, 2)[0].tolist(),
        [0.051283460762634236, 0.6697745929513474],
    ),
    "deforming": (
        lambda: _deforming.drawn(3, [2])[0, :2].tolist(),
        [0.485376686001864, 0.020634142115016463],
    ),
    "fixations": (
        lambda: _looking.random_fixations(3, [2], torch.zeros(1, 2, 2))[0, 1].tolist(),
        [0.906731128692627, -0.987160325050354],
    ),
}


@pytest.mark.parametrize("what", DRAWN)
def test_each_stream_of_random_numbers_is_what_it_was(what):
    draw, expected = DRAWN[what]
    found = draw()
    if isinstance(found, torch.Generator):
        found = found.initial_seed()
    assert found == expected


def test_intervals_of_the_same_images_are_what_they_were():
    found = bootstrap(torch.arange(40).double().sqrt())
    assert found == pytest.approx((3.6198943548595746, 4.624038668005858), abs=1e-12)
    of_masks = mean_iou_interval(torch.arange(12 * 9).reshape(12, 3, 3) % 7)
    assert of_masks == pytest.approx((0.17437744306141503, 0.2247825085953847), abs=1e-12)


def test_choices_of_images_without_a_number_count_for_nothing():
    assert middle(np.array([np.nan, 1.0, 2.0, np.nan])) == pytest.approx((1.025, 1.975))
    assert np.isnan(middle(np.array([np.nan]))).all()
