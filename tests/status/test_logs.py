"""The last word of a log, of logs written by hand and by real jobs."""

import subprocess
import sys

import pytest
from test_evaluating import evaluate, task_for
from toy_runs import ToyModelParams, start, toy_task, toy_training, train, train_logged, wait_for

from isotrope.status.logs import LONGEST, TAIL, last_word
from isotrope.training.stack_width import Cost, fastest

CUDA = """\
seed 1: epoch 1 of 2, loss 0.1
Traceback (most recent call last):
  File "loop.py", line 1, in run
    loss.backward()
RuntimeError: CUDA error: out of memory
CUDA kernel errors might be asynchronously reported at some other API call.
Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.
"""
CHAINED = """\
Traceback (most recent call last):
  File "a.py", line 1, in <module>
KeyError: 'x'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "a.py", line 3, in <module>
ValueError: the second
"""


@pytest.mark.parametrize(
    ("text", "line", "is_error"),
    [
        ("", "", False),
        ("\n  \n", "", False),
        (
            "training\nout/x: no such file; put it there\n\n",
            "out/x: no such file; put it there",
            True,
        ),
        (
            "/bin/bash: isotrope: command not found\n",
            "/bin/bash: isotrope: command not found",
            True,
        ),
        ("seed 1: epoch 3 of 200, loss 0.1\n", "seed 1: epoch 3 of 200, loss 0.1", False),
        ("Net, 1,234 parameters\n  conv  12  Conv2d()\n", "Net, 1,234 parameters", False),
        (CUDA, "RuntimeError: CUDA error: out of memory", True),
        (CHAINED, "ValueError: the second", True),
        (f"{CHAINED}seed 2: epoch 1 of 2\n", "seed 2: epoch 1 of 2", False),
        ("x.py:3: UserWarning: slow\n  warn()\n", "x.py:3: UserWarning: slow", False),
        ("\x1b[31mit\tbroke\x1b[0m\r\n", "it broke", True),
        ("[red]it broke[/red]\n", "[red]it broke[/red]", True),
    ],
)
def test_the_last_word_is_the_line_that_says_why(tmp_path, text, line, is_error):
    path = tmp_path / "train.log"
    path.write_text(text)
    word = last_word(path)
    assert (word.line, word.is_error) == (line, is_error)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("SIGTERM: saved, ends", "ended"),
        ("SIGUSR2: saved, asks SLURM to queue job 12 again", "ended"),
        ("scontrol requeue 12 failed: no such job", "ended"),
        ("waits for the training of a/b/c, base, seeds 1-2: process 12 on node7", "waits"),
        ("takes over from process 12 on node7; it is dead", "well"),
        ("accuracy: 3 seeds on 1152 images of stir, test", "well"),
        ("SIGNAL of nothing", "error"),
    ],
)
def test_what_is_no_error_tells_what_the_job_does(tmp_path, line, kind):
    path = tmp_path / "train.log"
    path.write_text(f"{line}\n")
    assert last_word(path).kind == kind


def test_of_a_long_log_the_end_is_read_and_of_a_long_line_the_beginning(tmp_path):
    path = tmp_path / "train.log"
    path.write_bytes(b"\xff" * 2 * TAIL + b"\n" + b"x" * 5000 + b"\n")
    assert last_word(path).line == "x" * LONGEST
    assert last_word(tmp_path / "absent") is None


def test_an_error_of_the_interpreter_is_an_error(tmp_path):
    path = tmp_path / "train.log"
    with path.open("w") as log:
        subprocess.run([sys.executable, "-c", "def f(): f()\nf()"], stderr=log, check=False)
    word = last_word(path)
    assert word.is_error
    assert word.line.startswith("RecursionError: maximum recursion depth exceeded")


def ends_well(path, lines):
    """Whether a log may end with any of these lines without being taken for a failed one."""
    for line in lines:
        path.write_text(f"{line}\n")
        if last_word(path).is_error:
            return False
    return bool(lines)


def test_all_that_a_real_training_says_is_no_error(toys):
    task = toy_task(model_params=ToyModelParams(explode=2))
    assert ends_well(toys / "log", train(task))
    lines = evaluate(task_for(task))
    assert len(lines) == 3  # a diverged seed and two evaluations
    assert ends_well(toys / "log", lines)


@pytest.mark.parametrize("stackable", [True, False])
def test_all_that_a_training_of_several_seeds_at_once_says_is_no_error(
    toys, monkeypatch, stackable
):
    monkeypatch.setattr("toy_runs.TOY_MODEL.STACKABLE", stackable, raising=False)
    task = toy_task(seeds=[1, 2, 4], stack=2, model_params=ToyModelParams(dropout=0.0))
    lines = train(task)
    assert any(line.startswith("seeds 1-2: ") for line in lines) == stackable
    assert ends_well(toys / "log", lines)


def test_what_is_said_of_the_width_of_a_stack_is_no_error(tmp_path):
    lines = []
    costs = {1: Cost(1.0, 100), 2: Cost(1.5, 150), 8: Cost(3.0, 450)}
    assert fastest(costs.__getitem__, 8, 450, lines.append) == 8
    assert ends_well(tmp_path / "log", [*lines, "3 seeds of 1-9: epoch 2 of 5, loss 0.1"])


def test_all_that_an_interrupted_and_resumed_training_says_is_no_error(toys):
    task = toy_task(
        save_every=0.0,
        training=toy_training(epochs=8),
        model_params=ToyModelParams(step_seconds=0.01),
    )
    log = toys / "train.log"
    process = start(train_logged, task, log)
    wait_for(lambda: task.unfinished(1).exists())
    process.terminate()
    process.join()
    assert ends_well(toys / "log", log.read_text().splitlines())
    assert ends_well(toys / "log", train(task))
