"""Windows and slices that a traced network moves over maps: convolutions, poolings, strides."""

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import fx, nn

from isotrope.layers.wrapping import PaddingMode, Widths

Kind = Literal["convolution", "maximum", "mean", "slice"]
_POOLS = {
    "max_pool2d": ("kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    "avg_pool2d": (
        "kernel_size",
        "stride",
        "padding",
        "ceil_mode",
        "count_include_pad",
        "divisor_override",
    ),
}
_UNKNOWN = ("conv2d", "lp_pool2d", "fractional_max_pool2d", "max_unpool2d", "unfold")
_UNKNOWN_MODULES = (nn.LPPool2d, nn.FractionalMaxPool2d, nn.MaxUnpool2d, nn.Unfold)


@dataclass(frozen=True)
class Window:
    """How a window moves over maps.

    Args:
        kind: what is computed under it.
        kernel: its height and width, in taps.
        stride: by how many pixels it moves, along both axes.
        dilation: of its taps.
        padding: pixels to the left, to the right, above and below.
        border: what these hold; None for minus infinity.
        ceil: whether the last window may end outside.
        counts_border: of means, whether zeros around the maps count.
        divisor: of means, if it is given.
    """

    kind: Kind
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    dilation: tuple[int, int] = (1, 1)
    padding: Widths = (0, 0, 0, 0)
    border: PaddingMode | None = "zeros"
    ceil: bool = False
    counts_border: bool = True
    divisor: int | None = None

    @property
    def reach(self) -> tuple[int, int]:
        """Its height and width less 1, in pixels."""
        height, width = (
            step * (size - 1) for step, size in zip(self.dilation, self.kernel, strict=True)
        )
        return height, width

    @property
    def plain(self) -> bool:
        """Whether it sees one pixel, and all of them."""
        return self.reach == (0, 0) and not any(self.padding)


def window_of(node: fx.Node, modules: Mapping[str, nn.Module]) -> Window | None:
    """The window that a step of a network moves; None if it moves none.

    Raises:
        ValueError: if it cannot be moved by one pixel here.
    """
    if node.op == "call_module":
        module = modules[str(node.target)]
        if isinstance(module, nn.Conv2d):
            return _of_convolution(module, node)
        if isinstance(module, nn.MaxPool2d):
            named = {name: getattr(module, name) for name in _POOLS["max_pool2d"]}
            return _of_pooling("maximum", named | {"indices": module.return_indices}, node)
        if isinstance(module, nn.AvgPool2d):
            named = {name: getattr(module, name) for name in _POOLS["avg_pool2d"]}
            return _of_pooling("mean", named, node)
        if isinstance(module, _UNKNOWN_MODULES):
            raise _refused(node, f"{type(module).__name__} is not known here")
        return None
    if node.op != "call_function":
        return None
    name = getattr(node.target, "__name__", "")
    if name in _POOLS:
        named = dict(zip(_POOLS[name], node.args[1:], strict=False)) | dict(node.kwargs)
        named["indices"] = named.get("return_indices", False)
        return _of_pooling("maximum" if name == "max_pool2d" else "mean", named, node)
    if name in _UNKNOWN:
        raise _refused(node, f"write it as a module, nn.{'Conv2d' if name == 'conv2d' else '...'}")
    return _of_slice(node) if node.target is operator.getitem else None


def _of_convolution(module: nn.Conv2d, node: fx.Node) -> Window:
    kernel, dilation = _pair(module.kernel_size), _pair(module.dilation)
    reach = [step * (size - 1) for step, size in zip(dilation, kernel, strict=True)]
    if module.padding == "same":
        (top, left) = (one // 2 for one in reach)
        padding = (left, reach[1] - left, top, reach[0] - top)
    else:
        rows, columns = (0, 0) if isinstance(module.padding, str) else _pair(module.padding)
        padding = (columns, columns, rows, rows)
    mode: Any = module.padding_mode
    return Window("convolution", kernel, _stride(module.stride, node), dilation, padding, mode)


def _of_pooling(kind: Kind, named: Mapping[str, Any], node: fx.Node) -> Window:
    if named.get("indices"):
        raise _refused(node, "it returns indices")
    kernel = _pair(named["kernel_size"])
    stride = named.get("stride")
    rows, columns = _pair(named.get("padding", 0))
    return Window(
        kind,
        kernel,
        _stride(kernel if stride is None or stride == () else stride, node),
        _pair(named.get("dilation", 1)),
        (columns, columns, rows, rows),
        None if kind == "maximum" else "zeros",
        named.get("ceil_mode", False),
        named.get("count_include_pad", True),
        named.get("divisor_override"),
    )


def _of_slice(node: fx.Node) -> Window | None:
    """Every n-th row and column from the first on, as in ``maps[:, :, ::2, ::2]``."""
    where = node.args[1]
    if not isinstance(where, tuple) or not all(
        one is Ellipsis or isinstance(one, slice) for one in where
    ):
        return None
    slices = [one for one in where if isinstance(one, slice)]
    if not all(one.start in (None, 0) and one.stop is None for one in slices):
        return None
    steps = [1 if one.step is None else one.step for one in slices]
    before = where.index(Ellipsis) if Ellipsis in where else len(steps)
    steps[before:before] = [1] * (4 - len(steps))  # of axes that are not written
    if len(steps) != 4 or max(steps[:2]) > 1 or max(steps) == 1:
        return None
    return Window("slice", stride=_stride(tuple(steps[2:]), node))


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    rows, columns = (value[0], value[-1])
    return int(rows), int(columns)


def _stride(value: Any, node: fx.Node) -> int:
    rows, columns = _pair(value)
    if rows != columns:
        raise _refused(node, f"its strides {rows} and {columns} along both axes differ")
    return rows


def _refused(node: fx.Node, why: str) -> ValueError:
    return ValueError(f"the step {node.name} ({node.target}) cannot be made invariant: {why}")
