"""The rows of `gpu.py`'s table: what a GPU reaches, beside what it is to reach."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import reckoning
import shift_fast
from gpu_measuring import SEEDS, Found
from gpu_project import NotRunError, summary_of

PROTOCOL = 90.0  # seconds
FAST = 75.0  # seconds, which leave 15 of 90 for start, validation and the test


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Args:
        name: by which it is chosen.
        text: what is measured.
        goal: the value to reach.
        unit: ``x`` where more is better, else less is: ``s``, ``h``, ``GiB``.
        measure: takes a `Measuring`, and gives what was `Found`.
        least: seconds that must be left for it.
    """

    name: str
    text: str
    goal: float
    unit: str
    measure: Callable
    least: float = 5.0

    def met(self, value):
        """Whether the goal is reached."""
        return value >= self.goal if self.unit == "x" else value <= self.goal


def against_published(model, seeds, measuring):
    """How many times as fast as the published form, for each seed."""
    count = min(seeds, measuring.seeds)
    found, _ = measuring.here(model, count)
    each, theirs = found.ours / count, measuring.published(model)
    return Found(theirs / each, each, theirs, found.busy, found.kernels, found.note)


def against_turn(model, measuring):
    """How many times as fast as one seed after the other before."""
    found, _ = measuring.here(model, measuring.seeds)
    theirs = measuring.seeds * measuring.before(model, 1)
    return Found(theirs / found.ours, found.ours, theirs, found.busy, found.kernels, found.note)


def against_stack(model, measuring):
    """How many times as fast as the stack before."""
    found, _ = measuring.here(model, measuring.seeds)
    theirs = measuring.before(model, measuring.seeds)
    return Found(theirs / found.ours, found.ours, theirs, found.busy, found.kernels, found.note)


def memory(model, measuring):
    """The most GiB of tensors that a stack takes."""
    found, peak = measuring.here(model, measuring.seeds)
    return Found(peak / 2**30, found.ours)


def evaluation(measuring):
    """Seconds that the evaluation of a pack takes, its start included."""
    training, evaluating, _, which = measuring.timed_run("one_epoch", 1)
    return Found(evaluating, note=f"{which}; one epoch trained in {training:.0f} s before")


def protocol(measuring):
    """Seconds from the start of a training to the end of its evaluations."""
    begin = time.perf_counter()
    try:
        training, evaluating, pack, which = measuring.timed_run(
            "whole", 1 if measuring.session.quick else 200
        )
    except NotRunError as error:
        spent = time.perf_counter() - begin
        if spent <= PROTOCOL:
            raise
        return Found(spent, note=f"and not finished: {error}")
    seeds = summary_of(pack)
    epochs = sum(seed["epochs"] for seed in seeds) / len(seeds)
    note = f"{which}; training {training:.0f} s, {epochs:.0f} epochs a seed"
    return Found(training + evaluating, note=f"{note}; evaluations {evaluating:.0f} s")


def study(measuring):
    """Hours that the published study takes at the rates measured here."""
    for model in reckoning.MODELS:
        for seeds in (1, measuring.seeds):
            measuring.here(model, seeds)
    runs = reckoning.published_runs()
    hours, together = (
        reckoning.hours(one, measuring.rates) for one in (runs, reckoning.at_once(runs))
    )
    note = ", ".join(f"`{m}` {hours[m]:.1f} h" for m in sorted(hours, key=hours.get)[:-4:-1])
    return Found(
        sum(hours.values()),
        note=f"{note}; with {reckoning.AT_ONCE} seeds in each job {sum(together.values()):.1f} h",
    )


def fast(run, measuring):
    """Seconds of all training steps of a fast param-file, at the rate of some."""
    recipe = shift_fast.Recipe(run, measuring.session.quick)
    step = shift_fast.measured(recipe, measuring.device, batches=1 if recipe.quick else 8)
    whole = recipe.steps * step
    note = f"{whole / recipe.training.epochs:.1f} s an epoch; validation and start are not in it"
    return Found(whole, 1000 * step, note=note)


def rows():
    """All rows, the shortest first."""
    one = [("pixel_pool", 30), ("energy_pool", 60), ("slice_pool", 30), ("conv3d", 12)]
    stacks = ("spatial_transform", "ensemble", "xu", "kanazawa", "hermite", "disco")
    each = "a seed of 25 at once against the published form"
    return [
        Row(
            "standard",
            "`standard`, 25 at once, against 25 in turn before",
            25,
            "x",
            partial(against_turn, "standard"),
        ),
        *(
            Row(
                f"{model}_one",
                f"`{model}`, one seed against the published form",
                goal,
                "x",
                partial(against_published, model, 1),
            )
            for model, goal in one
        ),
        Row(
            "pixel_pool_25",
            f"`pixel_pool`, {each}",
            100,
            "x",
            partial(against_published, "pixel_pool", SEEDS),
        ),
        Row(
            "memory",
            "memory of a stack of 25 `pixel_pool`",
            8,
            "GiB",
            partial(memory, "pixel_pool"),
        ),
        *(
            Row(
                model,
                f"`{model}`, 25 at once, against the stack before",
                3,
                "x",
                partial(against_stack, model),
            )
            for model in stacks
        ),
        *(
            Row(name, f"steps of `{run}`, CIFAR-10", FAST, "s", partial(fast, run), 10.0)
            for name, run in zip(("fast", "fast_strided"), shift_fast.RUNS, strict=True)
        ),
        Row(
            "evaluation",
            "25 seeds of `pixel_pool` evaluated at all 48 sizes, with equivariance and indices",
            30,
            "s",
            evaluation,
            40.0,
        ),
        Row(
            "study",
            "the published study, 5,500 seeds, reckoned from the rates here",
            20,
            "h",
            study,
            20.0,
        ),
        Row(
            "protocol",
            "whole protocol, 25 seeds of `pixel_pool` on the emoji, evaluated",
            PROTOCOL,
            "s",
            protocol,
            PROTOCOL,
        ),
    ]
