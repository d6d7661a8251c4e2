"""The run whose settings a new param-file takes over: the nearest one that can be made here."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from isotrope import paths, registry
from isotrope.datasets.local_data import absent_files
from isotrope.errors import UserError, did_you_mean
from isotrope.params.blocks import check_plugin
from isotrope.params.param_folder import find, read_text
from isotrope.params.yaml_marks import parse

Block = dict[str, Any]

_SERIES = ("published", "own", "demo", "extra")  # whose settings are taken first


@dataclass(frozen=True)
class Known:
    """A run that is there: its name and what its param-file says."""

    name: str
    raw: Block

    @property
    def model(self) -> str:
        """The first part of its name."""
        return self.name.split("/")[0]

    @property
    def data(self) -> str:
        """The second part of its name."""
        return self.name.split("/")[1]

    @property
    def file(self) -> Path:
        """Its param-file."""
        return paths.PARAM_FILES / f"{self.name}.yaml"

    @property
    def series(self) -> str:
        """What it is drawn beside."""
        return str(self.raw.get("series", "own"))

    @property
    def group(self) -> str:
        """Whose tables it has rows in."""
        return paths.group_of(str(self.raw.get("study")), self.series)

    @cached_property
    def lacks_files(self) -> bool:
        """Whether its data set cannot be made: from files that are not there, or by broken code."""
        try:
            data, _ = check_plugin("data", self.raw["dataset"], ("dataset",))
            if data is None:
                return True
            return bool(absent_files(registry.load("data", data.name).local_files(data.params)))
        except registry.BrokenPluginError:  # another run's, perhaps; `isotrope check` tells
            return True


def known_runs(series: str) -> list[Known]:
    """All runs whose param-files can be read, those first whose settings suit a series."""
    found = []
    for path, misnamed in find().items():
        if misnamed:
            continue
        try:
            raw = parse(read_text(path)).value
        except UserError:
            continue
        blocks = ("dataset", "model", "training")
        if isinstance(raw, dict) and all(isinstance(raw.get(key), dict) for key in blocks):
            name = path.relative_to(paths.PARAM_FILES).with_suffix("").as_posix()
            if name.count("/") == 2:
                found.append(Known(name, raw))
    order = ("demo", *_SERIES) if series == "demo" else _SERIES
    rank = {one: place for place, one in reversed(list(enumerate(order)))}
    return sorted(found, key=lambda run: rank.get(run.series, len(rank)))


def nearest(
    runs: Sequence[Known], model: str, data: str, study: str | None, like: str | None
) -> list[Known]:
    """The runs on a data set by the name of its folder, the nearest first.

    Those of the model come first, and those of the study. Then come those whose data are at hand,
    and for a model that has none, demos, which take minutes.

    Args:
        runs: from ``known_runs``.
        model: of the new run.
        data: the middle part of its name.
        study: whose figures it joins, if that was said.
        like: a run that comes before all others.

    Raises:
        UserError: if there is no run ``like``; or no run on the data set, and no data set of that
            name.
    """
    known = [run for run in runs if run.data == data]
    if like is not None:
        name = like.removeprefix(f"{paths.PARAM_FILES}/").removesuffix(".yaml")
        chosen = [run for run in runs if run.name == name]
        if not chosen:
            hint = did_you_mean(name, [run.name for run in runs])
            raise UserError(f"--like {like}: no run is called so{hint}")
        return [*chosen, *(run for run in known if run.name != name)]
    if not known and data not in registry.names("data"):
        choices = {*registry.names("data"), *(run.data for run in runs)}
        raise UserError(f"no data set is called '{data}'{did_you_mean(data, choices)}")

    def distance(run: Known) -> tuple[bool, bool, bool, bool]:
        other = run.model != model
        strange = study is not None and run.raw.get("study") != study
        return other, strange, run.lacks_files, other and run.series != "demo"

    return sorted(known, key=distance)
