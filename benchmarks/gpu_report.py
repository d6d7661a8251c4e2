"""The page that `gpu.py` writes, and its lines."""

import json
from pathlib import Path

BEFORE = Path(__file__).with_name("before") / "h100.json"
COMMAND = "make test-gpu"
UNITS = {"x": "{:.3g}x", "s": "{:.1f} s", "h": "{:.1f} h", "GiB": "{:.2f} GiB"}


def line(row):
    """A row of the table as one line on the screen."""
    cells = _cells(row)
    measured = f"{cells[2]} (goal {cells[1]})" if cells[2] else f"goal {cells[1]}"
    return f"{cells[3]}: {cells[0]}: {measured}{_more(cells[4:])}"


def _more(cells):
    names = ("ms here", "ms there", "ms busy", "")
    said = [f"{cell} {name}".strip() for cell, name in zip(cells, names, strict=True) if cell]
    return f"; {', '.join(said)}" if said else ""


def _cells(row):
    unit = UNITS[row["unit"]]
    least = "at least " if row["unit"] == "x" else "at most "
    met = {True: "met", False: "missed", None: "not run"}[row["met"]]
    milliseconds = [
        "" if row.get(key) is None else f"{row[key]:{'.0f' if row[key] >= 1000 else '.3g'}}"
        for key in ("ours", "theirs", "busy")
    ]
    notes = [row.get("note", "").removeprefix("not run: ")]
    if row["met"] is False and row.get("kernels"):
        notes.append("bound by " + ", ".join(row["kernels"]))
    value = "" if row["met"] is None else unit.format(row["value"])
    note = "; ".join(filter(None, notes))
    return [row["text"], least + unit.format(row["goal"]), value, met, *milliseconds, note]


def _table(head, rows):
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return [*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)]


def page(known):
    """``gpu.md``.

    Args:
        known: what ``gpu.json`` holds.
    """
    lines = ["# gpu.py", ""]
    if known["card"]:
        lines += [*_about(known), ""]
        if known["quick"]:
            lines += ["**Tiny sizes: it shows that all of it runs; no number here counts.**", ""]
    else:
        lines += [f"Not run yet: `{COMMAND}` on a machine with a GPU fills this page.", ""]
    if known["checks"]:
        lines += ["## Checks", ""]
        rows = [(f"`{c['name']}`", c["status"], c["seconds"], c["note"]) for c in known["checks"]]
        lines += [*_table(("check", "", "s", "what it found"), rows), ""]
    lines += ["## Table", ""]
    lines += [
        "A step is one of 16 images of 64 x 64 pixels in 36 classes: forward, backward, optimizer. "
        "Here is this",
        "commit, there the other side, on the same card in one run: the published form, or commit "
        '460f702 ("before").',
        "Busy is what all kernels of a step here take.",
        "",
    ]
    head = ("what", "goal", "measured", "", "ms here", "ms there", "ms busy", "note")
    return "\n".join([*lines, *_table(head, map(_cells, known["rows"])), "", *_before()]) + "\n"


def not_run(rows):
    """What ``gpu.json`` would hold where nothing was run: rows with their goals."""
    listed = [
        {"name": row.name, "text": row.text, "goal": row.goal, "unit": row.unit, "met": None}
        for row in rows
    ]
    return {"card": None, "checks": [], "rows": listed}


def _about(known):
    card = known["card"]
    if known["memory_gib"]:
        card += f", {known['memory_gib']} GiB, driver {known['driver']}"
    return [
        f"{known['date']}, {card}; torch {known['torch']}, Python {known['python']}, "
        f"{known['cores']} CPU cores; commit {known['commit'] or 'unknown'}; "
        f"{known['seconds']} s in all."
    ]


def _before():
    """What an H100 said of the commit that is measured against."""
    said = json.loads(BEFORE.read_text(encoding="utf-8"))
    beside = {one["model"]: one for one in said["published_form"]}
    rows = []
    for one in said["steps"]:
        form = beside.get(one["model"]) if one["seeds"] == 1 else None
        rows.append(
            (
                f"`{one['model']}`",
                one["seeds"],
                one["milliseconds"],
                f"{one['milliseconds'] / one['seeds']:.3g}",
                *(one.get(key, "") for key in ("kernels", "busy_milliseconds", "peak_mib")),
                f"{form['milliseconds']}, beside {form['beside']}" if form else "",
            )
        )
    head = ("model", "seeds at once", "ms a step", "ms a seed", "kernels", "ms busy", "peak MiB")
    return [
        "## Before",
        "",
        f"{said['date']}, {said['card']}, torch {said['torch']}, Python {said['python']}, commit "
        f"{said['commit']}: the GPU was idle nine tenths of",
        "the time. Small kernels take twice as long on some hosts, in the published form, too; "
        "ratios within a run hold.",
        "",
        *_table((*head, "published form, ms"), rows),
        "",
        *(f"- {note}" for note in said["notes"]),
    ]
