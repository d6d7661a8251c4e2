"""YAML 1.2 with the place of every key and value.

PyYAML parses; its YAML 1.1 guesses are replaced by the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2,
part 10.3): ``1e-2`` is a number, ``no`` is a word. A duplicate key is a mistake, not a silent loss,
and so is a tag: a value says itself what it is. What a file may hold is bounded, its aliases
written out, so that reading it ends soon whatever it is.
"""

import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.composer import ComposerError

from isotrope.errors import in_one_line

Where = tuple[str | int, ...]

MOST_VALUES = 20_000  # of a file, with all that aliases stand for
DEEPEST = 30  # blocks in blocks
LONGEST_TEXT = 1_000  # letters of a value
LONGEST_KEY = 200  # letters
LARGEST_NUMBER = 2**63 - 1
_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}  # the writing about


class _CoreLoader(yaml.SafeLoader):
    """Composes nodes whose plain scalars are resolved by the core schema of YAML 1.2.

    Args:
        text: the document.
    """

    yaml_implicit_resolvers = {}  # noqa: RUF012 (PyYAML's own way to begin without resolvers)

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.mistakes: list[Mistake] = []
        self._depth = 0
        self._nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """As PyYAML does; a tag is a mistake, and changes nothing.

        Raises:
            ComposerError: if the file nests too deeply, or holds too much.
        """
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        self._depth, self._nodes = self._depth + 1, self._nodes + 1
        if self._depth > DEEPEST:
            raise ComposerError(None, None, _TOO_DEEP, event.start_mark)
        if self._nodes > 2 * MOST_VALUES:  # keys count, too
            raise ComposerError(None, None, _TOO_MUCH, event.start_mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if (tag := getattr(event, "tag", None)) is not None:
            shown = _shown(tag.replace("tag:yaml.org,2002:", "!!", 1))
            what = f"the tag {shown}; a param-file has none, write the value without"
            self.mistakes.append(_mistake(event.start_mark, what))
            if isinstance(node, yaml.ScalarNode):
                plain = self.resolve(yaml.ScalarNode, node.value, (True, False))  # type: ignore[no-untyped-call]
                node.tag = plain
        return node


_TOO_DEEP = f"nested more than {DEEPEST} deep"
_TOO_MUCH = f"more than {MOST_VALUES} values, aliases written out; split the file"

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
    """A parsed file: its values, and for each of them where its key (or list item) begins.

    ``unread`` are the places of values that could not be read; None stands there.
    """

    value: Any
    marks: dict[Where, tuple[int, int]]
    mistakes: tuple[Mistake, ...]
    unread: frozenset[Where] = frozenset()

    def mark(self, where: Where) -> tuple[int, int]:
        """Line and column of ``where``, or of the nearest block around it."""
        while where and where not in self.marks:
            where = where[:-1]
        return self.marks.get(where, (1, 1))


def _mistake(mark: yaml.Mark | None, what: str) -> Mistake:
    line, column = (mark.line, mark.column) if mark else (0, 0)
    return Mistake(line + 1, column + 1, what)


def _shown(text: str) -> str:
    return in_one_line(text, 60)


def _whole_number(text: str) -> int:
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    if len(text) <= LONGEST_TEXT and abs(number := int(text, base)) <= LARGEST_NUMBER:
        return number
    raise ValueError(f"{_shown(text)} is too large; numbers go up to {LARGEST_NUMBER}")


def _number(text: str) -> float:
    number = float(re.sub(r"\.(inf|nan)$", r"\1", text.lower()))
    if math.isinf(number) and not text.lower().endswith(".inf"):
        raise ValueError(f"{_shown(text)} is too large for a number")
    return number


def _text(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"a text of {len(text)} letters; shorten it to {LONGEST_TEXT} at most")
    if (sign := _unwritable(text)) is not None:
        raise ValueError(f"{sign} in a text; write it on one line, without hidden signs")
    return text


def _unwritable(text: str) -> str | None:
    """The first sign of a text that has no place in a line, in words."""
    for sign in text:
        if sign in "\n\r\x85\u2028\u2029":
            return "a line break"
        hidden = unicodedata.category(sign) in ("Cc", "Cs")
        if hidden or unicodedata.bidirectional(sign) in _TURNING:
            return f"the sign {sign.encode('unicode_escape').decode()}"
    return None


_KINDS: dict[str, Callable[[str], Any]] = {
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": _whole_number,
    "float": _number,
    "str": _text,
}


class _TooMuchError(Exception):
    """A file holds too much; its text says what, ``mark`` where."""

    def __init__(self, mark: yaml.Mark, what: str) -> None:
        super().__init__(what)
        self.mark = mark


class _Reader:
    """Turns nodes into plain values, gathering marks and mistakes on the way."""

    def __init__(self) -> None:
        self.marks: dict[Where, tuple[int, int]] = {}
        self.mistakes: list[Mistake] = []
        self.unread: set[Where] = set()
        self._values = 0

    def read(self, node: yaml.Node, where: Where, above: tuple[int, ...] = ()) -> Any:
        """The value of ``node``; ``above`` holds the nodes around it, to stop at a circle.

        Raises:
            _TooMuchError: if all values, or the nodes around this one, are too many.
        """
        self._values += 1
        if self._values > MOST_VALUES:
            raise _TooMuchError(node.start_mark, _TOO_MUCH)
        if len(above) > DEEPEST:
            raise _TooMuchError(node.start_mark, _TOO_DEEP)
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
        try:
            return _KINDS[node.tag.removeprefix("tag:yaml.org,2002:")](node.value)
        except ValueError as error:
            self.mistakes.append(_mistake(node.start_mark, str(error)))
            self.unread.add(where)
            return None

    def _mapping(self, node: yaml.MappingNode, where: Where, above: tuple[int, ...]) -> Any:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.mistakes.append(_mistake(key_node.start_mark, "a key must be a word"))
                continue
            key = key_node.value
            if len(key) > LONGEST_KEY or _unwritable(key) is not None:
                what = f"'{_shown(key)}' is no key: too long, or with a hidden sign"
                self.mistakes.append(_mistake(key_node.start_mark, what))
                continue
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
        what = _plain(error, loader.marks if loader else [])
        return Marked(None, {}, (_mistake(error.problem_mark or error.context_mark, what),))
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, error.position - before.rfind("\n")
        what = f"character {error.character!r} is not allowed in YAML"
        return Marked(None, {}, (Mistake(line, column, what),))
    except (ValueError, OverflowError):  # PyYAML trusts the digits of escapes and versions
        here = loader.get_mark() if loader else None
        what = "not valid YAML: an escape that stands for no character, or a number too long"
        return Marked(None, {}, (_mistake(here, what),))
    finally:
        if loader is not None:
            loader.dispose()
    if node is None:
        return Marked(None, {}, (Mistake(1, 1, "the file is empty"),))
    reader = _Reader()
    reader.mistakes += loader.mistakes
    try:
        value = reader.read(node, ())
    except _TooMuchError as error:
        return Marked(None, {}, (_mistake(error.mark, str(error)),))
    if not isinstance(value, dict) and not reader.mistakes:
        reader.mistakes.append(_mistake(node.start_mark, "the file must hold keys and values"))
    return Marked(value, reader.marks, tuple(reader.mistakes), frozenset(reader.unread))


def _plain(error: yaml.MarkedYAMLError, around: list[yaml.Mark]) -> str:
    """PyYAML's complaint in words for people who do not know its scanner."""
    problem = error.problem or "not valid YAML"
    if "'\\t'" in problem:
        return "a tab; indent with spaces"
    if problem in (_TOO_DEEP, _TOO_MUCH):
        return problem
    if "single document" in str(error.context):
        return "a second document begins here; a param-file holds one"
    if problem == "mapping values are not allowed here":
        return "a second ': ' on one line, or a wrong indent"
    context = f" {error.context}" if error.context else ""
    return f"not valid YAML: {problem}{context}{_opened(error, around)}"


def _opened(error: yaml.MarkedYAMLError, around: list[yaml.Mark]) -> str:
    """Where a bracket or quote was opened that is not closed, if the error is seen elsewhere.

    Args:
        error: what the parser complains of.
        around: where the blocks begin that the parser is in.
    """
    began, seen = error.context_mark, error.problem_mark
    if "flow node" in str(error.context) and around:
        began = around[-1]
    sign = began.buffer[began.pointer : began.pointer + 1] if began and began.buffer else ""
    if began is None or sign not in tuple("{['\"") or (seen and seen.line == began.line):
        return ""
    return f"; the {sign} at {began.line + 1}:{began.column + 1} is not closed"
