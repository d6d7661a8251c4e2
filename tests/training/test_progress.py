"""What a job says of itself."""

import errno
import io
import json
import os
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console
from toy_runs import ToyModelParams, ToyNetwork, silent, toy_task, toy_training, train

from isotrope.errors import UserError
from isotrope.training import pack, progress
from isotrope.training.pack import train_pack
from isotrope.training.progress import Report, model_summary
from isotrope.training.records import EpochRow, SeedRecord


def test_the_log_begins_with_the_model_and_has_a_line_an_epoch(toys):
    lines = train(toy_task(seeds=[1, 2]))

    assert (
        lines[0] == "toy/toy/plain, base, seeds 1-2: 2 to train, 0 are finished; cpu, 1 CPU threads"
    )
    assert lines[1] == "40 training and 40 validation images of 1 x 8 x 8, 4 classes"
    assert lines[2] == "ToyNetwork, 624 parameters"
    assert [line.split()[0] for line in lines[3:6]] == ["conv", "norm", "linear"]
    epochs = [line for line in lines if " of 4, loss " in line]
    assert len(epochs) == 8
    assert epochs[0].startswith("seed 1: epoch 1 of 4, loss ")
    assert "(best)" in epochs[0]
    assert "left" in epochs[0]
    assert "left" not in epochs[-1]
    assert lines[-1].startswith("seed 2: done after 4 epochs, best validation accuracy ")


def test_the_summary_counts_every_parameter_once():
    network = ToyNetwork(ToyModelParams(), 1, 4)
    head, *rows = model_summary(network)

    assert head == "ToyNetwork, 624 parameters"
    assert sum(int(row.split()[1].replace(",", "")) for row in rows) == 624


def test_the_heartbeat_says_how_the_job_fares_and_goes_when_it_is_done(toys, monkeypatch):
    monkeypatch.setattr(progress, "HEARTBEAT_SECONDS", 0.0)
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    task, said = toy_task(seeds=[1, 2]), []
    write = progress.write_whole
    monkeypatch.setattr(
        progress,
        "write_whole",
        lambda path, text: (said.append(json.loads(text)), write(path, text)),
    )
    train(task)

    assert set(said[0]) == {
        *("seed", "seeds", "seeds_done", "epoch", "epochs", "validation_accuracy", "time"),
        *("host", "pid", "slurm_job", "seconds_left", "ended"),
    }
    assert (said[0]["seed"], said[0]["epoch"], said[0]["epochs"]) == (1, 1, 4)
    assert said[0]["validation_accuracy"] is None
    assert said[0]["seconds_left"] is None
    assert (said[-1]["seed"], said[-1]["seeds"], said[-1]["epoch"]) == (2, [2], 4)
    assert said[-1]["seeds_done"] == 1
    assert said[-1]["seconds_left"] >= 0
    assert 0 <= said[-1]["validation_accuracy"] <= 1
    assert all((one["pid"], one["slurm_job"]) == (os.getpid(), "4711") for one in said)
    assert not task.heartbeat.exists()


def test_heartbeats_are_seconds_apart(toys, monkeypatch):
    beats = []
    monkeypatch.setattr(progress, "write_whole", lambda path, text: beats.append(path))
    task = toy_task(seeds=[1, 2])
    train(task)

    assert beats == [task.heartbeat] * 2  # one at the start of each seed


def test_a_heartbeat_that_cannot_be_written_ends_nothing(toys, monkeypatch):
    Path("file").touch()
    refused = Path("file/.heartbeat.json")  # a file stands where its folder should be
    monkeypatch.setattr(pack.TrainingTask, "heartbeat", refused)
    monkeypatch.setattr(progress, "HEARTBEAT_SECONDS", 0.0)
    write, tried = progress.write_whole, []

    def noted(path, text):
        tried.append(path)
        write(path, text)

    monkeypatch.setattr(progress, "write_whole", noted)
    with pytest.raises(UserError, match=r"heartbeat\.json could not be written"):
        write(refused, "")
    task = toy_task(seeds=[1], pack="1-1", training=toy_training(epochs=2))
    lines = train(task)

    assert len(tried) > 2 * 3, "at the start, and after each of three steps of two epochs"
    assert set(tried) == {refused}
    assert lines[-1].startswith("seed 1: done after 2 epochs")
    (seed,) = json.loads((task.folder / "run.json").read_text())["seeds"]
    assert (seed["status"], seed["epochs"]) == ("done", 2)


