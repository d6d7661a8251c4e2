"""Which images of a data set each study shows, number by number."""

import numpy as np
import pytest
import torch

from isotrope.datasets.images import Images
from isotrope.errors import UserError
from isotrope.studies.log_polar import examples as log_polar
from isotrope.studies.scale import examples as scale
from isotrope.studies.scattering import examples as scattering
from isotrope.studies.shift import examples as shift


def pictures(count, channels=1, height=6, width=8):
    values = torch.arange(count * channels * height * width) * 7 % 251
    return values.reshape(count, channels, height, width).to(torch.uint8)


def test_of_the_log_polar_study_the_image_of_a_class_after_a_third_of_them_is_posed():
    images = pictures(8, height=9, width=11)
    found = log_polar.examples(Images(images, torch.tensor([9, 3, 5, 5, 7, 3, 8, 1])))
    assert (found["images"][0] == images[2, 0].numpy()).all()  # classes 1, 3, 5, 7, 8, 9
    assert (found["maps"].shape, found["maps"].dtype) == ((3, 20, 36), np.float32)
    assert 0 <= found["maps"].min() <= found["maps"].max() <= 1
    np.testing.assert_allclose(found["angles"], np.arange(36) * 10)
    np.testing.assert_allclose(found["radii"], np.geomspace(1, 4, 20))
    ratio = 4 ** (1 / 19)
    np.testing.assert_allclose(found["poses"], [(0, 1), (60, 1), (0, ratio**3)])
    assert found["shifts"].tolist() == [[0, 0], [0, 6], [3, 0]]
    one = images[2, 0].numpy().astype(float)
    middle, right = one[4, 6] / 255, one[4, 9] / 255  # radii 1 and 4, along the x axis
    np.testing.assert_allclose(found["maps"][0][[0, -1], 0], [middle, right], atol=1e-6)
    assert found["maps"][0][0, 9] == pytest.approx(one[3, 5] / 255), "up, counter-clockwise"
    assert log_polar.examples(object()) == {}


def test_grey_maps_are_the_mean_of_the_colours():
    images = pictures(1, channels=3, height=9, width=9)
    found = log_polar.examples(Images(images, torch.tensor([0])))
    assert found["images"].shape == (3, 9, 9, 3)
    assert found["maps"][0, 0, 0] == pytest.approx(float(images[0, :, 4, 5].double().mean()) / 255)


def test_what_lies_outside_of_an_image_is_black_and_its_edge_is_blended():
    image = np.full((3, 3), 8.0)
    reads = log_polar._read(image, np.array([1.0, 1.5, 2.0, 9.0, -9.0]), np.zeros(5))
    assert reads.tolist() == [8, 4, 0, 0, 0]
    reads = log_polar._read(image, np.zeros(4), np.array([-1.25, 1.25, 7.0, -7.0]))
    assert reads.tolist() == [6, 6, 0, 0]


def test_of_the_scale_study_seven_sizes_and_two_classes_are_shown():
    sizes, classes = torch.arange(10, 37, 2), [4, 6, 8, 9]
    scales = sizes.repeat(len(classes) * 2)
    labels = torch.tensor(classes).repeat_interleave(len(sizes)).repeat(2)
    count = len(scales)
    positions = torch.stack((torch.arange(count), torch.arange(count) * 2), dim=1)
    data = Images(pictures(count), labels, {"scale": scales, "position": positions})
    found = scale.examples(data)
    assert found["scales"].tolist() == [10, 14, 18, 22, 28, 32, 36]
    assert found["labels"].tolist() == [4, 8]
    assert found["images"].shape == (7, 2, 6, 8)
    places = [[0, 2, 4, 6, 9, 11, 13], [28, 30, 32, 34, 37, 39, 41]]
    assert found["positions"][..., 0].T.tolist() == places
    assert (found["images"][:, 1] == data.images[places[1], 0].numpy()).all()
    without = Images(data.images, labels, {"scale": scales})
    assert scale.examples(without) == {}
    with pytest.raises(UserError, match="no image"):
        scale.examples(data[:0])


def test_of_the_scattering_study_four_images_of_eleven_classes_are_shown():
    labels = torch.arange(13).repeat(5)
    data = Images(pictures(65, channels=3), labels)
    found = scattering.examples(data)
    assert found["labels"].tolist() == list(range(11))
    assert found["images"].shape == (11, 4, 6, 8, 3)
    expected = data.images[[10, 23, 36, 49]].numpy()
    assert (found["images"][10] == np.moveaxis(expected, 1, -1)).all()


def test_of_the_shift_study_the_first_image_is_moved_down_by_a_row():
    data = Images(pictures(2, channels=3), torch.zeros(2).long())
    found = shift.examples(data)
    first = np.moveaxis(data.images[0].numpy(), 0, -1)
    assert (found["images"] == [first, np.roll(first, 1, axis=0)]).all()
    assert found["shift"].tolist() == [1, 0]
    offsets = [(0, 0), (0, 1), (1, 0), (1, 1)]
    for image, phases, norms in zip(found["images"], found["phases"], found["norms"], strict=True):
        for (y, x), phase, norm in zip(offsets, phases, norms, strict=True):
            assert (phase == image[y::2, x::2]).all()
            assert norm == pytest.approx(np.linalg.norm(phase.astype(float) / 255))
    assert shift.examples(Images(data.images[:, :, 1:], data.labels)) == {}
    assert shift.examples(object()) == {}
