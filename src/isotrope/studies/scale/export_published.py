"""The results of STIR runs in the form that Altstidl et al. published theirs in.

``clean.csv`` has a row per trained network, as MLflow exports runs: accuracies in percent, those of
training and validation of the last epoch, but ``best_acc``. ``generalization_<data>.csv`` has the
accuracy at each scale, ``s17`` to ``s64``, as fractions and without a run's number; its rows are
in the order of those of ``clean.csv``, newest (highest) seed first in each cell. Models that resize
no kernels have the interpolation ``bicubic`` there, by which the published scripts select every
model. So these scripts, or any other written for the files, can be given ours. Needs no torch.

Source: https://github.com/taltstidl/scale-equivariant-cnn and "Just a Matter of Scale?", 2022,
https://arxiv.org/abs/2211.10288.
Differs from the published files: a run's number is made of what it is, so that the same run always
has the same one; two columns more, ``tags.isotrope.run`` and ``tags.isotrope.point``, say which run
it is here. ``metrics.test_loss`` is that of the evaluation ``predictions``, and empty where a run
does not ask for it. Empty are, where only tables are at hand, the columns that stand in no table:
losses, last accuracies, times and commit. Diverged seeds are left out, as they have no test
accuracy.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas

from isotrope import paths
from isotrope.files.disk import write_whole
from isotrope.files.tables import RESULT_COLUMNS, read_table
from isotrope.studies.scale.published_rows import CLEAN_COLUMNS, KEY, exported_runs

if TYPE_CHECKING:
    from isotrope.devices import DeviceName

SCALES = range(17, 65)  # pixels

PARTS = {  # what needs weights and data
    "errors": "eval/<run_id>/errors.npz, the equivariance errors",
    "indices": "eval/<run_id>/indices.npz, the kernels that the best runs choose; gigabytes",
}


def export(group: str, folder: Path) -> list[Path]:
    """Write ``clean.csv`` and the files of generalization.

    Args:
        group: the study or its demo; of the study, the runs of series ``published`` are taken.
        folder: where the files go; it is made if need be.

    Returns:
        The files.

    Raises:
        UserError: if the tables are absent or damaged, hold no such run, or two runs would be the
            same in the published form.
    """
    rows = exported_runs(group)
    written = [_write(folder / "clean.csv", rows[list(CLEAN_COLUMNS)], index=False)]
    path = paths.table_folder(group) / "scale_generalization.csv"
    if path.is_file():
        measured = read_table(path, {**RESULT_COLUMNS, "scale": "number"})
        measured = measured[measured["metric"].eq("accuracy")]
        by_scale = measured.pivot(index=KEY, columns="scale", values="value").reindex(
            columns=list(SCALES)
        )
        by_scale.columns = [f"s{scale}" for scale in SCALES]
        found = rows.merge(by_scale.reset_index(), on=KEY)
        named = {"params.model": "model", "params.data": "data", "params.evaluation": "eval"}
        for data, its in found.rename(columns=named).groupby("data", sort=False):
            table = its[["model", "data", "eval", *by_scale.columns]].reset_index(drop=True)
            written.append(_write(folder / f"generalization_{data}.csv", table, index=True))
    return written


def _write(path: Path, table: pandas.DataFrame, index: bool) -> Path:
    write_whole(path, table.to_csv(index=index, lineterminator="\n"))
    return path


def export_parts(
    group: str, folder: Path, parts: Collection[str], device: "DeviceName", threads: int
) -> Iterator[Path]:
    """Write some of ``PARTS`` too; this needs torch."""
    from isotrope.studies.scale.published_arrays import export_arrays

    yield from export_arrays(group, folder, parts, device, threads)
