"""A digest of the syntax tree of a module: of what it computes, not of how it is written down.

Comments, formatting, docstrings and ``REVISION`` do not count: a revision is in the digests of
results as a number; who asks for revisions, too, gets another digest. It is the same under every
version of Python: what one of them has no word for (an empty list, the kind of a text) is left out.
"""

import ast
import hashlib
from typing import Any

_NO_CODE = ("ctx", "kind", "type_comment", "type_ignores")


def digest_of_syntax(tree: ast.Module, revisions: bool = False) -> str:
    """Sixteen hexadecimal letters of the SHA-256 of a module's code.

    Args:
        tree: the module.
        revisions: whether each ``REVISION`` counts, too.
    """
    words: list[str] = []
    _spell(tree, words, revisions)
    return hashlib.sha256("\0".join(words).encode(errors="surrogatepass")).hexdigest()[:16]


def _spell(node: ast.AST, words: list[str], revisions: bool) -> None:
    """Add the words of a node: what it is, and what it is made of, field by field."""
    words.append(type(node).__name__)
    for field in node._fields:
        value: Any = getattr(node, field, None)
        if value is None or value == [] or field in _NO_CODE:
            continue
        words.append(f"{field}=")
        for one in value if isinstance(value, list) else [value]:
            if not isinstance(one, ast.AST):
                words.append(repr(one))
            elif not _has_no_effect(one) and (revisions or not _is_revision(one)):
                _spell(one, words, revisions)
        words.append(".")


def _has_no_effect(node: ast.AST) -> bool:
    """Whether a node is a docstring or another statement that does nothing."""
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _is_revision(node: ast.AST) -> bool:
    """Whether a node assigns ``REVISION`` and nothing else."""
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return False
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [one.id for one in targets if isinstance(one, ast.Name)] == ["REVISION"]
