"""Weights of other networks by the names of ours: torchvision's, and the published ones.

Torchvision's residual networks have the same convolutions: their weights are those of the
``strided`` variant with zeros around the maps and the imagenet stem, and what other variants have
besides stays as it was drawn. So it does where a network goes on from another variant of ours.

Of the published networks (checkpoints whose names all begin with ``core.``) everything is taken but
the temperatures of shortcuts, which have no use, and the kernels of fixed filters, which follow
from the settings; nothing may be missing.

The linear layer of a network with another number of classes is left out, so that one can go on with
its trunk.

Source of the names: torchvision.models.resnet, and the code that Rojas-Gomez et al. published with
"Learnable Polyphase Sampling", NeurIPS 2022, https://arxiv.org/abs/2210.08001. The tensors of an
adaptive filter are told by their number of dimensions and last words alone.
"""

import re
from collections.abc import Callable, Mapping

from torch import Tensor, nn

from isotrope.errors import UserError

PUBLISHED = "core."  # before all names of a published checkpoint
_HEAD = ("lin.weight", "lin.bias")
_COUNTED = r"^phases\.|\.num_batches_tracked$|\.gumbel_tau$"  # of which weights may lack
_DRAWN = r"\.component_selection\.|\.antialias\."  # what other variants do not have
_BLOCK = re.compile(r"(?P<block>layer\d\.\d+)\.(?P<word>\w+)\.(?P<rest>.+)")
_LAYER = re.compile(r"component_selection\.|_antialias_layer\.")  # inside a downsampling layer
_LOGITS = (  # published names in a logit network, and ours
    (r"_(phi|psi|beta)\.0\.", r"\1.conv1."),
    (r"_(phi|psi|beta)\.2\.", r"\1.norm."),
    (r"_(phi|psi|beta)\.3\.", r"\1.conv2."),
    (r"input_conv\.0\.", "conv."),
    (r"edge_network\.0\.", "edge1."),
    (r"edge_network\.2\.", "edge2."),
    (r"out_network\.0\.", "node1."),
    (r"out_network\.2\.", "node2."),
    (r"perceptron\.", "conv."),
)
_SHOWN = 3

Known = Callable[[str], bool]  # whether a network of ours has a tensor of that name


def adopted(network: nn.Module, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights that a ``shift_resnet`` takes, by its own names.

    Names that are unknown are given as they are, so that whoever puts them in can say so.

    Raises:
        UserError: if weights are missing that may not be.
    """
    own = network.state_dict()
    found: dict[str, Tensor] = {}
    for name, value in weights.items():
        ours = name if name in own else our_name(name, value, own.__contains__)
        if ours:
            found[ours] = value
    if _HEAD[0] in found and found[_HEAD[0]].shape[0] != own[_HEAD[0]].shape[0]:
        found = {name: value for name, value in found.items() if name not in _HEAD}
    published = any(name.startswith(PUBLISHED) for name in weights)
    spared = re.compile(_COUNTED if published else f"{_COUNTED}|{_DRAWN}")
    missing = [
        name for name in own if name not in found and name not in _HEAD and not spared.search(name)
    ]
    if missing and set(found) <= set(own):
        listed = ", ".join(missing[:_SHOWN])
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise UserError(f"the weights lack {listed}{more}; they are of other settings")
    return found


def our_name(name: str, value: Tensor, known: Known) -> str:
    """Our name of a foreign tensor; empty if it is left out, or itself if nothing is known of it.

    Args:
        name: as torchvision or the published code has it.
        value: the tensor.
        known: whether a name is one of ours.
    """
    short = name.removeprefix(PUBLISHED)
    if short.startswith("fc."):
        return f"lin.{short.removeprefix('fc.')}"
    if match := re.match(r"maxpool\.(\d)\.(.+)", short):
        return _in_layer(f"trunk.stem{0 if match[1] == '0' else 1}", match[2], value, known)
    if match := _BLOCK.fullmatch(short):
        return _in_block(match, value, known)
    return f"trunk.{short}" if known(f"trunk.{short}") else name


def _in_block(match: re.Match[str], value: Tensor, known: Known) -> str:
    """Our name of what is in a block: in its shortcut, its sampling, or one of its layers."""
    block, word, rest = f"trunk.{match['block']}", match["word"], match["rest"]
    layer = re.sub(r"^\d\.", "", rest)
    if _LAYER.match(layer):
        place = "shortcut_down" if word == "downsample" else "down"
        return _in_layer(f"{block}.{place}", layer, value, known)
    if word == "downsample":
        return f"{block}.{'shortcut' if value.ndim == 4 else 'shortcut_bn'}.{layer}"
    return f"{block}.{word}.{layer}"


def _in_layer(layer: str, rest: str, value: Tensor, known: Known) -> str:
    """Our name of what is in a downsampling layer."""
    if rest == "component_selection.gumbel_tau":
        ours = f"{layer}.gumbel_tau"
        return ours if known(ours) else ""
    if rest.startswith("_antialias_layer."):
        last = rest.rpartition(".")[2]
        part = "convolution.weight" if value.ndim == 4 else f"norm.{last}"
        ours = f"{layer}.antialias.{part}"
        return ours if known(ours) else ""
    rest = rest.removeprefix("component_selection.get_logits.")
    for theirs, part in _LOGITS:
        rest = re.sub(f"^{theirs}", part, rest)
    return f"{layer}.component_selection.{rest}"
