"""The three networks in the words of Deep Log-Polar Networks' param-files, and back in ours."""

from collections.abc import Iterator, Mapping
from typing import Any

from isotrope import registry
from isotrope.mistakes import Complaint, Where
from isotrope.models._log_polar_settings import PUBLISHED
from isotrope.models.deep_lp import LayerChange
from isotrope.studies.log_polar.original_files import Layer, Network, Samples

Block = dict[str, Any]

ACTIVATIONS = {"relu": "relu", "leaky": "leaky_relu", "sigmoid": "sigmoid"}
BANKS = {"bilinear": "bilinear", "v1": "sith_v1", "v2": "sith_v2"}
BLOCKS_OF_DEPTH = 6  # layers with weights that a block adds, over all three stages; and 2 more
DEFAULT_BANK = "sith_v2"
NO_VERSION = "The original names no lp_version; its filters are read as v2."
_IGNORED = {  # what no network here has: its value that changes nothing, and what to do
    "g": (0.0, "filters are not weighted by their radius here; write 0"),
    "dt": (1.0, "there are no time steps here; write 1"),
    "buff_max": (None, "filters end where the published default ends; leave it out"),
}


def network_of(original: Network) -> tuple[Block, list[str], list[Complaint]]:
    """The block ``model`` of a param-file, remarks, and what has no counterpart."""
    block, remarks, wrong = {
        "logpolar": _deep_lp,
        "single_lp": _single_lp,
        "lp_resnet": _lp_resnet,
    }[original.type](original)
    block["act"] = ACTIVATIONS[original.act_func]
    block["dropout"] = original.dropout
    if original.batch_norm is not None:
        block["batch_norm"] = original.batch_norm
    if original.act_location == "post":
        what = ": activations come before the linear layer here; write pre"
        wrong.append((("model", "act_location"), what))
    return block, remarks, wrong


def _deep_lp(original: Network) -> tuple[Block, list[str], list[Complaint]]:
    layers = original.layer_params or []
    at: Where = ("model", "layer_params")
    wrong: list[Complaint] = [] if layers else [(at, ": at least one layer is needed")]
    block: Block = {
        "name": "deep_lp",
        "channels": [layer.out_channels for layer in layers],
        "kernel_sizes": [layer.kernel_size for layer in layers],
        "widths": [layer.in_channels for layer in layers[1:]],
        "output": original.output or "center",
    }
    remarks: list[str] = []
    of_layers: list[Block] = []
    for number, layer in enumerate(layers):
        place = (*at, number)
        wrong += _refused(layer, place)
        if layer.spatial_pooling not in (None, 1):
            what = ": there is no pooling of positions between layers here; use stride"
            wrong.append(((*place, "spatial_pooling"), what))
        of_layers.append({**_samples(layer), **_pooled(layer)})
        remarks += [NO_VERSION] if layer.lp_version is None else []
    if of_layers:
        block |= of_layers[0]
        changes, unlike = _changes(layers, of_layers)
        wrong += unlike
        block |= {"layers": changes} if any(changes) else {}
    return block, list(dict.fromkeys(remarks)), wrong


def _changes(layers: list[Layer], of_layers: list[Block]) -> tuple[list[Block], list[Complaint]]:
    """What each layer has otherwise than the first, and what no layer can have otherwise."""
    known = LayerChange.model_fields
    changes: list[Block] = []
    wrong: list[Complaint] = []
    for number, (layer, one) in enumerate(zip(layers, of_layers, strict=True)):
        other = {name: value for name, value in one.items() if value != of_layers[0][name]}
        sides = layer.kernel_size
        side = sides if isinstance(sides, int) else sides[0]
        whole = {"tau_pooling": layer.ntau - side + 1, "theta_pooling": layer.num_angles}
        changes.append({name: whole.get(name) if v is None else v for name, v in other.items()})
        place = ("model", "layer_params", number)
        for name in other.keys() - known.keys():
            wrong.append((place, f": all layers have the same {name} here"))
    return changes, wrong


def _pooled(layer: Layer) -> Block:
    """What a log-polar convolution does with its samples."""
    return {
        "topk": layer.topk or 0,
        "tau_pooling": layer.tau_pooling,
        "theta_pooling": layer.theta_pooling,
        "pooling": layer.pooling,
        "relative_encoding": layer.relative_encoding,
        "trim": layer.spatial_trim,
        "stride": layer.stride,
    }


