"""Which runs have published numbers beside them: by model, data set, settings and variant."""

from collections.abc import Iterator, Mapping

import pandas

from isotrope import paths
from isotrope.files.tables import PUBLISHED_COLUMNS, read_table
from isotrope.plan.index import Index
from isotrope.results.cells import Cells, cells_of
from isotrope.results.published import pairs_of


def rows_of_cell(
    runs: pandas.DataFrame, model: str, dataset: str, setting: Mapping[str, str], cells: Cells
) -> pandas.DataFrame:
    """The rows of a table of runs that belong to a published cell.

    Args:
        runs: as ``Cells.with_series_names`` gives it.
        model: the published model.
        dataset: the published data set.
        setting: the pairs of the published setting; those of evaluations are ignored.
        cells: what the study says of its panels.
    """
    found = runs[runs["model"].eq(model) & runs["place"].eq(dataset)]
    columns = zip(cells.variant, cells.variants, strict=True)
    for column, name in (*zip(cells.settings, cells.settings, strict=True), *columns):
        found = found[found[column].eq(setting.get(name, ""))]
    return found


def comparable_runs(study: str, index: Index) -> list[str]:
    """The runs of a study, trained or not, in whose tables something is that was published.

    Raises:
        UserError: if the published numbers are damaged.
    """
    path = paths.published(study)
    of_study = {n: run for n, run in index.runs.items() if run.study == study and run.points}
    if not path.is_file() or not of_study:
        return []
    published, cells = read_table(path, PUBLISHED_COLUMNS), cells_of(study)
    rows = [
        {
            "run": name,
            "point": at,
            "label": run.label,
            "source": run.source,
            "model": run.model,
            "dataset": run.dataset,
            **point.parameters,
        }
        for name, run in of_study.items()
        for at, point in run.points.items()
    ]
    runs = cells.with_series_names(pandas.DataFrame(rows))
    found = {
        str(run)
        for table, model, dataset, setting in _cells(published, cells)
        for run in rows_of_cell(runs, model, dataset, setting, cells)["run"]
        if table in of_study[run].tables
    }
    return [name for name in of_study if name in found]


def _cells(
    published: pandas.DataFrame, cells: Cells
) -> Iterator[tuple[str, str, str, dict[str, str]]]:
    """Table, model, data set and setting of every published cell, each once."""
    telling = {*cells.settings, *cells.variants}
    known = set()
    columns = ("table", "metric", "model", "dataset", "setting")
    for table, metric, model, dataset, setting in zip(
        *(published[column].astype(str) for column in columns), strict=True
    ):
        if cells.compared is not None and (table, metric) not in cells.compared:
            continue
        pairs = {key: word for key, word in pairs_of(setting).items() if key in telling}
        if (one := (table, model, dataset, tuple(sorted(pairs.items())))) not in known:
            known.add(one)
            yield table, model, dataset, pairs
