"""All bugs that can be planted in a project, and a seeded sample of them, spread over its rooms."""

import random
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, islice, zip_longest
from pathlib import Path

import python_mutations
import rule_mutations
import yaml
from source_text import Mutation

# tested in seconds, so sampled first; then all others by name
QUICK = (
    *("plan", "params", "tasks", "cluster", "files", "results", "status", "packs", "processes"),
    *("commands", "console", "workflow", "training", "measuring", "evaluation", "datasets"),
)
KNOWN = Path(__file__).parent / "equivalent.yaml"


def room(path: str) -> str:
    """The room of a file: a folder of the package, ``root`` of it, or ``workflow``."""
    parts = path.split("/")
    if parts[0] != "src":
        return "workflow"
    return parts[2] if len(parts) > 3 else "root"


def known_equivalents() -> dict[tuple[str, str, str], str]:
    """Bugs that change nothing that can be seen, each with the reason."""
    listed = yaml.safe_load(KNOWN.read_text(encoding="utf-8")) or []
    return {(one["path"], one["was"], one["now"]): one["why"] for one in listed}


def all_mutations(root: Path, only: Collection[str] = ()) -> dict[str, list[Mutation]]:
    """All bugs that can be planted, by room; rooms in the order in which they are sampled.

    Args:
        root: the folder of the project.
        only: rooms; nothing means all.
    """
    found: dict[str, list[Mutation]] = {}
    paths = [
        *(root / "src").rglob("*.py"),
        *(root / "workflow" / "rules").glob("*.smk"),
        root / "Snakefile",
    ]
    for path in sorted(paths):
        name = path.relative_to(root).as_posix()
        if not only or room(name) in only:
            propose = python_mutations if path.suffix == ".py" else rule_mutations
            found.setdefault(room(name), []).extend(propose.mutations(name, path.read_bytes()))
    order = [*(name for name in QUICK if name in found), *sorted(found.keys() - {*QUICK})]
    return {name: found[name] for name in order}


def sample(
    root: Path,
    found: Mapping[str, Sequence[Mutation]],
    seed: int,
    count: int,
    without: Collection[tuple[str, str, str]] = (),
) -> list[Mutation]:
    """As many bugs from each room, of all kinds, and as a rule one for a function.

    Args:
        root: the folder of the project.
        found: all bugs, by room.
        seed: of the drawing; what is drawn of a room depends on its files alone.
        count: how many bugs.
        without: names of bugs that are not drawn.
    """
    drawn = (
        filter(
            partial(_is_bug, root),
            _drawn_from_room([m for m in mutations if m.name not in without], f"{seed} {name}"),
        )
        for name, mutations in found.items()
    )
    in_turn = chain.from_iterable(zip_longest(*drawn))
    return list(islice((mutation for mutation in in_turn if mutation), count))


def _is_bug(root: Path, mutation: Mutation) -> bool:
    return not mutation.path.endswith(".py") or python_mutations.is_bug(
        mutation, (root / mutation.path).read_bytes()
    )


def _drawn_from_room(mutations: Iterable[Mutation], seed: str) -> Iterator[Mutation]:
    """Bugs of each kind in turn, without two in one function while there are others."""
    generator = random.Random(seed)
    by_kind: dict[str, list[Mutation]] = {}
    for mutation in mutations:
        by_kind.setdefault(mutation.kind, []).append(mutation)
    for kind in sorted(by_kind):
        generator.shuffle(by_kind[kind])
    waiting: list[Mutation] = []
    seen: set[tuple[str, str]] = set()
    while by_kind:
        kinds = sorted(by_kind)
        generator.shuffle(kinds)
        for kind in kinds:
            while by_kind[kind]:
                mutation = by_kind[kind].pop()
                if (mutation.path, mutation.scope) not in seen:
                    seen.add((mutation.path, mutation.scope))
                    yield mutation
                    break
                waiting.append(mutation)
        by_kind = {kind: left for kind, left in by_kind.items() if left}
    yield from waiting
