"""A source text and the places in it: what the mutations of Python and of rules share."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One bug: the bytes from ``start`` to ``end`` of a file are replaced.

    Args:
        path: the file, from the root of the project.
        start, end: the place in the file, in bytes.
        text: what stands there with the bug.
        kind: what the bug is like.
        scope: the innermost function or class, or the rule, that it is in; or nothing.
        line: the line, counted from 1.
        was, now: the line that it begins in, without and with the bug.
    """

    path: str
    start: int
    end: int
    text: str
    kind: str
    scope: str
    line: int
    was: str
    now: str

    def plant(self, source: bytes) -> bytes:
        """The file with the bug."""
        return source[: self.start] + self.text.encode() + source[self.end :]

    @property
    def name(self) -> tuple[str, str, str]:
        """What it is known by when lines above it come and go."""
        return self.path, self.was, self.now


class SourceText:
    """A file whose places are those of its syntax tree."""

    def __init__(self, path: str, source: bytes) -> None:
        self.path = path
        self.source = source
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def span(self, node: ast.expr | ast.stmt | ast.keyword) -> tuple[int, int]:
        """The first byte of a node and the one after its last."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self._starts[node.lineno - 1] + node.col_offset,
            self._starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def text(self, node: ast.expr | ast.stmt | ast.keyword) -> str:
        """The source of a node."""
        start, end = self.span(node)
        return self.source[start:end].decode()

    def line(self, node: ast.stmt) -> str:
        """The whole line that a statement ends in, its comment included."""
        end = self.span(node)[1]
        after = self.source.find(b"\n", end)
        return self.source[self._starts[(node.end_lineno or 1) - 1] : after].decode()

    def mutation(self, start: int, end: int, text: str, kind: str, scope: str) -> Mutation:
        """The mutation that replaces these bytes."""
        line = self.source.count(b"\n", 0, start)
        first, after = self._starts[line], self.source.find(b"\n", max(end, start))
        after = len(self.source) if after < 0 else after
        was = " ".join(self.source[first:after].decode().split())
        planted = self.source[first:start] + text.encode() + self.source[end:after]
        now = " ".join(planted.decode().split())
        return Mutation(self.path, start, end, text, kind, scope, line + 1, was, now)

    def without(
        self, nodes: Sequence[ast.expr | ast.keyword], left_out: int
    ) -> tuple[int, int] | None:
        """The bytes of one of several things with commas between them, its comma with it."""
        spans = [self.span(node) for node in nodes]
        if left_out + 1 < len(spans):
            return spans[left_out][0], spans[left_out + 1][0]
        if left_out > 0:
            return spans[left_out - 1][1], spans[left_out][1]
        return spans[0] if spans else None
