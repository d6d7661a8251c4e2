"""A small project in a folder of its own, in which `isotrope` runs as a user runs it.

Its data set is the plug-in ``made_up_images``, which needs no file, or STIR's emoji: copied from
``out/data`` of the project, drawn from the installed icons, or, without both, scaled from pictures
that lie with the tests: nearly the same images.
"""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import made_up_images
import numpy as np
import torch
import yaml
from safetensors.torch import load_file
from torch.nn import functional as F

from isotrope import paths
from isotrope.data import _stir_archive, _stir_emoji, stir
from isotrope.datasets.manifest import Manifest, describe
from isotrope.datasets.names import dataset_key
from isotrope.settings import build_settings

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "tests" / "data" / "emoji_cairosvg.npz"
MADE_UP = {"name": "made_up_images"}
EMOJI = {"name": "stir", "task": "emoji", "source": "embedded", "scenario": "mid2rest"}
CAPPED = (
    "import sys, torch; torch.cuda.set_per_process_memory_fraction(float(sys.argv.pop(1))); "
    "from isotrope.cli import main; main()"
)


class CheckError(Exception):
    """A check has failed; says why."""


class NotRunError(Exception):
    """A check or a measurement cannot be made here, or not in time; says why."""


class Project:
    """A folder with param-files and data.

    Args:
        folder: where; it is made, unless a check that did not come to its end has made it.
        device: ``cpu`` or ``cuda``.
        seconds_left: says how long programs may still take.
    """

    def __init__(self, folder, device, seconds_left):
        self.folder, self.device, self.seconds_left = folder, device, seconds_left
        self.started = []
        (folder / "plugins" / "data").mkdir(parents=True, exist_ok=True)
        shutil.copy(made_up_images.__file__, folder / "plugins" / "data")

    def param_file(self, name, model, dataset, seeds, evaluations=("accuracy",), **changes):
        """Write a param-file, and give the command that trains it."""
        optimizer = {"name": "adam", "learning_rate": 1e-3}
        resources = changes.pop("resources", {})
        said = {
            "study": "checks",
            "seeds": list(range(1, seeds + 1)),
            "dataset": dataset,
            "model": {"name": model},
            "training": {"epochs": 3, "batch_size": 16, "optimizer": optimizer, **changes},
            "evaluations": list(evaluations),
            "resources": {"seeds_per_job": seeds, **resources},
        }
        path = self.folder / "param-files" / model / dataset["name"] / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(said), encoding="utf-8")
        return path.relative_to(self.folder).as_posix()

    def pack(self, file):
        """The folder of a param-file's only pack."""
        run = file.removeprefix("param-files/").removesuffix(".yaml")
        (found,) = (self.folder / "out" / "runs" / run / "base").glob("seeds-*")
        return found

    def make_up_images(self, count):
        """Let ``made_up_images`` count as built, and give its block of a param-file."""
        params = made_up_images.Params(count=count)
        self._count_as_built("made_up_images", made_up_images, params, [])
        return {**MADE_UP, "count": count}

    def take_emoji(self):
        """Let the emoji be there; says which ones they are."""
        goal = self.folder / paths.data_folder("stir")
        params = stir.Params.model_validate({k: v for k, v in EMOJI.items() if k != "name"})
        key = dataset_key(params)
        built = ROOT / paths.manifest("stir", key)
        if built.is_file():
            shutil.copytree(built.parent, goal)
            return "the emoji of out/data"
        try:
            import fontawesomefree  # noqa: F401 - only whether it is there
        except ModuleNotFoundError:
            goal.mkdir(parents=True)
            path = _scaled_archive(goal / f"{key}.npz")
            self._count_as_built("stir", stir, params, [path])
            return "emoji scaled from 64 pixels, since fontawesomefree is not installed"
        self.run("build", "stir", "task=emoji", "source=embedded")
        return "the emoji, drawn from the installed icons"

    def _count_as_built(self, name, plugin, params, files):
        """Write the manifest of a data set."""
        folder = self.folder / paths.data_folder(name)
        folder.mkdir(parents=True, exist_ok=True)
        manifest = Manifest(
            dataset=name,
            settings=build_settings(params),
            revision=plugin.REVISION,
            digest="made up",
            files=[describe(path, folder) for path in files],
            image_shape=plugin.image_shape(params),
            classes=plugin.classes(params),
            images=plugin.image_counts(params),
            versions={},
        )
        path = self.folder / paths.manifest(name, dataset_key(params))
        path.write_text(manifest.model_dump_json(indent=2), encoding="utf-8")

    def start(self, *words, fraction=None):
        """Start `isotrope` with these words; with a fraction of the GPU's memory, if one is given.

        Its output goes to ``words[0].log``, behind what is there.
        """
        program = ("-m", "isotrope.cli") if fraction is None else ("-c", CAPPED, str(fraction))
        with self.log(words[0]).open("a") as log:
            started = subprocess.Popen(
                [sys.executable, *program, *words],
                cwd=self.folder,
                env=environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.started.append(started)
        return started

    def log(self, word):
        """Where a command's output goes."""
        return self.folder / f"{word}.log"

    def train(self, file, *words, **options):
        """Start the training of a param-file."""
        return self.start("train", file, "--device", self.device, *words, **options)

    def wait(self, program, word):
        """Wait for the end of a program that was started.

        Raises:
            CheckError: if it ends with another status than 0.
            NotRunError: if the time is over before.
        """
        self.wait_until(lambda: program.poll() is not None, f"isotrope {word} to end")
        if program.returncode:
            raise CheckError(
                f"isotrope {word} ended with status {program.returncode}: {self.end(word)}"
            )

    def run(self, *words, **options):
        """Run `isotrope`; gives the seconds that it took."""
        begin = time.perf_counter()
        self.wait(self.start(*words, **options), words[0])
        return time.perf_counter() - begin

    def wait_until(self, ready, what):
        """Wait until something is true.

        Raises:
            NotRunError: if the time is over before.
        """
        begin = time.monotonic()
        while not ready():
            if self.seconds_left() <= 0:
                self.close()
                raise NotRunError(
                    f"waited {time.monotonic() - begin:.0f} s for {what}, no time is left"
                )
            time.sleep(0.01)

    def end(self, word):
        """The last line that a command has printed."""
        lines = self.log(word).read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "nothing was said")

    def close(self):
        """End what was started and is still at work."""
        for program in self.started:
            if program.poll() is None:
                program.send_signal(signal.SIGKILL)
                program.wait()


