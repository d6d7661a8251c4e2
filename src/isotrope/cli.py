"""The command line: by hand what the rules do. Each command is in ``isotrope.commands``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from isotrope import __version__
from isotrope.commands.attacking import attack
from isotrope.commands.challenge import challenge
from isotrope.commands.checking import check, new, schema
from isotrope.commands.cost import cost
from isotrope.commands.data import build, download, pin
from isotrope.commands.importing import import_param_file, import_weights
from isotrope.commands.keeping import keep
from isotrope.commands.results import (
    collect,
    compare,
    draw,
    export,
    report,
    sample,
    summarize,
    track,
    typeset,
)
from isotrope.commands.runs import choose, evaluate, ship, train
from isotrope.commands.start import START_CONTEXT, start
from isotrope.commands.status import status
from isotrope.commands.submit import submit
from isotrope.console.printing import complain, say
from isotrope.errors import UserError, of_the_system

PACKAGE = Path(__file__).resolve().parent

app = typer.Typer(
    help="Train, test and compare image networks that should not care how large, how turned or "
    "where a thing is. Snakemake calls these commands; each also works by hand, in the "
    "project's root.",
    epilog="Run everything with `snakemake`, see what it would do with `snakemake -n`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for command in (
    *(check, build, download, pin, train, choose, evaluate, ship, import_weights, keep),
    *(import_param_file, attack, challenge, submit, cost, collect, export, track, summarize),
    *(report, compare, sample, draw, typeset, status, new, schema),
):
    app.command()(command)
app.command(context_settings=START_CONTEXT)(start)


def _say_version(wanted: bool) -> None:
    if wanted:
        say(f"isotrope {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="say the version and end", callback=_say_version, is_eager=True
        ),
    ] = False,
) -> None:
    """What holds for every command."""
    del version


def _say_whose_code_runs() -> None:
    """Say so if the folder is a project whose own code is not what runs: it was copied, say."""
    own = Path("src/isotrope")
    if (own / "cli.py").is_file() and not own.samefile(PACKAGE):
        complain(
            f"this runs the code in {PACKAGE}, not that of this folder; if it is a copy, "
            "`make clean-env env` gives it an environment of its own"
        )


def main() -> None:
    """Run a command; what the user can mend ends with status 2 and no traceback."""
    _say_whose_code_runs()
    try:
        app()
    except UserError as error:
        complain(*error.sentences)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(141)  # whoever read the output has seen enough
    except OSError as error:
        if (mistake := of_the_system(error)) is None:
            raise
        complain(*mistake.sentences)
        sys.exit(2)


if __name__ == "__main__":
    main()
