"""Shares in percent, whatever a table has them in."""

import math

import pytest

from isotrope.results.percent import factor_of, heading, mean_with_interval, number


@pytest.mark.parametrize(
    ("metric", "values", "factor"),
    [
        ("accuracy", [0.2, 1.0], 100.0),
        ("validation_accuracy", [math.nan, 0.5], 100.0),
        ("consistency", [97.5, 100.0], 1.0),
        ("accuracy_gain", [-0.03, 0.01], 100.0),  # a difference of fractions
        ("accuracy_gain", [-3.0, 1.0], 1.0),
        ("success_rate", [-0.5], 100.0),
        ("mean_iou", [0.4], 100.0),
        ("pearson_r", [0.4], None),
        ("worst", [0.4], 100.0),
        ("worst_angle", [270.0], None),
        ("worst_angle", [0.0], None),
        ("error", [0.4], None),
        ("mean", [0.097, 0.5], 100.0),  # over all angles, of the accuracy
        ("mean_low", [0.4], 100.0),
        ("mean", [0.5, 12.0], None),  # of something else
        ("mean_radius", [0.5], None),
        ("hit_rate", [0.5], 100.0),
        ("frame_rate", [25.0], None),
        ("success", [0.87], 100.0),
        ("success_high", [1.0], 100.0),
        ("single", [0.9], 100.0),
        ("lowest", [0.4], 100.0),
        ("lowest_x", [0.0], None),
        ("steady", [99.0], 1.0),
        ("ink_lost", [0.0, 0.3], 100.0),
        ("zero_gradients", [0.1], 100.0),
        ("published_mean_acc", [0.5], 100.0),
        ("mascc_worst_low", [95.0], 1.0),
        ("mascc_variance", [0.2], None),
        ("mascc_disagreements", [4.0], None),
        ("mascc_margin_least", [0.2], None),
        ("black_box_wins", [-3.0], None),  # points
    ],
)
def test_a_share_is_told_by_its_name_and_its_unit_by_its_values(metric, values, factor):
    assert factor_of(metric, values) == factor


def test_numbers_in_words():
    assert number(0.98765, 100.0) == "98.8"
    assert number(97.55, 1.0) == "97.5"
    assert number(0.123456, None) == "0.1235"
    assert number(math.nan, 100.0) == ""
    assert heading("mean_iou", 100.0) == "mean iou (%)"
    assert heading("pearson_r", None) == "pearson r"


def test_two_seeds_have_no_interval_as_in_figures():
    assert mean_with_interval(0.647, -2.0, 3.0, 2, 100.0) == "64.7"
    assert mean_with_interval(0.7171, 0.2584, 1.176, 2, None) == "0.7171"


def test_an_interval_of_shares_ends_at_all_and_at_none_and_one_seed_has_none():
    assert mean_with_interval(0.99, 0.95, 1.03, 3, 100.0) == "99.0 [95.0, 100.0]"
    assert mean_with_interval(1.0, -2.0, 103.0, 3, 1.0) == "1.0 [0.0, 100.0]"
    assert mean_with_interval(-0.01, -0.04, 0.02, 3, 100.0, True) == "-1.0 [-4.0, 2.0]"
    assert mean_with_interval(-90.0, -110.0, -70.0, 3, 1.0, True) == "-90.0 [-100.0, -70.0]"
    assert mean_with_interval(5.0, -2.0, 12.0, 3, None) == "5 [-2, 12]"
    assert mean_with_interval(0.5, math.nan, math.nan, 1, 100.0) == "50.0"
