"""Seeds that train together end as they do alone, whatever happens to the others."""

import csv
import itertools
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from toy_runs import ToyModelParams, toy_task, toy_training, train

from isotrope.training import loop, stacked
from isotrope.training.engines import WHOLE
from isotrope.training.task import TrainingTask

SEEDS = [1, 2, 3, 4, 5]
HANDED = ToyModelParams(handed=True)
# seeds that stop at different epochs, each with batches of its own
UNEVEN = toy_training(epochs=20, reshuffle=True, early_stopping={"patience": 3})


def task(run: str, **changes: object) -> TrainingTask:
    return toy_task(
        **{
            "run": f"toy/toy/{run}",
            "seeds": SEEDS,
            "pack": "1-5",
            "model_params": HANDED,
            **changes,
        }
    )


def rows_of(task: TrainingTask, seed: int | None = None) -> list[dict[str, str]]:
    rows = csv.DictReader((task.folder / "history.csv").read_text().splitlines())
    return [row for row in rows if seed in (None, int(row["seed"]))]


def seeds_of(task: TrainingTask) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads((task.folder / "run.json").read_text())["seeds"]
    return found


def assert_alike(ours: TrainingTask, theirs: TrainingTask) -> None:
    """The same epochs, the same best ones, the same numbers up to what float32 rounds."""
    for one, other in zip(seeds_of(ours), seeds_of(theirs), strict=True):
        for key in ("seed", "status", "epochs", "best_epoch", "best_validation_accuracy"):
            assert one[key] == other[key], (one["seed"], key)
    for one, other in zip(rows_of(ours), rows_of(theirs), strict=True):
        for key in ("train_loss", "validation_loss"):
            assert float(one[key]) == pytest.approx(float(other[key]), rel=1e-4, abs=1e-5)
    found, expected = (load_file(t.folder / "weights.safetensors") for t in (ours, theirs))
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {"training": UNEVEN},
        {"training": toy_training(epochs=3)},
        {"training": toy_training(epochs=3, augmentation={"name": "scale_jitter", "largest": 2.0})},
        {"training": toy_training(epochs=3, precision="tf32", deterministic=False)},
        {"training": toy_training(epochs=3), "model_params": ToyModelParams(dropout=0.0)},
        {"training": toy_training(epochs=3), "model_params": ToyModelParams(dropout=0.3)},
    ],
)
def test_a_stack_ends_as_its_seeds_do_one_after_the_other(toys, changes):
    """With batch norm, and in the first two with random numbers inside."""
    together, apart = task("together", stack=5, **changes), task("apart", **changes)
    lines = train(together)
    train(apart)

    assert_alike(together, apart)
    assert {seed["together"] for seed in seeds_of(together)} == {5}
    assert {seed["together"] for seed in seeds_of(apart)} == {1}
    assert {seed["device"] for seed in seeds_of(together)} == {"cpu, 5 seeds at once"}
    assert any(line.startswith("seeds 1-5: epoch 1 of ") for line in lines)
    assert not list(Path("out/runs").rglob(".resume"))


def test_a_stack_loses_half_of_its_rows_when_half_of_its_seeds_have_stopped(toys, monkeypatch):
    widths: list[int] = []
    make = loop.LockstepTraining._engine

    def noted(self, networks):
        widths.append(len(networks))
        return make(self, networks)

    monkeypatch.setattr(loop.LockstepTraining, "_engine", noted)
    together = task("together", stack=5, training=UNEVEN)
    train(together)

    epochs = sorted(int(seed["epochs"]) for seed in seeds_of(together))
    assert len(set(epochs)) > 2, "the toy has become too even for this test"
    assert widths[:2] == [2, 5]  # the first is a trial
    assert all(2 * now <= before for before, now in itertools.pairwise(widths[1:]))
    assert len(widths) > 2


def test_a_seed_that_diverges_in_a_stack_changes_nothing_in_the_others(toys):
    changes = {"training": toy_training(epochs=4)}
    exploding = ToyModelParams(handed=True, explode=2)
    together = task("together", stack=5, model_params=exploding, **changes)
    apart = task("apart", **changes)
    train(together)
    train(apart)

    said = {int(seed["seed"]): seed for seed in seeds_of(together)}
    assert said[2]["status"] == "diverged"
    assert [said[seed]["epochs"] for seed in SEEDS] == [4, 1, 4, 4, 4]
    for seed in (1, 3, 4, 5):
        for one, other in zip(rows_of(together, seed), rows_of(apart, seed), strict=True):
            assert float(one["train_loss"]) == pytest.approx(float(other["train_loss"]), rel=1e-3)


def test_seeds_join_the_stacks_that_the_param_file_allows(toys):
    lines = train(task("together", stack=2))

    begun = [line.split(":")[0] for line in lines if ": epoch 1 of 4" in line]
    assert begun == ["seeds 1-2", "seeds 3-4", "seed 5"]


def test_a_network_that_draws_inside_trains_one_seed_after_the_other(toys):
    lines = train(task("together", stack=5, model_params=ToyModelParams(inside=True)))

    (why,) = [line for line in lines if "one after the other" in line]
    assert "draws random numbers inside" in why
    assert "`draw`" in why
    assert {seed["together"] for seed in seeds_of(task("together"))} == {1}


def test_a_model_may_refuse_to_be_stacked(toys, monkeypatch):
    monkeypatch.setattr("toy_runs.TOY_MODEL.STACKABLE", False, raising=False)
    lines = train(task("together", stack=5))

    assert "seeds train one after the other: toy says that it cannot be stacked" in lines


def limit_rows(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """Let steps of more rows run out of memory."""
    step = stacked.Stacked.step

    def limited(self, batch, part=WHOLE):
        if self.rows > rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
        return step(self, batch, part)

    monkeypatch.setattr(stacked.Stacked, "step", limited)


def test_a_stack_that_runs_out_of_memory_is_halved_and_goes_on(toys, monkeypatch):
    apart = task("apart")
    train(apart)
    together = task("together", stack=5)
    limit_late(monkeypatch, after=6, rows=2)
    lines = train(together)

    halved = [line for line in lines if "more memory than the device has" in line]
    assert [line.split(":")[0] for line in halved] == ["seeds 1-5", "seeds 1-3"]
    assert_alike(together, apart)


def limit_late(monkeypatch: pytest.MonkeyPatch, after: int, rows: int) -> None:
    """Let memory run out in mid-training, after so many steps of any stack."""
    step, done = stacked.Stacked.step, []

    def limited(self, batch, part=WHOLE):
        done.append(1)
        if self.rows > rows and len(done) > after:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
        return step(self, batch, part)

    monkeypatch.setattr(stacked.Stacked, "step", limited)


def test_memory_too_small_for_two_seeds_is_no_error(toys, monkeypatch):
    limit_rows(monkeypatch, 1)
    lines = train(task("together", stack=5))

    assert any("two at once do not fit the memory" in line for line in lines)


def test_a_validation_in_a_stack_takes_its_rows_share_of_images(toys, monkeypatch):
    sizes: list[tuple[int, int]] = []
    test = stacked.Stacked.test

    def noted(self, batch):
        sizes.append((self.rows, len(batch.labels)))
        return test(self, batch)

    monkeypatch.setattr(stacked.Stacked, "test", noted)
    train(task("together", stack=2, training=toy_training(epochs=1, batch_size=4)))

    assert max(count for _, count in sizes) == 16  # half of the 32 that one network takes
