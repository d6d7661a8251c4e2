"""The MLflow store under ``out/tracking``: one SQLite file, and artifacts beside it.

MLflow keeps absolute paths of artifacts. Where the project was moved or copied, they are corrected
when the store is opened, so that a copy never writes into the project that it was made from.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE, ErrorCode

from isotrope import paths
from isotrope.errors import UserError
from isotrope.files import disk

DATABASE = paths.TRACKING / "mlflow.db"
ARTIFACTS = paths.TRACKING / "artifacts"
LOOK = f"MLFLOW_DISABLE_TELEMETRY=true mlflow ui --backend-store-uri sqlite:///{DATABASE}"
_MEND = "everything in it but your own notes is written anew from out/runs"


@contextmanager
def opened() -> Iterator[MlflowClient]:
    """A client of the store, which is made if need be.

    Raises:
        UserError: if the database is damaged, of another version of MLflow, busy or cannot be
            written.
    """
    for name in ("mlflow.store.db.utils", "alembic"):  # they announce every step of making a store
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what goes wrong is raised, too
    for path in (DATABASE, ARTIFACTS):  # what killed writers left behind
        disk.remove_parts(path)
    try:
        if not DATABASE.exists():
            _create()
        _move_artifacts()
        client = MlflowClient(tracking_uri=_uri(DATABASE))
        client.search_experiments(max_results=1)  # what is wrong shows here
    except (sqlite3.Error, MlflowException) as error:
        raise UserError(
            f"{DATABASE} cannot be opened ({_reason(error)}); if MLflow asks for it, run "
            f"`mlflow db upgrade sqlite:///{DATABASE}`, else move it away: {_MEND}"
        ) from error
    try:
        yield client
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(TEMPORARILY_UNAVAILABLE):
            raise  # a bug, not the file system
        raise UserError(
            f"{DATABASE} could not be written ({_reason(error)}); free space, or let what else "
            "writes it end, then start again: what was written before is kept"
        ) from error


def _reason(error: BaseException) -> str:
    """What SQLite said, if it is behind an error, else what MLflow says."""
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, sqlite3.Error):
            return str(behind)
        behind = behind.__cause__ or behind.__context__
    return str(error).partition("\n")[0]


def _uri(path: Path) -> str:
    """MLflow's name of a database; absolute, because it keeps open databases by their names."""
    return f"sqlite:///{path.absolute()}"


def _create() -> None:
    """Make an empty store in another folder, so that it is there whole or not at all."""
    part = disk.part_of(DATABASE)
    with disk.named_errors(DATABASE, "written"):
        part.mkdir(parents=True)
        MlflowClient(tracking_uri=_uri(part / DATABASE.name)).search_experiments()
        (part / DATABASE.name).replace(DATABASE)
    disk.remove_parts(DATABASE)


def artifacts_of(group: str) -> Path:
    """The folder of a group's artifacts, as MLflow keeps it."""
    return (ARTIFACTS / group).absolute()


def _move_artifacts() -> None:
    """Let the artifacts' paths begin with this project's folder, if another stands there."""
    with closing(sqlite3.connect(DATABASE)) as database, database:
        locations = [
            row[0] for row in database.execute("SELECT artifact_location FROM experiments")
        ]
        for location in locations:
            old, found, _ = (location or "").rpartition(f"/{ARTIFACTS}/")
            here = Path().absolute().as_posix()
            if not found or old == here or (Path(old).exists() and Path(old).samefile(here)):
                continue
            for table, column in (("experiments", "artifact_location"), ("runs", "artifact_uri")):
                database.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608
                    f"WHERE substr({column}, 1, ?) = ?",
                    (here, len(old) + 1, len(old) + 1, f"{old}/"),
                )
