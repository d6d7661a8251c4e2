"""What was trained and evaluated by commit 460f702 is still known by the same digests."""

import json
import shutil
from pathlib import Path

import pytest
from old_results import spellings
from old_results.make_digests import HERE, digests_of, text_of

from isotrope import paths
from isotrope.params.param_file import read_all
from isotrope.plan import index_file
from isotrope.plan.indexing import index_of

ROOT = Path(__file__).parents[2]
OLD = json.loads((HERE / "digests.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def today(tmp_path_factory):
    """The digests of the same param-files, as the code takes them now."""
    folder = tmp_path_factory.mktemp("old")
    shutil.copytree(ROOT / paths.PARAM_FILES, folder / paths.PARAM_FILES)
    spellings.write(folder / paths.PARAM_FILES)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        index_file.write(index_of(read_all()), {})
        return digests_of(json.loads(paths.INDEX.read_text(encoding="utf-8")))


def as_far_as_known(found, old):
    """A digest; of a run without the evaluations that it did not have then."""
    if not isinstance(found, dict):
        return found
    kept = {}
    for point, (training, evaluations) in found.items():
        known = old.get(point, [None, {}])[1]
        its = {name: digest for name, digest in evaluations.items() if name in known}
        kept[point] = [training, its]
    return kept


@pytest.mark.parametrize("part", ["datasets", "runs"])
def test_every_old_result_is_known_by_its_old_digest(today, part):
    found = {name: as_far_as_known(today[part].get(name), OLD[part][name]) for name in OLD[part]}

    changed = {name for name, digest in OLD[part].items() if found[name] != digest}

    assert not changed, text_of({part: {name: found[name] for name in sorted(changed)}})
