"""What a killed evaluation keeps: the rows of each seed that was done, and its position."""

import multiprocessing
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_evaluating import evaluate, evaluation, results, task_for
from toy_evaluations import toy_evaluations  # noqa: F401
from toy_runs import start, toy_task, toy_training, toys, train, train_logged, wait_for  # noqa: F401

from isotrope.errors import UserError
from isotrope.measuring import evaluating
from isotrope.training.task import TrainingTask

pytestmark = pytest.mark.usefixtures("toys")

ROWS = """
def rows(seed, value, n):
    return [{"seed": seed, "metric": "sum", "value": float(value), "n": n}]
"""
EACH = (
    ROWS
    + """
def evaluate(networks, data, params):
    (seed,) = networks.seeds
    if not os.path.exists("go") and seed == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return rows(seed, seed, len(data))
"""
)
TOGETHER = (
    ROWS
    + """
def evaluate(networks, data, params):
    with open("calls", "a") as file:
        print(networks.seeds, file=file)
    for seed, network in networks:
        if not os.path.exists("go") and seed == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        yield rows(seed, seed, len(data))
"""
)
LONG = (
    ROWS
    + """
def evaluate(networks, data, params):
    (seed,) = networks.seeds
    position = networks.position()
    state = position.restore() or {"image": 0, "sum": torch.zeros(())}
    for image in range(state["image"], len(data)):
        with open("batches", "a") as file:
            print(seed, image, file=file)
        found = networks.predictions(data.images[[image]] / 255, [image])
        state = {"image": image + 1, "sum": state["sum"] + found.abs().sum()}
        position.save(state)
    return rows(seed, state["sum"], len(data))
"""
)


@pytest.fixture
def trained() -> Iterator[TrainingTask]:
    task = toy_task(seeds=[1, 2, 3], pack="1-3", training=toy_training(epochs=1))
    train(task)
    yield task
    for process in multiprocessing.active_children():
        process.kill()
        process.join()


def evaluate_logged(task, log=Path("log")):
    with log.open("a", buffering=1) as file:
        evaluating.evaluate(task, lambda line: print(line, file=file))


def killed(task):
    process = start(evaluate_logged, task)
    process.join(60)
    return process.exitcode


@pytest.mark.parametrize("source", [EACH, TOGETHER])
def test_a_killed_evaluation_keeps_the_seeds_that_were_done(
    trained,
    toy_evaluations,  # noqa: F811
    source,
):
    toy_evaluations.add("measure", source)
    task = task_for(trained, evaluation("measure"))
    assert killed(task) == -signal.SIGKILL
    kept = sorted(path.name for path in Path("out").rglob(".evaluations/*/*.csv"))
    assert kept == ["1.csv", "2.csv"]
    times = {path: path.stat().st_mtime_ns for path in Path("out").rglob(".evaluations/*/*.csv")}

    Path("go").touch()
    lines = evaluate(task)

    assert lines[-1] == "measure: 1 seeds on 20 images of toy, test"
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert [(row["seed"], row["value"]) for row in results(task)] == [
        ("1", "1.0"),
        ("2", "2.0"),
        ("3", "3.0"),
    ]
    if source == TOGETHER:
        assert Path("calls").read_text() == "[1, 2, 3]\n[3]\n"


def test_rows_that_come_together_are_all_kept_when_a_signal_ends_the_job(
    trained,
    toy_evaluations,  # noqa: F811
):
    toy_evaluations.add(
        "measure",
        ROWS
        + """
def evaluate(networks, data, params):
    os.kill(os.getpid(), signal.SIGTERM)
    found = [rows(seed, seed, len(data)) for seed in networks.seeds]
    yield sum(found[:2], [])
    yield sum(found[2:], [])
""",
    )
    task = task_for(trained, evaluation("measure"))
    with pytest.raises(SystemExit):
        evaluate(task)
    kept = sorted(path.name for path in Path("out").rglob(".evaluations/*/*.csv"))
    assert kept == ["1.csv", "2.csv"]


def test_a_seed_without_rows_is_a_mistake_of_the_evaluation(trained, toy_evaluations):  # noqa: F811
    toy_evaluations.add("measure", ROWS + "\ndef evaluate(*_):\n    return rows(1, 0, 1)\n")
    with pytest.raises(UserError, match=r"measure\.py: .* gave no row of seed 2, of seed 3"):
        evaluate(task_for(trained, evaluation("measure")))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGUSR1])
