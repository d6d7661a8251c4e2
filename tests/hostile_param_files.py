"""Param-files as they come to be by accident and on purpose: real ones, altered in many ways.

``attack`` writes one at a place; what it is follows from its seed alone.
"""

import os
import random
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

Path_ = tuple[Any, ...]

WORDS = (
    *(
        "",
        " ",
        "~",
        "null",
        "true",
        "no",
        "-",
        ":",
        "?",
        "[]",
        "{}",
        "*x",
        "&x",
        "&x 1",
        "!x",
        "%",
        "@",
    ),
    *("0", "-0", "-1", "1e400", "1e-400", ".inf", "-.inf", ".nan", "0x", "0xff", "0o7", "1_000"),
    *(
        "9" * 19,
        "9" * 20,
        "9" * 400,
        "9" * 4_001,
        "-" + "9" * 60,
        "0x" + "f" * 4_000,
        "1e" + "9" * 40,
    ),
    *(
        "0." + "3" * 4_000,
        "1e5",
        "1000000",
        "100000000000",
        "\uff11\uff12",
        "\u0661-\u0663",
        "1-\uff15",
    ),
    *(
        "1-1000000",
        "1000000-1",
        "1-0",
        "0-5",
        "4294967295",
        "4294967296",
        "1-5-9",
        "[1, 1]",
        "[[[]]]",
    ),
    *(
        "!!python/object:os.system x",
        "!!python/tuple [1]",
        "!!bool nonsense",
        "!!null x",
        "!!set {a}",
    ),
    *(
        "!!int x",
        "!!float .",
        "!!binary x",
        "!!str 1",
        "!!omap [a: 1]",
        "!<%FF> x",
        "!!timestamp 1",
    ),
    *('"\\0"', '"\\n"', '"a\\nb"', '"\\x1b[31m"', '"\\U00110000"', '"\\UFFFFFFFF"', '"\\ud800"'),
    *(
        '"\\u202e"',
        '"\\u2028"',
        '"\\q"',
        '"',
        "'",
        "'''",
        "|",
        ">",
        "|\n  a\n  b",
        ">-\n  a\n  b",
        "#",
    ),
    *("0s", "0MB", "1e9h", "9" * 400 + "h", "99999999999GB", "-1s", "1 h", "0.0m", "inf", "infs"),
    *("$\\frac{$", "$$", "$x$", "a $5", "\\$", "$" + "{" * 60 + "}" * 60 + "$", "${HOME}", "$(id)"),
    *(
        "../../etc/passwd",
        "/",
        "a/b/c",
        "a/b/" + "c" * 300,
        "..",
        ".",
        "a\\b",
        "C:\\x",
        "~/x",
        "*/*/*",
    ),
    *(
        "x" * 41,
        "x" * 300,
        "x" * 5_000,
        "\u00e9" * 200,
        "\U0001f600",
        "\u202e",
        "e\u0301" * 20,
        "\ufeff",
    ),
    *(
        "runs",
        "examples",
        "selection",
        "results",
        "base",
        "selected",
        "accuracy",
        "scale-demo",
        "None",
    ),
    *(
        "{a: 1, a: 2}",
        "{a: {a: {a: 1}}}",
        "[1, [2, [3]]]",
        "{? [a] : 1}",
        "{1: 2}",
        "{null: 1}",
        "<<",
    ),
    *("{<<: *x}", "{name: x}", "{run: a/b/c}", "{file: ../x}", "[a, a]", "[null]", "[.nan, .nan]"),
)
FILES: tuple[Callable[[Path], Any], ...] = (
    lambda path: path.symlink_to(path.name),
    lambda path: path.symlink_to("nowhere"),
    lambda path: path.symlink_to("/dev/zero"),
    lambda path: path.symlink_to("/dev/stdin"),
    lambda path: path.symlink_to("/proc/self/mem"),
    lambda path: path.symlink_to("/"),
    lambda path: path.symlink_to(path.parent),
    os.mkfifo,
    Path.mkdir,
    lambda path: (path / "a.yaml").mkdir(parents=True),
    lambda path: _socket(path),
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(b"\n" * 99_999),
    lambda path: path.write_bytes(b"# " * 600_000),
    lambda path: path.write_bytes(b"\xff\xfe" + "study: scale".encode("utf-16-le")),
    lambda path: path.write_bytes(bytes(range(256))),
    lambda path: path.write_bytes(b"--- a\n--- b\n"),
    lambda path: path.write_bytes(b"%YAML 3.0\n---\na: 1\n"),
    lambda path: path.write_bytes(b"%YAML 1." + b"9" * 5_000 + b"\n---\na: 1\n"),
    lambda path: path.write_bytes(b"%TAG ! tag:x,2000:\n---\na: !b 1\n"),
    lambda path: path.write_bytes(b"[" * 90_000),
    lambda path: path.write_bytes(b"{a: " * 20_000),
    lambda path: path.write_bytes(b"- " * 40_000),
    lambda path: path.write_bytes(b"? " * 40_000),
    lambda path: path.write_bytes(b"[" + b"1," * 45_000 + b"]"),
    lambda path: path.write_bytes(b"".join(b"k%d: 1\n" % i for i in range(9_000))),
    lambda path: path.write_bytes(b"a: &a [*a]\n"),
    lambda path: path.write_bytes(b"a: *b\n"),
    lambda path: path.write_bytes(b"a: &b 1\nc: &b 2\n"),
    lambda path: path.write_bytes(b"'" + b"x\n" * 40_000),
    lambda path: path.write_bytes(b"a: !" + b"x" * 90_000),
)


