"""Measures steps and trainings for the rows of `gpu_table`, and keeps what several rows need.

The published form is that of `scaled_conv`; "before" is commit 460f702, which computes on the same
card in a process of its own, see `before/`.
"""

import json
import statistics
import subprocess
import sys
import tarfile
import time
from dataclasses import asdict, dataclass
from functools import partial

import torch
from gpu_project import EMOJI, ROOT, CheckError, NotRunError, environment
from packs import BATCH, training_of
from scaled_conv import training_step
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from isotrope import devices
from isotrope.training.loop import HeldOut

SEEDS = 25
OUTSIDE = 20  # kernels of a replayed step that are launched beside its graph, at most
BEFORE = ROOT / "benchmarks" / "before"
EVALUATIONS = ("accuracy", "scale_generalization", "scale_equivariance", "index_correlation")


@dataclass
class Found:
    """What was measured for a row.

    Args:
        value: in the unit of its goal.
        ours: milliseconds of a step here.
        theirs: milliseconds on the other side.
        busy: milliseconds of a step here in which the GPU computes, all kernels added up.
        kernels: the three that take most of it, each with its share.
        note: what else there is to say.
    """

    value: float
    ours: float | None = None
    theirs: float | None = None
    busy: float | None = None
    kernels: tuple[str, ...] = ()
    note: str = ""

    def as_json(self):
        """Its fields."""
        return asdict(self)


