"""The report: one page of all results that are there, whoever asked for them, whenever.

It begins with the verdict on each group: its main numbers beside the published ones, its main
figure, what was run, what was not, and what failed. All figures, settings and times follow. The
page holds its pictures, and opens without a network. Needs no torch.
"""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from html import escape
from pathlib import Path

from isotrope import paths, registry
from isotrope.errors import UserError
from isotrope.files import checksums, regular
from isotrope.files.disk import write_whole
from isotrope.files.tables import RUN_COLUMNS, read_table
from isotrope.plan.figures import StudyFigures
from isotrope.plan.index import RunEntry
from isotrope.results import verdict
from isotrope.results.cells import cells_of
from isotrope.results.page import folded, items, page
from isotrope.results.style import foot_of, nothing_drawn
from isotrope.results.summary import summary_parts

NARROW = 340  # pixels that any window holds beside its margins
LARGER = 1.35  # times the size of a figure in a journal, whose words are small on a screen
ABOUT = (
    "Networks that should not care how large, how turned or where a thing is: what was measured "
    "here, beside the published numbers where there are any. Shares are percent. Results of a "
    "demo stand apart: its training is shortened, and it is not expected to reach published "
    "numbers."
)
PICTURES = {".svg": "svg+xml", ".gif": "gif", ".png": "png"}


def write_report(
    runs: Mapping[str, RunEntry],
    troubles: Mapping[str, Sequence[str]],
    notes: Sequence[str] = (),
) -> Path:
    """Write ``out/report.html``.

    Args:
        runs: all runs by name, to say which of them were not run.
        troubles: for each group sentences on what failed.
        notes: sentences on the whole project.

    Returns:
        The page.

    Raises:
        UserError: if there is no table to report.
    """
    groups = sorted(path.parent.name for path in (paths.OUT / "tables").glob("*/runs.csv"))
    if not groups:
        raise UserError("out/tables has no results to report; run `snakemake tables`")
    links = "".join(f"<a href='#{escape(group)}'>{escape(group)}</a>" for group in groups)
    parts = [f"<h1>Isotrope</h1><p>{escape(ABOUT)}</p>{items(notes)}<nav>{links}</nav>"]
    for group in groups:
        of_group = {name: run for name, run in runs.items() if run.group == group}
        parts += _verdict(group, of_group, troubles.get(group, ()))
    parts.append(_elsewhere(groups, runs))
    for group in groups:
        parts += _all_of(group)
    write_whole(paths.REPORT, page("Isotrope: report", parts))
    return paths.REPORT


def _verdict(group: str, runs: Mapping[str, RunEntry], troubles: Iterable[str]) -> list[str]:
    """What the results of a group come to."""
    folder, main = paths.table_folder(group), cells_of(paths.study_of(group)).main_figure
    parts = [f"<h2 id='{escape(group)}'>{escape(group)}</h2>"]
    try:
        ran = verdict.ran(folder)
        failed = [*verdict.failures(folder), *_altered(group), *troubles]
        lists = {"Run": ran, "Not run": verdict.not_run(runs, folder), "Failures": failed}
        parts += verdict.main_tables(folder)
    except UserError as error:
        return [*parts, items(error.sentences)]
    drawn = _drawn(group)[0]
    first = next((one for one in (main, "accuracy") if one in drawn), next(iter(drawn), None))
    if first is not None:
        parts.append(_figure(group, first, drawn[first]))
    for title, sentences in lists.items():
        said = sentences or [{"Failures": "None.", "Not run": "Nothing."}.get(title, "")]
        parts.append(f"<h3>{title}</h3>{items(said)}")
    return parts


def _elsewhere(groups: Sequence[str], runs: Mapping[str, RunEntry]) -> str:
    """The groups of which nothing was run."""
    counts: dict[str, int] = {}
    for run in runs.values():
        if run.group not in groups:
            counts[run.group] = counts.get(run.group, 0) + 1
    if not counts:
        return ""
    said = [
        f"{group}: {count} {'run' if count == 1 else 'runs'}; `snakemake -n --config studies="
        f"{paths.study_of(group)}{' series=demo' if group != paths.study_of(group) else ''}` says "
        "what it takes."
        for group, count in sorted(counts.items())
    ]
    return f"<h2>Nothing run of</h2>{items(said)}"


