"""Attacks by their names, and how hard they try: what a param-file and a command line say alike."""

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated, Literal, NamedTuple, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from isotrope.attacks.checked import beyond_all
from isotrope.settings import Settings

Name = Literal[
    "pgd", "eot_pgd", "apgd_ce", "apgd_dlr", "square", "spsa", "minimal_norm", "transfer"
]
Norm = Literal["linf", "l2"]
Tier = Literal["smoke", "dev", "paper"]
Fixations = Literal["differentiable", "detached"]
Around = Literal["nothing", "resize_crop", "zero_pad"]

NAMES: tuple[Name, ...] = get_args(Name)
WHITE_BOX: tuple[Name, ...] = ("pgd", "eot_pgd", "apgd_ce", "apgd_dlr", "minimal_norm")
BLACK_BOX: tuple[Name, ...] = ("square", "spsa", "transfer")

GREY_EPS = {"linf": (0.05, 0.1, 0.2, 0.3), "l2": (0.5, 1.0, 2.0, 3.0)}
COLOUR_EPS = {
    "linf": tuple(part / 255 for part in (0.5, 1, 2, 4, 8)),
    "l2": (0.25, 0.5, 1.0, 3.0),
}
_FRACTION = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)/([0-9]{1,9})"


class Strength(NamedTuple):
    """What a tier asks for; the settings of the same names say what each is."""

    images: int
    steps: int
    apgd_steps: int
    queries: int
    spsa_steps: int
    samples: int
    minimal_steps: int
    restarts: int
    draws: int


# smoke: whether it runs; dev: minutes of a GPU; paper: as published, hours
TIERS: dict[Tier, Strength] = {
    "smoke": Strength(20, 10, 10, 100, 5, 64, 30, 1, 4),
    "dev": Strength(200, 40, 50, 1000, 20, 512, 100, 1, 10),
    "paper": Strength(1000, 300, 100, 5000, 100, 8192, 1000, 5, 20),
}


def _positive(values: Sequence[float]) -> Sequence[float]:
    if min(values) <= 0:
        raise ValueError("each eps must be greater than 0; nothing is changed at 0")
    if len(set(values)) < len(values):
        raise ValueError("each value may stand once only")
    return values


def _fraction(value: object) -> object:
    """A number that is written as a fraction, as in 8/255; all else as it is."""
    found = re.fullmatch(_FRACTION, value) if isinstance(value, str) else None
    if found is None or not int(found[2]):
        return value
    return float(Fraction(found[1]) / int(found[2]))


def _once(names: Sequence[Name]) -> Sequence[Name]:
    if len(set(names)) < len(names):
        raise ValueError("each attack may stand once only")
    return names


_Written = float | Annotated[str, Field(pattern=f"^{_FRACTION}$")]
_Part = Annotated[float, BeforeValidator(_fraction, json_schema_input_type=_Written)]
Eps = Annotated[list[_Part], Field(min_length=1), AfterValidator(_positive)]


class AttackSettings(Settings):
    """Which attacks are made, and how hard they try.

    Keys that a tier sets are null unless they are said: then they count, whatever the tier.
    """

    attacks: Annotated[list[Name], Field(min_length=1), AfterValidator(_once)] = Field(
        ["pgd", "eot_pgd", "apgd_ce", "apgd_dlr", "square"],
        description="attacks; eot_pgd is left out where a network does not draw; transfer shows "
        "what pgd finds on the network of `against`",
    )
    norm: Norm = Field("linf", description="in which changes are measured and bounded")
    eps: Literal["fitting"] | Eps = Field(
        "fitting",
        description="bounds of a change, of images in 0..1, as 0.03 or 8/255; fitting: linf 0.05, "
        "0.1, 0.2, 0.3 for grey images and 0.5, 1, 2, 4, 8 grey values of 255 for coloured ones, "
        "l2 0.5, 1, 2, 3 and 0.25, 0.5, 1, 3",
    )
    tier: Tier = Field("dev", description="how hard attacks try: smoke, dev, or paper")
    images: int | None = Field(None, ge=1, description="images that are attacked: 20, 200, 1000")
    steps: int | None = Field(None, ge=1, description="of pgd, eot_pgd, transfer: 10, 40, 300")
    step_size: float | None = Field(
        None, gt=0, description="of pgd, eot_pgd, transfer; null: what suits eps and steps"
    )
    loss: Literal["cross_entropy", "margin"] = Field(
        "cross_entropy", description="what pgd, eot_pgd and transfer raise"
    )
    apgd_steps: int | None = Field(None, ge=1, description="of apgd_ce, apgd_dlr: 10, 50, 100")
    queries: int | None = Field(None, ge=1, description="of square: 100, 1000, 5000")
    spsa_steps: int | None = Field(None, ge=1, description="of spsa: 5, 20, 100")
    samples: int | None = Field(None, ge=1, description="of each step of spsa: 64, 512, 8192")
    minimal_steps: int | None = Field(None, ge=1, description="of minimal_norm: 30, 100, 1000")
    restarts: int | None = Field(None, ge=1, description="of pgd, apgd and square: 1, 1, 5")
    draws: int | None = Field(
        None,
        ge=1,
        description="that a step of an attack on a network that draws averages: 4, 10, 20",
    )
    fixations: Fixations = Field(
        "differentiable",
        description="of networks that look about: whether gradients go through where they look",
    )
    around: Around = Field(
        "nothing",
        description="what is done to images after they were changed, before the network sees them: "
        "resize_crop: the shorter side is resized and the middle square cut out; zero_pad: black "
        "stripes make them square",
    )
    around_size: int = Field(224, ge=1, description="resize_crop: side of the square, in pixels")
    attack_seed: int = Field(0, ge=0, description="of what attacks draw")

    @model_validator(mode="after")
    def _no_grey_values(self) -> Self:
        for eps in () if self.eps == "fitting" else self.eps:
            if beyond := beyond_all(eps, self.norm):
                raise ValueError(beyond.replace("eps ", "eps: ", 1))
        return self

    @property
    def strength(self) -> Strength:
        """What the tier and the keys ask for."""
        own = {key: getattr(self, key) for key in Strength._fields}
        return TIERS[self.tier]._replace(**{k: v for k, v in own.items() if v is not None})

    def bounds(self, channels: int) -> list[float]:
        """Each eps, for images of so many channels."""
        if self.eps != "fitting":
            return list(self.eps)
        return list((GREY_EPS if channels == 1 else COLOUR_EPS)[self.norm])
