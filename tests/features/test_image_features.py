"""Transformers of images: what scikit-learn asks for, and the numbers of the layers."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import estimator_checks

import isotrope
from isotrope.features import RieszFeatures, ScatteringFeatures
from isotrope.layers import Riesz2d, Scattering2d

KINDS = (ScatteringFeatures, RieszFeatures)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).random(shape)


class OnRows:
    """The first 16 of any number of numbers as an image, so that scikit-learn can check them."""

    def _of_rows(self, rows):
        filled = np.zeros((len(rows), 16), rows.dtype)
        filled[:, : rows.shape[1]] = rows[:, :16]
        return super()._of_rows(filled)


class ScatteringOfRows(OnRows, ScatteringFeatures):
    def __init__(self, J=1, L=2, dtype="float64", image_shape=(4, 4)):  # noqa: N803
        super().__init__(J, L, average="global", dtype=dtype, image_shape=image_shape)


class RieszOfRows(OnRows, RieszFeatures):
    def __init__(self, depth=1, directions=3, dtype="float64", image_shape=(4, 4)):
        super().__init__(depth, directions, dtype=dtype, image_shape=image_shape)


def names_of(checks):
    return {one["check_name"]: one["status"] for one in checks}


@pytest.mark.parametrize("kind", [ScatteringOfRows, RieszOfRows])
def test_they_pass_the_checks_of_scikit_learn_where_rows_become_images(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = names_of(estimator_checks.check_estimator(kind(), on_fail=None))

    assert len(found) > 35
    assert {name for name, status in found.items() if status not in ("passed", "skipped")} == set()


@pytest.mark.parametrize("kind", KINDS)
def test_settings_are_kept_as_they_are_given_and_copied(kind):
    estimator_checks.check_parameters_default_constructible(kind.__name__, kind())
    estimator_checks.check_no_attributes_set_in_init(kind.__name__, kind())
    transformer = kind(batch_size=7, image_shape=(8, 8))
    assert clone(transformer).get_params() == transformer.get_params()
    assert transformer.get_params()["batch_size"] == 7
    assert getattr(isotrope, kind.__name__) is kind


COMMON = {"image_shape": None, "batch_size": 64, "dtype": "float32", "device": "cpu"}


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        (ScatteringFeatures, {"J": 2, "L": 8, "max_order": 2, "average": "local"}),
        (RieszFeatures, {"depth": 3, "directions": 4, "pooling": "mean", "border": "mirror"}),
    ],
)
def test_settings_that_are_not_given_are_those_that_are_documented(kind, own):
    assert kind().get_params() == {**COMMON, **own}


@pytest.mark.parametrize("average", ["local", "global"])
def test_scattering_features_are_the_coefficients_of_the_layer(average):
    images = drawn(5, 3, 12, 8)
    transformer = ScatteringFeatures(2, 4, average=average, batch_size=2, dtype="float64")

    found = transformer.fit_transform(images)

    layer = Scattering2d(2, (12, 8), 4, average=average).double()
    expected = layer(torch.from_numpy(images))
    np.testing.assert_allclose(found, expected.flatten(1).numpy(), rtol=0, atol=1e-12)
    names = transformer.get_feature_names_out()
    assert len(names) == len(set(names)) == found.shape[1]
    last = "j0_theta3_j1_theta3"
    assert names[0] == ("channel0_average_row0_column0" if average == "local" else names[0])
    assert names[-1] == f"channel2_{last}" + ("_row2_column1" if average == "local" else "")
    path = [one for one in layer.paths_table() if one["order"] == 1][5]
    place = next(i for i, name in enumerate(names) if name.startswith("channel1_j1_theta1"))
    assert (path["j1"], path["theta1"]) == (1, 1)
    value = expected[0, 1, path["path"]].flatten()[0]
    assert found[0, place] == pytest.approx(float(value), abs=1e-12)


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_riesz_features_are_those_of_the_layer(pooling):
    images = drawn(3, 2, 9, 8)
    transformer = RieszFeatures(2, 3, pooling=pooling, dtype="float64").fit(images)

    found = transformer.transform(images)

    expected = Riesz2d(2, 3, pooling)(torch.from_numpy(images)).flatten(1)
    np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=1e-12)
    names = transformer.get_feature_names_out()
    assert (names[0], names[1], names[-1]) == (
        "channel0_image",
        "channel0_direction0",
        "channel1_direction2_direction2",
    )
    assert len(set(names)) == found.shape[1] == 26


@pytest.mark.parametrize("kind", KINDS)
def test_images_may_be_rows_of_pixels_grey_or_coloured_in_any_layout_and_type(kind):
    images = (drawn(4, 2, 8, 10) * 255).astype(np.uint8)
    colours = kind().fit_transform(images)
    assert colours.dtype == np.float32
    rows = kind(image_shape=(2, 8, 10)).fit_transform(images.reshape(4, -1))
    np.testing.assert_array_equal(rows, colours)
    strided = np.asfortranarray(images.astype(np.float64))[::1]
    np.testing.assert_array_equal(kind().fit_transform(strided), colours)
    np.testing.assert_array_equal(kind().fit_transform(images.tolist()), colours)
    grey = kind().fit_transform(images[:, 1])
    half = colours.shape[1] // 2
    np.testing.assert_allclose(grey, colours[:, half:], rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(
        kind(image_shape=(8, 10)).fit_transform(images[:, 1].reshape(4, -1)), grey
    )


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_shape_is_for_rows_and_leaves_images_alone(kind):
    images = drawn(3, 2, 8, 10)
    grey = images[:, 1]
    for given, shape in ((images, (2, 8, 10)), (grey, (8, 10))):
        expected = kind().fit_transform(given)
        np.testing.assert_array_equal(kind(image_shape=shape).fit_transform(given), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fitted_transformer_is_the_same_when_pickled_and_in_batches_of_any_size(kind):
    images = drawn(5, 8, 8)
    transformer = kind(batch_size=2).fit(images)
    expected = transformer.transform(images)
    loaded = pickle.loads(pickle.dumps(transformer))
    np.testing.assert_array_equal(loaded.transform(images), expected)
    for size in (1, 50):
        found = kind(batch_size=size).fit(images).transform(images)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    frame = transformer.set_output(transform="pandas").transform(images)
    assert list(frame.columns) == list(transformer.get_feature_names_out())


def test_a_support_vector_machine_in_a_pipeline_knows_digits_from_fifty_images():
    digits = load_digits()
    images, labels = digits.data[:250] / 16, digits.target[:250]
    features = ScatteringFeatures(J=1, image_shape=(8, 8))
    pipeline = make_pipeline(features, StandardScaler(), SVC(C=10))
    pipeline.fit(images[:50], labels[:50])
    assert pipeline.score(images[50:], labels[50:]) > 0.8
    scores = cross_val_score(pipeline, images[:100], labels[:100], cv=2)
    assert min(scores) > 0.7


@pytest.mark.parametrize(
    ("settings", "shape", "message"),
    [
        ({}, (3, 64), r"rows of pixels with image_shape; got an array of shape \(3, 64\)"),
        ({}, (2, 3, 1, 8, 8), r"got an array of shape \(2, 3, 1, 8, 8\)"),
        ({"image_shape": (8, 9)}, (3, 64), r"image_shape \(8, 9\) does not fit rows of 64 pixels"),
        ({"image_shape": (64,)}, (3, 64), r"image_shape \(64,\) does not fit"),
        ({"batch_size": 0}, (3, 8, 8), "batch_size must be 1 or more, got 0"),
        ({"dtype": "float16"}, (3, 8, 8), "dtype must be float32 or float64, got 'float16'"),
        ({}, (0, 8, 8), "0 sample"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_image_or_no_setting_is_refused(kind, settings, shape, message):
    with pytest.raises(ValueError, match=message):
        kind(**settings).fit(np.zeros(shape))


@pytest.mark.parametrize(
    ("transformer", "message"),
    [
        (ScatteringFeatures(J=4), "at least 16 pixels, got 8 x 8"),
        (ScatteringFeatures(average="none"), "average must be local or global, got 'none'"),
        (ScatteringFeatures(J=1, max_order=3), "max_order: need one of 1, 2, got 3"),
        (RieszFeatures(pooling="none"), "pooling must be mean or max, got 'none'"),
        (RieszFeatures(directions=2), "three directions or more, got 2"),
    ],
)
def test_settings_that_no_transform_has_are_refused_when_fitted(transformer, message):
    with pytest.raises(ValueError, match=message):
        transformer.fit(np.zeros((2, 8, 8)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "ask", [lambda one: one.get_feature_names_out(), lambda one: one.transform(drawn(2, 8, 8))]
)
def test_what_is_not_fitted_yet_says_so(kind, ask):
    with pytest.raises(NotFittedError, match=f"This {kind.__name__} instance is not fitted"):
        ask(kind())


@pytest.mark.parametrize("kind", KINDS)
def test_images_of_another_shape_than_those_fitted_are_refused(kind):
    transformer = kind().fit(drawn(2, 3, 8, 9))
    with pytest.raises(ValueError, match=r"fitted to images of shape \(3, 8, 9\) .* \(1, 8, 9\)"):
        transformer.transform(drawn(2, 8, 9))
    with pytest.raises(ValueError, match="NaN"):
        transformer.transform(np.full((2, 3, 8, 9), np.nan))
