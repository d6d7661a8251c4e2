"""What is said of attacks, from results that are written out by hand."""

import math
from types import SimpleNamespace

import pytest
import torch

from isotrope.evaluation import _alarms
from isotrope.evaluation._attack_rows import Found, _distortion, _smallest_change


def found_of(eps, asked, shares, name="pgd", clean=(1, 1, 1, 1), **more):
    """What one attack has found at every eps; ``asked`` of these are bounds, the last is none."""
    unbounded = eps[-1] if len(eps) > asked else None
    plan = SimpleNamespace(names=[name], every_eps=eps, bounds=eps[:asked], unbounded=unbounded)
    results = {"clean": torch.tensor(clean).double(), f"{name}.share": torch.tensor(shares)}
    kept = {f"{name}.{what}": torch.tensor(values) for what, values in more.items()}
    return Found(plan, results | kept)


@pytest.mark.parametrize("eps", [[0.1, 0.3], [0.3, 0.1]])
def test_a_larger_eps_is_told_by_its_size_and_not_by_its_place(eps):
    shares = {0.1: [1.0, 1.0, 1.0, 0.0], 0.3: [0.0, 0.0, 1.0, 0.0]}
    sign = _alarms.larger_eps_helps(found_of(eps, 2, [shares[one] for one in eps]))
    assert sign == (50.0, 4, False)
    turned = [shares[0.3], shares[0.1]] if eps[0] == 0.1 else [shares[0.1], shares[0.3]]
    sign = _alarms.larger_eps_helps(found_of(eps, 2, turned))
    assert (sign.value, sign.alarm) == (-50.0, True)


def test_what_is_left_where_nothing_bounds_is_a_part_of_the_images_that_were_right():
    shares = [[0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 1.0]]
    found = found_of([0.1, 1.0], 1, shares, clean=(1, 1, 1, 0))
    value, count, alarm = _alarms.unbounded_left(found)
    assert (value, count, alarm) == (pytest.approx(1 / 3), 3, True)
    none_left = found_of([0.1, 1.0], 1, [shares[0], shares[0]])
    assert _alarms.unbounded_left(none_left) == (0.0, 4, False)


def test_the_smallest_change_counts_up_to_the_eps_that_is_asked():
    found = found_of(
        [0.25],
        1,
        [[0.0, 0.0, 0.0, 0.0]],
        name="minimal_norm",
        distortion=[[0.125, 0.25, 0.375, torch.inf]],
    )
    assert found.stands("minimal_norm", 0).tolist() == [False, False, True, True]


def test_changes_are_measured_where_they_fooled():
    more = {"distortion": [[0.1, 0.2, 0.6, 0.9]]}
    found = found_of([0.9], 1, [[0.0, 0.0, 0.0, 1.0]], clean=(1, 1, 1, 1), **more)
    rows = {row["metric"]: row for row in _distortion({}, found, "pgd", 0)}
    assert rows["distortion_mean"]["value"] == pytest.approx(0.3)
    assert rows["distortion_median"]["value"] == pytest.approx(0.2)
    assert {row["n"] for row in rows.values()} == {3}


def test_the_smallest_change_is_the_median_of_all_and_unknown_of_less_than_half():
    more = {"name": "minimal_norm", "distortion": [[0.1, 0.4, 0.2, torch.inf, 0.7]]}
    clean = (1, 1, 1, 1, 1)
    found = found_of([0.9], 1, [[0.0, 0.0, 0.0, 1.0, 1.0]], clean=clean, **more)
    assert _smallest_change(found) == (pytest.approx(0.4), 5)
    found = found_of([0.9], 1, [[0.0, 1.0, 0.0, 1.0, 1.0]], clean=clean, **more)
    value, count = _smallest_change(found)
    assert (math.isnan(value), count) == (True, 0)


def test_an_image_stands_if_it_stands_after_every_attack():
    found = found_of([0.9], 1, [[1.0, 1.0, 0.0, 0.0]])
    found._results["square.share"] = torch.tensor([[1.0, 0.0, 1.0, 0.0]])
    assert found.stand_all(["pgd", "square"], 0).tolist() == [True, False, False, False]
