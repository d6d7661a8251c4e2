"""Write docs/library.md: what a Python program may import, from the sources' own signatures.

python docs/list_library.py           # write
python docs/list_library.py --check   # say what is stale, and end with 1 if anything is
"""

import difflib
import inspect
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent / "library.md"
MODULES = ("isotrope", "isotrope.layers", "isotrope.attacks", "isotrope.features", "isotrope.data")
START = """\
# The library

What a Python program may import, with arguments and defaults; what stands behind `*` is given by
name. Shapes, units, errors and sources are in the docstrings: `help(isotrope.layers.SiConv2d)`.
Nothing here needs a run, a param-file or Snakemake, but for `load_model`.

*Written by `docs/list_library.py` from the sources.*
"""


def names(module: Any) -> list[str]:
    """What a module offers."""
    return sorted(getattr(module, "__all__", None) or module._HOMES, key=str.casefold)


def call(name: str, one: Callable[..., Any]) -> str:
    """How it is called."""
    words, given_by_name = [], False
    for key, argument in inspect.signature(one).parameters.items():
        if argument.kind is argument.VAR_POSITIONAL:
            words, given_by_name = [*words, f"*{key}"], True
            continue
        if argument.kind is argument.VAR_KEYWORD:
            words.append(f"**{key}")
            continue
        if argument.kind is argument.KEYWORD_ONLY and not given_by_name:
            words, given_by_name = [*words, "*"], True
        default = "" if argument.default is argument.empty else f"={value(argument.default)}"
        words.append(f"{key}{default}")
    return f"{name}({', '.join(words)})"


def value(default: Any) -> str:
    """A default as a program writes it."""
    return default.__name__ if callable(default) else repr(default)


def lines(module: str) -> Iterator[str]:
    """A module's part of the page."""
    yield f"\n## `{module}`\n"
    yield from (f"- {line}" for line in _entries(import_module(module)))


def _entries(module: Any) -> Iterator[str]:
    for name in names(module):
        one = getattr(module, name)
        meaning = (inspect.getdoc(one) or "").partition("\n")[0]
        yield f"`{call(name, one)}`: {meaning[:1].lower()}{meaning[1:]}"


def page() -> str:
    """The page as the sources are now."""
    return START + "".join(f"{line}\n" for module in MODULES for line in lines(module))


def main() -> None:
    """Write, or say what is stale."""
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
        return
    before, now = (
        text.splitlines(keepends=True) for text in (PAGE.read_text(encoding="utf-8"), page())
    )
    stale = "".join(difflib.unified_diff(before, now, "docs/library.md", "the sources"))
    sys.stdout.write(stale)
    sys.exit(1 if stale else 0)


if __name__ == "__main__":
    main()
