"""The setting ``normalise`` that every model has, whatever its own settings are."""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from isotrope.settings import List, Settings


class Values(Settings):
    """Numbers for each channel."""

    mean: List[float] = Field(description="subtracted; one number for each channel")
    std: List[Annotated[float, Field(gt=0)]] = Field(
        description="divided by; one number for each channel"
    )

    @model_validator(mode="after")
    def _are_of_one_length(self) -> Self:
        if len(self.mean) != len(self.std):
            raise ValueError(f"{len(self.mean)} means, but {len(self.std)} standard deviations")
        return self


def _which(value: Any) -> str:
    return "values" if isinstance(value, dict | Values) else "word"


Normalise = Annotated[
    Annotated[Literal["none", "dataset", "image"], Tag("word")] | Annotated[Values, Tag("values")],
    Discriminator(_which),
]
DESCRIPTION = (
    "what images go through first. none: they stay in 0..1; dataset: mean and standard deviation "
    "of the training images, for each channel; image: those of each image itself; or "
    "{mean: [...], std: [...]}"
)
