"""How many seeds train at once is chosen by measurement, and remembered."""

import pytest
import torch
from toy_runs import ToyModelParams, toy_task, train

from isotrope import devices
from isotrope.training import job, stack_width
from isotrope.training.stack_width import Cost, fastest

CPU = torch.device("cpu")


def costs(per_seed: float, fixed: float, each: int, limit: int = 10**9):
    """Steps that take a fixed time and some more for each seed, and as much memory."""
    asked = []

    def cost(width: int) -> Cost:
        asked.append(width)
        if width > limit:
            raise torch.OutOfMemoryError
        return Cost(fixed + per_seed * width, 100 + each * width)

    return cost, asked


@pytest.mark.parametrize(
    ("per_seed", "fixed", "each", "free", "limit", "width"),
    [
        (0.1, 1.0, 10, 10_000, 10**9, 25),  # all fit, and a stack costs hardly more than a seed
        (0.1, 1.0, 10, 200, 10**9, 10),  # as many as the memory holds
        (0.1, 1.0, 10, 105, 10**9, 1),  # not even one more
        (0.1, 1.0, 10, 10_000, 12, 12),  # measured too little: 25 run out of memory, 12 do not
        (1.0, 0.0, 10, 10_000, 10**9, 1),  # it would not pay
        (1.2, -0.2, 10, 10_000, 10**9, 1),  # it would take longer, as on a CPU
        (0.1, 1.0, 0, 10_000, 10**9, 25),  # no measurable memory
    ],
)
def test_the_faster_way_is_taken_and_no_more_seeds_than_fit(
    per_seed, fixed, each, free, limit, width
):
    cost, asked = costs(per_seed, fixed, each, limit)
    lines: list[str] = []

    assert fastest(cost, 25, free, lines.append) == width
    assert asked[:2] == [1, 2]
    assert len(lines) == (max(asked) > 2)


@pytest.mark.parametrize("limit", [0, 1])
def test_seeds_take_turns_where_not_even_two_fit_with_their_graphs(limit):
    cost, _ = costs(0.1, 1.0, 10, limit)
    lines: list[str] = []

    assert fastest(cost, 25, 10_000, lines.append) == 1
    assert lines == ["seeds train one after the other: two at once do not fit the memory"]


def test_no_more_rows_than_seeds():
    cost, asked = costs(0.1, 1.0, 10)

    assert fastest(cost, 3, 10_000, lambda line: None) == 3
    assert max(asked) == 3


def test_on_a_cpu_seeds_train_in_turn_unless_the_param_file_says_otherwise(toys):
    def trial(width):
        pytest.fail("nothing is to be measured")

    assert stack_width.width_of(toy_task(), CPU, trial, 5, pytest.fail) == 1
    assert stack_width.width_of(toy_task(stack=1), CPU, trial, 5, pytest.fail) == 1
    assert stack_width.width_of(toy_task(stack=4), CPU, trial, 1, pytest.fail) == 1


@pytest.fixture
def as_if_a_gpu(toys, monkeypatch):
    """The CPU under the rules of a GPU: what fits is measured, and remembered."""
    kind = type("Device", (), {"type": "gpu"})()
    monkeypatch.setattr(devices, "describe", lambda device: "a GPU")
    monkeypatch.setattr(devices, "memory_total", lambda device: 10**9)
    monkeypatch.setattr(devices, "memory_held", lambda device, most=False: 10**6 * (1 + most))
    return kind


def test_a_choice_is_remembered_for_the_next_job_and_forgotten_at_the_end(as_if_a_gpu, monkeypatch):
    task = toy_task(model_params=ToyModelParams(handed=True))
    measured = []
    monkeypatch.setattr(
        stack_width, "fastest", lambda cost, seeds, room, log: measured.append(cost(2)) or 2
    )
    job = trial_of(task)

    assert stack_width.width_of(task, as_if_a_gpu, job, 5, print) == 2
    assert stack_width.width_of(task, as_if_a_gpu, job, 5, print) == 2
    assert len(measured) == 1
    assert measured[0].seconds > 0

    task.unfinished(1).touch()  # another pack of the point is in training
    stack_width.forget(task)
    assert stack_width.width_of(task, as_if_a_gpu, job, 5, print) == 2
    task.unfinished(1).unlink()
    stack_width.forget(task)
    assert not task.unfinished(1).parent.exists()


def test_a_choice_of_another_device_or_a_damaged_one_counts_for_nothing(as_if_a_gpu, monkeypatch):
    task = toy_task(model_params=ToyModelParams(handed=True))
    monkeypatch.setattr(stack_width, "fastest", lambda cost, seeds, room, log: 3)
    stack_width.remember(task, as_if_a_gpu, 5)
    monkeypatch.setattr(devices, "describe", lambda device: "another GPU")
    assert stack_width.width_of(task, as_if_a_gpu, trial_of(task), 5, print) == 3

    [path] = task.unfinished(1).parent.glob("width-*")
    path.write_text("{")
    assert stack_width.width_of(task, as_if_a_gpu, trial_of(task), 5, print) == 3


def trial_of(task):
    """Trainings that may be thrown away, as a job gives them."""
    from isotrope.processes.signals import Interruption
    from isotrope.training.job import PackJob
    from isotrope.training.progress import Report

    return PackJob(task, Report(print), CPU, Interruption(), 2)._trial


def test_a_measurement_leaves_no_trace_in_the_training(toys):
    plain, measured = toy_task(run="toy/toy/plain"), toy_task(run="toy/toy/measured")
    train(plain)
    stack_width.measured(trial_of(measured), 1, CPU)
    train(measured)

    ours, theirs = (
        (task.folder / "weights.safetensors").read_bytes() for task in (plain, measured)
    )
    assert ours == theirs


def test_memory_is_freed_behind_each_group_before_the_next_begins(toys, monkeypatch):
    seen = []
    run_group = job._Training.run
    monkeypatch.setattr(devices, "free_memory", lambda device: seen.append(device.type))
    monkeypatch.setattr(
        job._Training, "run", lambda group: (seen.append(group.group.seeds), run_group(group))
    )
    train(toy_task(stack=1))
    assert seen == [[1], "cpu", [2], "cpu"]
