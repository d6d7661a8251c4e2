"""What a job of evaluations hands on: packs, other networks, workers, and what it has kept."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from test_evaluating import evaluate, evaluation, results, task_for
from toy_evaluations import ToyEvaluations, toy_evaluations  # noqa: F401
from toy_runs import TOY_MODEL, toy_task, toy_training, toys, train  # noqa: F401

from isotrope.datasets import loading
from isotrope.datasets.stream import Stream
from isotrope.errors import UserError
from isotrope.measuring import called, evaluating, position
from isotrope.measuring.networks import Networks
from isotrope.measuring.position import Position, Stops
from isotrope.measuring.task import TrainedSeed
from isotrope.packs import resume
from isotrope.params.blocks import Plugin
from isotrope.processes.signals import Interruption
from isotrope.training.task import TrainingTask

pytestmark = pytest.mark.usefixtures("toys")
SHORT = toy_training(epochs=1)
ROWS = """
def rows(seed, value, n):
    return [{"seed": seed, "metric": "sum", "value": float(value), "n": n}]
"""
OF_RUN = """
SCOPE = "run"

def evaluate(networks, data, params):
    with open("calls", "a") as file:
        print(networks.seeds, file=file)
    position = networks.position()
    position.save({"n": 1})
    return [{"metric": "seeds", "value": float(sum(networks.seeds)), "n": len(data)}]
"""
AGAINST = """
def evaluate(networks, data, params):
    (seed,) = networks.seeds
    ((named, other),) = networks.against
    assert named == seed
    with open("draws", "a") as file:
        print(networks.draws, networks.against.draws, networks.against.alike, file=file)
    value = other.linear.weight.double().sum()
    return [{"seed": seed, "metric": "sum", "value": float(value), "n": 1}]
"""


@pytest.fixture
def packs() -> list[TrainingTask]:
    """A run of two packs."""
    tasks = [
        toy_task(seeds=[1, 2], pack="1-2", training=SHORT),
        toy_task(seeds=[3], pack="3-4", training=SHORT),
    ]
    for task in tasks:
        train(task)
    return tasks


@pytest.mark.parametrize("wanted", [[1, 2, 3], [3]])
def test_a_measure_of_the_run_is_given_the_seeds_of_all_packs_once(
    packs: list[TrainingTask],
    toy_evaluations: ToyEvaluations,  # noqa: F811
    wanted: list[int],
) -> None:
    toy_evaluations.add("whole", OF_RUN)
    seeds = {task.pack: task.seeds for task in packs if set(task.seeds) <= set(wanted)}
    task = task_for(
        packs[0], evaluation("whole"), packs=seeds, of_run=True, table="whole", save_every=0.0
    )
    said = evaluate(task)

    assert said[-1] == f"whole: {len(wanted)} seeds on 20 images of toy, test"
    assert task.results == Path("out/runs/toy/toy/plain/base/results-whole.csv")
    (row,) = results(task)
    assert (row["value"], row.get("seed")) == (f"{sum(wanted)}.0", "")
    kept = sorted(path.name for path in Path("out").rglob(".evaluations/*/*"))
    assert kept == [task.rows_file(task.evaluations[0], None).name], "no position either"
    before = task.results.read_bytes()
    evaluate(task)
    assert Path("calls").read_text() == f"{wanted}\n"
    assert task.results.read_bytes() == before


def test_seeds_are_measured_against_the_networks_that_are_named_for_them(
    packs: list[TrainingTask],
    toy_evaluations: ToyEvaluations,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    toy_evaluations.add("against", AGAINST)
    other = toy_task(run="toy/toy/other", seeds=[1, 2, 5], pack="1-5", training_digest="2" * 16)
    train(other)
    monkeypatch.setattr(TOY_MODEL, "DRAWS", 3, raising=False)
    named = {
        1: TrainedSeed(other.folder, 5, other.training_digest),
        2: TrainedSeed(packs[1].folder, 3, packs[1].training_digest),
    }
    task = task_for(packs[0], replace(evaluation("against"), against=named))
    evaluate(task)

    def weight(folder: Path, place: int) -> float:
        return float(load_file(folder / "weights.safetensors")["linear.weight"][place].sum())

    found = {row["seed"]: float(row["value"]) for row in results(task)}
    expected = {"1": weight(other.folder, 2), "2": weight(packs[1].folder, 0)}
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert set(Path("draws").read_text().splitlines()) == {"3 3 True"}

    named[2] = replace(named[2], training_digest="f" * 16)
    again = replace(evaluation("against", digest="e" * 16), against=named)
    with pytest.raises(
        UserError, match=r"seeds-3-4 was trained with settings of digest 0123.*f{16}"
    ):
        evaluate(task_for(packs[0], again))


def test_one_thread_of_a_job_trains_or_measures_and_the_others_read_images(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def with_workers(stream: Stream, workers: int) -> Stream:
        asked.append(workers)
        return stream

    monkeypatch.setattr(Stream, "with_workers", with_workers)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    trained = toy_task(seeds=[1], dataset_name="toy_stream", threads=3, training=SHORT)
    train(trained)
    assert set(asked) - {0} == {2}
    asked.clear()
    bound = evaluation("accuracy")
    data = Plugin("toy_stream", bound.dataset.params)
    evaluate(task_for(trained, replace(bound, dataset=data), threads=5))
    assert asked == [4]


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How much was kept when the process was left."""
    found: list[int] = []

    def leave(interruption: Interruption, log: Any, steps: int, done: str = "saved") -> None:
        found.append(steps)
        raise SystemExit(75)

    monkeypatch.setattr(Interruption, "leave", leave)
    return found


