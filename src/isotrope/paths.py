"""Every path under ``out/``, written once. All are relative to the project's root.

Those that planning asks for again and again, for each of thousands of packs, are made once.
"""

from functools import cache
from pathlib import Path

OUT = Path("out")
DOWNLOADS = OUT / "downloads"
SOURCES = Path("workflow/sources")
SOURCES_OF = ".sources.csv"  # ends the name of the list of files that a data set was made from
INDEX = OUT / "index.json"
MODULES = OUT / "modules.json"  # what was read of the modules that draw figures
VOUCHED = OUT / "vouched.json"  # which results are known to be what was computed
CHECKED = OUT / "checked.json"  # what the last check of all param-files found
ASKED = OUT / "asked.json"  # the runs that were asked for last
PARAM_FILES = Path("param-files")
SCHEMA = Path("workflow/schemas/param-file.schema.json")
KEYS = Path("docs/keys.md")  # every key of the schema, for people
SCHEMA_WITH_PLUGINS = OUT / "param-file.schema.json"  # knows a user's own plug-ins, too
PUBLISHED = Path("workflow/published")
TRAINED = Path("workflow/trained")
REPORT = OUT / "report.html"
HEADS = OUT / ".heads"  # each Snakemake that is at work has a file there
TRACKING = OUT / "tracking"
DRAWN = OUT / "drawn"  # figures of chosen folders of weights
ATTACKS = OUT / "attacks"  # pictures that `isotrope attack` has changed
RECORDINGS = "recordings"  # what networks record while they train, among the tables too
HISTORIES = "histories"  # losses and scores of every epoch, as arrays among the tables
SELECTED = "selected"  # stands for the chosen point in the paths of its packs
DEMO = "-demo"  # ends the name of a group that holds the demo's runs of a study


def group_of(study: str, series: str) -> str:
    """Whose tables and figures a run belongs to: its study's, or those of the study's demo."""
    return demo_of(study) if series == "demo" else study


def demo_of(study: str) -> str:
    """The group that holds the demo's runs of a study."""
    return f"{study}{DEMO}"


def study_of(group: str) -> str:
    """The study that a group of tables and figures belongs to."""
    return group.removesuffix(DEMO)


def data_folder(dataset: str) -> Path:
    """The folder of a data set's files, for all its build settings."""
    return OUT / "data" / dataset


@cache
def manifest(dataset: str, key: str) -> Path:
    """The list of a built data set's files with their sizes and checksums."""
    return data_folder(dataset) / f"{key}.manifest.json"


@cache
def preview(dataset: str, key: str) -> Path:
    """The picture that shows what a built data set holds."""
    return data_folder(dataset) / f"{key}.png"


def download(dataset: str, file: str) -> Path:
    """A file that was fetched for a data set; ``<data set>/<file>`` is one of another's."""
    return DOWNLOADS / file if "/" in file else DOWNLOADS / dataset / file


def sources(dataset: str) -> Path:
    """Where the files of a data set are to be had, with their sizes and checksums."""
    return SOURCES / f"{dataset}.yaml"


@cache
def point_folder(run: str, point: str) -> Path:
    """Everything of one point of a run."""
    return OUT / "runs" / run / point


@cache
def choice(run: str) -> Path:
    """Which point of a run was chosen, and from what."""
    return OUT / "runs" / run / "choice.json"


@cache
def pack_folder(run: str, point: str, pack: str) -> Path:
    """The declared outputs of the seeds that one job trains; ``pack`` is like ``1-25``."""
    return point_folder(run, point) / f"seeds-{pack}"


def finished_seed(run: str, point: str, seed: int, digest: str) -> Path:
    """Where a seed lies once it is trained, whatever pack asks for it."""
    return point_folder(run, point) / ".seeds" / f"{seed}-{digest}"


def recordings(run: str, point: str, seed: int, digest: str) -> Path:
    """What a seed's network recorded while it was trained, if it did."""
    return finished_seed(run, point, seed, digest) / f"{RECORDINGS}.npz"


def shipped_seed(run: str, seed: int, digest: str) -> Path:
    """Where a trained seed lies that comes with the project."""
    return TRAINED / run / f"{seed}-{digest}"


def resume_file(run: str, point: str, seed: int, digest: str) -> Path:
    """The state of an unfinished seed."""
    return point_folder(run, point) / ".resume" / f"{seed}-{digest}.pt"


def stack_width(run: str, point: str, digest: str) -> Path:
    """How many seeds train at once on a device, as it was measured there."""
    return point_folder(run, point) / ".resume" / f"width-{digest}.json"


def results(run: str, point: str, pack: str, table: str | None = None) -> Path:
    """The rows of a pack: of the evaluations that share a job, or of one that has its own."""
    return pack_folder(run, point, pack) / (
        "results.csv" if table is None else f"results-{table}.csv"
    )


def results_of_run(run: str, point: str, table: str) -> Path:
    """The rows of an evaluation that measures all seeds of a point together."""
    return point_folder(run, point) / f"results-{table}.csv"


def evaluations(run: str, point: str) -> Path:
    """The stores of what was computed of a point: a folder for each evaluation and digest."""
    return point_folder(run, point) / ".evaluations"


def finished_evaluation(run: str, point: str, name: str, digest: str, seed: int | None) -> Path:
    """The rows of one seed under one evaluation; of the run's where no seed is given."""
    folder = evaluations(run, point) / f"{name}-{digest}"
    return folder / ("run.csv" if seed is None else f"{seed}.csv")


def code_record(run: str, digest: str) -> Path:
    """The sources behind a digest of code that results of a run were made with."""
    return OUT / "runs" / run / ".code" / f"{digest}.json"


def kept(run: str) -> Path:
    """Which results of a run its owner has kept although code has changed, and why."""
    return OUT / "runs" / run / "kept.json"


def code_of_results(results: Path) -> Path:
    """What the rows in a table of results were computed with."""
    return results.with_suffix(".code.json")


def leases(run: str) -> Path:
    """What the processes that train or evaluate a run say of themselves while they are at work."""
    return OUT / "runs" / run / ".leases"


def heartbeat(run: str, point: str, pack: str) -> Path:
    """What the job of a pack last said of itself."""
    return pack_folder(run, point, pack) / ".heartbeat.json"


def submitted(executor: str, resources: str) -> Path:
    """What submitit keeps of the tasks that ask an executor for these resources."""
    return OUT / "submitted" / executor / resources


def table_folder(group: str) -> Path:
    """The tables of a study, or of its demo."""
    return OUT / "tables" / group


def examples(group: str) -> Path:
    """Some images of the data sets of a study, or of its demo."""
    return table_folder(group) / "examples.npz"


def figure_folder(group: str) -> Path:
    """The figures of a study, or of its demo."""
    return OUT / "figures" / group


def published(study: str) -> Path:
    """The published numbers of a study, which not every study has."""
    return PUBLISHED / f"{study}.csv"


def tracked(tracker: str) -> Path:
    """What was last written for a tracker, ``mlflow`` or ``tensorboard``."""
    return TRACKING / f"{tracker}.json"


def events(run: str, point: str, seed: int) -> Path:
    """The folder of a seed's TensorBoard events."""
    return TRACKING / "tensorboard" / run / point / f"seed-{seed}"