def attack(path: Path, originals: list[str], seed: int) -> None:
    """Write, link or make an odd param-file at ``path``."""
    draw = random.Random(seed)
    text = draw.choice(originals)
    kind = draw.randrange(10)
    if kind == 0:
        draw.choice(FILES)(path)
    elif kind == 1:
        path.write_bytes(_bytes(text.encode(), draw))
    elif kind == 2:
        path.write_text(_lines(text, draw), encoding="utf-8", errors="surrogatepass")
    elif kind == 3:
        path.write_text(_with_aliases(text, draw), encoding="utf-8")
    elif kind in (4, 5):
        altered = _tokens(text, draw)
        path.write_text(altered, encoding="utf-8", errors="surrogatepass")
    else:
        blocks = yaml.safe_load(re.sub(r"\b(\d+)e(-?\d)", r"\1.0e\2", text))
        for _ in range(draw.choice((1, 1, 2, 4))):
            _values(blocks, originals, draw)
        written = yaml.dump(blocks, sort_keys=False, allow_unicode=draw.random() < 0.5)
        path.write_text(written, encoding="utf-8", errors="surrogatepass")


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path.name)
    os.chdir(here)


def _bytes(content: bytes, draw: random.Random) -> bytes:
    """Some bytes flipped, lost, doubled, or of other texts."""
    kept = bytearray(content)
    for _ in range(draw.choice((1, 1, 3, 20))):
        at, far = draw.randrange(len(kept)), draw.randrange(1, 60)
        how = draw.randrange(6)
        if how == 0:
            kept[at] ^= 1 << draw.randrange(8)
        elif how == 1:
            del kept[at : at + far]
        elif how == 2:
            kept[at:at] = draw.randbytes(draw.choice((1, 4)))
        elif how == 3:
            kept[at:at] = kept[at : at + far]
        elif how == 4:
            kept[at:at] = draw.choice(
                (b"\t", b"\r", b"\0", b"\xc2\x85", b"\xe2\x80\xa8", b"\xef\xbb\xbf")
            )
        else:
            kept = kept[: max(1, at)]
        if not kept:
            break
    return bytes(kept or b"\n")


def _lines(text: str, draw: random.Random) -> str:
    """Lines lost, doubled, moved, indented otherwise; other ends of lines; a second document."""
    lines = text.split("\n")
    for _ in range(draw.choice((1, 2, 5))):
        at, to = draw.randrange(len(lines)), draw.randrange(len(lines))
        how = draw.randrange(7)
        if how == 0:
            del lines[at]
        elif how == 1:
            lines.insert(to, lines[at])
        elif how == 2:
            lines.insert(to, lines.pop(at))
        elif how == 3:
            lines[at] = (
                draw.choice(("", " ", "  ", "\t", "- ", "? ", "# ", ": ")) + lines[at].strip()
            )
        elif how == 4:
            lines.insert(
                to, draw.choice(("---", "...", "a: b: c", "- x", "? [a]", "%YAML 1.1", "}"))
            )
        elif how == 5:
            lines[at] = lines[at].swapcase()
        else:
            lines[at] += draw.choice((" \\", ",", ":", " #", "\u2028x: 1", "\x85y: 2", " &a", " |"))
        lines = lines or [""]
    return draw.choice(("\n", "\n", "\n", "\r\n", "\r")).join(lines)


def _tokens(text: str, draw: random.Random) -> str:
    """Words of the text replaced by hostile ones."""
    for _ in range(draw.choice((1, 1, 2, 6))):
        found = [one.span() for one in re.finditer(r"[^\s:,{}\[\]#]+", text)]
        if not found:
            break
        start, end = draw.choice(found)
        text = text[:start] + draw.choice(WORDS) + text[end:]
    return text


def _with_aliases(text: str, draw: random.Random) -> str:
    """A text with anchors and aliases: bombs, chains, circles, and some that are right."""
    deep, wide = draw.choice(((3, 2), (30, 2), (6, 9), (500, 1), (12, 3)))
    bomb = "b0: &b0 [x]\n" + "".join(
        f"b{i}: &b{i} [{', '.join([f'*b{i - 1}'] * wide)}]\n" for i in range(1, deep)
    )
    how = draw.randrange(5)
    if how == 0:
        return bomb + text
    if how == 1:
        return text + bomb.replace("[", "{k: ").replace("]", "}") if wide == 1 else text + bomb
    if how == 2:
        return text.replace("model:", "model: &m\n  again: *m", 1)
    if how == 3:
        return text.replace("training:", "training: &t", 1) + "sweep: {training.x: [*t, *t]}\n"
    return text.replace("study: ", "study: &s ", 1) + "label: *s\n"


