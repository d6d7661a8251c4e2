import pytest
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


@pytest.mark.parametrize("kind", ["a/b", "../up", "two words", ""])
def test_a_value_that_cannot_name_a_file_is_refused(kind):
    with pytest.raises(ValueError, match="cannot name a file"):
        dataset_key(Shapes(kind=kind))
