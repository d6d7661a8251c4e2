"""What is wrong in a data set of the user's own: one sentence with its file, and no traceback."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from isotrope import registry
from isotrope.errors import UserError


def is_users(plugin: ModuleType) -> bool:
    """Whether a data set is one of the user's own."""
    return plugin.__name__.startswith(f"{registry.USERS.name}.")


@contextmanager
def own_faults_said(plugin: ModuleType, doing: str) -> Iterator[None]:
    """Say what goes wrong inside as a mistake in a data set, if that is one of the user's own.

    What the disk refuses, and what is said already, is raised as it is.

    Args:
        plugin: the data set.
        doing: what it cannot, as in ``cannot be built``.

    Raises:
        BrokenPluginError: with the line of the plug-in, if the error came through one.
    """
    try:
        yield
    except Exception as error:
        refused = isinstance(error, OSError) and not isinstance(error, FileNotFoundError)
        if isinstance(error, UserError) or refused or not is_users(plugin):
            raise
        raise _said(plugin, error, doing) from error


def _said(plugin: ModuleType, error: Exception, doing: str) -> registry.BrokenPluginError:
    name = plugin.__name__.rpartition(".")[2]
    what, path = f"data set {name} {doing}", Path(registry.source("data", name))
    if registry.line_in_plugin(error):
        return registry.broken(path, error, what)
    return registry.BrokenPluginError(f"{path}: {what}: {error}")
