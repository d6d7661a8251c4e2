"""Schedules of temperatures, against the published counter step by step."""

import pytest

from isotrope.layers.temperature import MultiStep, StepDecay


def counted_decay(step_size, gamma, minimum, calls):
    """As published: a counter that each call raises, and what it then does to the buffer."""
    tau, found = 1.0, [1.0]
    for counter in range(1, calls + 1):
        if counter % step_size == 0:
            tau = max(gamma * tau, minimum)
        found.append(tau)
    return found


def counted_lines(milestones, temperatures, calls):
    """As published: the milestone that was last reached, and its temperature."""
    reached, t, offset, found = 0, 1.0, 1, [1.0]
    for counter in range(1, calls + 1):
        if reached < len(milestones) and counter >= milestones[reached]:
            t, offset, reached = temperatures[reached], milestones[reached], reached + 1
        if reached == len(milestones):
            found.append(t)
            continue
        share = (counter - offset) / (milestones[reached] - offset)
        found.append((1 - share) * t + share * temperatures[reached])
    return found


@pytest.mark.parametrize(
    ("step_size", "gamma", "minimum"),
    [(10, 0.85, 0.5), (10, 0.85, 0.025), (10, 0.825, 0.025), (1, 0.97, 0.1), (10, 0.85, 0.0)],
)
def test_a_decay_is_the_published_one_at_every_call(step_size, gamma, minimum):
    schedule = StepDecay(step_size, gamma, minimum)

    found = [schedule.value(calls) for calls in range(251)]

    assert found == pytest.approx(counted_decay(step_size, gamma, minimum, 250), rel=1e-12)


def test_a_decay_without_more_words_is_to_a_tenth_and_that_by_1_is_none():
    assert [StepDecay(5).value(calls) for calls in (4, 5, 10)] == pytest.approx([1, 0.1, 0.01])
    assert StepDecay(5, gamma=1.0).value(100) == 1.0


def test_the_decay_of_cifar_has_these_values():
    schedule = StepDecay(10, 0.85, 0.5)

    found = {calls: round(schedule.value(calls), 4) for calls in (0, 9, 10, 19, 20, 40, 49, 50)}

    assert found == {
        0: 1.0, 9: 1.0, 10: 0.85, 19: 0.85, 20: 0.7225, 40: 0.522, 49: 0.522, 50: 0.5
    }  # fmt: skip


def test_steps_hold_until_the_next_milestone():
    schedule = MultiStep([50, 100, 150], [0.7, 0.5, 0.3])

    found = [schedule.value(calls) for calls in (0, 1, 49, 50, 99, 100, 149, 150, 1000)]

    assert found == [1.0, 1.0, 1.0, 0.7, 0.7, 0.5, 0.5, 0.3, 0.3]


@pytest.mark.parametrize(
    ("milestones", "temperatures"),
    [
        ([62, 82, 90], [0.5, 0.05, 0.01]),
        ([65, 85, 90], [0.75, 0.1, 0.05]),
        ([62, 90], [0.5, 0.25]),
        ([0, 62, 82, 90], [1, 0.5, 0.05, 0.01]),
        ([0, 62, 82, 90], [0.8, 0.5, 0.05, 0.01]),
        ([10, 60, 82, 90], [0.5, 0.15, 0.05, 0.01]),
        ([10, 100], [0.4, 0.1]),
        ([10, 80, 100, 125], [0.5, 0.3, 0.125, 0.01]),
        ([80, 125], [0.3, 0.125]),
        ([1, 3], [0.5, 0.1]),
    ],
)
def test_lines_are_the_published_ones_at_every_call(milestones, temperatures):
    schedule = MultiStep(milestones, temperatures, "linear")

    found = [schedule.value(calls) for calls in range(151)]

    assert found == pytest.approx(counted_lines(milestones, temperatures, 150), rel=1e-12)
    reached = {m: t for m, t in zip(milestones, temperatures, strict=True) if m > 0}
    assert [schedule.value(calls) for calls in reached] == list(reached.values())


def test_lines_begin_at_the_first_call():
    schedule = MultiStep([62, 90], [0.5, 0.25], "linear")

    assert [schedule.value(calls) for calls in (0, 1)] == [1.0, 1.0]
    assert schedule.value(2) == pytest.approx(1 - 0.5 / 61)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: StepDecay(0), "step_size is at least 1, got 0"),
        (lambda: StepDecay(1, 1.5), "gamma is above 0 and at most 1, got 1.5"),
        (lambda: StepDecay(1, 0.5, -1), "minimum is from 0 to 1, got -1"),
        (lambda: MultiStep([1], []), "got 1 milestones and 0 temperatures"),
        (lambda: MultiStep([2, 2], [1, 1]), "milestones rise"),
        (lambda: MultiStep([1], [0.0]), "temperatures are above 0"),
        (lambda: MultiStep([1], [0.5], "quadratic"), "rate must be one of zero, linear"),
    ],
)
def test_mistakes_are_named(make, what):
    with pytest.raises(ValueError, match=what):
        make()
