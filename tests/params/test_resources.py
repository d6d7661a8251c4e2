"""What jobs may ask for."""

import pytest
from made_up_param_file import GOOD, sentences, write

from isotrope.params.param_file import read_all
from isotrope.params.resources import Resources


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
