"""What the import of a module depends on: its code without the bodies of functions it never calls.

Where only such a body changed, all that other modules take from it at their import (names, types,
constants, signatures) is as it was.
"""

import ast
from collections.abc import Iterator

from isotrope.plan.syntax import digest_of_syntax

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def digest_of_outline(tree: ast.Module) -> str:
    """A digest of a module's code without the bodies of functions that its import does not call.

    A function, or the methods of a class, may be called where its name stands outside of functions
    (in an annotation of one, or as a base of a class, it may not), or in a function of which that
    is so.

    Args:
        tree: the module, which loses these bodies.
    """
    kept = _called(tree)
    for node in ast.walk(tree):
        if isinstance(node, _FUNCTIONS) and node.name not in kept:
            node.body = []
    return digest_of_syntax(tree, revisions=True)


def _called(tree: ast.Module) -> set[str]:
    """The names of functions and methods that the import of a module may call."""
    inside: dict[str, list[ast.AST]] = {}
    for node in ast.walk(tree):
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            inside.setdefault(node.name, []).append(node)
    found: set[str] = set()
    waiting = set(_names_outside(tree))
    while waiting:
        name = waiting.pop()
        found.add(name)
        for node in inside.get(name, ()):
            waiting |= {*_names(node)} - found
    return found


def _names_outside(node: ast.AST) -> Iterator[str]:
    """The names in what an import runs itself: in no body of a function."""
    run: list[ast.AST]
    if isinstance(node, _FUNCTIONS):
        given = node.args
        run = [*node.decorator_list, *given.defaults, *(one for one in given.kw_defaults if one)]
    elif isinstance(node, ast.ClassDef):
        run = [*node.decorator_list, *node.keywords, *node.body]
    else:
        yield from _named(node)
        run = [*ast.iter_child_nodes(node)]
    for one in run:
        yield from _names_outside(one)


def _names(node: ast.AST) -> Iterator[str]:
    """All names in a function or a class, those of its methods included."""
    for one in ast.walk(node):
        yield from _named(one)
        if isinstance(one, _FUNCTIONS):
            yield one.name


def _named(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