def _all_of(group: str) -> list[str]:
    """Every figure of a group, its results, settings and times, and its data sets."""
    drawn, passed_over = _drawn(group)
    figures = [_figure(group, name, path) for name, path in drawn.items()]
    folder = paths.table_folder(group)
    try:
        tables = summary_parts(folder)
        sets = sorted(set(read_table(folder / "runs.csv", RUN_COLUMNS)["dataset"]))
    except UserError as error:
        tables, sets = [items(error.sentences)], []
    csv = "".join(
        f"<li>{_link(f'tables/{group}/{path.name}', path.name)}</li>"
        for path in sorted(folder.glob("*.csv"))
    )
    previews = [
        _picture(path, f"Some images of {name}", f"{name}, {path.stem}")
        for name in sets
        for path in sorted(paths.data_folder(name).glob("*.png"))
    ]
    return [
        f"<h2>{escape(group)} in full</h2>",
        folded(f"Figures ({len(figures)})", figures, shown=True),
        folded("Figures that show nothing of their own", [items(passed_over)], shown=True),
        folded("Results, times and settings", tables),
        folded("Tables for programs; accuracies are fractions of 1 there", [f"<ul>{csv}</ul>"]),
        folded("Data sets", previews),
    ]


def _drawn(group: str) -> tuple[dict[str, Path], list[str]]:
    """The pictures of a group's figures by name, and a sentence on each that is not shown.

    One that has nothing to draw is not shown, nor one with the very numbers or lines of another,
    nor one that was altered since it was drawn.
    """
    folder = paths.figure_folder(group)
    shown: dict[str, Path] = {}
    sentences = []
    seen: dict[str, str] = {}
    for name in StudyFigures(paths.study_of(group)).kinds:
        path = next((p for p in (folder / f"{name}{end}" for end in PICTURES) if p.is_file()), None)
        if path is None:
            continue
        content = regular.read_bytes(path)
        if not checksums.is_as_written(path, content):
            continue  # it is among the failures
        if why := nothing_drawn(content.decode("utf-8", "replace")):
            sentences.append(f"{name}: nothing to draw, {why}.")
            continue
        marks = [sha256(content).hexdigest()]
        numbers = path.with_suffix(".csv")
        if numbers.is_file() and checksums.is_as_written(numbers):
            marks.append(sha256(regular.read_bytes(numbers)).hexdigest())
        if same := next((seen[mark] for mark in marks if mark in seen), None):
            sentences.append(f"{name}: shows the same numbers as {same} here.")
            continue
        seen |= dict.fromkeys(marks, name)
        shown[name] = path
    return shown, sentences


def _altered(group: str) -> list[str]:
    """A sentence on each file of a group's figures that was altered since it was drawn."""
    files = sorted(paths.figure_folder(group).glob("*"))
    drawn = (path for path in files if path.suffix in checksums.FIGURE_FILES)
    return list(checksums.altered_figures(drawn).values())


def _figure(group: str, name: str, path: Path) -> str:
    """A figure with its title, its caption and links to its files, without altered ones."""
    try:
        kind = StudyFigures(paths.study_of(group)).kind(name)
        title = str(registry.literal(kind, name, "TITLE", name))
        caption = str(registry.literal(kind, name, "CAPTION", ""))
    except registry.BrokenPluginError as error:
        title, caption = name, str(error)
    links = " ".join(
        _link(f"figures/{group}/{file.name}", file.suffix[1:].upper())
        for file in sorted(path.parent.glob(f"{name}.*"))
        if file.suffix in checksums.FIGURE_FILES and not checksums.altered_figures([file])
    )
    below = f"{escape(caption)} <small>{escape(name)}: {links}</small>"
    picture = _image(path, title) + _foot(path)
    return f"<figure><h3>{escape(title)}</h3>{picture}<figcaption>{below}</figcaption></figure>"


def _foot(path: Path) -> str:
    """What is said below a figure's panels, for windows in which it is cut off."""
    content = regular.read_bytes(path)
    width = _drawn_width(content)
    if width is None or width < NARROW:
        return ""
    said = foot_of(content.decode("utf-8", "replace"))
    return f"<p class='foot'>{escape(said)}</p>" if said else ""


def _drawn_width(content: bytes) -> float | None:
    """How wide a figure was drawn, in pixels; None of other pictures."""
    found = re.search(rb'<svg[^>]*? width="([\d.]+)pt"', content[:4000], re.DOTALL)
    return float(found[1]) * 4 / 3 if found else None


def _link(path: str, words: str) -> str:
    """A link to a file beside the report."""
    return f"<a href='{escape(path)}'>{escape(words)}</a>"


def _picture(path: Path, title: str, caption: str) -> str:
    """A picture of a data set."""
    below = f"<figcaption>{escape(caption)}</figcaption>"
    return f"<figure>{_image(path, title)}{below}</figure>"


def _image(path: Path, title: str) -> str:
    """A picture inside the page, in a box where it may be wider than the window."""
    content = regular.read_bytes(path)
    data = base64.b64encode(content).decode("ascii")
    kind, size = PICTURES[path.suffix], ""
    width = _drawn_width(content)
    if width is not None:
        size = f" class='drawn' style='--drawn: {width:.0f}px; width: {LARGER * width:.0f}px'"
    source = f"data:image/{kind};base64,{data}"
    return f"<div class='box'><img{size} alt='{escape(title)}' src='{source}'></div>"
