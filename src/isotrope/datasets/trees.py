"""Tensors in tuples, lists and dicts, as networks and augmentations draw them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch import Tensor


def mapped(work: Callable[[Tensor], Tensor], tree: Any) -> Any:
    """Something done to a tensor, or to each in a dict, a list or a tuple; None stays."""
    if tree is None:
        return None
    if isinstance(tree, Tensor):
        return work(tree)
    if isinstance(tree, dict):
        return {key: mapped(work, value) for key, value in tree.items()}
    values = [mapped(work, value) for value in tree]
    named: Any = type(tree)
    return named._make(values) if hasattr(tree, "_make") else tuple(values)


def leaves(tree: Any) -> Iterator[Tensor]:
    """The tensors of a tree, in the order in which `mapped` meets them."""
    if isinstance(tree, Tensor):
        yield tree
    elif tree is not None:
        for value in tree.values() if isinstance(tree, dict) else tree:
            yield from leaves(value)


def joined(join: Callable[[list[Tensor]], Tensor], trees: Sequence[Any]) -> Any:
    """Several trees of one shape as one, each of their tensors joined; no trees are ``()``."""
    if not trees:
        return ()
    first = trees[0]
    if isinstance(first, Tensor):
        return join(list(trees))
    if isinstance(first, dict):
        return {key: joined(join, [one[key] for one in trees]) for key in first}
    return tuple(joined(join, column) for column in zip(*trees, strict=True))
