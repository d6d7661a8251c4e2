"""Pages for people: one look for all, readable on a screen and on a phone, without a network.

Nothing on a page is wider than the window. A table or picture that is scrolls inside its own box.
"""

import re
from collections.abc import Iterable
from html import escape

_STYLE = """\
:root {color-scheme: light}
* {box-sizing: border-box}
body {font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 78rem; padding: 1rem;
  color: #222; background: white; overflow-wrap: anywhere}
h1, h2, h3 {line-height: 1.2; margin: 1.6em 0 .5em}
h2 {border-top: 2px solid #444; padding-top: .6em}
nav a {display: inline-block; margin: 0 1em .4em 0}
p, li {max-width: 52rem}
ul {padding-left: 1.3em}
summary {cursor: pointer; font-weight: 600; padding: .5em 0}
.box {overflow-x: auto; margin: 0 0 1.2em; max-width: 100%}
table {border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums}
caption {text-align: left; padding: .4em 0; color: #444}
th, td {padding: .3em .7em .3em 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid #ddd; min-width: 3.5rem; overflow-wrap: anywhere}
thead th {border-bottom: 2px solid #444; vertical-align: bottom; overflow-wrap: normal}
td.value {white-space: nowrap}
figure {margin: 0 0 2em}
figcaption {max-width: 52rem; color: #444}
figure img {display: block; width: auto; max-width: 100%; height: auto}
.foot {display: none; font-size: 12.5px}
@media (max-width: 700px) {
  body {padding: .7rem}
  figure img.drawn {max-width: max(100%, var(--drawn))}
  .foot {display: block}
  table {font-size: 12.5px}
}
"""


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page.

    Args:
        title: what the window is called, as plain text.
        parts: of its body, in HTML.
    """
    head = (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)}</title><style>\n{_STYLE}</style></head><body>\n"
    )
    return head + "\n".join(parts) + "\n</body></html>\n"


def table(heads: Iterable[object], rows: Iterable[Iterable[object]], caption: str) -> str:
    """A table in a box of its own; all of it is plain text. Nothing where it has no rows.

    A column without any value is left out. Cells of numbers are not broken; all others are, where
    they must, words at their slashes first.
    """
    columns = list(zip(*rows, strict=True))
    if not columns:
        return ""
    said = [(head, its) for head, its in zip(heads, columns, strict=True) if any(map(str, its))]
    lines = [
        f"<tr>{''.join(map(_cell, row))}</tr>"
        for row in zip(*(its for _, its in said), strict=True)
    ]
    above = "".join(f"<th>{escape(str(head))}</th>" for head, _ in said)
    return (
        f"<div class='box'><table><caption>{escape(caption)}</caption>"
        f"<thead><tr>{above}</tr></thead><tbody>\n" + "\n".join(lines) + "\n</tbody></table></div>"
    )


def _cell(value: object) -> str:
    text = escape(str(value))
    if text[:1].isdigit() and len(text) < 40:
        return f"<td class='value'>{text}</td>"
    return f"<td>{text.replace('/', '/<wbr>')}</td>"


def items(sentences: Iterable[object]) -> str:
    """A list of sentences in plain text, commands between backticks; nothing if there are none."""
    said = (re.sub("`(.+?)`", r"<code>\1</code>", escape(str(one))) for one in sentences)
    listed = "".join(f"<li>{one}</li>" for one in said)
    return f"<ul>{listed}</ul>" if listed else ""


def folded(title: str, parts: Iterable[str], shown: bool = False) -> str:
    """Parts of a page that open and close under a title in plain text; nothing where all are."""
    inside = "\n".join(part for part in parts if part)
    state = " open" if shown else ""
    head = f"<details{state}><summary>{escape(title)}</summary>\n"
    return f"{head}{inside}\n</details>" if inside else ""
