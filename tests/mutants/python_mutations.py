"""Bugs for Python: those of expressions, and a statement left out, a condition, a default.

Left alone is what no test should notice: docstrings, words of messages, annotations, decorators,
``__repr__``, logging, revisions, and the look of figures.
"""

import ast

from expression_mutations import OPERATORS, SYMBOLS, ExpressionPlanter, is_said
from left_alone import SECONDS, TUNED, UNTOUCHED_NAMES
from source_text import Mutation, SourceText


def mutations(path: str, source: bytes) -> list[Mutation]:
    """All bugs that may be planted in a module, in the order of their places.

    Some are none: ask ``is_bug`` of those that are drawn.
    """
    found = _Planter.walk(path, source)
    return sorted(found, key=lambda m: (m.start, m.end, m.kind, m.text))


def is_bug(mutation: Mutation, source: bytes) -> bool:
    """Whether a module with a mutation can be read, and reads otherwise."""
    try:
        return ast.dump(ast.parse(mutation.plant(source))) != ast.dump(ast.parse(source))
    except SyntaxError:
        return False


class _Planter(ExpressionPlanter, ast.NodeVisitor):
    """Goes through a syntax tree and proposes bugs."""

    @classmethod
    def walk(cls, path: str, source: bytes) -> list[Mutation]:
        planter = cls(SourceText(path, source))
        planter._body(ast.parse(source))
        return planter.found

    def _body(
        self, node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    ) -> None:
        for statement in node.body:
            words = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if not words:
                self.visit(statement)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._inside(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name == "__repr__" or any(
            "overload" in ast.unparse(d) for d in node.decorator_list
        ):
            return
        arguments = [*node.args.posonlyargs, *node.args.args][-len(node.args.defaults) or None :]
        pairs = [*zip(arguments, node.args.defaults, strict=False)]
        pairs += zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        for argument, default in pairs:
            if default is not None and not SECONDS.search(argument.arg):
                self._default(default)
        self._inside(node)

    def _inside(self, node: ast.ClassDef | ast.FunctionDef) -> None:
        outer, self.scope = self.scope, node.name
        self._body(node)
        self.scope = outer

    def _default(self, node: ast.expr) -> None:
        if isinstance(node, ast.Constant):
            self.constant(node, "default changed")
        else:
            self.visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        name = ast.unparse(node.target)
        if (
            node.value is None
            or name in UNTOUCHED_NAMES
            or "TypeAlias" in ast.unparse(node.annotation)
        ):
            return
        self._default(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        names = {ast.unparse(target) for target in node.targets}
        if names & UNTOUCHED_NAMES or any(SECONDS.search(name) for name in names):
            return
        if not self.scope and TUNED.search(self.source.line(node)):
            return
        self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.replace(node, "pass", "statement left out")
        if (symbol := SYMBOLS.get(type(node.op))) in OPERATORS:
            target, value = self.source.span(node.target)[1], self.source.span(node.value)[0]
            self.between(target, value, f"{symbol}=", f"{OPERATORS[symbol]}=", "operator changed")
        self.visit(node.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call) and not is_said(node.value):
            self.replace(node, "pass", "call left out")
        self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        self.replace(node, "pass", "refusal left out")

    def visit_Assert(self, node: ast.Assert) -> None:
        pass

    def visit_Break(self, node: ast.Break) -> None:
        self.replace(node, "continue", "break or continue")

    def visit_Continue(self, node: ast.Continue) -> None:
        self.replace(node, "break", "break or continue")

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" in ast.unparse(node.test):
            return
        self.condition(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        if not isinstance(node.test, ast.Constant):
            self.condition(node.test)
            self.generic_visit(node)
        else:
            for child in (*node.body, *node.orelse):
                self.visit(child)

    def visit_For(self, node: ast.For) -> None:
        for child in (node.iter, *node.body, *node.orelse):
            self.visit(child)
