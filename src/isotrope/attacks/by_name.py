"""Attacks called by their names, each as hard as its settings say."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

from torch import Tensor

from isotrope.attacks import (
    Attacked,
    Victim,
    apgd,
    minimal_norm,
    pgd,
    resized,
    spsa,
    square,
    zero_padded,
)
from isotrope.attacks.attacked import JUDGED
from isotrope.attacks.losses import LossName
from isotrope.attacks.strength import Around, AttackSettings, Name, Strength

_APGD: dict[Name, LossName] = {"apgd_ce": "cross_entropy", "apgd_dlr": "logit_ratio"}


def surrounding(name: Around, size: int) -> Callable[[Tensor], Tensor] | None:
    """What is done to images after they were changed and before a network sees them.

    Args:
        name: ``nothing``, ``resize_crop`` or ``zero_pad``.
        size: of the square of ``resize_crop``, in pixels.
    """
    if name == "nothing":
        return None
    return zero_padded if name == "zero_pad" else partial(resized, size=size)


def fitting(
    settings: AttackSettings, classes: int, draws: bool, source: bool
) -> tuple[list[Name], list[str]]:
    """The attacks that can be made on a network, and a sentence about each that cannot.

    Args:
        settings: which are asked for.
        classes: of the network.
        draws: whether the network draws at random.
        source: whether there is another network to transfer from.
    """
    reasons: dict[Name, str] = {}
    if not draws:
        reasons["eot_pgd"] = "the network draws nothing at random, so pgd is the same"
    if classes < 3:
        reasons["apgd_dlr"] = "its loss needs three classes or more"
    if not source:
        reasons["transfer"] = "it needs the network of another run, see `against`"
    asked = settings.attacks
    said = [f"{name} is left out: {reasons[name]}" for name in asked if name in reasons]
    return [name for name in asked if name not in reasons], said


def attack(
    name: Name,
    settings: AttackSettings,
    victim: Victim,
    images: Tensor,
    labels: Tensor,
    *,
    eps: float,
    numbers: Sequence[int],
    source: Victim | None = None,
    stop_early: bool = True,
) -> Attacked:
    """Attack images.

    Args:
        name: of the attack.
        settings: how hard it tries.
        victim: the network.
        images: ``(batch, channels, height, width)`` in 0..1.
        labels: int64 ``(batch,)``.
        eps: the bound of changes in the norm; without effect on ``minimal_norm``.
        numbers: which images of their split they are.
        source: the network that ``transfer`` attacks instead.
        stop_early: whether images leave once they are fooled, if nothing is drawn; of
            ``transfer`` none does, since what just fools one network need not fool another.

    Returns:
        What was found; of ``transfer``, on the other network.

    Raises:
        ValueError: if ``transfer`` has no source, or the attack refuses its settings.
    """
    hard = settings.strength
    common: dict[str, Any] = {
        "norm": settings.norm,
        "draws": 1 if name == "pgd" else hard.draws,
        "seed": settings.attack_seed,
        "numbers": numbers,
    }
    if name == "minimal_norm":
        return minimal_norm(victim, images, labels, steps=hard.minimal_steps, **common)
    common |= {"eps": eps, "stop_early": stop_early and name != "transfer"}
    if name == "square":
        own: dict[str, Any] = {"queries": hard.queries, "restarts": hard.restarts}
        return square(victim, images, labels, **own, **common)
    if name == "spsa":
        own = {"steps": hard.spsa_steps, "samples": hard.samples}
        return spsa(victim, images, labels, **own, **common)
    if name in _APGD:
        own = {"steps": hard.apgd_steps, "restarts": hard.restarts}
        return apgd(victim, images, labels, loss=_APGD[name], **own, **common)
    if name == "transfer" and source is None:
        raise ValueError("transfer needs the network of another run")
    return pgd(
        victim if source is None or name != "transfer" else source,
        images,
        labels,
        steps=hard.steps,
        step_size=settings.step_size,
        loss=settings.loss,
        restarts=hard.restarts,
        **common,
    )


def most_shown(name: Literal["square", "spsa"], hard: Strength, stochastic: bool) -> int:
    """Images (draws) of one image that are shown when an attack sees its last answer.

    Args:
        name: of the attack.
        hard: how hard it tries.
        stochastic: whether the network draws at random: `square` then asks twice in each step, and
            each restart but the last is judged before.
    """
    draws = hard.draws if stochastic else 1
    if name == "spsa":
        return draws * (1 + hard.spsa_steps * (2 * hard.samples + 1))
    if not stochastic:
        return hard.queries * hard.restarts
    judged = (hard.restarts - 1) * max(draws, JUDGED)
    return draws * (2 * hard.queries - 1) * hard.restarts + judged
