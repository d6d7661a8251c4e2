"""The checks of `gpu.py`: that a GPU gives the right numbers, and that trainings survive on it.

Each takes a `Session` and gives a note, possibly empty; `CheckError` says what is wrong,
`NotRunError` why it could not be checked. `IN_PROCESS` compute here, `IN_PROGRAMS` start `isotrope`
as a user does.
"""

import copy
import importlib.util
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import gpu_phases
import torch
from gpu_project import (
    CheckError,
    NotRunError,
    Project,
    difference,
    environment,
    result_of,
    summary_of,
)
from packs import CLASSES, SHAPE
from packs import training_of as full_training_of
from torch.nn import functional as F

from isotrope import build_model, devices, registry
from isotrope.layers import forms
from isotrope.training import seeding
from isotrope.training.loop import HeldOut

LOGITS, GRADIENTS = 2e-6, 1e-5  # relative, in the 2-norm, of float32 against float64
STACK = 1e-2  # the same of the change of weights in four steps with momentum
GRAPH = 1e-5  # the same of weights after two epochs, where bits differ
LOWERED = {"bfloat16": (1e-2, 0.35), "tf32": (1e-3, 0.15)}  # of the loss, and of gradients
COMPILED = 1e-4  # of the loss of a step
IMAGES = 40  # batches of 16 leave a last one of 8


@dataclass
class Session:
    """What checks and measurements are given.

    Args:
        device: where they compute.
        models: the models to check.
        quick: as little as shows that all of it runs.
        scratch: a folder that is removed afterwards.
        seconds_left: how much time is left.
    """

    device: torch.device
    models: list[str]
    quick: bool
    scratch: Path
    seconds_left: Callable[[], float]
    projects: list[Project] = field(default_factory=list)
    known: dict[object, object] = field(default_factory=dict)

    def project(self, name):
        """A new project."""
        made = Project(self.scratch / name, self.device.type, lambda: self.seconds_left())
        self.projects.append(made)
        return made

    def once(self, key, make):
        """What was made under a key before, else what is made now."""
        if key not in self.known:
            self.known[key] = make()
        return self.known[key]

    def close(self):
        """End all programs; none is waited for any more."""
        self.seconds_left = lambda: 0.0
        for one in self.projects:
            one.close()


def example_of(model):
    """The settings of a model with which it is checked, those of its tests."""
    return registry.literal("models", model, "EXAMPLE", {})


def training_of(model, *arguments, **named):
    """A training of a model with the settings with which it is checked."""
    return full_training_of(model, *arguments, settings=example_of(model), **named)


def relative(found, exact):
    """The difference of some tensors, relative, in the 2-norm over all of them."""
    pairs = list(zip(found, exact, strict=True))
    error = sum(float((a.double().cpu() - b.double().cpu()).square().sum()) for a, b in pairs)
    return (error / sum(float(b.double().square().sum()) for _, b in pairs)) ** 0.5


def expect(error, bound, what):
    """Fail where an error exceeds its bound, or is none."""
    if not error <= bound:
        raise CheckError(f"{what} differs by {error:.1e}, at most {bound:.0e} was expected")


def float64(session):
    """Logits and gradients of every model in float32, against float64 on the CPU."""
    worst = [0.0, 0.0]
    on_a_cpu = session.device.type == "cpu"
    for model in session.models:
        seeding.seed_everything(1)
        exact = build_model(model, SHAPE, CLASSES, **example_of(model)).double()
        network = copy.deepcopy(exact).float().to(session.device)
        images = torch.rand(4, *SHAPE, generator=torch.Generator().manual_seed(7))
        labels = torch.arange(4)
        with forms.like_a_gpu() if on_a_cpu else nullcontext():
            found = _logits_and_gradients(network, images.to(session.device), labels)
        expected = _logits_and_gradients(exact, images.double(), labels)
        for i, (bound, what) in enumerate(((LOGITS, "logits"), (GRADIENTS, "gradients"))):
            error = relative(found[i], expected[i])
            expect(error, bound, f"{model}: {what}")
            worst[i] = max(worst[i], error)
    return f"logits within {worst[0]:.0e}, gradients within {worst[1]:.0e}"


def _logits_and_gradients(network, images, labels):
    logits = network(images)
    loss = F.cross_entropy(logits, labels.to(images.device))
    return [logits.detach()], torch.autograd.grad(loss, list(network.parameters()))


