"""The worst pose: how many images are recognised in every rotation, scale and shift of a search.

No pixel is perturbed; the image is turned and scaled about its centre and then shifted, and what
enters is black (`isotrope.attacks.spatial`, which reads bilinearly). ``grid`` tries every
combination of ``angles``, ``scales`` and ``shifts`` (these along both axes); ``random`` tries
``samples`` poses of each image's own between the least and the largest of them. Then ``refine``
poses come about the worst so far. What makes a pose worst is the margin: the largest logit of
another class less that of the label.

Networks that draw at random are judged as by `adversarial`: in ``judge_draws`` fresh draws, *right*
is what is recognised in more than half, and an image's *share* is in how many it is. Images that
are never recognised upright are not attacked and count as wrong.

Columns: ``pose`` (``upright``, ``worst``), ``search``, ``queries``, ``metric``, ``value``, ``n``.
Metrics, the first three with ``_low`` and ``_high`` (Wilson's 95 % interval over images):

* ``robust_accuracy``: the part of all images that are right;
* ``expected_accuracy``: the mean of their shares;
* ``success``: the part of images that were right and are not in their worst pose; with ``queries``
  those that the search saw as fooled when it had shown so many images;
* ``incorrect``: how many images are not right upright;
* ``angle``, ``scale``, ``shift``: of the images that the search fooled, the medians of the angle
  without its sign (degrees), of the factor by which they became larger or smaller (at least 1), and
  of the longer of both shifts (pixels), in the pose that fooled first, or, of a network that
  draws, in the worst: not the least pose that fools;
* ``queries_mean``: images shown until the first success that the search saw, or in all.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import torch
from pydantic import AfterValidator, Field
from torch import Tensor

from isotrope.attacks import Victim, spatial
from isotrope.attacks.judging import DRAWS, Judge
from isotrope.datasets.images import Images, to_unit
from isotrope.datasets.stream import Split
from isotrope.evaluation._attack_rows import MAJORITY, middle, row_of, rows_with_interval
from isotrope.evaluation._attacked import marks
from isotrope.evaluation._chosen import batches_of, chosen_numbers, hidden_in, keyed
from isotrope.evaluation._sweeps import Scale, classes_only, distinct
from isotrope.measuring.networks import Networks
from isotrope.settings import Settings

REVISION = 1
NEEDS: set[str] = set()
SPLIT = "test"
kind = "classification"

Values = Annotated[list[float], Field(min_length=1), AfterValidator(distinct)]
Scales = Annotated[list[Scale], Field(min_length=1), AfterValidator(distinct)]


class Params(Settings):
    """Settings of ``spatial_attack``."""

    angles: Values = Field(
        [-30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0], description="degrees, counter-clockwise"
    )
    scales: Scales = Field([0.8, 1.0, 1.25], description="2 makes the thing twice as large")
    shifts: Values = Field([-3.0, 0.0, 3.0], description="pixels, along both axes")
    search: Literal["grid", "random"] = Field("grid", description="which poses are tried")
    samples: int = Field(100, ge=1, description="random: poses of each image")
    refine: int = Field(20, ge=0, description="poses about the worst one so far")
    images: int = Field(200, ge=1, description="images that are attacked")
    draws: int = Field(
        10, ge=1, description="that a pose is shown to a network that draws, in the search"
    )
    judge_draws: int = Field(
        DRAWS, ge=DRAWS, description="fresh draws by which a network that draws is judged"
    )
    attack_seed: int = Field(0, ge=0, description="of the search")
    image_seed: int = Field(0, ge=0, description="of the choice of the images that are attacked")
    batch: int = Field(64, ge=1, description="images that are attacked at once")
    at_once: int = Field(512, ge=1, description="the most images of a forward pass")


def evaluate(networks: Networks, data: Split, params: Params) -> list[dict[str, Any]]:
    """Rows of each seed, see above.

    Raises:
        UserError: if the labels are masks.
    """
    classes_only(data, "spatial_attack")
    return [row for seed in networks.seeds for row in _rows(networks.only([seed]), data, params)]


def _rows(networks: Networks, data: Split, params: Params) -> Iterator[dict[str, Any]]:
    """The rows of one seed."""
    ((seed, network),) = networks
    victim = Victim(network, at_once=params.at_once)
    numbers = chosen_numbers(len(data), params.images, params.image_seed)
    position = networks.position(seed)
    state = position.restore() or {"done": 0, "results": _empty(len(numbers))}
    hidden, _ = hidden_in(victim, data, networks.device)
    judge = Judge(victim, seed, params.judge_draws, hidden_noise=hidden > 0)
    for its, batch in batches_of(data, numbers, params.batch, state["done"]):
        with keyed(params.attack_seed + 1009 * state["done"], networks.device):
            _attack(victim, judge, batch.to(networks.device), its, state, params)
        position.save(state)
    for row in _said(state["results"], params, params.draws if victim.stochastic else 1):
        yield {"seed": seed, **row}


def _empty(images: int) -> dict[str, Tensor]:
    """What is kept of each image: nan where it is not attacked."""
    kept = {"clean": 1, "share": 1, "angle": 1, "scale": 1, "shift": 1, "queries": 1, "seen": 1}
    return {name: torch.full((images,), torch.nan, dtype=torch.float64) for name in kept}


def _attack(
    victim: Victim,
    judge: Judge,
    batch: Images,
    numbers: list[int],
    state: dict[str, Any],
    params: Params,
) -> None:
    """Search the worst poses of a batch."""
    images, results, first = to_unit(batch.images), state["results"], state["done"]
    clean = judge.shares(images, batch.labels, numbers)
    results["clean"][first : first + len(batch)] = clean
    state["done"] = first + len(batch)
    chosen = (clean > 0).nonzero()[:, 0]
    if not len(chosen):
        return
    at, its = chosen.to(images.device), [numbers[place] for place in chosen.tolist()]
    found, poses = spatial(
        victim,
        images[at],
        batch.labels[at],
        angles=params.angles,
        scales=params.scales,
        shifts=params.shifts,
        search=params.search,
        samples=params.samples,
        refine=params.refine,
        draws=params.draws,
        seed=params.attack_seed,
        numbers=its,
        stop_early=judge.draws == 1,
    )
    angle, scale, *shift = poses.double().cpu().unbind(dim=1)
    kept = {
        "share": judge.shares(found.images, batch.labels[at], its),
        "angle": angle.abs(),
        "scale": torch.maximum(scale, 1 / scale),
        "shift": torch.stack(shift).abs().amax(dim=0),
        "queries": found.queries,
        "seen": found.trace.any(dim=0),
    }
    for name, values in kept.items():
        results[name][first + chosen] = values.cpu().double()


def _said(results: dict[str, Tensor], params: Params, draws: int) -> Iterator[dict[str, Any]]:
    """The rows, without seed."""
    search = {"search": params.search}
    right = results["clean"] > MAJORITY
    worst = results["share"].nan_to_num(0.0)
    for pose, shares in (("upright", results["clean"]), ("worst", worst)):
        at = {"pose": pose, **search}
        yield from rows_with_interval(at, "robust_accuracy", shares > MAJORITY)
        yield from rows_with_interval(at, "expected_accuracy", shares)
    yield row_of({"pose": "upright", **search}, "incorrect", float((~right).sum()), len(right))
    at = {"pose": "worst", **search}
    fooled = right & (worst <= MAJORITY)
    yield from rows_with_interval(at, "success", fooled[right])
    for metric in ("angle", "scale", "shift"):
        values = results[metric][fooled]
        yield row_of(at, metric, middle(values), len(values))
    queries, seen = results["queries"][right], results["seen"][right] > 0
    yield row_of(at, "queries_mean", queries.mean().item(), len(queries))
    for mark in marks(draws * _poses(params)):
        part = ((queries <= mark) & seen).double().mean().item()
        yield row_of({**at, "queries": mark}, "success", part, len(queries))


def _poses(params: Params) -> int:
    """How many poses are tried."""
    grid = len(params.angles) * len(params.scales) * len(params.shifts) ** 2
    return (grid if params.search == "grid" else params.samples) + params.refine
