"""Trainings on SLURM that last as long as a test wants, and say how many steps they took.

The toy model sleeps in each step of a training, as long as a file says. A test waits for an epoch,
does its damage, and lets the rest run at full speed: no guess of how fast the machine is.
"""

import json
import re
import sys
from pathlib import Path

from on_slurm import CLUSTER, Project, jobs_of, slurm, wait_for

from isotrope import paths
from isotrope.files import disk

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))
import workflow_project

SEEDS, EPOCHS, STEPS = 2, 30, 4  # training steps of an epoch: 64 images in batches of 16
PACED = '''"""Logits of the images."""
        if self.training:
            with open("steps", "a") as steps:
                steps.write("1")
            with contextlib.suppress(FileNotFoundError), open("pace") as pace:
                time.sleep(float(pace.read()))
'''


def paced_project(folder: Path) -> Project:
    """A project with the toy plug-ins, its data set, and a training that nothing interrupted."""
    made = workflow_project.fresh(folder)
    made.edit(
        "plugins/models/tiny.py",
        "from pydantic",
        "import contextlib\nimport time\n\nfrom pydantic",
    )
    made.edit("plugins/models/tiny.py", '"""Logits of the images."""\n', PACED)
    compiled = {"PYTHONDONTWRITEBYTECODE": ""}  # once, not in each of some dozen programs
    project = Project(folder, {"PYTHONPATH": str(folder / "src"), **compiled})
    PacedTraining(project, "untouched")
    made.make("runs", **compiled)
    return project


class PacedTraining:
    """A pack of two seeds.

    Args:
        project: made by ``paced_project``.
        variant: the name of its param-file.
        seconds: how long each step sleeps, until ``hurry``.
        minutes: its time limit.
    """

    def __init__(
        self, project: Project, variant: str, seconds: float = 0.0, minutes: int = 30
    ) -> None:
        workflow_project.Project(project.folder).add(
            f"tiny/stripes/{variant}",
            **{
                "epochs: 2": f"epochs: {EPOCHS}\n  reshuffle: true",
                "1.0e-2": "3.0e-4",  # improves until the end
                "gpu: 0": "gpu: 1",
                "runtime: 5m": f"runtime: {minutes}m",
                "memory: 1GB": "memory: 2GB",
            },
        )
        self.project = project
        self.comment = f"rule_train_wildcards_tiny_stripes_{variant}_base_1-2"
        folder = paths.pack_folder(f"tiny/stripes/{variant}", "base", "1-2")
        self.folder = project.folder / folder
        self.target = str(folder / "weights.safetensors")
        self._pace, self._steps = project.folder / "pace", project.folder / "steps"
        self._steps.unlink(missing_ok=True)
        if seconds:
            self._pace.write_text(str(seconds))

    @property
    def steps(self) -> int:
        """The training steps that were taken, in all its jobs."""
        return self._steps.stat().st_size if self._steps.exists() else 0

    @property
    def log(self) -> str:
        """What the program in the last job has said."""
        try:
            return (self.folder / "train.log").read_text("utf-8")
        except FileNotFoundError:
            return ""

    def slurm_log(self, job: str) -> str:
        """SLURM's own log of a job, kept over its requeues."""
        [path] = self.project.folder.glob(f".snakemake/slurm_logs/rule_train/*/{job}.log")
        return path.read_text("utf-8")

    def saved(self) -> bool:
        """Whether an unfinished seed lies on disk."""
        return any((self.folder.parent / ".resume").glob("*"))

    def job(self) -> str:
        """Its SLURM job, once some epochs are done."""
        wait_for(lambda: f"epoch 3 of {EPOCHS}," in self.log, "the third epoch", 300)
        running = slurm("squeue", "-h", "-t", "RUNNING", "-o", "%i %k").splitlines()
        return next(line.split()[0] for line in running if line.endswith(self.comment))

    def hurry(self) -> None:
        """Let steps take no longer than they need, from the next on."""
        self._pace.unlink(missing_ok=True)

    def release(self, job: str, seconds: float = 60) -> None:
        """Wait until SLURM has the job in its queue again, and start it at full speed."""
        pending = ("squeue", "-h", "-j", job, "-t", "PENDING", "-o", "%r")
        wait_for(lambda: "BeginTime" in slurm(*pending), f"the requeue of job {job}", seconds)
        self.hurry()
        slurm(str(CLUSTER), "release")

    def assert_whole(self, repeated: range = range(1)) -> None:
        """The results are those of the untouched training, and every step was done once.

        Args:
            repeated: how many steps may have been done a second time.
        """
        untouched = self.folder.parents[2] / "untouched/base/seeds-1-2"
        weights, history = "weights.safetensors", "history.csv"
        assert (self.folder / weights).read_bytes() == (untouched / weights).read_bytes()
        assert _without_seconds(self.folder / history) == _without_seconds(untouched / history)
        for name, sums in self.summary["files"].items():
            assert disk.checksum((self.folder / name).read_bytes()) == sums
        assert self.steps - SEEDS * EPOCHS * STEPS in repeated
        assert not self.saved()
        assert not list(self.folder.parent.rglob("*.part"))

    @property
    def summary(self) -> dict:
        return json.loads((self.folder / "run.json").read_text("utf-8"))

    def went_on_in(self) -> int:
        """The epoch in which the last job went on: in its log and in run.json."""
        said = re.findall(rf"^seed 1: goes on in epoch (\d+) of {EPOCHS}$", self.log, re.MULTILINE)
        first, second = (seed["resumed_epochs"] for seed in self.summary["seeds"])
        assert (said, second) == ([str(epoch) for epoch in first[-1:]], [])
        assert first[-1] > 1
        return first[-1]


def _without_seconds(path: Path) -> list[str]:
    return [row.rpartition(",")[0] for row in path.read_text("utf-8").splitlines()]


def trainings_of(said: str) -> list[tuple[str, str]]:
    """Number and state of each SLURM job that Snakemake submitted to train."""
    return [(job.number, job.state) for job in jobs_of(said) if job.rule == "train"]
