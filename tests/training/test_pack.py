"""Packs: what they write, what they take from the store, and that seeds stay apart."""

import csv
import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import safetensors
import torch
from safetensors.torch import load_file
from toy_runs import (
    CLASSES,
    SHAPE,
    ToyDataParams,
    ToyModelParams,
    ToyNetwork,
    build,
    toy_task,
    toy_training,
    train,
    without_seconds,
)

from isotrope import devices
from isotrope.datasets import loading
from isotrope.errors import UserError
from isotrope.packs import resume, store
from isotrope.training import pack, stopwatch
from isotrope.training.pack import train_pack
from isotrope.training.progress import Report


def rows_of(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "history.csv").read_text().splitlines()))


def test_a_pack_writes_stacked_weights_histories_and_a_record(toys):
    task = toy_task(seeds=[1, 2, 3], pack="1-3")
    train(task)

    names = sorted(p.name for p in task.folder.iterdir())
    assert names == ["history.csv", "run.json", "weights.safetensors"]
    stacked = load_file(task.folder / "weights.safetensors")
    network = ToyNetwork(ToyModelParams(), 1, CLASSES)
    assert {k: tuple(v.shape) for k, v in stacked.items()} == {
        k: (3, *v.shape) for k, v in network.state_dict().items()
    }
    with safetensors.safe_open(task.folder / "weights.safetensors", "pt") as file:
        assert json.loads(file.metadata()["isotrope"]) == {
            "seeds": [1, 2, 3],
            "training_digest": task.training_digest,
            "model": "toy",
        }
    assert [(row["seed"], row["epoch"]) for row in rows_of(task.folder)] == [
        (str(seed), str(epoch)) for seed in (1, 2, 3) for epoch in (1, 2, 3, 4)
    ]
    run = json.loads((task.folder / "run.json").read_text())
    assert run["settings"] == {"training": {"epochs": 4}}
    assert (run["image_shape"], run["classes"]) == (list(SHAPE), CLASSES)
    assert run["parameters"] == sum(value.numel() for value in network.parameters())
    assert [seed["seed"] for seed in run["seeds"]] == [1, 2, 3]
    for seed in run["seeds"]:
        assert seed["status"] == "done"
        assert (seed["epochs"], seed["resumed"], seed["device"]) == (4, 0, "cpu")
        assert seed["seconds"] > 0
        assert seed["peak_memory_mb"] > 10
        assert seed["best_validation_accuracy"] == max(
            float(row["validation_accuracy"])
            for row in rows_of(task.folder)
            if row["seed"] == str(seed["seed"])
        )
        seconds = [
            float(row["train_seconds"])
            for row in rows_of(task.folder)
            if row["seed"] == str(seed["seed"])
        ]
        assert seed["seconds_per_epoch_last"] == seconds[-1]
        assert seed["seconds_per_epoch_mean"] == pytest.approx(sum(seconds) / 4)
    assert not list(Path("out/runs").rglob(".resume"))
    assert not list(Path("out/runs").rglob("*.part"))


