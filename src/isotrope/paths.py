"""Every path under ``out/``, written once. All are relative to the project's root."""

from pathlib import Path

OUT = Path("out")
INDEX = OUT / "index.json"
PARAM_FILES = Path("param-files")
SCHEMA = Path("workflow/schemas/param-file.schema.json")
PUBLISHED = Path("workflow/published")
REPORT = OUT / "report.html"


def data_folder(dataset: str) -> Path:
    """The folder of a data set's files, for all its build settings."""
    return OUT / "data" / dataset


def manifest(dataset: str, key: str) -> Path:
    """The list of a built data set's files with their sizes and checksums."""
    return data_folder(dataset) / f"{key}.manifest.json"


def preview(dataset: str, key: str) -> Path:
    """The picture that shows what a built data set holds."""
    return data_folder(dataset) / f"{key}.png"


def point_folder(run: str, point: str) -> Path:
    """Everything of one point of a run."""
    return OUT / "runs" / run / point


def pack_folder(run: str, point: str, pack: str) -> Path:
    """The declared outputs of the seeds that one job trains; ``pack`` is like ``1-25``."""
    return point_folder(run, point) / f"seeds-{pack}"


def finished_seed(run: str, point: str, seed: int, digest: str) -> Path:
    """Where a seed lies once it is trained, whatever pack asks for it."""
    return point_folder(run, point) / ".seeds" / f"{seed}-{digest}"


def resume_file(run: str, point: str, seed: int, digest: str) -> Path:
    """The state of an unfinished seed."""
    return point_folder(run, point) / ".resume" / f"{seed}-{digest}.pt"


def finished_evaluation(run: str, point: str, name: str, digest: str, seed: int) -> Path:
    """The rows of one seed under one evaluation."""
    return point_folder(run, point) / ".evaluations" / f"{name}-{digest}" / f"{seed}.csv"


def heartbeat(run: str, point: str, pack: str) -> Path:
    """What the job of a pack last said of itself."""
    return pack_folder(run, point, pack) / ".heartbeat.json"


def table_folder(group: str) -> Path:
    """The tables of a study, or of the demo."""
    return OUT / "tables" / group


def figure_folder(group: str) -> Path:
    """The figures of a study, or of the demo."""
    return OUT / "figures" / group
