"""Repeated reading of the states of runs: the index and seen heartbeats are kept in between."""

from collections.abc import Sequence

from isotrope import paths
from isotrope.errors import UserError
from isotrope.plan import asked, index_file
from isotrope.plan.index import Index
from isotrope.plan.selection import Selection
from isotrope.status.heartbeats import Pulse
from isotrope.status.reading import read_states
from isotrope.status.states import PackStatus
from isotrope.status.vouching import Vouching

_SHOWN = "until that is mended, runs are shown as the last param-files without a mistake had them"


class RepeatedReading:
    """Looks at some runs.

    Args:
        selection: which; of patterns, or without one, those of which anything is there, and those
            that were asked for.
        everything: whether all are meant, also those of which nothing is there.
        outcomes: whether to read of every pack that is done how its seeds ended.
    """

    def __init__(
        self, selection: Selection | None, outcomes: bool = False, everything: bool = False
    ) -> None:
        self.notes: Sequence[str] = ()  # of mistakes, and of networks that were not tried
        self._mistakes: Sequence[str] = ()  # that keep the index from being what files say
        self.hidden = 0  # runs that the last look passed over
        self._selection, self._outcomes, self._everything = selection, outcomes, everything
        self._pulse = Pulse(paths.OUT / "runs")
        self._vouching = Vouching()
        self._index: Index | None = None
        self._stamps: dict[str, list[int]] | None = None

    def read(self) -> list[PackStatus]:
        """Every pack of the runs as their files are now.

        Raises:
            UserError: if param-files hold mistakes and no earlier index is there, or there are no
                such runs.
        """
        known = self._known()
        names = self._names(known)
        self.notes = [*self._mistakes, *known.untried_notes(names)]
        self.hidden = len(self._meant(known)) - len(names)
        return read_states(known, names, self._pulse, self._outcomes, self._vouching)

    def _names(self, index: Index) -> list[str]:
        meant = self._meant(index)
        if self._everything or (self._selection and not self._selection.runs):
            return meant
        named = self._selection.patterns if self._selection else ()
        shown = {*named, *asked.shown(index)}
        return [name for name in meant if name in shown]

    def _meant(self, index: Index) -> list[str]:
        """All runs of the selection, or all that there are."""
        return self._selection.names(index) if self._selection else list(index.runs)

    def _known(self) -> Index:
        """The index; while param-files hold mistakes the last one without, and notes on them."""
        stamps = index_file.stamps()
        if self._index is None or stamps != self._stamps:
            try:
                found = index_file.current(stamps, asks=index_file.only_look)
                self._index, self._mistakes = found.with_earlier(), found.notes
            except UserError as error:
                if self._index is None:
                    written = index_file.read()
                    if written is None:
                        raise
                    self._index = written[0]
                self._mistakes = (*error.sentences, _SHOWN)
            self._stamps = stamps
        return self._index
