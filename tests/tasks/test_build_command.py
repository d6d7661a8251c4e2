"""The settings of a data set reach the command that builds it without loss."""

import sys
from dataclasses import asdict
from enum import StrEnum
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field

from isotrope import cli, registry
from isotrope.datasets import building as dataset_building
from isotrope.datasets.names import dataset_key
from isotrope.errors import UserError
from isotrope.plan import index_file
from isotrope.plan.index import DatasetEntry, Index
from isotrope.settings import Settings, build_settings, load_time
from isotrope.tasks import building


class Shape(StrEnum):
    ROUND = "round"
    FLAT = "flat"


class Inner(Settings):
    angle: float | None = None
    words: list[str] = Field(default_factory=list)


class Params(Settings):
    size: int = 3
    share: float = 0.5
    title: str = ""
    missing: str | None = "there"
    flag: bool = False
    sizes: list[int] = Field(default_factory=list)
    pair: tuple[int, float] = (1, 2.0)
    shape: Shape = Shape.ROUND
    inner: Inner = Inner()
    crop: int = load_time()


TEXTS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["None", "null", "1", "1e3", "true", "[1, 2]", "a b", "a=b", "'", '"', "$(touch x)", "a: b", ""]
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
DRAWN = st.builds(
    Params,
    size=st.integers(-(2**70), 2**70),
    share=NUMBERS,
    title=TEXTS,
    missing=TEXTS | st.none(),
    flag=st.booleans(),
    sizes=st.lists(st.integers(), max_size=3),
    pair=st.tuples(st.integers(), NUMBERS),
    shape=st.sampled_from(Shape),
    inner=st.builds(Inner, angle=NUMBERS | st.none(), words=st.lists(TEXTS, max_size=3)),
    crop=st.integers(),
)


@pytest.fixture
def drawn_data(tmp_path, monkeypatch):
    """A project whose only data set has the settings above; what was built is noted."""
    monkeypatch.chdir(tmp_path)
    built = []
    plugin = SimpleNamespace(Params=Params)
    monkeypatch.setattr(registry, "load", lambda kind, name: plugin)
    monkeypatch.setattr(
        dataset_building, "build_dataset", lambda name, params, digest: built.append(params)
    )
    monkeypatch.setattr("isotrope.digests.dataset_digest", lambda name, params: "d" * 16)
    monkeypatch.setattr(index_file, "current", lambda *_, **__: index_file.as_written())
    return built


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DRAWN)
def test_settings_come_back_as_they_were(drawn_data, params):
    entry = DatasetEntry("drawn", "default", build_settings(params), "d" * 16, [])
    index_file.write(Index({}, {"drawn/default": entry}), {})

    found = building.params_in_index("drawn", "default")

    assert build_settings(found) == build_settings(params)
    for name in set(Params.model_fields) - {"crop"}:
        assert getattr(found, name) == getattr(params, name), name
        assert type(getattr(found, name)) is type(getattr(params, name))


def test_the_command_builds_from_the_index_by_the_name_of_the_files(
    drawn_data, monkeypatch, capsys
):
    params = Params(title="a b; $(touch x)", missing=None, sizes=[1, 2], crop=1)
    entry = DatasetEntry("drawn", "odd", build_settings(params), "d" * 16, [])
    index_file.write(Index({}, {"drawn/odd": entry}), {})

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["isotrope", "build", "drawn", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, capsys.readouterr().err

    assert run("--key", "odd") == (0, "")
    assert build_settings(drawn_data[0]) == build_settings(params)
    assert asdict(entry)["settings"]["title"] == "a b; $(touch x)"
    status, error = run("--key", "even")
    assert status == 2
    assert "no param-file uses the data set drawn/even; did you mean 'drawn/odd'?" in error
    status, error = run("--key", "odd", "size=3")
    assert (status, "--key odd: its settings are those of the param-files" in error) == (2, True)


def test_words_by_hand_are_read_as_a_param_file_is(drawn_data):
    found = building.params_in_words(
        "drawn", ["size=7", "title=a b", "missing=null", "sizes=[1, 2]"]
    )
    assert (found.size, found.title, found.missing, found.sizes) == (7, "a b", None, [1, 2])
    assert dataset_key(Params(size=7, crop=1)) == "size=7"
    with pytest.raises(UserError, match="drawn: size"):
        building.params_in_words("drawn", ["size='7'"])