def _places(blocks: Any, above: Path_ = ()) -> Iterator[Path_]:
    items = blocks.items() if isinstance(blocks, dict) else enumerate(blocks)
    for key, value in items:
        yield (*above, key)
        if isinstance(value, dict | list) and value:
            yield from _places(value, (*above, key))


def _at(blocks: Any, place: Path_) -> Any:
    for key in place:
        blocks = blocks[key]
    return blocks


def _values(blocks: Any, originals: list[str], draw: random.Random) -> None:
    """One value or key replaced, lost, added, exchanged with that of another file, or swept."""
    places = list(_places(blocks))
    if not places:
        blocks["study"] = draw.choice(WORDS)
        return
    place = draw.choice(places)
    holder, key = _at(blocks, place[:-1]), place[-1]
    how = draw.randrange(9)
    if how == 0:
        holder[key] = _hostile(draw, holder[key])
    elif how == 1:
        del holder[key]
    elif how == 2 and isinstance(holder, dict):
        holder[_hostile_key(draw, key)] = holder.pop(key)
    elif how == 3 and isinstance(holder, dict):
        holder[_hostile_key(draw, key)] = _hostile(draw, holder[key])
    elif how == 4:
        other = yaml.safe_load(draw.choice(originals))
        holder[key] = _at(other, draw.choice(list(_places(other))))
    elif how == 5:
        value = holder[key]
        for _ in range(draw.choice((1, 3, 40))):
            value = {"x": value} if draw.random() < 0.5 else [value]
        holder[key] = value
    elif how == 6:
        swept = [p for p in places if p[0] in ("dataset", "model", "training") and len(p) > 1]
        lists = {}
        for one in draw.sample(swept, min(len(swept), draw.choice((1, 2, 3)))):
            many = [*range(1, draw.choice((2, 11, 101, 1_001)))]
            few = [_hostile(draw, _at(blocks, one)) for _ in range(draw.choice((1, 3)))]
            lists[".".join(map(str, one))] = draw.choice((many, few))
        blocks["sweep"] = lists
        if draw.random() < 0.3:
            blocks["select"] = {"seeds": draw.choice(("1-2", "1-1000000", 5, [0]))}
    elif how == 7:
        entry = {"name": "accuracy", "as": draw.choice(WORDS), draw.choice(("split", "x")): "test"}
        against = {"run": draw.choice(WORDS), "seed": draw.choice((1, "same", -1, 10**30))}
        blocks["evaluations"] = [entry, {"name": "accuracy", "as": "b", "against": against}]
    else:
        blocks[draw.choice(("label", "resources", "select", "series", "seeds", "start_from"))] = (
            draw.choice(
                (
                    _hostile(draw, 1),
                    {draw.choice(("runtime", "memory", "stack")): _hostile(draw, 1)},
                )
            )
        )


def _hostile(draw: random.Random, value: Any) -> Any:
    """Another value: a near one, or one of another kind."""
    if isinstance(value, bool) or draw.random() < 0.5:
        return draw.choice(
            (
                *(
                    None,
                    True,
                    -1,
                    0,
                    1,
                    2**31,
                    2**63,
                    10**18,
                    -(10**400),
                    10**4_000,
                    0.5,
                    1e308,
                    -1e-320,
                ),
                *(float("inf"), float("nan"), "", "x", [], {}, [[]], {"name": None}, {"name": "x"}),
                *([1] * 2_000, list(range(20_000)), {f"k{i}": i for i in range(500)}, ["\n"]),
                *draw.sample(WORDS, 3),
            )
        )
    if isinstance(value, int | float):
        return draw.choice(
            (-value, value + 1, value * 10, value * 10**6, value * 10**12, str(value), [value])
        )
    if isinstance(value, str):
        return draw.choice(
            (value[:-1], value + "x", value * 200, value.upper(), f"{value}\n", [value], 1)
        )
    if isinstance(value, list):
        return draw.choice(
            ([], value * 2, value * 3_000, value[:1], [value], dict(enumerate(value)))
        )
    return draw.choice(({}, [value], {**value, "name": "x"}, {**value, "x": 1}, "x"))


def _hostile_key(draw: random.Random, key: Any) -> Any:
    return draw.choice(
        (
            f"{key}s",
            str(key)[:-1],
            "",
            "\n",
            "\0",
            "x" * 300,
            "x.y",
            "name",
            1,
            None,
            1.5,
            True,
            "\ud800",
        )
    )
