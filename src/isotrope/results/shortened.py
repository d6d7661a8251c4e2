"""Which compared runs train for fewer epochs than the published networks did."""

import pandas

from isotrope import paths
from isotrope.files.tables import PUBLISHED_COLUMNS, RUN_COLUMNS, read_table

EPOCHS = "training.epochs"


def shortened(study: str, cells: pandas.DataFrame) -> str:
    """A sentence on the compared runs with a shortened training; empty if there are none.

    Args:
        study: whose tables are compared, or its demo.
        cells: what ``compare`` found.

    Raises:
        UserError: if a table is absent or damaged.
    """
    published = read_table(paths.published(paths.study_of(study)), PUBLISHED_COLUMNS)
    said = published["table"].eq("training") & published["metric"].eq("epochs")
    runs = read_table(paths.table_folder(study) / "runs.csv", RUN_COLUMNS)
    if not said.any() or EPOCHS not in runs:
        return ""
    most = int(published.loc[said, "value"].max())
    own = runs[runs["run"].isin(set(cells["run"]))].drop_duplicates("run")
    fewer = own[own[EPOCHS].lt(most)]
    if fewer.empty:
        return ""
    counts = sorted({int(count) for count in fewer[EPOCHS]})
    epochs = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
    return (
        f"shortened training, not expected to reach published numbers: {epochs} of up to {most} "
        f"epochs in {', '.join(fewer['run'])}"
    )