def _single_lp(original: Network) -> tuple[Block, list[str], list[Complaint]]:
    samples = original.lp_params or Samples()
    sides = original.pool_out_size or 1
    block = {
        "name": "single_lp",
        "channels": (original.channels or [])[1:],
        "filter_sizes": original.filter_sizes or [],
        **_samples(samples),
        "stride": samples.stride,
        "output": original.output or "center",
        "pool_out_size": [sides, sides] if isinstance(sides, int) else sides,
    }
    remarks = [NO_VERSION] if samples.lp_version is None else []
    return block, remarks, list(_refused(samples, ("model", "lp_params")))


def _lp_resnet(original: Network) -> tuple[Block, list[str], list[Complaint]]:
    depth = BLOCKS_OF_DEPTH * (original.num_blocks or 0) + 2
    return {"name": "lp_resnet", "depth": depth}, [], []


def _samples(samples: Samples) -> Block:
    bank = BANKS[samples.lp_version] if samples.lp_version else DEFAULT_BANK
    block: Block = {"bank": bank, "tau_min": samples.tau_min, "tau_max": samples.tau_max}
    block |= {"ntau": samples.ntau, "num_angles": samples.num_angles}
    if bank != "bilinear":
        block |= {"filter_k": samples.k, "filter_distance": samples.window_shape}
        block |= {"filter_window": samples.localization}
        block |= {"filter_sharpness": samples.gaussian_sharpness}
    return block


def _refused(samples: Samples, at: Where) -> Iterator[Complaint]:
    """What the log-polar samples of a layer ask for that no network here has."""
    for name, (neutral, what) in _IGNORED.items():
        if getattr(samples, name) != neutral:
            yield (*at, name), f": {what}"
    if samples.gaussian_sharpness == "learned":
        yield (*at, "gaussian_sharpness"), ": filters are not learned here; write a number"


def original_network(model: str, params: Mapping[str, Any], channels: int, classes: int) -> Block:
    """The block ``model`` as the original wrote it.

    Args:
        model: one of the three.
        params: its settings, all by name; None for those left out.
        channels: of the images.
        classes: of the data set.
    """
    own = {name: value for name, value in params.items() if value is not None}
    words = {ours: theirs for theirs, ours in ACTIVATIONS.items()}
    common = {
        "dropout": own["dropout"],
        "batch_norm": own["batch_norm"],
        "act_func": words.get(own["act"], own["act"]),
        "out_classes": classes,
    }
    if model == "lp_resnet":
        blocks = (own["depth"] - 2) // BLOCKS_OF_DEPTH
        return {"type": model, "block": "DeepLPBlock", "num_blocks": blocks, **common}
    sizes = registry.literal("models", model, "SIZES")
    settled = {**PUBLISHED, **sizes[own["size"]], **own}
    if model == "single_lp":
        network: Block = {
            "type": model,
            "lp_params": {**_original_samples(settled), "stride": settled["stride"]},
            "channels": [channels, *settled["channels"]],
            "filter_sizes": list(settled["filter_sizes"]),
        }
    else:
        network = {"type": "logpolar", "layer_params": _original_layers(settled, channels)}
    return {**network, **common, "output": own["output"]}


def _original_layers(settled: Mapping[str, Any], channels: int) -> list[Block]:
    changes = settled.get("layers") or [{} for _ in settled["channels"]]
    inputs = [channels, *settled["widths"]]
    found = []
    for i, change in enumerate(changes):
        own = {**settled, **{name: value for name, value in change.items() if value is not None}}
        layer = {
            "in_channels": inputs[i],
            "out_channels": settled["channels"][i],
            **_original_samples(own),
            "kernel_size": settled["kernel_sizes"][i],
            "stride": own.get("stride", 1),
            "spatial_trim": own["trim"],
            "pooling": own["pooling"],
            "relative_encoding": own["relative_encoding"],
        }
        layer |= {"topk": own["topk"]} if own["topk"] else {}
        for name in ("tau_pooling", "theta_pooling"):
            layer |= {name: own[name]} if own.get(name) else {}
        found.append(layer)
    return found


def _original_samples(settled: Mapping[str, Any]) -> Block:
    versions = {ours: theirs for theirs, ours in BANKS.items()}
    block = {name: settled[name] for name in ("tau_min", "tau_max", "ntau", "num_angles")}
    block["lp_version"] = versions.get(settled["bank"], settled["bank"])
    if settled["bank"] in ("sith_v1", "sith_v2"):
        block |= {"k": settled["filter_k"], "localization": settled["filter_window"]}
        block |= {"window_shape": settled["filter_distance"]}
        block |= {"gaussian_sharpness": settled["filter_sharpness"]}
    return block