def test_saving_and_validation_are_no_training_time(toys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(stopwatch, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    save, forward, saved = resume.save, ToyNetwork.forward, []

    def slow_save(*words):
        now[0] += 100.0
        saved.append(words)
        save(*words)

    def timed(network, images):
        now[0] += 1.0 if network.training else 10.0
        return forward(network, images)

    monkeypatch.setattr(resume, "save", slow_save)
    monkeypatch.setattr(ToyNetwork, "forward", timed)
    task = toy_task(seeds=[1], pack="1-1", save_every=0.0)
    train(task)

    assert len(saved) > 3 * 4, "after each of three steps of four epochs"
    assert [float(row["train_seconds"]) for row in rows_of(task.folder)] == [3.0] * 4


def test_the_most_memory_of_all_times_is_noted(toys, monkeypatch):
    peaks = iter([7.0, 90.0, *[30.0] * 1000])
    monkeypatch.setattr(devices, "memory_peak_mb", lambda device: next(peaks))
    task = toy_task(seeds=[1], pack="1-1", save_every=0.0)
    train(task)
    run = json.loads((task.folder / "run.json").read_text())
    assert [seed["peak_memory_mb"] for seed in run["seeds"]] == [90]
    assert run["peak_memory_mb"] == 90


@pytest.mark.parametrize(("now", "most"), [(1.0, 90.0), (100.0, 100.0)])
def test_the_most_memory_of_a_pack_is_that_of_its_seeds_or_of_what_puts_it_together(
    toys, monkeypatch, now, most
):
    for seed, peak in ((1, 90.0), (2, 30.0)):
        monkeypatch.setattr(devices, "memory_peak_mb", lambda device, peak=peak: peak)
        train(toy_task(seeds=[seed], pack=f"{seed}-{seed}"))
    monkeypatch.setattr(devices, "memory_peak_mb", lambda device: now)
    both = toy_task(seeds=[1, 2], pack="1-2")
    train(both)
    run = json.loads((both.folder / "run.json").read_text())
    assert [seed["peak_memory_mb"] for seed in run["seeds"]] == [90, 30]
    assert run["peak_memory_mb"] == most


def test_a_seed_is_the_same_alone_and_in_any_pack(toys):
    together, alone = (
        toy_task(seeds=[1, 2, 3], pack="1-3"),
        toy_task(run="toy/toy/alone", seeds=[2], pack="2-2"),
    )
    train(together)
    torch.rand(5)  # whatever was drawn before
    train(alone)

    stacked = load_file(together.folder / "weights.safetensors")
    for name, value in load_file(alone.folder / "weights.safetensors").items():
        assert torch.equal(value[0], stacked[name][1]), name
    one, three = (
        without_seconds((task.folder / "history.csv").read_text()) for task in (alone, together)
    )
    assert one[1:] == [line for line in three if line.startswith("2,")]


def test_initial_weights_are_the_first_draws_after_the_seed(toys):
    task = toy_task(seeds=[5], pack="5-5", training=toy_training(epochs=1, batch_size=1000))
    lines: list[object] = []
    original = ToyNetwork.forward

    def spy(self, images):
        if not lines:
            lines.append({k: v.clone() for k, v in self.state_dict().items()})
        return original(self, images)

    ToyNetwork.forward = spy
    try:
        train(task)
    finally:
        ToyNetwork.forward = original

    torch.manual_seed(5)
    expected = build(ToyModelParams(), SHAPE, CLASSES).state_dict()
    assert all(torch.equal(lines[0][name], value) for name, value in expected.items())


def test_a_finished_seed_is_not_trained_again_when_the_pack_changes(toys, monkeypatch):
    small = toy_task(seeds=[1, 2], pack="1-2")
    train(small)
    before = {seed: (small.stored(seed) / "seed.json").read_bytes() for seed in (1, 2)}
    large = toy_task(seeds=[1, 2, 3], pack="1-50")

    lines = train(large)

    assert "1 to train, 2 are finished" in lines[0]
    assert not any(line.startswith(("seed 1", "seed 2")) for line in lines)
    assert {seed: (large.stored(seed) / "seed.json").read_bytes() for seed in (1, 2)} == before
    first, second = (load_file(task.folder / "weights.safetensors") for task in (small, large))
    again = (small.folder / "weights.safetensors").read_bytes()
    train(small)
    assert (small.folder / "weights.safetensors").read_bytes() == again
    assert all(torch.equal(first[name], second[name][:2]) for name in first)

    monkeypatch.setattr(loading, "load_split", lambda *args: pytest.fail("data were loaded"))
    lines = train(toy_task(seeds=[2, 3], pack="2-3"))
    assert "0 to train, 2 are finished" in lines[0]


def test_files_that_hold_all_already_keep_their_bytes_and_times(toys):
    task = toy_task(seeds=[1, 2], pack="1-2")
    train(task)
    files = [task.folder / name for name in ("weights.safetensors", "history.csv", "run.json")]

    def state():
        return [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]

    before = state()
    again = replace(task, threads=task.threads + 1)
    assert "0 to train, 2 are finished" in train(again)[0]
    assert state() == before
    for lost in files:  # as Snakemake deletes what a job is to make
        lost.unlink()
        train(task)
        now = state()
        kept = [path for path, old, new in zip(files, before, now, strict=True) if old == new]
        assert kept == [path for path in files[:2] if path != lost], "run.json is the last"
        before = now
    files[1].write_text("altered")
    train(task)
    assert files[1].read_bytes() == before[1][0]
    train(replace(task, settings={"training": {"epochs": 5}}))
    assert json.loads(files[2].read_text())["settings"] == {"training": {"epochs": 5}}


def test_some_seeds_of_a_finished_pack_take_none_of_the_others_out_of_its_files(toys):
    task = toy_task(seeds=[1, 2, 3], pack="1-3")
    train(task)
    files = [task.folder / name for name in ("weights.safetensors", "history.csv", "run.json")]

    def state():
        return [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]

    before = state()
    for seeds in ([1], [3, 1]):
        train(replace(task, seeds=seeds))
        assert state() == before
    (task.stored(2) / "weights.safetensors").write_bytes(b"lost")
    train(replace(task, seeds=[1]))
    assert [seed["seed"] for seed in json.loads(files[2].read_text())["seeds"]] == [1, 3]
    files[2].unlink()  # as Snakemake deletes what a job is to make
    train(replace(task, seeds=[1]))
    assert [seed["seed"] for seed in json.loads(files[2].read_text())["seeds"]] == [1]


def test_a_diverging_seed_does_not_take_its_pack_down(toys):
    task = toy_task(seeds=[1, 2, 3], pack="1-3", model_params=ToyModelParams(explode=2))
    lines = train(task)

    seeds = json.loads((task.folder / "run.json").read_text())["seeds"]
    assert [seed["status"] for seed in seeds] == ["done", "diverged", "done"]
    assert (seeds[1]["epochs"], seeds[1]["best_epoch"]) == (1, 0)
    assert seeds[1]["best_validation_accuracy"] is None
    torch.manual_seed(2)
    initial = build(ToyModelParams(explode=2), SHAPE, CLASSES).state_dict()
    stacked = load_file(task.folder / "weights.safetensors")
    assert all(torch.equal(stacked[name][1], value) for name, value in initial.items())
    (row,) = [row for row in rows_of(task.folder) if row["seed"] == "2"]
    assert not math.isfinite(float(row["train_loss"]))
    assert any("seed 2: diverged after 1 epoch" in line for line in lines)


def test_a_seed_that_stays_at_chance_is_collapsed(toys):
    training = toy_training(epochs=2, optimizer={"name": "adam", "learning_rate": 1e-12})
    task = toy_task(seeds=[1], pack="1-1", training=training)
    train(task)

    (seed,) = json.loads((task.folder / "run.json").read_text())["seeds"]
    assert seed["best_validation_accuracy"] <= 1.3 / CLASSES
    assert seed["status"] == "collapsed"


def test_another_digest_trains_anew_beside_the_old_seed(toys):
    train(toy_task(seeds=[1], pack="1-1"))
    lines = train(toy_task(seeds=[1], pack="1-1", training_digest="f" * 16))

    assert "1 to train" in lines[0]
    assert len(list(Path("out/runs/toy/toy/plain/base/.seeds").iterdir())) == 2


def test_truncated_weights_in_the_store_are_named(toys):
    task = toy_task(seeds=[1], pack="1-1")
    train(task)
    path = task.stored(1) / store.WEIGHTS
    path.write_bytes(path.read_bytes()[:100])

    with pytest.raises(UserError, match=r"weights\.safetensors is truncated or altered"):
        train(task)


def test_a_model_that_does_not_take_the_images_is_said_with_its_reason(toys, monkeypatch):
    monkeypatch.setattr("toy_runs.TOY_DATA.image_shape", lambda params: (1, 2, 2))
    with pytest.raises(UserError, match="toy/toy/plain: model toy: images are too small"):
        train(toy_task())


def test_a_model_that_answers_for_other_classes_is_refused_with_its_first_batch(toys, monkeypatch):
    whole = ToyNetwork.forward
    monkeypatch.setattr(ToyNetwork, "forward", lambda self, images: whole(self, images)[:, 1:])
    with pytest.raises(UserError, match=r"gives (\d) logits for each image, and the data set has"):
        train(toy_task())


def test_settings_of_torch_are_as_before(toys):
    def settings():
        return (
            torch.get_num_threads(),
            torch.backends.cudnn.allow_tf32,
            torch.backends.cudnn.deterministic,
            torch.are_deterministic_algorithms_enabled(),
            torch.utils.deterministic.fill_uninitialized_memory,
        )

    before = settings()
    seen = []
    original = ToyNetwork.forward
    ToyNetwork.forward = lambda self, images: (seen.append(settings()), original(self, images))[1]
    try:
        train(toy_task(seeds=[1], dataset_params=ToyDataParams(count=16)))
    finally:
        ToyNetwork.forward = original

    assert set(seen) == {(1, False, True, True, False)}
    assert settings() == before


def test_a_gpu_that_is_not_there_is_said(toys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="device cuda: torch sees no GPU"):
        train(toy_task(device="cuda"))


def test_what_is_said_is_kept_beside_the_pack_if_nobody_else_sees_to_that(toys, monkeypatch):
    task, lines = toy_task(seeds=[2], pack="1-25"), []
    train_pack(task, Report(lines.append, own_log=True))
    log = task.folder / "train.log"
    assert log.read_text().splitlines() == lines
    assert lines[0].startswith(f"{task.run}, {task.point}, seeds 2: 1 to train"), "those asked for"

    def fail(*arguments):
        raise RuntimeError("a bug")

    monkeypatch.setattr(pack, "assemble", fail)
    with pytest.raises(RuntimeError):
        train_pack(task, Report(lines.append, own_log=True))
    assert log.read_text().splitlines()[-1] == "RuntimeError: a bug"
    log.unlink()
    with pytest.raises(RuntimeError):
        train_pack(task, Report(lines.append))
    assert not log.exists()
