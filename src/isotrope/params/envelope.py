"""What every param-file may say, whatever its data set, model and evaluations are.

The blocks ``dataset``, ``model`` and ``evaluations`` are checked by the plug-ins that they name;
the rest is here. Each description goes into the JSON schema, and so into the editor of whoever
writes a param-file.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from isotrope.errors import UserError
from isotrope.settings import Settings

LARGEST_SEED = 1_000_000
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


def _seeds(value: Any) -> Any:
    """``"1-5"`` as ``[1, 2, 3, 4, 5]``; a single number as a list of it."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return [value]
    if not isinstance(value, str):
        return value
    first, dash, last = value.partition("-")
    if not dash or not first.strip().isdecimal() or not last.strip().isdecimal():
        raise ValueError("write seeds as 1-5 (both ends included) or as a list such as [1, 2, 7]")
    if int(last) > LARGEST_SEED:
        raise ValueError(f"seeds go up to {LARGEST_SEED}")
    if int(first) > int(last):
        raise ValueError(f"the range of seeds {value} is empty")
    return list(range(int(first), int(last) + 1))


def _distinct(seeds: list[int]) -> list[int]:
    """Seeds in their order."""
    if len(set(seeds)) != len(seeds):
        raise ValueError("each seed may stand once only")
    return sorted(seeds)


Seeds = Annotated[
    list[Annotated[int, Field(ge=1, le=LARGEST_SEED)]],
    BeforeValidator(_seeds, json_schema_input_type=str | int | list[int]),
    Field(min_length=1),
    AfterValidator(_distinct),
]


_SEEDS = TypeAdapter[list[int]](Seeds, config=Settings.model_config)


def valid_seeds(value: Any) -> list[int] | None:
    """The seeds that a param-file gives, or None if it gives none that are right."""
    try:
        return _SEEDS.validate_python(value)
    except ValidationError:
        return None


def seeds_in(text: str) -> list[int]:
    """The seeds that a command line names: ``1-5``, ``3`` or ``1,2,7-9``.

    Raises:
        UserError: if the text is none of these.
    """
    try:
        found = [
            seed
            for part in text.split(",")
            for seed in _seeds(f"{part}-{part}" if part.strip().isdecimal() else part)
        ]
    except ValueError as error:
        raise UserError(f"seeds {text}: {error}") from error
    return sorted(set(found))


class Schedule(Settings):
    """How the learning rate changes while a seed trains; each seed has a schedule of its own."""

    name: Literal["step", "cosine", "plateau"] = Field(
        description="step: times factor after every so many epochs; cosine: from the whole rate to "
        "final times it, step by step; plateau: times factor after patience epochs without a "
        "strictly better validation accuracy"
    )
    factor: float = Field(0.1, gt=0, lt=1, description="of step and plateau")
    every: int | None = Field(None, gt=0, description="of step: epochs")
    patience: int | None = Field(None, gt=0, description="of plateau: epochs")
    final: float = Field(0.0, ge=0, lt=1, description="of cosine: the last factor")

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        needed = {"step": "every", "plateau": "patience"}
        taken = {
            "step": {"factor", "every"},
            "plateau": {"factor", "patience"},
            "cosine": {"final"},
        }
        if (key := needed.get(self.name)) and getattr(self, key) is None:
            raise ValueError(f"the schedule {self.name} needs '{key}'")
        if strange := sorted(self.model_fields_set - taken[self.name] - {"name"}):
            raise ValueError(f"the schedule {self.name} takes no '{strange[0]}'")
        return self


class Optimizer(Settings):
    """How weights follow gradients."""

    name: Literal["adam"] = Field(description="adam: torch.optim.Adam with its default betas")
    learning_rate: float = Field(gt=0, description="step size")
    schedule: Schedule | None = Field(
        None, description="how the step size changes; leave out to keep it"
    )


class EarlyStopping(Settings):
    """When training ends before its last epoch. The best epoch's weights are kept in any case."""

    patience: int = Field(gt=0, description="epochs in a row without a strictly better value")
    by: Literal["validation_accuracy"] = Field(
        "validation_accuracy", description="the value that has to improve"
    )


class ScaleJitter(Settings):
    """Training images at random sizes, each resized about its centre, zeros outside."""

    name: Literal["scale_jitter"] = Field(description="scale_jitter: at random sizes")
    largest: float = Field(
        gt=1,
        le=8,
        description="factors are drawn between 1 / largest and largest, their logarithm uniformly, "
        "for every image and epoch anew",
    )


