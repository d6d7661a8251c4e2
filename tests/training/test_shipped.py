"""Seeds that come with the project: taken where they are asked for, named when damaged."""

import json
import shutil

import pytest
from toy_runs import toy_task, toy_training, train

from isotrope import paths
from isotrope.errors import UserError
from isotrope.packs import store
from isotrope.training import shipped


@pytest.fixture
def task(toys, monkeypatch):
    """A pack of two seeds of which the first is shipped, and nothing is trained."""
    monkeypatch.delenv(shipped.VARIABLE, raising=False)
    task = toy_task()
    train(task)
    shipped.ship(task, 1)
    shutil.rmtree(paths.OUT)
    return task


def source(task):
    return paths.shipped_seed(task.run, 1, task.training_digest)


def origins(task):
    said = json.loads((task.folder / "run.json").read_text())["seeds"]
    return [seed.get("origin") for seed in said]


def test_a_shipped_seed_is_taken_and_said_to_be_and_the_others_are_trained(task):
    log = train(task)

    assert source(task) == paths.TRAINED / task.run / f"1-{task.training_digest}"
    assert log[0].startswith(f"seed 1 is shipped, in {source(task)}")
    assert "1 to train, 1 are finished" in log[1]
    assert origins(task) == ["shipped", None]
    sums = [store.load(task.stored(1), 1, task.training_digest).summary["files"]]
    sums.append(json.loads((source(task) / store.SEED).read_text())["files"])
    assert sums[0] == sums[1]


def test_a_shipped_seed_stays_shipped_in_other_packs_and_is_shipped_on_without_it(task):
    train(task)
    train(toy_task(pack="1-1", seeds=[1]))
    assert origins(toy_task(pack="1-1", seeds=[1])) == ["shipped"]

    before = {path.name: path.read_bytes() for path in source(task).iterdir()}
    shutil.rmtree(source(task))
    shipped.ship(task, 1)
    assert {path.name: path.read_bytes() for path in source(task).iterdir()} == before


def test_another_training_does_not_take_it(task):
    other = toy_task(training_digest="f" * 16, training=toy_training(epochs=1))
    assert "2 to train" in train(other)[0]


def test_not_wanted_it_is_trained_even_where_it_was_taken_before(task, monkeypatch):
    train(task)
    taken = store.load(task.stored(1), 1, task.training_digest)
    tested = [
        paths.finished_evaluation(task.run, task.point, "accuracy", "a" * 16, n) for n in (1, 2)
    ]
    for path in tested:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.setenv(shipped.VARIABLE, "0")

    log = train(task)

    assert log[0] == f"seed 1 was shipped and is trained anew, as {shipped.VARIABLE}=0 says"
    assert origins(task) == [None, None]
    assert [path.exists() for path in tested] == [False, True]
    own = store.load(task.stored(1), 1, task.training_digest)
    assert own.summary["files"]["weights.safetensors"] == taken.summary["files"][store.WEIGHTS]
    assert "0 to train, 2 are finished" in train(task)[0]


@pytest.mark.parametrize("name", [store.WEIGHTS, store.HISTORY, store.SEED])
@pytest.mark.parametrize("cut", [True, False])
def test_a_damaged_one_is_named_with_both_ways_out(task, name, cut):
    path = source(task) / name
    path.write_bytes(path.read_bytes()[:-7]) if cut else path.unlink()

    with pytest.raises(UserError, match=f"{name} is (missing|truncated or altered)") as error:
        train(task)

    assert f"`git checkout {source(task)}`, or set {shipped.VARIABLE}=0" in str(error.value)
    assert not store.holds(task.stored(1))


def test_what_is_not_trained_is_not_shipped(task):
    with pytest.raises(UserError, match="is not there: train seed 2 of toy/toy/plain first"):
        shipped.ship(task, 2)


def test_a_seed_that_is_shipped_again_replaces_the_older_one(task, monkeypatch):
    older = (source(task) / store.SEED).read_bytes()
    monkeypatch.setenv(shipped.VARIABLE, "0")
    train(task)  # anew: its times are others
    trained = (task.stored(1) / store.SEED).read_bytes()
    assert trained != older

    shipped.ship(task, 1)

    assert (source(task) / store.SEED).read_bytes() == trained
