"""The words in the column ``code`` of tables: whether a row was made with the code as it is."""

from collections.abc import Iterable

STATES = ("same", "elsewhere", "kept", "not recorded", "changed")
SAME, ELSEWHERE, KEPT, NOT_RECORDED, CHANGED = STATES
OPEN = (NOT_RECORDED, CHANGED)  # what a user is asked about


def worst(states: Iterable[str]) -> str:
    """The state that tells most of several; empty if there is none."""
    return max((state for state in states if state), key=STATES.index, default="")