def environment():
    """The environment of programs: they find the package, and compute with one CPU thread."""
    known = [str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(known), "PYTHONUNBUFFERED": "1"}


def result_of(pack):
    """What a trained pack holds: weights by name, and the history without its times."""
    weights = load_file(pack / "weights.safetensors")
    with (pack / "history.csv").open(newline="") as file:
        rows = [
            {name: cell for name, cell in row.items() if name != "train_seconds"}
            for row in csv.DictReader(file)
        ]
    return weights, rows


def summary_of(pack):
    """The seeds of ``run.json``."""
    return json.loads((pack / "run.json").read_text(encoding="utf-8"))["seeds"]


def difference(found, expected):
    """Where two results differ; nothing if they have the same bits."""
    (weights, rows), (other_weights, other_rows) = found, expected
    if rows != other_rows:
        return "the histories differ"
    for name, value in other_weights.items():
        if not torch.equal(weights[name], value):
            return f"{name} differs"
    return ""


def _scaled_archive(path):
    """An archive of STIR's emoji at their places, scaled from pictures of 64 pixels."""
    positions = _stir_emoji.draw_positions()
    images = np.zeros((*positions.shape[:-1], _stir_archive.CANVAS, _stir_archive.CANVAS), np.uint8)
    with np.load(PICTURES) as known:
        faces = dict(zip(known["names"].tolist(), known["s64"], strict=True))
    for face, name in enumerate(_stir_emoji.FACES):
        whole = torch.from_numpy(faces[name])[None, None].float()
        for index, scale in enumerate(_stir_archive.SCALES):
            scaled = F.interpolate(whole, (scale, scale), mode="bilinear", antialias=True)
            picture = scaled[0, 0].round().clamp(0, 255).to(torch.uint8).numpy()
            for split, (left, top) in enumerate(positions[:, index, face, 0]):
                images[split, index, face, 0, top : top + scale, left : left + scale] = picture
    archive = _stir_archive.assemble(images, positions, _stir_emoji.FACES, _stir_emoji.ABOUT)
    return _stir_archive.write(archive, path)
