"""Draw the rooms of the package into docs/architecture.md, from the imports in their sources.

    python docs/draw_rooms.py           # draw
    python docs/draw_rooms.py --check   # say what is stale, and end with 1 if anything is

An arrow says that some module of a room imports one of another room, at any place, for types too.
Arrows that follow from others are left out. Modules at the root of the package are the ground that
all rooms stand on, and are not drawn; neither are plug-ins found by name, which nothing imports.
"""

import ast
import difflib
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "isotrope"
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- drawn by docs/draw_rooms.py -->\n", "<!-- end of the drawing -->\n"
KINDS = {  # how rooms are coloured, and which belong together
    "plug-ins": ("data", "augmentation", "models", "layers", "evaluation", "figures", "studies"),
    "plan": ("params", "plan", "tasks", "skeletons"),
    "work": ("datasets", "packs", "training", "measuring", "attacks", "features"),
    "show": ("results", "status", "tracking", "cluster", "commands"),
}
COLOURS = {"plug-ins": "#fde7c8", "plan": "#d6e8fa", "work": "#d9f0d3", "show": "#eee0f5"}


def rooms() -> list[str]:
    """The folders of the package."""
    return sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def imported(room: str) -> set[str]:
    """The rooms that the modules of a room import."""
    found = set()
    for path in (PACKAGE / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                base = node.module or ""
                names = [f"{base}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            found |= {name.split(".")[1] for name in names if name.startswith("isotrope.")}
    return found & set(rooms()) - {room}


def needed(arrows: dict[str, set[str]]) -> dict[str, list[str]]:
    """The arrows that do not follow from others; all where rooms import each other in a circle."""
    reached = {room: _reached(arrows, room) for room in arrows}

    def follows(room: str, other: str) -> bool:
        return any(
            other in reached[between]
            for between in arrows[room] - {other}
            if room not in reached[between] and between not in reached[other]
        )

    return {
        room: sorted(other for other in others if not follows(room, other))
        for room, others in arrows.items()
    }


def _reached(arrows: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = list(arrows[start])
    while waiting:
        room = waiting.pop()
        if room not in found:
            found.add(room)
            waiting += arrows[room]
    return found


def drawing() -> str:
    """The drawing, as Mermaid in Markdown."""
    arrows = needed({room: imported(room) for room in rooms()})
    lines = ["```mermaid", "flowchart TD"]
    for room in rooms():
        kind = next((kind for kind, names in KINDS.items() if room in names), "")
        lines.append(f"    {room}{':::' + kind.replace('-', '') if kind else ''}")
    lines += [f"    {room} --> {other}" for room in rooms() for other in arrows[room]]
    for kind, colour in COLOURS.items():
        lines.append(f"    classDef {kind.replace('-', '')} fill:{colour},stroke:#888,color:#000")
    return "\n".join([*lines, "```", ""])


def drawn(page: str) -> str:
    """The page with the drawing as it is now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + drawing() + END + after


def difference() -> str:
    """What is stale in the page; empty if nothing is."""
    page = PAGE.read_text(encoding="utf-8")
    lines = (text.splitlines(keepends=True) for text in (page, drawn(page)))
    return "".join(difflib.unified_diff(*lines, "docs/architecture.md", "the imports"))


def main() -> None:
    """Draw, or say what is stale."""
    if "--check" in sys.argv[1:]:
        sys.stdout.write(difference())
        sys.exit(1 if difference() else 0)
    PAGE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
