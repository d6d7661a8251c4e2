"""How long it takes to check param-files: all of them, and after an edit of one.

Usage: python benchmarks/checking.py [COUNT] [--table FILE]

Works in a folder of its own, on two projects: a copy of this one with its param-files, and one of
COUNT param-files (400 if left out), half of them with a network of the size of ResNet-101, each
with other settings, on images of 224 x 224 pixels. Each row is a process of its own, as a user
starts it; CPU time is given beside wall time, since others may be at work on the machine. The
reference is an `isotrope --help` of the same minute.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
ISOTROPE = [sys.executable, "-m", "isotrope.cli"]

DATASET = '''\
"""Images as large as ImageNet's, which are never built here."""

from isotrope.settings import Settings

REVISION = 1
SPLITS = ("train", "valid", "test")


class Params(Settings):
    size: int = 224


def image_shape(params):
    return 3, params.size, params.size


def classes(params):
    return 1000


def local_files(params):
    return []
'''

MODEL = '''\
"""A residual network of 101 layers and 44 million weights."""

from torch import nn

from isotrope.settings import Settings

REVISION = 1
PARTS = {"features"}


class Params(Settings):
    width: int = 64
    dropout: float = 0.0


class Block(nn.Module):
    def __init__(self, inside, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inside, width, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(4 * width)
        self.shortcut = None
        if stride > 1 or inside != 4 * width:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inside, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width)
            )


def build(params, image_shape, classes):
    layers, inside = [nn.Conv2d(image_shape[0], params.width, 7, 2, 3, bias=False)], params.width
    for stage, blocks in enumerate((3, 4, 23, 3)):
        width = params.width << stage
        for i in range(blocks):
            layers.append(Block(inside, width, 2 if stage and not i else 1))
            inside = 4 * width
    network = nn.Sequential(*layers, nn.Linear(inside, classes))
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
    return network
'''

PARAM_FILE = """\
study: {study}
seeds: 1-5
dataset: {{name: large}}
model: {{name: {model}}}
training:
  epochs: {epochs}
  batch_size: 32
  optimizer: {{name: adam, learning_rate: 1.0e-3}}
sweep: {{training.optimizer.learning_rate: [1.0e-2, 1.0e-3]}}
evaluations: [accuracy]
"""


def project(folder: Path) -> Path:
    """A copy of the package without results."""
    for name in ("src", "workflow"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    return folder


def resnets(folder: Path, count: int) -> Path:
    """A project with many param-files, half of them of large networks."""
    for path, text in {"data/large": DATASET, "models/resnet": MODEL}.items():
        file = folder / "plugins" / f"{path}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for i in range(count):
        model = "resnet" if i % 2 else "standard"
        file = folder / f"param-files/{model}/large/number_{i}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        settings = f"resnet, dropout: {i / 1000}" if i % 2 else "standard"
        file.write_text(PARAM_FILE.format(study="large", model=settings, epochs=i + 1))
    return folder


def seconds(folder: Path, *words: str) -> tuple[float, float]:
    """The CPU and wall time of a command; a check must find no mistake."""
    environment = os.environ | {"PYTHONPATH": str(folder / "src"), "OMP_NUM_THREADS": "1"}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [*ISOTROPE, *words], cwd=folder, env=environment, check=True, capture_output=True
    )
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def edit(path: Path, old: str = "", new: str = "# a comment\n") -> None:
    text = path.read_text()
    path.write_text(text.replace(old, new, 1) if old else f"{text}{new}")


def rows(folder: Path, file: Path, model: Path) -> dict[str, tuple[float, float]]:
    """What each edit costs; the least of two times, but for the first check."""
    found = {"the first check": seconds(folder, "check")}
    core = folder / "src/isotrope/params/param_file.py"
    found["nothing"] = min(seconds(folder, "check") for _ in range(2))
    edits = {
        "a comment in one param-file": (file,),
        "a value in one param-file": (file, "batch_size: ", "batch_size: 1"),
        "a comment in one model": (model,),
        "a comment in params/param_file.py": (core,),
        "code in one model": (model, "", "if True:\n    EDITED = 1\n"),
        "code in params/param_file.py": (core, "", "if True:\n    EDITED = 1\n"),
    }
    for name, change in edits.items():
        times = []
        for _ in range(2):
            edit(*change)
            times.append(seconds(folder, "check"))
        found[name] = min(times)
    return found


def _text(times: tuple[float, float]) -> str:
    return f"{times[0]:.1f} s ({times[1]:.1f} s)"


def main() -> None:
    words = [word for word in sys.argv[1:] if word.isdecimal()]
    count = int(words[0]) if words else 400
    with tempfile.TemporaryDirectory() as place:
        ours = project(Path(place, "ours"))
        shutil.copytree(ROOT / "param-files", ours / "param-files")
        many = resnets(project(Path(place, "many")), count)
        reference = min(seconds(ours, "--help") for _ in range(3))
        shipped = rows(
            ours,
            ours / "param-files/disco/stir_emoji/mid2rest.yaml",
            ours / "src/isotrope/models/disco.py",
        )
        large = rows(
            many, many / "param-files/resnet/large/number_1.yaml", many / "plugins/models/resnet.py"
        )
    total = len(list((ROOT / "param-files").rglob("*.yaml")))
    lines = [
        f"| what was edited | {total} shipped param-files | {count}, half of them ResNet-101s |",
        "|---|---|---|",
        *(f"| {name} | {_text(shipped[name])} | {_text(large[name])} |" for name in shipped),
        "",
        f"CPU time (wall time). Reference: `isotrope --help` took {_text(reference)}.",
    ]
    print("\n".join(lines))
    if "--table" in sys.argv:
        path = Path(sys.argv[sys.argv.index("--table") + 1])
        before, mark, _ = path.read_text().partition("<!-- measured -->\n")
        path.write_text(before + mark + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
