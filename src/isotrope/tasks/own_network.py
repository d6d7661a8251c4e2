"""A network of a user's own, made by a function that this project knows nothing of.

The function is named as in ``package.module:function`` or ``folder/file.py:function``. It is called
with nothing, or with ``image_shape`` and ``classes`` where it has arguments of these names, and
returns a torch module that takes images ``(batch, channels, height, width)`` and returns logits.
"""

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from isotrope.errors import UserError, did_you_mean

SEED = 1  # of initial weights that the function draws
_GIVEN = ("image_shape", "classes")


class Asked(NamedTuple):
    """What a network has to take and to answer.

    Args:
        image_shape: channels, height and width of the images.
        classes: how many logits.
        per_pixel: whether each pixel has logits of its own.
    """

    image_shape: tuple[int, int, int]
    classes: int
    per_pixel: bool


def build(words: str, asked: Asked) -> nn.Module:
    """The network that a function makes; weights that it draws are the same each time.

    Args:
        words: the function.
        asked: what the function is told, where it wants to know.

    Raises:
        UserError: if there is no such function, it fails, or gives no network.
    """
    function = _function(words)
    if isinstance(function, nn.Module):
        return function
    told = {"image_shape": asked.image_shape, "classes": asked.classes}
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            found = function(**{name: told[name] for name in _wanted(words, function)})
    except (Exception, SystemExit) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{words}: fails{_said(error, words)}") from error
    if not isinstance(found, nn.Module):
        raise UserError(f"{words}: returns {_a(found)}, and not a torch module")
    return found


def check(network: nn.Module, words: str, images: Tensor, asked: Asked) -> None:
    """Show a network some images, and see whether its answers are logits.

    Args:
        network: in evaluation mode.
        words: the function that made it, for messages.
        images: ``(batch, channels, height, width)`` in 0..1, on the network's device.
        asked: what they have to be.

    Raises:
        UserError: if the network does not take such images, or its answers are something else.
    """
    size = " x ".join(map(str, asked.image_shape))
    try:
        with torch.inference_mode():
            answers = network(images)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
        raise UserError(f"{words}: its network does not take {size} images ({said})") from error
    if not isinstance(answers, Tensor):
        raise UserError(f"{words}: its network returns {_a(answers)}, and not a tensor of logits")
    count, pixels = len(images), asked.image_shape[1:] if asked.per_pixel else ()
    wanted = (count, asked.classes, *pixels)
    if tuple(answers.shape) != wanted:
        raise UserError(
            f"{words}: its network answers {count} images with {tuple(answers.shape)}, and not "
            f"with logits {wanted}: {asked.classes} classes"
        )
    if not answers.is_floating_point():
        raise UserError(f"{words}: its network returns {answers.dtype}, and not logits")
    if not bool(answers.isfinite().all()):
        raise UserError(f"{words}: its network returns logits that are infinite or no numbers")


def _function(words: str) -> Any:
    """What a user's words name.

    Raises:
        UserError: if it is not there, or cannot be called.
    """
    place, _, name = words.rpartition(":")
    if not place or not name:
        raise UserError(
            f"{words}: with --like this is a function that makes a network, as in "
            "package.module:function or file.py:function"
        )
    module = _imported(place)
    if not hasattr(module, name):
        known = [one for one in vars(module) if callable(getattr(module, one)) and one[0] != "_"]
        raise UserError(f"{place}: has no function '{name}'{did_you_mean(name, known)}")
    found = getattr(module, name)
    if not callable(found):
        raise UserError(f"{words}: is {_a(found)}, and no function")
    return found


def _imported(place: str) -> ModuleType:
    file = Path(place)
    if file.suffix == ".py" and not file.is_file():
        raise UserError(f"{place}: no such file")
    folder = str((file.parent if file.suffix == ".py" else Path()).resolve())
    if folder not in sys.path:
        sys.path.append(folder)  # behind the environment, of which it hides nothing
    try:
        return _of_file(file) if file.suffix == ".py" else importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name and (place == error.name or place.startswith(f"{error.name}.")):
            raise UserError(
                f"no module is called {error.name}; start this in the folder that holds it, "
                "install it, or name its file as in folder/file.py:function"
            ) from error
        raise UserError(f"{place}: cannot be imported{_said(error, place)}") from error
    except (Exception, SystemExit) as error:
        raise UserError(f"{place}: cannot be imported{_said(error, place)}") from error


def _of_file(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"own_network_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


def _wanted(words: str, function: Callable[..., Any]) -> list[str]:
    """The arguments of a function that it is given.

    Raises:
        UserError: if it has to be given others.
    """
    try:
        known = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []  # it is no Python, and does not say
    named = [one for one in known if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    strange = [one.name for one in named if one.default is one.empty and one.name not in _GIVEN]
    if strange:
        raise UserError(
            f"{words}: has to be given {', '.join(strange)}; a function without arguments, or with "
            f"{' and '.join(_GIVEN)}, makes the network"
        )
    return [one.name for one in named if one.name in _GIVEN]


def _said(error: BaseException, words: str) -> str:
    """Where the user's code failed, and why, as the end of a sentence."""
    frames = [(f.filename, f.lineno) for f in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append((error.filename, error.lineno))
    outside = [
        one for one in frames if Path(one[0]) != Path(__file__) and "importlib" not in one[0]
    ]
    stem = Path(words.rpartition(":")[0] or words).stem.rpartition(".")[2]
    own = [one for one in outside if Path(one[0]).stem == stem]
    where = "".join(f" at {file}:{line}" for file, line in (own or outside)[-1:])
    message = error.msg if isinstance(error, SyntaxError) else str(error).partition("\n")[0]
    return f"{where}: {type(error).__name__}{f': {message}' if message else ''}"


def _a(value: Any) -> str:
    return f"an object of {type(value).__name__}" if value is not None else "nothing"
