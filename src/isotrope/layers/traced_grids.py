"""On which pixels of the image the maps of a traced network lie, and which strides must agree.

Maps lie on a grid: what is left of all pixels by one choice of a phase after the other. Maps that
are added, multiplied or concatenated must lie on one grid. So the strides that made them must
choose alike, as those of a residual block's two branches.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import fx, nn

from isotrope.layers.traced_windows import Window

_ELEMENTWISE = ("add", "iadd", "sub", "isub", "mul", "imul", "truediv", "div", "where")
_PICKS = ("getitem", "select", "index_select", "narrow", "take", "gather")


class Maps(NamedTuple):
    """Where maps lie.

    Args:
        grid: the steps that chose phases, from the image on.
        sides: their height and width in the network as it was.
    """

    grid: tuple[fx.Node, ...]
    sides: tuple[int, int]


class Grids:
    """The grids of all steps of a network.

    Args:
        graph: whose steps know their shapes, as `torch.fx.passes.shape_prop` writes them.
        modules: of the network, by their names.
        windows: of its steps.

    Attributes:
        reasons: why the network cannot follow shifts exactly, a sentence for each.
    """

    def __init__(
        self,
        graph: fx.Graph,
        modules: Mapping[str, nn.Module],
        windows: Mapping[fx.Node, Window],
    ) -> None:
        self.reasons: list[str] = []
        self._modules, self._windows = modules, windows
        self._leads: dict[fx.Node, fx.Node] = {}
        self._order = {node: number for number, node in enumerate(graph.nodes)}
        self._maps: dict[fx.Node, Maps] = {}
        for node in graph.nodes:
            found = self._of(node)
            if found is not None:
                self._maps[node] = found

    def leader(self, node: fx.Node) -> fx.Node:
        """The step that chooses the phase for this one; of those that agree, the first."""
        while node in self._leads:
            node = self._leads[node]
        return node

    def _of(self, node: fx.Node) -> Maps | None:
        shape = shape_of(node)
        if node.op == "placeholder":
            return None if shape is None or len(shape) != 4 else Maps((), shape[2:])
        inputs = [self._maps[one] for one in node.all_input_nodes if one in self._maps]
        if node.op == "output" or not inputs or shape is None:
            return None
        base = inputs[0]
        for other in inputs[1:]:
            self._agree(base, other, node)
        window = self._windows.get(node)
        if window is not None:
            chosen = (node,) if window.stride > 1 else ()
            return Maps(base.grid + chosen, (shape[-2], shape[-1]))
        self._see(node, base)
        if _kept(shape, base.sides):
            return base
        self._judge_end(node, shape, base)
        return None

    def _agree(self, one: Maps, other: Maps, node: fx.Node) -> None:
        """Let the choices of two grids be the same."""
        strides = [[self._windows[step].stride for step in maps.grid] for maps in (one, other)]
        if strides[0] != strides[1]:
            self.reasons.append(
                f"`{node.name}` joins maps behind the strides {strides[0]} and {strides[1]}, which "
                "do not lie on each other"
            )
            return
        for first, second in zip(one.grid, other.grid, strict=True):
            pair = sorted({self.leader(first), self.leader(second)}, key=self._order.__getitem__)
            if len(pair) == 2:
                self._leads[pair[1]] = pair[0]

    def _see(self, node: fx.Node, base: Maps) -> None:
        """Note what weighs places of a map by where they are."""
        module = self._modules.get(str(node.target)) if node.op == "call_module" else None
        if isinstance(module, nn.LayerNorm) and len(module.normalized_shape) > 1:
            self.reasons.append(f"`{node.target}` treats each place of a map by itself")
        shape = shape_of(node) or ()
        if _name(node) not in _ELEMENTWISE or not _kept(shape, base.sides):
            return
        axes = (-2, -1) if shape[-2:] == base.sides else (-3, -2)
        for other in node.all_input_nodes:
            own = () if other in self._maps else shape_of(other) or ()
            if any(len(own) >= -axis and own[axis] != 1 for axis in axes):
                self.reasons.append(f"`{node.name}` has numbers for each place of a map")

    def _judge_end(self, node: fx.Node, shape: tuple[int, ...], base: Maps) -> None:
        """Note what ends maps other than by the mean or maximum over all places."""
        inputs = [shape_of(one) or () for one in node.all_input_nodes if one in self._maps]
        height, width = base.sides
        channels = math.prod(inputs[0][1:]) / (height * width)
        name = _name(node)
        called = node.target if isinstance(node.target, str) else name
        module = self._modules.get(str(node.target)) if node.op == "call_module" else None
        if math.prod(shape[1:]) <= channels and name not in _PICKS:
            return
        places = f"maps of {height} x {width} pixels"
        if isinstance(module, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d) or "adaptive" in name:
            self.reasons.append(
                f"`{called}` makes maps of {shape[-2]} x {shape[-1]} places of {places}, and "
                "what follows weighs each place by itself; a mean over all of them would be exact"
            )
        elif len(shape) < 4:
            self.reasons.append(
                f"`{called}` makes vectors of {places}, and what follows weighs each place "
                "by itself; a mean over all places before it would be exact"
            )
        else:
            self.reasons.append(
                f"`{called}` makes {shape[-2]} x {shape[-1]} pixels of {places} in a way that "
                "is not known to follow shifts"
            )


def shape_of(node: fx.Node) -> tuple[int, ...] | None:
    """The shape of a step's tensor, or of the first one of several."""
    meta = _meta(node)
    while isinstance(meta, tuple | list) and not hasattr(meta, "shape"):
        if not meta:
            return None
        meta = meta[0]
    return tuple(meta.shape) if hasattr(meta, "shape") else None


def _meta(node: Any) -> Any:
    return node.meta.get("tensor_meta") if isinstance(node, fx.Node) else None


def _kept(shape: tuple[int, ...], sides: tuple[int, int]) -> bool:
    """Whether maps of this shape have these sides, with channels first or last."""
    first, last = shape[-2:] == sides, len(shape) == 4 and shape[1:3] == sides
    return len(shape) >= 4 and (first or last)


def _name(node: fx.Node) -> str:
    return getattr(node.target, "__name__", str(node.target))