def stacks(session):
    """Five seeds at once, against each by itself, after four steps."""
    seeds, worst = list(range(1, 3 if session.quick else 6)), 0.0
    optimizer = {"name": "sgd", "learning_rate": 1e-3, "momentum": 0.9}
    for model in session.models:

        def changes_after(chosen, model=model):
            training = training_of(
                model, chosen, session.device, "stacked", IMAGES, eager=True, optimizer=optimizer
            )
            rows = range(len(chosen))
            before = [training.engine.weights(row) for row in rows]
            training.try_out(4)
            after = [training.engine.weights(row) for row in rows]
            return [
                [new[name] - old[name] for name in new]
                for new, old in zip(after, before, strict=True)
            ]

        together = changes_after(seeds)
        for seed, change in zip(seeds, together, strict=True):
            error = relative(change, changes_after([seed])[0])
            expect(error, STACK, f"{model}: the change of seed {seed} in a stack")
            worst = max(worst, error)
    return f"changes of weights within {worst:.0e}"


def _trained(session, model, rows, again=0, eager=False, log=lambda _: None):
    """Weights and losses of a short training with a last partial batch and validation."""

    def train():
        seeds, ended = list(range(1, rows + 1)), []
        training = training_of(
            model, seeds, session.device, "stacked", IMAGES, eager, log, epochs=2
        )
        training.run(lambda: None, lambda: None, ended.extend)
        weights, losses = {}, []
        for one in sorted(ended, key=lambda one: one.record.seed):
            seed = one.record.seed
            weights |= {f"{seed}.{name}": value.cpu() for name, value in one.weights.items()}
            losses += [(seed, r.train_loss, r.validation_loss) for r in one.record.history]
        return weights, losses

    return session.once((model, rows, again, eager), train)


def graphs(session):
    """Trainings replayed as CUDA graphs, against the same launched one by one."""
    worst = 0.0
    for model in session.models:
        for rows in (1, 3):
            said = []
            found = _trained(session, model, rows, log=said.append)
            if said:
                raise CheckError(f"{model}, {rows} at once: {said[0]}")
            expected = _trained(session, model, rows, eager=True)
            if difference(found, expected):
                pairs = ([one[name] for name in sorted(one)] for one in (found[0], expected[0]))
                error = relative(*pairs)
                expect(error, GRAPH, f"{model}, {rows} at once: weights after two epochs")
                worst = max(worst, error)
    return f"weights within {worst:.0e}" if worst else "the same bits"


def repeats(session):
    """A training twice, of one seed and of a stack: the same bits."""
    for model in session.models:
        for rows in (1, 3):
            found = _trained(session, model, rows), _trained(session, model, rows, again=1)
            if wrong := difference(*found):
                raise CheckError(f"{model}, {rows} at once: {wrong} when it is trained again")
    return ""


def precisions(session):
    """Loss and gradients of a step in bfloat16 and TF32, against float32."""
    worst = dict.fromkeys(LOWERED, (0.0, 0.0))
    for model in session.models:
        exact = _loss_and_gradients(session, model, "float32")
        for precision, bounds in LOWERED.items():
            found = _loss_and_gradients(session, model, precision)
            errors = relative(found[0], exact[0]), relative(found[1], exact[1])
            for error, bound, what in zip(errors, bounds, ("loss", "gradients"), strict=True):
                expect(error, bound, f"{model} in {precision}: {what}")
            worst[precision] = tuple(map(max, worst[precision], errors))
    said = [f"{name} {loss:.0e} and {grad:.0e}" for name, (loss, grad) in worst.items()]
    return f"loss and gradients within {', '.join(said)}"


def _loss_and_gradients(session, model, precision):
    with devices.arithmetic(session.device, 1, precision):
        training = training_of(
            model, [1], session.device, "stacked", 16, eager=True, precision=precision
        )
        losses = _losses(training, 1)
        return [losses], list(training.engine.gradients(0).values())


def _losses(training, steps):
    """The mean loss of some steps, for each row."""
    training.held_out = HeldOut(None)
    training.try_out(steps)
    found = training.steps.trained.results(training.objective)
    return torch.tensor([one.loss for one in found], dtype=torch.float64)


def compiled(session):
    """Steps of one model with ``compile: true``."""
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        raise NotRunError("torch.compile needs a C compiler")
    if session.device.type == "cuda" and importlib.util.find_spec("triton") is None:
        raise NotRunError("torch.compile needs the package triton")
    model, losses = session.models[0], []
    for compile_it in (True, False):
        training = training_of(model, [1, 2], session.device, "stacked", 16, compile=compile_it)
        losses.append([_losses(training, 3)])
    expect(relative(*losses), COMPILED, f"{model}: the loss of the third step, compiled,")
    return model


def phases(session):
    """Layers of the shift study: see `gpu_phases`."""
    note, others = gpu_phases.phases(session, relative, expect, (LOGITS, GRADIENTS))
    if others:
        raise CheckError(note)
    return note


