"""How rules ask the plan: by the names of its methods, with the wildcards of their job.

``plan.memory`` in a rule is ``Plan.memory(run, attempt)``, called with the job's wildcard ``run``
and Snakemake's ``attempt``. A mistake of the user's ends Snakemake with its sentence and status 2,
whichever method finds it.
"""

import inspect
import signal
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from isotrope.console.printing import complain
from isotrope.errors import UserError, of_the_system
from isotrope.plan.targets import Plan

T = TypeVar("T")
INTERRUPTED = 128 + signal.SIGINT  # what a shell says of a program that dies of it
_OF_JOBS = ("attempt",)  # what Snakemake knows of a job besides its wildcards


class Asked:
    """The plan, each of whose methods is an input function; ``plan`` is the plan itself."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def __getattr__(self, name: str) -> Any:
        """A method as a function of wildcards, made once; any other attribute as it is."""
        found = or_exit(getattr)(self.plan, name)
        if callable(found):
            found = _of_wildcards(found, self.plan)
        setattr(self, name, found)
        return found


def _of_wildcards(method: Callable[..., Any], plan: Plan) -> Callable[..., Any]:
    named = list(inspect.signature(method).parameters)
    known = [name for name in named if name in _OF_JOBS]

    @or_exit
    @wraps(method)
    def asked(wildcards: Any, **of_job: Any) -> Any:
        if (run := getattr(wildcards, "run", None)) is not None:
            plan.see_built(run)  # it may be asked for by the name of a file alone
        matching = {name: getattr(wildcards, name) for name in named if hasattr(wildcards, name)}
        return method(**matching, **of_job)

    plain = inspect.Parameter.POSITIONAL_OR_KEYWORD
    # Snakemake passes what the signature names, and would work it out anew for each job
    asked.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, plain) for name in ("wildcards", *known)]
    )
    return asked


def or_exit(function: Callable[..., T]) -> Callable[..., T]:
    """The function; a mistake of the user's ends the process with status 2 and no traceback."""

    @wraps(function)
    def asked(*arguments: Any, **options: Any) -> T:
        try:
            return function(*arguments, **options)
        except UserError as error:
            complain(*error.sentences)
            raise SystemExit(2) from None
        except OSError as error:
            if (mistake := of_the_system(error)) is None:
                raise
            complain(*mistake.sentences)
            raise SystemExit(2) from None
        except KeyboardInterrupt:
            complain("stopped by Ctrl-C: what is finished is kept; the same command goes on")
            raise SystemExit(INTERRUPTED) from None

    return asked


@or_exit
def ask(config: Mapping[str, Any], head: bool, dry: bool = False) -> Asked:
    """The plan for the runs that Snakemake's ``config`` names.

    The process that plans, ``head``, also says what is left out, and why, and what many jobs cost.
    A ``dry`` run changes nothing, has no network built where only code changed, and says at its
    end what it costs.

    Raises:
        UserError: if the path of the folder has braces, which Snakemake would fill in; and as
            ``Plan``.
    """
    if set("{}") & set(str(here := Path.cwd())):
        raise UserError(
            f"{here}: Snakemake takes what stands between braces in a path for a name of its own; "
            "rename or move the folder"
        )
    plan = Plan(config, head, dry)
    if head:
        notes = [*plan.mend_set_back(dry), *plan.notes(), *plan.figures_left_out()]
        if notes := [*notes, *([] if dry else plan.cost_notes())]:
            complain(*notes)
    return Asked(plan)
