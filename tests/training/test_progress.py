"""What a job says of itself."""

import errno
import io
import json
import os
from pathlib import Path

import pytest
from rich.console import Console
from toy_runs import ToyModelParams, ToyNetwork, silent, toy_task, toy_training, train

from isotrope.errors import UserError
from isotrope.training import pack, progress
from isotrope.training.pack import train_pack
from isotrope.training.progress import Report, model_summary


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
