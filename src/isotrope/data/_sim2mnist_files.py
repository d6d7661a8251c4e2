"""What param-files say of SIM2MNIST and its clean twin, and how both are built and read."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from isotrope import paths
from isotrope.data import _idx
from isotrope.data._digits import COUNTS8, Source, credit_of, read
from isotrope.data._image_blocks import read_blocks, write_blocks
from isotrope.data._sim2mnist import CANVAS, ROUNDS, SPLITS, Clutter, ScaleLaw, make_plan
from isotrope.data._stir_archive import write_sources
from isotrope.datasets.images import Images
from isotrope.settings import Settings, load_time

COUNTS = {"train": 10_000, "valid": 5_000, "test": 50_000}
COUNTS_OF_DIGITS8 = {"train": 1000, "valid": 500, "test": ROUNDS * COUNTS8["test"]}


def counts_of(source: str) -> dict[str, int]:
    """How many images each split has, if they are made from the digits of a source."""
    return COUNTS_OF_DIGITS8 if source == "digits8" else COUNTS


class MadeSettings(Settings):
    """Which digits the images are made from, how they are drawn, and how many are used."""

    source: Source = Field(
        description="digits8: scikit-learn's small digits, nothing is needed; local: MNIST in "
        "$ISOTROPE_DATA/mnist; download: MNIST, fetched"
    )
    scale_law: ScaleLaw = Field(
        "uniform", description="of the scales between 1 and 2.4: uniform, or so is their logarithm"
    )
    seed: int = Field(0, ge=0, description="of digits, poses and clutter; another draws others")
    train_images: int | None = load_time(
        None, ge=1, description="train on so many, the first ones; null: all, 10,000 of MNIST"
    )
    valid_images: int | None = load_time(
        None, ge=1, description="so many validate, the first ones; null: all, 5,000 of MNIST"
    )
    test_images: int | None = load_time(
        None, ge=1, description="test so many, the first ones; null: all, 50,000 of MNIST"
    )
    valid_from: Literal["train", "test"] = load_time(
        "train",
        description="train: the validation images are their own split, made from training digits; "
        "test: the test images are looked at while training, with `training.keep: last` only",
    )

    @field_validator("train_images", "valid_images", "test_images")
    @classmethod
    def _are_there(cls, wanted: int | None, info: ValidationInfo) -> int | None:
        source = info.data.get("source")
        if wanted is None or source is None or source == "original":
            return wanted
        most = counts_of(source)[str(info.field_name).removesuffix("_images")]
        if wanted > most:
            raise ValueError(f"there are {most} with `source: {source}`")
        return wanted

    def wanted(self, split: str) -> tuple[str, int | None]:
        """The stored split that is read for a split, and how many of its images; None: all.

        Raises:
            ValueError: if the split is unknown.
        """
        if split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, got '{split}'")
        stored = "test" if split == "valid" and self.valid_from == "test" else split
        return stored, getattr(self, f"{stored}_images")


def image_shape(params: MadeSettings) -> tuple[int, int, int]:
    """Channels, height and width of an image."""
    del params
    return 1, CANVAS, CANVAS


def image_counts(params: MadeSettings) -> dict[str, int]:
    """How many images each split has as it is read; not known of the authors' file."""
    if params.source not in ("digits8", "local", "download"):
        return {}
    found = {}
    for split in SPLITS:
        stored, count = params.wanted(split)
        found[split] = count or counts_of(params.source)[stored]
    return found


def local_files(params: MadeSettings) -> list[str]:
    """MNIST's four files below ``$ISOTROPE_DATA``, if they are read there."""
    return _idx.local_files(_idx.MNIST) if params.source == "local" else []


def downloads(params: MadeSettings) -> list[str]:
    """MNIST's four files, if they are fetched; all forms share them."""
    return _idx.downloads(_idx.MNIST) if params.source == "download" else []


def credit(params: MadeSettings) -> str:
    """Whose digits these are, and under which licence pictures of them are."""
    return credit_of(params.source)


def valid_is_test(params: MadeSettings) -> bool:
    """Whether the validation images are the test images, which must choose nothing."""
    return params.valid_from == "test"


def build_made(params: MadeSettings, clutter: Clutter | None, folder: Path, key: str) -> list[Path]:
    """Make ``<folder>/<key>.npz``, and beside it the list of the files it was made from.

    Raises:
        UserError: if a file of MNIST is absent, damaged or another.
    """
    raw = read(params.source)
    plan = make_plan(raw, counts_of(params.source), params.scale_law, clutter, params.seed)
    path = write_blocks(folder / f"{key}.npz", ((one, plan.blocks(one)) for one in SPLITS))
    if not raw.files:
        return [path]
    return [path, write_sources(raw.files, folder / f"{key}{paths.SOURCES_OF}")]


def load(params: MadeSettings, folder: Path, key: str, split: str) -> Images:
    """The images of a split with their poses.

    Latents, float32: ``angle`` in degrees, ``scale``, and ``position`` ``(n, 2)``, x and y of the
    digit's middle in pixels; the authors' file has none.

    Raises:
        ValueError: if the split is unknown.
    """
    stored, count = params.wanted(split)
    return read_blocks(folder / f"{key}.npz", stored, count)
