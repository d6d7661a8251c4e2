"""The block ``training`` of a param-file. Its descriptions go into the JSON schema."""

from typing import Literal, Self

from pydantic import Field, model_validator

from isotrope.params.optimizer import Optimizer
from isotrope.settings import Settings


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

    @model_validator(mode="after")
    def _warm_up_ends(self) -> Self:
        warm_up = self.optimizer.warm_up
        if warm_up is not None and (warm_up.epochs or 0) >= self.epochs:
            raise ValueError(f"the warm-up takes all of the {self.epochs} epochs; shorten it")
        return self
