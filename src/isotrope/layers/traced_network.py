"""A network as a graph of its steps, with the shapes of what they give."""

import io
import re
from contextlib import redirect_stderr
from typing import Any

import torch
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

_STAY_WHOLE = ("StochasticDepth", "DropPath")  # they differ in training and change no place
_DROPOUTS = {
    "dropout": nn.Dropout,
    "dropout2d": nn.Dropout2d,
    "alpha_dropout": nn.AlphaDropout,
    "feature_alpha_dropout": nn.FeatureAlphaDropout,
}
_DROPOUTS_NAME = "shift_dropouts"
_CONSTANT = re.compile(r"_tensor_constant\d+")  # each tracing counts on


class Traced:
    """A network, its graph, and the channels of its images.

    Args:
        network: in which the graph's modules are; functions that drop numbers become modules of it,
            so that training and evaluation stay different.
        image_shape: channels, height and width of the images for which shapes are found.

    Attributes:
        graph: of evaluation, with shapes.
        modules: of the network by their names.
        notes: what is other than in the network, a sentence for each.

    Raises:
        ValueError: if the network cannot be traced, or does not run on such images.
    """

    def __init__(self, network: nn.Module, image_shape: tuple[int, int, int]) -> None:
        self.notes: list[str] = []
        was = network.training
        try:
            graphs = [_graph(network.train(training)) for training in (True, False)]
        finally:
            network.train(was)
        training, self.graph = graphs
        network.add_module(_DROPOUTS_NAME, nn.ModuleDict())  # now, as a sequence would run it
        _Dropouts(network).replace(training)
        _Dropouts(network).replace(self.graph)
        if _steps(training) != _steps(self.graph):
            self.notes.append(
                "the network takes other steps in training; here it takes those of evaluation in "
                "both"
            )
        self.modules = dict(network.named_modules())
        self._find_shapes(network, image_shape)

    def _find_shapes(self, network: nn.Module, image_shape: tuple[int, int, int]) -> None:
        weight = next(network.parameters(), torch.empty(()))
        images = torch.zeros(2, *image_shape, dtype=weight.dtype, device=weight.device)
        were = {name: one.training for name, one in self.modules.items()}
        shapes: Any = ShapeProp
        try:
            with torch.no_grad(), redirect_stderr(io.StringIO()):  # fx prints its errors, too
                shapes(fx.GraphModule(network.eval(), self.graph)).propagate(images)
        except Exception as error:
            size = " x ".join(map(str, image_shape))
            raise ValueError(
                f"the network does not run on images of {size}: {error.__cause__ or error}; say "
                "image_shape, the channels, height and width of images that it takes"
            ) from error
        finally:
            self.graph.owning_module = None  # it gets steps that this module has not
            for name, one in self.modules.items():
                one.training = were[name]


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        whole = type(m).__name__ in _STAY_WHOLE
        return whole or super().is_leaf_module(m, module_qualified_name)


def _graph(network: nn.Module) -> fx.Graph:
    try:
        return _Tracer().trace(network)
    except Exception as error:
        raise ValueError(
            f"the steps of the network cannot be followed (torch.fx): {error}. They must not "
            "depend on the values or sizes of tensors: give a part that does not, such as its "
            "backbone"
        ) from error


class _Dropouts:
    """Functions that drop numbers, as modules of a network."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._made: Any = network.get_submodule(_DROPOUTS_NAME)

    def replace(self, graph: fx.Graph) -> None:
        """Replace them in a graph of the network."""
        for node in list(graph.nodes):
            kind = _DROPOUTS.get(getattr(node.target, "__name__", ""))
            if node.op != "call_function" or kind is None:
                continue
            named = dict(zip(("p", "training", "inplace"), node.args[1:], strict=False))
            named |= node.kwargs
            self._made[node.name] = kind(named.get("p", 0.5))
            with graph.inserting_before(node):
                new = graph.call_module(f"{_DROPOUTS_NAME}.{node.name}", (node.args[0],))
            node.replace_all_uses_with(new)
            graph.erase_node(node)
        graph.lint()


def _steps(graph: fx.Graph) -> list[tuple[str, ...]]:
    described = [
        (node.op, str(node.target), str(node.args), str(node.kwargs)) for node in graph.nodes
    ]
    return [tuple(_CONSTANT.sub("", word) for word in words) for words in described]
