"""The block ``training`` of a param-file. Its descriptions go into the JSON schema."""

from typing import Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from isotrope import registry
from isotrope.params.augmentation import Augmentations
from isotrope.params.optimizer import Optimizer
from isotrope.params.start import StartFrom
from isotrope.settings import Settings


class EarlyStopping(Settings):
    """When training ends before its last epoch. The best epoch's weights are kept in any case."""

    patience: int = Field(gt=0, description="epochs in a row without a strictly better value")
    by: Literal["validation_accuracy"] = Field(
        "validation_accuracy", description="the value that has to improve"
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

    @model_validator(mode="after")
    def _warm_up_ends(self) -> Self:
        warm_up = self.optimizer.warm_up
        if warm_up is not None and (warm_up.epochs or 0) >= self.epochs:
            raise ValueError(f"the warm-up takes all of the {self.epochs} epochs; shorten it")
        return self

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
        if self.order == "own":
            values["reshuffle"] = True
        elif self.order == "shared":
            values["order"] = "shared"
        return values