class Training(Settings):
    """How a run is trained."""

    epochs: int = Field(gt=0, description="passes over the training images, at most")
    batch_size: int = Field(gt=0, description="images per step")
    optimizer: Optimizer = Field(description="the optimizer and its settings")
    early_stopping: EarlyStopping | None = Field(
        None, description="leave out to train for all epochs"
    )
    reshuffle: bool = Field(
        False,
        description="false: every epoch and seed sees the batches in one fixed order, as published "
        "for STIR; true: each epoch draws a new order from the seed",
    )
    augmentation: ScaleJitter | None = Field(
        None, description="how training images are altered; leave out to train on them as they are"
    )
    precision: Literal["float32", "tf32", "bfloat16"] = Field(
        "float32",
        description="float32: without TF32, on every device; tf32: products of matrices and "
        "convolutions in TF32 on a GPU that has it; bfloat16: forward and backward pass in "
        "bfloat16, weights, optimizer and loss in float32",
    )
    deterministic: bool = Field(
        True,
        description="true: the same bits again on the same device; false: whatever kernels are "
        "fastest on a GPU",
    )
    compile: bool = Field(
        False,
        description="true: forward and backward pass by torch.compile, on a GPU as CUDA graphs; "
        "each job compiles for some seconds to minutes first",
    )


class Select(Settings):
    """How one point of a sweep is chosen; the others are trained for the choice only.

    Source: the published code of Altstidl et al., "Just a Matter of Scale?", 2022,
    https://arxiv.org/abs/2211.10288, whose rule is median, seeds 1-5, ties last.
    """

    by: Literal["validation_accuracy"] = Field(
        "validation_accuracy", description="each seed's best value; a larger one is better"
    )
    statistic: Literal["median", "mean"] = Field(
        "median", description="what is compared, over the seeds below"
    )
    seeds: Seeds = Field(description="trained at every point; they must be among the run's seeds")
    ties: Literal["first", "last"] = Field(
        "last", description="which of equally good points wins, in the order of the sweep's list"
    )


class Resources(Settings):
    """What a job of this run asks for. Nothing here changes a result or retrains anything."""

    gpu: int = Field(1, ge=0, le=8, description="GPUs per job; 0 for a run that trains on the CPU")
    cpus: int = Field(2, ge=1, le=256, description="CPU cores per job")
    runtime: str = Field(
        "2h",
        pattern=r"^[0-9]+(\.[0-9]+)?(s|m|h|d)$",
        description="wall time of a job, as in 45m, 4h or 2d",
    )
    memory: str = Field(
        "8GB", pattern=r"^[0-9]+(\.[0-9]+)?(MB|GB)$", description="main memory of a job, as in 16GB"
    )
    seeds_per_job: int = Field(
        25, ge=1, le=10_000, description="seeds that one job trains: 1-n, (n+1)-2n, ..."
    )
    stack: Literal["auto"] | Annotated[int, Field(ge=1, le=10_000)] = Field(
        "auto",
        description="seeds that train at the same time on one device, at most; auto: on a GPU as "
        "many as fit its memory if that is faster, on a CPU one",
    )

    @field_validator("stack", mode="before")
    @classmethod
    def _auto_or_count(cls, value: Any) -> Any:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if value != "auto" and not (whole and 1 <= value <= 10_000):
            raise ValueError("write auto or a whole number from 1 to 10000")
        return value

    @property
    def minutes(self) -> int:
        """The wall time in whole minutes, at least one."""
        factor = {"s": 1 / 60, "m": 1, "h": 60, "d": 1440}[self.runtime[-1]]
        return max(1, round(float(self.runtime[:-1]) * factor))

    @property
    def megabytes(self) -> int:
        """The main memory in MB."""
        return round(float(self.memory[:-2]) * {"MB": 1, "GB": 1000}[self.memory[-2:]])


class Envelope(Settings):
    """A run: what is trained on what, how, with which seeds, and how it is tested."""

    study: Word = Field(description="the study whose tables and figures this run belongs to")
    series: Literal["published", "extra", "demo", "own"] = Field(
        "own",
        description="published: draws the papers' figures; own: an extra line in them; "
        "extra: the same, but made only when asked for; demo: has tables and figures of its own",
    )
    label: str | None = Field(
        None, min_length=1, description="name in legends; the model's name if left out"
    )
    seeds: Seeds = Field(description="1-5 (both ends included) or a list such as [1, 2, 7]")
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
        description="names, or blocks {name, as, dataset, ...settings}", min_length=1
    )
    resources: Resources = Field(
        default_factory=lambda: Resources(), description="what a job of this run asks for"
    )
