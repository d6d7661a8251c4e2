"""What a training minimises, as a param-file names it; ``training/objective.py`` computes it."""

from typing import Annotated, Literal

from pydantic import Field

from isotrope.settings import Settings

Smoothing = Annotated[float, Field(ge=0, lt=1)]


class CrossEntropy(Settings):
    """Cross-entropy of a class for each image; the score is the accuracy."""

    name: Literal["cross_entropy"] = Field(description="cross_entropy: a class for each image")
    label_smoothing: Smoothing = Field(
        0.0, description="share of each label that is spread evenly over all classes"
    )


class CosineDistance(Settings):
    """One minus the cosine between a class and the logits; the score is the accuracy."""

    name: Literal["cosine"] = Field(
        description="cosine: one minus the cosine of the angle between the logits and the vector "
        "that is 1 for the right class and 0 for all others"
    )


class Segmentation(Settings):
    """Cross-entropy of a class for each pixel; the score is the mean IoU over classes."""

    name: Literal["segmentation"] = Field(description="segmentation: a class for each pixel")
    label_smoothing: Smoothing = Field(
        0.0, description="share of each label that is spread evenly over all classes"
    )
    ignore: int = Field(
        255, description="label of void pixels, which count for no loss and no score"
    )
    average: Literal["valid", "all"] = Field(
        "valid",
        description="valid: mean over the pixels that are not void; all: the sum over these, "
        "divided by the number of all pixels",
    )


Objective = Annotated[CrossEntropy | CosineDistance | Segmentation, Field(discriminator="name")]
