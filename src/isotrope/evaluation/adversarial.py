"""Robustness: how many images are still recognised after an attack on the network that sees them.

Attacks are those of `isotrope.attacks`, on images in 0..1; what normalises them is inside of the
network and so under attack, too. ``pgd``, ``eot_pgd``, ``apgd_ce``, ``apgd_dlr`` and
``minimal_norm`` take gradients, ``square`` and ``spsa`` ask for answers alone, and ``transfer``
attacks another network (``against``) and shows this one the result.

Networks that draw at random (a policy, say) are judged by ``judge_draws`` fresh draws, which no
attack has seen and which are the same for every attack: an image is *right* if the network
recognises it in more than half of them, and its *share* is in how many it does. Networks that do
not draw answer once, and both are the same. ``eot_pgd`` follows the mean over ``draws`` draws of a
step, as do all attacks of a random network but ``pgd``, which takes one. ``eot_pgd`` is left out
where nothing is drawn. What an attack has once found is not dropped for its luck: nothing leaves a
batch of a random network, and what counts is the last image, judged anew.

Images that are never recognised are not attacked: they count as wrong in accuracies, and are left
out of ``success``. ``all`` is the worst attack of each image, found by the fresh draws and judged
by others, so that the choice is not flattered. ``minimal_norm`` does not know ``eps``: it searches
the smallest change of each image, and at an eps the images stand for it whose change is not above.

Columns: ``attack`` (``none`` is before any attack, at eps 0), ``norm``, ``eps``, ``iteration``,
``queries``, ``about``, ``metric``, ``value``, ``n``.

Metrics by ``attack`` and ``eps``, the first three with ``_low`` and ``_high`` (Wilson's 95 %
interval over images; of a mean of shares it is at least as wide as need be):

* ``robust_accuracy``: the part of all images that are right;
* ``expected_accuracy``: the mean of their shares;
* ``success``: the part of images that were right and are not any more;
* ``incorrect`` (``none`` alone): how many images are not right before any attack;
* ``distortion_mean``, ``distortion_median``: how far, in the norm, those are changed that were
  right and are not any more; for ``minimal_norm`` without an eps ``smallest_change`` is the median
  over all that were right, nan where the attack fails on half of them;
* ``queries_mean``, ``queries_median``: images shown until the first success that the attack saw, or
  in all; ``forwards``, ``backwards``: images passed through the network, by attacked image;
* ``zero_gradients``: in which part of its gradients, at points that do not fool the attack, an
  image had none at all, exactly 0 at every pixel, of attacks that take any;
* ``success`` with ``iteration``: the part of images that were right and that the attack itself saw
  as fooled by then; of a network that draws, in more than half of the draws after that step alone
  (of ``pgd`` it is one draw); not of ``transfer``, which sees another network;
* ``success`` with ``queries`` (``square`` and ``spsa``): the same by the images shown.

Signs that an attack failed and not that a network is robust. Each ``about`` has its measure, and
``alarm`` is 1 where it is raised; "beyond chance" is a sign test over images at 5 %:

* ``zero_gradients``: the mean over attacks and images; raised above 0.1;
* ``black_box_wins``: points by which attacks without gradients break more images than those with,
  at the eps where it is most; raised beyond chance, above 1 point;
* ``larger_eps_helps``: points that fall from the least to the largest eps (to eps 1 where there is
  one alone); raised where more images
  are right at a larger eps than at the one before, beyond chance, or where from the least to the
  largest, eps 1 with it, no fewer are;
* ``unbounded_left``: the part of images that attacks with gradients leave at eps 1 (any image at
  all: in ``l2`` the diagonal of the cube); raised above 0.05;
* ``overstated``: points by which more images are fooled on the way, in some draw, than by the fresh
  ones in the end; raised beyond chance, above 5 points: whoever stops at the first success, as
  attacks on other networks may, overstates it;
* ``draws_help``: points by which ``eot_pgd`` breaks more images than ``pgd``; raised beyond chance;
* ``hidden_noise``: the part of images to which the network answers otherwise when asked again with
  the same draw; raised above 0: there is chance inside that is not told (`draw`). Such a network is
  judged as one that draws.

Measures that need what is not there are nan, with ``n`` 0. Nothing depends on the batch, but for
rounding. Source of the signs: Athalye, Carlini and Wagner, "Obfuscated Gradients Give a False Sense
of Security", ICML 2018, https://arxiv.org/abs/1802.00420; the thresholds are ours.
"""

