"""The command line: by hand what the rules do. Each command is in ``isotrope.commands``."""

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

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
# what Typer raises where words are no call of a command; it has no public name
_Misuse: type[Any] = typer.BadParameter.__bases__[0]


class _Commands(TyperGroup):
    """All commands; what is wrong with the words of a call is one sentence, as any mistake is."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = "isotrope",
        *more: Any,
        **options: Any,
    ) -> Any:
        """As Typer calls it."""
        words = sys.argv[1:] if args is None else args
        if not words:  # the help is shown
            return super().main(args, prog_name, *more, **options)
        if wrong := next((word for word in words if not _is_text(word)), None):
            complain(f"'{wrong}': holds bytes that are no text in UTF-8; rename what it names")
            sys.exit(2)
        try:
            alone = {**options, "standalone_mode": False}
            status = super().main(args, prog_name, *more, **alone)
        except typer.Abort:
            sys.exit(1)
        except _Misuse as error:
            command = error.ctx.command_path if error.ctx else prog_name
            said = error.format_message().rstrip(".")
            complain(f"{command}: {said[:1].lower()}{said[1:]}; see `{command} --help`")
            sys.exit(error.exit_code)
        sys.exit(status or 0)


def _is_text(word: str) -> bool:
    """Whether a word is text that can be written to any file, and can be part of a path."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in word


app = typer.Typer(
    cls=_Commands,
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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, io.TextIOWrapper
        ):  # a terminal may know fewer letters than names have
            stream.reconfigure(errors="backslashreplace")
    _say_whose_code_runs()
    try:
        app()
    except UserError as error:
        complain(*error.sentences)
        sys.exit(2)
    except OSError as error:
        if (mistake := of_the_system(error)) is None:
            raise
        complain(*mistake.sentences)
        sys.exit(2)


if __name__ == "__main__":
    main()
