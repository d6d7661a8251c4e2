"""What every param-file may say, whatever its data set, model and evaluations are.

The blocks ``dataset``, ``model`` and ``evaluations`` are checked by the plug-ins that they name;
the rest is here and in the modules beside it. Each description goes into the JSON schema, and so
into the editor of whoever writes a param-file.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from isotrope.params.evaluations import MOST
from isotrope.params.labels import Label
from isotrope.params.resources import Resources
from isotrope.params.seeds import Seeds, packs_of_seeds
from isotrope.params.training import Training
from isotrope.settings import Settings

Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]

MOST_PACKS = 1_000  # of all points of a run


class Select(Settings):
    """How one point of a sweep is chosen; the others are trained for the choice only.

    Source: the published code of Altstidl et al., "Just a Matter of Scale?", 2022,
    https://arxiv.org/abs/2211.10288, whose rule is median, seeds 1-5, ties last.
    """

    by: Literal["validation_accuracy", "validation_mean_iou", "validation_loss"] = Field(
        "validation_accuracy",
        description="each seed's best value; a larger one is better, of losses a smaller one",
    )
    statistic: Literal["median", "mean"] = Field(
        "median", description="what is compared, over the seeds below"
    )
    seeds: Seeds = Field(description="trained at every point; they must be among the run's seeds")
    ties: Literal["first", "last"] = Field(
        "last", description="which of equally good points wins, in the order of the sweep's list"
    )


class Envelope(Settings):
    """A run: what is trained on what, how, with which seeds, and how it is tested."""

    study: Word = Field(description="the study whose tables and figures this run belongs to")
    series: Literal["published", "extra", "demo", "own"] = Field(
        "own",
        description="published: draws the papers' figures; own: an extra line in them; "
        "extra: the same, but made only when asked for; demo: has tables and figures of its own",
    )
    label: Label | None = Field(
        None,
        description="name in legends, mathematics between two $; the model's name if left out",
    )
    seeds: Seeds = Field(
        description="1-5 (both ends included) or a list such as [1, 2, 7]; up to 4294967295"
    )
    dataset: dict[str, Any] = Field(description="the data set's name and settings")
    model: dict[str, Any] = Field(description="the model's name and settings")
    training: Training = Field(description="how the network is trained")
    sweep: dict[str, list[Any]] = Field(
        default_factory=dict,
        description="dotted keys of dataset, model or training, each with the values to try; "
        "every combination is a point of the run",
    )
    select: Select | None = Field(
        None,
        description="which point of the sweep gets all seeds and is evaluated; every one, if "
        "left out",
    )
    evaluations: list[Any] = Field(
        description="names, or blocks {name, as, dataset, split, against, resources, ...settings}",
        min_length=1,
        max_length=MOST,
    )
    resources: Resources = Field(
        default_factory=lambda: Resources(), description="what a job of this run asks for"
    )

    def too_many_packs(self, points: int) -> str:
        """Why the packs of so many points are more than can be planned, if so."""
        first = self.select.seeds if self.select else self.seeds
        packs = points * len(packs_of_seeds(first, self.resources.seeds_per_job))
        if packs <= MOST_PACKS:
            return ""
        what = f": {packs} packs of seeds; a run has {MOST_PACKS} at most"
        return f"{what}, train more seeds_per_job or write several runs"
