"""Arguments and options of the commands, with their help and completion.

What becomes a part of a path under ``out/`` is refused where it would lead out of it; what is read
is refused where it is neither a file nor a folder, since a pipe or a device has no end.
"""

import re
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from isotrope import paths, registry
from isotrope.errors import UserError
from isotrope.params.param_folder import find, name_of

T = TypeVar("T")


def plain(word: str | None) -> str | None:
    """A word that can be a part of a path as it is.

    Raises:
        UserError: if it cannot.
    """
    if word is not None and not re.fullmatch(r"\w[\w.=+-]*", word):
        raise UserError(
            f"'{word}': no name; one has letters, digits and '_', and no blank or '/' in it"
        )
    return word


def of_cluster(word: str | None) -> str | None:
    """A word that SLURM knows, or several with commas; it stands in a batch script as it is.

    Raises:
        UserError: if it cannot be one.
    """
    if word is not None and not re.fullmatch(r"[\w.,:@/+=-]+", word):
        raise UserError(f"'{word}': nothing that SLURM knows has such a name; look in `sinfo`")
    return word


def readable(given: T) -> T:
    """A path, or several, of what may be a file or a folder; whether it is there is not asked.

    Raises:
        UserError: if one is a pipe or a device.
    """
    for one in given if isinstance(given, list) else [given]:
        path = Path(str(one))
        if one is not None and path.exists() and not (path.is_file() or path.is_dir()):
            raise UserError(f"{path}: is neither a file nor a folder; name a file")
    return given


def of_runs(given: T) -> T:
    """Param-files, each by its path or by the name of its run.

    Raises:
        UserError: if one is a pipe or a device.
    """
    found: Any = readable(given)
    if isinstance(found, list):
        found = [_file_of(one) for one in found]
    elif found is not None:
        found = _file_of(found)
    return found  # type: ignore[no-any-return]


def _file_of(given: Path) -> Path:
    """A path; the param-file of a run that is called so, if nothing else is."""
    its = paths.PARAM_FILES / f"{given}.yaml"
    return its if not given.exists() and its.is_file() else given


def files(incomplete: str) -> list[str]:
    """The param-files whose paths begin so."""
    found = (path.as_posix() for path, misnamed in find().items() if not misnamed)
    return [path for path in found if path.startswith(incomplete)]


def runs(incomplete: str) -> list[str]:
    """The runs whose names begin so, and their param-files where a path is begun."""
    if incomplete.startswith(f"{paths.PARAM_FILES.name}/"):
        return files(incomplete)
    names = (name_of(path) for path, misnamed in find().items() if not misnamed)
    return [name for name in names if name.startswith(incomplete)]


def studies(incomplete: str) -> list[str]:
    """The studies that have files of their own and whose names begin so."""
    from isotrope.plan.studies import with_files

    return sorted(study for study in with_files() if study.startswith(incomplete))


def listed(known: Any) -> Any:
    """A completion of the last of several words with commas between them.

    Args:
        known: the completion of one word.
    """

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [f"{before}{comma}{word}" for word in known(last)]

    return complete


def groups(incomplete: str) -> list[str]:
    """The studies, and their demos, whose names begin so."""
    found = {path.stem for path in paths.PUBLISHED.glob("*.csv")}
    found |= {p.name for p in paths.table_folder(".").glob("[!.]*") if p.is_dir()}
    return sorted(group for group in found if group.startswith(incomplete))


def figures(incomplete: str) -> list[str]:
    """The figures whose names begin so, of any study."""
    from isotrope.plan.figures import all_figures

    return [name for name in all_figures() if name.startswith(incomplete)]


def parts(incomplete: str) -> list[str]:
    """The parts of any form of export whose names begin so."""
    from isotrope.results.exporting import all_parts

    return sorted({name for name in all_parts() if name.startswith(incomplete)})


def completion_of(*known: str) -> Any:
    """A completion of the words of a list."""
    return lambda incomplete: [word for word in known if word.startswith(incomplete)]


