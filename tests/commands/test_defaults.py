"""What a command does where nothing is said: the defaults of its words, and their limits."""

from pathlib import Path

import typer
import yaml

from isotrope.cli import app

LISTED = yaml.safe_load(Path(__file__).with_name("defaults.yaml").read_text(encoding="utf-8"))
COMMANDS = typer.main.get_command(app).commands


def plain(value):
    """A default as YAML has it: words for what is no number and no flag."""
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def option(one):
    """The default of a word, and its least and greatest value where it has one."""
    holder = one if hasattr(one, "min") else one.type  # of typer, or of click below an older one
    limits = [getattr(holder, end, None) for end in ("min", "max")]
    default = plain(one.default() if callable(one.default) else one.default)
    return default if limits == [None, None] else [default, *limits]


def defaults():
    """Of each command that has words, the default of each."""
    found = {
        name: {
            "/".join((*one.opts, *one.secondary_opts)): option(one)
            for one in command.params
            if one.name != "help"
        }
        for name, command in COMMANDS.items()
    }
    return {name: its for name, its in found.items() if its}


def test_words_of_commands_have_the_defaults_and_limits_that_are_listed():
    assert defaults() == LISTED
