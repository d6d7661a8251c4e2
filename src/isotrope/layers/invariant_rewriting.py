"""Rewrites a traced network: windows that move by one pixel, and a sampling behind them."""

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn

from isotrope.layers.downsampling import Downsampling
from isotrope.layers.sampling_step import SamplingStep
from isotrope.layers.traced_grids import Grids, shape_of
from isotrope.layers.traced_network import Traced
from isotrope.layers.traced_windows import Window, window_of
from isotrope.layers.window_border import Border, WindowMean

BORDERS, POOLS, SAMPLINGS = "shift_borders", "shift_pools", "shift_samplings"


class Rewriting:
    """Rewrites the graph of a network, in place.

    Args:
        root: the network that holds the graph's modules; changed, too.
        traced: its graph.
        layer: makes a downsampling of the channels of maps, the stride, whether it follows
            another's choice, and a pooling, which is a filter of those that choose.
        circular: whether borders go around the edge; else they stay as they are.

    Attributes:
        grids: of the network as it was.
        samplings: the steps that choose, each with those that follow it.

    Raises:
        ValueError: if a step is not known.
    """

    def __init__(
        self,
        root: nn.Module,
        traced: Traced,
        layer: Callable[[int, int, bool, nn.Module | None], Downsampling],
        circular: bool,
    ) -> None:
        self._root, self._graph, self._modules = root, traced.graph, traced.modules
        self._layer, self._circular = layer, circular
        nodes = list(self._graph.nodes)
        found = {node: window_of(node, traced.modules) for node in nodes}
        self._windows = {node: window for node, window in found.items() if window is not None}
        self.grids = Grids(self._graph, traced.modules, self._windows)
        self._channels = {node: (shape_of(node) or (0, 0))[1:2] for node in nodes}
        self.samplings: dict[str, tuple[str, ...]] = {}
        self._selections: dict[fx.Node, fx.Node] = {}
        for name in (BORDERS, POOLS, SAMPLINGS):
            root.add_module(name, nn.ModuleDict())
        weight = next(root.parameters(), torch.empty(()))
        self._like: Tensor = weight

    def run(self, shares: bool) -> None:
        """Rewrite all of it.

        Args:
            shares: whether a sampling takes the selection of another.
        """
        for node, window in self._windows.items():
            leader = self.grids.leader(node) if window.stride > 1 else node
            follows = shares and leader is not node
            if window.stride > 1:
                mine = () if not follows else (node.name,)
                name = leader.name if follows else node.name
                self.samplings[name] = (*self.samplings.get(name, ()), *mine)
            selection = self._selections[leader] if follows else None
            chooses = shares and self._circular and not follows
            if window.stride > 1 and window.plain and (follows or window.kind == "slice"):
                self._sample_before(node, node.all_input_nodes[0], window, selection)
                continue
            if window.stride > 1 and window.kind == "mean" and chooses:
                self._sample_means(node, window)
                continue
            new = self._moved_by_one(node, window)
            if window.stride > 1:
                self._sample_behind(node, new, window, selection)
        for node in self._windows:
            if not node.users and node.op != "output":
                self._graph.erase_node(node)

    def _moved_by_one(self, node: fx.Node, window: Window) -> fx.Node:
        """The step with a stride of 1, and a border that fits it."""
        if window.stride == 1 and (not self._circular or window.reach == (0, 0) == _outer(window)):
            return node
        border = self._border(window)
        maps = node.args[0] if node.args else node.kwargs["input"]
        if window.kind == "convolution":
            convolution: Any = self._modules[str(node.target)]
            if window.reach == (0, 0) and not any(border.widths):
                convolution.stride = (1, 1)
                convolution.padding = (0, 0)
                return node
            convolution.stride, convolution.padding = (1, 1), (0, 0)
            convolution.padding_mode = "zeros"
            with self._graph.inserting_before(node):
                node.update_arg(0, self._call(BORDERS, node.name, border, maps))
            return node
        with self._graph.inserting_before(node):
            if window.kind == "mean":
                mean = WindowMean(window.kernel, border, window.counts_border, window.divisor)
                new = self._call(POOLS, node.name, mean, maps)
            else:
                around = self._call(BORDERS, node.name, border, maps)
                pool = nn.MaxPool2d(window.kernel, 1, 0, window.dilation)
                new = self._call(POOLS, node.name, pool, around)
        node.replace_all_uses_with(new)
        return new

    def _border(self, window: Window) -> Border:
        if not self._circular:
            return Border(window.padding, window.border, window.reach, window.stride, window.ceil)
        left, _, top, _ = window.padding
        height, width = window.reach
        left, top = min(left, width), min(top, height)
        return Border((left, width - left, top, height - top), "circular")

    def _sample_behind(
        self, node: fx.Node, new: fx.Node, window: Window, selection: fx.Node | None
    ) -> None:
        users = list(new.users)
        with self._graph.inserting_before(new.next):
            small = self._sampled(node, new, window, selection, self._channels[node][0])
        for user in users:
            user.replace_input_with(new, small)

    def _sample_before(
        self, node: fx.Node, before: fx.Node, window: Window, selection: fx.Node | None
    ) -> None:
        """A step that sees single pixels sees the kept ones alone."""
        with self._graph.inserting_before(node):
            channels = self._channels[before][0]
            small = self._sampled(node, before, window, selection, channels)
        if window.kind != "convolution":
            node.replace_all_uses_with(small)
        else:
            convolution: Any = self._modules[str(node.target)]
            convolution.stride = (1, 1)
            node.update_arg(0, small)

    def _sample_means(self, node: fx.Node, window: Window) -> None:
        """Let the maps before a mean choose its phase: behind it phases score nearly alike."""
        pool = WindowMean(window.kernel, self._border(window), divisor=window.divisor)
        maps = node.all_input_nodes[0]
        with self._graph.inserting_before(node):
            small = self._sampled(node, maps, window, None, self._channels[maps][0], pool)
        node.replace_all_uses_with(small)

    def _sampled(
        self,
        node: fx.Node,
        maps: fx.Node,
        window: Window,
        selection: fx.Node | None,
        channels: int,
        pool: nn.Module | None = None,
    ) -> fx.Node:
        layer = self._layer(channels, window.stride, selection is not None, pool)
        step = SamplingStep(layer.to(self._like), pool)
        arguments = (maps,) if selection is None else (maps, selection)
        both = self._call(SAMPLINGS, node.name, step, *arguments)
        small = self._graph.call_function(operator.getitem, (both, 0))
        if selection is None:
            self._selections[node] = self._graph.call_function(operator.getitem, (both, 1))
        return small

    def _call(self, group: str, name: str, module: nn.Module, *arguments: Any) -> fx.Node:
        holder: Any = self._root.get_submodule(group)
        holder[name] = module
        return self._graph.call_module(f"{group}.{name}", arguments)


def _outer(window: Window) -> tuple[int, int]:
    left, right, top, bottom = window.padding
    return left + right, top + bottom
