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


def test_points_are_lost_up_to_the_largest_eps_that_is_asked_and_beyond_it_of_one_alone():
    shares = [[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]]
    assert _alarms.larger_eps_helps(found_of([0.1, 0.3, 9.0], 2, shares)) == (50.0, 4, False)
    assert _alarms.larger_eps_helps(found_of([0.1, 9.0], 1, shares[::2])) == (100.0, 4, False)


@pytest.mark.parametrize(("left", "alarm"), [(0.0, False), (1.0, True)])
def test_images_that_a_larger_eps_does_not_break_either_are_a_sign(left, alarm):
    found = found_of([0.1, 0.3], 2, [[left, 0.0, 0.0, 0.0]] * 2)
    assert _alarms.larger_eps_helps(found) == (0.0, 4, alarm)


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
    for shares, its_clean in (
        ([0.0, 1.0, 0.0, 1.0, 1.0], clean),
        ([0.0, 0.0, 1.0, 1.0, 1.0], [1, 1, 1, 1, 0]),
    ):
        value, count = _smallest_change(found_of([0.9], 1, [shares], clean=its_clean, **more))
        assert (math.isnan(value), count) == (True, 0)


def test_an_image_stands_if_it_stands_after_every_attack():
    found = found_of([0.9], 1, [[1.0, 1.0, 0.0, 0.0]])
    found._results["square.share"] = torch.tensor([[1.0, 0.0, 1.0, 0.0]])
    assert found.stand_all(["pgd", "square"], 0).tolist() == [True, False, False, False]


def of_two(first, second, **their):
    """What two attacks have found of 40 images that were right, at two eps."""
    found = found_of([0.1, 0.3], 2, [[1.0] * 40] * 2, name=first, clean=[1] * 40)
    found.plan.names.append(second)
    for name, values in their.items():
        found._results[name.replace("_of_", ".")] = torch.tensor(values)
    return found


SOME, NONE, ALL = [0.0] * 10 + [1.0] * 30, [1.0] * 40, [0.0] * 40


@pytest.mark.parametrize("turned", [False, True])
def test_a_sign_at_any_eps_raises_the_alarm_and_the_most_points_are_said(turned):
    in_order = reversed if turned else iter
    shares = {"square_of_share": [*in_order([SOME, NONE])]}
    sign = _alarms.black_box_wins(of_two("pgd", "square", **shares))
    assert sign == (25.0, 40, True)
    shares = {"pgd_of_share": [NONE, NONE], "eot_pgd_of_share": [*in_order([SOME, NONE])]}
    assert _alarms.draws_help(of_two("pgd", "eot_pgd", **shares)) == (25.0, 40, True)
    seen = {"pgd_of_seen": [*in_order([[1 - one for one in SOME], ALL])]}
    assert _alarms.overstated(of_two("pgd", "transfer", **seen)) == (25.0, 40, True)


@pytest.mark.parametrize(("part", "alarm"), [(0.125, False), (0.15625, True)])
def test_gradients_that_are_zero_for_more_than_a_part_are_a_sign(monkeypatch, part, alarm):
    monkeypatch.setattr(_alarms, "ZERO_GRADIENTS", 0.125)  # its sums are exact
    zeros = torch.tensor([[part] * 4, [part] * 3 + [torch.nan]], dtype=torch.float64)
    found = found_of([0.1, 0.3], 2, [[1.0] * 4] * 2)
    found._results["pgd.zeros"] = zeros
    assert _alarms.zero_gradients(found) == (part, 4, alarm)


@pytest.mark.parametrize(("left", "alarm"), [(1, False), (2, True)])
def test_more_than_one_of_twenty_images_left_where_nothing_bounds_is_a_sign(left, alarm):
    shares = [[0.0] * 20, [1.0] * left + [0.0] * (20 - left)]
    found = found_of([0.1, 1.0], 1, shares, clean=[1] * 20)
    assert _alarms.unbounded_left(found) == (left / 20, 20, alarm)


def test_any_noise_of_its_own_is_a_sign_and_what_was_not_asked_is_none():
    found = found_of([0.1], 1, [[1.0] * 4])
    found.plan.settings = SimpleNamespace(norm="l2")
    found._results |= {"pgd.zeros": torch.zeros(1, 4), "pgd.seen": torch.zeros(1, 4)}
    for hidden, asked, alarm in ((0.0, 16, 0.0), (0.05, 16, 1.0)):
        rows = list(_alarms.alarm_rows(found, hidden, asked))
        assert {row["norm"] for row in rows} == {"l2"}
        first, second = rows[:2]
        assert first == {"norm": "l2", "about": "hidden_noise", "n": 16} | {
            "metric": "hidden_noise",
            "value": hidden,
        }
        assert second == {**first, "metric": "alarm", "value": alarm}
    unknown = [row["about"] for row in rows if math.isnan(row["value"])]
    absent = ("black_box_wins", "larger_eps_helps", "unbounded_left", "draws_help")
    assert unknown == [name for name in absent for _ in range(2)]
