"""What jobs may ask for."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_param_file import GOOD, sentences, write

from isotrope.params.param_file import read_all
from isotrope.params.resources import EvaluationResources, Resources, megabytes_in, minutes_in

MINUTES = {"s": Fraction(1, 60), "m": Fraction(1), "h": Fraction(60), "d": Fraction(1440)}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("runtime: 0s", "resources.runtime: a wall time is more than 0s and at most 366d"),
        ("runtime: 0.0d", "a wall time is more than 0s"),
        ("runtime: 367d", "at most 366d (got '367d')"),
        (f"runtime: {'9' * 400}h", "at most 366d"),
        ("runtime: \uff11h", "string should match pattern"),
        ("evaluation_runtime: 0m", "resources.evaluation_runtime: a wall time is more than 0s"),
        ("memory: 0MB", "resources.memory: a main memory is 1MB or more and at most 100000GB"),
        ("memory: 0.9MB", "a main memory is 1MB or more"),
        ("memory: 100001GB", "at most 100000GB (got '100001GB')"),
        (f"memory: {'9' * 400}GB", "at most 100000GB"),
    ],
)
def test_what_no_job_can_have_is_refused(word, said, param_files):
    write(param_files, f"{GOOD}resources: {{{word}}}\n")
    (found,) = sentences(param_files)
    assert said in found
    entry = f"[accuracy, {{name: accuracy, as: apart, resources: {{{word}}}}},"
    if not word.startswith("evaluation"):
        write(param_files, GOOD.replace("[accuracy,", entry))
        (found,) = sentences(param_files)
        assert said.replace("resources.", "evaluations[1].resources.") in found


@pytest.mark.parametrize(
    ("runtime", "memory", "minutes", "megabytes"),
    [("1s", "1MB", 1, 1), ("0.5h", "1.5GB", 30, 1500), ("366d", "100000GB", 527040, 100_000_000)],
)
def test_what_is_just_possible_is_taken(runtime, memory, minutes, megabytes, param_files):
    write(param_files, f"{GOOD}resources: {{runtime: {runtime}, memory: {memory}}}\n")
    (run,) = read_all()
    resources: Resources = run.envelope.resources
    assert (resources.minutes, resources.megabytes) == (minutes, megabytes)


@pytest.mark.parametrize(
    ("runtime", "minutes"),
    [
        ("1s", 1),
        ("60s", 1),
        ("61s", 2),
        ("80s", 2),
        ("119s", 2),
        ("45m", 45),
        ("0.5m", 1),
        ("1.2m", 2),
        ("4h", 240),
        ("1.1h", 66),
        ("2.5h", 150),
        ("0.29h", 18),  # 17.4 minutes
        ("2d", 2880),
    ],
)
def test_a_wall_time_is_whole_minutes_and_rounded_up(runtime, minutes):
    assert minutes_in(runtime) == minutes
    resources = Resources(runtime=runtime, evaluation_runtime=runtime)
    assert (resources.minutes, resources.evaluation_minutes) == (minutes, minutes)


@given(st.decimals("0.001", 1000, places=3), st.sampled_from("smhd"))
def test_a_job_never_gets_less_time_than_it_asks_for_and_less_than_a_minute_more(number, unit):
    asked = Fraction(number) * MINUTES[unit]
    given_minutes = minutes_in(f"{number:f}{unit}")
    assert given_minutes >= max(1, asked)
    assert given_minutes - asked < 1 or given_minutes == 1


@pytest.mark.parametrize(
    ("memory", "megabytes"),
    [("500MB", 500), ("16GB", 16000), ("1.5GB", 1500), ("0.1GB", 100), ("2.3GB", 2300)],
)
def test_a_memory_is_megabytes(memory, megabytes):
    assert megabytes_in(memory) == Resources(memory=memory).megabytes == megabytes


def test_part_of_a_megabyte_is_rounded_up():
    assert megabytes_in("0.2MB") == 1
    assert megabytes_in("1.0004GB") == 1001


def test_an_evaluation_that_says_nothing_leaves_all_to_its_run():
    left = EvaluationResources()
    assert (left.gpu, left.cpus, left.runtime, left.memory) == (None,) * 4
