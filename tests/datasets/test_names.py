import re

from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from isotrope.data import stir
from isotrope.datasets.names import dataset_key
from isotrope.settings import Settings, load_time

PARAMS = stir.Params(task="emoji", scenario="mid2rest")
LOCAL = stir.Params(task="emoji", source="local", scenario="mid2rest")


class Shapes(Settings):
    kind: str = "square"
    size: int = Field(32)
    turned: bool = False
    noise: float = load_time(0.0)


def test_the_key_holds_what_differs_from_the_defaults_at_build_time():
    assert dataset_key(PARAMS) == "emoji"
    assert dataset_key(LOCAL) == "emoji-local"
    assert dataset_key(Shapes(noise=0.5)) == "default"
    assert dataset_key(Shapes(kind="round", size=16, turned=True)) == "round-size=16-turned=True"


@given(st.text(max_size=300) | st.sampled_from(["a/b", "../up", "two words", "", "-x", "a\n"]))
def test_every_value_names_a_file_and_different_ones_different_files(kind):
    key = dataset_key(Shapes(kind=kind))

    assert re.fullmatch(r"\w[\w.=+-]*", key)
    assert len(key) <= 120
    assert key == dataset_key(Shapes(kind=kind))
    if kind != "square":
        assert key != dataset_key(Shapes(kind=f"{kind} "))


def test_lists_and_none_name_files():
    assert dataset_key(Lists(sizes=[1, 2])).startswith("sizes=")
    assert dataset_key(Lists(sizes=None)) == "sizes=None"


class Lists(Settings):
    sizes: list[int] | None = Field(default_factory=list)
