"""Attacks in a job that is killed: the next one goes on, to the same rows."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from test_evaluating import evaluate, evaluation, results, task_for
from test_kept_rows import evaluate_logged
from toy_runs import start, toy_task, toy_training, toys, train, wait_for  # noqa: F401

from isotrope import registry

pytestmark = pytest.mark.usefixtures("toys")
SETTINGS = {
    "adversarial": {
        "attacks": ["pgd", "square"],
        "tier": "smoke",
        "eps": [0.05, 0.1],
        "batch": 2,
        "queries": 40,
    },
    "spatial_attack": {"angles": [-20, 0, 20], "scales": [1], "shifts": [-1, 0, 1], "batch": 2},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_killed_attack_ends_with_the_rows_of_one_that_was_not(name):
    trained = toy_task(training=toy_training(epochs=1), seeds=[1], pack="1")
    train(trained)
    whole = task_for(trained, bound(name, alias="whole", digest="e" * 16))
    evaluate(whole)
    task = task_for(trained, bound(name), save_every=0.0)
    kept = []
    for _ in range(3):
        process = start(evaluate_logged, task)
        known = kept[-1] if kept else 0
        wait_for(lambda past=known, it=process: written(past) or not it.is_alive())
        kept += [path.stat().st_mtime_ns for path in Path("out").rglob("*.position.pt")]
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
        process.join(60)
    assert len(kept) >= 2, "it was killed in the midst"

    evaluate(task)

    expected = [row | {"evaluation": name} for row in results(whole)]
    assert [row | {"evaluation": name} for row in results(task)] == expected
    assert not list(Path("out").rglob("*.position.pt"))


def bound(name, **names):
    """The evaluation with its settings."""
    found = evaluation(name, **names)
    params = registry.load("evaluation", name).Params(**SETTINGS[name])
    return replace(found, evaluation=replace(found.evaluation, params=params))


def written(past):
    """Whether a position was kept after another."""
    return any(path.stat().st_mtime_ns > past for path in Path("out").rglob("*.position.pt"))