def test_a_heartbeat_that_cannot_be_removed_ends_nothing_and_hides_no_error(toys, monkeypatch):
    unlink = Path.unlink

    def refused(path, **options):
        if path.name == ".heartbeat.json":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        unlink(path, **options)

    monkeypatch.setattr(Path, "unlink", refused)
    task = toy_task(seeds=[1], pack="1-1", training=toy_training(epochs=1))
    assert train(task)[-1].startswith("seed 1: done after 1 epoch")

    monkeypatch.setattr(ToyNetwork, "forward", lambda network, images: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        train(toy_task(run="toy/toy/other", seeds=[1], pack="1-1"))


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_is_drawn_on_a_terminal_only(toys, terminal):
    text = io.StringIO()
    console = Console(file=text, force_terminal=True) if terminal else None
    report = Report(log=silent().log, console=console)
    train_pack(toy_task(seeds=[1], pack="1-1"), report)

    assert ("seed 1, epoch 1 of 4" in text.getvalue()) == terminal


def in_training(*seeds, epochs=0, share=0.0, keep="best", scores=()):
    """Seeds at an epoch, with their scores of the last one."""
    records = {}
    for seed in seeds:
        records[seed] = SeedRecord(seed, toy_training(epochs=10, keep=keep), 100)
    for record, score in zip(records.values(), scores, strict=False):
        record.close(EpochRow(record.seed, epochs, 1.0, 0.5, 2.0, score, 0.25))
    return SimpleNamespace(
        seeds=list(seeds), records=records, epochs=epochs, position=0, share=share
    )


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A job of three seeds and ten epochs, its clock and the lines of its log."""
    now, lines = [100.0], []
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    found = progress.PackProgress(Report(lines.append), tmp_path / "heartbeat.json", 3, 10)
    return found, now, lines


def test_the_time_left_is_of_all_epochs_that_may_follow_at_the_pace_of_those_after_the_first(job):
    its, now, lines = job
    assert its.seconds_left() is None
    training = in_training(1, 2, epochs=4, share=0.5, scores=(0.5, 0.5))
    its.begin(training)
    assert lines == ["seeds 1-2: go on in epoch 5 of 10"]
    now[0] += 90
    training.share = 0.75
    assert its.seconds_left() is None, "the first epoch may be the slowest"
    now[0] += 10
    training.epochs, training.share = 5, 0.0
    its.epoch()
    assert ", at most " in lines[-1]
    # half an epoch of two seeds in 100 seconds; two seeds at 5 epochs from their end, one waits
    assert its.seconds_left() == pytest.approx(100 * (2 * 5 + 10))
    now[0] += 5
    training.share = 0.5
    assert its.seconds_left() == pytest.approx(5 / 1 * (2 * 4.5 + 10)), "the first counts no more"
    training.records[2].diverged = True
    assert its.seconds_left() == pytest.approx(5 / 1 * (4.5 + 10))
    now[0] += 5
    training.epochs, training.share = 6, 0.0
    its.epoch()
    assert its.seconds_left() == pytest.approx(10 / 2 * (4 + 10))
    its.put_off()
    assert its.seconds_left() == pytest.approx(10 / 2 * 30), "all three wait"
    its.put_off()
    assert its.seconds_left() == pytest.approx(10 / 2 * 30)


def test_an_epoch_whose_end_alone_was_left_says_nothing_of_the_time(job):
    its, now, lines = job
    training = in_training(1, epochs=4, share=1.0, scores=(0.5,))
    its.begin(training)
    now[0] += 7
    training.epochs, training.share = 5, 0.0
    its.epoch()
    assert "left" not in lines[-1]
    now[0] += 3
    training.share = 0.5
    assert its.seconds_left() == pytest.approx(3 / 0.5 * (4.5 + 20))


def test_the_heartbeat_of_a_stack_has_the_mean_of_the_scores_that_are_numbers(job):
    its, _, _ = job
    its.begin(in_training(1, 2, 3, epochs=9, scores=(0.5, float("nan"), 0.75)))
    said = json.loads(its.heartbeat.read_text())
    assert (said["validation_accuracy"], said["epoch"], said["ended"]) == (0.625, 10, False)


@pytest.mark.parametrize(
    ("error", "left"), [(None, False), (ValueError, False), (SystemExit, True)]
)
def test_the_heartbeat_of_a_job_that_a_signal_ended_stays_and_says_so(job, error, left):
    its, _, _ = job
    with pytest.raises(error) if error else nullcontext(), its:
        its.begin(in_training(1))
        assert not json.loads(its.heartbeat.read_text())["ended"]
        if error:
            raise error
    assert its.heartbeat.exists() == left
    if left:
        assert json.loads(its.heartbeat.read_text())["ended"]


@pytest.mark.parametrize(
    ("seeds", "text"),
    [([3], "seed 3"), ([1, 2, 3], "seeds 1-3"), ([4, 1], "2 seeds of 1-4"), ([2, 1], "seeds 1-2")],
)
def test_seeds_are_a_range_where_none_is_left_out(seeds, text):
    assert progress.seeds_text(seeds) == text


@pytest.mark.parametrize(
    ("keep", "scores", "mark"),
    [
        ("best", (0.5, 0.25), " (best of 2)"),
        ("best", (0.5, float("nan")), " (best of 1)"),
        ("best", (0.5,), " (best)"),
        ("last", (0.5,), ""),
    ],
)
def test_a_line_of_an_epoch_says_of_how_many_seeds_it_is_the_best(keep, scores, mark):
    seeds = range(1, len(scores) + 1)
    training = in_training(*seeds, epochs=3, keep=keep, scores=scores)
    for record in training.records.values():
        if record.history[-1].validation_score != record.history[-1].validation_score:
            record.best_epoch = 2
    rows = [record.history[-1] for record in training.records.values()]
    line = progress._epoch_line(rows, 10, training)
    assert line.startswith(f"{progress.seeds_text(seeds)}: epoch 3 of 10, loss 1.0000, accuracy")
    assert line.endswith(f"%{mark}, {0.25 * len(scores):.2f} s")


def test_the_last_line_of_a_seed_says_whether_its_score_is_the_best_or_the_last(job):
    its, _, lines = job
    for keep, scores in (("best", (0.5,)), ("last", (0.5,)), ("best", (None,))):
        (record,) = in_training(7, epochs=1, keep=keep, scores=scores).records.values()
        its.end(record, "done")
    assert lines == [
        "seed 7: done after 1 epoch, best validation accuracy 50.0% in epoch 1",
        "seed 7: done after 1 epoch, validation accuracy 50.0% in epoch 1",
        "seed 7: done after 1 epoch",
    ]