def test_a_long_evaluation_killed_at_random_moments_ends_with_the_same_rows(
    trained,
    toy_evaluations,  # noqa: F811
    number,
):
    toy_evaluations.add("measure", LONG)
    whole = task_for(trained, evaluation("measure", alias="whole", digest="e" * 16))
    evaluate(whole)
    images = len(Path("batches").read_text().splitlines())
    task = task_for(trained, evaluation("measure"), save_every=0.0)
    moments = random.Random(int(number))
    ends = []
    for _ in range(6):
        Path("batches").write_text("")
        process = start(evaluate_logged, task)
        batches = moments.randrange(1, images // 5)
        wait_for(
            lambda count=batches, it=process: (
                len(Path("batches").read_text().splitlines()) >= count or not it.is_alive()
            )
        )
        if process.is_alive():
            os.kill(process.pid, number)
        process.join(60)
        ends.append(process.exitcode)
    evaluate(task)

    status = {signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL, signal.SIGUSR1: 75}[number]
    assert status in ends
    assert [row["value"] for row in results(task)] == [row["value"] for row in results(whole)]
    assert not list(Path("out").rglob("*.position.pt*"))
    assert not list(Path("out").rglob(".leases"))


def test_a_saved_position_is_taken_up_and_a_damaged_one_passed_over(trained, toy_evaluations):  # noqa: F811
    toy_evaluations.add("measure", LONG)
    task = task_for(trained, evaluation("measure"), packs={"1-3": [1]}, save_every=0.0)
    process = start(evaluate_logged, task)
    wait_for(lambda: Path("batches").exists() and len(Path("batches").read_text()) > 20)
    os.kill(process.pid, signal.SIGTERM)
    process.join(60)
    assert process.exitcode == 143
    assert "SIGTERM: what is computed is kept, ends" in Path("log").read_text()
    (path,) = Path("out").rglob("*.position.pt")
    seen = Path("batches").read_text().splitlines()
    path.write_bytes(path.read_bytes()[:-5])

    lines = evaluate(task)

    assert "is truncated or altered" in lines[0]
    again = Path("batches").read_text().splitlines()[len(seen) :]
    assert again[0] == seen[-1], "the state before the last is taken up"
    assert len(again) == 21 - len(seen)


def test_a_signal_ends_an_evaluation_that_saves_no_position_between_batches(
    trained,
    toy_evaluations,  # noqa: F811
):
    toy_evaluations.add(
        "measure",
        ROWS
        + """
def evaluate(networks, data, params):
    os.kill(os.getpid(), signal.SIGTERM)
    networks.logits(data.images)
    raise AssertionError
""",
    )
    with pytest.raises(SystemExit) as ended:
        evaluate(task_for(trained, evaluation("measure")))
    assert ended.value.code == 143


GRADIENTS = (
    """
GRADIENTS = True
"""
    + ROWS
    + """
def evaluate(networks, data, params):
    (seed,) = networks.seeds
    ((_, network),) = networks
    images = (data.images / 255).requires_grad_()
    network(images).sum().backward()
    return rows(seed, images.grad.abs().sum(), len(data))
"""
)


def test_gradients_are_there_for_who_asks_and_for_nobody_else(trained, toy_evaluations):  # noqa: F811
    toy_evaluations.add("attack", GRADIENTS)
    toy_evaluations.add("plain", GRADIENTS.replace("GRADIENTS = True", ""))
    task = task_for(trained, evaluation("attack"))
    evaluate(task)
    assert all(float(row["value"]) > 0 for row in results(task))
    with pytest.raises(RuntimeError, match="does not require grad"):
        evaluate(task_for(trained, evaluation("plain")))


HELD = (
    ROWS
    + """
import pathlib, time
def evaluate(networks, data, params):
    (seed,) = networks.seeds
    pathlib.Path("holds").touch()
    while not os.path.exists("go"):
        time.sleep(0.01)
    return rows(seed, seed, len(data))
"""
)


def test_evaluations_of_one_pack_go_side_by_side_and_a_training_waits_for_both(
    trained,
    toy_evaluations,  # noqa: F811
):
    toy_evaluations.add("held", HELD)
    toy_evaluations.add("quick", EACH)
    first = start(evaluate_logged, task_for(trained, evaluation("held"), table="held"))
    wait_for(Path("holds").exists)
    task = task_for(trained, evaluation("quick"), packs={"1-3": [1, 2]})

    assert evaluate(task) == ["quick: 2 seeds on 20 images of toy, test"]

    Path("training").touch()
    second = start(train_logged, trained, Path("training"))
    wait_for(lambda: "waits for the evaluation of toy/toy/plain" in Path("training").read_text())
    Path("go").touch()
    for process in (first, second):
        process.join(60)
        assert process.exitcode == 0
    assert [row["value"] for row in results(task)] == ["1.0", "2.0"]