def plugins(kind: str) -> Any:
    """A completion that knows the plug-ins of a kind."""
    return lambda incomplete: [n for n in registry.names(kind) if n.startswith(incomplete)]


ParamFile = Annotated[
    Path,
    typer.Argument(
        help="a YAML file below param-files/, or the name of a run",
        autocompletion=files,
        callback=of_runs,
    ),
]
PointName = Annotated[
    str, typer.Option(help="point of the run's sweep; `selected` for the one that was chosen")
]
SeedList = Annotated[
    str | None, typer.Option(help="seeds, as in 1-5 or 1,3; all of the param-file if left out")
]
Pack = Annotated[
    str | None,
    typer.Option(help="a block of seeds, as in 1-25, or list-1 for large ones; all if left out"),
]
SaveEvery = Annotated[
    float, typer.Option(min=0, help="seconds between two savings of unfinished seeds")
]
Device = Annotated[
    str,
    typer.Option(help="auto, cpu or cuda", autocompletion=completion_of("auto", "cpu", "cuda")),
]
ParamFiles = Annotated[
    list[Path] | None,
    typer.Argument(
        help="param-files, or names of runs; all if left out",
        autocompletion=files,
        callback=of_runs,
    ),
]
RunWords = Annotated[
    list[str],
    typer.Argument(
        help="param-files, names of runs, or patterns of names such as 'standard/*/*'",
        autocompletion=listed(runs),
    ),
]
OnlyRuns = Annotated[
    str | None,
    typer.Option(
        help="only these, as in --config runs=: commas and * allowed",
        autocompletion=listed(runs),
    ),
]
OnlyStudies = Annotated[
    str | None,
    typer.Option(help="only these, as in --config studies=", autocompletion=listed(studies)),
]
OnlySeries = Annotated[
    str | None,
    typer.Option(
        help="only these, as in --config series=; all if left out",
        autocompletion=listed(completion_of("demo", "extra", "own", "published")),
    ),
]
Group = Annotated[
    str,
    typer.Argument(
        help="a study, or the demo of one: STUDY-demo", autocompletion=groups, callback=plain
    ),
]
DrawnGroup = Annotated[
    str,
    typer.Option(
        help="the study, or STUDY-demo, whose tables are drawn",
        autocompletion=groups,
        callback=plain,
    ),
]
FigureName = Annotated[str, typer.Argument(help="a figure", autocompletion=figures)]
DatasetName = Annotated[
    str, typer.Argument(help="a data set", autocompletion=plugins("data"), callback=plain)
]
Threads = Annotated[
    int, typer.Option(min=1, envvar="OMP_NUM_THREADS", help="CPU threads of one operation")
]
JobThreads = Annotated[
    int | None,
    typer.Option(
        min=1,
        envvar="OMP_NUM_THREADS",
        help="CPU threads of one operation; as many as resources.cpus of the run if left out",
    ),
]
ExportFolder = Annotated[Path, typer.Argument(help="where the files go; it is made if need be")]
ExportForm = Annotated[
    str,
    typer.Option(
        "--as",
        help="the form of the files, such as published; each study has its own",
        autocompletion=completion_of("published"),
    ),
]
ExportGroup = Annotated[
    str | None,
    typer.Option(
        help="the study, or its demo, that is exported; needed where several have the form",
        autocompletion=groups,
        callback=plain,
    ),
]
ExportParts = Annotated[
    str,
    typer.Option(
        "--with",
        help="further files, which need weights and data, separated by commas",
        autocompletion=parts,
    ),
]
Tracker = Annotated[
    str,
    typer.Argument(
        help="mlflow or tensorboard", autocompletion=completion_of("mlflow", "tensorboard")
    ),
]
TrackedRuns = Annotated[
    str,
    typer.Option(
        "--config",
        help="runs, as snakemake's: 'series=demo runs=...'; every finished one if left out",
    ),
]
WithWeights = Annotated[
    bool, typer.Option("--weights", help="mlflow: also keep each seed's weights, as an artifact")
]
