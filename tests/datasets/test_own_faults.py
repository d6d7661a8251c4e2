"""Mistakes in a data set of the user's own are one sentence each, with its name and file."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from isotrope import registry, skeletons
from isotrope.datasets.building import build_dataset
from isotrope.errors import UserError

Build = Callable[..., str]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Builds a new data set in which pieces of text are others; what is then complained of."""
    monkeypatch.chdir(tmp_path)

    def built(*pieces: str) -> str:
        skeletons.write_skeleton("dataset", "bars")
        path = Path("plugins/data/bars.py")
        for piece, other in zip(pieces[::2], pieces[1::2], strict=True):
            assert piece in path.read_text()
            path.write_text(path.read_text().replace(piece, other))
        plugin = registry.load("data", "bars")
        try:
            build_dataset("bars", plugin.Params(), "d")
        except UserError as error:
            (sentence,) = error.sentences
            return sentence
        return ""

    return built


def test_a_new_data_set_is_built(build: Build) -> None:
    assert build("REVISION = 1", "REVISION = 2") == ""
    assert Path("out/data/bars").is_dir()


@pytest.mark.parametrize(
    ("piece", "other", "said"),
    [
        (
            "return [path]",
            "return []",
            r": data set bars cannot be built: build wrote no file; it must return the paths",
        ),
        (
            "return dict(COUNTS)",
            "return {**COUNTS, 'valid': 9}",
            r": data set bars is not as it says: image_counts says 9 of valid, load gives 32",
        ),
        (
            "return dict(COUNTS)",
            "return {'train': 64, 'test': 32}",
            r": data set bars is not as it says: image_counts has no number for the split valid",
        ),
        (
            "torch.from_numpy(images)[:, None]",
            "torch.from_numpy(images)",
            r":\d+: data set bars cannot be read, split test: ValueError: images must be uint8 "
            r"\(n, channels, height, width\), got torch.uint8 \(32, 16, 16\)",
        ),
        (
            "torch.from_numpy(images)[:, None]",
            "torch.from_numpy(images)[:, None] / 255",
            r":\d+: data set bars cannot be read, split test: ValueError: images must be uint8 "
            r"\(n, channels, height, width\), got torch.float32 \(32, 1, 16, 16\)",
        ),
        (
            "label = index % 2",
            "label = index % 3",
            r": data set bars cannot be read, split test: plugins.data.bars: load gave labels "
            r"outside 0..1, got 0..2",
        ),
        (
            "return 1, params.size, params.size",
            "return 3, params.size, params.size",
            r": data set bars cannot be read, split test: plugins.data.bars: image_shape is "
            r"\(3, 16, 16\), load gave \(1, 16, 16\)",
        ),
        (
            "arrays: dict[str, Any] = {}",
            "open('photos/absent.png'); arrays: dict[str, Any] = {}",
            r":\d+: data set bars cannot be built: FileNotFoundError: .*photos/absent.png",
        ),
    ],
)
def test_a_mistake_is_said_with_the_name_and_the_file(
    build: Build, piece: str, other: str, said: str
) -> None:
    sentence = build(piece, other)
    assert re.match(r"plugins/data/bars\.py" + said, sentence), sentence
    assert not list(Path("out/data/bars").glob("*"))


def test_numbers_of_what_is_chosen_at_load_time_are_not_compared(build: Build) -> None:
    head, counts = "from isotrope.settings import Settings", "return dict(COUNTS)"
    field = "class Params(Settings):\n    some: int = load_time(3, description='which')\n"
    pieces = [head, f"{head}, load_time", "class Params(Settings):\n", field]
    assert build(*pieces, counts, "return {**COUNTS, 'valid': 9}") == ""


def test_a_stream_needs_a_function_that_reads(build: Build) -> None:
    one = "from isotrope.datasets.images import Images"
    with pytest.raises(
        registry.BrokenPluginError,
        match=r"^plugins/data/bars\.py: a data set whose load gives a Stream must define read\(",
    ):
        build(one, f"{one}\nfrom isotrope.datasets.stream import Stream")


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("torch.zeros(1, 16, 16, dtype=torch.uint8)", ""),
        ("torch.zeros(1, 16, 16)", r"images must be uint8 \(n, channels, height, width\), got"),
        ("torch.zeros(16, 16, dtype=torch.uint8)", r"images must be uint8 \(n, channels, height,"),
        ("torch.zeros(entry)", r"zeros\(\)"),
    ],
)
def test_the_first_image_of_a_stream_is_read_when_it_is_built(
    build: Build, image: str, said: str
) -> None:
    one = "from isotrope.datasets.images import Images"
    piece = "return Images(torch.from_numpy(images)[:, None], torch.from_numpy(labels))"
    stream = "return Stream([f'{i}.png' for i in range(len(images))], torch.from_numpy(labels))"
    read = f"\n\n\ndef read(params, entry, generator):\n    return {image}, 0\n"
    sentence = build(
        *(one, f"{one}\nfrom isotrope.datasets.stream import Stream"), piece, stream + read
    )
    if said:
        start = r"plugins/data/bars\.py(:\d+)?: data set bars cannot be read, split test: "
        assert re.match(f"{start}.*{said}", sentence), sentence
    else:
        assert sentence == ""
