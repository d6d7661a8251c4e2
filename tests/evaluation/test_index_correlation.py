"""Which kernel sizes the pools choose, on networks whose choices are known."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import linregress
from torch import nn

from isotrope.datasets.images import Images
from isotrope.errors import UserError
from isotrope.evaluation.index_correlation import Params, correlation, evaluate, kernel_sizes
from isotrope.layers.scale_pool import ScalePool
from isotrope.layers.scaled_convolution import SiConv2d
from isotrope.measuring.networks import Networks

CPU = torch.device("cpu")
SCALES = (17, 25, 33, 48, 64)
SIZES = [5, 6, 9, 17]  # not 7 + 2 i


class Stub(nn.Module):
    """What a pool asks of the layer whose maps it is given."""

    def __init__(self):
        super().__init__()
        self.sizes = SIZES


class Chooses(nn.Module):
    """Its pools choose by the first pixel: channel 0 a larger kernel for a larger one, 1 always the
    first, 2 a smaller kernel for a larger one."""

    def __init__(self, mode):
        super().__init__()
        self.conv1, self.conv2 = Stub(), Stub()
        self.pool1, self.pool2 = ScalePool(mode), ScalePool(mode)

    def forward(self, images):
        known = (images[:, 0, 0, 0] * 255).round().long()
        place = torch.bucketize(known, torch.tensor([20, 30, 40]))
        wanted = torch.stack((place, torch.zeros_like(place), 3 - place), dim=1)
        maps = torch.zeros(len(images), 3, 4, 2, 3)
        maps[..., 0, 0] = 0.1  # elsewhere all are equal and the first is chosen
        at = wanted[:, :, None].expand(-1, -1, 1)
        maps[:, :, :, 1, 2].scatter_(2, at, 1.0)
        return self.pool2(self.pool1(maps)[:, :, None] + maps).amax(dim=(-2, -1))


def objects(classes=3, instances=2, scales=SCALES):
    """Images that hold their scale in the first pixel and nothing else."""
    counts = (len(scales), classes, instances)
    sizes = torch.tensor(scales)[:, None, None].expand(counts).flatten()
    labels = torch.arange(classes)[:, None].expand(counts).flatten()
    images = torch.zeros(len(sizes), 1, 2, 2, dtype=torch.uint8)
    images[:, 0, 0, 0] = sizes
    return Images(images, labels.clone(), {"scale": sizes.clone()})


def measured(mode, data=None, **settings):
    params = Params(**{"map_scales": [17, 64], **settings})
    rows, arrays = evaluate(Networks({4: Chooses(mode)}, CPU), data or objects(), params)
    values = {
        (row["pool"], row["channel"], row["metric"]): (row["value"], row["n"]) for row in rows
    }
    assert len(values) == len(rows)
    return values, arrays[4]


CHOSEN = [5, 6, 9, 17, 17]  # at 17, 25, 33, 48 and 64 pixels
FALLING = [17, 9, 6, 5, 5]


@pytest.mark.parametrize("mode", ["slice", "pixel", "energy"])
def test_r_is_that_of_the_chosen_kernel_sizes_in_pixels(mode):
    values, _ = measured(mode)
    expected = linregress(SCALES, CHOSEN).rvalue
    for which, n in (("", 5), ("_all", 30)):
        r, count = values["pool1", 0, f"pearson_r{which}"]
        assert (r, count) == (pytest.approx(expected, abs=1e-12), n)
        expected_falling = linregress(SCALES, FALLING).rvalue
        r, _ = values["pool1", 2, f"pearson_r{which}"]
        assert r == pytest.approx(expected_falling, abs=1e-12)
        assert r < 0
        mean, count = values["pool1", 0, f"mean_kernel_size{which}"]
        assert (mean, count) == (pytest.approx(np.mean(CHOSEN), abs=1e-12), n)


def test_a_kernel_size_that_never_changes_has_no_r_and_says_so():
    values, _ = measured("slice")
    value, n = values["pool1", 1, "pearson_r"]
    assert (math.isnan(value), n) == (True, 0)
    assert values["pool1", 1, "mean_kernel_size"] == (5.0, 5)
    assert correlation(np.array([17, 18]), np.array([7, 7]))[1] == 0
    assert correlation(np.array([17, 17]), np.array([7, 9]))[1] == 0


def test_a_pool_of_slices_keeps_the_choices_at_all_scales():
    _, arrays = measured("slice")
    assert arrays["scales"].tolist() == list(SCALES)
    for pool in ("pool1", "pool2"):
        assert arrays[f"{pool}_kernel_sizes"].shape == (5, 3)
        assert arrays[f"{pool}_kernel_sizes"].dtype == np.uint8
    assert arrays["pool1_kernel_sizes"][:, 0].tolist() == CHOSEN


def test_a_pool_of_pixels_keeps_its_maps_at_some_scales():
    _, arrays = measured("pixel")
    assert arrays["scales"].tolist() == [17, 64]
    assert arrays["pool2_kernel_sizes"].shape == (2, 3, 2, 3)
    maps = arrays["pool1_kernel_sizes"]
    assert maps[:, 0, 1, 2].tolist() == [5, 17]
    assert maps[:, 2, 1, 2].tolist() == [17, 5]
    assert (np.delete(maps.reshape(2, 3, 6), 5, axis=2) == 5).all()


def test_maps_are_in_the_order_in_which_their_scales_were_asked_for():
    _, arrays = measured("pixel", map_scales=[64, 17])
    assert arrays["scales"].tolist() == [64, 17]
    assert arrays["pool1_kernel_sizes"][:, 0, 1, 2].tolist() == [17, 5]


def test_maps_of_more_scales_than_a_batch_holds_are_all_kept():
    scales = tuple(range(17, 65))
    _, arrays = measured("pixel", objects(1, 1, scales), map_scales=list(scales))
    assert arrays["scales"].tolist() == list(scales)
    assert arrays["pool1_kernel_sizes"].shape == (48, 3, 2, 3)
    assert arrays["pool1_kernel_sizes"][[0, 47], 0, 1, 2].tolist() == [5, 17]


def test_the_smile_is_shown_where_there_is_one_and_any_class_that_is_asked_for():
    def first_pixels_of(classes, **settings):
        data = objects(classes)
        images = data.images.clone()
        images[data.labels == 33] = 17  # the smile alone makes one choice at all scales
        values, _ = measured("slice", Images(images, data.labels, data.latents), **settings)
        return values["pool1", 0, "pearson_r"][1]

    assert first_pixels_of(36) == first_pixels_of(34) == 0
    assert first_pixels_of(36, illustrated_class=32) == 5
    assert first_pixels_of(33) == 5


def test_real_pools_and_convolutions_agree_with_a_plain_search():
    class Small(nn.Module):
        def __init__(self, mode):
            super().__init__()
            self.conv1, self.pool1 = SiConv2d(1, 3, 4, 3), ScalePool(mode)
            self.conv2, self.pool2 = SiConv2d(3, 2, 3, 3), ScalePool(mode)

        def forward(self, images):
            first = self.pool1(self.conv1(images)).relu()
            return self.pool2(self.conv2(first)).amax(dim=(-2, -1))

    torch.manual_seed(0)
    images = torch.randint(0, 256, (40, 1, 14, 14)).to(torch.uint8)  # more than a batch
    for mode in ("slice", "pixel"):
        network = Small(mode).eval()
        found = kernel_sizes(network, images, CPU)
        with torch.no_grad():
            maps = network.conv1(images.float() / 255)
        largest = maps.flatten(3).amax(dim=3).argmax(dim=2)
        assert found["pool1"].tolist() == (3 + 2 * largest).tolist()
        assert found["pool2"].shape == (40, 2)
        assert set(found["pool2"].flatten().tolist()) <= {3, 5, 7}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"illustrated_class": 7}, "no image is of class 7; set illustrated_class to another"),
        ({"map_scales": [17, 20]}, "class 0 has no image at 20 pixels; set map_scales to others"),
    ],
)
def test_what_is_not_in_the_data_is_refused(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        measured("slice", **settings)


def test_images_without_scales_are_refused_with_the_way_out():
    data = objects()
    with pytest.raises(UserError, match="index_correlation needs a data set that knows the scale"):
        measured("slice", Images(data.images, data.labels))
