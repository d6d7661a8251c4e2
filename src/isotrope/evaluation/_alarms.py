"""Signs that attacks failed, and not that a network is robust; `adversarial` says what each is."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from isotrope.attacks.strength import BLACK_BOX, WHITE_BOX, Name
from isotrope.evaluation._attack_rows import MAJORITY, Found, Row
from isotrope.evaluation._intervals import beyond_chance

ZERO_GRADIENTS, LEFT = 0.1, 0.05
BLACK_BOX_POINTS, OVERSTATED_POINTS = 1.0, 5.0


class Sign(NamedTuple):
    """A sign: what was measured, of how many images, and whether it is an alarm."""

    value: float
    n: int
    alarm: bool


ABSENT = Sign(float("nan"), 0, False)


def alarm_rows(found: Found, hidden: float, asked: int) -> Iterator[Row]:
    """The rows of all signs, without seed.

    Args:
        found: what attacks found.
        hidden: the part of images that a network answers otherwise when it is asked again.
        asked: how many were asked again.
    """
    signs: dict[str, Callable[[], Sign]] = {
        "zero_gradients": lambda: zero_gradients(found),
        "black_box_wins": lambda: black_box_wins(found),
        "larger_eps_helps": lambda: larger_eps_helps(found),
        "unbounded_left": lambda: unbounded_left(found),
        "overstated": lambda: overstated(found),
        "draws_help": lambda: draws_help(found),
    }
    of_all = {"hidden_noise": Sign(hidden, asked, hidden > 0)}
    of_all |= {about: sign() for about, sign in signs.items()}
    norm = found.plan.settings.norm
    for about, sign in of_all.items():
        row = {"norm": norm, "about": about, "n": sign.n}
        alarm = float(sign.alarm) if sign.n else sign.value
        yield {**row, "metric": about, "value": sign.value}
        yield {**row, "metric": "alarm", "value": alarm}


def _white(found: Found) -> list[Name]:
    return [name for name in found.plan.names if name in WHITE_BOX]


def _points(more: int, less: int, count: int) -> float:
    return 100 * (more - less) / count


def zero_gradients(found: Found) -> Sign:
    """The mean over attacks with gradients, and over images."""
    parts = [
        found.kept(name, "zeros", place)
        for name in _white(found)
        for place in range(1 if name == "minimal_norm" else len(found.plan.bounds))
    ]
    known = torch.cat(parts) if parts else torch.empty(0)
    known = known[~known.isnan()]
    if not len(known):
        return ABSENT
    value = known.mean().item()
    attacked = torch.stack(parts).isfinite().any(dim=0)
    return Sign(value, int(attacked.sum()), value > ZERO_GRADIENTS)


def black_box_wins(found: Found) -> Sign:
    """Points by which attacks without gradients break more images, where that is most."""
    white = _white(found)
    black = [name for name in found.plan.names if name in BLACK_BOX]
    count = int(found.right.sum())
    if not (white and black and count):
        return ABSENT
    values, raised = [], False
    for place in range(len(found.plan.bounds)):
        by_white, by_black = (~found.stand_all(names, place) for names in (white, black))
        more, less = _apart(by_black, by_white)
        values.append(_points(more, less, count))
        raised |= values[-1] > BLACK_BOX_POINTS and beyond_chance(more, less)
    return Sign(max(values), count, raised)


def larger_eps_helps(found: Found) -> Sign:
    """Points that fall from the least to the largest eps under attacks with gradients."""
    names = [name for name in _white(found) if name != "minimal_norm"]
    count = int(found.right.sum())
    if not (names and count and len(found.plan.every_eps) > 1):
        return ABSENT
    places = sorted(range(len(found.plan.every_eps)), key=found.plan.every_eps.__getitem__)
    left = [found.stand_all(names, place) for place in places]
    steps = pairwise(left)
    raised = any(beyond_chance(*_apart(later, before)) for before, later in steps)
    raised |= bool(left[0].any()) and int(left[-1].sum()) >= int(left[0].sum())
    asked = [one for place, one in zip(places, left, strict=True) if place < len(found.plan.bounds)]
    largest = asked[-1] if len(asked) > 1 else left[-1]
    return Sign(_points(int(asked[0].sum()), int(largest.sum()), count), count, raised)


def unbounded_left(found: Found) -> Sign:
    """The part of images that attacks with gradients leave where nothing bounds them."""
    names = [name for name in _white(found) if name != "minimal_norm"]
    if found.plan.unbounded is None or not (names and found.right.any()):
        return ABSENT
    left = found.stand_all(names, len(found.plan.every_eps) - 1)
    value = left.double().mean().item()
    return Sign(value, len(left), value > LEFT)


def overstated(found: Found) -> Sign:
    """Points by which more images are fooled on the way, in some draw, than by fresh draws."""
    count = int(found.right.sum())
    names = [name for name in found.plan.names if name != "transfer"]
    if not (names and count):
        return ABSENT
    values, raised = [], False
    for name in names:
        for place in range(1 if name == "minimal_norm" else len(found.plan.bounds)):
            seen = found.kept(name, "seen", place)[found.right] > 0
            stands = found.kept(name, "share", place)[found.right] > MAJORITY
            more, less = _apart(seen, ~stands)
            values.append(_points(more, less, count))
            raised |= values[-1] > OVERSTATED_POINTS and beyond_chance(more, less)
    return Sign(max(values), count, raised)


def draws_help(found: Found) -> Sign:
    """Points by which following the mean over draws breaks more images than following one."""
    count = int(found.right.sum())
    if not ({"pgd", "eot_pgd"} <= set(found.plan.names) and count):
        return ABSENT
    values, raised = [], False
    for place in range(len(found.plan.bounds)):
        more, less = _apart(~found.stands("eot_pgd", place), ~found.stands("pgd", place))
        values.append(_points(more, less, count))
        raised |= beyond_chance(more, less)
    return Sign(max(values), count, raised)


def _apart(one: Tensor, other: Tensor) -> tuple[int, int]:
    """Of how many images the one alone holds, and of how many the other alone."""
    return int((one & ~other).sum()), int((other & ~one).sum())
