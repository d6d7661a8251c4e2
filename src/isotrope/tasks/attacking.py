"""An attack on picture files with any weights: no training run, no data set, no evaluation.

It says what the authors' program said, shares in percent: clean accuracy, robust accuracy, success
rate, time and mean distortion; pictures that are not recognised before the attack are told and
passed over.
"""

import csv
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from isotrope.attacks import Victim
from isotrope.attacks.by_name import attack, fitting, surrounding
from isotrope.attacks.judging import Judge, hidden_noise
from isotrope.attacks.strength import AttackSettings
from isotrope.data._pictures import read_picture
from isotrope.datasets.images import to_unit
from isotrope.errors import UserError
from isotrope.files import disk
from isotrope.measuring.pack_reading import read_networks
from isotrope.packs import summary
from isotrope.params import modelling
from isotrope.params.blocks import image_shape
from isotrope.params.param_file import read_run
from isotrope.training.initial_weights import read_weights, take_over

LOG, TABLE = "attack.log", "pictures.csv"
Log = Callable[[str], None]
Shape = tuple[int, int, int]


class Attackable(NamedTuple):
    """A network with what is known of it.

    Args:
        network: on its device, in evaluation mode.
        shape: of the images that it was trained on.
        seed: of its training; keys what it draws when it is judged.
    """

    network: nn.Module
    shape: Shape
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What became of one picture.

    Args:
        picture: its name.
        label: its class.
        before: the class that the network answers before the attack.
        after: the class after it; -1 where nothing was attacked.
        fooled: whether fresh draws miss the class after the attack, by majority.
        kept_as_file: whether the picture that was written, in 256 grey values, still does.
        distortion: how far it was changed, in the norm.
        queries: images shown until the first success, or in all.
        seconds: that the attack took.
    """

    picture: str
    label: int
    before: int
    after: int = -1
    fooled: bool = False
    kept_as_file: bool = False
    distortion: float = float("nan")
    queries: int = 0
    seconds: float = 0.0


def open_weights(
    weights: Path, like: Path | None, point: str, seed: int, device: torch.device
) -> Attackable:
    """The network of a pack's folder, or of a file with weights alone.

    Args:
        weights: the folder with ``run.json``, or a safetensors file or one that ``torch.save``
            wrote.
        like: for a file: the param-file whose model and image size it is of.
        point: of that param-file.
        seed: of the pack; of a file, what keys its draws.
        device: where the network shall compute.

    Raises:
        UserError: if a file is absent or damaged, or the weights do not fit.
    """
    if weights.is_dir():
        networks = read_networks(weights, device, [seed]).networks
        channels, height, width = summary.read(weights).part("image_shape")
        return Attackable(networks[seed].eval(), (channels, height, width), seed)
    if not weights.exists():
        raise UserError(
            f"{weights}: no such file or folder; name the folder of a pack, as in "
            "out/runs/<model>/<data set>/<variant>/base/seeds-1-5, or a file of weights"
        )
    if weights.name == summary.WEIGHTS and (weights.parent / summary.RUN).is_file():
        raise UserError(f"{weights}: holds the seeds of a pack; name its folder, {weights.parent}")
    if like is None:
        raise UserError(
            f"{weights}: of a file of weights name the param-file whose model it is of, too: "
            "--like param-files/<model>/<data set>/<variant>.yaml"
        )
    chosen = read_run(like).point(point)
    shape, classes = image_shape(chosen.dataset)
    try:
        network = modelling.build(chosen.model.name, chosen.model.params, shape, classes)
    except ValueError as error:
        raise UserError(f"{like}: model {chosen.model.name}: {error}") from error
    take_over(network, read_weights(weights), str(weights))
    return Attackable(network.to(device).eval(), shape, seed)


def attack_pictures(
    its: Attackable,
    pictures: Sequence[Path | str],
    label: int | None,
    settings: AttackSettings,
    output: Path,
    log: Log,
) -> list[Outcome]:
    """Attack pictures one by one, and write what was found.

    Each attacked picture is written as ``<name>.png``, its change, enlarged about grey, as
    ``<name>-change.png``, what became of each as ``pictures.csv``, and the lines of the log as
    ``attack.log``.

    Args:
        its: the network.
        pictures: files, or ``chelsea``.
        label: the class of all; None: what the network answers before the attack.
        settings: one attack, with one eps, and how hard it tries.
        output: the folder.
        log: is told each line.

    Raises:
        UserError: if a picture cannot be read, the network cannot be attacked so, or a file cannot
            be written.
    """
    output.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        log(line)

    if settings.around == "nothing":
        side = its.shape[-1]
        say(
            f"pictures are resized to {side} pixels on their shorter side and cut to the "
            f"middle {side} x {side}, as in training; `--around resize_crop` attacks them whole"
        )
    outcomes = []
    for count, (picture, name) in enumerate(zip(pictures, _names(pictures), strict=True), 1):
        outcome = _attack(its, picture, name, label, settings, output)
        outcomes.append(outcome)
        say(f"{count} of {len(pictures)}: {_told(outcome, settings)}")
    for line in summary_lines(outcomes, settings):
        say(line)
    if label is None:
        say("class of each picture: what the network answered before, right or wrong (no label)")
    disk.write_whole(output / LOG, "".join(f"{line}\n" for line in lines))
    disk.write_whole(output / TABLE, _table(outcomes))
    return outcomes


def summary_lines(outcomes: Sequence[Outcome], settings: AttackSettings) -> list[str]:
    """What is said in the end; of pictures that were not recognised how many there are alone."""
    attacked = [one for one in outcomes if one.after >= 0]
    fooled = [one for one in attacked if one.fooled]
    count = len(outcomes)
    robust = len(attacked) - len(fooled)
    rate = _percent(len(fooled), len(attacked)) if attacked else "unknown"
    changes = [one.distortion for one in fooled]
    unknown = "unknown, since no picture fooled the network"
    distortion = f"{np.mean(changes):.6f}" if changes else unknown
    return [
        f"clean accuracy: {_percent(len(attacked), count)} ({len(attacked)} of {count})",
        f"robust accuracy: {_percent(robust, count)} ({robust} of {count})",
        f"attack success rate: {rate} ({len(fooled)} of {len(attacked)})",
        f"incorrect, not attacked: {count - len(attacked)}",
        f"mean distortion ({settings.norm}): {distortion}",
        f"elapsed: {sum(one.seconds for one in outcomes):.1f} s",
    ]


def _percent(part: int, of: int) -> str:
    """A share in words."""
    return f"{100 * part / of:.1f} %"


def _names(pictures: Sequence[Path | str]) -> list[str]:
    """A name for each; files of one name in several folders are numbered."""
    stems = [Path(picture).stem for picture in pictures]
    return [
        stem if stems.count(stem) == 1 else f"{stem}-{place + 1}"
        for place, stem in enumerate(stems)
    ]


def _attack(
    its: Attackable,
    picture: Path | str,
    name: str,
    label: int | None,
    settings: AttackSettings,
    output: Path,
) -> Outcome:
    """One picture."""
    channels, side, _ = its.shape
    device = next(its.network.parameters()).device
    whole = settings.around != "nothing"
    image = read_picture(picture, channels, None if whole else side)
    points = to_unit(image[None].to(device))
    victim = Victim(
        its.network, fixations=settings.fixations, around=surrounding(settings.around, side)
    )
    hidden = hidden_noise(victim, points) > 0
    judge = Judge(victim, its.seed, hidden_noise=hidden)
    answers = judge.answers(points, [0])
    classes = answers.shape[-1]
    before = _most(answers)
    target = before if label is None else label
    if not 0 <= target < classes:
        raise UserError(f"--label {target}: the network knows the classes 0 to {classes - 1}")
    if before != target:
        return Outcome(name, target, before)
    names, left_out = fitting(settings, classes, victim.stochastic, source=False)
    if not names:
        raise UserError(f"{left_out[0]}; name another attack")
    labels, began = torch.tensor([target], device=device), time.perf_counter()
    (eps,) = settings.bounds(channels)
    found = attack(
        names[0], settings, victim, points, labels, eps=eps, numbers=[0], stop_early=not hidden
    )
    seconds = time.perf_counter() - began
    attacked = found.images
    fooled = float(judge.shares(attacked, labels, [0], block=1)) <= 0.5
    grey = (attacked * 255).round().clamp(0, 255).to(torch.uint8)
    as_file = float(judge.shares(to_unit(grey), labels, [0], block=1)) <= 0.5
    _write(output / f"{name}.png", grey[0].cpu())
    change = (attacked - points)[0].cpu()
    largest = change.abs().max().clamp(min=1e-12)
    _write(
        output / f"{name}-change.png", (127.5 + 127.5 * change / largest).round().to(torch.uint8)
    )
    return Outcome(
        name,
        target,
        before,
        _most(judge.answers(attacked, [0], block=1)),
        fooled,
        as_file,
        float(found.distortion),
        int(found.queries),
        seconds,
    )


def _most(answers: Tensor) -> int:
    """The class that most draws answer."""
    return int(answers[0].argmax(dim=-1).bincount().argmax())


def _told(one: Outcome, settings: AttackSettings) -> str:
    if one.after < 0:
        return f"{one.picture}: incorrect ({one.before} instead of {one.label}), not attacked"
    how = "success" if one.fooled else "failure"
    file = "" if one.kept_as_file == one.fooled else ", but not as a file of 256 grey values"
    return (
        f"{one.picture}: {how}{file}: {one.before} before, {one.after} after, distortion "
        f"{one.distortion:.6f} ({settings.norm}), {one.queries} queries, {one.seconds:.1f} s"
    )


def _write(path: Path, image: Tensor) -> None:
    """A picture file, uint8 ``(channels, height, width)``."""
    values = image.movedim(0, -1).numpy()
    content = io.BytesIO()
    Image.fromarray(values[..., 0] if values.shape[-1] == 1 else values).save(content, "PNG")
    disk.write_whole(path, content.getvalue())


def _table(outcomes: Sequence[Outcome]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(Outcome.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: getattr(one, key) for key in writer.fieldnames} for one in outcomes)
    return text.getvalue()
