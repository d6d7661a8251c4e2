"""The command that keeps results although the code behind them has changed."""

from typing import Annotated

import typer

from isotrope.commands.arguments import RunWords
from isotrope.console.printing import say
from isotrope.errors import UserError, in_one_line


def keep(
    runs: RunWords,
    why: Annotated[str, typer.Option(help="the reason why the results hold all the same")],
) -> None:
    """Keep results that were made with other code than there is now, and record why.

    Says what is kept. Where code changes again, it is asked again.
    """
    from isotrope.plan import code_words, index_file
    from isotrope.plan.code_state import CodeStates
    from isotrope.plan.selection import Selection
    from isotrope.results import keeping

    reason = in_one_line(" ".join(why.split()))
    if not reason:
        raise UserError("--why: say in a few words why the results hold although code has changed")
    index = index_file.current(asks=index_file.only_look)
    selection = Selection.from_config({"runs": runs}, option="")
    names = selection.names(index)
    unknown = [
        f"{name}: nothing is kept of it, since it waits for a broken plug-in to be mended: "
        f"{'; '.join(broken)}"
        for name in names
        if (broken := index.runs[name].broken)
    ]
    codes = CodeStates(index)
    kept = {name: keeping.keep(name, codes.of_run(name), reason) for name in names}
    for name, packs in kept.items():
        for pack in packs:
            say(f"kept {name}, {pack.point}, seeds {pack.pack}: {code_words.detail(pack)}")
    if unknown := [*selection.mistakes(index), *unknown]:
        raise UserError(*unknown)
    if not any(kept.values()):
        say("nothing to keep: no result of these runs was made with other code than there is now")