import math
from typing import Annotated, Any

from pydantic import Field
from torch import nn

from isotrope.attacks import Victim
from isotrope.attacks.by_name import fitting, surrounding
from isotrope.attacks.judging import DRAWS, Judge
from isotrope.attacks.strength import AttackSettings
from isotrope.datasets.images import to_unit
from isotrope.datasets.stream import Split
from isotrope.errors import UserError
from isotrope.evaluation._alarms import alarm_rows
from isotrope.evaluation._attack_rows import Found, attack_rows
from isotrope.evaluation._attacked import Plan, Work
from isotrope.evaluation._attacked_pictures import pictures_like
from isotrope.evaluation._chosen import batches_of, chosen_numbers, hidden_in, keyed
from isotrope.evaluation._sweeps import classes_only
from isotrope.measuring.networks import Networks

REVISION = 1
NEEDS: set[str] = set()
SPLIT = "test"
kind = "classification"
GRADIENTS = True


class Params(AttackSettings):
    """Settings of ``adversarial``; those of the attacks are `AttackSettings`."""

    judge_draws: int = Field(
        DRAWS, ge=DRAWS, description="fresh draws by which a network that draws is judged"
    )
    unbounded: bool = Field(
        True, description="whether attacks with gradients are also tried where nothing bounds them"
    )
    pictures: Annotated[list[str], Field(min_length=1)] | None = Field(
        None,
        description="files below $ISOTROPE_DATA, or chelsea, a cat of scikit-image, that are "
        "attacked in place of the data set's images",
    )
    label: int | None = Field(
        None, ge=0, description="class of the pictures; null: of each what the network answers"
    )
    image_seed: int = Field(0, ge=0, description="of the choice of the images that are attacked")
    batch: int = Field(64, ge=1, description="images that are attacked at once")
    at_once: int = Field(
        512, ge=1, description="the most images of a forward pass; each draw of an image is one"
    )


def evaluate(networks: Networks, data: Split, params: Params) -> list[dict[str, Any]]:
    """Rows of each seed, see above.

    Raises:
        UserError: if the labels are masks, or ``transfer`` is asked for without ``against``.
    """
    classes_only(data, "adversarial")
    if "transfer" in params.attacks and networks.against is None:
        raise UserError(
            "adversarial: transfer needs the network of another run; name it in `against`, or take "
            "it out of attacks"
        )
    return [row for seed in networks.seeds for row in _rows(networks.only([seed]), data, params)]


def _rows(networks: Networks, data: Split, params: Params) -> list[dict[str, Any]]:
    """The rows of one seed."""
    ((seed, network),) = networks
    victim, source = _victim(network, params), None
    if networks.against is not None:
        ((_, other),) = networks.against.only([seed])
        source = _victim(other, params)
    hidden, asked = hidden_in(victim, data, networks.device)
    judge = Judge(victim, seed, params.judge_draws, hidden_noise=hidden > 0)
    if params.pictures is not None:
        whole = params.around != "nothing"
        with keyed(params.attack_seed, networks.device):
            data = pictures_like(data, params.pictures, params.label, whole, judge, networks.device)
    first = to_unit(data[:1].to(networks.device).images)
    names, left_out = fitting(
        params, victim.answers(first).shape[-1], victim.stochastic, source is not None
    )
    for said in left_out:
        networks.say_once(f"adversarial: {said}")
    numbers = chosen_numbers(len(data), params.strength.images, params.image_seed)
    bounds, pixels = params.bounds(first.shape[1]), first[0].numel()
    plan = Plan(params, names, bounds, _unbounded(params, pixels), len(numbers), victim.stochastic)
    random = victim.stochastic or hidden > 0
    work = Work(plan, victim, judge, source, networks.position(seed), networks.device, random)
    for its, batch in batches_of(data, numbers, params.batch, work.done):
        work.attack(its, batch)
    found = Found(plan, work.results)
    rows = (*attack_rows(found), *alarm_rows(found, hidden, asked))
    return [{"seed": seed, **row} for row in rows]


def _victim(network: nn.Module, params: Params) -> Victim:
    around = surrounding(params.around, params.around_size)
    return Victim(network, fixations=params.fixations, around=around, at_once=params.at_once)


def _unbounded(params: Params, pixels: int) -> float | None:
    """An eps that no image is beyond, unless it is not wanted."""
    if not params.unbounded:
        return None
    return 1.0 if params.norm == "linf" else math.sqrt(pixels)
