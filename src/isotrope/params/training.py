"""The block ``training`` of a param-file. Its descriptions go into the JSON schema."""

from typing import Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from isotrope import registry
from isotrope.params.augmentation import Augmentations
from isotrope.params.objective import Objective
from isotrope.params.optimizer import Optimizer
from isotrope.params.schedule import Cosine, Cyclic, OneCycle, Poly
from isotrope.params.start import StartFrom
from isotrope.settings import Settings


class EarlyStopping(Settings):
    """When training ends before its last epoch. The best epoch's weights are kept in any case."""

    patience: int = Field(gt=0, description="epochs in a row without a strictly better value")
    by: Literal["validation_accuracy", "validation_mean_iou", "validation_loss"] = Field(
        "validation_accuracy",
        description="the value that has to improve; mean_iou is that of segmentation",
    )


class Accumulation(Settings):
    """Gradients of several batches for one step of the optimizer.

    Groups of batches end with an epoch: the last one may be smaller.
    """

    images: int = Field(gt=0, description="images that one step of the optimizer sees, at least")
    reduce: Literal["sum", "mean"] = Field(
        "mean",
        description="mean: as if they were one batch; sum: the sum of the batches' mean gradients",
    )
    advance: Literal["steps", "whole_groups"] = Field(
        "steps",
        description="with what the schedule goes on. steps: every step of the optimizer; "
        "whole_groups: not the step of a smaller group at an epoch's end, so that it stops short "
        "of its end, or never leaves its beginning",
    )


class Monitor(Settings):
    """What is recorded of a network while it trains. Nothing here chooses an epoch."""

    every: int = Field(1, gt=0, description="epochs between two recordings")
    split: Literal["train", "valid", "test"] | None = Field(
        None, description="images whose loss and score join the history, as <split>_loss"
    )
    gradients: list[str] = Field(
        [],
        description="parameters whose gradients of the epoch's last step are recorded, by name or "
        "pattern, as in scattering.*",
    )
    weights: list[str] = Field(
        [],
        description="parameters and buffers that are kept as they are after these epochs, by name "
        "or pattern; [*] for all of them",
    )


class Training(Settings):
    """How a run is trained."""

    epochs: int = Field(gt=0, description="passes over the training images, at most")
    batch_size: int = Field(gt=0, description="images per step")
    optimizer: Optimizer = Field(description="the optimizer and its settings")
    early_stopping: EarlyStopping | None = Field(
        None, description="leave out to train for all epochs"
    )
    order: Literal["fixed", "shared", "own"] | None = Field(
        None,
        description="fixed: every epoch and seed sees the images in one order; shared: each epoch "
        "in a new one, the same for all seeds; own: each epoch and seed in a new one; the data "
        "set's, if left out",
    )
    reshuffle: bool | None = Field(
        None, description="older word for order: true is own, false is fixed"
    )
    augmentation: Augmentations = Field(
        (),
        description="how training images are altered, one after the other; leave out to train "
        "on them as they are",
    )
    start_from: StartFrom | None = Field(
        None,
        description="weights to begin with: {run, point, seed} of another run, or {file} below "
        "$ISOTROPE_DATA; leave out to draw them",
    )
    objective: Objective | None = Field(
        None,
        description="what is minimised; by the data set's kind, if left out: cross_entropy or "
        "segmentation. A model with a loss of its own takes none",
    )
    accumulate: Accumulation | None = Field(
        None, description="steps of the optimizer over several batches; leave out for one batch"
    )
    keep: Literal["best", "last"] | None = Field(
        None,
        description="the epoch whose weights are kept: the best one by the validation images, or "
        "the last; last where the data set has no validation images, else best, if left out",
    )
    monitor: Monitor | None = Field(
        None, description="what is recorded while the network trains; leave out to record nothing"
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
    channels_last: bool = Field(
        False,
        description="true: images of a seed that trains by itself lie in memory pixel by pixel, "
        "not channel by channel, which is what convolutions in bfloat16 want on a GPU; seeds that "
        "are stacked keep theirs",
    )
    compile: bool = Field(
        False,
        description="true: forward and backward pass by torch.compile; "
        "each job compiles for some seconds to minutes first",
    )

    @model_validator(mode="after")
    def _warm_up_ends(self) -> Self:
        warm_up = self.optimizer.warm_up
        if warm_up is not None and (warm_up.epochs or 0) >= self.epochs:
            raise ValueError(f"the warm-up takes all of the {self.epochs} epochs; shorten it")
        return self

    @model_validator(mode="after")
    def _accumulates_whole_batches(self) -> Self:
        if self.accumulate is not None and self.accumulate.images < self.batch_size:
            raise ValueError(
                f"accumulate.images is {self.accumulate.images}, less than the batch_size of "
                f"{self.batch_size}"
            )
        return self

    @model_validator(mode="after")
    def _groups_advance_what_follows_steps(self) -> Self:
        if self.schedule_advances_by_whole_groups:
            schedule = self.optimizer.schedule
            if not isinstance(schedule, Cosine | OneCycle | Cyclic | Poly):
                raise ValueError(
                    "accumulate.advance: whole_groups needs a schedule that changes with every "
                    "step: cosine, cyclic, one_cycle or poly"
                )
        return self

    @model_validator(mode="after")
    def _stopping_needs_the_best(self) -> Self:
        if self.early_stopping is not None and self.keep == "last":
            raise ValueError("early_stopping keeps the best epoch; leave out `keep: last`, or it")
        return self

    @property
    def batches_per_step(self) -> int:
        """Batches whose gradients make one step of the optimizer."""
        return 1 if self.accumulate is None else -(-self.accumulate.images // self.batch_size)

    @property
    def schedule_advances_by_whole_groups(self) -> bool:
        """Whether the schedule stands still at the smaller group of batches of an epoch's end."""
        return self.accumulate is not None and self.accumulate.advance == "whole_groups"

    @model_validator(mode="before")
    @classmethod
    def _order_by_its_older_word(cls, raw: Any) -> Any:
        if not isinstance(raw, dict) or not isinstance(older := raw.get("reshuffle"), bool):
            return raw
        order = "own" if older else "fixed"
        if raw.get("order") not in (None, order):
            raise ValueError("order and reshuffle, its older word, differ; write order alone")
        return {**raw, "order": order}

    @model_serializer(mode="wrap")
    def _without_the_older_word(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = plain(self)
        if self.reshuffle is None:
            values.pop("reshuffle", None)
        return values

    def on_dataset(self, name: str) -> Self:
        """The same on a data set of this name, whose order it has if it says none itself."""
        if self.order is not None:
            return self
        return self.model_copy(update={"order": registry.literal("data", name, "ORDER", "own")})

    def digested(self) -> dict[str, Any]:
        """What a digest takes of it: no default; the order in older words where there are any."""
        values = self.model_dump(mode="json", exclude_defaults=True)
        for key in ("order", "reshuffle"):
            values.pop(key, None)
        if self.keep == "best":  # as if it were left out: other data sets refuse it
            values.pop("keep", None)
        if self.order == "own":
            values["reshuffle"] = True
        elif self.order == "shared":
            values["order"] = "shared"
        return values
