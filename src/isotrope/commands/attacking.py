"""The command that attacks picture files with any weights."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from isotrope import paths
from isotrope.commands.arguments import Device, PointName, Threads, completion_of, files, readable
from isotrope.console.printing import say
from isotrope.errors import UserError, did_you_mean

_ATTACKS = ("pgd", "eot_pgd", "apgd_ce", "apgd_dlr", "square", "spsa", "minimal_norm")
_AROUND = ("nothing", "resize_crop", "zero_pad")
_STEPS = {  # the setting that --steps is for
    "pgd": "steps",
    "eot_pgd": "steps",
    "apgd_ce": "apgd_steps",
    "apgd_dlr": "apgd_steps",
    "square": "queries",
    "spsa": "spsa_steps",
    "minimal_norm": "minimal_steps",
}


def attack(
    weights: Annotated[
        Path,
        typer.Argument(
            help="the folder of a pack, as in out/runs/RUN/base/seeds-1-5, or a file of weights",
            callback=readable,
        ),
    ],
    pictures: Annotated[
        list[str] | None,
        typer.Argument(
            help="picture files; a cat of scikit-image, chelsea, if left out", callback=readable
        ),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(
            help="for a file of weights: a param-file with its model",
            autocompletion=files,
            callback=readable,
        ),
    ] = None,
    point: PointName = "base",
    seed: Annotated[int, typer.Option(min=1, help="which seed of the pack")] = 1,
    label: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="the class of all pictures; if left out, of each what the network answers",
        ),
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            help=f"the attack: {', '.join(_ATTACKS)}", autocompletion=completion_of(*_ATTACKS)
        ),
    ] = "pgd",
    norm: Annotated[
        str, typer.Option(help="linf or l2", autocompletion=completion_of("linf", "l2"))
    ] = "linf",
    eps: Annotated[str, typer.Option(help="the largest change, as in 2/255 or 0.3")] = "2/255",
    tier: Annotated[
        str,
        typer.Option(
            help="how hard it tries", autocompletion=completion_of("smoke", "dev", "paper")
        ),
    ] = "dev",
    steps: Annotated[
        int | None, typer.Option(min=1, help="steps, or queries of square; the tier's if left out")
    ] = None,
    step_size: Annotated[
        str | None,
        typer.Option(help="of pgd, eot_pgd, as in 0.2/255; what suits eps and steps if left out"),
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(min=1, help="draws that a step averages, of a network that draws at random"),
    ] = None,
    fixations: Annotated[
        str,
        typer.Option(
            help="of networks that look about: whether gradients go through where they look",
            autocompletion=completion_of("differentiable", "detached"),
        ),
    ] = "differentiable",
    around: Annotated[
        str,
        typer.Option(
            help="nothing: pictures are resized and cut before; resize_crop, zero_pad: they are "
            "attacked as large as they are, and resized or padded after that",
            autocompletion=completion_of(*_AROUND),
        ),
    ] = "nothing",
    output: Annotated[
        Path, typer.Option(help="where the attacked pictures and the log go")
    ] = paths.ATTACKS,
    device: Device = "auto",
    threads: Threads = 1,
) -> None:
    """Attack picture files, and say which are recognised after it as before."""
    from isotrope import devices
    from isotrope.attacks.strength import AttackSettings
    from isotrope.mistakes import complaints_of
    from isotrope.tasks import attacking, by_hand

    if by not in _ATTACKS:
        raise UserError(f"--by: '{by}' is not known{did_you_mean(by, _ATTACKS)}")
    given = {
        "attacks": [by],
        "norm": norm,
        "eps": [_number("eps", eps)],
        "step_size": None if step_size is None else _number("step-size", step_size),
        "fixations": fixations,
        "tier": tier,
        _STEPS.get(by, "steps"): steps,
        "draws": draws,
        "around": around,
    }
    settings, complaints = complaints_of(AttackSettings, given, ())
    if settings is None:
        raise UserError(*(f"--{_option(str(where[0]))}{what}" for where, what in complaints))
    where = devices.choose(by_hand.device_name(device))
    with devices.arithmetic(where, threads):
        its = attacking.open_weights(weights, like, point, seed, where)
        attacking.attack_pictures(its, pictures or ["chelsea"], label, settings, output, say)
    say(f"wrote {output}")


def _option(setting: str) -> str:
    """The option that a setting comes from."""
    return "steps" if setting in _STEPS.values() else setting.replace("_", "-")


def _number(option: str, text: str) -> float:
    """A number, or one over another.

    Raises:
        UserError: if it is neither.
    """
    try:
        over, under = (text if "/" in text else f"{text}/1").split("/")
        return float(Fraction(over) / Fraction(under))
    except (ValueError, ArithmeticError) as error:
        raise UserError(f"--{option} {text}: must be a number, as in 2/255 or 0.3") from error