class Measuring:
    """Measures rows, and keeps what several need.

    Args:
        session: the device, a folder, and how much time is left.
    """

    def __init__(self, session):
        self.session, self.device = session, session.device
        self.seeds = 3 if session.quick else SEEDS
        self.batch = 2 if session.quick else BATCH
        self.warming = 1 if session.quick else 4  # steps
        self.rates = {}
        self.said = []  # why steps could not be replayed as graphs
        self._measured = {}
        self._published = {}
        self._before = None
        self._start_seconds = None

    def here(self, model, seeds):
        """A step of the engine here: what `Found` says, and the peak of its memory in bytes."""
        if (model, seeds) not in self._measured:
            self._measured[model, seeds] = self._measure(model, seeds)
        return self._measured[model, seeds]

    def _measure(self, model, seeds):
        devices.free_memory(self.device)
        devices.start_memory_peak(self.device)
        training = self._training(model, seeds)
        held_out = training.held_out
        training.held_out = HeldOut(None)  # steps alone
        training.try_out(self.warming)
        once = self._seconds(partial(training.try_out, 1))
        timed = self._as_many_as(once, 0.5)
        step = statistics.median(self._seconds(partial(training.try_out, timed)) for _ in range(3))
        peak = devices.memory_peak_mb(self.device) * 1e6
        profiled = self._as_many_as(once, 0.2)
        busy, kernels = self._busy(training, profiled)
        if busy is None:  # a profiler that sees no kernels in graphs
            eager = self._training(model, seeds, eager=True)
            eager.held_out = HeldOut(None)
            eager.try_out(self.warming)
            busy, kernels = self._busy(eager, profiled)
        training.held_out = held_out
        training.validate(lambda: None)
        test = self._seconds(partial(training.validate, lambda: None))
        self.rates.setdefault(model, {})[str(seeds)] = {
            "step": step / timed,
            "test_image": test / (4 * self.batch),
        }
        milliseconds = 1000 * step / timed
        note = self.said.pop() if self.said else ""
        return Found(0.0, ours=milliseconds, busy=busy, kernels=kernels, note=note), peak

    def _training(self, model, seeds, eager=False):
        """A training whose steps are those that are measured."""
        return training_of(
            model,
            list(range(1, seeds + 1)),
            self.device,
            "stacked",
            4 * self.batch,
            eager,
            self.said.append,
            batch_size=self.batch,
        )

    def _seconds(self, work):
        devices.synchronize(self.device)
        begin = time.perf_counter()
        work()
        devices.synchronize(self.device)
        return time.perf_counter() - begin

    def _as_many_as(self, seconds, in_all):
        """How many steps of some seconds take that long in all."""
        return 1 if self.session.quick else max(2, min(30, round(in_all / seconds)))

    def _busy(self, training, steps):
        """Milliseconds of a step that kernels take, and the three that take most.

        None where the profiler saw no more than what is launched beside a graph.
        """
        on_gpu = self.device.type == "cuda"
        watched = ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU
        with profile(activities=[watched]) as profiled:
            training.try_out(steps)
            devices.synchronize(self.device)
        taken, launched = {}, 0
        for event in profiled.key_averages():
            if (event.device_type == DeviceType.CUDA) == on_gpu:
                spent = event.self_device_time_total if on_gpu else event.self_cpu_time_total
                taken[event.key] = taken.get(event.key, 0.0) + spent
                launched += event.count
        whole = sum(taken.values())
        if launched <= OUTSIDE * steps:
            return None, ()
        longest = sorted(taken, key=taken.get, reverse=True)[:3]
        kernels = tuple(f"{short(name)} {100 * taken[name] / whole:.0f} %" for name in longest)
        return whole / 1000 / steps, kernels

    def published(self, model):
        """Milliseconds of a step of one seed in the published form."""
        if model not in self._published:
            devices.free_memory(self.device)
            step = training_step(model, self.device, torch.float32, self.batch)[0]
            repeats = 1 if self.session.quick else 3
            step()
            self._published[model] = 1000 * min(self._seconds(step) for _ in range(repeats))
        return self._published[model]

    def before(self, model, seeds):
        """Milliseconds of a step of some seeds at once, as it was before."""
        if self._before is None or self._before.poll() is not None:
            self._before = self._start_before()
        devices.free_memory(self.device)  # the card is shared
        timed = 1 if self.session.quick else 10
        asked = {"model": model, "seeds": seeds, "warming": self.warming, "timed": timed}
        asked |= {"batch": self.batch, "device": self.device.type}
        self._before.stdin.write(json.dumps(asked) + "\n")
        self._before.stdin.flush()
        line = self._before.stdout.readline()
        if not line:
            raise CheckError(f"the package of before ended with status {self._before.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise NotRunError(f"{model}, {seeds} at once before: {answer['error']}")
        return 1000 * answer["seconds"]

    def start(self):
        """Start the package of before, so that it is ready when it is asked."""
        self._before = self._start_before()

    def _start_before(self):
        folder = self.session.scratch / "before"
        if not folder.exists():
            with tarfile.open(BEFORE / "src-460f702.tar.xz") as archive:
                archive.extractall(folder, filter="data")
        return subprocess.Popen(
            [sys.executable, str(BEFORE / "steps.py")],
            env={**environment(), "PYTHONPATH": str(folder / "src")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self):
        """End what was started."""
        if self._before is not None:
            self._before.kill()
            self._before.wait()

    def project(self):
        """The project whose data are the emoji, and which ones they are."""

        def make():
            made = self.session.project("emoji")
            return made, made.take_emoji()

        return self.session.once("emoji", make)

    def timed_run(self, name, epochs):
        """Train and evaluate a pack on the emoji: seconds of both, and the project's param-file."""
        project, which = self.project()
        model = "standard" if self.session.quick else "pixel_pool"
        evaluations = EVALUATIONS[:2] if self.session.quick else EVALUATIONS
        file = project.param_file(
            name,
            model,
            EMOJI,
            self.seeds,
            evaluations,
            epochs=epochs,
            early_stopping={"patience": 10},
        )
        on = ("--device", self.device.type)
        training = project.run("train", file, *on)
        return training, project.run("evaluate", file, *on), project.pack(file), which


def short(name):
    """The name of a kernel without its arguments, 60 characters at most."""
    name = name.removeprefix("void ").partition("(")[0].partition("<")[0]
    return name if len(name) <= 60 else f"{name[:57]}..."