def _short_run(project, session):
    """A param-file of a training of seconds."""
    seeds, epochs, images, batch = (2, 5, 16, 8) if session.quick else (3, 12, 96, 16)
    return project.param_file(
        "whole",
        session.models[0],
        project.make_up_images(images),
        seeds,
        epochs=epochs,
        batch_size=batch,
        resources={"stack": seeds},
    )


def _untouched(session):
    """What an uninterrupted training, alone on the card, ends with."""

    def train():
        project = session.project("untouched")
        file = _short_run(project, session)
        project.run("train", file, "--device", project.device)
        return result_of(project.pack(file))

    return session.once("untouched", train)


def killed(session):
    """`isotrope train`, killed, then told to end, each time amid an epoch: the same bits."""
    expected = _untouched(session)
    project = session.project("killed")
    file = _short_run(project, session)
    for epoch, word, status in ((1, signal.SIGKILL, -signal.SIGKILL), (3, signal.SIGTERM, 143)):
        program = project.train(file, "--save-every", "0")

        def reached(epoch=epoch, program=program):
            text = project.log("train").read_text(encoding="utf-8")
            return f": epoch {epoch} of" in text or program.poll() is not None

        project.wait_until(reached, f"epoch {epoch} to end")
        if program.poll() is not None:
            raise CheckError(f"it ended before it was to be interrupted: {project.end('train')}")
        program.send_signal(word)
        project.wait_until(lambda program=program: program.poll() is not None, "it to end")
        if program.returncode != status:
            raise CheckError(f"it ended with status {program.returncode} after {word.name}")
    project.wait(project.train(file), "train")
    resumed = [seed["resumed"] for seed in summary_of(project.pack(file))]
    if resumed != [2] * len(resumed):
        raise CheckError(f"seeds were resumed {resumed} times, not twice each")
    if wrong := difference(result_of(project.pack(file)), expected):
        raise CheckError(f"{wrong} from an uninterrupted training")
    return ""


def two_processes(session):
    """Two trainings on one card at once: each ends with the bits that it has alone."""
    expected = _untouched(session)
    projects = [session.project(f"at_once_{number}") for number in (1, 2)]
    files = [_short_run(project, session) for project in projects]
    programs = [project.train(file) for project, file in zip(projects, files, strict=True)]
    for project, program, file in zip(projects, programs, files, strict=True):
        project.wait(program, "train")
        if wrong := difference(result_of(project.pack(file)), expected):
            raise CheckError(f"{wrong} from a training that was alone")
    return ""


def memory_cap(session):
    """25 seeds at once in memory for fewer: the stack is halved, and all seeds end."""
    if session.device.type == "cpu":
        raise NotRunError("a CPU's memory has no cap")
    model, seeds = session.models[0], 25
    try:
        measured = subprocess.run(
            [sys.executable, __file__, model, str(seeds)],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=max(1.0, session.seconds_left()),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotRunError("no time was left") from error
    if measured.returncode:
        raise CheckError(f"the memory of a stack: {measured.stderr.strip().splitlines()[-1]}")
    one, all_of_them = map(int, measured.stdout.split())
    cap = one + (all_of_them - one) * 0.6
    project = session.project("capped")
    images = project.make_up_images(96)
    resources = {"stack": seeds}
    file = project.param_file("capped", model, images, seeds, epochs=2, resources=resources)
    whole = torch.cuda.get_device_properties(session.device).total_memory
    project.wait(project.train(file, fraction=cap / whole), "train")
    if "are tried at once" not in project.log("train").read_text(encoding="utf-8"):
        raise CheckError(f"{seeds} seeds fitted {cap / 2**20:.0f} MiB; nothing was halved")
    ended = [seed["status"] for seed in summary_of(project.pack(file))]
    if ended != ["done"] * seeds:
        raise CheckError(f"the seeds ended as {sorted(set(ended))}")
    return f"cap of {cap / 2**20:.0f} MiB"


def _print_memory(model, seeds):
    """Bytes of the card that a training of one seed takes, and of that many at once."""
    device = torch.device("cuda")
    with devices.arithmetic(device, 1):
        for count in (1, seeds):
            devices.free_memory(device)
            devices.start_memory_peak(device)
            training = training_of(model, list(range(1, count + 1)), device, "stacked", 96)
            training.try_out(3)
            print(torch.cuda.max_memory_reserved())


IN_PROCESS = {
    "float64": float64,
    "stacks": stacks,
    "graphs": graphs,
    "repeats": repeats,
    "precisions": precisions,
    "compiled": compiled,
    "phases": phases,
}
IN_PROGRAMS = {
    "killed": killed,
    "two_processes": two_processes,
    "memory_cap": memory_cap,
}

if __name__ == "__main__":
    _print_memory(sys.argv[1], int(sys.argv[2]))
