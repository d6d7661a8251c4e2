"""YAML 1.2 with the place of every key and value.

PyYAML parses; its YAML 1.1 guesses are replaced by the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2,
part 10.3): ``1e-2`` is a number, ``no`` is a word. A duplicate key is a mistake, not a silent loss.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

Where = tuple[str | int, ...]


class _CoreLoader(yaml.SafeLoader):
    """Composes nodes whose plain scalars are resolved by the core schema of YAML 1.2."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 (PyYAML's own way to begin without resolvers)


_CORE = (
    ("tag:yaml.org,2002:null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("tag:yaml.org,2002:int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
    (
        "tag:yaml.org,2002:float",
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        list("-+.0123456789"),
    ),
)
for _tag, _pattern, _first in _CORE:
    _CoreLoader.add_implicit_resolver(_tag, re.compile(_pattern), _first)


@dataclass(frozen=True)
class Mistake:
    """Something wrong at one place of a file; ``line`` and ``column`` count from 1."""

    line: int
    column: int
    what: str


@dataclass(frozen=True)
class Marked:
    """A parsed file: its values, and for each of them where its key (or list item) begins."""

    value: Any
    marks: dict[Where, tuple[int, int]]
    mistakes: tuple[Mistake, ...]

    def mark(self, where: Where) -> tuple[int, int]:
        """Line and column of ``where``, or of the nearest block around it."""
        while where and where not in self.marks:
            where = where[:-1]
        return self.marks.get(where, (1, 1))


def _mistake(mark: yaml.Mark | None, what: str) -> Mistake:
    line, column = (mark.line, mark.column) if mark else (0, 0)
    return Mistake(line + 1, column + 1, what)


def _whole_number(text: str) -> int:
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


def _number(text: str) -> float:
    return float(re.sub(r"\.(inf|nan)$", r"\1", text.lower()))


_KINDS: dict[str, Callable[[str], Any]] = {
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": _whole_number,
    "float": _number,
    "str": str,
}


class _Reader:
    """Turns nodes into plain values, gathering marks and mistakes on the way."""

    def __init__(self) -> None:
        self.marks: dict[Where, tuple[int, int]] = {}
        self.mistakes: list[Mistake] = []

    def read(self, node: yaml.Node, where: Where, above: tuple[int, ...] = ()) -> Any:
        """The value of ``node``; ``above`` holds the nodes around it, to stop at a circle."""
        if id(node) in above:
            self.mistakes.append(_mistake(node.start_mark, "an alias that contains itself"))
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, where, (*above, id(node)))
        if isinstance(node, yaml.SequenceNode):
            values = []
            for i, item in enumerate(node.value):
                self.marks[(*where, i)] = (item.start_mark.line + 1, item.start_mark.column + 1)
                values.append(self.read(item, (*where, i), (*above, id(node))))
            return values
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if not isinstance(node, yaml.ScalarNode) or kind not in _KINDS:
            self.mistakes.append(_mistake(node.start_mark, f"unknown tag {node.tag}"))
            return None
        try:
            return _KINDS[kind](node.value)
        except ValueError:
            self.mistakes.append(_mistake(node.start_mark, f"'{node.value}' is not a {kind}"))
            return None

    def _mapping(self, node: yaml.MappingNode, where: Where, above: tuple[int, ...]) -> Any:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.mistakes.append(_mistake(key_node.start_mark, "a key must be a word"))
                continue
            key = key_node.value
            place = (*where, key)
            if key in values:
                line, column = self.marks[place]
                what = f"{_dotted(place)}: duplicate key; first given at {line}:{column}"
                self.mistakes.append(_mistake(key_node.start_mark, what))
                continue
            self.marks[place] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            values[key] = self.read(value_node, place, above)
        return values


def _dotted(where: Where) -> str:
    return ".".join(str(part) for part in where)


def parse(text: str) -> Marked:
    """Parse one YAML document; what is wrong with it is in ``mistakes``, nothing is raised."""
    loader: _CoreLoader | None = None
    try:
        loader = _CoreLoader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        what = _plain(error)
        return Marked(None, {}, (_mistake(error.problem_mark or error.context_mark, what),))
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        what = f"character {error.character!r} is not allowed in YAML"
        return Marked(None, {}, (Mistake(line, column, what),))
    finally:
        if loader is not None:
            loader.dispose()
    if node is None:
        return Marked(None, {}, (Mistake(1, 1, "the file is empty"),))
    reader = _Reader()
    value = reader.read(node, ())
    if not isinstance(value, dict) and not reader.mistakes:
        reader.mistakes.append(_mistake(node.start_mark, "the file must hold keys and values"))
    return Marked(value, reader.marks, tuple(reader.mistakes))


def _plain(error: yaml.MarkedYAMLError) -> str:
    """PyYAML's complaint in words for people who do not know its scanner."""
    problem = error.problem or "not valid YAML"
    if "'\\t'" in problem:
        return "a tab; indent with spaces"
    if "single document" in str(error.context):
        return "a second document begins here; a param-file holds one"
    if problem == "mapping values are not allowed here":
        return "a second ': ' on one line, or a wrong indent"
    context = f" {error.context}" if error.context else ""
    return f"not valid YAML: {problem}{context}"
