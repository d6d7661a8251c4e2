"""Bugs for expressions of Python: a boundary, a sign, a constant, an argument left out."""

import ast
import re

from left_alone import IN_ANY_ORDER, MOMENT, NEVER_SEEN, SAID, SECONDS
from source_text import Mutation, SourceText

BOUNDARIES = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
NEGATIONS = {"==": "!=", "!=": "==", "is": "is not", "is not": "is", "in": "not in", "not in": "in"}
FLIPS = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"} | NEGATIONS
OPERATORS = {
    "+": "-",
    "-": "+",
    "*": "/",
    "/": "*",
    "//": "/",
    "%": "//",
    "**": "*",
    "&": "|",
    "|": "&",
}
SWAPPED_CALLS = {
    a: b
    for pair in ("min max", "any all", "floor ceil", "startswith endswith", "argmin argmax")
    for a, b in (pair.split(), reversed(pair.split()))
} | {"sorted": "list", "reversed": "list", "mean": "sum", "sin": "cos", "cos": "sin"}
SYMBOLS = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.And: "and",
    ast.Or: "or",
}


class ExpressionPlanter(ast.NodeVisitor):
    """Goes through expressions and proposes bugs.

    Args:
        source: the module.
    """

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.scope = ""
        self.found: list[Mutation] = []

    def add(self, start: int, end: int, text: str, kind: str) -> None:
        self.found.append(self.source.mutation(start, end, text, kind, self.scope))

    def replace(self, node: ast.expr | ast.stmt, text: str, kind: str) -> None:
        self.add(*self.source.span(node), text, kind)

    def condition(self, node: ast.expr) -> None:
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self.replace(node, f"({self.source.text(node.operand)})", "condition negated")
        elif not isinstance(node, ast.Compare):
            self.replace(node, f"(not ({self.source.text(node)}))", "condition negated")

    def visit_IfExp(self, node: ast.IfExp) -> None:
        body, test, other = (self.source.text(n) for n in (node.body, node.test, node.orelse))
        self.replace(node, f"(({other}) if {test} else ({body}))", "other branch")
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self.visit(node.iter)
        for condition in node.ifs:
            self.replace(condition, "True", "filter left out")
            self.visit(condition)

    def visit_Compare(self, node: ast.Compare) -> None:
        sides = [node.left, *node.comparators]
        for left, op, right in zip(sides, node.ops, sides[1:], strict=False):
            symbol = SYMBOLS[type(op)]
            place = self.source.span(left)[1], self.source.span(right)[0]
            if symbol in BOUNDARIES and not MOMENT.search(self.source.text(node)):
                self.between(*place, symbol, BOUNDARIES[symbol], "boundary")
            self.between(*place, symbol, FLIPS[symbol], "comparison flipped")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        symbol = SYMBOLS[type(node.op)]
        other = "or" if symbol == "and" else "and"
        texts = [f"({self.source.text(value)})" for value in node.values]
        self.replace(node, f"({f' {other} '.join(texts)})", "and, or")
        for left_out in range(len(texts)):
            rest = [text for i, text in enumerate(texts) if i != left_out]
            self.replace(node, f"({f' {symbol} '.join(rest)})", "part of a condition left out")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        symbol = SYMBOLS.get(type(node.op))
        words = any(_is_text(side) for side in (node.left, node.right))
        if symbol in OPERATORS and not words:
            place = self.source.span(node.left)[1], self.source.span(node.right)[0]
            self.between(*place, symbol, OPERATORS[symbol], "operator changed")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
            self.replace(node, f"({self.source.text(node.operand)})", "operator changed")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        self.constant(node, "constant changed")

    def constant(self, node: ast.Constant, kind: str) -> None:
        value = node.value
        if isinstance(value, bool):
            self.replace(node, str(not value), kind)
        elif isinstance(value, int):
            self.replace(node, str(value + 1), kind)
        elif isinstance(value, float) and value == value and abs(value) != float("inf"):
            self.replace(node, repr(value * 2 if value else 1.0), kind)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        pass

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit(node.body)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.value, ast.Name) and node.value.id in {
            "Literal",
            "Annotated",
            "Callable",
        }:
            return
        self.visit(node.value)
        if not isinstance(node.slice, ast.Tuple):
            self.visit(node.slice)
        else:
            for part in node.slice.elts:
                self.visit(part)

    def visit_Slice(self, node: ast.Slice) -> None:
        for bound in (node.lower, node.upper):
            if bound is not None:
                if not isinstance(bound, ast.Constant):
                    self.replace(bound, f"({self.source.text(bound)}) + 1", "one too many")
                self.visit(bound)

    def visit_List(self, node: ast.List) -> None:
        self._elements(node.elts, least=2)

    def visit_Set(self, node: ast.Set) -> None:
        self._elements(node.elts, least=2)

    def visit_Tuple(self, node: ast.Tuple) -> None:
        if self.source.text(node).startswith("("):
            self._elements(node.elts, least=3)
        else:
            self.generic_visit(node)

    def _elements(self, elements: list[ast.expr], least: int) -> None:
        if len(elements) >= least and not any(isinstance(e, ast.Starred) for e in elements):
            for left_out in range(len(elements)):
                if place := self.source.without(elements, left_out):
                    self.add(*place, "", "element left out")
        for element in elements:
            self.visit(element)

    def visit_Dict(self, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if key is not None and len(node.keys) > 1:
                start, end = self.source.span(key)[0], self.source.span(value)[1]
                after = re.match(rb"\s*,?", self.source.source[end:])
                assert after is not None
                self.add(start, end + after.end(), "", "element left out")
            self.visit(value)

    def visit_Call(self, node: ast.Call) -> None:
        if is_said(node):
            return
        called = _name(node.func)
        if called in SWAPPED_CALLS and not (called in {"min", "max"} and node.keywords):
            name = self.source.text(node.func)
            other = name.removesuffix(called) + SWAPPED_CALLS[called]
            self.replace(node.func, other, "other function")
        arguments = sorted((*node.args, *node.keywords), key=self.source.span)
        for i, argument in enumerate(arguments):
            said = isinstance(argument, ast.keyword) and argument.arg not in NEVER_SEEN | {None}
            if said and (place := self.source.without(arguments, i)):
                self.add(*place, "", "argument left out")
        first_two = node.args[:2]
        named = all(isinstance(argument, ast.Name | ast.Attribute) for argument in first_two)
        if len(first_two) == 2 and named and called not in IN_ANY_ORDER:
            first, second = first_two
            start, end = self.source.span(first)[0], self.source.span(second)[1]
            swapped = f"{self.source.text(second)}, {self.source.text(first)}"
            self.add(start, end, swapped, "arguments swapped")
        if called == "range" and len(node.args) == 1 and not isinstance(node.args[0], ast.Constant):
            self.replace(node.args[0], f"({self.source.text(node.args[0])}) - 1", "one too few")
        self.visit(node.func)
        for argument in arguments:
            if not isinstance(argument, ast.keyword):
                self.visit(argument)
            elif argument.arg not in NEVER_SEEN and not SECONDS.search(argument.arg or ""):
                self.visit(argument.value)

    def between(self, start: int, end: int, symbol: str, other: str, kind: str) -> None:
        """Replace an operator that stands between two operands."""
        between = self.source.source[start:end].decode()
        parts = [re.escape(part) for part in symbol.split()]
        pattern = r"\s+".join(parts) if symbol[0].isalpha() else re.escape(symbol)
        found = list(re.finditer(pattern, re.sub(r"#.*", lambda m: " " * len(m[0]), between)))
        if len(found) == 1:
            before = len(between[: found[0].start()].encode())
            after = len(between[: found[0].end()].encode())
            self.add(start + before, start + after, other, kind)


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def is_said(call: ast.Call) -> bool:
    return bool(SAID.match(_name(call.func)))


def _is_text(node: ast.expr) -> bool:
    """Whether an operand is a word or a path, so that another operator would fail at once."""
    if isinstance(node, ast.JoinedStr):
        return True
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str | bytes)
    if isinstance(node, ast.BinOp):
        return _is_text(node.left) or _is_text(node.right)
    return isinstance(node, ast.Name) and bool(
        re.search(r"(?i)path|folder|root$|text|words", node.id)
    )