END = "os.kill(os.getpid(), signal.SIGUSR1)"
LAST = f"""
def evaluate(networks, data, params):
    (seed,) = networks.seeds
    if seed == 2:
        {END}
    return rows(seed, 1, 1)
"""
LONG = f"""
def evaluate(networks, data, params):
    (seed,) = networks.seeds
    position = networks.position()
    position.restore()
    {END}
    networks.predictions(data.images[:1] / 255, [0])
    position.save({{"image": 1}})
    raise AssertionError
"""


@pytest.mark.parametrize(("source", "kept"), [(LAST, 2), (LONG, 1)])
def test_a_job_that_is_warned_counts_what_it_has_kept(
    packs: list[TrainingTask],
    toy_evaluations: ToyEvaluations,  # noqa: F811
    left: list[int],
    source: str,
    kept: int,
) -> None:
    """Only then is it queued again."""
    toy_evaluations.add("ends", ROWS + source)
    with pytest.raises(SystemExit):
        evaluate(task_for(packs[0], evaluation("ends")))
    assert left == [kept]


def test_a_position_is_written_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now, written = [0.0], []
    monkeypatch.setattr(position.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(resume, "save", lambda path, state, digest: written.append(state["t"]))
    one = Position(Path("a.pt"), "d", Stops(Interruption(), print), every=10.0)
    for second in range(0, 33, 3):
        now[0] = float(second)
        one.save({"t": second})
    assert written == [12, 24]


SLOPES = """
ARRAYS = True
GRADIENTS = True

def evaluate(networks, data, params):
    ((seed, network),) = networks
    images = (data.images[:2] / 255).requires_grad_()
    network(images).sum().backward()
    return rows(seed, images.grad.abs().sum(), 2), {seed: {"slope": images.grad.numpy()}}
"""


def test_rows_that_nobody_keeps_are_those_of_a_job_with_the_arrays_of_every_seed(
    packs: list[TrainingTask],
    toy_evaluations: ToyEvaluations,  # noqa: F811
) -> None:
    toy_evaluations.add("slopes", ROWS + SLOPES)
    task = task_for(packs[0], evaluation("slopes"))
    evaluate(task)
    one = task.evaluations[0]
    networks = Networks.open(packs[0].folder, torch.device("cpu"))
    data = loading.load_split(one.dataset.name, one.dataset.params, "test")

    rows, arrays = called.rows_of(one.evaluation, networks, [data])

    kept = {row["seed"]: float(row["value"]) for row in results(task)}
    assert {str(row["seed"]): row["value"] for row in rows} == pytest.approx(kept)
    assert list(arrays) == [1, 2]


def test_a_row_that_nobody_keeps_and_lacks_its_value_is_named_with_its_evaluation_and_file(
    packs: list[TrainingTask],
    toy_evaluations: ToyEvaluations,  # noqa: F811
) -> None:
    toy_evaluations.add(
        "bare", "def evaluate(*_):\n    return [{'seed': 1, 'metric': 'a', 'n': 2}]\n"
    )
    one = task_for(packs[0], evaluation("bare")).evaluations[0]
    networks = Networks.open(packs[0].folder, torch.device("cpu"))
    data = loading.load_split(one.dataset.name, one.dataset.params, "test")

    said = r"^plugins/evaluation/bare\.py: a row of the evaluation bare needs .* one lacks value"
    with pytest.raises(UserError, match=said):
        called.rows_of(one.evaluation, networks, [data])


def test_a_job_claims_its_table_and_all_rows_and_reads_its_packs(
    packs: list[TrainingTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[Any] = []
    monkeypatch.setattr(
        evaluating.lease, "hold", lambda *words, reads: held.append((words[2], list(reads)))
    )
    task = task_for(packs[0])
    evaluate(task)
    rows = [task.rows_file(one, seed) for one in task.evaluations for seed in (1, 2)]
    assert held == [([task.results, *rows], [packs[0].folder])]
