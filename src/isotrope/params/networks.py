"""Whether the networks of a model can be had for the images of a data set, and have their parts.

Every network is built, on the meta device where that is possible. Networks of one's own are also
asked for their answer to two images there: those of runs of the series ``own``, and of models in
``plugins/``. Of all others the project's tests do that.
"""

import re
from typing import Any

from isotrope import registry
from isotrope.mistakes import Complaint
from isotrope.params import meta_device, modelling
from isotrope.params.blocks import Plugin, image_shape
from isotrope.params.meta_networks import network_without_values
from isotrope.params.trials import tried
from isotrope.params.wrapping import answers_of, chain, parts_of
from isotrope.settings import Settings

Shape = tuple[int, int, int]  # channels, height, width


def misfits(dataset: Plugin | None, model: Plugin | None, own: bool) -> list[Complaint]:
    """Why a model does not serve the images of a data set, if so; None is one that is wrong.

    Args:
        dataset: the data set.
        model: the model.
        own: whether the run is of the series ``own``.

    Raises:
        BrokenPluginError: if the network cannot be built, or lacks one of the model's ``PARTS``.
    """
    if dataset is None or model is None:
        return []
    shape, classes = image_shape(dataset)
    images = f"({dataset.name} has {' x '.join(map(str, shape))} images)"
    own = own or any(_is_users(one) for one in chain(model))
    words = sorted(parts_of(model)), answers_of(model) if own else ""
    found = _found_in(model.name, model.params, shape, classes, *words)
    if found is None:
        return []  # it is left open
    refusal, failure, absent, modules = found
    if refusal is not None:
        if (setting := _setting_named_in(refusal, model.params)) is not None:
            return [(("model", setting), f": {refusal} {images}")]
        return [(("model",), f": does not fit the data set {images}: {refusal}")]
    if absent:
        raise registry.BrokenPluginError(_of_parts(model, absent, modules))
    return [(("model",), f": {failure} {images}")] if failure is not None else []


def _setting_named_in(reason: str, params: Settings) -> str | None:
    """The first setting of a param-file that a model names as it refuses to be built, if any."""
    return next((w for w in re.findall(r"\w+", reason) if w in params.model_fields_set), None)


def _is_users(model: Plugin) -> bool:
    return registry.source("models", model.name).is_relative_to(registry.USERS)


def _of_parts(model: Plugin, absent: list[str], modules: list[str]) -> str:
    """That a model names parts that its network does not have, or not from the model inside it."""
    path = registry.source("models", model.name)
    own = sorted(set(registry.load("models", model.name).PARTS) & set(absent))
    known = f"(its modules: {', '.join(modules) or 'none'})"
    if own:
        what = f"PARTS names {', '.join(own)}, which the network does not have {known}"
        return f"{path}:{registry.line_of(path, 'PARTS')}: {what}"
    what = f"the network does not have {', '.join(absent)} of the model inside it {known}; hand "
    what += "them on, as isotrope.layers.preceded does, or say in WRAPS_PARTS which it has"
    return f"{path}:{registry.line_of(path, 'WRAPS')}: {what}"


@tried
def _found_in(
    name: str, params: Settings, shape: Shape, classes: int, parts: list[str], answers: str
) -> tuple[str | None, str | None, list[str], list[str]]:
    """What is found out by building the network of a model for images of a shape.

    It is built on the meta device, without memory or a random number; for real only where that
    fails, which tells a refusal from a model that has to see the values of its tensors. What fails
    to answer there, too, is asked once more for real.

    Returns:
        Why it cannot be built, if so; what is wrong with its answer, if it was asked for one (what
        ``answers`` are for) and something is; the parts that it lacks, and then its modules.
    """

    def build() -> Any:
        return modelling.build(name, params, shape, classes)

    device, network = "meta", network_without_values(name, params, shape, classes)
    if network is None:
        try:
            device, network = "cpu", build()
        except ValueError as error:
            return str(error), None, [], []
        except Exception as error:
            path = registry.source("models", name)
            raise registry.broken(path, error, "cannot be built") from error
    absent = [part for part in parts if not _has(network, part)]
    failure = _wrong_with(network, name, (shape, classes, answers), device)
    if failure is not None and device == "meta":
        failure = _wrong_with(build(), name, (shape, classes, answers), "cpu")
    modules = [name for name, _ in network.named_children()] if absent else []
    return None, failure, absent, sorted(modules)


def _has(network: Any, part: str) -> bool:
    try:
        network.get_submodule(part)
    except AttributeError:
        return False
    return True


def _wrong_with(network: Any, name: str, asked: tuple[Shape, int, str], device: str) -> str | None:
    """What is wrong with the answer of a network to two images, if it is asked and something is."""
    shape, classes, answers = asked
    if not answers:
        return None
    try:
        found = meta_device.answer(network, shape, device)
    except Exception as error:
        doing = "the network fails on two images"
        return registry.broken(registry.source("models", name), error, doing).sentences[0]
    size = tuple(found.shape) if hasattr(found, "shape") else type(found).__name__
    maps = (*shape[1:],) if answers == "segmentation" else ()
    if size == (2, classes, *maps):
        return None
    each = "for each class" + (" and pixel" if maps else "")
    return f"the network answers two images with {size}, not {(2, classes, *maps)}, a number {each}"
