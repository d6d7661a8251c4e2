"""What pages with results say of runs that need attention."""

from dataclasses import replace

import pytest
from made_up_index import DEMO, OWN, made_up_index
from made_up_packs import looked_at, only

from isotrope import paths
from isotrope.status import troubles
from isotrope.status.states import ORDER, Finding

TOLD = {"failed", "interrupted", "stale"}


@pytest.mark.parametrize("state", ORDER)
def test_what_failed_was_interrupted_or_is_stale_is_said_and_nothing_else(
    folder, monkeypatch, state
):
    (paths.OUT / "runs" / DEMO).mkdir(parents=True)
    (pack,) = looked_at(only(DEMO))
    found = replace(pack, found=Finding(state, detail="so it is"))
    asked = []
    monkeypatch.setattr(
        troubles, "read_states", lambda index, names, *_: asked.append(names) or [found]
    )

    said = troubles.troubles(made_up_index())

    assert asked == [[DEMO]], "a run of which nothing was made is not looked at"
    group = made_up_index().runs[DEMO].group
    assert group != made_up_index().runs[OWN].group
    assert said.keys() == {group}
    if state not in TOLD:
        assert said[group] == []
        return
    (sentence,) = said[group]
    assert sentence.startswith(f"{state.capitalize()}: {DEMO}, base")
    assert sentence.endswith(" (so it is).")
